"""The `habitus` command.

Promises that a command's module is imported only when it is named (or its help is
asked for), so that `habitus serve` starts without the learner. A command is any
module with `HELP`, `add_arguments(parser)` and `run(options) -> int`; the learner's
arrive as entry points of the group `habitus.commands`, never by import.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from habitus_server import __version__
from habitus_server.errors import HabitusError

GROUP = "habitus.commands"

BUILT_IN = {
    "serve": "habitus_server.commands.serve",
    "engine": "habitus_server.commands.engine",
    "status": "habitus_server.commands.status",
    "rejections": "habitus_server.commands.rejections",
    "signals": "habitus_server.commands.signals",
    "purge": "habitus_server.commands.purge",
    "decide": "habitus_server.commands.decide",
    "decisions": "habitus_server.commands.decisions",
    "why": "habitus_server.commands.why",
    "doctor": "habitus_server.commands.doctor",
}

USAGE_ERROR = 2
INTERRUPTED = 130


class Command(Protocol):
    """What a command's module offers."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's flags."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if given else USAGE_ERROR
    if given[0] in ("-V", "--version"):
        print(f"habitus {__version__}")
        return 0
    command = _find(given[0])
    if command is None:
        print(f"habitus: there is no command `{given[0]}`.\n\n{_overview()}", file=sys.stderr)
        return USAGE_ERROR
    parser = argparse.ArgumentParser(prog=f"habitus {given[0]}", description=command.HELP)
    command.add_arguments(parser)
    options = parser.parse_args(given[1:])
    try:
        return command.run(options)
    except HabitusError as error:
        print(f"habitus {given[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _find(name: str) -> Command | None:
    module = BUILT_IN.get(name) or _entry_points().get(name)
    return cast(Command, importlib.import_module(module)) if module else None


def _entry_points() -> dict[str, str]:
    # Scanning installed distributions costs tens of milliseconds, which the
    # built-in commands never pay.
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _overview() -> str:
    lines = ["usage: habitus COMMAND [OPTIONS]", "", "commands:"]
    for name in [*BUILT_IN, *sorted(_entry_points())]:
        command = _find(name)
        if command is not None:
            lines.append(f"  {name:<10} {command.HELP}")
    lines += ["", "`habitus COMMAND --help` shows a command's options."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
