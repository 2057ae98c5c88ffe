"""Small repositories whose every commit says who made it, for tests of learning from the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pygit2

START = 1_600_000_000
HOUR = 3_600

Tree = Mapping[str, str | bytes]


class Project:
    """A repository with a work tree; each `commit` is an hour after the one before."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.repository = pygit2.init_repository(str(root), initial_head="main")
        self.repository.config["user.email"] = "me@localhost"
        self._count = 0

    def commit(
        self,
        tree: Tree,
        *,
        by: str = "me@localhost",
        hours: float | None = None,
        parents: Sequence[str] | None = None,
        branch: str = "main",
    ) -> str:
        """Commit exactly these files, and write those of `main` to the work tree."""
        index = pygit2.Index()
        for name, text in sorted(tree.items()):
            data = text.encode() if isinstance(text, str) else text
            blob = self.repository.create_blob(data)
            index.add(pygit2.IndexEntry(name, blob, pygit2.enums.FileMode.BLOB))
            if branch == "main":
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / name).write_bytes(data)
        at = START + round(HOUR * (self._count if hours is None else hours))
        self._count += 1
        signature = pygit2.Signature("Somebody", by, at, 0)
        reference = f"refs/heads/{branch}"
        if parents is None:
            known = self.repository.references.get(reference)
            parents = [] if known is None else [str(known.target)]
        made = self.repository.create_commit(
            reference,
            signature,
            signature,
            f"change {self._count}",
            index.write_tree(self.repository),
            [pygit2.Oid(hex=parent) for parent in parents],
        )
        return str(made)


def function(name: str, lines: int = 2) -> str:
    """A function that no other one shares a line with."""
    body = "".join(f"    {name}_{n} = fetch_{name}({n})\n" for n in range(lines))
    return f"def {name}(count):\n{body}    return finish_{name}(count)\n"
