"""How two syntax trees of nearly the same Python code differ.

Promises differences named by what they touch (a name, a literal, an argument, a
statement …), with layout left out: white space, brackets that change nothing, trailing
commas and the kind of quotes. Reads trees of `habitus_server.syntax`; judges nothing
(see `corrections`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from habitus_server.syntax import parse

if TYPE_CHECKING:
    from tree_sitter import Node

_QUOTED = re.compile(
    r"""(?P<head>[a-z]*)(?P<quote>\"{3}|'{3}|"|')(?P<words>.*)(?P=quote)""", re.I | re.S
)
_PUNCTUATION = frozenset([",", "(", ")", "[", "]", "{", "}", ":", ";", "."])
_SAME_KIND = {"expression_list": "tuple", "pattern_list": "tuple", "tuple_pattern": "tuple"}
_LITERALS = frozenset(
    ["integer", "float", "string", "concatenated_string", "true", "false", "none", "ellipsis"]
)
_WORDS = frozenset(("string", "string_content"))
_SIGNATURE = frozenset(
    ["argument_list", "parameters", "lambda_parameters", "type", "type_parameter"]
)
_COLLECTIONS = frozenset(["list", "set", "dictionary", "tuple", "pair"])
_STATEMENTS = ("_statement", "_definition", "_clause", "block", "module")
_USES = frozenset(("call", "attribute", "identifier", "subscript", "dotted_name"))
_OWN = frozenset(("self", "cls"))


class Touch(Enum):
    """What a difference touches."""

    NAME = "name"
    LITERAL = "literal"
    ARGUMENT = "argument"
    USE = "use"
    STATEMENT = "statement"
    COMPUTATION = "computation"
    COMMENT = "comment"
    LAYOUT = "layout"


class Role(Enum):
    """What a name does where it stands."""

    BOUND = "bound"
    PASSED = "passed"
    USED = "used"
    READ = "read"


class Difference(msgspec.Struct, frozen=True):
    """One place at which two trees differ; names carry both spellings and their role."""

    touch: Touch
    old: str = ""
    new: str = ""
    role: Role = Role.READ


class _Part:
    """A node with what comparing needs of it, its children without layout and comments."""

    def __init__(self, node: Node, data: bytes, field: str = "", parent: _Part | None = None):
        self._node = node
        self._data = data
        self.field = field
        self.parent = parent

    @cached_property
    def kind(self) -> str:
        return _SAME_KIND.get(self._node.type, self._node.type)

    @cached_property
    def text(self) -> str:
        return self._data[self._node.start_byte : self._node.end_byte].decode("utf-8", "replace")

    @cached_property
    def children(self) -> tuple[_Part, ...]:
        if self.is_plain_literal:
            return ()
        found = []
        for index, child in enumerate(self._node.children):
            if child.type in _PUNCTUATION or child.type in (
                "comment",
                "string_start",
                "string_end",
            ):
                continue
            while child.type == "parenthesized_expression" and child.named_child_count == 1:
                child = child.named_children[0]
            field = self._node.field_name_for_child(index) or ""
            found.append(_Part(child, self._data, field, self))
        return tuple(found)

    @cached_property
    def is_plain_literal(self) -> bool:
        """Whether it is a value written out, which is compared as a whole."""
        if self.kind == "string":
            return all(child.type != "interpolation" for child in self._node.children)
        return self.kind in _LITERALS

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """What it says, layout left out."""
        if self.is_plain_literal:
            return (_unquoted(self.text),)
        if not self.children:
            return (self.text,) if self._node.child_count == 0 else (self.kind,)
        return tuple(token for child in self.children for token in child.tokens)

    @property
    def is_statement(self) -> bool:
        return self.kind.endswith(_STATEMENTS)

    @property
    def is_passed(self) -> bool:
        """Whether it stands in a call's arguments or in a signature."""
        holder = self.parent
        if holder is not None and holder.kind == "keyword_argument":
            holder = holder.parent
        return self.field == "return_type" or (holder is not None and holder.kind in _SIGNATURE)

    def child(self, field: str) -> _Part | None:
        return next((child for child in self.children if child.field == field), None)


def differences(old: str, new: str) -> list[Difference]:
    """Every place at which two texts differ, in order; none where one does not parse, or
    nests so deep (a sum of thousands) that its tree cannot be walked."""
    trees = parse(old), parse(new)
    if old == new or any(tree.has_error for tree in trees):
        return []
    found: list[Difference] = []
    try:
        _compare(
            _Part(trees[0], old.encode("utf-8", "replace")),
            _Part(trees[1], new.encode("utf-8", "replace")),
            found,
        )
    except RecursionError:
        return []
    if found:
        return found
    return [Difference(Touch.COMMENT if _comments(old) != _comments(new) else Touch.LAYOUT)]


def _comments(text: str) -> list[str]:
    """What follows each hash sign; between texts of one tree only comments differ there."""
    return sorted(re.findall(r"#.*", text))


