"""From what a model wrote to what an editor may insert.

Promises text that neither repeats what stands around the cursor nor breaks the line
that it lands in, or nothing at all; trimming twice changes nothing. Each filter answers
a complaint that users of other completers keep making, in the order of `trim`. It
looks at text alone and knows no tokens, no model and no editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from habitus_server import syntax
from habitus_server.lexing import Scan, comment_marker, inside_at, scan

SENTINEL = re.compile(
    r"<\|[A-Za-z_▁ ]{2,24}\|>"
    r"|<[|]?(?:fim|file|repo)[-_](?:prefix|suffix|middle|pad|sep|name)[|]?>"
    r"|▁?<(?:PRE|SUF|MID|EOT|EOD)>|</?s>|<unk>|<pad>|\[/?(?:INST|MIDDLE|PREFIX|SUFFIX)\]"
)
"""Control tokens of public models, as they leak into text."""

_FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n|\n[ \t]*```[ \t]*(?:\n|\Z)")
_WORD = re.compile(r"\w")
_NAME = re.compile(r"[^\W\d_]{2,}")
_LOOP = re.compile(r"(.{4,80}?)\1{3,}.{0,80}\Z", re.DOTALL)
_SHORT_LOOP = re.compile(r"((?=[^\n]{0,2}\w)[^\n]{2,3}?)\1{7,}.{0,3}\Z", re.DOTALL)

_CLOSERS = ")]}\"'` \t"

NEIGHBOURHOOD_LINES = 120
"""How far above the cursor Python is parsed; a definition seldom starts earlier."""


class Trimmed(msgspec.Struct, frozen=True):
    """Text to insert at the cursor over `replace_right` code points right of it."""

    text: str
    replace_right: int = 0


class _Cursor(msgspec.Struct, frozen=True):
    """What the filters look at: the cursor's line in two halves, and the lines around."""

    prefix: str
    suffix: str
    language: str
    line: str
    rest: str
    inside: str

    @property
    def is_in_indentation(self) -> bool:
        return not self.line.strip()


def trim(
    completion: str, *, prefix: str, suffix: str, language: str = "", mode: str = "line"
) -> Trimmed | None:
    """What of `completion` to insert between `prefix` and `suffix`, or None for nothing.

    `prefix` and `suffix` are the buffer either side of the cursor, `language` is LSP's
    identifier, `mode` is "line" or "block" as in `engine.wire.Stop`.
    """
    cursor = _Cursor(
        prefix=prefix,
        suffix=suffix,
        language=language,
        line=prefix[prefix.rfind("\n") + 1 :],
        rest=suffix.split("\n", 1)[0].rstrip("\r"),
        inside=inside_at(prefix, language),
    )
    text = completion.replace("\r\n", "\n").replace("\r", "\n")
    result = Trimmed(text)
    # One pass is a fixed point but for rare cuts that expose another; each pass only
    # shortens or settles, so a few are enough.
    for _ in range(4):
        before = result
        found = _pass(result.text, cursor, mode)
        if found is None:
            return None
        result = found
        if result == before:
            break
    return result


def _pass(text: str, cursor: _Cursor, mode: str) -> Trimmed | None:
    text = _cut_sentinels(text, cursor)
    text = _cut_fences(text, cursor.language)
    text = _use_indentation_of_file(text, cursor)
    aligned = _align_first_line(text, cursor)
    if aligned is None:
        return None
    text = aligned
    if mode == "line":
        text = _first_line(text)
    text = _cut_loops(text)
    if "\n" in text:
        text = _end_block(_reindent_relative(text, cursor), cursor)
        text = _cut_lines_below(text, cursor)
    text = _strip_line_ends(text, cursor)
    trimmed = _fit_rest_of_line(text, cursor)
    if not trimmed.text.strip() or _repeats_neighbours(trimmed, cursor):
        return None
    if cursor.language in syntax.LANGUAGES:
        return _keep_parsing(trimmed, cursor)
    return trimmed


# --- what is not code --------------------------------------------------------------


def _cut_sentinels(text: str, cursor: _Cursor) -> str:
    """Everything from a control token on is noise, unless the file itself is about them."""
    for found in SENTINEL.finditer(text):
        token = found.group()
        if token not in cursor.prefix and token not in cursor.suffix:
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


