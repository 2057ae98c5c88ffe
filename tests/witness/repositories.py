"""A working tree under libgit2, whose commits write a reflog as git's do."""

from __future__ import annotations

from pathlib import Path

import pygit2


class WorkingTree:
    """A folder with Python files and a history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.repository = pygit2.init_repository(str(folder), initial_head="main")
        self.repository.config["user.name"] = "A"
        self.repository.config["user.email"] = "a@localhost"

    def commit(self, message: str = "change", **files: str) -> str:
        """Write files (`a` stands for a.py) and commit all there are; the commit's id."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text, encoding="utf-8")
        index = self.repository.index
        index.clear()
        for path in sorted(self.folder.glob("*.py")):
            index.add(path.name)
        index.write()
        who = pygit2.Signature("A", "a@localhost")
        parents = [] if self.repository.head_is_unborn else [self.repository.head.target]
        made = self.repository.create_commit("HEAD", who, who, message, index.write_tree(), parents)
        return str(made)

    def switch(self, branch: str) -> None:
        """Go to a branch, a new one where there is none of that name."""
        if branch not in self.repository.branches.local:
            here = self.repository[self.repository.head.target]
            self.repository.branches.local.create(branch, here)
        self.repository.checkout(f"refs/heads/{branch}")
