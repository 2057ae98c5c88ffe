"""Where the recipe keeps what it makes.

Promises: one folder, every name in it decided here.
Does not know: what is in a file.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Places(msgspec.Struct, frozen=True):
    """Where the recipe keeps what it makes."""

    folder: Path

    @property
    def corpus(self) -> Path:
        """Documents to train on."""
        return self.folder / "corpus.jsonl.gz"

    @property
    def held_out(self) -> Path:
        """Documents of the packages never trained on."""
        return self.folder / "heldout.jsonl.gz"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer.json."""
        return self.folder / "tokenizer.json"

    @property
    def rows(self) -> Path:
        """Training rows."""
        return self.folder / "rows"

    @property
    def held_rows(self) -> Path:
        """Rows of the held-out packages, for the running measure."""
        return self.folder / "held_rows"

    @property
    def figures(self) -> Path:
        """What `evaluate` measured."""
        return self.folder / "figures.json"

    def run(self, preset: str) -> Path:
        """The folder of one preset's checkpoints."""
        return self.folder / f"run-{preset}"
