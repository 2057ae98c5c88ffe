"""What memory says while one continuation is written.

Promises evidence for the next token wherever the cursor stands, inside a word too:
the cut word is taken back, places where a word goes on from it are found, and what
remains of each is read in the tokens that the model would write. Knows trails,
tokens and gates; not whose they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from habitus_server.engine.evidence import Seen, ladder
from habitus_server.engine.gates import Gates, Level, Mixture, Probabilities
from habitus_server.engine.healing import AHEAD, Way, ways_on
from habitus_server.engine.segment import GAP, LONGEST, Document, Run
from habitus_server.engine.tokens import Tokens
from habitus_server.engine.trail import Trail, enough, trail_of
from habitus_server.engine.vocabulary import Vocabulary

WANTED = 24
"""Shorter matches are looked at until this many places are: three levels need no more."""

WARY = 4
"""Of the places that go on as a rejected text does, so many count as one, and fewer as none."""

_LONGEST_WORD = 512


class View(msgspec.Struct, frozen=True):
    """What one request may recall: the open file, and the workspace without its file on disk.

    `context` are the last tokens before the word at the cursor, `cut` is that word as far as
    it stands left of it. `vocabulary` is what the open file is made of, whatever stands before
    it: evidence behind a match of length 0. Where a place goes on as one of the `rejected`
    texts does, it counts for little.
    """

    local: Run
    vocabulary: Level | None
    context: list[int]
    cut: bytes
    segments: tuple[Run, ...]
    without: str
    rejected: tuple[bytes, ...] = ()


class Recall:
    """The mixer of one continuation at one place."""

    def __init__(
        self,
        view: View,
        vocabulary: Vocabulary,
        gates: Gates,
        *,
        is_known: bool,
        ends_line: bool,
    ) -> None:
        self._view = view
        self._vocabulary = vocabulary
        self.gates = gates
        self._is_known = is_known
        self._ends_line = ends_line
        self._written: list[int] = []
        self._seen: tuple[Seen, Seen] | None = None
        self.last: Mixture | None = None
        self.trails: list[Trail] = [
            trail_of(view.local, view.context),
            *(trail_of(run, view.context, without=view.without) for run in view.segments),
        ]
        self._heals = bool(view.cut)
        self._rejected = view.rejected
        self._ways: list[Way] = []
        """While a cut word is healed all there is to go by; then tokens joined to a line's
        end, of which a part is written."""
        if self._heals:
            self._ways = ways_on(vocabulary, self.trails, view.cut, ends_line=ends_line)
            if self._rejected:
                doubted = [way for way in self._ways if self._is_rejected(way.tokens)]
                trusted = [way for way in self._ways if way not in doubted]
                self._ways = trusted + doubted[WARY - 1 :: WARY]

    def mix(self, model: Probabilities) -> Probabilities:
        """The served distribution, given the model's."""
        local, others = self._look()
        levels = ladder(local, is_local=True) + ladder(others, is_local=False)
        levels.sort(key=lambda level: (-level.length, not level.is_local))
        if self._view.vocabulary is not None and not self._heals:
            levels.append(self._view.vocabulary)
        self.last = self.gates.mix(model, levels, is_known=self._is_known)
        return self.last.served

    def learn(self, token: int) -> None:
        """Fit the gates on the token that really came, after `mix` and before `advance`."""
        if self.last is not None:
            self.gates.learn(self.last, token)

    def advance(self, token: int) -> None:
        """The continuation goes on with this token."""
        ways = self._ways
        if self._ends_line and not self._heals and token in self._vocabulary.joined_heads:
            ways = ways + self._joined(token)
        self._seen = None
        self._written.append(token)
        if self._rejected:
            piece = self._vocabulary.tokens.pieces[token]
            goes_on = [rest for rest in self._rejected if rest.startswith(piece)]
            self._rejected = tuple(rest[len(piece) :] for rest in goes_on if rest != piece)
        self._ways = [
            Way(way.length + 1, way.tokens[1:], way.is_local)
            for way in ways
            if way.tokens[0] == token and len(way.tokens) > 1
        ]
        if self._heals:
            self._leave_the_cut_word()
        else:
            for trail in self.trails:
                trail.advance(token)

    def draft(self, limit: int) -> list[int]:
        """What most of the longest matches go on with, as a completion writes it."""
        longest = max((way.length for way in self._ways), default=0)
        ways = [way.tokens for way in self._ways if way.length == longest]
        if not self._heals:
            length = next((n for n in range(LONGEST, longest, -1) if self._count(n)), 0)
            if length:
                ways = [
                    self._way_from(trail.run, place, limit)
                    for trail in self.trails
                    for places in trail.places(length).values()
                    for place in trail.visible(places)
                ] or ways
        drafted: list[int] = []
        while len(ways) > 1 and len(drafted) < limit:
            at = len(drafted)
            ways = [way for way in ways if len(way) > at]
            if ways:
                token, _ = Counter(way[at] for way in ways).most_common(1)[0]
                drafted.append(token)
                ways = [way for way in ways if way[at] == token]
        return drafted + [token for way in ways for token in way[len(drafted) : limit]]

    def _count(self, length: int) -> int:
        return sum(trail.count(length) for trail in self.trails)

    def _way_from(self, run: Run, place: int, limit: int) -> tuple[int, ...]:
        ids = run.ids[place : place + limit].tolist()
        if GAP in ids:
            del ids[ids.index(GAP) :]
        return tuple(self._vocabulary.line_way(ids) if self._ends_line else ids)

    # --- one step ---------------------------------------------------------------------

    def _look(self) -> tuple[Seen, Seen]:
        """What followed in places like this one: in the open file, in the others."""
        if self._seen is None:
            local: Seen = {}
            others: Seen = {}
            if not self._heals:
                self._read(self.trails[:1], local)
                self._read(self.trails[1:], others)
            for way in self._ways:
                seen = local if way.is_local else others
                seen.setdefault(way.length, []).append(way.tokens[0])
            self._seen = local, others
        return self._seen

    def _read(self, trails: Sequence[Trail], seen: Seen) -> None:
        """What followed the places that match best, as a completion writes it."""
        length = enough(trails, WANTED)
        firsts = self._vocabulary.line_firsts if self._ends_line else None
        for trail in trails:
            for shared, places in trail.places(length).items():
                if self._rejected:
                    places = self._trusted(trail.run, places)
                tokens = trail.tokens_at(places)
                if firsts is not None:
                    tokens = [firsts[token] for token in tokens]
                if shared in seen:
                    seen[shared] += tokens
                elif tokens:
                    seen[shared] = tokens

    def _trusted(self, run: Run, places: list[int]) -> list[int]:
        """The places, of those that go on as a rejected text does a few only."""
        size = max(map(len, self._rejected))
        doubted = [p for p in places if self._is_rejected(self._way_from(run, p, size))]
        return [p for p in places if p not in doubted] + doubted[WARY - 1 :: WARY]

    def _is_rejected(self, tokens: Sequence[int]) -> bool:
        """Whether tokens spell the whole of a rejected text."""
        spelled = self._vocabulary.tokens.bytes_of(tokens)
        return any(spelled.startswith(rest) for rest in self._rejected)

    def _joined(self, token: int) -> list[Way]:
        """Tokens that a line's completion writes as several, this one first."""
        firsts, way = self._vocabulary.line_firsts, self._vocabulary.way
        ways = []
        for number, trails in enumerate((self.trails[:1], self.trails[1:])):
            length = enough(trails, WANTED)
            for trail in trails:
                for shared, places in trail.places(length).items():
                    for one in trail.tokens_at(places):
                        if firsts[one] == token and one != token:
                            ways.append(Way(shared, way(one), number == 0))
        return ways

    # --- cut words --------------------------------------------------------------------

    def _leave_the_cut_word(self) -> None:
        """Go over to whole tokens once the text has passed the end of the cut word."""
        tokens = self._vocabulary.tokens
        spelled = self._view.cut + tokens.bytes_of(self._written)
        is_overdue = len(self._written) >= AHEAD  # the ways end here
        try:
            text = spelled.decode(errors="replace" if is_overdue else "strict")
        except UnicodeDecodeError:
            return
        ids, words = self._vocabulary.words(text)
        end = 0
        for index, token in enumerate(ids):
            end += len(tokens.pieces[token])
            ends_word = index + 1 == len(ids) or words[index + 1] != words[index]
            if end < len(self._view.cut) or not ends_word:
                continue
            # Whole again where a natural word and a written token end together.
            inside = self._count_until(end - len(self._view.cut))
            if inside is not None and inside < len(self._written):
                self._go_on(ids[: index + 1] + self._written[inside:])
                return
        if is_overdue:
            self._go_on(ids)

    def _go_on(self, passed: list[int]) -> None:
        """Look up whole tokens from here on; ways that are about to end still say so."""
        self._heals = False
        for trail in self.trails:
            for token in passed:
                trail.advance(token)
        self._ways = [way for way in self._ways if way.tokens[-1] == self._vocabulary.end]

    def _count_until(self, size: int) -> int | None:
        """How many of the written tokens spell the first `size` bytes, if any number does."""
        for count in range(len(self._written) + 1):
            if size <= 0:
                return count if size == 0 else None
            if count < len(self._written):
                size -= len(self._vocabulary.tokens.pieces[self._written[count]])
        return None


def split_words(before: Document, tokens: Tokens) -> tuple[list[int], bytes]:
    """The last ids of a text up to its last pre-token, and that pre-token's bytes."""
    starts = before.starts[-_LONGEST_WORD:].nonzero()[0]
    if not len(starts):
        return [], b""  # nothing stands there, or no word that anybody would write
    whole = max(0, len(before.ids) - _LONGEST_WORD) + int(starts[-1])
    context = before.ids[max(0, whole - LONGEST) : whole]
    return context.tolist(), tokens.bytes_of(before.ids[whole:].tolist())
