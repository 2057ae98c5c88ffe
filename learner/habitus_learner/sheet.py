"""Lines of tokens laid end to end, a beginning that several share laid once.

Promises that every line finds all its tokens in place: each reads what stands before it
in its own line and nothing else, as if it had been laid out alone. Knows nothing of
what a token weighs, of tensors or of models.

Lines that begin alike form a tree. The first is laid whole; of each other one only the
rest is laid, a piece that sees the slots of its line's beginning:

    slots     0 1 2 3 4 5 | 6 7 | 8 9 10 …      lines  p p p p a b,  p p p p c d,  e f g …
    pieces    0..6          6..8 sees 0..4      a line's last token is predicted and not read
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

MIN_SHARED = 16
"""Beginnings shorter than this are read twice: a tree costs attention more than lines do."""

Span = tuple[int, int]


class Piece(msgspec.Struct, frozen=True):
    """Slots `start` to `end`, each of which sees those of `sees` and of its piece up to itself."""

    start: int
    end: int
    sees: tuple[Span, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """What is read, and what is to be predicted from it.

    Per slot: the token that is read (`ids`) and its place in its line (`positions`). Per
    target: the slot whose state predicts it (`slots`) and the token (`targets`); two lines
    have a target in common where they have all before it in common, too. `lines` names
    each line's targets, in order. `trees` are the spans of slots that see each other.
    """

    ids: list[int]
    positions: list[int]
    pieces: list[Piece]
    trees: list[Span]
    slots: list[int]
    targets: list[int]
    lines: list[list[int]]


def lay_out(lines: Sequence[Sequence[int]]) -> Sheet:
    """The sheet of lines of two tokens or more; only neighbours share what they begin with."""
    sheet = Sheet([], [], [], [], [], [], [])
    tree: list[tuple[Sequence[int], list[int]]] = []
    for line in lines:
        shared, like = max(
            ((_common(line, other), number) for number, (other, _) in enumerate(tree)),
            default=(0, 0),
        )
        if shared < MIN_SHARED:
            tree, shared = [], 0
            sheet.trees.append((len(sheet.ids), len(sheet.ids)))
        path = tree[like][1][: min(shared, len(line) - 1)] if shared else []
        known = sheet.lines[len(sheet.lines) - len(tree) + like][: shared - 1] if shared else []
        tree.append((line, _lay_line(sheet, line, path, known)))
        sheet.trees[-1] = (sheet.trees[-1][0], len(sheet.ids))
    return sheet


def count_read(lines: Sequence[Sequence[int]]) -> int:
    """How many tokens the sheet of these lines reads."""
    return len(lay_out(lines).ids)


def _lay_line(sheet: Sheet, line: Sequence[int], path: list[int], known: list[int]) -> list[int]:
    """Lay what follows `path`, the slots that are there, and `known`, its targets; all slots."""
    start, end = len(sheet.ids), len(sheet.ids) + len(line) - 1 - len(path)
    if end > start:
        sheet.pieces.append(Piece(start, end, tuple(_spans(path))))
    sheet.ids.extend(line[len(path) : -1])
    sheet.positions.extend(range(len(path), len(line) - 1))
    slots = [*path, *range(start, end)]
    first = len(sheet.targets)
    sheet.slots.extend(slots[len(known) :])
    sheet.targets.extend(line[len(known) + 1 :])
    sheet.lines.append([*known, *range(first, len(sheet.targets))])
    return slots


def _spans(slots: Sequence[int]) -> Iterator[Span]:
    """Slots in rising order as spans."""
    start = 0
    for index in range(1, len(slots) + 1):
        if index == len(slots) or slots[index] != slots[index - 1] + 1:
            yield slots[start], slots[index - 1] + 1
            start = index


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two lines begin with alike."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
