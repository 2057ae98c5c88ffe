"""`habitus why [PATH]`: why the last place in a folder showed a suggestion, or did not."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import msgspec

from habitus_server.whys import Place
from habitus_server.workspaces import find_workspace, state_dir

HELP = "why the last place showed a suggestion, or did not"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a workspace folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Print the place and the reason; 1 where there is none."""
    workspace = find_workspace(options.path, state_dir(options.state_dir))
    try:
        place = msgspec.json.decode(workspace.last_why.read_bytes(), type=Place)
    except (OSError, msgspec.MsgspecError):
        print(f"No suggestion has been asked for in {workspace.root} yet, or nothing is recorded.")
        return 1
    at = datetime.fromtimestamp(place.at).strftime("%Y-%m-%d %H:%M:%S")
    print(f"{place.path or 'an ignored document'}, line {place.line}, {at}")
    print(place.why.sentence)
    return 0
