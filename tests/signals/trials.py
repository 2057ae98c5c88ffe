"""Random editing of random documents, the tracker against the oracle.

A trial is one document with one accepted text and up to two dozen edits, sent as an editor
sends them, in one of the three position encodings. After each edit the place, the text and
the surviving characters are compared, at the end the settlement. Edits that change nothing
but the layout of lines are left out: they are aligned.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from habitus_server.outcomes import Settlement, Tracker
from habitus_server.positions import Position, PositionEncoding
from habitus_server.records import Outcome
from habitus_server.text import Buffer, ContentChange, replay
from signals.oracle import Oracle, touched
from signals.scene import suggestion

STEP_S = 0.3
CODE = "abcdefgh_ \t=,()[]'\"."
FAR = "éßжλ中文あ한עع😀🎉𝒳👩\u200d\u0301\u0308\u2028\x0c" + "".join(map(chr, range(0x4E00, 0x4F00)))
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class Sent(NamedTuple):
    """An edit, and what takes it back."""

    start: int
    end: int
    new: str
    gone: str


class Cut(NamedTuple):
    """A block that was removed with all of the text in it."""

    block: str
    offset: int
    tags: list[tuple[str, int]]
    closed: tuple[bool, bool]
    survivors: int


class Trial:
    """One document under a tracker and under the oracle."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.encoding = draw.choice(list(PositionEncoding))
        self.line_break = draw.choice(["\n", "\n", "\r\n", "\r"])
        self.now = 100.0
        self.edits = 0
        self.cut: Cut | None = None
        self.taken: list[str] = []
        """What was taken away together with most of the text, without white space."""
        self.is_doubtful = False
        """Whether such a text was written anew: it may have been moved, or not."""
        before, after = self._words(draw.randrange(30)), self._words(draw.randrange(30))
        text = self._words(draw.randrange(1, 24)) or "x"
        self.buffer = Buffer(before + after)
        self.tracker = Tracker(self.buffer)
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        self.tracker.offer(suggestion(plain), len(before), len(before), self.now)
        self.oracle = Oracle(before + text + after, len(before), len(before) + len(text))
        self._notify([self._change(before + after, len(before), len(before), text)])
        self.tracker.accept("a", self.now)
        self.done: list[Sent] = []
        self.is_undoing = False

    def play(self) -> None:
        """Edit for a while, then compare what it settles as."""
        self.compare()
        for _ in range(self.draw.randrange(1, 12)):
            if self.draw.random() < 0.06:
                self.move()
            else:
                self.write(self.draw.choice([1, 1, 1, 2, 3]))
            self.compare()
        self.settle()

    def write(self, count: int) -> None:
        """One notification with one or more edits."""
        changes = []
        for _ in range(count):
            back = self._taken_back()
            sent = back or self._random_edit()
            if _is_new_layout(sent):
                if back is not None:
                    self.done = []  # what came before it has other offsets as long as it stands
                continue
            changes.append(self._change(self._text, sent.start, sent.end, sent.new))
            self._tell_oracle(sent)
            if back is None:
                self.done.append(sent)
            if _solid(sent.new) >= 4:
                break
        self._notify(changes)

    def move(self) -> None:
        """Cut a block with all of the text in it, and paste it elsewhere."""
        oracle = self.oracle
        low, high = oracle.bounds
        start, end = max(0, low - self.draw.randrange(4)), high + self.draw.randrange(4)
        start, end = self._safe(start), self._safe(min(end, len(oracle.chars)))
        block = self._text[start:end]
        if start > low or end < high or not oracle.survivors or _solid(block) < 4:
            return
        cut = Sent(start, end, "", block)
        self._notify([self._change(self._text, start, end, "")])
        self._tell_oracle(cut)
        at = self._safe(self.draw.randrange(len(oracle.chars) + 1))
        paste = Sent(at, at, block, "")
        self._notify([self._change(self._text, at, at, block)])
        self._tell_oracle(paste)
        self.done = [cut, paste]

    def compare(self) -> None:
        """The tracker and the oracle say the same."""
        span = self.tracker.accepted_spans()["a"]
        oracle = self.oracle
        assert self.buffer.text == self._text
        assert (span.start, span.end) == oracle.bounds
        assert span.text == oracle.text
        assert span.survivors == oracle.survivors

    def settle(self) -> None:
        """They settle it alike."""
        signals = self.tracker.tick(self.now + 700.0)
        settled = next((one for one in signals if isinstance(one, Settlement)), None)
        assert settled is not None, "it had settled before"
        if settled.outcome is Outcome.CENSORED:
            assert self.is_doubtful, "nothing is in doubt"
            return
        oracle = self.oracle
        assert (settled.outcome.value, settled.retained_chars) == (oracle.outcome, oracle.retained)
        assert settled.final_text == oracle.text.replace("\r\n", "\n").replace("\r", "\n")

    # --- edits ------------------------------------------------------------------------

    @property
    def _text(self) -> str:
        return "".join(self.oracle.chars)

    def _random_edit(self) -> Sent:
        """A small edit, most often near the text, often with characters that stood there."""
        draw, size = self.draw, len(self.oracle.chars)
        low, high = self.oracle.bounds
        near = draw.randrange(max(0, low - 4), min(size, high + 4) + 1)
        start = self._safe(near if draw.random() < 0.8 else draw.randrange(size + 1))
        end = self._safe(min(size, start + draw.choice([0, 0, 0, 1, 1, 2, 4, 12, 40])))
        letters = draw.choice([CODE, FAR, self.oracle.original, self.oracle.original])
        new = "".join(draw.choice(letters) for _ in range(draw.choice([0, 1, 1, 1, 2, 3])))
        if draw.random() < 0.1:
            new += self.line_break
        if draw.random() < 0.2:
            new = self._retyped() or new
        gone = "".join(self.oracle.chars[start:end])
        if draw.random() < 0.1:
            new = gone + new if draw.random() < 0.5 else new + gone
        return Sent(start, max(start, end), new, gone)

    def _retyped(self) -> str:
        """A few characters that stood side by side, which may be what is missing."""
        original = self.oracle.original
        low = self.draw.randrange(len(original))
        piece = original[low : low + self.draw.randrange(1, 7)]
        return piece if _solid(piece) < 4 else ""

    def _taken_back(self) -> Sent | None:
        """The latest edit that stands taken back, now and then, and often the one before it."""
        if not self.done or self.draw.random() > (0.7 if self.is_undoing else 0.12):
            self.is_undoing = False
            return None
        last = self.done[-1]
        end = last.start + len(last.new)
        if self._safe(last.start) != last.start or self._safe(end) != end:
            return None
        del self.done[-1]
        self.is_undoing = True
        return Sent(last.start, end, last.gone, last.new)

    def _tell_oracle(self, sent: Sent) -> None:
        """One edit; a block with all of the text in it that is put back elsewhere carries it."""
        for low, high, new in touched(sent.gone, sent.start, sent.new):
            if low != high or new:
                self._tell_part(Sent(low, high, new, "".join(self.oracle.chars[low:high])))

    def _tell_part(self, sent: Sent) -> None:
        oracle, (low, high) = self.oracle, self.oracle.bounds
        tags, closed, before = oracle.marked(), oracle.closed, len(oracle.survivors)
        oracle.edit(sent.start, sent.end, sent.new)
        left = len(oracle.survivors)
        self._doubt(sent, before, left, "".join(char for char, _ in tags))
        if before and left * 2 <= before and _solid(sent.gone) >= 4:
            is_whole = sent.start <= low and high <= sent.end
            self.cut = Cut(sent.gone, low - sent.start, tags, closed, before) if is_whole else None
        elif self.cut and left * 2 <= self.cut.survivors and sent.new == self.cut.block:
            oracle.carry(sent.start, len(sent.new), self.cut.offset, self.cut.tags)
            oracle.closed, self.cut = self.cut.closed, None

    def _doubt(self, sent: Sent, before: int, left: int, text: str) -> None:
        new = "".join(sent.new.split())
        self.is_doubtful = self.is_doubtful or any(gone in new for gone in self.taken)
        if before and left * 2 <= before:
            self.taken += ["".join(gone.split()) for gone in (sent.gone, text) if _solid(gone) >= 4]

    def _notify(self, changes: list[ContentChange]) -> None:
        self.now += STEP_S
        self.edits += len(changes)
        change = replay(self.buffer, changes, self.encoding)
        self.buffer = change.after
        self.tracker.edit(change, self.now)
        if self.cut is not None and len(self.oracle.survivors) * 2 > self.cut.survivors:
            self.cut = None  # it is back, and is put nowhere else any more

    def _change(self, text: str, start: int, end: int, new: str) -> ContentChange:
        return ContentChange(new, self._position(text, start), self._position(text, end))

    def _position(self, text: str, at: int) -> Position:
        """A place as the encoding counts it, read character by character."""
        line = begun = 0
        for index in range(at):
            if text[index] == "\n" or (text[index] == "\r" and text[index + 1 : index + 2] != "\n"):
                line, begun = line + 1, index + 1
        name, width = UNITS[self.encoding.value]
        units = len(text[begun:at].encode(name, "surrogatepass")) // width
        return Position(line, units)

    def _safe(self, at: int) -> int:
        """No editor has a cursor between CR and LF."""
        chars = self.oracle.chars
        return at - 1 if 0 < at < len(chars) and chars[at - 1 : at + 1] == ["\r", "\n"] else at

    def _words(self, size: int) -> str:
        draw = self.draw
        return "".join(
            self.line_break if draw.random() < 0.1 else draw.choice(draw.choice([CODE, FAR, FAR]))
            for _ in range(size)
        )


def _is_new_layout(sent: Sent) -> bool:
    """Whether lines give way to the same characters, spaced and punctuated otherwise."""
    gone, new = sent.gone, sent.new
    while gone and new and gone[0] == new[0]:
        gone, new = gone[1:], new[1:]
    while gone and new and gone[-1] == new[-1]:
        gone, new = gone[:-1], new[:-1]
    bare_gone, bare_new = (
        [char for char in text if not char.isspace() and char not in "'\",()"]
        for text in (gone, new)
    )
    return "\n" in gone and new != "" and bare_gone == bare_new


def _solid(text: str) -> int:
    return sum(not char.isspace() for char in text)


def run(edits: int, seed: int) -> tuple[int, int]:
    """Trials until so many edits are played: how many edits, and how many trials."""
    played = trials = 0
    while played < edits:
        trial = Trial(random.Random(f"{seed}/{trials}"))
        trials += 1
        try:
            trial.play()
        except AssertionError as error:
            raise AssertionError(f"trial {seed}/{trials - 1} differs: {error}") from error
        played += trial.edits
    return played, trials
