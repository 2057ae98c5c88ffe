"""The simulated developer: what is done with a suggestion, and how text is typed.

The developer knows the line that was really written and nothing else that a person
would not see. The rules, in order (docs/replay.md repeats them):

1. *Accept* a suggestion that equals what was written: the rest of the line, or the
   rest and further whole lines that all follow in the same edit.
2. *Accept a part*: the first line is right and the lines below it are not; the first
   line alone is taken.
3. *Accept, then edit* when the first line is nearly right: edit similarity of at least
   0.7 and at least four keystrokes saved. The first line is taken and corrected.
4. *Accept, then revert* (a change of mind): one in four of the suggestions that look
   plausible, with an edit similarity of at least 0.35, taken and undone seconds later.
5. Otherwise *dismiss* by hand one in three, and *type over* the rest.

The chances are drawn from the seed and the place, so they are the same in every arm.
Typing takes 0.18 s a character, reading a suggestion 1.2 s. Knows no server and no
clock: callers turn durations into time.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import Enum

import msgspec

NEARLY_RIGHT = 0.7
PLAUSIBLE = 0.35
MIN_SAVED_CHARACTERS = 4
REVERT_SHARE = 0.25
DISMISS_SHARE = 1 / 3

SECONDS_PER_CHARACTER = 0.18
SECONDS_TO_READ = 1.2
SECONDS_TO_CHANGE_MIND = 5.0
SECONDS_BETWEEN_LINES = 2.0
SECONDS_BETWEEN_EDITS = 20.0
SECONDS_BETWEEN_FILES = 45.0
SECONDS_BEFORE_COMMIT = 11 * 60.0
"""Longer than the last horizon at which a server looks whether text was kept."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class Reaction(Enum):
    """What is done with a suggestion, by the rules above."""

    ACCEPT = "accept"
    ACCEPT_PART = "accept_part"
    ACCEPT_THEN_EDIT = "accept_then_edit"
    ACCEPT_THEN_REVERT = "accept_then_revert"
    DISMISS = "dismiss"
    TYPE_OVER = "type_over"

    @property
    def is_accepting(self) -> bool:
        """Whether the text, or a part of it, reaches the buffer."""
        return self in _ACCEPTING


_ACCEPTING = {
    Reaction.ACCEPT,
    Reaction.ACCEPT_PART,
    Reaction.ACCEPT_THEN_EDIT,
    Reaction.ACCEPT_THEN_REVERT,
}


class Decision(msgspec.Struct, frozen=True):
    """A reaction, and the leading part of the suggestion that it takes ("" for none)."""

    reaction: Reaction
    taken: str


def decide(proposal: str, answer: str, following: Sequence[str], chance: random.Random) -> Decision:
    """React to `proposal` where `answer` and then the `following` lines were written.

    `following` are the next lines of the same edit, without their ends; pass none to
    take no more than one line.
    """
    # Both drawn whatever the proposal is, so that one arm's luck is every arm's.
    reverts, dismisses = chance.random() < REVERT_SHARE, chance.random() < DISMISS_SHARE
    lines = proposal.split("\n")
    first = lines[0]
    if is_same(first, answer):
        below = [line.rstrip() for line in lines[1:]]
        if below == [line.rstrip() for line in following[: len(below)]]:
            return Decision(Reaction.ACCEPT, proposal)
        return Decision(Reaction.ACCEPT_PART, first)
    similarity = edit_similarity(first, answer)
    saved = len(answer) - edit_distance(first, answer)
    if similarity >= NEARLY_RIGHT and saved >= MIN_SAVED_CHARACTERS:
        return Decision(Reaction.ACCEPT_THEN_EDIT, first)
    if similarity >= PLAUSIBLE and reverts:
        return Decision(Reaction.ACCEPT_THEN_REVERT, first)
    return Decision(Reaction.DISMISS if dismisses else Reaction.TYPE_OVER, "")


def is_same(proposal: str, answer: str) -> bool:
    """Whether a line is the one that was written, trailing blanks apart."""
    return proposal.rstrip() == answer.rstrip()


def edit_similarity(first: str, second: str) -> float:
    """One minus the edit distance over the longer length; 1.0 for two empty texts."""
    longest = max(len(first), len(second))
    return 1.0 - edit_distance(first, second) / longest if longest else 1.0


def edit_distance(first: str, second: str) -> int:
    """Levenshtein's distance in characters."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def kept_characters(taken: str, written: str) -> int:
    """How many characters of an accepted text still stand in what was finally written."""
    matcher = SequenceMatcher(None, taken, written, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def corrections(taken: str, written: str) -> Iterator[tuple[int, int, str]]:
    """The edits that turn `taken` into `written`, word by word and top to bottom.

    Each is (start, end, replacement), with offsets as they are after the edits before.
    """
    before, after = _WORD.findall(taken), _WORD.findall(written)
    offset = 0
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = "".join(before[i1:i2]), "".join(after[j1:j2])
        if kind != "equal":
            yield offset, offset + len(old), new
        offset += len(new)


def typing_seconds(text: str) -> float:
    """How long it takes to type `text`."""
    return len(text) * SECONDS_PER_CHARACTER
