"""Where a completion should end: with its line, or with the block that begins at the cursor.

Promises a block only where an empty one waits: behind a header, in a body of nothing but a
docstring and comments, inside a bracket that opens at a line's end. Python is asked of its
grammar, any other language of its indentation. Costs a parse of the function around the
cursor at most.
"""

from __future__ import annotations

from habitus_server import placement, syntax
from habitus_server.config import Completion
from habitus_server.cursor import Cursor, between, lead_of
from habitus_server.engine.stop import indent_columns
from habitus_server.engine.wire import Stop
from habitus_server.lexing import comment_marker
from habitus_server.session import Snapshot

_HERE = "_here_"
_OPENERS = (":", "{", "(", "[", "=>", "->", " then", " do", " else")


def stop_at(snapshot: Snapshot, limits: Completion) -> Stop:
    """What the engine is told of the end of a completion at a place."""
    cursor = between(snapshot.prefix, snapshot.suffix, snapshot.language)
    if limits.max_lines > 1 and not cursor.rest.strip() and not cursor.inside:
        indent = _block_indent(cursor)
        if indent is not None and not _goes_on_below(cursor, indent):
            return Stop("block", indent, limits.max_lines, limits.max_tokens)
    return Stop("line", 0, 1, limits.max_tokens)


def _block_indent(cursor: Cursor) -> int | None:
    """The least column of the block that begins at the cursor; None where none does."""
    if cursor.is_in_indentation:
        above = cursor.above()
        begins = _begins_python_body(cursor) if cursor.language == "python" else None
        if begins is None:
            begins = _opens(above, cursor)
        if not begins:
            return None
        inner = indent_columns(above) + _opens(above, cursor)
        return max(indent_columns(cursor.line + "x"), inner)
    if not cursor.line.rstrip().endswith((":", "{")) or cursor.line[-1:].isspace():
        return None
    if cursor.language == "python" and not _is_python_header(cursor):
        return None
    return indent_columns(cursor.line) + 1


def _opens(line: str, cursor: Cursor) -> bool:
    """Whether a line ends with what something is indented below."""
    code = line.strip()
    marker = comment_marker(cursor.language)
    if marker and code.startswith(marker):
        return False
    return code.endswith(_OPENERS)


def _goes_on_below(cursor: Cursor, indent: int) -> bool:
    """Whether the block has lines already, below the cursor's."""
    below = next((line for line in cursor.lines_below() if line.strip()), "")
    return bool(below) and indent_columns(below) >= max(1, indent)


def _begins_python_body(cursor: Cursor) -> bool | None:
    """Whether the next statement is its block's first; None where that cannot be known."""
    found = placement.neighbourhood(cursor)
    if found is None:
        return None
    above, column = found
    line = cursor.line
    header = cursor.above()
    if _opens(header, cursor) and indent_columns(line + "x") <= indent_columns(header):
        line = lead_of(header) + " "  # where the block would begin
    text = above + line[column:] + _HERE
    return syntax.is_first_of_block(text, len(text)) if syntax.is_clean(text) else None


def _is_python_header(cursor: Cursor) -> bool:
    """Whether a colon at the end of the cursor's line opens a block."""
    found = placement.neighbourhood(cursor)
    if found is None:
        return True
    above, column = found
    text = f"{above}{cursor.line[column:]} {_HERE}"
    return syntax.is_clean(text) and syntax.is_first_of_block(text, len(text))
