"""What of a workspace gets into its index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from habitus_server.config import Config, Context, Privacy
from habitus_server.index import Finder, Shelf, words_of
from habitus_server.indexer import BATCH_FILES, Indexer
from habitus_server.library import Library

CODE = "def load_invoice(reader, currency):\n    return reader.rows(currency)\n"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "invoices.py").write_text(CODE, "utf-8")
    (folder / "notes.md").write_text("How invoices are loaded.\n", "utf-8")
    return folder


def indexer(root: Path, config: Config | None = None) -> Indexer:
    config = config or Config()
    shelf = Shelf(root.parent / "index.db")
    return Indexer(root, shelf, Library(root, config, is_inside=True), config.context)


def kept(root: Path) -> set[str]:
    return set(Shelf(root.parent / "index.db").stamps())


def test_files_of_any_language_are_kept(root: Path) -> None:
    assert indexer(root).bring_up_to_date() == 2
    assert kept(root) == {"pkg/invoices.py", "notes.md"}


def test_files_that_did_not_change_are_not_read_again(root: Path) -> None:
    indexer(root).bring_up_to_date()
    assert indexer(root).bring_up_to_date() == 0
    (root / "notes.md").write_text("Another text.\n", "utf-8")
    assert indexer(root).bring_up_to_date() == 1


def test_what_may_not_be_read_is_not_kept(root: Path) -> None:
    (root / ".gitignore").write_text("local/\n", "utf-8")
    (root / "local").mkdir()
    (root / "local" / "a.py").write_text(CODE, "utf-8")
    (root / "excluded.py").write_text(CODE, "utf-8")
    (root / ".env").write_text("KEY=1\n", "utf-8")
    (root / "binary.py").write_bytes(b"a\0b")
    (root / "token.py").write_text(f"token = '{TOKEN}'\n", "utf-8")
    indexer(root, Config(privacy=Privacy(exclude=("excluded.py",)))).bring_up_to_date()
    assert kept(root) == {".gitignore", "notes.md", "pkg/invoices.py", "token.py"}
    assert TOKEN.encode() not in (root.parent / "index.db").read_bytes()


def test_a_file_that_is_ignored_from_now_on_leaves_no_byte(root: Path) -> None:
    indexer(root).bring_up_to_date()
    (root / ".habitusignore").write_text("pkg/\n", "utf-8")
    indexer(root).bring_up_to_date()
    data = (root.parent / "index.db").read_bytes()
    assert b"load_invoice" not in data and b"invoices.py" not in data
    assert b"notes.md" in data


def test_a_file_that_is_gone_is_not_found(root: Path) -> None:
    indexer(root).bring_up_to_date()
    (root / "notes.md").unlink()
    indexer(root).bring_up_to_date()
    assert kept(root) == {"pkg/invoices.py"}


def test_single_files_are_taken_replaced_and_dropped(root: Path) -> None:
    indexer(root).bring_up_to_date()
    (root / "pkg" / "invoices.py").write_text("def settle_payment(): pass\n", "utf-8")
    (root / "new.py").write_text(CODE, "utf-8")
    (root / "notes.md").unlink()
    indexer(root).update(["pkg/invoices.py", "new.py", "notes.md", "never-there.py"])
    found = Finder(root.parent / "index.db").find(words_of(CODE))
    assert [one.path for one in found] == ["new.py"]
    assert kept(root) == {"pkg/invoices.py", "new.py"}


def test_a_single_file_that_is_ignored_is_not_taken(root: Path) -> None:
    (root / ".gitignore").write_text("pkg/\n", "utf-8")
    indexer(root).update(["pkg/invoices.py"])
    assert kept(root) == set()


def test_the_newest_files_are_kept_where_not_all_fit(root: Path) -> None:
    os.utime(root / "notes.md", ns=(1, 1))
    indexer(root, Config(context=Context(max_files=1))).bring_up_to_date()
    assert kept(root) == {"pkg/invoices.py"}
    indexer(root, Config(context=Context(max_bytes=len(CODE) + 1))).bring_up_to_date()
    assert kept(root) == {"pkg/invoices.py"}


def test_what_was_forgotten_is_taken_again_only_when_it_changes(root: Path) -> None:
    indexer(root).bring_up_to_date()
    shelf = Shelf(root.parent / "index.db")
    shelf.forget(["pkg/invoices.py"], until_ns=(root / "pkg/invoices.py").stat().st_mtime_ns)
    shelf.close()
    indexer(root).bring_up_to_date()
    indexer(root).update(["pkg/invoices.py"])
    assert kept(root) == {"notes.md"}
    (root / "pkg" / "invoices.py").write_text(CODE + "# more\n", "utf-8")
    indexer(root).update(["pkg/invoices.py"])
    assert kept(root) == {"notes.md", "pkg/invoices.py"}


def test_work_that_is_stopped_is_taken_up_where_it_ended(root: Path) -> None:
    for number in range(3 * BATCH_FILES):
        (root / f"f{number}.py").write_text(f"x_{number} = 1\n", "utf-8")
    going = iter([True, False])
    assert indexer(root).bring_up_to_date(lambda: next(going)) == BATCH_FILES
    assert len(kept(root)) == BATCH_FILES
    assert indexer(root).bring_up_to_date() == 2 * BATCH_FILES + 2
