"""From a diagnostic to verified edits.

Promises edits that were made by filling the diagnostic's own region anew (or, for an
unknown name, with a known one that is spelt like it), that differ from what stands
there, that still parse, and that plausibly answer the message. The model is reached only
through the `Infill` it is given; editor and protocol are unknown.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches

import msgspec

from habitus_server import postprocess, syntax
from habitus_server.diagnostics import OWN_SOURCE, Diagnostic, is_unknown_name, quoted_names
from habitus_server.engine.wire import Stop
from habitus_server.lexing import comment_marker, scan

Infill = Callable[[str, str, Stop], Awaitable[Sequence[str]]]
"""Texts for the gap between a prefix and a suffix, the greedy one first."""

MAX_REGION_LINES = 12
MAX_TITLE_CHARS = 60
LEAST_LIKENESS = 0.5
"""Below this much of shared text an edit is something else, not a repair."""

_NAME = re.compile(r"[^\W\d]\w*")
_SYNTAX = re.compile(r"syntax|parse|expected|unterminated|unclosed|never closed|indent", re.I)


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
    errors = syntax.error_regions(text) if language in syntax.LANGUAGES and wrong else ()
    found: dict[str, Fix] = {}
    for diagnostic in wrong:
        problem = _problem(text, language, errors, diagnostic)
        for start, end in _regions(problem):
            if len(found) >= limit:
                break
            written = await _fill(problem, start, end, infill)
            for candidate in [*written, *_similar_names(problem, start, end)]:
                fix = _verify(problem, start, end, candidate)
                if fix is not None:
                    # Two regions may lead to one text: the smaller one was asked first.
                    found.setdefault(text[: fix.start] + fix.text + text[fix.end :], fix)
    return tuple(sorted(found.values(), key=lambda fix: _changed(text, fix))[:limit])


class _Problem(msgspec.Struct, frozen=True):
    """A diagnostic in its text; `errors` are the places of the text that do not parse.

    `is_syntax` says that it is about one of them: only fewer errors answer it then.
    """

    text: str
    language: str
    errors: tuple[syntax.Region, ...]
    diagnostic: Diagnostic
    is_syntax: bool


def _problem(
    text: str, language: str, errors: tuple[syntax.Region, ...], diagnostic: Diagnostic
) -> _Problem:
    if language in syntax.LANGUAGES:
        first, last = _whole_lines(text, diagnostic.start, diagnostic.end)
        is_syntax = any(region.start <= last and first <= region.end for region in errors)
        is_syntax = is_syntax and not is_unknown_name(diagnostic.message)
    else:
        is_syntax = bool(_SYNTAX.search(diagnostic.message))
    return _Problem(text, language, errors, diagnostic, is_syntax)


def _changed(text: str, fix: Fix) -> float:
    """How many characters a fix changes: it is seldom a rewrite, so the fewest lead."""
    old = text[fix.start : fix.end]
    ratio = SequenceMatcher(None, old, fix.text, autojunk=False).ratio()
    return (1 - ratio) * (len(old) + len(fix.text))


def _parse_errors(text: str, language: str, span: tuple[int, int]) -> Iterator[Diagnostic]:
    """The first place in a span that does not parse."""
    if language not in syntax.LANGUAGES:
        return
    for region in syntax.error_regions(text):
        if region.start <= span[1] and span[0] <= region.end:
            yield Diagnostic("This does not parse.", region.start, region.end, OWN_SOURCE)
            return


# --- where to write ----------------------------------------------------------------


def _regions(problem: _Problem) -> Iterator[tuple[int, int]]:
    """The stretches worth filling anew, the smallest first.

    What stands left of a stretch leads the model: the first half of a misspelt name, the
    sound part of a broken line.
    """
    text, diagnostic = problem.text, problem.diagnostic
    start = max(0, min(diagnostic.start, len(text)))
    end = max(start, min(diagnostic.end, len(text)))
    first, lines = _whole_lines(text, start, start), _whole_lines(text, start, end)
    spot = text[start:end]
    if problem.is_syntax:
        # A parser often sees an error through to some later line; it began on the first.
        stretches = [(first[1], first[1]), (max(first[0], start), first[1]), first, lines]
    elif "\n" in spot:
        stretches = [_statement_lines(problem, lines)]
    else:
        half = [(start + (len(spot) + 1) // 2, end)] if _is_unknown_name(problem) else []
        stretches = [*half, (start, end), _statement_lines(problem, lines)]
    for low, high in dict.fromkeys(stretches):
        is_short = text.count("\n", low, high) < MAX_REGION_LINES
        if is_short and (text[low:high].strip() or problem.is_syntax):
            yield low, high


def _statement_lines(problem: _Problem, lines: tuple[int, int]) -> tuple[int, int]:
    """The lines widened to the statement around them."""
    if problem.language not in syntax.LANGUAGES:
        return lines
    statement = syntax.enclosing_statement(problem.text, *lines)
    return min(lines[0], statement.start), max(lines[1], statement.end)


def _is_unknown_name(problem: _Problem) -> bool:
    return is_unknown_name(problem.diagnostic.message)


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """The lines of a stretch, without the first one's indentation."""
    if end > start and text[end - 1 : end] == "\n":
        end -= 1
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    return first + len(text[first:last]) - len(text[first:last].lstrip(" \t")), last


