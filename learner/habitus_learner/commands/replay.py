"""`habitus replay`: be a developer, and measure what learning was worth."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec
import pygit2

from habitus_learner.history import open_repository
from habitus_learner.replay.plan import Plan, make_plan, size_for
from habitus_learner.replay.report import Report
from habitus_learner.replay.run import Replay, Settings
from habitus_learner.replay.screen import Screen, make_console, render
from habitus_server.errors import UserError

HELP = "replay a repository's later edits and compare frozen, memory, weights and both"

DEFAULT_MINUTES = 12.0
DEFAULT_FOLDER = Path("build/replay")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--repo", type=Path, required=True, help="the repository to replay")
    parser.add_argument("--json", type=Path, help="where to write the report")
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_FOLDER, help="folder for state, report and plot"
    )
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that the demo shares."""
    parser.add_argument(
        "--budget-minutes",
        type=float,
        default=DEFAULT_MINUTES,
        help="what the whole replay may take; splits itself over training and items",
    )
    parser.add_argument("--training-minutes", type=float, help="one training's minutes")
    parser.add_argument("--learning-lines", type=int, help="lines asked for while learning")
    parser.add_argument("--evaluation-lines", type=int, help="lines asked for in each arm")
    parser.add_argument("--cycles", type=int, default=1, help="how many cycles may be tried")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="embedded", help="`embedded`, a folder or a Hub id")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Replay a repository of the user's."""
    repository = open_repository(options.repo)
    report = replay(repository, options.repo.resolve().name, options, Screen(make_console()))
    return exit_status(report)


def exit_status(report: Report) -> int:
    """Zero when every phase ran to its end, whatever came out; a cycle that broke is no end."""
    ended = {"published", "rejected", "waiting"}
    return 0 if report.cycles and report.cycles[-1].state in ended else 1


def replay(
    repository: pygit2.Repository, name: str, options: argparse.Namespace, screen: Screen
) -> Report:
    """Plan, run, print, and write the report and its plot."""
    settings = read_settings(options, name)
    plan = make_plan(repository, settings.size, seed=settings.seed)
    announce(plan, settings, screen)
    report = asyncio.run(Replay(repository, plan, settings, screen).run())
    path = options.json or settings.folder / "report.json"
    write_report(report, path)
    show(report, path, screen)
    return report


def read_settings(options: argparse.Namespace, name: str) -> Settings:
    """The flags as one value; single figures win over the budget's split."""
    if options.budget_minutes <= 0:
        raise UserError("--budget-minutes must be above zero.")
    size = size_for(options.budget_minutes)
    given = {
        "training_minutes": options.training_minutes,
        "learning_lines": options.learning_lines,
        "evaluation_lines": options.evaluation_lines,
    }
    return Settings(
        name=name,
        folder=options.out.resolve(),
        size=msgspec.structs.replace(size, **{k: v for k, v in given.items() if v is not None}),
        seed=options.seed,
        model=options.model,
        device=options.device,
        cycles=options.cycles,
    )


def announce(plan: Plan, settings: Settings, screen: Screen) -> None:
    """Say what will happen, the fingerprint of the items included, before it does."""
    from habitus_learner.replay.items import digest

    asked = plan.evaluation_items
    screen.say(
        f"Learn from {len(plan.learning)} commits of {settings.name}, then ask at "
        f"{len(asked)} places in {len(plan.evaluation)} later ones, in four arms."
    )
    screen.say(f"Items fixed beforehand: sha256 {digest(asked)}")


def write_report(report: Report, path: Path) -> None:
    """The report as JSON, and its plot beside it."""
    from habitus_learner.replay.plot import draw

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    draw(report, path.with_suffix(".png"))


def show(report: Report, path: Path, screen: Screen) -> None:
    """Print the tables and what became of the cycles."""
    for table in render(report):
        screen.console.print(table)
    for cycle in report.cycles:
        screen.say(f"Cycle {cycle.id} ({cycle.minutes:.1f} min): {cycle.state}. {cycle.verdict}")
    if report.adapter is not None:
        counts = report.adapter.examples.items()
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts if count)
        screen.say(f"Adapter {report.adapter.version}, trained on {kinds}.")
    if report.swap is not None:
        kept = "the same engine" if report.swap.same_engine_process else "a NEW engine"
        screen.say(
            f"Swapped while completing: longest gap {report.swap.gap_ms:.0f} ms, served by {kept}."
        )
    screen.say(
        f"Latency {report.latency_ms.p50:.0f} ms median, {report.latency_ms.p95:.0f} ms at the "
        f"95th percentile. Report: {path}"
    )
