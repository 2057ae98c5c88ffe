"""Laws that trimming keeps on any text, checked against a naive reading of each."""

from __future__ import annotations

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_server.postprocess import Trimmed, trim

LINES = [
    "import os",
    "from collections import deque",
    "def area(width, height=2):",
    "    if width > 0 and names:",
    "        return [width, (height + 1) * 2]",
    "    else:",
    '        print("wide", width, end="")',
    "    total = compute(width, scale(height), key=names[0])",
    "    for name in sorted(names, key=lambda n: n.lower()):",
    "        table[name] = {'a': 1, 'b': [2, 3]}",
    "    return total.get(name, default)",
    "",
    "class Shape(Base):",
    '    """A shape (of some kind)."""',
    "    @property",
    "    def name(self) -> str:",
    "        # what it's called",
    "        return self._name",
]
NOISE = [
    ")",
    "))",
    '")',
    "]",
    "}",
    ":",
    ",",
    "'",
    '"',
    "(",
    "x",
    "return",
    "foo(",
    "<|endoftext|>",
    "é𝄞",
    "```",
]
PIECES = st.sampled_from(
    [*LINES, *NOISE, "<|endoftext|>", " ", "\t", "\n", "\n\n", "\r\n", "\f", "    ", "a, b"]
)
LANGUAGES = st.sampled_from(["python", "javascript", "go", "rust", "markdown", "", "unheard-of"])
MODES = st.sampled_from(["line", "block"])


@st.composite
def places(draw: st.DrawFn) -> tuple[str, str, str]:
    """A prefix, a suffix and a completion around a cut through real code."""
    text = "\n".join(LINES)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 60)))
    middle = text[start:end]
    suffix = draw(st.sampled_from([text[end:], ")", '")', "", "))\n", ":", text[end:] + "\n"]))
    rest = suffix.split("\n", 1)[0]
    ending = draw(st.sampled_from(["", rest, rest + " + 1", rest[: len(rest) // 2]]))
    noise = "".join(draw(st.lists(PIECES, max_size=3)))
    return text[:start], suffix, middle + ending + noise


@settings(derandomize=True, max_examples=600, deadline=None)
@given(place=places(), language=LANGUAGES, mode=MODES)
def test_the_rest_of_the_line_never_follows_itself(
    place: tuple[str, str, str], language: str, mode: str
) -> None:
    prefix, suffix, completion = place
    trimmed = trim(completion, prefix=prefix, suffix=suffix, language=language, mode=mode)
    if trimmed is not None:
        rest = suffix.split("\n", 1)[0][trimmed.replace_right :].rstrip()
        assert not repeats(trimmed.text, rest, prefix)


def repeats(text: str, rest: str, prefix: str) -> bool:
    """Naively: the text ends with the whole rest, at the nesting that the text began in."""
    ending = rest.strip()
    if not re.search(r"\w\w", ending) or "\n" in text or not text.endswith(ending):
        return False
    before = text[: -len(ending)]
    line = prefix.rsplit("\n", 1)[-1]
    if "#" in line + text or any(q in line + text for q in "\"'`"):
        return False
    if re.search(r"\w\Z", before) and re.match(r"\w", ending):
        return False
    return all(before.count(a) == before.count(b) for a, b in ("()", "[]", "{}"))


@settings(derandomize=True, max_examples=600, deadline=None)
@given(place=places(), language=LANGUAGES, mode=MODES)
def test_trimming_is_idempotent(place: tuple[str, str, str], language: str, mode: str) -> None:
    prefix, suffix, completion = place
    once = trim(completion, prefix=prefix, suffix=suffix, language=language, mode=mode)
    if once is not None:
        assert trim(once.text, prefix=prefix, suffix=suffix, language=language, mode=mode) == once


@settings(derandomize=True, max_examples=600, deadline=None)
@given(place=places(), language=LANGUAGES, mode=MODES)
def test_a_result_has_text_and_stays_on_its_line(
    place: tuple[str, str, str], language: str, mode: str
) -> None:
    prefix, suffix, completion = place
    trimmed = trim(completion, prefix=prefix, suffix=suffix, language=language, mode=mode)
    if trimmed is not None:
        assert trimmed.text.strip()
        assert "<|endoftext|>" not in trimmed.text
        assert 0 <= trimmed.replace_right <= len(suffix.split("\n", 1)[0])


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    prefix=st.text(max_size=40),
    suffix=st.text(max_size=40),
    completion=st.text(max_size=40),
    language=LANGUAGES,
    mode=MODES,
)
def test_any_unicode_is_survived(
    prefix: str, suffix: str, completion: str, language: str, mode: str
) -> None:
    result = trim(completion, prefix=prefix, suffix=suffix, language=language, mode=mode)
    assert result is None or isinstance(result, Trimmed)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(line=st.integers(0, len(LINES) - 1), cut=st.floats(0, 1))
def test_what_was_really_written_is_left_as_it_is(line: int, cut: float) -> None:
    """The right answer passes: each line of the sample, cut anywhere, completes to itself."""
    text = LINES[line]
    column = len(text) - len(text.lstrip()) + int(cut * len(text.strip()))
    above = "".join(f"{other}\n" for other in LINES[:line])
    below = "\n" + "\n".join(LINES[line + 1 :])
    trimmed = trim(text[column:], prefix=above + text[:column], suffix=below, language="python")
    expected = text[column:].strip()
    assert (trimmed.text.strip() if trimmed else "") == expected


def test_a_large_file_costs_no_more_than_a_small_one() -> None:
    """2 MB around the cursor; the bound is ten times what it takes, for a busy machine."""
    body = "def f(x):\n    return [x, (1, 2)]\n\n\n" * 50_000
    prefix = body + "def g(y):\n    total = "
    trim("y + 1", prefix=prefix, suffix="\n" + body, language="python")
    started = time.perf_counter()
    trimmed = trim("y + 1)", prefix=prefix, suffix="\n" + body, language="python")
    assert (time.perf_counter() - started) * 1000 < 50
    assert trimmed == Trimmed("y + 1")
