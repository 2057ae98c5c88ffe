"""Small git repositories made of texts, for the replay's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pygit2

START = 1_600_000_000

Tree = Mapping[str, str | bytes]


def make_repository(folder: Path, trees: Sequence[Tree]) -> pygit2.Repository:
    """One commit per tree (path to text), an hour apart."""
    repository = pygit2.init_repository(str(folder), initial_head="main")
    parents: list[pygit2.Oid] = []
    for number, tree in enumerate(trees):
        index = pygit2.Index()
        for name, text in sorted(tree.items()):
            data = text.encode() if isinstance(text, str) else text
            blob = repository.create_blob(data)
            index.add(pygit2.IndexEntry(name, blob, pygit2.enums.FileMode.BLOB))
        signature = pygit2.Signature("A Developer", "dev@localhost", START + 3600 * number, 0)
        parents = [
            repository.create_commit(
                "refs/heads/main",
                signature,
                signature,
                f"change {number}",
                index.write_tree(repository),
                parents,
            )
        ]
    return repository


def evolving_project(commits: int, files: int = 3, lines: int = 4) -> list[dict[str, str]]:
    """Trees in which every commit adds a function in the same style to each file."""
    trees: list[dict[str, str]] = [{f"pkg/mod{f}.py": "import store\n\n\n" for f in range(files)}]
    for number in range(1, commits):
        tree = dict(trees[-1])
        for name, text in tree.items():
            body = "".join(
                f"    record_{number}_{line} = store.fetch_record(name, {line})\n"
                for line in range(lines)
            )
            added = f"def load_{number}(name):\n{body}    return store.finish(name)\n\n\n"
            tree[name] = text + added
        trees.append(tree)
    return trees
