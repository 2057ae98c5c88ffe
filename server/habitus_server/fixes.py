"""From a diagnostic to verified edits.

Promises edits that were made by filling the diagnostic's own region anew, that differ
from what stands there, that still parse, and that plausibly answer the message. The
model is reached only through the `Infill` it is given; editor and protocol are unknown.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

from habitus_server import postprocess, syntax
from habitus_server.engine.wire import Stop
from habitus_server.lexing import scan

Infill = Callable[[str, str, Stop], Awaitable[Sequence[str]]]
"""Texts for the gap between a prefix and a suffix, the greedy one first."""

MAX_REGION_LINES = 12
MAX_TITLE_CHARS = 60
OWN_SOURCE = "habitus"

_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"[\"'`‘“]([^\W\d][\w.]*)[\"'`’”]")
_UNKNOWN_NAME = re.compile(
    r"undefined|not defined|undeclared|unresolved|cannot find|can't find|unknown name"
    r"|no attribute|not a known|does not exist|has no member",
    re.IGNORECASE,
)
_SYNTAX = re.compile(r"syntax|parse|expected|unterminated|unclosed|never closed|indent", re.I)


class Diagnostic(msgspec.Struct, frozen=True):
    """A problem as an editor reports it; `start` and `end` are code point offsets."""

    message: str
    start: int
    end: int
    source: str = ""
    code: str = ""


class Fix(msgspec.Struct, frozen=True):
    """Replace `start`..`end` of the buffer by `text` to answer `diagnostic`.

    `diagnostic` is the very value that was asked about, or one made here for a place
    that does not parse (its `source` is "habitus").
    """

    title: str
    start: int
    end: int
    text: str
    diagnostic: Diagnostic


async def propose(
    text: str,
    *,
    language: str,
    diagnostics: Sequence[Diagnostic],
    infill: Infill,
    span: tuple[int, int] | None = None,
    limit: int = 2,
) -> tuple[Fix, ...]:
    """At most `limit` fixes for what is wrong in `text`, best first; () where nothing holds.

    Without diagnostics, Python's parse errors inside `span` (the editor's selection, or
    the whole text) are what is wrong.
    """
    wrong = list(diagnostics) or list(_parse_errors(text, language, span or (0, len(text))))
    found: dict[tuple[int, int, str], tuple[float, Fix]] = {}
    for diagnostic in wrong:
        for start, end in _regions(text, language, diagnostic):
            for candidate in await _fill(text, start, end, infill):
                fix = _verify(text, language, diagnostic, start, end, candidate)
                if fix is not None:
                    key = (fix.start, fix.end, fix.text)
                    score = _likeness(text[fix.start : fix.end], fix.text)
                    found[key] = max(found.get(key, (-1.0, fix)), (score, fix), key=_score)
    ranked = sorted(found.values(), key=_score, reverse=True)
    return tuple(fix for _, fix in ranked[:limit])


def _score(scored: tuple[float, Fix]) -> float:
    return scored[0]


def _likeness(old: str, new: str) -> float:
    """A fix is seldom a rewrite: of two that hold, the one nearer to the present text leads."""
    return SequenceMatcher(None, old, new, autojunk=False).ratio()


def _parse_errors(text: str, language: str, span: tuple[int, int]) -> Iterator[Diagnostic]:
    if language not in syntax.LANGUAGES:
        return
    for region in syntax.error_regions(text):
        if region.start <= span[1] and span[0] <= region.end:
            start, end = max(region.start, 0), max(region.end, region.start)
            yield Diagnostic("This does not parse.", start, end, source=OWN_SOURCE)
            return


# --- where to write ----------------------------------------------------------------


def _regions(text: str, language: str, diagnostic: Diagnostic) -> Iterator[tuple[int, int]]:
    """The stretches worth filling anew: the named spot itself, then its statement."""
    start = max(0, min(diagnostic.start, len(text)))
    end = max(start, min(diagnostic.end, len(text)))
    spot = text[start:end]
    if spot and "\n" not in spot and not _is_syntax(diagnostic):
        yield start, end
    lines = _whole_lines(text, start, end)
    if language in syntax.LANGUAGES and not _is_syntax(diagnostic):
        statement = syntax.enclosing_statement(text, start, end)
        wide = min(lines[0], statement.start), max(lines[1], statement.end)
        if text.count("\n", *wide) < MAX_REGION_LINES:
            lines = wide
    if text.count("\n", *lines) >= MAX_REGION_LINES:
        lines = _whole_lines(text, start, start)
    if text[lines[0] : lines[1]].strip():
        yield lines


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """The lines of a stretch, without the first one's indentation."""
    if end > start and text[end - 1] == "\n":
        end -= 1
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    return first + len(text[first:last]) - len(text[first:last].lstrip(" \t")), last


