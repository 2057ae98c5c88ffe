"""From what a model wrote to what an editor may insert.

Promises text that neither repeats what stands around the cursor nor breaks the line
that it lands in, or nothing at all; trimming twice changes nothing. Each filter answers
a complaint that users of other completers keep making, in the order of `trim`. It
looks at text alone and knows no tokens, no model and no editor.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from habitus_server import placement, syntax
from habitus_server.cursor import Cursor, between
from habitus_server.indentation import (
    align_first_line,
    end_block,
    reindent_relative,
    use_indentation_of_file,
)
from habitus_server.lexing import scan

SENTINEL = re.compile(
    r"<\|[A-Za-z_▁ ]{2,24}\|>"
    r"|<[|]?(?:fim|file|repo)[-_](?:prefix|suffix|middle|pad|sep|name)[|]?>"
    r"|▁?<(?:PRE|SUF|MID|EOT|EOD)>|</?s>|<unk>|<pad>|\[/?(?:INST|MIDDLE|PREFIX|SUFFIX)\]"
)
"""Control tokens of public models, as they leak into text."""

_FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n|\n[ \t]*```[ \t]*(?:\n|\Z)")
_WORD = re.compile(r"\w")
_NAME = re.compile(r"[^\W\d_]{2,}")
_LOOP = re.compile(r"(?P<unit>.{4,80}?)(?P=unit){3,}(?P<tail>.{0,79})\Z", re.DOTALL)
_SHORT_LOOP = re.compile(r"(?P<unit>[^\n]{2,3}?)(?P=unit){7,}(?P<tail>.{0,2})\Z", re.DOTALL)

_CLOSERS = ")]}\"'` \t"


class Trimmed(msgspec.Struct, frozen=True):
    """Text to insert at the cursor over `replace_right` code points right of it."""

    text: str
    replace_right: int = 0


class Nothing(Enum):
    """Why nothing is left: it stands there already or is not code, or it would not parse."""

    TRIMMED = "trimmed"
    UNPARSABLE = "unparsable"


def trim(
    completion: str, *, prefix: str, suffix: str, language: str = "", mode: str = "line"
) -> Trimmed | None:
    """What of `completion` to insert between `prefix` and `suffix`, or None for nothing.

    `prefix` and `suffix` are the buffer either side of the cursor, `language` is LSP's
    identifier, `mode` is "line" or "block" as in `engine.wire.Stop`.
    """
    found = trim_or_say(completion, prefix=prefix, suffix=suffix, language=language, mode=mode)
    return None if isinstance(found, Nothing) else found


def trim_or_say(
    completion: str,
    *,
    prefix: str,
    suffix: str,
    language: str = "",
    mode: str = "line",
    at_once: bool = False,
) -> Trimmed | Nothing:
    """As `trim`, with the reason where there is nothing to insert.

    With `at_once` a parse or two are the most that it costs: raises `placement.UndecidedError`
    where that does not do.
    """
    cursor = between(prefix, suffix, language)
    text = completion.replace("\r\n", "\n").replace("\r", "\n")
    result = Trimmed(text)
    # One pass is a fixed point but for rare cuts that expose another; each pass only
    # shortens or settles, so a few are enough.
    for _ in range(4):
        before = result
        found = _pass(result.text, cursor, mode, at_once=at_once)
        if isinstance(found, Nothing):
            return found
        result = found
        if result == before:
            break
    return result


def _pass(text: str, cursor: Cursor, mode: str, *, at_once: bool) -> Trimmed | Nothing:
    text = _cut_sentinels(text, cursor)
    text = _cut_fences(text, cursor.language)
    text = use_indentation_of_file(text, cursor)
    aligned = align_first_line(text, cursor)
    if aligned is None:
        return Nothing.TRIMMED
    text = aligned
    if mode == "line":
        text = _first_line(text)
    text = _cut_loops(text, cursor.line if cursor.is_in_indentation else "")
    if "\n" in text:
        text = end_block(reindent_relative(text, cursor), cursor)
        text = _cut_lines_below(text, cursor)
    text = _strip_line_ends(text, cursor)
    trimmed = _fit_rest_of_line(text, cursor)
    if not trimmed.text.strip() or _repeats_neighbours(trimmed, cursor):
        return Nothing.TRIMMED
    if cursor.language in syntax.LANGUAGES:
        rest = cursor.rest[trimmed.replace_right :]
        settled = placement.settle(trimmed.text, rest, cursor, at_once=at_once)
        if settled is None:
            return Nothing.UNPARSABLE
        return Trimmed(settled, trimmed.replace_right)
    return trimmed


# --- what is not code --------------------------------------------------------------


def _cut_sentinels(text: str, cursor: Cursor) -> str:
    """Everything from a control token on is noise, unless the file itself is about them."""
    for found in SENTINEL.finditer(text):
        token = found.group()
        # `</s>` ends a struck text where one was begun, and a sequence elsewhere.
        known = token.replace("/", "") in cursor.prefix or token in cursor.suffix
        if not known and token not in cursor.prefix:
            return text[: found.start()]
    return text


def _cut_fences(text: str, language: str) -> str:
    if language in ("markdown", "restructuredtext", "mdx") or "```" not in text:
        return text
    opening = _FENCE.match(text)
    if opening:
        text = text[opening.end() :]
    closing = _FENCE.search(text)
    return text[: closing.start()] if closing else text


def _cut_loops(text: str, indentation: str) -> str:
    """One round of a text that runs in circles until its end."""
    lines = (indentation + text).split("\n")
    for period in range(1, min(8, len(lines) // 3) + 1):
        for at in range(len(lines) - 3 * period + 1):
            unit = lines[at : at + period]
            if not _WORD.search("".join(unit)):
                continue
            if unit == lines[at + period : at + 2 * period] == lines[at + 2 * period :][:period]:
                return "\n".join(lines[: at + period])[len(indentation) :]
    for pattern in (_LOOP, _SHORT_LOOP):
        loop = pattern.search(text)
        # Only a loop that ran on until the model was stopped; a table may repeat itself.
        if loop and _WORD.search(loop["unit"]) and loop["unit"].startswith(loop["tail"]):
            return text[: loop.end("unit")]
    return text


# --- what is already there ---------------------------------------------------------


def _first_line(text: str) -> str:
    """Up to the newline that ends the first line with text on it."""
    start = len(text) - len(text.lstrip("\n"))
    end = text.find("\n", start)
    return text if end < 0 else text[:end]


def _cut_lines_below(text: str, cursor: Cursor) -> str:
    """Cut where the completion goes on with the lines that follow the cursor's."""
    below = [line.rstrip() for line in cursor.lines_below() if line.strip()][:4]
    if not below:
        return text
    lines = text.split("\n")
    for at in range(1, len(lines)):
        rest = [line.rstrip() for line in lines[at:] if line.strip()][:4]
        shared = min(len(rest), len(below))
        if shared and rest[0] == below[0]:
            agrees = rest[:shared] == below[:shared]
            if agrees or _NAME.search(rest[0]) or at == len(lines) - 1 or not _WORD.search(rest[0]):
                return "\n".join(lines[:at]).rstrip("\n")
    return text