def _compare(old: _Part, new: _Part, found: list[Difference]) -> None:
    if old.kind == new.kind and (old.text == new.text or old.tokens == new.tokens):
        return
    if old.kind == new.kind == "identifier":
        found.append(Difference(Touch.NAME, old.text, new.text, _role(old)))
    elif old.kind != new.kind or not (old.children and new.children):
        found.append(Difference(_replaced(old, new)))
    elif old.kind == "call" and _is_another_use(old.child("function"), new.child("function")):
        found.append(Difference(Touch.USE))
    else:
        _compare_children(old, new, found)


def _compare_children(old: _Part, new: _Part, found: list[Difference]) -> None:
    matcher = SequenceMatcher(
        None,
        [(child.kind, child.tokens) for child in old.children],
        [(child.kind, child.tokens) for child in new.children],
        autojunk=False,
    )
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        before, after = old.children[old_start:old_end], new.children[new_start:new_end]
        if tag == "equal":
            continue
        if len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                _compare(one, other, found)
        else:
            found.append(Difference(_added(old, [*before, *after])))


def _replaced(old: _Part, new: _Part) -> Touch:
    """What it touches that one node stands where another kind of node stood."""
    if old.is_statement or new.is_statement:
        return Touch.STATEMENT
    values = [part.is_plain_literal or part.kind in _WORDS for part in (old, new)]
    if all(values):
        return Touch.LITERAL
    if old.is_passed or new.is_passed:
        return Touch.ARGUMENT
    if any(values) and "identifier" in (old.kind, new.kind):
        return Touch.LITERAL
    if _is_import(old.parent) or (old.kind in _USES and new.kind in _USES):
        return _wrapped(old, new)
    return Touch.COMPUTATION


def _wrapped(old: _Part, new: _Part) -> Touch:
    """A thing put into a call, or taken out of one, is computed otherwise; else it is
    another thing that is used."""
    shorter, longer = sorted((old, new), key=lambda part: len(part.tokens))
    arguments = longer.child("arguments") if longer.kind == "call" else None
    held = arguments.children if arguments else ()
    return Touch.COMPUTATION if any(c.tokens == shorter.tokens for c in held) else Touch.USE


def _added(holder: _Part, parts: Sequence[_Part]) -> Touch:
    """What it touches that a node has more or fewer children than before."""
    if holder.kind in _SIGNATURE or any(part.field == "return_type" for part in parts):
        return Touch.ARGUMENT
    if _is_import(holder) or holder.kind == "decorated_definition":
        return Touch.USE
    if any(part.is_statement for part in parts) or holder.kind in ("block", "module"):
        return Touch.STATEMENT
    if holder.kind == "string" or (holder.kind in _COLLECTIONS and all(map(_is_value, parts))):
        return Touch.LITERAL
    return Touch.COMPUTATION


def _is_value(part: _Part) -> bool:
    if part.kind in _COLLECTIONS:
        return all(map(_is_value, part.children))
    return part.is_plain_literal


def _is_import(part: _Part | None) -> bool:
    while part is not None and part.kind in ("dotted_name", "aliased_import"):
        part = part.parent
    return part is not None and part.kind.startswith("import_")


def _is_another_use(old: _Part | None, new: _Part | None) -> bool:
    """Whether two calls are of different things, not of one under another owner's name."""
    if old is None or new is None:
        return old is not new
    if old.kind != new.kind:
        return True
    return old.kind == "attribute" and old.tokens[1:] != new.tokens[1:]


def _role(name: _Part) -> Role:
    """What a name does where it stands in the old tree."""
    part, holder = name, name.parent
    while holder is not None and holder.kind in ("tuple", "list_pattern", "list_splat_pattern"):
        part, holder = holder, holder.parent
    if holder is None:
        return Role.READ
    if holder.kind == "attribute" and part.field == "attribute":
        return _role_of_member(holder)
    if holder.kind == "call" or _is_import(holder):
        return Role.USED
    if holder.kind == "keyword_argument" or holder.kind in ("argument_list", "type"):
        return Role.PASSED
    if part.field in ("left", "name", "alias") or holder.kind in _BINDERS:
        return Role.BOUND
    return Role.READ


_BINDERS = frozenset(
    [
        "parameters",
        "lambda_parameters",
        "default_parameter",
        "typed_parameter",
        "typed_default_parameter",
        "dictionary_splat_pattern",
        "as_pattern_target",
        "global_statement",
        "nonlocal_statement",
    ]
)


def _role_of_member(attribute: _Part) -> Role:
    """A member of one's own is a name like others, unless it is called."""
    owner, holder = attribute.children[0], attribute.parent
    if owner.text not in _OWN or (holder is not None and holder.kind == "call"):
        return Role.USED
    is_target = attribute.field == "left"
    return Role.BOUND if is_target else Role.READ


def _unquoted(text: str) -> str:
    """A literal as it would read between double quotes."""
    found = _QUOTED.fullmatch(text)
    return f'{found["head"].lower()}"{found["words"]}"' if found else text
