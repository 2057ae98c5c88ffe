"""Python's grammar, asked small questions.

Promises answers in code point offsets, in well under a millisecond for a function's
worth of text; the parser is loaded on first use, since most of a session's start does
not need it. It knows no other language and no editor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

LANGUAGES = frozenset({"python"})
"""The languages that this room can parse."""

NEAR_LINES = 20
"""An error shows some lines from its cause; further away it has others."""


class Region(msgspec.Struct, frozen=True):
    """A half-open stretch of a text, `kind` being the grammar's name for it."""

    start: int
    end: int
    kind: str


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))


def parse(text: str) -> Node:
    """The root node; its offsets are UTF-8 bytes (see `Offsets`)."""
    return _parser().parse(text.encode("utf-8", "replace")).root_node


@lru_cache(maxsize=32)
def is_clean(text: str) -> bool:
    """Whether a text parses without an error or a missing token; of a function's size, for
    the answers are kept: a candidate is judged twice, the lines above it at every key."""
    return not parse(text).has_error


class Offsets:
    """Byte offsets of one text turned into code points, and back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._data = text.encode("utf-8", "replace")
        self._is_ascii = len(self._data) == len(text)

    def to_chars(self, byte: int) -> int:
        """The code point offset of a byte offset."""
        return byte if self._is_ascii else len(self._data[:byte].decode("utf-8", "replace"))

    def to_bytes(self, char: int) -> int:
        """The byte offset of a code point offset."""
        return char if self._is_ascii else len(self._text[:char].encode("utf-8", "replace"))


def error_regions(text: str) -> tuple[Region, ...]:
    """Where a text does not parse, outermost first, in order."""
    offsets = Offsets(text)
    return tuple(
        Region(
            offsets.to_chars(node.start_byte),
            offsets.to_chars(node.end_byte),
            "missing" if node.is_missing else "error",
        )
        for node in _errors(parse(text))
    )


def error_count(text: str) -> int:
    """How many places of a text do not parse."""
    return sum(1 for _ in _errors(parse(text)))


def errors_near(text: str, start: int, end: int) -> int:
    """How many places do not parse within `NEAR_LINES` lines of a stretch."""
    low, high = start, end
    for _ in range(NEAR_LINES + 1):
        low = text.rfind("\n", 0, low)
        if low < 0:
            break
    for _ in range(NEAR_LINES + 1):
        high = text.find("\n", high) + 1
        if not high:
            high = len(text)
            break
    return sum(1 for one in error_regions(text) if one.end >= low and one.start <= high)


def enclosing_statement(text: str, start: int, end: int) -> Region:
    """The smallest simple statement, or header of a compound one, around a stretch.

    A header ends where its block starts; without any statement around it, the stretch's
    own lines are the answer.
    """
    offsets = Offsets(text)
    node = parse(text).descendant_for_byte_range(offsets.to_bytes(start), offsets.to_bytes(end))
    while node is not None and not _is_statement(node):
        node = node.parent
    if node is None or node.type == "module":
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", max(start, end - 1))
        return Region(line_start, len(text) if line_end < 0 else line_end, "line")
    body = node.child_by_field_name("body") or node.child_by_field_name("consequence")
    first, last = offsets.to_chars(node.start_byte), offsets.to_chars(node.end_byte)
    if body is not None:
        block = offsets.to_chars(body.start_byte)
        if start < block:
            last = first + len(text[first:block].rstrip())
    return Region(first, last, node.type)


def is_first_of_block(text: str, at: int) -> bool:
    """Whether the statement that ends at an offset is its block's first, a docstring and
    comments aside; the module's own statements are in no block."""
    offset = Offsets(text).to_bytes(at) - 1
    node = parse(text).descendant_for_byte_range(offset, offset)
    while node is not None and (node.parent is None or node.parent.type != "block"):
        node = node.parent
    if node is None or node.parent is None:
        return False
    before = [one for one in node.parent.named_children if one.end_byte <= node.start_byte]
    return all(one.type == "comment" or _is_text(one) for one in before)


def _is_text(statement: Node) -> bool:
    return (
        statement.type == "expression_statement"
        and statement.named_child_count == 1
        and statement.named_children[0].type == "string"
    )


