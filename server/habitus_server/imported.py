"""Signatures of the workspace's own names that a Python file imports.

Promises each imported name's signature as it stands now, in open documents too, and that a
file is parsed anew only when its text is another. It reads through the function it is given.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

import msgspec

from habitus_server import syntax
from habitus_server.records import Chunk

Read = Callable[[str], str | None]
"""Text of a workspace file by its relative POSIX path; None where there is none, or
where it may not be read (ignored, excluded, too large)."""

MAX_MODULES = 12
MAX_PARSED_CHARS = 200_000

HEAD_CHARS = 20_000
"""Imports are looked for here; below, they are local to functions and few."""

_NAME = re.compile(r"[^\W\d]\w+")
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t][^\n(]*(?:\([^)]*\))?|import[ \t])[^\n]*", re.MULTILINE)
_FILES_REMEMBERED = 64


class Imported:
    """The outlines of the files behind imports."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._outlines: OrderedDict[str, tuple[str, _Outline]] = OrderedDict()

    def chunks(
        self, path: str, text: str, near: str, open_files: Mapping[str, str], max_chars: int
    ) -> list[Chunk]:
        """One chunk for each file that `text` at `path` imports from.

        Modules whose names stand in `near` come first, each in its own order.
        """
        imports = "\n".join(found.strip() for found in _IMPORT.findall(text[:HEAD_CHARS]))
        names = set(_NAME.findall(_IMPORT.sub("", near)))
        scored: list[tuple[int, Chunk]] = []
        for module, wanted in syntax.imports(imports)[:MAX_MODULES]:
            for behind, taken in self._resolve(module, wanted, path, open_files):
                lines = self._outline(behind, open_files).about(taken, names)
                shown = _whole_lines(lines, max_chars)
                if shown:
                    used = len(names & set(_NAME.findall(" ".join((*taken, module)))))
                    scored.append((used, Chunk(behind, shown)))
        return [chunk for _, chunk in sorted(scored, key=lambda one: -one[0])]

    def _resolve(
        self, module: str, names: tuple[str, ...], path: str, open_files: Mapping[str, str]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The files behind an import, each with the names wanted of it (() for any)."""
        home = self._find(module, path, open_files)
        rest: list[str] = []
        for name in names:
            # `from package import module` names a file, not something inside one.
            child = f"{module}{name}" if module.endswith(".") else f"{module}.{name}"
            inside = home is not None and self._outline(home, open_files).has(name)
            found = None if inside else self._find(child, path, open_files)
            if found is None:
                rest.append(name)
            else:
                yield found, ()
        if home is not None and home != path and (rest or not names):
            yield home, tuple(rest)

    def _find(self, module: str, path: str, open_files: Mapping[str, str]) -> str | None:
        paths = module_paths(module, path)
        return next((one for one in paths if self._text(one, open_files) is not None), None)

    def _text(self, path: str, open_files: Mapping[str, str]) -> str | None:
        return open_files[path] if path in open_files else self._read(path)

    def _outline(self, path: str, open_files: Mapping[str, str]) -> _Outline:
        """Definitions of a file, parsed anew when its text is another."""
        text = (self._text(path, open_files) or "")[:MAX_PARSED_CHARS]
        known = self._outlines.get(path)
        if known is None or known[0] != text:
            known = (text, _Outline(syntax.signatures(text)))
            self._outlines[path] = known
            self._outlines.move_to_end(path)
            while len(self._outlines) > _FILES_REMEMBERED:
                self._outlines.popitem(last=False)
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


def _whole_lines(lines: list[str], max_chars: int) -> str:
    """As many lines as fit a chunk."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 > max_chars:
            break
        text += f"{line}\n"
    return text.rstrip("\n")
