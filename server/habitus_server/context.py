"""What else the model should see.

Promises a few short pieces of other files, best first, that stay the same from one
keystroke to the next, so that the prompt's cached prefix survives: they change with
the imports, with edits elsewhere and with the neighbourhood of the cursor in coarse
steps, never with the line being typed. It reads files only through the reader it is
given and knows no editor, model or tokenizer.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from habitus_server import similar, syntax
from habitus_server.records import Chunk

Read = Callable[[str], str | None]
"""Text of a workspace file by its relative POSIX path; None where there is none, or
where it may not be read (ignored, excluded, too large)."""

MAX_CHUNKS = 6
MAX_CHUNK_CHARS = 400
MAX_MODULES = 12
MAX_EDITS = 2
MAX_EDIT_LINES = 8
MAX_PARSED_CHARS = 200_000

HEAD_CHARS = 20_000
"""Imports are looked for here; below, they are local to functions and few."""

STEP_LINES = 8
"""The neighbourhood of the cursor moves in steps of so many lines."""

ABOVE_LINES = 24
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t][^\n(]*(?:\([^)]*\))?|import[ \t])[^\n]*", re.MULTILINE)
_FILES_REMEMBERED = 64

_Value = TypeVar("_Value")


class RecentEdit(msgspec.Struct, frozen=True):
    """Settled human text at a place of a file: the lines of an edit as they stand now."""

    path: str
    text: str
    at: float


class View(msgspec.Struct, frozen=True):
    """What the editor shows when text is wanted.

    `open_files` maps relative paths to the text of open buffers, most recently viewed
    first; `recent_edits` is newest first. Both may hold the file at the cursor.
    """

    path: str
    language: str
    prefix: str
    suffix: str
    open_files: Mapping[str, str] = {}
    recent_edits: tuple[RecentEdit, ...] = ()


class _Key(msgspec.Struct, frozen=True):
    """All that the chunks depend on; the line at the cursor is no part of it."""

    path: str
    imports: str
    nearby: str
    open_paths: tuple[str, ...]
    edits: tuple[tuple[str, float], ...]


class Gatherer:
    """Gathers chunks, and remembers the last answer of each file.

    Other files are looked at again when the answer's key changes, not on each
    keystroke. Calls may come from several threads: the worst that can happen is that
    an answer is worked out twice.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._answers: OrderedDict[str, tuple[_Key, tuple[Chunk, ...]]] = OrderedDict()
        self._outlines: OrderedDict[str, tuple[str, _Outline]] = OrderedDict()

    def gather(self, view: View) -> tuple[Chunk, ...]:
        """The chunks for `view`, best first, at most `MAX_CHUNKS`."""
        key = _key(view)
        known = self._answers.get(view.path)
        if known is not None and known[0] == key:
            return known[1]
        found: dict[tuple[str, str], Chunk] = {}
        for chunk in self._chunks(view, key):
            found.setdefault((chunk.path, chunk.text), chunk)
        chunks = tuple(found.values())[:MAX_CHUNKS]
        _remember(self._answers, view.path, (key, chunks))
        return chunks

    def _chunks(self, view: View, key: _Key) -> Iterator[Chunk]:
        yield from self._imported(view, key)
        edits = [edit for edit in view.recent_edits if edit.path != view.path]
        for edit in edits[:MAX_EDITS]:
            yield Chunk(edit.path, "\n".join(edit.text.splitlines()[:MAX_EDIT_LINES]))
        others = {path: text for path, text in view.open_files.items() if path != view.path}
        yield from similar.regions(key.nearby, others)

    def _imported(self, view: View, key: _Key) -> list[Chunk]:
        """Signatures of the workspace's own names that a Python file imports.

        Modules whose names stand near the cursor come first, each in its own order.
        """
        if view.language not in syntax.LANGUAGES:
            return []
        near = set(similar.WORD.findall(key.nearby))
        scored: list[tuple[int, Chunk]] = []
        for module, names in syntax.imports(key.imports)[:MAX_MODULES]:
            for path, wanted in self._resolve(module, names, view):
                lines = self._outline(path, view).about(wanted, near)
                text = _whole_lines(lines)
                if text:
                    used = len(near & set(similar.WORD.findall(" ".join((*wanted, module)))))
                    scored.append((used, Chunk(path, text)))
        return [chunk for _, chunk in sorted(scored, key=lambda one: -one[0])]

    def _resolve(
        self, module: str, names: tuple[str, ...], view: View
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The files behind an import, each with the names wanted of it (() for any)."""
        home = self._find(module, view)
        rest: list[str] = []
        for name in names:
            # `from package import module` names a file, not something inside one.
            child = f"{module}{name}" if module.endswith(".") else f"{module}.{name}"
            inside = home is not None and self._outline(home, view).has(name)
            path = None if inside else self._find(child, view)
            if path is None:
                rest.append(name)
            else:
                yield path, ()
        if home is not None and home != view.path and (rest or not names):
            yield home, tuple(rest)

    def _find(self, module: str, view: View) -> str | None:
        paths = module_paths(module, view.path)
        return next((path for path in paths if self._text(path, view) is not None), None)

    def _text(self, path: str, view: View) -> str | None:
        return view.open_files[path] if path in view.open_files else self._read(path)

    def _outline(self, path: str, view: View) -> _Outline:
        """Definitions of a file, parsed anew when its text is another."""
        text = (self._text(path, view) or "")[:MAX_PARSED_CHARS]
        known = self._outlines.get(path)
        if known is None or known[0] != text:
            known = (text, _Outline(syntax.signatures(text)))
            _remember(self._outlines, path, known)
        return known[1]


class _Outline(msgspec.Struct, frozen=True):
    """The definitions of one file in order, by qualified name."""

    definitions: tuple[tuple[str, str], ...]

    def has(self, name: str) -> bool:
        """Whether a name is defined at the top of the file."""
        return any(defined == name for defined, _ in self.definitions)

    def about(self, wanted: tuple[str, ...], near: set[str]) -> list[str]:
        """Signatures of the wanted names and their members; of all names, those used near.

        Members are indented under their class.
        """
        lines: list[str] = []
        for name, signature in self.definitions:
            owner, _, member = name.partition(".")
            if wanted and owner not in wanted:
                continue
            if not wanted and not near & {owner, member}:
                continue
            if member.startswith("_") and member != "__init__":
                continue
            lines.append("    " * name.count(".") + signature)
        return lines


def module_paths(module: str, importer: str) -> Iterator[str]:
    """Where in a workspace a module may be, most likely first."""
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.lstrip(".").split(".") if part]
    folders = importer.split("/")[:-1]
    if dots > len(folders) + 1:
        return
    if dots:
        bases = [folders[: len(folders) - dots + 1]]
    else:
        bases = [[], ["src"], *(folders[:depth] for depth in range(len(folders), 0, -1))]
    for base in bases:
        stem = "/".join([*base, *parts])
        if parts:
            yield f"{stem}.py"
        yield f"{stem}/__init__.py" if stem else "__init__.py"


def _key(view: View) -> _Key:
    line_start = view.prefix.rfind("\n") + 1
    line_end = view.suffix.find("\n")
    above, below = view.prefix[:line_start], view.suffix[line_end:] if line_end >= 0 else ""
    head = above[:HEAD_CHARS]
    if len(head) < HEAD_CHARS:
        head += below[: HEAD_CHARS - len(head)]
    return _Key(
        path=view.path,
        imports="\n".join(found.strip() for found in _IMPORT.findall(head)),
        nearby=_nearby(above, below),
        open_paths=tuple(view.open_files),
        edits=tuple((e.path, e.at) for e in view.recent_edits if e.path != view.path),
    )


def _nearby(above: str, below: str) -> str:
    """The lines around the cursor's, without imports, on a grid of `STEP_LINES`."""
    since = above.count("\n") % STEP_LINES
    lines = above[-ABOVE_LINES * 200 :].splitlines()
    window = lines[-(ABOVE_LINES + since) : len(lines) - since]
    next_step = STEP_LINES - since
    window += below[:3200].splitlines()[next_step : next_step + STEP_LINES]
    return _IMPORT.sub("", "\n".join(window))


def _whole_lines(lines: list[str]) -> str:
    """As many lines as fit a chunk."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 > MAX_CHUNK_CHARS:
            break
        text += f"{line}\n"
    return text.rstrip("\n")


def _remember(table: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > _FILES_REMEMBERED:
        table.popitem(last=False)
