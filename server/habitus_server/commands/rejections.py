"""`habitus rejections [FOLDER]`: what was turned down, where, and for how long it still counts."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import msgspec

from habitus_server.records import Rejection
from habitus_server.rejections import HALF_LIFE_S, LEAST_STRENGTH, strength
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace, state_dir

HELP = "what was turned down and is not offered again; --clear allows it"
DAY_S = 86_400.0
ALL = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="a workspace folder")
    parser.add_argument("--path", help="only of this file, relative to the folder")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--clear", nargs="?", const=ALL, metavar="KEY", help="allow one again, or all that is shown"
    )
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """List or clear; windows that are open follow within a second."""
    workspace = find_workspace(options.folder, state_dir(options.state_dir))
    if not workspace.database.exists():
        print("Nothing was turned down.")
        return 0
    store = Store.open(workspace.database)
    try:
        chosen = [
            one
            for one in store.rejections()
            if (options.path is None or one.path == options.path)
            and (not options.clear or one.key.startswith(options.clear))
        ]
        if options.clear is not None:
            return _clear(store, chosen)
    finally:
        store.close()
    now = time.time()
    for one in chosen:
        print(msgspec.json.encode(one).decode() if options.json else _described(one, now))
    if not chosen and not options.json:
        print("Nothing was turned down.")
    return 0


def _clear(store: Store, chosen: list[Rejection]) -> int:
    cleared = sum(store.remove_rejection(one.key).result() for one in chosen)
    print(f"{cleared} allowed again.")
    return 0 if cleared else 1


def _described(one: Rejection, now: float) -> str:
    left_s = HALF_LIFE_S * math.log2(max(strength(one, now) / LEAST_STRENGTH, 2**-60))
    counts = f"counts for {left_s / DAY_S:.0f} more days" if left_s > 0 else "has faded"
    times = "once" if one.times == 1 else f"{one.times} times"
    head = f"{one.key[:12]}  {one.path}  {one.why} {times}, {counts}"
    shown = f"{one.place}‸{one.text}"
    return "\n".join((head, *(f"    {line}" for line in shown.splitlines())))
