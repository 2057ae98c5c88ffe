"""Opening a workspace: everything that may block, in one call for a thread."""

from __future__ import annotations

from pathlib import Path

import msgspec

from habitus_server import config as settings
from habitus_server.config import Config
from habitus_server.context import Gatherer
from habitus_server.errors import StoreError, UserError
from habitus_server.index import Finder
from habitus_server.index.database import remove
from habitus_server.library import Library
from habitus_server.options import Options
from habitus_server.store import Store
from habitus_server.upkeep import keep_within_limits
from habitus_server.workspaces import Workspace, find_workspace


class Opening(msgspec.Struct, frozen=True):
    """What was found: `problems` by topic, and why nothing is recorded, or "".

    `is_indexed` says that an index of the workspace's files is kept up to date.
    """

    config: Config
    workspace: Workspace | None
    library: Library
    gatherer: Gatherer
    store: Store | None
    problems: dict[str, str]
    not_recording: str
    is_indexed: bool


def open_workspace(
    folder: Path, state: Path, config: Config, options: Options, *, is_inside: bool
) -> Opening:
    """Open what can be opened of a folder; what cannot is a problem, never an error."""
    problems: dict[str, str] = {}
    reason = "" if is_inside else f"Nothing is recorded: {folder} is not in an open folder."
    workspace = None
    if is_inside:
        config, wrong = settings.narrow(config, folder)
        problems |= {f"settings {number}": text for number, text in enumerate(wrong)}
        try:
            workspace = find_workspace(folder, state)
        except (UserError, OSError) as error:
            reason = f"Nothing is recorded: {error}"
    store = None
    if workspace is not None:
        reason = _why_not(options, config)
        if not reason:
            try:
                store = Store.open(workspace.database)
                if not options.replay_clock:
                    # Replayed history is as old as it is; its rows would all be too old.
                    keep_within_limits(store, config.privacy)
            except StoreError as error:
                reason = f"Nothing is recorded: {error}"
    library = Library(folder, config, is_inside=is_inside)
    is_indexed = workspace is not None and _is_indexed(workspace, options, config)
    finder = Finder(workspace.index) if workspace is not None and is_indexed else None
    gatherer = Gatherer(library.read, finder, allows=lambda path: not library.why_silent(path))
    return Opening(config, workspace, library, gatherer, store, problems, reason, is_indexed)


def _is_indexed(workspace: Workspace, options: Options, config: Config) -> bool:
    """Whether to keep an index; one that the settings no longer allow is taken away."""
    if not (config.context.enabled and config.privacy.record):
        remove(workspace.index)
        return False
    # The arms of a replay differ in what they record, and must see the same context.
    return options.record and not options.replay_clock


def _why_not(options: Options, config: Config) -> str:
    if not options.record:
        return "Nothing is recorded (--no-record)."
    if not config.privacy.record:
        return "Nothing is recorded (privacy.record is off)."
    return ""
