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
from habitus_server.commands.flags import count, minutes, output_file, write_output

HELP = "replay a repository's later edits, asked first and then learned from, in four arms"

DEFAULT_MINUTES = 12.0
DEFAULT_BLOCKS = 2
DEFAULT_FOLDER = Path("build/replay")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--repo", type=Path, required=True, help="the repository to replay")
    parser.add_argument("--json", type=output_file, help="where to write the report")
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_FOLDER, help="folder for state, report and plot"
    )
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that the demo shares."""
    parser.add_argument(
        "--budget-minutes",
        type=minutes,
        default=DEFAULT_MINUTES,
        help="what the whole replay may take; splits itself over training and items",
    )
    parser.add_argument(
        "--blocks",
        type=count,
        default=DEFAULT_BLOCKS,
        help="how many blocks of commits are asked about, each before it is learned from",
    )
    parser.add_argument("--warm-up-minutes", type=minutes, help="minutes of training on the past")
    parser.add_argument("--training-minutes", type=minutes, help="minutes of each cycle's training")
    parser.add_argument("--learning-lines", type=count, help="lines asked while learning a block")
    parser.add_argument("--evaluation-lines", type=count, help="lines each arm is asked in a block")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="embedded", help="`embedded`, a folder or a Hub id")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Replay a repository of the user's."""
    repository = open_repository(options.repo)
    report = replay(repository, options.repo.resolve().name, options, Screen(make_console()))
    return exit_status(report)


def exit_status(report: Report) -> int:
    """Zero when every phase ran to its end, whatever came out; a course that broke is no end."""
    ended = {"published", "rejected", "waiting"}
    return 0 if all(cycle.state in ended for cycle in report.cycles) else 1


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
    size = size_for(options.budget_minutes, options.blocks)
    given = {
        "warm_up_minutes": options.warm_up_minutes,
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
    )


def announce(plan: Plan, settings: Settings, screen: Screen) -> None:
    """Say what will happen, the fingerprint of the items included, before it does."""
    from habitus_learner.replay.items import digest

    asked = plan.evaluation_items
    commits = sum(len(block.asked) for block in plan.blocks)
    screen.say(
        f"Learn the past of {settings.name}, then ask at {len(asked)} places in {commits} later "
        f"commits, in {len(plan.blocks)} blocks and four arms; each block is learned from after it."
    )
    screen.say(f"Items fixed beforehand: sha256 {digest(asked)}")


def write_report(report: Report, path: Path) -> None:
    """The report as JSON, and its plot beside it."""
    from habitus_learner.replay.plot import draw

    write_output(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    draw(report, path.with_suffix(".png"))


def show(report: Report, path: Path, screen: Screen) -> None:
    """Print the tables and what became of the courses of learning."""
    for table in render(report):
        screen.console.print(table)
    for number, cycle in enumerate(report.cycles):
        title = f"Cycle after block {number}" if number else "Warm start"
        screen.say(f"{title} ({cycle.minutes:.1f} min): {cycle.state}. {cycle.verdict}")
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
        f"95th percentile."
    )
    screen.say(f"Report: {path}, its curve: {path.with_suffix('.png')}")
