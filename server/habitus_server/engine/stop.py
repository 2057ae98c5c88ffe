"""Where a completion ends, seen from its text alone.

Promises the same cut whether the text arrives at once or in pieces. Does not know
tokens, and needs no torch: `serve` measures indents with the same `indent_columns`.
"""

from __future__ import annotations

from habitus_server.engine.wire import Stop

TAB_COLUMNS = 4
_REPEATS = 3


def indent_columns(line: str) -> int:
    """The width of a line's leading blanks; a tab reaches the next multiple of four."""
    columns = 0
    for character in line:
        if character == "\t":
            columns += TAB_COLUMNS - columns % TAB_COLUMNS
        elif character == " ":
            columns += 1
        else:
            break
    return columns


def find_end(text: str, stop: Stop) -> int | None:
    """Where `text` must be cut, or None while it may go on.

    In line mode that is the first newline. In block mode it is the newline before a
    line of text that stands left of `stop.indent`, the newline after `max_lines`
    lines, or the third of equal lines in a row; blank lines before the cut go too.
    The first line continues the cursor's own and is never too far left.
    """
    first = text.find("\n")
    if first < 0:
        return None
    if stop.mode == "line":
        return first
    start, count, repeats, last = 0, 0, 1, None
    while True:
        newline = text.find("\n", start)
        line = text[start:] if newline < 0 else text[start:newline]
        body = line.strip()
        if start > 0 and body and indent_columns(line) < stop.indent:
            return len(text[:start].rstrip())
        if newline < 0:
            return None
        if body:
            repeats = repeats + 1 if line == last else 1
            last = line
            if repeats == _REPEATS:
                return len(text[:start].rstrip())
        count += 1
        if count >= stop.max_lines:
            return len(text[:newline].rstrip())
        start = newline + 1
