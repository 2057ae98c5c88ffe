"""What else the model should see.

Promises a few short pieces of other files, best first, that stay the same from one
keystroke to the next, so that the prompt's cached prefix survives: they change with
the imports, with edits elsewhere and with the neighbourhood of the cursor in coarse
steps, never with the line being typed. It reads files only through the reader it is
given and knows no editor, model or tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from habitus_server import syntax
from habitus_server.records import Chunk

Read = Callable[[str], str | None]
"""Text of a workspace file by its relative POSIX path; None where there is none, or
where it may not be read (ignored, excluded, too large)."""

MAX_CHUNK_CHARS = 480
MAX_CHUNKS = 6
_IMPORT_LINE = re.compile(r"^[ \t]*(?:from\s+[.\w]+\s+import\b|import\s+[.\w])", re.MULTILINE)
_TOKEN = re.compile(r"[^\W\d]\w+")


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


class Gatherer:
    """Gathers chunks, and remembers the last answer of each file."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def gather(self, view: View) -> tuple[Chunk, ...]:
        """The chunks for `view`, best first, at most `MAX_CHUNKS`."""
        return tuple(imported_definitions(view, self._read))[:MAX_CHUNKS]


def imported_definitions(view: View, read: Read) -> Iterator[Chunk]:
    """Signatures of the workspace's own names that a Python file imports."""
    if view.language not in syntax.LANGUAGES:
        return
    for module, names in syntax.imports(view.prefix + view.suffix):
        for path in module_paths(module, view.path):
            text = read(path)
            if text is None:
                continue
            lines = [
                signature
                for name, signature in syntax.signatures(text)
                if not names or name.split(".")[0] in names
            ]
            if lines:
                yield Chunk(path, "\n".join(lines)[:MAX_CHUNK_CHARS])
            break


def module_paths(module: str, importer: str) -> Iterator[str]:
    """Where in a workspace a module may be, most likely first."""
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.lstrip(".").split(".") if part]
    folders = importer.split("/")[:-1]
    if dots:
        bases = [folders[: len(folders) - dots + 1]]
    else:
        bases = [[], *([*folders[:depth]] for depth in range(len(folders), 0, -1))]
    for base in bases:
        stem = "/".join([*base, *parts])
        if stem:
            yield f"{stem}.py"
            yield f"{stem}/__init__.py"
