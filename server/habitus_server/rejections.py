"""What was turned down, and where: consulted before anything is offered.

A place is known by the line before the cursor and by the lines that open the blocks it is
in, up to the function. There the values of literals, the layout and the names that are
local to the function do not count, so a place in another file, or in the same function
after a rename, may be equivalent. A suggestion is known by its words; of it only layout and
local names do not count. It makes no difference how much of the line has been typed.

A rejection fades: its strength is the weight of its reason times how often it was given,
and halves every `HALF_LIFE_S`. Below `LEAST_STRENGTH` it may be offered again: once
dismissed after two weeks, reverted after four, rated bad after six. Typing over what was
offered counts from the third time on, and only in the window where it happened.

Takes no clock, thread or file: times come in as values.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache

import msgspec

from habitus_server.lexing import comment_marker, quotes_of
from habitus_server.records import Rejection

HALF_LIFE_S = 14 * 86_400.0
LEAST_STRENGTH = 0.5
MOST_TIMES = 8
KEPT = 2_000
MOST_TEXTS = 8
LOOK_BACK_CHARS = 6_000
MAX_TEXT_CHARS = 4_000
MOST_OPENERS = 3
MOST_SPLITS = 24


class Why(Enum):
    """Why something was turned down, as the store names it."""

    RATED = "rated"
    REVERTED = "reverted"
    DISMISSED = "dismissed"
    TYPED_OVER = "typed over"

    @property
    def weight(self) -> float:
        """How much one rejection for this reason counts."""
        return _WEIGHTS[self]


_WEIGHTS = {Why.RATED: 4.0, Why.REVERTED: 2.0, Why.DISMISSED: 1.0, Why.TYPED_OVER: 0.25}


class Rejections:
    """What is turned down now, by key."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Rejection] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def add(self, one: Rejection) -> Rejection:
        """Turn something down, again where it was; returns what is held now."""
        merged = _merge(self._held.pop(one.key, None), one)
        self._held[one.key] = merged
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        return merged

    def remove(self, key: str) -> bool:
        """Allow something again; whether it had been turned down."""
        return self._held.pop(key, None) is not None

    def replace(self, rejections: Iterable[Rejection]) -> None:
        """Hold these instead, the newest of them."""
        newest = sorted(rejections, key=lambda one: one.rejected_at)[-KEPT:]
        self._held = OrderedDict((one.key, one) for one in newest)

    def hold(self, keys: Iterable[str], at: float) -> bool:
        """Whether one of these keys is turned down at a time."""
        found = (self._held.get(key) for key in keys)
        return any(one is not None and strength(one, at) >= LEAST_STRENGTH for one in found)

    def texts_at(self, prefix: str, at: float) -> tuple[str, ...]:
        """What is turned down at the end of a prefix, as it would go on from there.

        Narrower than `hold`: the very line, in blocks that begin alike.
        """
        if not self._held:
            return ()
        blocks, _, line = place_of(prefix).rpartition("\n")
        found = []
        for one in [held for held in self._held.values() if held.place.startswith(blocks)]:
            its_blocks, _, its_line = one.place.rpartition("\n")
            whole = its_line + one.text
            is_here = its_blocks == blocks and line.startswith(its_line) and whole.startswith(line)
            if is_here and len(whole) > len(line) and strength(one, at) >= LEAST_STRENGTH:
                found.append(whole[len(line) :])
        return tuple(found[-MOST_TEXTS:])


def strength(one: Rejection, at: float) -> float:
    """How much a rejection still counts at a time."""
    weight = Why(one.why).weight * min(one.times, MOST_TIMES)
    return float(weight * 0.5 ** (max(0.0, at - one.rejected_at) / HALF_LIFE_S))


def key_of(prefix: str, text: str, language: str) -> str:
    """The key of a suggestion at the end of a prefix."""
    return next(keys_of(prefix, text, language))


def keys_of(prefix: str, text: str, language: str) -> Iterator[str]:
    """The keys under which it may have been turned down: its own, then those of having been
    offered earlier in the line."""
    surroundings = _surroundings(prefix[-LOOK_BACK_CHARS:])
    line = surroundings.head + text[:MAX_TEXT_CHARS]
    tokens = _tokens(line, language)
    split = sum(token.end <= len(surroundings.head) for token in tokens)
    local = _local_names(surroundings, line) if surroundings.function else frozenset()
    outside = [_tokens(opener, language) for opener in surroundings.openers]
    above = _tokens(surroundings.above, language)
    for at in range(split, max(-1, split - MOST_SPLITS), -1):
        names = _Names(local)
        parts = [language]
        for opener in outside:
            parts += (*names.words(opener, values=False), "\n")
        if at == 0:  # nothing of the line is before it: the line above says where it is
            parts += (*names.words(above, values=False), "\n")
        parts += (*names.words(tokens[:at], values=False), "‸")
        parts += names.words(tokens[at:], values=True)
        yield hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=8)
def known_keys_of(near: str, text: str, language: str) -> tuple[str, ...]:
    """The keys of a suggestion behind the last `LOOK_BACK_CHARS` of a prefix; a request asks
    for them more than once."""
    return tuple(keys_of(near, text, language))


def place_of(prefix: str) -> str:
    """The end of a prefix as people recognise it: what opens its blocks, and its line."""
    around = _surroundings(prefix[-LOOK_BACK_CHARS:])
    return "\n".join((*around.openers, around.head if around.head.strip() else around.above))


def _merge(known: Rejection | None, one: Rejection) -> Rejection:
    """Typing over counts by itself alone; of other reasons the strongest stays."""
    if known is None:
        return one
    why, before = Why(one.why), Why(known.why)
    if (why is Why.TYPED_OVER) != (before is Why.TYPED_OVER):
        return known if why is Why.TYPED_OVER else one
    strongest = max(why, before, key=lambda reason: reason.weight)
    return msgspec.structs.replace(one, times=known.times + one.times, why=strongest.value)


