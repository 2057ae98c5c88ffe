"""`habitus warm-up`: learn from the repository's own past, judged by its newest commits."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from habitus_learner import history
from habitus_learner.commands.courses import add_shared_arguments, begin, watch_course
from habitus_learner.warmup import headline, run_warm_up
from habitus_server.commands.flags import minutes, output_file, write_output
from habitus_server.records import CycleState

HELP = "learn from the repository's own history, and show what that is worth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    add_shared_arguments(parser)
    parser.add_argument(
        "--until", default="HEAD", metavar="COMMIT", help="see nothing that came after this commit"
    )
    parser.add_argument(
        "--budget", type=minutes, metavar="MINUTES",
        help="how long it may take, instead of learning.warm_up_minutes",
    )  # fmt: skip
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the outcome here")


def run(options: argparse.Namespace) -> int:
    """Learn, and say what it came to on the commits that were held out."""
    workspace, settings = begin(options, minutes=options.budget)
    repository = history.open_repository(workspace.root)
    until = history.find_commit(repository, options.until).id
    cycle = watch_course(
        workspace,
        settings,
        learn=lambda store, show: run_warm_up(
            workspace, store, settings, until=until, on_progress=show
        ),
        ask=lambda store: store.request_warm_up(until).result(),
    )
    told = headline(cycle)
    if told:
        print(told)
    if options.json is not None:
        outcome = {**msgspec.to_builtins(cycle), "until": until, "headline": told}
        write_output(options.json, json.dumps(outcome, indent=2, ensure_ascii=False).encode())
    return 1 if cycle.state is CycleState.FAILED else 0
