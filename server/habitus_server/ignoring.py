"""What the ignore files around a workspace ignore.

Promises git's own verdict for `.gitignore` at every level from the repository's top down,
`.git/info/exclude` and the user's global ignore file; and the same rules for
`.habitusignore`, which can only ignore more. Files are read again when they change.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".habitusignore")


class _Spec(msgspec.Struct, frozen=True):
    """The rules of one ignore file, and which version of it they are."""

    stamp: tuple[int, int, int]
    rules: GitIgnoreSpec


class _Level(msgspec.Struct, frozen=True):
    """Rules, and how many folders below the top the file with them lies."""

    depth: int
    rules: GitIgnoreSpec


class IgnoreFiles:
    """The ignore files that count for one workspace folder."""

    def __init__(self, root: Path) -> None:
        self._specs: dict[str, _Spec] = {}
        top = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
        self._top = os.fspath(top)
        self._below_top = root.relative_to(top).parts
        if self._below_top and self._any_ignored(self._below_top, 1, is_folder=True):
            # The repository around us does not want us (a home folder under version
            # control ignores everything): its rules are not about this workspace.
            self._top, self._below_top = os.fspath(root), ()

    def ignores(self, parts: tuple[str, ...]) -> bool:
        """Whether a file, given by the parts of its path below the root, is ignored."""
        first = len(self._below_top) + 1
        return self._any_ignored((*self._below_top, *parts), first, is_folder=False)

    def _any_ignored(self, parts: tuple[str, ...], first: int, *, is_folder: bool) -> bool:
        """Whether a path or, from the first depth on, a folder above it is ignored.

        What lies below an ignored folder cannot be taken back.
        """
        for levels in self._rules_above(parts):
            for depth in range(first, len(parts) + 1):
                slash = "/" if is_folder or depth < len(parts) else ""
                verdict = False
                for level in levels:
                    if level.depth < depth:
                        below = "/".join(parts[level.depth : depth]) + slash
                        decided = level.rules.check_file(below).include
                        verdict = verdict if decided is None else decided
                if verdict:
                    return True
        return False

    def _rules_above(self, parts: tuple[str, ...]) -> Iterator[list[_Level]]:
        """For each kind of ignore file those that count for a path, the deepest last."""
        folders = ["/".join((self._top, *parts[:depth])) for depth in range(len(parts))]
        for name in IGNORE_FILES:
            levels: list[_Level] = []
            if name == ".gitignore":
                outer = (_global_file(), f"{self._top}/.git/info/exclude")
                levels += [_Level(0, rules) for file in outer if (rules := self._rules(file))]
            for depth, folder in enumerate(folders):
                if rules := self._rules(f"{folder}/{name}"):
                    levels.append(_Level(depth, rules))
            yield levels

    def _rules(self, file: str) -> GitIgnoreSpec | None:
        """The rules of an ignore file as it is now; None where there is none."""
        try:
            stat = os.stat(file)  # noqa: PTH116
        except OSError:
            self._specs.pop(file, None)
            return None
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._specs.get(file)
        if known is None or known.stamp != stamp:
            known = self._specs[file] = _Spec(stamp, _read_rules(Path(file)))
        return known.rules


def _global_file() -> str:
    """Where git looks for a user's ignore file unless its settings name another."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return f"{home}/git/ignore"


def _read_rules(path: Path) -> GitIgnoreSpec:
    """An ignore file's rules; one that cannot be read ignores everything below it."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return GitIgnoreSpec.from_lines(["*"])
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # One malformed pattern must not open the others: keep those that parse.
        return GitIgnoreSpec.from_lines([line for line in lines if _parses(line)])


def _parses(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
