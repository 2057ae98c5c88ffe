"""Whether Python still parses where a completion lands.

Promises to judge a line by what can be known while it is being typed: its own
definition above it, open brackets closed the way their continuation may close them.
What stands below the cursor's line is not looked at, for it is about to move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from habitus_server import syntax
from habitus_server.cursor import Cursor, lead_of
from habitus_server.lexing import scan

NEIGHBOURHOOD_LINES = 300
"""How far above the cursor Python is parsed; a definition seldom starts earlier."""

_ENDINGS = ("{}", "_{}", "{}:", "_{}:", " else _{}", ": _{}")
"""What may follow a line that ends inside brackets, `{}` being what closes them."""

_DEEP = " " * 120
"""Puts an ending below a comment without the parser taking it for a dedent."""

_OUT_OF_SIGHT = ("", "if _: _\n", "try: _\n", "(", "[", "{", "f(", "(_ ", "[_ for _ in _ ")
"""What a line may belong to that began too far above to be looked at."""

_DECORATOR = re.compile(r"^([ \t]*)@", re.MULTILINE)
_STATEMENT = re.compile(r"[^\W\d]|@")
_DEFINITION = re.compile(r"\s*(?:async\s+def|def|class)\s")


class UndecidedError(Exception):
    """More than one parse would be needed to say."""


def settle(text: str, rest: str, cursor: Cursor, *, at_once: bool = False) -> str | None:
    """`text` if it parses between the cursor's line and `rest`, else a balanced version of it.

    None when neither does. Inside a string or comment anything may stand. With `at_once`,
    raises `UndecidedError` where the first parse does not say.
    """
    if cursor.inside or _parses_at_once(text, rest, cursor):
        return text
    if at_once:
        raise UndecidedError
    if _parses(text, rest, cursor):
        return text
    for repaired in _repairs(text, cursor):
        if repaired.strip() and _parses(repaired, rest, cursor):
            return repaired
    return None


def _repairs(text: str, cursor: Cursor) -> Iterator[str]:
    """The ends to try: a string closed, surplus brackets away, the last lines away."""
    nesting = scan(text, language=cursor.language)
    if nesting.inside in ("'", '"'):
        yield text + "".join(reversed(nesting.opened))
    for end in range(len(text) - 1, len(text.rstrip(")]}")) - 1, -1):
        yield text[:end]
    for end in range(text.count("\n"), 0, -1):
        yield "\n".join(text.split("\n")[:end]).rstrip()


def _parses_at_once(text: str, rest: str, cursor: Cursor) -> bool:
    """Whether the likeliest of the ways to finish the lines above and the cursor's parses."""
    found = neighbourhood(cursor)
    if found is None:
        return False
    above, column = found
    return syntax.is_clean(next(_finished(above, _dedent(cursor.line + text + rest, column))))


def _parses(text: str, rest: str, cursor: Cursor) -> bool:
    """Whether the completion adds no parse error to the lines above and its own."""
    found = neighbourhood(cursor)
    statement = cursor.line + text + rest
    if found is not None:
        above, column = found
        if any(map(syntax.is_clean, _finished(above, _dedent(statement, column)))):
            return True
        if syntax.is_clean(above):
            return False
    # The lines above are out of reach, or broken by what is being typed: judge the line
    # by itself, as a statement and as a part of a bracket that began out of sight.
    alone = statement.strip() + "\n"
    return any(
        syntax.is_clean(finished) for began in _OUT_OF_SIGHT for finished in _finished(began, alone)
    )


def _finished(above: str, statement: str) -> Iterator[str]:
    """The text with the statement's open ends tied, each way that its continuation may."""
    opened = scan(above * _leaves_open(above) + statement, language="python").opened
    code = statement.rstrip()
    if any(closer in ("'", '"') for closer in opened):
        yield above + statement
        return
    closing = "".join(reversed(opened))
    if code.endswith("\\"):
        yield above + code[:-1] + "_" + closing + "\n"
    for ending in _ENDINGS if opened else _ENDINGS[:1]:
        yield f"{above}{code}\n{_DEEP}{ending.format(closing)}\n"
    decorators = _DECORATOR.findall(above[-1000:] + code)
    if decorators:
        yield f"{above}{code}\n{_DEEP}{closing}\n{decorators[-1]}def _(): _\n"


@lru_cache(maxsize=16)
def _leaves_open(above: str) -> bool:
    """Whether whole lines leave a bracket or string open; they stay while a line is typed."""
    return bool(scan(above, language="python").opened)


@lru_cache(maxsize=4)
def neighbourhood(cursor: Cursor) -> tuple[str, int] | None:
    """The lines above the cursor's from the start of a definition around it, moved to column 0
    from the column that is returned with them; None when that start is out of sight.
    """
    lines = cursor.prefix.rsplit("\n", NEIGHBOURHOOD_LINES)
    is_whole_file = len(lines) <= NEIGHBOURHOOD_LINES
    lines = lines[0 if is_whole_file else 1 : -1]
    below = ""
    least = len(lead_of(cursor.line + "x"))
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        below = f"{line}\n{below}"
        if not line.strip():
            continue
        column = len(lead_of(line))
        is_start = _STATEMENT.match(line) or (column < least and _DEFINITION.match(line))
        if is_start and _is_whole(below, cursor.inside):
            return _dedent(below, column), column
        least = min(least, column)
    return (below, 0) if is_whole_file else None


def _dedent(text: str, columns: int) -> str:
    return re.sub(rf"^[ \t]{{{columns}}}", "", text, flags=re.MULTILINE) if columns else text


def _is_whole(text: str, inside: str) -> bool:
    """Whether no string or bracket that `text` closes was opened before it, by count."""
    quotes = sum(text.count(quote) for quote in ('"""', "'''"))
    if quotes % 2 != (len(inside) == 3):
        return False
    return all(text.count(opener) >= text.count(closer) for opener, closer in ("()", "[]", "{}"))
