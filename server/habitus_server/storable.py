"""What a signal may leave in the store.

Promises texts without the secrets that were recognised in them, also where an excerpt
begins or ends inside one: a suggestion may be the second half of a password, and a prefix
its first. Knows no store and no file; it may take milliseconds, so call it off the loop.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from habitus_server import patterns, repairs
from habitus_server.engine.fim import GRID_LINES
from habitus_server.records import BugFix, Pattern, Rejection, Suggestion
from habitus_server.redaction import (
    AROUND_CHARS,
    PLACEHOLDER,
    redact,
    redact_after,
    redact_around,
    secret_across,
)
from habitus_server.verdicts import unify

PREFIX_CHARS = 8_192
SUFFIX_CHARS = 4_096
PLACES_KEPT = 512
PLACE_CHARS = 2_000


class Cleaner:
    """Cleans signals; it keeps what stood before recent suggestions to judge their texts by."""

    def __init__(self) -> None:
        self._before: OrderedDict[str, str] = OrderedDict()

    def suggestion(self, one: Suggestion) -> Suggestion:
        """A suggestion as it may be stored."""
        before = unify(one.prefix[-AROUND_CHARS:])
        self._before[one.id] = before
        while len(self._before) > PLACES_KEPT:
            self._before.popitem(last=False)
        prefix, suffix = redact_around(
            end_of(unify(one.prefix)), start_of(unify(one.suffix), SUFFIX_CHARS)
        )
        text = redact_after(before, unify(one.text))
        return msgspec.structs.replace(one, prefix=prefix, suffix=suffix, text=text)

    def text(self, suggestion_id: str, text: str) -> str:
        """What reached the buffer of a suggestion, or became of it, as it may be stored."""
        return redact_after(self._before.get(suggestion_id, ""), text)

    def rejection(self, suggestion_id: str, one: Rejection) -> Rejection | None:
        """A rejection as it may be stored, or None: its key is made of the whole text, so
        where that holds a secret nothing is stored."""
        place, text = unify(one.place), unify(one.text)
        before = self._before.get(suggestion_id, place)
        if redact(place) != place or redact_after(before, text) != text:
            return None
        return msgspec.structs.replace(
            one, place=place[-PLACE_CHARS:], text=text[:PLACE_CHARS], times=1
        )

    def pattern(self, one: Pattern) -> Pattern:
        """Hand-written code as it may be stored."""
        prefix, suffix, text = unify(one.prefix), unify(one.suffix), unify(one.text)
        if len(prefix) >= patterns.PREFIX_CHARS:
            prefix = prefix.partition("\n")[2]
        suffix = start_of(suffix, patterns.SUFFIX_CHARS - 1)
        inside, _ = secret_across(prefix + text, suffix)
        clean = redact_after(prefix, text[: max(0, len(text) - inside)])
        return msgspec.structs.replace(
            one,
            prefix=redact_around(prefix, text)[0],
            suffix=redact_around(prefix + text, suffix)[1],
            text=clean + PLACEHOLDER if inside else clean,
            replaced=redact_after(prefix, unify(one.replaced)),
        )


def clean_fix(one: BugFix) -> BugFix:
    """A repair as it may be stored."""
    prefix = one.prefix
    if len(prefix) >= repairs.PREFIX_CHARS:
        prefix = prefix.partition("\n")[2]
    before, _ = redact_around(prefix, one.after)
    _, after = redact_around(prefix + one.after, start_of(one.suffix, repairs.SUFFIX_CHARS - 1))
    return msgspec.structs.replace(
        one,
        message=redact(one.message),
        prefix=before,
        suffix=after,
        before=redact_after(prefix, one.before),
        after=redact_after(prefix, one.after),
    )


def end_of(prefix: str) -> str:
    """The end of a prefix, cut where the prompt's line grid has a line: training then cuts
    at the same places as serving did."""
    if len(prefix) <= PREFIX_CHARS:
        return prefix
    cut = len(prefix) - PREFIX_CHARS
    lines_cut = prefix.count("\n", 0, cut)
    for _ in range(-lines_cut % GRID_LINES or GRID_LINES):
        newline = prefix.find("\n", cut)
        if newline < 0:
            return prefix[-PREFIX_CHARS:]
        cut = newline + 1
    return prefix[cut:]


def start_of(suffix: str, limit: int) -> str:
    """The start of a suffix in whole lines: half a secret would not be recognised."""
    if len(suffix) <= limit:
        return suffix
    return suffix[: suffix.rfind("\n", 0, limit) + 1]
