"""Where strings, comments and brackets open and close, roughly, in any language.

Promises a scan that is right for ordinary lines of the common languages and never
fails on others; it looks at text alone. It deliberately knows no grammar (see
`syntax` for Python) and no nested string interpolation: text inside quotes is opaque.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_CLOSES = {")": "(", "]": "[", "}": "{"}
_OPENS = {"(": ")", "[": "]", "{": "}"}

_HASH = (
    "python shellscript bash sh zsh fish ruby yaml toml perl r makefile make dockerfile elixir "
    "julia coffeescript powershell nix tcl cmake graphql properties"
)
_DASHES = "lua sql haskell elm ada vhdl"
_SEMICOLON = "lisp clojure scheme racket elisp emacs-lisp ini"
_PERCENT = "latex tex bibtex erlang matlab prolog"
_PROSE = "markdown plaintext restructuredtext rst asciidoc text html xml git-commit gitcommit"
_COMMENTS = {
    **dict.fromkeys(_HASH.split(), "#"),
    **dict.fromkeys(_DASHES.split(), "--"),
    **dict.fromkeys(_SEMICOLON.split(), ";"),
    **dict.fromkeys(_PERCENT.split(), "%"),
    **dict.fromkeys(_PROSE.split(), ""),
}
_TICKED = frozenset(
    ("javascript", "javascriptreact", "typescript", "typescriptreact", "go", "shellscript")
)
# A lone apostrophe in these is a lifetime, a quoted symbol or an English word.
_NO_APOSTROPHE = frozenset(
    f"rust ocaml {_SEMICOLON} {_PERCENT} {_PROSE} haskell vb ada vhdl".split()
)
_NO_QUOTES = frozenset(_PROSE.split()) | frozenset(_PERCENT.split())
_ESCAPE = r"\\.|\\\Z"
_TRIPLE = ('"""', "'''")


class Scan(msgspec.Struct, frozen=True):
    """What a piece of text does to the nesting that it starts in.

    `home` are the stretches (both boundaries included) where everything opened since the
    start is closed and nothing opened before it has been closed. `closed` are the offsets
    of the delimiters that close something opened before; `opened` is what is still open
    at the end, as the closers it waits for; `inside` the string or comment that the end
    lies in ("" is code).
    """

    home: tuple[tuple[int, int], ...]
    closed: tuple[int, ...]
    opened: tuple[str, ...]
    inside: str

    def is_home(self, at: int) -> bool:
        """Whether boundary `at` is on the level that the text started on."""
        return any(start <= at <= end for start, end in self.home)


def comment_marker(language: str) -> str:
    """What starts a line comment; "" where nothing does."""
    return _COMMENTS.get(language, "//")


def quotes_of(language: str) -> str:
    """The characters that delimit strings on one line."""
    if language in _NO_QUOTES:
        return ""
    if language in _NO_APOSTROPHE:
        return '"'
    return "\"'`" if language in _TICKED else "\"'"


def inside_at(prefix: str, language: str) -> str:
    """Which string or comment the end of `prefix` lies in; "" for code.

    Looks at the last line and, for Python's long strings, at how many of their quotes
    came before, which is counted once per line of typing.
    """
    line_start = prefix.rfind("\n") + 1
    inside = _long_string_after(prefix[:line_start]) if language == "python" else ""
    return scan(prefix[line_start:], language=language, inside=inside).inside


@lru_cache(maxsize=4)
def _long_string_after(above: str) -> str:
    """Whose end is missing in whole lines, by count; they are the same from key to key."""
    return next((quote for quote in _TRIPLE if above.count(quote) % 2), "")


@lru_cache(maxsize=64)
def _tokens(language: str) -> re.Pattern[str]:
    """What matters to nesting: comments, whole strings (or their unclosed rest), brackets."""
    parts = []
    if marker := comment_marker(language):
        parts.append(f"{re.escape(marker)}[^\\n]*")
    quotes = quotes_of(language)
    if language == "python":
        parts += [rf"{quote}(?:{_ESCAPE}|[^\\])*?(?:{quote}|\Z)" for quote in _TRIPLE]
    for quote in quotes:
        plain = r"[^`\\]" if quote == "`" else rf"[^{quote}\\\n]"
        parts.append(rf"{quote}(?:{_ESCAPE}|{plain})*{quote}?")
    parts.append(r"[()\[\]{}]")
    return re.compile("|".join(parts), re.DOTALL)


@lru_cache(maxsize=64)
def _end_of(inside: str) -> re.Pattern[str]:
    """The rest of a string, with its closing quote where there is one."""
    if len(inside) == 3 or inside == "`":
        return re.compile(rf"(?:{_ESCAPE}|[^\\])*?({inside}|\Z)", re.DOTALL)
    return re.compile(rf"(?:{_ESCAPE}|[^{inside}\\\n])*({inside}?)", re.DOTALL)


def scan(text: str, *, language: str, inside: str = "") -> Scan:
    """Follow the nesting through `text`, which starts in `inside`."""
    marker = comment_marker(language)
    home: list[tuple[int, int]] = []
    closed: list[int] = []
    waiting: list[str] = []
    at = 0
    if inside and inside == marker:
        at = text.find("\n")
        home.append((0, len(text) if at < 0 else at))
        if at < 0:
            return Scan(tuple(home), (), (), inside)
    elif inside:
        rest = _end_of(inside).match(text)
        at = rest.end() if rest else len(text)
        is_ended = bool(rest and rest.group(1))
        home.append((0, at - len(inside) if is_ended else at))
        if is_ended:
            closed.append(at - len(inside))
        elif at == len(text):
            return Scan(tuple(home), (), (), inside)
    # Once out of the string or comment that it started in, a text never comes home.
    is_code = is_home = not inside
    home_from = 0
    inside = ""
    for token in _tokens(language).finditer(text, at):
        here, kind = token.start(), token.group()
        if is_home:
            home.append((home_from, here))
        inside = ""
        home_from = token.end()
        if kind in _OPENS:
            waiting.append(_OPENS[kind])
        elif kind in _CLOSES:
            if waiting and waiting[-1] == kind:
                waiting.pop()
            elif not waiting:
                closed.append(here)
        elif quote := _unclosed(kind, marker):
            if token.end() < len(text):
                # Cut off by the end of its line, where what follows is code again.
                home_from += 1
            else:
                inside = quote
                waiting += [quote] if quote != marker else []
        is_home = is_code and not inside and not closed and not waiting
    if is_home:
        home.append((home_from, len(text)))
    return Scan(tuple(home), tuple(closed), tuple(waiting), inside)


def _unclosed(token: str, marker: str) -> str:
    """What a string or comment at the end of a text still waits for; "" for nothing."""
    if marker and token.startswith(marker):
        return marker
    quote = token[:3] if token[:3] in _TRIPLE else token[:1]
    body = token[len(quote) :]
    if not body.endswith(quote):
        return quote
    # An escaped quote does not close; the token pattern stopped at it only for want of text.
    slashes = len(body[: -len(quote)]) - len(body[: -len(quote)].rstrip("\\"))
    return quote if slashes % 2 else ""


def is_balanced(text: str, language: str) -> bool:
    """Whether every bracket and string of a whole text is closed in order."""
    found = scan(text, language=language)
    return not found.opened and not found.closed
