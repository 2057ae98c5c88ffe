"""`habitus signals`: everything that is stored about a workspace, as lines or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path

from habitus_server.commands.flags import count
from habitus_server.errors import UserError
from habitus_server.moments import FORMS, parse_moment
from habitus_server.records import Outcome, State
from habitus_server.store import Store
from habitus_server.store.browsing import TABLES, Entry, Query
from habitus_server.workspaces import find_workspace, state_dir

HELP = "show or export what is stored about a workspace"

SHOWN = 20
TEXT_CHARS = 60
_TEXTS = ("final_text", "text", "after", "title", "name", "verdict")
_IDS = ("id", "key", "suggestion_id", "window")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--table", choices=TABLES, default="", help="only rows of one table")
    parser.add_argument("--path", default="", help="only about a file or folder of the workspace")
    parser.add_argument("--state", choices=[one.value for one in State], default="")
    parser.add_argument("--outcome", choices=[one.value for one in Outcome], default="")
    parser.add_argument("--since", metavar="WHEN", help=f"only since {FORMS}")
    parser.add_argument(
        "--limit", type=count, help=f"at most this many (as lines: {SHOWN}; as JSON: all)"
    )
    parser.add_argument("--json", action="store_true", help="whole rows, one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Print the newest first."""
    workspace = find_workspace(options.workspace, state_dir(options.state_dir))
    if not workspace.database.exists():
        raise UserError(f"Nothing is stored about {workspace.root} yet.")
    query = Query(
        table=options.table,
        path=Path(options.path).as_posix() if options.path else "",
        state=options.state,
        outcome=options.outcome,
        since=parse_moment(options.since, time.time()) if options.since else 0.0,
        limit=options.limit or (None if options.json else SHOWN),
    )
    store = Store.open(workspace.database)
    try:
        for entry in store.browse(query):
            print(_json_line(entry) if options.json else _line(entry))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has seen enough
    finally:
        store.close()
    return 0


def _json_line(entry: Entry) -> str:
    return json.dumps({"table": entry.table, **entry.row}, ensure_ascii=False)


def _line(entry: Entry) -> str:
    """Time, table, id, what became of it, file, and the beginning of its text."""
    row = entry.row
    when = datetime.fromtimestamp(entry.at).astimezone().isoformat(" ", "seconds")[:19]
    which = next(str(row[name]) for name in _IDS if name in row)
    text = next((row[name] for name in _TEXTS if row.get(name)), "")
    begun = text.replace("\n", "⏎")
    shown = begun if len(begun) <= TEXT_CHARS else begun[: TEXT_CHARS - 1] + "…"
    return f"{when}  {entry.table:<11} {which:<16} {_fate(entry):<22} {_about(row)}  {shown}"


def _fate(entry: Entry) -> str:
    row = entry.row
    if entry.table == "suggestions":
        retained = row["retained_chars"]
        kept = "" if retained is None else f"{retained} of {len(row['accepted_text'] or '')}"
        return " ".join(one for one in (row["state"], row["outcome"], kept) if one)
    if entry.table == "landings":
        return f"undone by {row['undone_by'][:8]}" if row["undone_by"] else row["commit_id"][:8]
    if entry.table == "rejections":
        return f"{row['why']}, {row['times']} times"
    if entry.table == "silences":
        return "nothing shown"
    named = row.get("state") or row.get("approach") or row.get("origin") or row.get("kind")
    return str(named or "")


def _about(row: dict[str, object]) -> str:
    files = row.get("files")
    if isinstance(files, list):
        return ", ".join(one["path"] for one in files[:3])
    return str(row.get("path") or "")
