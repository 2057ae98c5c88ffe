"""Where strings, comments and brackets open and close, roughly, in any language.

Promises a scan that is right for ordinary lines of the common languages and never
fails on others; it looks at text alone. It deliberately knows no grammar (see
`syntax` for Python) and no nested string interpolation: text inside quotes is opaque.
"""

from __future__ import annotations

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
_TRIPLE = ('"""', "'''")


class Scan(msgspec.Struct, frozen=True):
    """What a piece of text does to the nesting that it starts in.

    `home[i]` says that at boundary `i` everything opened since the start is closed and
    nothing opened before it has been closed. `closed` are the offsets of the delimiters
    that close something opened before; `opened` what is still open at the end, as the
    closers it waits for; `inside` the string or comment that the end lies in ("" is code).
    """

    home: tuple[bool, ...]
    closed: tuple[int, ...]
    opened: tuple[str, ...]
    inside: str


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
    came before: cost stays flat in a large file.
    """
    line_start = prefix.rfind("\n") + 1
    inside = ""
    if language == "python":
        counts = [(prefix.count(quote, 0, line_start) % 2, quote) for quote in _TRIPLE]
        inside = next((quote for odd, quote in counts if odd), "")
    return scan(prefix[line_start:], language=language, inside=inside).inside


def scan(text: str, *, language: str, inside: str = "") -> Scan:
    """Follow the nesting through `text`, which starts in `inside`."""
    marker, quotes = comment_marker(language), quotes_of(language)
    start = inside
    home: list[bool] = []
    closed: list[int] = []
    waiting: list[str] = []
    at = 0
    while at < len(text):
        home.append(not closed and not waiting and inside == start)
        step = 1
        here = text[at]
        if inside and inside != marker:
            if here == "\\":
                step = 2
            elif text.startswith(inside, at):
                step = len(inside)
                if waiting and waiting[-1] == inside:
                    waiting.pop()
                else:
                    closed.append(at)
                inside = ""
            elif here == "\n" and len(inside) == 1 and inside != "`":
                # An unterminated string ends with its line; what follows is code again.
                if waiting and waiting[-1] == inside:
                    waiting.pop()
                inside = ""
        elif inside:
            if here == "\n":
                inside = ""
        elif marker and text.startswith(marker, at):
            inside = marker
            step = len(marker)
        elif here in quotes:
            inside = here * 3 if language == "python" and text.startswith(here * 3, at) else here
            waiting.append(inside)
            step = len(inside)
        elif here in _OPENS:
            waiting.append(_OPENS[here])
        elif here in _CLOSES:
            if waiting and waiting[-1] == here:
                waiting.pop()
            elif not waiting:
                closed.append(at)
        home += [False] * (min(step, len(text) - at) - 1)
        at += step
    home.append(not closed and not waiting and inside == start)
    return Scan(tuple(home), tuple(closed), tuple(waiting), inside)


def is_balanced(text: str, language: str) -> bool:
    """Whether every bracket and string of a whole text is closed in order."""
    found = scan(text, language=language)
    return not found.opened and not found.closed
