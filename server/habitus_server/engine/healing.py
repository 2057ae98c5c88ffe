"""Ways on from a cut word.

Promises, for the bytes of a word that the cursor cuts, the places where what stands
before that word is followed by a word that begins with them, and what remains there in
the tokens that the model would write. Knows trails and tokens; not whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from habitus_server.engine.segment import GAP, Places, Run
from habitus_server.engine.trail import Trail
from habitus_server.engine.vocabulary import Vocabulary

AHEAD = 12
"""Tokens read ahead from each place where a cut word goes on."""

HEALED = 128
"""Places that are read ahead from: with half of them bits grow by half a percent, and twice
as many gain less."""

_LOOKED_AT = 768


class Way(msgspec.Struct, frozen=True):
    """What a completion would write at one place, and how well the place matches."""

    length: int
    tokens: tuple[int, ...]
    is_local: bool


def ways_on(
    vocabulary: Vocabulary, trails: Sequence[Trail], cut: bytes, *, ends_line: bool
) -> list[Way]:
    """Ways on from `cut`; the first trail is that of the open file."""
    found: list[tuple[int, int, int, int]] = []
    for number, trail in enumerate(trails):
        places, lengths = trail.around(_LOOKED_AT)
        for at, offset, length in _going_on(vocabulary, trail.run, places, lengths, cut):
            found.append((length, number, at, offset))
    found.sort(key=lambda one: -one[0])
    ways: list[Way] = []
    for length, number, at, offset in found[:HEALED]:
        tokens = _row(vocabulary, trails[number].run, at, offset, ends_line=ends_line)
        if tokens:
            ways.append(Way(length + 1, tuple(tokens[:AHEAD]), number == 0))
    return ways


def _going_on(
    vocabulary: Vocabulary, run: Run, places: Places, all_lengths: Places, cut: bytes
) -> list[tuple[int, int, int]]:
    """Places where the text goes on with `cut`: token, offset in it, match length."""
    found: list[tuple[int, int, int]] = []
    waiting = [(places, all_lengths, cut)]
    while waiting:
        at, lengths, text = waiting.pop()
        ids = run.ids[at]
        ends = vocabulary.starting_with(text, ids)
        found += [
            (a, len(text), n)
            for a, n in zip(at[ends].tolist(), lengths[ends].tolist(), strict=True)
        ]
        for size in range(1, len(text)):
            token = vocabulary.spelling(text[:size])
            if token is not None and (inside := ids == token).any():
                waiting.append((at[inside] + 1, lengths[inside], text[size:]))
    return found


def _row(vocabulary: Vocabulary, run: Run, at: int, offset: int, *, ends_line: bool) -> list[int]:
    """The tokens that a completion would write from inside the token at `at`."""
    pieces = vocabulary.tokens.pieces
    ids, starts = run.ids.data, run.starts.data
    rest = pieces[ids[at]][offset:]
    at += 1
    joins = 1
    while at < len(ids) and (not starts[at] or joins):
        if starts[at]:
            # Left alone, "_" of "self._x" joins the word behind it, as it did not there.
            if not rest or rest[-1:].isalnum() or b"\n" in rest or ids[at] == GAP:
                break
            joins = 0
        rest += pieces[ids[at]]
        at += 1
    head, newline, _ = rest.partition(b"\n")
    ends_here = ends_line and bool(newline)
    row = list(vocabulary.read(head.rstrip(b"\r") if ends_here else rest))
    if row[:1] == [GAP]:
        return []
    if ends_here:
        return [*row, vocabulary.end]
    following = ids[at : at + max(0, AHEAD - len(row))].tolist()
    if GAP in following:
        del following[following.index(GAP) :]
    return [*row, *(vocabulary.line_way(following) if ends_line else following)]
