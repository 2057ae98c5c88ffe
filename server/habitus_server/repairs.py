"""What a repair was, and what it was worth.

Promises a `BugFix` cut down to the lines that changed, and a stated worth. Takes no clock,
thread or file: texts and times come in as values.

Effectiveness is `worth / 4 ** recurrences`, where the worth is

- 1.0   for lines that were repaired,
- 0.5   when the lines are again what they were before the symptom came (an undo),
- 0.25  when what was wrong was deleted or commented out, unless the symptom asked for that
        (something unused, redundant, unreachable), which is then worth 1.0,
- 0.1   when the checker was told to be silent (`noqa`, `type: ignore` and the like).

A recurrence is the same symptom, established again within `DAY_S` after the repair at the
same lines; where those can no longer be followed, at a line that the repair had touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from habitus_server.diagnostics import Diagnostic, is_unused
from habitus_server.records import BugFix
from habitus_server.text import LINE_BREAK, Buffer
from habitus_server.verdicts import squeeze, unify
from habitus_server.worksite import Site

DAY_S = 86_400.0
PREFIX_CHARS = 6_000
SUFFIX_CHARS = 2_000
MAX_LINES = 30
"""What changes more lines than this is a rewrite, not a repair."""

REPAIRED = 1.0
TAKEN_BACK = 0.5
DELETED = 0.25
SILENCED = 0.1
PER_RECURRENCE = 0.25

BY_HAND = "by hand"
CODE_ACTION = "code action"
UNDO = "undo"

_SILENCER = re.compile(
    r"\s*(?:#|//|/\*|--)\s*(?:noqa|type:\s*ignore|pyright:\s*ignore|pylint:\s*disable|mypy:"
    r"|nosec|eslint-disable|@ts-ignore|@ts-expect-error|nolint|noinspection)[^\r\n]*"
    r"|#!?\[allow\([^\r\n]*",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|%)+ ?", re.MULTILINE)


class Repair(msgspec.Struct, frozen=True):
    """The lines that changed: offsets in the document after it, and both texts."""

    start: int
    end: int
    before: str
    after: str


def find_repair(buffer: Buffer, site: Site) -> Repair | None:
    """What was done at a site, or None where that is nothing, or too much."""
    before, after = _lines(site.was), _lines(site.text(buffer))
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    old = "".join(before[head : len(before) - tail])
    new = "".join(after[head : len(after) - tail])
    if squeeze(old) == squeeze(new) or max(old.count("\n"), new.count("\n")) > MAX_LINES:
        return None
    start = site.start + sum(map(len, after[:head]))
    return Repair(start, start + len(new), unify(old), unify(new))


def worth_of(diagnostic: Diagnostic, repair: Repair, *, is_taken_back: bool) -> float:
    """How good a repair is before anything is known of recurrences (see the module)."""
    before, after = repair.before, repair.after
    if _without_silencers(before) == _without_silencers(after):
        return SILENCED
    is_commented_out = bool(before.strip()) and squeeze(_COMMENT.sub("", after)) == squeeze(before)
    if is_commented_out or not after.strip():
        return REPAIRED if is_unused(diagnostic.message) else DELETED
    return TAKEN_BACK if is_taken_back else REPAIRED


def lowered(fix: BugFix) -> BugFix:
    """The fix after its symptom has come back once more."""
    return msgspec.structs.replace(
        fix,
        recurrences=fix.recurrences + 1,
        effectiveness=fix.effectiveness * PER_RECURRENCE,
    )


def stood_in(fix: BugFix, line: str) -> bool:
    """Whether a line is one of those that a fix has touched, before or after it."""
    wanted = line.strip()
    return any(
        wanted == one.strip() for text in (fix.before, fix.after) for one in text.splitlines()
    )


def around(buffer: Buffer, repair: Repair) -> tuple[str, str]:
    """The text before and after a repair."""
    return (
        unify(buffer.slice(repair.start - PREFIX_CHARS, repair.start)),
        unify(buffer.slice(repair.end, repair.end + SUFFIX_CHARS)),
    )


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many leading lines two texts share; the last line has no break of its own."""
    size = 0
    for one, other in zip(left, right, strict=False):
        if one.rstrip("\r\n") != other.rstrip("\r\n"):
            break
        size += 1
    return size


def _lines(text: str) -> list[str]:
    """Lines with their breaks, which are part of the line before them."""
    lines: list[str] = []
    start = 0
    for found in LINE_BREAK.finditer(text):
        lines.append(text[start : found.end()])
        start = found.end()
    return [*lines, text[start:]]


def _without_silencers(text: str) -> str:
    return squeeze(_SILENCER.sub("", text))