def names_in_scope(text: str, at: int) -> frozenset[str]:
    """Names that code at an offset may use: the module's own, and those of the functions around.

    A function's names are all that stand in it for themselves, not as attributes or
    keywords: where they are bound is not asked. A class body's names are not in scope
    of its methods.
    """
    data = text.encode("utf-8", "replace")
    offset = Offsets(text).to_bytes(at)
    node: Node | None = parse(text)
    names: set[str] = set()
    while node is not None:
        if node.type in ("module", "function_definition", "lambda"):
            names.update(_own_names(node, data))
        inner = (child for child in node.children if child.start_byte <= offset <= child.end_byte)
        node = next(inner, None)
    return frozenset(names)


_SCOPES = ("function_definition", "class_definition", "lambda")


def _own_names(scope: Node, data: bytes) -> Iterator[str]:
    """Identifiers of a scope, its definitions' names included, their insides not."""
    waiting = list(scope.named_children)
    while waiting:
        node = waiting.pop()
        if node.type == "identifier":
            yield _text(node, data)
        elif node.type in _SCOPES:
            waiting += [name] if (name := node.child_by_field_name("name")) else []
        elif node.type == "attribute":
            waiting += [of] if (of := node.child_by_field_name("object")) else []
        elif node.type == "keyword_argument":
            waiting += [value] if (value := node.child_by_field_name("value")) else []
        else:
            waiting += node.named_children


def imports(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each import at any depth: its module (with leading dots) and the names taken from it."""
    data = text.encode("utf-8", "replace")
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in _walk(parse(text)):
        if node.type == "import_statement":
            found += [(name, ()) for name in _names(node, data, skip=None)]
        elif node.type == "import_from_statement":
            module = node.child_by_field_name("module_name")
            if module is not None:
                found.append((_text(module, data), tuple(_names(node, data, skip=module))))
    return tuple(found)


def signatures(text: str) -> tuple[tuple[str, str], ...]:
    """Name and signature of each definition, methods as "Class.method", constants as they stand."""
    data = text.encode("utf-8", "replace")
    return tuple(_signatures(parse(text), data, ""))


def _signatures(body: Node, data: bytes, owner: str) -> Iterator[tuple[str, str]]:
    for node in body.named_children:
        if node.type == "decorated_definition":
            node = node.child_by_field_name("definition") or node
        if node.type in ("function_definition", "class_definition"):
            named, block = node.child_by_field_name("name"), node.child_by_field_name("body")
            if named is None or block is None:
                continue
            name = owner + _text(named, data)
            head = data[node.start_byte : block.start_byte].decode("utf-8", "replace")
            yield name, " ".join(head.split()).removesuffix(":") + ":"
            if node.type == "class_definition":
                yield from _signatures(block, data, f"{name}.")
        elif node.type == "expression_statement" and node.named_child_count == 1:
            target = node.named_children[0].child_by_field_name("left")
            if target is not None and target.type == "identifier":
                line = _text(node, data).split("\n", 1)[0]
                yield owner + _text(target, data), line[:120]


def definition_lines(text: str) -> tuple[tuple[int, int], ...]:
    """The lines, from the first up to the one after the last, of every definition that is not
    inside a function, decorators included; in order, a class before its members."""
    return tuple(_definition_lines(parse(text)))


def _definition_lines(body: Node) -> Iterator[tuple[int, int]]:
    for whole in body.named_children:
        node = whole
        if node.type == "decorated_definition":
            node = node.child_by_field_name("definition") or node
        if node.type not in ("function_definition", "class_definition"):
            continue
        yield whole.start_point[0], whole.end_point[0] + 1
        block = node.child_by_field_name("body")
        if node.type == "class_definition" and block is not None:
            yield from _definition_lines(block)


def _names(node: Node, data: bytes, skip: Node | None) -> Iterator[str]:
    for child in node.named_children:
        if skip is not None and child.id == skip.id:
            continue
        if child.type == "aliased_import":
            child = child.child_by_field_name("name") or child
        if child.type == "dotted_name":
            yield _text(child, data)


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _is_statement(node: Node) -> bool:
    return node.type.endswith(("_statement", "_definition", "_clause")) or node.type == "module"


def _walk(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.named_children)


def _errors(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            waiting += reversed(node.children)