def _strip_line_ends(text: str, cursor: Cursor) -> str:
    """No whitespace before a newline; none at the end unless code follows on the line."""
    lines = text.split("\n")
    lines[:-1] = [line.rstrip() for line in lines[:-1]]
    if not cursor.rest.strip() or cursor.rest[:1].isspace():
        lines[-1] = lines[-1].rstrip()
    text = "\n".join(lines)
    return text.rstrip("\n") if not cursor.rest.strip() else text


def _fit_rest_of_line(text: str, cursor: Cursor) -> Trimmed:
    """Reconcile the completion with what stands right of the cursor on its line."""
    rest = cursor.rest.rstrip()
    if not rest:
        return Trimmed(text)
    # Bare closers come from auto-pairing, and nesting says best whose they are; with
    # code among them, the completion's own copy of that code does.
    ways = (_share_closers, _share_repeated)
    for share in ways if not rest.strip(_CLOSERS) else reversed(ways):
        found = share(text, rest, cursor)
        if found is not None:
            return found
    return Trimmed(_close_own_brackets(text, rest, cursor))


def _share_repeated(text: str, rest: str, cursor: Cursor) -> Trimmed | None:
    """Cut what repeats the rest of the line, or write over it where text goes on after."""
    nesting = scan(text, language=cursor.language, inside=cursor.inside)
    first_end = text.find("\n") if "\n" in text else len(text)
    for at in range(first_end):
        if not nesting.is_home(at) or _splits_word(text, at):
            continue
        into_text, into_rest = _agree(text, at, first_end, rest)
        is_all = into_text >= len(text.rstrip())
        if into_rest == len(rest) and not _splits_word(text, into_text):
            return Trimmed(text[:at]) if is_all else Trimmed(text, len(rest))
        if is_all and into_rest and not _splits_word(rest, into_rest):
            return Trimmed(text[:at])
    return None