def _cut_loops(text: str) -> str:
    """One round of a text that runs in circles until its end."""
    lines = text.split("\n")
    for period in range(1, min(8, len(lines) // 3) + 1):
        for at in range(len(lines) - 3 * period + 1):
            unit = lines[at : at + period]
            if not _WORD.search("".join(unit)):
                continue
            if unit == lines[at + period : at + 2 * period] == lines[at + 2 * period :][:period]:
                return "\n".join(lines[: at + period])
    loop = _LOOP.search(text) or _SHORT_LOOP.search(text)
    if loop and _WORD.search(loop.group(1)):
        return text[: loop.end(1)]
    return text


# --- indentation -------------------------------------------------------------------


def _use_indentation_of_file(text: str, cursor: _Cursor) -> str:
    """Leading tabs or spaces as the file has them."""
    unit = _indent_unit(cursor)
    if unit == "\t" and re.search(r"^ {2,}", text, re.MULTILINE):
        widths = [len(m.group()) for m in re.finditer(r"^ {2,}(?=\S)", text, re.MULTILINE)]
        width = min(widths, default=4)
        return re.sub(
            r"^ {2,}", lambda m: "\t" * -(-len(m.group()) // width), text, flags=re.MULTILINE
        )
    if unit.startswith(" ") and "\t" in text:
        return re.sub(r"^\t+", lambda m: unit * len(m.group()), text, flags=re.MULTILINE)
    return text


def _indent_unit(cursor: _Cursor) -> str:
    """One level of indentation of the file; "" when nothing near the cursor shows it."""
    near = cursor.prefix[-4000:].split("\n")[1:] + cursor.suffix[:2000].split("\n")[1:]
    leads = [lead for line in near if (lead := _lead(line)) and line.strip()]
    if any(lead.startswith("\t") for lead in leads):
        return "\t"
    widths = sorted({len(lead) for lead in leads if lead.startswith(" ") and len(lead) > 1})
    return " " * min((b - a for a, b in zip([0, *widths], widths, strict=False)), default=0)


def _align_first_line(text: str, cursor: _Cursor) -> str | None:
    """The first line where the cursor stands: neither indented twice nor one line late."""
    if not cursor.is_in_indentation:
        if cursor.line[-1:].isspace() and not text.startswith("\n"):
            return text.lstrip(" \t")
        return text
    body = text.lstrip("\n")
    lead = _lead(body)
    if len(body) < len(text):
        # The model skipped the line that the cursor is on; without a range to the left
        # the text cannot go there unless it belongs at the cursor's own column.
        if not lead.startswith(cursor.line):
            return None
        return body[len(cursor.line) :]
    if not lead:
        return text
    wanted = _deepest_lead(cursor)
    if wanted is None or len(cursor.line + lead) <= len(wanted):
        return text
    kept = wanted[len(cursor.line) :] if wanted.startswith(cursor.line) else ""
    return _shift(kept + body[len(lead) :], len(lead) - len(kept), len(cursor.line + lead))


def _shift(text: str, columns: int, deep: int) -> str:
    """Move the lines after the first left, when they were indented along with it."""
    first, *others = text.split("\n")
    if not others or any(len(_lead(line)) < deep for line in others if line.strip()):
        return text
    return "\n".join([first, *(line[columns:] if line.strip() else line for line in others)])


def _deepest_lead(cursor: _Cursor) -> str | None:
    """The deepest sensible indentation of the cursor's line; None where any is."""
    above = _above(cursor)
    if not above.strip() or cursor.inside:
        return None
    code = above.rstrip()
    marker = comment_marker(cursor.language)
    if marker and marker in code:
        code = code.split(marker, 1)[0].rstrip() or code
    lead = _lead(above)
    if code.endswith((":", "{", "(", "[", "=>", "->", "then", "do", ",", "\\", "=")):
        if code.endswith((",", "\\", "=")):
            return None
        return lead + (_indent_unit(cursor) or "    ")
    return None if scan(above, language=cursor.language).opened else lead


def _above(cursor: _Cursor) -> str:
    """The nearest line above the cursor's that is not blank."""
    lines = cursor.prefix[-4000:].split("\n")[:-1]
    return next((line for line in reversed(lines) if line.strip()), "")


def _reindent_relative(text: str, cursor: _Cursor) -> str:
    """A block that was written from column 0 is moved to the cursor's indentation."""
    base = _lead(cursor.line)
    first, *others = text.split("\n")
    if not base or not (cursor.line + first).rstrip().endswith((":", "{", "(", "[")):
        return text
    following = next((line for line in others if line.strip()), "")
    if not following or len(_lead(following)) > len(base) or not _lead(following):
        return text
    return "\n".join([first, *(base + line if line.strip() else line for line in others)])


def _end_block(text: str, cursor: _Cursor) -> str:
    """Cut where the code leaves the block that the completion is in, or has opened."""
    first, *others = text.split("\n")
    base = len(_lead(cursor.line + first if cursor.is_in_indentation else cursor.line))
    opens = (cursor.line + first).rstrip().endswith((":", "{"))
    kept = [first]
    for line in others:
        nesting = scan("\n".join(kept), language=cursor.language, inside=cursor.inside)
        depth = len(_lead(line))
        is_free = bool(nesting.inside and nesting.inside != comment_marker(cursor.language))
        if is_free or any(closer in ")]" for closer in nesting.opened):
            kept.append(line)
        elif not line.strip():
            if base == 0 and not opens and any(k.strip() for k in kept):
                break
            kept.append(line)
        elif depth < base or (opens and depth == base and not _continues(line, nesting)):
            break
        else:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") if len(kept) <= len(others) else text


_CLAUSES = re.compile(r"\s*(?:else|elif|except|finally|case|catch|end|fi|done|esac)\b")


def _continues(line: str, nesting: Scan) -> bool:
    """Whether a line at the block's own column still belongs to it."""
    closes = line.lstrip()[:1]
    return bool(_CLAUSES.match(line)) or (bool(closes) and closes in nesting.opened)


# --- what is already there ---------------------------------------------------------


def _first_line(text: str) -> str:
    """Up to the newline that ends the first line with text on it."""
    start = len(text) - len(text.lstrip("\n"))
    end = text.find("\n", start)
    return text if end < 0 else text[:end]


def _cut_lines_below(text: str, cursor: _Cursor) -> str:
    """Cut where the completion goes on with the lines that follow the cursor's."""
    below = [line.rstrip() for line in _lines_below(cursor) if line.strip()][:4]
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


def _lines_below(cursor: _Cursor) -> list[str]:
    return cursor.suffix[:4000].split("\n")[1:]


def _strip_line_ends(text: str, cursor: _Cursor) -> str:
    """No whitespace before a newline; none at the end unless code follows on the line."""
    lines = text.split("\n")
    lines[:-1] = [line.rstrip() for line in lines[:-1]]
    if not cursor.rest.strip() or cursor.rest[:1].isspace():
        lines[-1] = lines[-1].rstrip()
    text = "\n".join(lines)
    return text.rstrip("\n") if not cursor.rest.strip() else text


def _fit_rest_of_line(text: str, cursor: _Cursor) -> Trimmed:
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


def _share_repeated(text: str, rest: str, cursor: _Cursor) -> Trimmed | None:
    """Cut what repeats the rest of the line, or write over it where text goes on after."""
    home = scan(text, language=cursor.language, inside=cursor.inside).home
    first_end = text.find("\n") if "\n" in text else len(text)
    for at in range(first_end):
        if not home[at] or _splits_word(text, at):
            continue
        into_text, into_rest = _agree(text, at, first_end, rest)
        is_all = into_text >= len(text.rstrip())
        if into_rest == len(rest) and not _splits_word(text, into_text):
            return Trimmed(text[:at]) if is_all else Trimmed(text, len(rest))
        if is_all and into_text > at and not _splits_word(rest, into_rest):
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


def _share_closers(text: str, rest: str, cursor: _Cursor) -> Trimmed | None:
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
                return Trimmed(text, len(rest))
            return _least(text, end, rest)
    return None


def _close_own_brackets(text: str, rest: str, cursor: _Cursor) -> str:
    """Close what the completion leaves open in front of code on the same line."""
    opened = scan(text, language=cursor.language, inside=cursor.inside).opened
    closed = text + "".join(reversed(opened))
    fits = opened and "\n" not in text and _closes(closed + rest, cursor) == _closes(rest, cursor)
    return closed if fits else text


def _closes(text: str, cursor: _Cursor) -> tuple[str, tuple[str, ...], str]:
    """What a text does to the nesting around it, in comparable form."""
    found = scan(text, language=cursor.language, inside=cursor.inside)
    return "".join(text[at] for at in found.closed), found.opened, found.inside


def _least(text: str, end: int, rest: str) -> Trimmed:
    """The same edit without the characters that it would replace by themselves."""
    while end and text and text[-1] == rest[end - 1]:
        text, end = text[:-1], end - 1
    return Trimmed(text, end)


def _repeats_neighbours(trimmed: Trimmed, cursor: _Cursor) -> bool:
    """Whether the lines that would result stand just above or just below already."""
    if cursor.rest[trimmed.replace_right :].strip() or not _NAME.search(trimmed.text):
        return False
    result = [line.rstrip() for line in (cursor.line + trimmed.text).split("\n") if line.strip()]
    above = [line.rstrip() for line in cursor.prefix[-4000:].split("\n")[:-1] if line.strip()]
    below = [line.rstrip() for line in _lines_below(cursor) if line.strip()]
    return above[-len(result) :] == result or below[: len(result)] == result


# --- Python ------------------------------------------------------------------------


def _keep_parsing(trimmed: Trimmed, cursor: _Cursor) -> Trimmed | None:
    """Drop what breaks the statement that it lands in; balance it where that is enough."""
    if cursor.inside:
        return trimmed
    if _parses(trimmed, cursor):
        return trimmed
    for repaired in _repairs(trimmed, cursor):
        if repaired.text.strip() and _parses(repaired, cursor):
            return repaired
    return None


def _repairs(trimmed: Trimmed, cursor: _Cursor) -> Iterator[Trimmed]:
    text = trimmed.text
    nesting = scan(text, language=cursor.language, inside=cursor.inside)
    if nesting.inside and nesting.inside in "\"'":
        yield Trimmed(text + "".join(reversed(nesting.opened)), trimmed.replace_right)
    stripped = text.rstrip(")]}")
    for end in range(len(text) - 1, len(stripped) - 1, -1):
        yield Trimmed(text[:end], trimmed.replace_right)
    if "\n" in text:
        lines = text.split("\n")
        for end in range(len(lines) - 1, 0, -1):
            yield Trimmed("\n".join(lines[:end]).rstrip(), trimmed.replace_right)


def _parses(trimmed: Trimmed, cursor: _Cursor) -> bool:
    """Whether the completion adds no parse error to the lines above and its own."""
    rest = cursor.rest[trimmed.replace_right :]
    statement = cursor.line + trimmed.text + rest
    above = _neighbourhood(cursor)
    if syntax.is_clean(above + _finish(above, statement)):
        return True
    if syntax.is_clean(_finish("", statement.lstrip())):
        return True
    if syntax.is_clean(above):
        return False
    # The lines above are broken already, perhaps by what is being typed right now.
    return syntax.error_count(above + _finish(above, statement)) <= syntax.error_count(
        above + _finish(above, cursor.line + cursor.rest)
    )


def _finish(above: str, statement: str) -> str:
    """The statement with its open brackets closed, and something for a decorator to adorn."""
    opened = scan(above + statement, language="python").opened
    if any(closer in ("'", '"') for closer in opened):
        return statement + "\n"
    finished = statement.rstrip("\\ \t") + "".join(reversed(opened))
    if statement.lstrip().startswith("@"):
        finished += f"\n{_lead(statement)}def _(): pass"
    return finished + "\n"


def _neighbourhood(cursor: _Cursor) -> str:
    """The lines above the cursor's from the start of the top-level statement around it."""
    lines = cursor.prefix.rsplit("\n", NEIGHBOURHOOD_LINES)[1:-1]
    for at in range(len(lines) - 1, -1, -1):
        if lines[at][:1].strip() and lines[at][:1] not in ")]}#":
            return "".join(f"{line}\n" for line in lines[at:])
    return ""


def _lead(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
