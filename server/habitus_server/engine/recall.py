"""What memory says while one continuation is written.

Promises evidence for the next token wherever the cursor stands, inside a word too:
the cut word is taken back, places where a word goes on from it are found, and what
remains of each is read in the tokens that the model would write. Knows segments,
tokens and gates; not whose they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.gates import Gates, Level, Mixture, Probabilities
from habitus_server.engine.segment import GAP, LONGEST, Ids, Matches, Run
from habitus_server.engine.tokens import Tokens

AHEAD = 12
"""Tokens read ahead from each place where a cut word goes on."""

_HEALED = 256
_LEVELS = 3
_TAIL_CHARS = 240
_ZERO = np.zeros(1, np.int64)


class View(msgspec.Struct, frozen=True):
    """What one request may recall: the open file, and the workspace without its file on disk.

    `vocabulary` is what the open file is made of, whatever stands before it: evidence
    behind a match of length 0.
    """

    local: Run
    segments: tuple[Run, ...]
    without: str
    vocabulary: Level | None


class Healing(msgspec.Struct, frozen=True):
    """Ways on from a cut word: rows of `ahead` tokens, and how well each place matched."""

    ahead: NDArray[np.int32]  # [places, AHEAD], GAP where a row has ended
    lengths: NDArray[np.int64]
    is_local: NDArray[np.bool_]


class Vocabulary:
    """Tokens by what they spell, for going on from a part of one."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        order = sorted(range(tokens.size), key=lambda index: tokens.pieces[index])
        self._sorted = [tokens.pieces[index] for index in order]
        self._ranks = np.empty(tokens.size + 1, np.int64)
        self._ranks[order] = np.arange(tokens.size)
        self._ranks[GAP] = -1
        self._exact = {tokens.pieces[index]: index for index in reversed(order)}
        self._rests: dict[bytes, list[int]] = {}

    def starting_with(self, text: bytes, ids: Ids) -> NDArray[np.bool_]:
        """Which of `ids` spell something that begins with `text`."""
        low = bisect_left(self._sorted, text)
        high = bisect_left(self._sorted, text + b"\xff\xff")
        ranks = self._ranks[ids]
        return (ranks >= low) & (ranks < high)

    def spelling(self, text: bytes) -> int | None:
        """The token that spells exactly this."""
        return self._exact.get(text)

    def read(self, rest: bytes) -> list[int]:
        """What remains of a word, read on its own as a completion would write it."""
        if not rest:
            return []
        known = self._rests.get(rest)
        if known is None:
            try:
                known = self.tokens.encode(rest.decode())
            except UnicodeDecodeError:
                known = [GAP]
            if len(self._rests) > 50_000:
                self._rests.clear()
            self._rests[rest] = known
        return known


