"""The places that a replay asks about, fixed before anything is asked.

Every line that a commit wrote is asked for twice: at its indentation, and at a column
within it that the seed chooses. Left out are moved lines, and lines with fewer than
eight characters of code: comments and docstrings are prose and do not count, so a line
of nothing else is never asked for. Nothing here knows of arms, servers or models: the
list is the same for all, and `digest` is its fingerprint.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec
import tree_sitter
import tree_sitter_python

from habitus_learner.history import Commit, FileChange, Moved
from habitus_server.repository import find_hunks, split_lines

MIN_CODE_CHARACTERS = 8
MIN_ANSWER_CHARACTERS = 3
"""What must be left to write right of a column within a line."""


class Place(Enum):
    """Where in its line an item is asked."""

    INDENTATION = "indentation"
    WITHIN = "within"


class Item(msgspec.Struct, frozen=True):
    """One question: what stands from `column` on in line `line` of a commit's new text.

    `line` and `column` count from zero, the column in code points; `answer` is the
    rest of the line without its end and without trailing blanks.
    """

    commit: str
    path: str
    line: int
    column: int
    place: Place
    answer: str


def list_items(commit: Commit, changes: Sequence[FileChange], *, seed: int) -> list[Item]:
    """Every item of a commit, in the order in which its text is written."""
    moved = Moved(list(changes))
    items: list[Item] = []
    for change in changes:
        lines = split_lines(change.new)
        code = count_code_characters(change.new)
        for hunk in find_hunks(change.old, change.new):
            for index in range(hunk.new_start, hunk.new_end):
                if moved.takes(lines[index]) or code[index] < MIN_CODE_CHARACTERS:
                    continue
                items += _ask_line(commit.id, change.path, index, lines[index].rstrip(), seed)
    return items


def sample_lines(items: Sequence[Item], count: int, *, seed: int) -> list[Item]:
    """At most `count` lines' items, spread evenly over the files; order is kept.

    Each file gives one line in turn until enough are chosen, so that a file with
    hundreds of changed lines weighs no more than it must.
    """
    files: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for key in dict.fromkeys(_line_key(item) for item in items):
        files[key[1]].append(key)
    order = random.Random(f"{seed}:lines")
    for lines in files.values():
        order.shuffle(lines)
    queues = [files[path] for path in sorted(files)]
    order.shuffle(queues)
    chosen: set[tuple[str, str, int]] = set()
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.add(queue.pop())
    return [item for item in items if _line_key(item) in chosen]


def digest(items: Iterable[Item]) -> str:
    """The SHA-256 of the items, one JSON array a line, in order."""
    whole = hashlib.sha256()
    for item in items:
        row = (item.commit, item.path, item.line, item.column, item.place.value, item.answer)
        whole.update(msgspec.json.encode(row) + b"\n")
    return whole.hexdigest()


def count_code_characters(text: str) -> list[int]:
    """Per line, how many characters are neither blank nor in a comment or docstring."""
    data = text.encode()
    code = bytearray(data)
    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language())).parse(data)
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if node.type == "comment" or _is_docstring(node):
            code[node.start_byte : node.end_byte] = b" " * (node.end_byte - node.start_byte)
        else:
            pending.extend(node.children)
    counts: list[int] = []
    start = 0
    for line in split_lines(text):
        end = start + len(line.encode())
        counts.append(len("".join(code[start:end].decode(errors="replace").split())))
        start = end
    return counts


def _is_docstring(node: tree_sitter.Node) -> bool:
    """Whether a node is a statement that is nothing but a string."""
    return (
        node.type == "expression_statement"
        and node.child_count == 1
        and node.children[0].type in ("string", "concatenated_string")
    )


def _ask_line(commit: str, path: str, index: int, line: str, seed: int) -> list[Item]:
    indent = len(line) - len(line.lstrip())
    last = len(line) - MIN_ANSWER_CHARACTERS
    chooser = random.Random(f"{seed}:{commit}:{path}:{index}")
    within = chooser.randint(indent + 1, last)
    return [
        Item(commit, path, index, column, place, line[column:])
        for column, place in ((indent, Place.INDENTATION), (within, Place.WITHIN))
    ]


def _line_key(item: Item) -> tuple[str, str, int]:
    return item.commit, item.path, item.line
