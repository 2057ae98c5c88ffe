"""`habitus serve`: the language server on stdin and stdout."""

from __future__ import annotations

import argparse
from pathlib import Path

from habitus_server.options import Options, frozen

HELP = "the language server, one per editor window, on stdin and stdout"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; those under `measuring` exist for comparisons and replays."""
    parser.add_argument("--stdio", action="store_true", help="accepted, and always so")
    parser.add_argument("--model", help="`embedded`, a local folder, or a Hub id")
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error")
    )
    measuring = parser.add_argument_group("measuring")
    measuring.add_argument(
        "--frozen",
        action="store_true",
        help="base weights alone: no memory, no learning, nothing recorded",
    )
    measuring.add_argument("--no-memory", action="store_true", help="complete without memory")
    measuring.add_argument("--no-record", action="store_true", help="store nothing")
    measuring.add_argument("--no-learn", action="store_true", help="start no learning sidecar")
    measuring.add_argument("--adapter", help="pin an adapter version, or `none`")
    measuring.add_argument(
        "--replay-clock", action="store_true", help="take the time from `habitus/clock`"
    )


def read_options(given: argparse.Namespace) -> Options:
    """The flags as one value."""
    options = Options(
        memory=not given.no_memory,
        record=not given.no_record,
        learn=not given.no_learn,
        adapter=given.adapter,
        replay_clock=given.replay_clock,
        model=given.model,
        device=given.device,
        state_dir=given.state_dir,
        log_level=given.log_level,
    )
    return frozen(options) if given.frozen else options


def run(given: argparse.Namespace) -> int:
    """Serve until the editor leaves."""
    from habitus_server.lsp.server import serve

    return serve(read_options(given))
