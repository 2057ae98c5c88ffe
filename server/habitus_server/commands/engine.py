"""`habitus engine`: run the engine in the foreground, which `serve` does by itself."""

from __future__ import annotations

import argparse
import subprocess
import sys

HELP = "the inference engine, started by `serve` when it is needed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pass everything on: the engine's own module declares its flags."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see --help of the engine")


def run(options: argparse.Namespace) -> int:
    """Run the engine's module with the arguments as given."""
    module = [sys.executable, "-P", "-m", "habitus_server.engine"]
    return subprocess.call([*module, *options.arguments])
