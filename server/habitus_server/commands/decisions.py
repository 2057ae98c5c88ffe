"""`habitus decisions`: what was decided in a workspace, and what came of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from habitus_server import config as settings
from habitus_server.errors import UserError
from habitus_server.judgements import find_decision, without_secrets
from habitus_server.records import Decision
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace, state_dir

HELP = "list the decisions of a workspace, or say what came of one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a workspace folder")
    parser.add_argument(
        "--outcome", nargs=2, metavar=("ID", "TEXT"), help="say what came of a decision"
    )
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Print a paragraph for each decision, oldest first."""
    with opened(options.path, options.state_dir) as store:
        if options.outcome:
            _conclude(store, *options.outcome)
        for decision in store.decisions():
            print(_paragraph(decision))
    return 0


@contextmanager
def opened(path: Path, state: Path | None) -> Iterator[Store]:
    """The store of a workspace in which things may be recorded."""
    config, _ = settings.narrow(settings.load()[0], path.resolve())
    if not config.privacy.record:
        raise UserError(f"Nothing is recorded in {path.resolve()} (privacy.record is off).")
    store = Store.open(find_workspace(path, state_dir(state)).database)
    try:
        yield store
    finally:
        store.close()


def _conclude(store: Store, decision_id: str, outcome: str) -> None:
    decision = find_decision(store, decision_id)
    if decision is None:
        raise UserError(f"There is no decision `{decision_id}`; `habitus decisions` lists them.")
    concluded = msgspec.structs.replace(decision, outcome=outcome, changed_at=time.time())
    store.add_decision(without_secrets(concluded)).result()


def _paragraph(decision: Decision) -> str:
    day = datetime.fromtimestamp(decision.decided_at).strftime("%Y-%m-%d")
    facts = {
        "chosen": decision.choice,
        "options": "; ".join(decision.options),
        "reason": decision.reason,
        "outcome": decision.outcome,
        "file": decision.path if decision.origin == "adr" else "",
    }
    lines = [f"{decision.id}  {day}  {decision.title}"]
    lines += [f"  {name:<8} {' '.join(value.split())}" for name, value in facts.items() if value]
    return "\n".join(lines)
