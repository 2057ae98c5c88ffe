"""`habitus examples`: what a workspace's signals teach, and where each lesson comes from."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path

import msgspec

from habitus_learner import lineage
from habitus_learner.cycle import all_examples
from habitus_learner.examples import Example, Kind
from habitus_learner.forgetting import is_below
from habitus_server.commands.flags import count
from habitus_server.errors import UserError
from habitus_server.moments import FORMS, parse_moment
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace, state_dir

HELP = "show or export what a workspace's signals teach"

SHOWN = 20
TEXT_CHARS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], help="only of one kind")
    parser.add_argument("--path", default="", help="only about a file or folder of the workspace")
    parser.add_argument("--since", metavar="WHEN", help=f"only known since {FORMS}")
    parser.add_argument(
        "--limit", type=count, help=f"at most this many (as lines: {SHOWN}; as JSON: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Print the newest first."""
    workspace = find_workspace(options.workspace, state_dir(options.state_dir))
    if not workspace.database.exists():
        raise UserError(f"Nothing is stored about {workspace.root} yet.")
    since = parse_moment(options.since, time.time()) if options.since else 0.0
    store = Store.open(workspace.database)
    try:
        found = [e for e in all_examples(store) if _is_wanted(e, options, since)]
    finally:
        store.close()
    found.sort(key=lambda e: -e.known_at)
    limit = options.limit or (None if options.json else SHOWN)
    versions = lineage.trained_on(workspace)
    try:
        for example in found[:limit]:
            # A test run witnesses many examples, and says of none what learned from it.
            rows = [row for row in example.row_ids if not row.startswith("task:")]
            learned = sorted({v for row in rows for v in versions.get(row, ())})
            print(_json_line(example, learned) if options.json else _line(example, learned))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has seen enough
    return 0


def _is_wanted(example: Example, options: argparse.Namespace, since: float) -> bool:
    return (
        example.known_at >= since
        and (options.kind is None or example.kind.value == options.kind)
        and (not options.path or is_below(example.path, Path(options.path).as_posix()))
    )


def _json_line(example: Example, learned: list[str]) -> str:
    """Every field, with the adapters that were trained on its rows."""
    return json.dumps({**msgspec.to_builtins(example), "adapters": learned}, ensure_ascii=False)


def _line(example: Example, learned: list[str]) -> str:
    when = datetime.fromtimestamp(example.known_at).astimezone().isoformat(" ", "seconds")[:19]
    text = (example.target or example.rejected).replace("\n", "⏎")
    shown = text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + "…"
    rows = "" if len(example.row_ids) == 1 else f" ({len(example.row_ids)} rows)"
    into = f" in {', '.join(learned)}" if learned else ""
    found = f" [{example.correction.value}]" if example.correction else ""
    return f"{when}  {example.id}{found}{rows}  {example.weight:.2f}  {example.path}  {shown}{into}"