async def _fill(problem: _Problem, start: int, end: int, infill: Infill) -> list[str]:
    """What may stand in a region, as text that replaces exactly the region."""
    prefix, suffix = problem.text[:start], problem.text[end:]
    lines = problem.text.count("\n", start, end)
    stop = Stop(
        mode="block" if lines else "line",
        indent=len(prefix) - prefix.rfind("\n") - 1,
        max_lines=lines + 2,
        max_tokens=32 + 24 * (lines + 1),
    )
    return list(dict.fromkeys(await infill(prefix, suffix, stop)))


def _similar_names(problem: _Problem, start: int, end: int) -> list[str]:
    """For a name that nobody knows, those in scope that are spelt much like it.

    They stand beside what the model wrote and are verified like it: a small model often
    does not see a slip of the finger for what it is.
    """
    spot = problem.text[start:end]
    if not _is_unknown_name(problem) or not _NAME.fullmatch(spot):
        return []
    if problem.language in syntax.LANGUAGES:
        names = set(syntax.names_in_scope(problem.text, start))
    else:
        names = set(_NAME.findall(problem.text))
    return get_close_matches(spot, sorted(names - {spot}), n=2, cutoff=0.75)


# --- what may be offered -----------------------------------------------------------


def _verify(problem: _Problem, start: int, end: int, candidate: str) -> Fix | None:
    """The candidate as a fix, or None when it does not hold."""
    text = problem.text
    trimmed = postprocess.trim(
        candidate,
        prefix=text[:start],
        suffix=text[end:],
        language=problem.language,
        mode="block" if "\n" in text[start:end] else "line",
    )
    if trimmed is None:
        return None
    start, end, new = _whole_words(text, start, end + trimmed.replace_right, trimmed.text)
    if not _is_repair(text[start:end], new, problem.language):
        return None
    if not _holds_together(problem, start, end, new) or not _answers(problem, start, end, new):
        return None
    return Fix(_title(new), start, end, new, problem.diagnostic)


def _whole_words(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """The same edit without halves of words at its ends."""
    before = re.search(r"\w*\Z", text[text.rfind("\n", 0, start) + 1 : start])
    after = re.match(r"\w*", text[end : end + 200])
    left, right = before.group() if before else "", after.group() if after else ""
    return start - len(left), end + len(right), f"{left}{new}{right}"


def _is_repair(old: str, new: str, language: str) -> bool:
    """Whether the new text is another one that still is the old one at heart.

    A repair neither rewrites nor deletes, and does not hide code in a comment.
    """
    if new.split() == old.split() or ("\n" in new and new.count("\n") > old.count("\n") + 3):
        return False
    marker = comment_marker(language)
    if marker and marker in new and marker not in old:
        return False
    had, has = old.count("\n") + 1, new.count("\n") + 1
    alike = SequenceMatcher(None, old, new, autojunk=False).ratio()
    return (had == 1 or 2 * has > had) and alike >= LEAST_LIKENESS


def _holds_together(problem: _Problem, start: int, end: int, new: str) -> bool:
    """Whether the text parses at least as well as it did, and better for a syntax error."""
    text = problem.text
    if problem.language in syntax.LANGUAGES:
        errors = syntax.error_regions(text[:start] + new + text[end:])
        if any(region.start <= start + len(new) and start <= region.end for region in errors):
            return False
        return len(errors) < len(problem.errors) + (0 if problem.is_syntax else 1)
    before, after = (scan(part, language=problem.language) for part in (text[start:end], new))
    is_closed = not after.opened and not after.closed
    return is_closed or (len(before.closed), before.opened) == (len(after.closed), after.opened)


def _answers(problem: _Problem, start: int, end: int, new: str) -> bool:
    """Whether the new text plausibly removes what the message complains about.

    Said only of unknown names: one of those that the message quotes must go, and what
    comes instead must be known to the file.
    """
    text, message = problem.text, problem.diagnostic.message
    if not _is_unknown_name(problem):
        return True
    old, names = set(_NAME.findall(text[start:end])), set(_NAME.findall(new))
    blamed = quoted_names(message) & old
    if not blamed:
        return True
    gone = blamed - names
    known = old | set(_NAME.findall(text[:start])) | set(_NAME.findall(text[end:]))
    if problem.language == "python":
        known |= {*dir(builtins), *keyword.kwlist}
    return bool(gone) and names <= known


def _title(new: str) -> str:
    shown = " ".join(new.split())
    if len(shown) > MAX_TITLE_CHARS:
        shown = shown[: MAX_TITLE_CHARS - 1] + "…"
    return f"Change to `{shown}`"
