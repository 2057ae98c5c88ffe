"""Which files of a workspace a test file tests, as far as its imports tell.

Promises the modules that a test file imports by name and that are files of the workspace,
one level deep: what those import is not followed, nor is anything loaded by a string or a
fixture. Only Python is read; a test file of another language covers itself alone. Pure:
whether a file exists is asked of the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from habitus_server.syntax import imports


def covered(
    path: str, text: str, exists: Callable[[str], bool], sources: Sequence[str] = ()
) -> tuple[str, ...]:
    """The files that a test file imports, itself left out, in order of path.

    `sources` are folders of the workspace in which packages may lie; its root, `src`, and
    the folders that the test file is in are always looked at.
    """
    if not path.endswith(".py"):
        return ()
    folder = PurePosixPath(path).parent
    roots = dict.fromkeys(["", "src", *(one.as_posix() for one in [folder, *folder.parents])])
    roots |= dict.fromkeys(sources)
    found: set[str] = set()
    for module, names in imports(text):
        for name in _modules(module, names, folder):
            base = [""] if module.startswith(".") else list(roots)
            found.update(one for one in _files(name, base) if exists(one))
    return tuple(sorted(found - {path}))


def _modules(module: str, names: Sequence[str], folder: PurePosixPath) -> Iterator[str]:
    """What an import may mean, as paths without an ending: the module, and each name in it."""
    dots = len(module) - len(module.lstrip("."))
    inner = module[dots:].replace(".", "/")
    if dots:
        above = [folder, *folder.parents]
        if dots > len(above):
            return
        inner = (above[dots - 1] / inner).as_posix()
    yield inner
    for name in names:
        yield (PurePosixPath(inner) / name.replace(".", "/")).as_posix()


def _files(module: str, roots: Sequence[str]) -> Iterator[str]:
    for root in roots:
        inside = PurePosixPath(root) / module
        yield f"{inside}.py"
        yield f"{inside}/__init__.py"