async def _fill(text: str, start: int, end: int, infill: Infill) -> list[str]:
    """What may stand in a region, as text that replaces exactly the region."""
    prefix, suffix = text[:start], text[end:]
    lines = text.count("\n", start, end)
    stop = Stop(
        mode="block" if lines else "line",
        indent=len(prefix) - prefix.rfind("\n") - 1,
        max_lines=lines + 2,
        max_tokens=32 + 24 * (lines + 1),
    )
    return list(dict.fromkeys(await infill(prefix, suffix, stop)))


# --- what may be offered -----------------------------------------------------------


def _verify(
    text: str, language: str, diagnostic: Diagnostic, start: int, end: int, candidate: str
) -> Fix | None:
    """The candidate as a fix, or None when it does not hold."""
    old = text[start:end]
    trimmed = postprocess.trim(
        candidate,
        prefix=text[:start],
        suffix=text[end:],
        language=language,
        mode="block" if "\n" in old else "line",
    )
    if trimmed is None:
        return None
    new, end = trimmed.text, end + trimmed.replace_right
    old = text[start:end]
    is_sane = len(new) <= 3 * len(old) + 80 and new.count("\n") <= old.count("\n") + 3
    if not is_sane or new.split() == old.split():
        return None
    after = text[:start] + new + text[end:]
    if not _holds_together(text, after, (start, end), start + len(new), language, diagnostic):
        return None
    if not _answers(diagnostic, old, new, text[:start] + text[end:], language):
        return None
    return Fix(_title(old, new), start, end, new, diagnostic)


def _holds_together(
    before: str,
    after: str,
    span_before: tuple[int, int],
    end_after: int,
    language: str,
    diagnostic: Diagnostic,
) -> bool:
    """Whether the text parses at least as well as it did, and better for a syntax error."""
    start, end = span_before
    if language in syntax.LANGUAGES:
        errors_before, errors_after = syntax.error_regions(before), syntax.error_regions(after)
        if any(region.start <= end_after and start <= region.end for region in errors_after):
            return False
        fewer = len(errors_after) < len(errors_before)
        return fewer or (not _is_own(diagnostic) and len(errors_after) == len(errors_before))
    old = scan(before[start:end], language=language)
    new = scan(after[start:end_after], language=language)
    is_closed = not new.opened and not new.closed
    return is_closed or (len(old.closed), old.opened) == (len(new.closed), new.opened)


def _answers(diagnostic: Diagnostic, old: str, new: str, around: str, language: str) -> bool:
    """Whether the new text plausibly removes what the message complains about."""
    named = [name.rsplit(".", 1)[-1] for name in _QUOTED.findall(diagnostic.message)]
    blamed = [name for name in named if name in _NAME.findall(old)]
    if not blamed or not _UNKNOWN_NAME.search(diagnostic.message):
        return True
    # Of several names the unknown one is the one that the rest of the file lacks least
    # often: messages quote the type first or the name first, as their authors liked.
    names = set(_NAME.findall(new))
    if all(name in names for name in blamed):
        return False
    known = set(_NAME.findall(around)) | set(_NAME.findall(old))
    if language == "python":
        known |= set(dir(builtins)) | set(keyword.kwlist)
    known -= {name for name in blamed if name not in names}
    return names <= known


def _is_syntax(diagnostic: Diagnostic) -> bool:
    return _is_own(diagnostic) or bool(
        _SYNTAX.search(diagnostic.message) and not _UNKNOWN_NAME.search(diagnostic.message)
    )


def _is_own(diagnostic: Diagnostic) -> bool:
    return diagnostic.source == OWN_SOURCE


def _title(old: str, new: str) -> str:
    shown = " ".join(new.split())
    if len(shown) > MAX_TITLE_CHARS:
        shown = shown[: MAX_TITLE_CHARS - 1] + "…"
    return f"Change to `{shown}`"
