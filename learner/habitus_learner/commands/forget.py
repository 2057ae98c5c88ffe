"""`habitus forget`: remove what was recorded about a file, of an example or since a time."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from habitus_learner import forgetting
from habitus_learner.cycle import all_examples
from habitus_learner.forgetting import Choice, Forgotten, is_below, key_of
from habitus_server import config as settings_file
from habitus_server.engine.client import EngineClient
from habitus_server.engine.roster import tell_engines
from habitus_server.errors import UserError
from habitus_server.library import Library
from habitus_server.moments import FORMS, parse_moment
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir

HELP = "forget a file, an example, or everything since a time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "what", nargs="?", help="a file or folder, or an id from `habitus examples` or `signals`"
    )
    parser.add_argument("--since", metavar="WHEN", help=f"everything recorded since {FORMS}")
    parser.add_argument("--workspace", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")


def run(options: argparse.Namespace) -> int:
    """Forget, and say what went."""
    if (options.what is None) == (options.since is None):
        raise UserError("Name either a file, a folder or an id, or a time with --since.")
    now = time.time()
    state = state_dir(options.state_dir)
    workspace = find_workspace(options.workspace, state)
    store = Store.open(workspace.database)
    try:
        choice = _choose(options, workspace, store, now)
        if options.dry_run:
            doomed = forgetting.doomed_adapters(workspace, choice)
            _print_rows("would go", {t: len(ids) for t, ids in choice.rows.items()}, choice)
            _print_list("would go", "adapters", doomed)
            return 0
        problems = asyncio.run(_tell_engines(state, workspace, choice))
        gone = forgetting.forget(workspace, store, choice, logs=state / "logs", now=now)
    finally:
        store.close()
    _print_forgotten(gone, choice, workspace)
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


def _choose(options: argparse.Namespace, workspace: Workspace, store: Store, now: float) -> Choice:
    if options.since is not None:
        return forgetting.choose_since(store, parse_moment(options.since, now))
    what: str = options.what
    path = _inside(workspace.root, Path(what))
    if path is not None:
        choice = _choose_path(workspace, store, path)
        is_known = choice.rows or forgetting.doomed_adapters(workspace, choice)
        if is_known or (workspace.root / path).exists():
            return choice
    found = (e.row_ids for e in all_examples(store) if what in (e.id, *map(key_of, e.row_ids)))
    choice = forgetting.choose_rows(store, next(found, (what,)))
    if not choice.rows:
        raise UserError(
            f"Nothing is stored about {what}: it is no file of {workspace.root} that was "
            "recorded, and no id from `habitus examples` or `habitus signals`."
        )
    return choice


def _choose_path(workspace: Workspace, store: Store, path: str) -> Choice:
    config, _ = settings_file.load()
    config, _ = settings_file.narrow(config, workspace.root)
    library = Library(workspace.root, config, is_inside=True)
    names = list(library.files())
    own = {one for one in names if is_below(one, path)}
    if (workspace.root / path).is_file():
        own.add(path)  # also when it has been ignored by now
    others = (text for one in names if one not in own and (text := library.read(one)))
    return forgetting.choose_path(store, path, _texts(workspace.root, own), others)


def _texts(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in sorted(paths):
        try:
            yield path, (root / path).read_bytes().decode("utf-8", "replace")
        except OSError:
            yield path, ""


def _inside(root: Path, given: Path) -> str | None:
    """A path as the store names it, from the present folder or from the root."""
    for base in (Path.cwd(), root):
        # Not resolved: a link is stored under its own name.
        whole = Path(os.path.normpath(base / given))
        if whole.is_relative_to(root) and (whole.exists() or base == root):
            return whole.relative_to(root).as_posix()
    return None


async def _tell_engines(state: Path, workspace: Workspace, choice: Choice) -> list[str]:
    def forget(engine: EngineClient) -> None:
        for path in choice.files:
            engine.forget(workspace.id, path)

    return await tell_engines(state, forget) if choice.files else []


def _print_forgotten(gone: Forgotten, choice: Choice, workspace: Workspace) -> None:
    _print_rows("removed", gone.rows, choice)
    _print_list("removed", "adapters", gone.adapters)
    _print_list("removed or cleaned", "files", gone.files)
    if gone.has_new_server:
        print(f"{gone.serving or 'base weights'} serves now")
    if gone.is_job_running:
        print("a training is in progress: it will publish nothing, and its folder goes with it")
    if any((workspace.root / path).is_file() for path in choice.files):
        print(
            "the files themselves stay, and memory reads them again when they change; name "
            "them in .habitusignore to keep them out"
        )
    print("the next cycle learns from what is left")


def _print_rows(verb: str, rows: Mapping[str, int], choice: Choice) -> None:
    counted = [f"{count:,} {table}" for table, count in sorted(rows.items()) if count]
    quoting = f" ({choice.quoting:,} of them elsewhere, quoting it)" if choice.quoting else ""
    print(f"{verb}: {', '.join(counted) or 'no rows'}{quoting}")


def _print_list(verb: str, what: str, names: Sequence[str]) -> None:
    if names:
        print(f"{verb}: {what} {', '.join(names)}")
