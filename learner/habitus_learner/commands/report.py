"""`habitus report`: what Habitus learned in a workspace, as one HTML page."""

from __future__ import annotations

import argparse
import time
import webbrowser
from pathlib import Path

import msgspec

from habitus_learner.report.facts import Report
from habitus_learner.report.gather import gather
from habitus_learner.report.page import headline, write_page
from habitus_server import config as settings_file
from habitus_server.commands.flags import output_file, write_output
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir

HELP = "write a page that shows what was learned, and whether it helped"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--out", type=output_file, help="the page (default: beside the signals)")
    parser.add_argument("--json", type=output_file, help="also write the facts behind it")
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(options: argparse.Namespace) -> int:
    """Write the page, and say the headline and where the page is."""
    workspace = find_workspace(options.workspace, state_dir(options.state_dir))
    config, _ = settings_file.load()
    config, _ = settings_file.narrow(config, workspace.root)
    report = _gather(workspace, config)
    page: Path = workspace.report if options.out is None else options.out
    write_output(page, write_page(report).encode())
    if options.json is not None:
        write_output(options.json, msgspec.json.format(msgspec.json.encode(report), indent=2))
    print(headline(report))
    print(f"The page: {page.absolute()}")
    if options.open:
        webbrowser.open(page.absolute().as_uri())
    return 0


def _gather(workspace: Workspace, config: settings_file.Config) -> Report:
    if not workspace.database.exists():
        return gather(workspace, None, config, time.time())
    store = Store.open(workspace.database)
    try:
        return gather(workspace, store, config, time.time())
    finally:
        store.close()
