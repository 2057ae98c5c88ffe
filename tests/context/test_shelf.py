"""What an index finds, and what is left of what it no longer keeps."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from context.shelves import fill, paths
from habitus_server.errors import StoreError
from habitus_server.index import Finder, Shelf, Stamp, words_of
from habitus_server.index.database import VERSION
from habitus_server.index.finder import TOO_COMMON

INVOICE = "def load_invoice(reader, currency):\n    return reader.rows(currency)\n"
PAYMENT = "def settle_payment(ledger):\n    return ledger.close()\n"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


def test_the_piece_that_shares_most_rare_words_comes_first(index: Path) -> None:
    fill(index, {"a.py": PAYMENT, "b.py": INVOICE, "c.py": "def load(reader): pass\n"})
    assert paths(Finder(index), "rows = load_invoice(reader, currency)") == ["b.py", "c.py"]


def test_the_file_that_asks_is_not_found(index: Path) -> None:
    fill(index, {"a.py": INVOICE, "b.py": INVOICE})
    assert paths(Finder(index), INVOICE, but="a.py") == ["b.py"]


def test_the_pieces_of_one_file_are_found_when_only_that_is_asked(index: Path) -> None:
    fill(index, {"a.py": f"{INVOICE}\n\n{PAYMENT}", "b.py": INVOICE})
    (found,) = Finder(index).find_in("a.py", words_of(INVOICE))
    assert (found.path, found.piece.text) == ("a.py", INVOICE.rstrip("\n"))


def test_the_same_question_gets_the_same_answer(index: Path) -> None:
    fill(index, {f"f{n}.py": INVOICE for n in (3, 1, 2)})
    assert paths(Finder(index), INVOICE) == ["f1.py", "f2.py", "f3.py"]


def test_words_that_stand_everywhere_find_nothing(index: Path) -> None:
    fill(index, {f"f{n}.py": "shared = 1\n" for n in range(TOO_COMMON + 1)})
    assert paths(Finder(index), "shared") == []


def test_a_file_that_is_put_again_is_found_by_its_new_words_only(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    fill(index, {"a.py": PAYMENT})
    finder = Finder(index)
    assert paths(finder, "load_invoice") == []
    assert paths(finder, "settle_payment") == ["a.py"]


def test_a_file_that_is_dropped_is_not_found(index: Path) -> None:
    fill(index, {"a.py": INVOICE, "b.py": PAYMENT})
    shelf = Shelf(index)
    shelf.drop(["a.py", "never-there.py"])
    assert list(shelf.stamps()) == ["b.py"]
    assert paths(Finder(index), INVOICE) == []


def test_no_byte_of_a_forgotten_file_is_left(index: Path) -> None:
    others = {f"src/other_{n}.py": f"def other_{n}(reader): pass\n" for n in range(300)}
    fill(index, {"src/secret_name.py": "confidential_margin = 0.173\n", **others})
    fill(index, {"src/secret_name.py": "confidential_margin = 0.174\n"})
    assert b"confidential_margin" in index.read_bytes()
    shelf = Shelf(index)
    shelf.forget(["src/secret_name.py"])
    shelf.close()
    for file in index.parent.iterdir():
        data = file.read_bytes()
        assert not any(
            word in data for word in (b"confidential", b"ential_margin", b"0.173", b"secret_name")
        )
    assert paths(Finder(index), "other_7") == ["src/other_7.py"]


def test_a_forgotten_file_is_refused_as_it_stands_and_taken_when_it_changes(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    shelf = Shelf(index)
    shelf.forget(["a.py"], until_ns=100)
    assert shelf.refuses("a.py", Stamp(100, 5))
    assert not shelf.refuses("a.py", Stamp(101, 5))
    assert not shelf.refuses("b.py", Stamp(100, 5))


def test_only_its_owner_can_read_an_index(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"not a database", b"SQLite format 3\0" + b"\7" * 5000])
def test_a_damaged_index_finds_nothing_and_is_made_anew(index: Path, damage: bytes) -> None:
    fill(index, {"a.py": INVOICE})
    index.write_bytes(damage)
    assert paths(Finder(index), INVOICE) == []
    fill(index, {"a.py": INVOICE})
    assert paths(Finder(index), INVOICE) == ["a.py"]


def test_damage_found_while_writing_takes_the_index_away(index: Path) -> None:
    fill(index, {f"f{n}.py": INVOICE * 20 for n in range(40)})
    data = bytearray(index.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    index.write_bytes(data)
    with pytest.raises(StoreError):
        fill(index, {"f1.py": PAYMENT})
    assert not index.exists()


def test_an_index_of_another_version_is_made_anew(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    sql = sqlite3.connect(index)
    sql.execute(f"PRAGMA user_version = {VERSION + 1}")
    sql.close()
    assert paths(Finder(index), INVOICE) == []
    fill(index, {"b.py": INVOICE})
    assert paths(Finder(index), INVOICE) == ["b.py"]


def test_whoever_reads_follows_an_index_that_was_made_anew(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    finder = Finder(index)
    assert paths(finder, INVOICE) == ["a.py"]
    index.unlink()
    assert paths(finder, INVOICE) == []
    fill(index, {"b.py": INVOICE})
    assert paths(finder, INVOICE) == ["b.py"]


def test_a_failed_batch_leaves_what_was_there(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    shelf = Shelf(index)
    with pytest.raises(RuntimeError), shelf.batch():
        shelf.put("a.py", Stamp(2, 2), PAYMENT, "python")
        raise RuntimeError
    assert paths(Finder(index), INVOICE) == ["a.py"]


def test_an_index_is_searched_from_several_threads_while_it_is_written(index: Path) -> None:
    fill(index, {"a.py": INVOICE})
    finder, wrong = Finder(index), []

    def search() -> None:
        for _ in range(50):
            if finder.find(words_of(INVOICE))[0].path != "a.py":
                wrong.append(1)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    fill(index, {f"f{n}.py": PAYMENT for n in range(50)})
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_index_that_cannot_be_written_says_where_and_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no-such-folder"):
        Shelf(tmp_path / "no-such-folder" / "index.db")
