"""What a settled text teaches: the lines that its older text lacked.

Promises few lessons, evenly chosen, at a cost that a large change does not raise. Knows
text and places; who learns is not its business.
"""

from __future__ import annotations

import difflib

import msgspec

from habitus_server.engine.wire import Place

LESSON_LINES = 3
"""Lines learned from per document taken in: each costs the model a prompt."""

COMPARED_LINES = 400
"""Of a larger change nothing is learned: nobody typed it, and aligning it takes seconds."""

_MIN_LESSON_CHARS = 8


class Lesson(msgspec.Struct, frozen=True):
    """A line that its developer has settled on: what stands at a place."""

    place: Place
    text: str


def lessons_of(workspace: str, path: str, before: str, after: str) -> list[Lesson]:
    """Lines of `after` that `before` lacks, each with the text around it, evenly chosen."""
    old, new = before.split("\n"), after.split("\n")
    # Almost always one place changed: aligning what lies between the common ends alone
    # costs a long document nothing.
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    between = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(map(len, between)) > COMPARED_LINES:
        return []
    matcher = difflib.SequenceMatcher(None, *between, autojunk=False)
    fresh = [
        number
        for tag, _, _, first, last in matcher.get_opcodes()
        if tag in ("replace", "insert")
        for number in range(head + first, head + last)
        if len(new[number].strip()) >= _MIN_LESSON_CHARS
    ]
    step = max(1, -(-len(fresh) // LESSON_LINES))
    lessons = []
    for number in fresh[::step]:
        line = new[number]
        indent = line[: len(line) - len(line.lstrip())]
        prefix = "".join(f"{above}\n" for above in new[:number]) + indent
        suffix = "".join(f"\n{below}" for below in new[number + 1 :])
        language = "python" if path.endswith((".py", ".pyi")) else ""
        place = Place(workspace, path, language, prefix, suffix)
        lessons.append(Lesson(place, line.strip()))
    return lessons


def _shared(old: list[str], new: list[str]) -> int:
    """How many leading lines are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count
