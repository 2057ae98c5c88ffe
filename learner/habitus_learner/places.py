"""Where, within a piece of written code, a completion could have been asked for.

Promises cuts that put together again give the text they were cut from, chosen by the
random source that the caller seeds. Knows no tokens and no model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from habitus_learner.examples import Example, Kind

MIN_JUDGED_CHARS = 8
"""Shorter lines (`pass`, `else:`) judge nothing: every model gets them."""

MAX_JUDGED_LINES = 3
"""Lines of one pattern that the gate asks for, so that no pasted block outvotes a day."""

SEES_BELOW = 0.2
"""How often a practised line sees the rest of its piece below it, as a line added later does."""


class Cut(msgspec.Struct, frozen=True):
    """Between `prefix` and `suffix` belongs `target`."""

    prefix: str
    suffix: str
    target: str


class Item(msgspec.Struct, frozen=True):
    """A place that judges: the developer wrote `cut.target` there by hand."""

    id: str
    cluster: str
    path: str
    language: str
    cut: Cut


def items_of(examples: Sequence[Example], *, seed: int, limit: int) -> list[Item]:
    """The judged places of held-out examples, at most `limit`, in random order.

    Each episode gives one place in turn, so that as many as possible are judged wherever
    one stops: places of one episode resemble each other and tell less.
    """
    random = Random(f"{seed}:gate")
    items = [
        Item(
            id=f"{example.id}#{number}",
            cluster=" ".join(map(str, example.episode)),
            path=example.path,
            language=example.language,
            cut=cut,
        )
        for example in examples
        for number, cut in enumerate(judged(example, random))
    ]
    random.shuffle(items)
    turns: Counter[str] = Counter()
    order: list[tuple[int, Item]] = []
    for item in items:
        order.append((turns[item.cluster], item))
        turns[item.cluster] += 1
    return [item for _, item in sorted(order, key=lambda one: one[0])][:limit]


def clusters_of(items: Sequence[Item]) -> int:
    """How many episodes the items come from."""
    return len({item.cluster for item in items})


def judged(example: Example, random: Random) -> list[Cut]:
    """The cuts by which an example judges a model: lines, as they came to be written.

    What stood below the line when it was written is the suffix; lines of the same
    piece that came after it were not there yet.
    """
    if example.kind is not Kind.PATTERN:
        return [Cut(example.prefix, example.suffix, example.target)]
    lines = [
        (start, end)
        for start, end in _lines(example.target)
        if len(example.target[start:end].strip()) >= MIN_JUDGED_CHARS
    ]
    chosen = sorted(random.sample(lines, min(MAX_JUDGED_LINES, len(lines))))
    return [_cut_line(example, *line, _indent_end(example, *line)) for line in chosen]


def practised(example: Example, random: Random) -> list[Cut]:
    """The cuts by which an example teaches; drawn anew for each pass.

    A pattern teaches as a whole, from which every line of it is learned behind the
    lines before it, and by one line at its indentation or at a random column, from
    which a completion's end is learned. A record of a decision teaches by one of its
    sections, behind those before it.
    """
    if example.kind is Kind.FAILURE:
        return [Cut(example.prefix, example.suffix, example.rejected)]
    if example.kind is Kind.DECISION:
        return [_cut_section(example.target, random)]
    if example.kind is not Kind.PATTERN:
        return [Cut(example.prefix, example.suffix, example.target)]
    text = example.target
    lines = [(s, e) for s, e in _lines(text) if text[s:e].strip()]
    start, end = random.choice(lines)
    indent = _indent_end(example, start, end)
    column = random.choice((indent, random.randint(indent, end - 1)))
    line = _cut_line(example, start, end, column, sees_below=random.random() < SEES_BELOW)
    whole = _cut_block(example, lines[0], lines[-1][1])
    return [whole] if line == whole else [whole, line]


def _cut_line(example: Example, start: int, end: int, at: int, *, sees_below: bool = False) -> Cut:
    text = example.target
    below = text[end:] if sees_below else _line_break(text[end:])
    suffix = example.suffix
    if not sees_below and below and suffix.startswith("\n") and not text.endswith("\n"):
        # The piece ends within a line, whose end the suffix holds already.
        below = ""
    return Cut(example.prefix + text[:at], below + suffix, text[at:end])


def _cut_block(example: Example, first: tuple[int, int], end: int) -> Cut:
    text = example.target
    at = _indent_end(example, *first)
    return Cut(example.prefix + text[:at], text[end:] + example.suffix, text[at:end])


def _cut_section(text: str, random: Random) -> Cut:
    starts = [0, *(found.start() for found in re.finditer("^## ", text, re.MULTILINE)), len(text)]
    number = random.randrange(len(starts) - 1)
    start, end = starts[number], starts[number + 1]
    return Cut(text[:start], "", text[start:end])


def _line_break(rest: str) -> str:
    return "\n" if rest.startswith("\n") else ""


def _indent_end(example: Example, start: int, end: int) -> int:
    line = example.target[start:end]
    return start + len(line) - len(line.lstrip())


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each line, its break left out."""
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1
