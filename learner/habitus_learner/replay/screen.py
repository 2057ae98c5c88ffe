"""What a replay shows while it runs, and the table at its end.

Bars where there is a terminal, a line now and then where there is none (a log, a pipe).
Holds no figures of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from habitus_learner.replay.report import Arm, Gain, Report
from habitus_learner.replay.walk import Observation

ARM_TITLES = {
    "frozen": "frozen weights",
    "memory": "memory only",
    "weights": "learned weights only",
    "all": "all: memory and weights",
}

GAIN_TITLES = {
    "exact_match": ("exact match", "points", 100.0),
    "edit_similarity": ("edit similarity", "", 1.0),
    "characters_saved": ("characters saved per item", "", 1.0),
    "bits_per_char": ("bits per character saved", "", 1.0),
}

OnObservation = Callable[[Observation], None]
OnStage = Callable[[str, float], None]


class Screen:
    """Where a replay shows how far it is."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False)

    @contextlib.contextmanager
    def counting(self, title: str, total: int) -> Iterator[OnObservation]:
        """A bar over items that also counts the exact ones."""
        seen = exact = 0
        with self._bar(title, total) as update:

            def count(observation: Observation) -> None:
                nonlocal seen, exact
                seen += 1
                exact += observation.exact
                update(float(seen), f"{exact} exact")

            yield count

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[OnStage]:
        """A bar over a cycle's progress, with the name of its stage."""
        with self._bar(title, 100) as update:
            yield lambda stage, share: update(100.0 * share, stage)

    @contextlib.contextmanager
    def fetching(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """A bar over downloads, whose number is known with the first."""
        with self._bar(title, 100) as update:
            yield lambda done, total: update(100.0 * done / total, f"{done} of {total}")

    @contextlib.contextmanager
    def _bar(self, title: str, total: int) -> Iterator[Callable[[float, str], None]]:
        if not self.console.is_terminal:
            with self._lines(title, total) as update:
                yield update
            return
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(title, total=total, note="")
            yield lambda done, note: progress.update(task, completed=round(done), note=note)

    @contextlib.contextmanager
    def _lines(self, title: str, total: int) -> Iterator[Callable[[float, str], None]]:
        shown_quarter, last_note = -1, ""

        def update(done: float, note: str) -> None:
            nonlocal shown_quarter, last_note
            quarter = int(4 * done / total) if total else 4
            last_note = note
            if quarter > shown_quarter:
                shown_quarter = quarter
                self.say(f"{title}: {min(100, 25 * quarter)}% ({note})")

        yield update
        if shown_quarter < 4:
            self.say(f"{title}: done ({last_note})")


def render(report: Report) -> list[Table]:
    """The arms, and what each gained on the others."""
    return [_render_arms(report), _render_gains(report)]


def _render_arms(report: Report) -> Table:
    items = report.items
    table = Table(
        title=f"{items.evaluation_items} items on {items.evaluation_lines} later lines of "
        f"{report.source.name}, in {items.evaluation_files} files (95% intervals by file)",
        title_justify="left",
    )
    table.add_column("arm")
    for name in ("exact lines", "edit similarity", "bits per character", "characters saved"):
        table.add_column(name, justify="right")
    for name in ("shown", "accepted", "retained"):
        table.add_column(name, justify="right")
    for name, title in ARM_TITLES.items():
        arm: Arm = getattr(report, name)
        table.add_row(
            title,
            f"{arm.exact_match:.1%} {_span(arm.exact_match_interval, 100, 1)}",
            f"{arm.edit_similarity:.3f} {_span(arm.edit_similarity_interval, 1, 3)}",
            f"{arm.bits_per_char:.3f} {_span(arm.bits_per_char_interval, 1, 3)}",
            f"{arm.characters_saved}",
            f"{arm.shown}",
            f"{arm.accepted}",
            f"{arm.retained}",
        )
    return table


def _render_gains(report: Report) -> Table:
    table = Table(title="Paired differences on the same items", title_justify="left")
    for name in ("", "measure", "gain", "95% interval", "clear of zero"):
        table.add_column(name)
    for gain in report.gains:
        title, unit, factor = GAIN_TITLES[gain.measure]
        table.add_row(
            f"{gain.arm} over {gain.than}",
            title,
            f"{gain.gain * factor:+.2f} {unit}".strip(),
            _span((gain.low, gain.high), factor, 2),
            _clear(gain),
        )
    return table


def _clear(gain: Gain) -> str:
    if gain.is_clear:
        return "yes"
    return "yes, worse" if gain.high < 0.0 else "no"


def _span(bounds: tuple[float, float], factor: float, digits: int) -> str:
    low, high = bounds
    return f"[{low * factor:.{digits}f}, {high * factor:.{digits}f}]"
