"""Which part of a file is asked for.

Promises: spans `(start, end)` in characters with `0 <= start < end <= len(text)`, drawn from the
mix that editors ask for: rests of lines, whole lines, syntax nodes, random stretches.
Does not know: tokens, prompts.
"""

from __future__ import annotations

import functools
import random
from bisect import bisect_right

import tree_sitter_python
from tree_sitter import Language, Node, Parser

LONGEST_SPAN = 400
"""Characters; a longer middle teaches little about what an editor asks for."""
_LEFT_OPEN = frozenset(("module", "comment", "block", "string_content"))


@functools.cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_python.language()))


class SourceMap:
    """A text with its line starts and, on demand, the spans of its syntax nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        for at, character in enumerate(text):
            if character == "\n":
                self.starts.append(at + 1)

    @functools.cached_property
    def nodes(self) -> list[tuple[int, int]]:
        """Named nodes of a useful size, parents before children; empty for non-ASCII text."""
        if not self.text.isascii():  # tree-sitter counts bytes
            return []
        found: list[tuple[int, int]] = []
        stack: list[Node] = [_parser().parse(self.text.encode()).root_node]
        while stack:
            node = stack.pop()
            size = node.end_byte - node.start_byte
            if size < 3:
                continue
            if node.is_named and size <= LONGEST_SPAN and node.type not in _LEFT_OPEN:
                found.append((node.start_byte, node.end_byte))
            if size > 6:
                stack.extend(node.children)
        return found

    def line_of(self, offset: int) -> int:
        """The index of the line that holds `offset`."""
        return bisect_right(self.starts, offset) - 1

    def line_bounds(self, line: int) -> tuple[int, int]:
        """Where a line begins and where its text ends, before the newline."""
        start = self.starts[line]
        last = line + 1 >= len(self.starts)
        return start, len(self.text) if last else self.starts[line + 1] - 1

    def indented_bounds(self, line: int) -> tuple[int, int]:
        """As `line_bounds`, but from the first character that is not indentation."""
        start, end = self.line_bounds(line)
        content = self.text[start:end]
        return start + len(content) - len(content.lstrip(" \t")), end


def draw_span(source: SourceMap, random_: random.Random) -> tuple[int, int]:
    """One span of the mix: 48% rest of a line, 10% lines, 24% nodes, 18% random stretches."""
    kind = random_.random()
    if kind < 0.48:
        return _rest_of_line(source, random_)
    if kind < 0.58:
        return _whole_lines(source, random_)
    if kind < 0.82 and source.nodes:
        return random_.choice(source.nodes)
    return _stretch(source, random_)


def _written_line(source: SourceMap, random_: random.Random) -> int:
    for _ in range(20):
        line = random_.randrange(len(source.starts))
        start, end = source.indented_bounds(line)
        if end - start >= 2 and (source.text[start] != "#" or random_.random() < 0.3):
            return line
    return source.line_of(source.text.find(source.text.strip()[:1]))


def _rest_of_line(source: SourceMap, random_: random.Random) -> tuple[int, int]:
    start, end = source.indented_bounds(_written_line(source, random_))
    if random_.random() < 0.5 or end - start < 2:
        return start, max(end, start + 1)
    return random_.randrange(start, end), end


def _whole_lines(source: SourceMap, random_: random.Random) -> tuple[int, int]:
    line = _written_line(source, random_)
    start, _ = source.indented_bounds(line)
    last = min(line + random_.randint(1, 6), len(source.starts) - 1)
    end = source.line_bounds(last)[1]
    while end - start > LONGEST_SPAN and last > line:
        last -= 1
        end = source.line_bounds(last)[1]
    if random_.random() < 0.3:  # starting inside the first line
        first_end = source.line_bounds(line)[1]
        start = random_.randrange(start, max(first_end, start + 1))
    return start, max(end, start + 1)


def _stretch(source: SourceMap, random_: random.Random) -> tuple[int, int]:
    start = random_.randrange(len(source.text))
    length = min(int(2 ** random_.uniform(1, 8)), LONGEST_SPAN)
    return start, min(start + length, len(source.text))
