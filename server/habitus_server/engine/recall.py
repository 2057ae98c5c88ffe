"""What memory says while one continuation is written.

Promises evidence for the next token wherever the cursor stands, inside a word too:
the cut word is taken back, places where a word goes on from it are found, and what
remains of each is read in the tokens that the model would write. Knows segments,
tokens and gates; not whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.evidence import NOTHING_SEEN, Seen
from habitus_server.engine.gates import Gates, Level, Mixture, Probabilities
from habitus_server.engine.segment import GAP, LONGEST, Matches, Run
from habitus_server.engine.tokens import Tokens
from habitus_server.engine.vocabulary import LINE_AHEAD, Vocabulary

AHEAD = 12
"""Tokens read ahead from each place where a cut word goes on."""

_HEALED = 256
_TAIL_CHARS = 240


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


class Recall:
    """The mixer of one continuation at one place."""

    def __init__(
        self,
        view: View,
        vocabulary: Vocabulary,
        gates: Gates,
        prefix: str,
        *,
        is_known: bool,
        ends_line: bool,
    ) -> None:
        self._view = view
        self._vocabulary = vocabulary
        self._gates = gates
        self._is_known = is_known
        self._ends_line = ends_line
        self._seen = NOTHING_SEEN
        self._closing = NOTHING_SEEN
        self._written: list[int] = []
        self._found: tuple[int, list[tuple[Run, Matches]]] | None = None
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
            self._closing = self._seen.after(token)
            return
        follows = self._healing.ahead[:, len(self._written) - 1] == token
        self._healing = Healing(
            self._healing.ahead[follows],
            self._healing.lengths[follows],
            self._healing.is_local[follows],
        )
        self._leave_the_cut_word()

    def draft(self, limit: int) -> list[int]:
        """What followed the longest match, as a completion writes it; changes nothing."""
        way: list[int]
        if self._healing is not None:
            healing = self._healing
            if not len(healing.lengths):
                return []
            way = healing.ahead[healing.lengths.argmax(), len(self._written) :].tolist()
        else:
            way = self._longest_way(limit)
        end = way.index(GAP) if GAP in way else len(way)
        return way[: min(end, limit)]

    def _longest_way(self, limit: int) -> list[int]:
        """Tokens behind the place that shares most with the context; the open file's first."""
        longest, way = 0, [GAP]
        closing = self._closing
        if len(closing.lengths):
            row = int(closing.lengths.argmax())
            longest, way = int(closing.lengths[row]), closing.ways[row].tolist()
        for run, matches in self._find(self._context[-LONGEST:]):
            if not len(matches.at):
                continue
            row = int(matches.lengths.argmax())
            if matches.lengths[row] > longest:
                longest, at = int(matches.lengths[row]), int(matches.at[row])
                way = run.ids[at : at + limit].tolist()
                if self._ends_line:
                    ways = self._vocabulary.line_ways[way]
                    way = [int(t) for t in ways.ravel() if t != GAP] + [GAP]
        return way

    def _leave_the_cut_word(self) -> None:
        """Go over to whole tokens once the text has passed the end of the cut word."""
        tokens = self._vocabulary.tokens
        spelled = self._cut + tokens.bytes_of(self._written)
        is_overdue = len(self._written) >= AHEAD  # the rows end here
        try:
            text = spelled.decode(errors="replace" if is_overdue else "strict")
        except UnicodeDecodeError:
            return
        ids, words = tokens.encode_words(text)
        end = 0
        for index, token in enumerate(ids):
            end += len(tokens.pieces[token])
            ends_word = index + 1 == len(ids) or words[index + 1] != words[index]
            if end < len(self._cut) or not ends_word:
                continue
            # Whole again where a natural word and a written token end together.
            inside = self._count_until(end - len(self._cut))
            if inside is not None and inside < len(self._written):
                self._go_on(self._before + ids[: index + 1] + self._written[inside:])
                return
        if is_overdue:
            self._go_on(self._before + ids)

    def _go_on(self, context: list[int]) -> None:
        """Look up whole tokens from here on; rows that are about to end still say so."""
        healing, step, end = self._healing, len(self._written), self._vocabulary.end
        self._context = context
        self._healing = None
        if healing is not None and step < AHEAD:
            ways = np.full((len(healing.ahead), LINE_AHEAD), GAP, np.int32)
            rows = healing.ahead[:, step : step + LINE_AHEAD]
            ways[:, : rows.shape[1]] = rows
            ends = (ways == end).any(axis=1)
            lengths = healing.lengths[ends] + step
            self._closing = Seen(ways[ends], lengths, healing.is_local[ends])

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
            ways = healing.ahead[:, step : step + 1]
            levels = Seen(ways, healing.lengths + step, healing.is_local).levels()
        else:
            self._seen = self._look_up(self._context[-LONGEST:]).joined(self._closing)
            levels = self._seen.levels()
            if self._view.vocabulary is not None:
                levels.append(self._view.vocabulary)
        levels.sort(key=lambda level: (-level.length, not level.is_local))
        return levels

    def _look_up(self, context: Sequence[int]) -> Seen:
        """What followed the places that the context precedes."""
        parts = self._find(context)
        natural = np.concatenate([run.ids[matches.at] for run, matches in parts])
        ways = self._vocabulary.line_ways[natural]
        if not self._ends_line:
            ways = np.full_like(ways, GAP)
            ways[:, 0] = natural
        return Seen(
            ways=ways,
            lengths=np.concatenate([matches.lengths for _, matches in parts]),
            is_local=np.arange(len(natural)) < len(parts[0][1].at),
        )

    def _find(self, context: Sequence[int]) -> list[tuple[Run, Matches]]:
        """Places that the context precedes, in the open file and in the workspace."""
        if self._found is None or self._found[0] != len(self._written):
            parts = [(self._view.local, self._view.local.matches(context))]
            parts += [
                (segment, segment.matches(context, without=self._view.without))
                for segment in self._view.segments
            ]
            # A draft and the step after it ask for the same places.
            self._found = len(self._written), parts
        return self._found[1]

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
        rest = pieces[int(run.ids[at])][offset:]
        at += 1
        joins = 1
        while at < len(run.ids) and (not run.starts[at] or joins):
            if run.starts[at]:
                # Left alone, "_" of "self._x" joins the word behind it, as it did not there.
                if not rest or rest[-1:].isalnum() or b"\n" in rest or run.ids[at] == GAP:
                    break
                joins = 0
            rest += pieces[int(run.ids[at])]
            at += 1
        head, newline, _ = rest.partition(b"\n")
        ends_here = self._ends_line and bool(newline)
        row = list(self._vocabulary.read(head.rstrip(b"\r") if ends_here else rest))
        if row[:1] == [GAP]:
            return []
        if ends_here:
            return [*row, self._vocabulary.end]
        for index in run.ids[at : at + max(0, AHEAD - len(row))].tolist():
            way = self._vocabulary.line_ways[index] if self._ends_line else [index]
            row += [int(token) for token in way if token != GAP]
            if index == GAP or self._vocabulary.end in row:
                break
        return row


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