def _agree(text: str, at: int, end: int, rest: str) -> tuple[int, int]:
    """How far `text[at:end]` and `rest` say the same, whitespace aside."""
    i, j = at, 0
    while i < end and j < len(rest):
        if text[i] == rest[j]:
            i, j = i + 1, j + 1
        elif text[i].isspace():
            i += 1
        elif rest[j].isspace():
            j += 1
        else:
            break
    return i, j


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and bool(_WORD.match(text[at - 1]) and _WORD.match(text[at]))


def _share_closers(text: str, rest: str, cursor: Cursor) -> Trimmed | None:
    """Write over as many auto-paired closers as the completion wrote itself.

    The line must close, after the completion, what it closed before it; the shortest
    stretch that does so is written over, and is None where none does.
    """
    before = _closes(rest, cursor)
    ends = [0]
    for at, character in enumerate(rest):
        if character in ")]}\"'`":
            ends.append(at + 1)
        elif not character.isspace():
            break
    for end in ends:
        if _closes(text + rest[end:], cursor) == before:
            left = rest[end:].strip()
            if end and left and not left.strip(":,;") and text.split("\n")[0].endswith(left):
                # The completion wrote the punctuation behind the closers as well.
                end = len(rest)
            return _least(text, end, rest)
    return None


def _close_own_brackets(text: str, rest: str, cursor: Cursor) -> str:
    """Close what the completion leaves open in front of code on the same line."""
    opened = scan(text, language=cursor.language, inside=cursor.inside).opened
    closed = text + "".join(reversed(opened))
    fits = opened and "\n" not in text and _closes(closed + rest, cursor) == _closes(rest, cursor)
    return closed if fits else text


def _closes(text: str, cursor: Cursor) -> tuple[str, tuple[str, ...], str]:
    """What a text does to the nesting around it, in comparable form."""
    found = scan(text, language=cursor.language, inside=cursor.inside)
    return "".join(text[at] for at in found.closed), found.opened, found.inside


def _least(text: str, end: int, rest: str) -> Trimmed:
    """The same edit without the characters that it would replace by themselves."""
    while end and text and text[-1] == rest[end - 1]:
        text, end = text[:-1], end - 1
    return Trimmed(text, end)


def _repeats_neighbours(trimmed: Trimmed, cursor: Cursor) -> bool:
    """Whether the lines that would result stand just above or just below already."""
    if cursor.rest[trimmed.replace_right :].strip() or not _NAME.search(trimmed.text):
        return False
    result = [line.rstrip() for line in (cursor.line + trimmed.text).split("\n") if line.strip()]
    above = [line.rstrip() for line in cursor.lines_above() if line.strip()]
    below = [line.rstrip() for line in cursor.lines_below() if line.strip()]
    return above[len(result) - 1 :: -1] == result or below[: len(result)] == result
