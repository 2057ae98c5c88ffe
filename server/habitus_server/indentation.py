"""Where a completion's lines go, and where its block ends.

Promises that text written for another column, with other indentation characters or
past the end of its block is moved or cut to fit the cursor. Knows text alone.
"""

from __future__ import annotations

import re

from habitus_server.cursor import Cursor, lead_of
from habitus_server.lexing import Scan, comment_marker, scan

_CLAUSES = re.compile(r"\s*(?:else|elif|except|finally|case|catch|end|fi|done|esac)\b")


def use_indentation_of_file(text: str, cursor: Cursor) -> str:
    """Leading tabs or spaces as the file has them."""
    unit = _indent_unit(cursor)
    if unit == "\t" and re.search(r"^ {2,}", text, re.MULTILINE):
        width = _written_width(text, cursor)
        return re.sub(
            r"^ {2,}", lambda m: "\t" * -(-len(m.group()) // width), text, flags=re.MULTILINE
        )
    if unit.startswith(" ") and "\t" in text:
        return re.sub(r"^\t+", lambda m: unit * len(m.group()), text, flags=re.MULTILINE)
    return text


def _written_width(text: str, cursor: Cursor) -> int:
    """How many spaces a completion wrote for each tab of the file."""
    widths = [len(m.group()) for m in re.finditer(r"^ {2,}(?=\S)", text, re.MULTILINE)]
    first = text.split("\n", 1)[0]
    tabs = len(lead_of(cursor.line))
    if not widths or lead_of(first) or not tabs:
        return min(widths, default=4)
    # The line behind the first stands at the cursor's depth, or one deeper.
    return max(1, widths[0] // (tabs + _opens_block(first, cursor)))


def _indent_unit(cursor: Cursor) -> str:
    """One level of indentation of the file; "" when nothing near the cursor shows it."""
    near = cursor.lines_above() + cursor.lines_below()
    leads = [lead_of(line) for line in near if line.strip() and line[0].isspace()]
    if cursor.line.startswith("\t") or any(lead.startswith("\t") for lead in leads):
        return "\t"
    widths = sorted({len(lead) for lead in leads if lead.startswith(" ") and len(lead) > 1})
    return " " * min((b - a for a, b in zip([0, *widths], widths, strict=False)), default=0)


def align_first_line(text: str, cursor: Cursor) -> str | None:
    """The first line where the cursor stands: neither indented twice nor one line late."""
    if not cursor.is_in_indentation:
        # A word's own leading space comes twice after a typed one; a longer run aligns.
        is_doubled = cursor.line[-1:].isspace() and len(lead_of(text)) == 1
        return text[1:] if is_doubled else text
    body = text.lstrip("\n")
    lead = lead_of(body)
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
    if not others or any(len(lead_of(line)) < deep for line in others if line.strip()):
        return text
    return "\n".join([first, *(line[columns:] if line.strip() else line for line in others)])


def _deepest_lead(cursor: Cursor) -> str | None:
    """The deepest sensible indentation of the cursor's line; None where any is."""
    above = cursor.above()
    if not above.strip() or cursor.inside:
        return None
    code = above.rstrip()
    marker = comment_marker(cursor.language)
    if marker and marker in code:
        code = code.split(marker, 1)[0].rstrip() or code
    lead = lead_of(above)
    if code.endswith((":", "{", "(", "[", "=>", "->", "then", "do", ",", "\\", "=")):
        if code.endswith((",", "\\", "=")):
            return None
        return lead + (_indent_unit(cursor) or "    ")
    return None if scan(above, language=cursor.language).opened else lead


def reindent_relative(text: str, cursor: Cursor) -> str:
    """A block that was written from column 0 is moved to the cursor's indentation."""
    base = lead_of(cursor.line)
    first, *others = text.split("\n")
    following = next((line for line in others if line.strip()), "")
    is_relative = base and following and 0 < len(lead_of(following)) <= len(base)
    if not is_relative or not _opens_block(first, cursor) or _closes_above(first, cursor):
        return text
    return "\n".join([first, *(base + line if line.strip() else line for line in others)])


def _opens_block(first: str, cursor: Cursor) -> bool:
    """Whether the cursor's line, with the completion's first, is the header of a block."""
    nesting = scan(first, language=cursor.language, inside=cursor.inside)
    return not nesting.inside and (cursor.line + first).rstrip().endswith((":", "{"))


def _closes_above(first: str, cursor: Cursor) -> bool:
    return bool(scan(first, language=cursor.language, inside=cursor.inside).closed)


def _base_column(first: str, cursor: Cursor) -> int:
    """The column of the statement that the completion is in."""
    column = len(lead_of(cursor.line + first if cursor.is_in_indentation else cursor.line))
    if not _closes_above(first, cursor) or cursor.inside:
        return column
    # A bracket from above ends here: the statement began where the indentation was less.
    above = (len(lead_of(line)) for line in cursor.lines_above() if line.strip())
    return next((lead for lead in above if lead < column), column)


def end_block(text: str, cursor: Cursor) -> str:
    """Cut where the code leaves the block that the completion is in, or has opened."""
    first, *others = text.split("\n")
    base = _base_column(first, cursor)
    opens = _opens_block(first, cursor)
    kept = [first]
    for line in others:
        nesting = scan("\n".join(kept), language=cursor.language, inside=cursor.inside)
        if not nesting.opened and _closes_bracket_above(line, base, cursor):
            base = len(lead_of(line))
            opens = line.rstrip().endswith((":", "{"))
        elif _ends_block(line, nesting, base, opens, cursor):
            return "\n".join(kept).rstrip("\n")
        kept.append(line)
    return text


def _closes_bracket_above(line: str, base: int, cursor: Cursor) -> bool:
    """Whether a line ends a bracket that a line above the cursor has opened at its column."""
    depth = len(lead_of(line))
    if depth >= base or line.lstrip()[:1] not in tuple(")]}"):
        return False
    lines = (above for above in cursor.lines_above() if above.strip())
    opener = next((above for above in lines if len(lead_of(above)) <= depth), "")
    return line.lstrip()[:1] in scan(opener, language=cursor.language).opened


def _ends_block(line: str, nesting: Scan, base: int, opens: bool, cursor: Cursor) -> bool:
    is_text = bool(nesting.inside) and nesting.inside != comment_marker(cursor.language)
    if is_text or any(closer in ")]" for closer in nesting.opened):
        return False
    if not line.strip():
        # At the top level nothing but a blank line ends what does not open a block.
        return base == 0 and not opens
    depth = len(lead_of(line))
    return depth < base or (opens and depth == base and not _continues(line, nesting))


def _continues(line: str, nesting: Scan) -> bool:
    """Whether a line at the block's own column still belongs to it."""
    closes = line.lstrip()[:1]
    return bool(_CLAUSES.match(line)) or (bool(closes) and closes in nesting.opened)
