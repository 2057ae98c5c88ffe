"""`habitus demo`: the replay of a real package's releases, from nothing to a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from habitus_learner.commands.replay import add_run_arguments, exit_status, replay
from habitus_learner.history import open_repository
from habitus_learner.replay.releases import (
    Pins,
    build_repository,
    fetch_archives,
    read_pins,
    read_release,
)
from habitus_learner.replay.scratch import fresh_folder
from habitus_learner.replay.screen import Screen, make_console
from habitus_server.commands.flags import output_file
from habitus_server.errors import UserError

HELP = "fetch a real project's releases, learn from them, and show what it was worth"

PINS = Path(__file__).parents[1] / "replay" / "demo_releases.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--repo", type=Path, help="replay this repository instead")
    parser.add_argument("--package", help="replay this package's releases instead")
    parser.add_argument(
        "--versions", help="the releases of --package, oldest first, with commas between"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="folder for archives and results"
    )
    parser.add_argument("--json", type=output_file, help="where to write the report")
    add_run_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Fetch, build the history, replay."""
    screen = Screen(make_console())
    if options.repo is not None:
        repository = open_repository(options.repo)
        return exit_status(replay(repository, options.repo.resolve().name, options, screen))
    pins = choose_releases(options)
    with screen.fetching(f"fetching {pins.package}") as progress:
        archives = fetch_archives(
            pins.package,
            list(pins.releases),
            options.out.resolve() / "archives",
            sha256={version: digest for version, digest in pins.releases.items() if digest},
            report=progress,
        )
    folder = fresh_folder(options.out.resolve() / "history")
    releases = [
        read_release(archive, version)
        for archive, version in zip(archives, pins.releases, strict=True)
    ]
    repository = build_repository(pins.package, releases, folder / "repository.git")
    return exit_status(replay(repository, pins.package, options, screen))


def choose_releases(options: argparse.Namespace) -> Pins:
    """The pinned releases, or those that the flags name (then without checksums)."""
    if options.package is None:
        return read_pins(PINS)
    versions = [v.strip() for v in (options.versions or "").split(",") if v.strip()]
    if len(versions) < 5:
        raise UserError("--package needs --versions with at least five releases, oldest first.")
    return Pins(options.package, dict.fromkeys(versions, ""))