# --- words ------------------------------------------------------------------------------


class _Token(msgspec.Struct, frozen=True):
    kind: str
    word: str
    end: int


@lru_cache(maxsize=64)
def _pattern(language: str) -> re.Pattern[str]:
    marker, quotes = comment_marker(language), quotes_of(language)
    strings = "|".join(rf"{quote}(?:\\.|[^{quote}\\\n])*{quote}" for quote in quotes) or r"(?!)"
    comment = rf"{re.escape(marker)}[^\n]*" if marker else r"(?!)"
    return re.compile(
        rf"(?P<comment>{comment})|(?P<string>{strings})|(?P<number>\d[\w.]*)"
        r"|(?P<name>[^\W\d]\w*)|(?P<space>[^\S\n]+)|(?P<newline>\n\s*)|(?P<sign>.)"
    )


def _tokens(text: str, language: str) -> list[_Token]:
    """The words of a text without its layout. A string that does not end is no literal: its
    words are being written."""
    found = _pattern(language).finditer(text)
    tokens = [_Token(one.lastgroup or "", one.group(), one.end()) for one in found]
    return [one for one in tokens if one.kind != "space"]


class _Names:
    """Renames local names in the order in which they appear."""

    def __init__(self, local: frozenset[str]) -> None:
        self._local = local
        self._numbers: dict[str, str] = {}

    def words(self, tokens: list[_Token], *, values: bool) -> list[str]:
        """Tokens as they count: with the values of literals, or with their kinds."""
        words: list[str] = []
        depth = 0
        for at, token in enumerate(tokens):
            if token.word in "([{":
                depth += 1
            elif token.word in ")]}":
                depth -= 1
            following = tokens[at + 1].word if at + 1 < len(tokens) else ""
            before = tokens[at - 1].word if at else ""
            if token.kind == "name" and before != "." and token.word in self._local:
                is_keyword = depth > 0 and following == "="
                words.append(token.word if is_keyword else self._number(token.word))
            else:
                words.append(_as_it_counts(token, values=values))
        return words

    def _number(self, name: str) -> str:
        return self._numbers.setdefault(name, f"${len(self._numbers)}")


def _as_it_counts(token: _Token, *, values: bool) -> str:
    if token.kind == "newline":
        return "\n"
    if token.kind == "string":
        return f"'{token.word[1:-1]}'" if values else "''"
    if token.kind == "number" and not values:
        return "0"
    return " ".join(token.word.split()) if token.kind == "comment" else token.word


# --- what surrounds a place -------------------------------------------------------------

_FUNCTION = re.compile(r"\b(?:def|function|func|fn|fun|sub|lambda)\b|=>|^[^=]*\)[^=]*\{\s*$")
_BOUND = re.compile(
    r"^[ \t]*(?:(?:const|let|var|val|auto|final|mut|my|local)[ \t]+)*"
    r"(?P<assigned>\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]*)?(?::=|=)(?!=)"
    r"|\bfor[ \t]+\(?(?P<each>\w+(?:[ \t]*,[ \t]*\w+)*)\)?[ \t]+in\b"
    r"|\bas[ \t]+(?P<alias>\w+)|\blambda[ \t]+(?P<given>[\w, ]+):",
    re.MULTILINE,
)
_LAST_NAME = re.compile(r"(\w+)\W*\Z")
_FIRST_NAME = re.compile(r"\w+")


class _Surroundings(msgspec.Struct, frozen=True):
    """`openers` from the outermost in; `above` is the last line that is not blank, `body`
    what stands between the function's first line and the cursor's."""

    head: str
    above: str
    openers: tuple[str, ...]
    function: str
    body: str


def _surroundings(prefix: str) -> _Surroundings:
    *lines, head = prefix.split("\n")
    above = next((line for line in reversed(lines) if line.strip()), "")
    openers: list[str] = []
    function, body = "", ""
    indent = _indent(head)
    for at in range(len(lines) - 1, -1, -1):
        if not lines[at].strip() or _indent(lines[at]) >= indent:
            continue
        opener = _whole_opener(lines, at)
        openers.insert(0, opener)
        indent = _indent(lines[at])
        if _FUNCTION.search(opener):
            function, body = opener, "\n".join(lines[at + 1 :])
            break
        if len(openers) == MOST_OPENERS or indent == 0:
            break
    return _Surroundings(head, above, tuple(openers), function, body)


def _whole_opener(lines: list[str], at: int) -> str:
    """The line that opens a block, with those before it that its brackets began in."""
    opener, first = lines[at], at
    while first > 0 and sum(map(opener.count, ")]")) > sum(map(opener.count, "([")):
        first -= 1
        opener = f"{lines[first]}\n{opener}"
    return opener


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _local_names(around: _Surroundings, line: str) -> frozenset[str]:
    """The names that a function binds: its parameters, and what it assigns."""
    names = set(_parameters(around.function))
    for found in _BOUND.finditer(f"{around.body}\n{line}"):
        names.update(_FIRST_NAME.findall(found[found.lastgroup or 0]))
    return frozenset(names)


def _parameters(opener: str) -> Iterator[str]:
    """Parameter names: before a colon or an equals sign, or last in their piece."""
    inside = opener.partition("(")[2].rpartition(")")[0]
    depth, piece = 0, ""
    for one in f"{inside},":
        depth += (one in "([{<") - (one in ")]}>")
        if one != "," or depth > 0:
            piece += one
            continue
        named = _LAST_NAME.search(re.split(r"[:=]", piece, maxsplit=1)[0].rstrip())
        if named:
            yield named[1]
        piece = ""
