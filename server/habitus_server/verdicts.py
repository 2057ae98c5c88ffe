"""What the text at a suggestion's place says about the suggestion.

Promises one judgement per notification, made on the resulting text alone, so that it is
the same for editors that send the missing characters, the whole word or a trimmed diff.
Pure: strings in, a verdict out.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

_SPACE = re.compile(r"\s+")
_CLOSERS = re.compile(r"[)\]}>\"'`;,]{0,3}\Z")
_LAST_COMMA = re.compile(r",([)\]}])")
_PAIRS = frozenset({"()", "[]", "{}", "<>", '""', "''", "``", '""""""', "''''''", '"""', "'''"})
LEAST_LEAP = 2
"""A partial acceptance has at least this many characters besides white space."""


class Kind(Enum):
    """How far the text at the place agrees with the suggestion."""

    UNTOUCHED = "untouched"
    TYPING = "typing"
    PARTIAL = "partial"
    COMPLETE = "complete"
    DIVERGED = "diverged"


class Verdict(msgspec.Struct, frozen=True):
    """`size` counts the characters at the place (as they stand there) that agree."""

    kind: Kind
    size: int = 0


def judge(expected: str, found: str, replaced: str, leapt: bool) -> Verdict:
    """Compare what was suggested with what is found where `replaced` stood before.

    `leapt` says that some step put more there than a keystroke can. Line breaks count as
    equal whatever their kind, and a complete text may be indented otherwise. A text that
    goes on with the suggestion's last word is another word.
    """
    if found == replaced:
        return Verdict(Kind.UNTOUCHED)
    wanted, plain = unify(expected), unify(found)
    if plain.startswith(wanted):
        if _is_word(wanted[-1:]) and _is_word(plain[len(wanted) :][:1]):
            return Verdict(Kind.DIVERGED)
        return Verdict(Kind.COMPLETE, raw_size(found, len(wanted)))
    if "\n" in wanted and leapt and squeeze(plain) == squeeze(wanted):
        return Verdict(Kind.COMPLETE, len(found))
    body = _without_tail(plain, unify(replaced), wanted)
    if wanted.startswith(body):
        size = raw_size(found, len(body))
        if leapt and len(squeeze(body)) >= LEAST_LEAP:
            return Verdict(Kind.PARTIAL, size)
        return Verdict(Kind.TYPING, size)
    return Verdict(Kind.DIVERGED)


def is_leap(inserted: str) -> bool:
    """Whether a step is more than a keystroke: a character, a pair, a break with indent."""
    solid = inserted.strip()
    return len(solid) > 1 and solid not in _PAIRS


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def unify(text: str) -> str:
    """The text with every line break as LF."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def squeeze(text: str) -> str:
    """The text without white space: what remains when layout does not count."""
    return _SPACE.sub("", text)


def without_layout(text: str) -> str:
    """The text without what formatters change: space, the kind of quotes, trailing commas."""
    return _LAST_COMMA.sub(r"\1", squeeze(text).replace("'", '"'))


def raw_size(raw: str, size: int) -> int:
    """How many characters of `raw` the first `size` of its unified form take."""
    if "\r" not in raw:
        return size
    at = 0
    for _ in range(size):
        at += 2 if raw.startswith("\r\n", at) else 1
    return at


def _without_tail(found: str, replaced: str, wanted: str) -> str:
    """What was typed or accepted so far, without what merely stands to its right.

    That is the text which the suggestion would have replaced, or the closing brackets
    and quotes that an editor adds by itself.
    """
    if wanted.startswith(found):
        return found
    if replaced and found.endswith(replaced):
        found = found[: -len(replaced)]
    tail = _CLOSERS.search(found)
    while tail and tail.start() < len(found) and not wanted.startswith(found):
        found = found[:-1]
        tail = _CLOSERS.search(found) if len(found) > tail.start() else None
    return found
