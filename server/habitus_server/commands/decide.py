"""`habitus decide`: write a decision down, so that Habitus can learn from it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from habitus_server.commands.decisions import opened
from habitus_server.judgements import new_decision, without_secrets

HELP = "write a decision down: what was chosen, among what, and why"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("title", help="the decision in a few words")
    parser.add_argument("choice", help="what was chosen")
    parser.add_argument("--problem", default="", help="what made a choice necessary")
    parser.add_argument("--option", action="append", default=[], help="what was considered")
    parser.add_argument("--constraint", action="append", default=[], help="what had to hold")
    parser.add_argument("--reason", default="", help="why this one")
    parser.add_argument("--path", type=Path, default=Path(), help="a workspace folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Store the decision and print its id."""
    decision = new_decision(
        options.title,
        options.choice,
        time.time(),
        problem=options.problem,
        constraints=options.constraint,
        options=options.option,
        reason=options.reason,
    )
    with opened(options.path, options.state_dir) as store:
        store.add_decision(without_secrets(decision)).result()
    print(decision.id)
    return 0
