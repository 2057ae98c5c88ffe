"""What there is to learn from, summed up for people.

Promises counts over the very examples that a cycle would learn from, and texts cut to
what a page can show. Pure: examples in, values out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from textwrap import dedent

from habitus_learner.examples import Example, Kind, count_by_kind
from habitus_learner.report.facts import Correction, Habit, Lessons, Piece

HABIT_TIMES = 3
"""A line is a habit once it was written this often."""

MAX_HABITS = 10
MAX_FILES = 12
MAX_CORRECTED = 5
MAX_PIECES = 3
MAX_CHARS = 480
MIN_HABIT_CHARS = 16

_WORDS = re.compile(r"[A-Za-z]{2,}")


def describe(examples: Sequence[Example], waiting: int) -> Lessons:
    """Lessons by kind, by class of correction and by file, with some of their texts.

    `waiting` says how many of them no cycle has seen yet.
    """
    by_hand = [example for example in examples if example.is_by_hand]
    classes = Counter(e.correction.value for e in examples if e.correction is not None)
    files = Counter(example.path for example in examples)
    ranked = sorted(files.items(), key=lambda one: (-one[1], one[0]))
    return Lessons(
        kinds=count_by_kind(examples),
        corrections=dict(classes.most_common()),
        files=tuple(ranked[:MAX_FILES]),
        by_hand=len(by_hand),
        episodes=len({example.episode for example in by_hand}),
        waiting=waiting,
        habits=tuple(find_habits(by_hand)),
        corrected=tuple(_newest_corrections(examples)),
        pieces=tuple(_newest_pieces(by_hand)),
    )


def find_habits(by_hand: Sequence[Example]) -> list[Habit]:
    """Lines that a person wrote again and again, those that would spare the most first."""
    times: Counter[str] = Counter()
    files: defaultdict[str, set[str]] = defaultdict(set)
    for example in by_hand:
        for line in _telling_lines(example.target):
            times[line] += 1
            files[line].add(example.path)
    often = [line for line, number in times.items() if number >= HABIT_TIMES]
    often.sort(key=lambda line: (-times[line] * len(line), line))
    return [
        Habit(line[:MAX_CHARS], times[line], tuple(sorted(files[line])))
        for line in often[:MAX_HABITS]
    ]


def _telling_lines(text: str) -> Iterator[str]:
    """Lines that say something: long enough, and of two words at least."""
    for line in text.split("\n"):
        stripped = line.strip()
        if len(stripped) >= MIN_HABIT_CHARS and len(_WORDS.findall(stripped)) > 1:
            yield stripped


def _newest_corrections(examples: Sequence[Example]) -> Iterator[Correction]:
    """One of each class before a second of any; the newest first."""
    found = sorted(
        (e for e in examples if e.kind is Kind.CORRECTION and e.target.strip()),
        key=lambda e: -e.known_at,
    )
    seen: Counter[object] = Counter()
    order = []
    for example in found:
        order.append((seen[example.correction], example))
        seen[example.correction] += 1
    order.sort(key=lambda one: one[0])
    for _, example in order[:MAX_CORRECTED]:
        kind = example.correction.value if example.correction else "unknown"
        yield Correction(
            example.path,
            kind,
            example.prefix[example.prefix.rfind("\n") + 1 :][-MAX_CHARS:],
            example.rejected[:MAX_CHARS],
            example.target[:MAX_CHARS],
            example.known_at,
        )


def _newest_pieces(by_hand: Sequence[Example]) -> Iterator[Piece]:
    """The newest pieces of several whole lines, of different files."""
    seen: set[str] = set()
    for example in sorted(by_hand, key=lambda e: -e.known_at):
        text = dedent(example.target).strip("\n")
        is_whole = example.prefix[-1:] in ("\n", "") and text.count("\n") > 1
        if not is_whole or example.path in seen or len(seen) == MAX_PIECES:
            continue
        seen.add(example.path)
        yield Piece(example.path, text[:MAX_CHARS], example.known_at)