class Recall:
    """The mixer of one continuation at one place."""

    def __init__(
        self, view: View, vocabulary: Vocabulary, gates: Gates, prefix: str, *, is_known: bool
    ) -> None:
        self._view = view
        self._vocabulary = vocabulary
        self._gates = gates
        self._is_known = is_known
        self._written: list[int] = []
        self.last: Mixture | None = None
        self._before, self._cut = _split_words(vocabulary.tokens, _tail(prefix))
        self._context = list(self._before)
        self._healing = self._heal() if self._cut else None

    def mix(self, model: Probabilities) -> Probabilities:
        """The served distribution, given the model's."""
        levels = self._levels()
        self.last = self._gates.mix(model, levels, is_known=self._is_known)
        return self.last.served

    def learn(self, token: int) -> None:
        """Fit the gates on the token that really came, after `mix` and before `advance`."""
        if self.last is not None:
            self._gates.learn(self.last, token)

    def advance(self, token: int) -> None:
        """The continuation goes on with this token."""
        self._written.append(token)
        if self._healing is None:
            self._context.append(token)
            return
        follows = self._healing.ahead[:, len(self._written) - 1] == token
        self._healing = Healing(
            self._healing.ahead[follows],
            self._healing.lengths[follows],
            self._healing.is_local[follows],
        )
        self._leave_the_cut_word()

    def _leave_the_cut_word(self) -> None:
        """Go over to whole tokens once the text has passed the end of the cut word."""
        tokens = self._vocabulary.tokens
        try:
            text = (self._cut + tokens.bytes_of(self._written)).decode()
        except UnicodeDecodeError:
            return
        before = len(self._cut)
        ids, words = tokens.encode_words(text)
        end = 0
        for index, token in enumerate(ids):
            end += len(tokens.pieces[token])
            ends_word = index + 1 == len(ids) or words[index + 1] != words[index]
            if end >= before and ends_word:
                break
        else:
            return
        inside = self._count_until(end - before)
        if inside is not None and inside < len(self._written):
            self._context = self._before + ids[: index + 1] + self._written[inside:]
            self._healing = None
        elif len(self._written) >= AHEAD:
            self._context = self._before + ids
            self._healing = None

    def _count_until(self, size: int) -> int | None:
        """How many of the written tokens spell the first `size` bytes, if any number does."""
        for count in range(len(self._written) + 1):
            if size <= 0:
                return count if size == 0 else None
            if count < len(self._written):
                size -= len(self._vocabulary.tokens.pieces[self._written[count]])
        return None

    def _levels(self) -> list[Level]:
        if self._healing is not None:
            healing, step = self._healing, len(self._written)
            nexts, lengths = healing.ahead[:, step], healing.lengths + step
            known = nexts != GAP
            levels = []
            for is_local in (True, False):
                chosen = known & (healing.is_local == is_local)
                levels += _ladder(nexts[chosen], lengths[chosen], is_local=is_local)
        else:
            context = self._context[-LONGEST:]
            local = self._view.local
            near = local.matches(context)
            levels = _ladder(local.ids[near.at], near.lengths, is_local=True)
            far = [
                (s.ids, s.matches(context, without=self._view.without))
                for s in self._view.segments
            ]
            if far:
                nexts = np.concatenate([ids[m.at] for ids, m in far])
                lengths = np.concatenate([m.lengths for _, m in far])
                levels += _ladder(nexts, lengths, is_local=False)
            if self._view.vocabulary is not None:
                levels.append(self._view.vocabulary)
        levels.sort(key=lambda level: (-level.length, not level.is_local))
        return levels

    def _heal(self) -> Healing:
        rows: list[list[int]] = []
        lengths: list[int] = []
        local: list[bool] = []
        context = self._context[-LONGEST:]
        for run in (self._view.local, *self._view.segments):
            is_local = run is self._view.local
            matches = run.matches(context, without=None if is_local else self._view.without)
            for token_at, offset, length in self._ways_on(run, matches, self._cut):
                row = self._row(run, token_at, offset)
                if row:
                    rows.append((row + [GAP] * AHEAD)[:AHEAD])
                    lengths.append(length + 1)
                    local.append(is_local)
        ahead = np.array(rows, np.int32).reshape(-1, AHEAD)
        return Healing(ahead, np.array(lengths, np.int64), np.array(local, np.bool_))

    def _ways_on(self, run: Run, matches: Matches, cut: bytes) -> list[tuple[int, int, int]]:
        """Places where the text goes on with `cut`: token, offset in it, match length."""
        found: list[tuple[int, int, int]] = []
        waiting = [(matches.at, matches.lengths, cut)]
        while waiting:
            at, lengths, text = waiting.pop()
            keep = at < len(run.ids)
            at, lengths = at[keep], lengths[keep]
            ids = run.ids[at]
            ends = self._vocabulary.starting_with(text, ids)
            found += [
                (int(a), len(text), int(n)) for a, n in zip(at[ends], lengths[ends], strict=True)
            ]
            for size in range(1, len(text)):
                token = self._vocabulary.spelling(text[:size])
                if token is not None and (inside := ids == token).any():
                    waiting.append((at[inside] + 1, lengths[inside], text[size:]))
        found.sort(key=lambda way: -way[2])
        return found[:_HEALED]

    def _row(self, run: Run, at: int, offset: int) -> list[int]:
        """The tokens that a completion would write from inside the token at `at`."""
        pieces = self._vocabulary.tokens.pieces
        token = int(run.ids[at])
        rest = pieces[token][offset:]
        at += 1
        while at < len(run.ids) and not run.starts[at]:
            rest += pieces[int(run.ids[at])]
            at += 1
        row = list(self._vocabulary.read(rest))
        following: Sequence[int] = run.ids[at : at + max(0, AHEAD - len(row))].tolist()
        for index in following:
            row.append(index)
            if index == GAP:
                break
        return row if row[:1] != [GAP] else []


def _ladder(
    nexts: NDArray[np.int32], lengths: NDArray[np.int64], *, is_local: bool
) -> list[Level]:
    """Levels of evidence: the longest matches, then shorter ones while they add much."""
    known = nexts != GAP
    if not known.all():
        nexts, lengths = nexts[known], lengths[known]
    if not len(nexts):
        return []
    order = lengths.argsort(kind="stable")[::-1]
    nexts, lengths = nexts[order], lengths[order]
    levels: list[Level] = []
    counted = 0
    while counted < len(nexts) and len(levels) < _LEVELS:
        length = int(lengths[counted])
        count = len(lengths) - int(lengths[::-1].searchsorted(length))
        levels.append(level_of(nexts[:count], length, is_local=is_local))
        counted = 2 * count
    return levels


def level_of(nexts: NDArray[np.int32], length: int, *, is_local: bool) -> Level:
    """What followed, with its shares. `np.unique` says the same and takes thrice as long."""
    ordered = np.sort(nexts)
    turns = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate((_ZERO, turns))
    counts = np.concatenate((turns, [len(ordered)])) - starts
    return Level(is_local, length, len(ordered), ordered[starts], counts / len(ordered))


def _split_words(tokens: Tokens, text: str) -> tuple[list[int], bytes]:
    """The ids of a text up to its last pre-token, and that pre-token's bytes."""
    if not text:
        return [], b""
    ids, words = tokens.encode_words(text)
    whole = len(ids)
    while whole and words[whole - 1] == words[-1]:
        whole -= 1
    return ids[:whole], tokens.bytes_of(ids[whole:])


def _tail(prefix: str) -> str:
    """The last lines of a prefix, enough for the longest context, from a line's start."""
    if len(prefix) <= _TAIL_CHARS:
        return prefix
    start = prefix.rfind("\n", 0, len(prefix) - _TAIL_CHARS) + 1
    return prefix[max(start, len(prefix) - 4 * _TAIL_CHARS) :]
