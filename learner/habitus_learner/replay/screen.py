"""What a replay shows while it runs, and the table at its end.

Bars where there is a terminal, a line now and then where there is none (a log, a pipe).
Holds no figures of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from habitus_learner.replay.observation import Observation
from habitus_learner.replay.report import Arm, Gain, Report

ARM_TITLES = {
    "frozen": "frozen weights",
    "memory": "memory only",
    "weights": "weights only",
    "all": "all",
}

GAINS = {
    "exact_match": ("exact lines,\npoints", 100.0, 1),
    "edit_similarity": ("edit\nsimilarity", 1.0, 2),
    "bits_per_char": ("bits per\ncharacter saved", 1.0, 3),
    "characters_saved": ("characters saved\nper question", 1.0, 2),
}
"""How each measure of a gain is headed, scaled and rounded."""

PLAIN_WIDTH = 112
"""Columns to use where no terminal says how many there are."""

OnObservation = Callable[[Observation], None]
OnStage = Callable[[str, float], None]


class Screen:
    """Where a replay shows how far it is."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False, markup=False)

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
    """The curve, block by block; the arms over all blocks, and what each gained on the others."""
    return [_render_blocks(report), _render_arms(report), _render_gains(report)]


def make_console() -> Console:
    """The terminal, or a plain wide page where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _render_blocks(report: Report) -> Table:
    table = _table(
        "Block by block: each asked before it was learned from [95% intervals by file of a commit]",
        ("", "arm", "exact lines", "edit\nsimilarity", "bits per\ncharacter"),
        ("characters\nretained",),
    )
    for number, block in enumerate(report.blocks, 1):
        beside = [
            f"block {number}" + ("\nday one" if number == 1 else ""),
            f"{block.lines} lines\n{len(block.commits)} commits",
            f"served:\n{block.adapter or 'base weights'}",
        ]
        for place, (name, title) in enumerate(ARM_TITLES.items()):
            arm = block.arms[name]
            cells = (
                beside[place] if place < len(beside) else "",
                title,
                *_quality(arm),
                f"{arm.retained_characters}\n{_span(arm.retained_characters_interval, 1, 0)}",
            )
            is_last = place == len(ARM_TITLES) - 1
            table.add_row(*(Text(cell) for cell in cells), end_section=is_last)
    return table


def _quality(arm: Arm) -> tuple[str, str, str]:
    """Exact lines, edit similarity and bits per character, each above its interval."""
    return (
        f"{arm.exact_match:.1%}\n{_span(arm.exact_match_interval, 100, 1)}",
        f"{arm.edit_similarity:.2f}\n{_span(arm.edit_similarity_interval, 1, 2)}",
        f"{arm.bits_per_char:.3f}\n{_span(arm.bits_per_char_interval, 1, 3)}",
    )


def _render_arms(report: Report) -> Table:
    items = report.items
    table = _table(
        f"{items.evaluation_items} questions at {items.evaluation_lines} later lines of "
        f"{report.source.name}, in {items.evaluation_files} files [95% intervals by file]",
        ("arm", "exact lines", "edit\nsimilarity", "bits per\ncharacter", "characters\nsaved"),
        ("shown", "accepted", "retained"),
    )
    for name, title in ARM_TITLES.items():
        arm: Arm = getattr(report, name)
        cells = (
            title,
            *_quality(arm),
            f"{arm.characters_saved}\n{_span(arm.characters_saved_interval, 1, 0)}",
            f"{arm.shown}",
            f"{arm.accepted}",
            f"{arm.retained}",
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _render_gains(report: Report) -> Table:
    table = _table(
        "Gains on the same items, paired [95% intervals by file; * clear of zero]",
        ("", *(title for title, _, _ in GAINS.values())),
    )
    found = {(gain.arm, gain.than, gain.measure): gain for gain in report.gains}
    for arm, than in dict.fromkeys((gain.arm, gain.than) for gain in report.gains):
        cells = (
            _gain(found[arm, than, measure], factor, digits)
            for measure, (_, factor, digits) in GAINS.items()
        )
        table.add_row(f"{arm} over {than}", *cells)
    return table


def _table(title: str, *headings: tuple[str, ...]) -> Table:
    first, *others = [heading for group in headings for heading in group]
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _gain(gain: Gain, factor: float, digits: int) -> Text:
    bounds = _span((gain.low, gain.high), factor, digits)
    value = f"{gain.gain * factor:+.{digits}f}"
    if gain.is_clear:
        return Text(f"{value} *\n{bounds}  ", style="bold green")
    return Text(f"{value}  \n{bounds}  ", style="red" if gain.high < 0.0 else "")


def _span(bounds: tuple[float, float], factor: float, digits: int) -> str:
    low, high = bounds
    return f"[{low * factor:.{digits}f}, {high * factor:.{digits}f}]"
