"""What kind of change a correction is: from what was suggested to what was written.

Promises one class per correction, from the syntax trees of both texts in their context
where both parse (Python), else from their tokens. The rules are in docs/examples.md.
Knows two texts and what surrounds them; no model, no store.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from enum import Enum

from habitus_learner.treediff import Difference, Role, Touch, differences
from habitus_server.syntax import LANGUAGES


class CorrectionClass(Enum):
    """What a correction changed; where it changed several things, the first of these."""

    STRUCTURE = "structure"
    LOGIC = "logic"
    API = "api"
    ARGUMENTS = "arguments"
    RENAME = "rename"
    LITERAL = "literal"
    FORMATTING = "formatting"
    UNKNOWN = "unknown"


_OF_TOUCH = {
    Touch.STATEMENT: CorrectionClass.STRUCTURE,
    Touch.COMPUTATION: CorrectionClass.LOGIC,
    Touch.USE: CorrectionClass.API,
    Touch.ARGUMENT: CorrectionClass.ARGUMENTS,
    Touch.LITERAL: CorrectionClass.LITERAL,
    Touch.COMMENT: CorrectionClass.LITERAL,
    Touch.LAYOUT: CorrectionClass.FORMATTING,
}

_OF_ROLE = {
    Role.USED: CorrectionClass.API,
    Role.PASSED: CorrectionClass.ARGUMENTS,
    Role.READ: CorrectionClass.LOGIC,
    Role.BOUND: CorrectionClass.RENAME,
}
"""What swapping a name means when it is not renamed throughout."""

_STARTS_BLOCK = re.compile(r"^(?!(?:else|elif|except|finally)\b)[@\w]", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
    r"|(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)|(?P<sign>[-+*/%=<>!&|^~?:]+|\S)"
)
_Token = tuple[str, str]


def classify(
    suggested: str, corrected: str, language: str, prefix: str = "", suffix: str = ""
) -> CorrectionClass:
    """The class of a correction made between `prefix` and `suffix`."""
    if suggested.split() == corrected.split() and language not in LANGUAGES:
        return CorrectionClass.FORMATTING
    if language in LANGUAGES:
        for before, after in _surroundings(prefix, suffix):
            old, new = before + suggested + after, before + corrected + after
            if not before:
                old, new = textwrap.dedent(old), textwrap.dedent(new)
            if found := differences(old, new):
                return _weightiest(_judged(found, suggested, corrected))
    return _by_tokens(suggested, corrected)


def _surroundings(prefix: str, suffix: str) -> Iterator[tuple[str, str]]:
    """The top-level block around the place, then its own lines: what was cut out of a
    file seldom parses as a whole."""
    starts = [found.start() for found in _STARTS_BLOCK.finditer(prefix)]
    line = prefix.rfind("\n") + 1
    below = suffix.find("\n")
    if starts:
        end = _STARTS_BLOCK.search(suffix, below + 1) if below >= 0 else None
        yield prefix[starts[-1] :], suffix[: end.start()] if end else suffix
    rest = suffix if below < 0 else suffix[:below]
    yield "", rest
    if prefix[line:]:
        yield prefix[line:].lstrip(), rest


def _judged(found: list[Difference], suggested: str, corrected: str) -> Iterator[CorrectionClass]:
    yield from (_OF_TOUCH[one.touch] for one in found if one.touch is not Touch.NAME)
    swaps = [one for one in found if one.touch is Touch.NAME]
    yield from _swapped(swaps, _names(suggested), _names(corrected))


def _swapped(
    swaps: list[Difference], before: set[str], after: set[str]
) -> Iterator[CorrectionClass]:
    """A name is renamed when it is bound under the new one, or read under it alone."""
    roles: dict[tuple[str, str], set[Role]] = {}
    for one in swaps:
        roles.setdefault((one.old, one.new), set()).add(one.role)
    for (old, new), played in roles.items():
        is_throughout = played == {Role.READ} and old not in after and new not in before
        if Role.BOUND in played or is_throughout:
            yield CorrectionClass.RENAME
        else:
            yield _weightiest(_OF_ROLE[role] for role in played)


def _weightiest(classes: Iterable[CorrectionClass]) -> CorrectionClass:
    found = set(classes)
    return next(one for one in CorrectionClass if one in found)


def _names(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d]\w*", text))


def _by_tokens(suggested: str, corrected: str) -> CorrectionClass:
    """Where no tree can be had: sure answers from tokens alone, or `UNKNOWN`."""
    old, new = list(_tokens(suggested)), list(_tokens(corrected))
    if [text for _, text in old] == [text for _, text in new]:
        return CorrectionClass.FORMATTING
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    runs = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    if all(_in_call(old, start) and _in_call(old, end) for _, start, end, _, _ in runs):
        kinds = {kind for _, a, b, c, d in runs for kind, _ in (*old[a:b], *new[c:d])}
        return CorrectionClass.ARGUMENTS if kinds - _VALUES else CorrectionClass.LITERAL
    if len(old) != len(new):
        return CorrectionClass.UNKNOWN
    pairs = [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]
    if all({one[0], other[0]} <= _VALUES for one, other in pairs):
        return CorrectionClass.LITERAL
    if any(one[0] != "name" or other[0] != "name" for one, other in pairs):
        return CorrectionClass.UNKNOWN
    if any(_is_called(old, index) for index, pair in enumerate(old) if pair != new[index]):
        return CorrectionClass.API
    is_throughout = not {one[1] for one, _ in pairs} & {text for _, text in new}
    return CorrectionClass.RENAME if is_throughout else CorrectionClass.LOGIC


_VALUES = frozenset(("string", "number"))


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        yield str(found.lastgroup), found.group()


def _in_call(tokens: list[_Token], at: int) -> bool:
    """Whether a boundary lies inside the parentheses of a call that starts in the text."""
    depth = 0
    for index in range(at - 1, -1, -1):
        if tokens[index][1] == ")":
            depth += 1
        elif tokens[index][1] == "(":
            if depth == 0:
                return index > 0 and tokens[index - 1][0] == "name"
            depth -= 1
    return False


def _is_called(tokens: list[_Token], at: int) -> bool:
    """Whether a name is called, or taken from something."""
    follows = tokens[at + 1][1] if at + 1 < len(tokens) else ""
    return follows == "(" or (at > 0 and tokens[at - 1][1] == ".")
