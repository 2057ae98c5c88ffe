"""Decision records as they are read; HABITUS_UPDATE_GOLDENS=1 writes the JSON beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from habitus_server.adr import read_record
from habitus_server.cli import main
from habitus_server.config import Config, Privacy
from habitus_server.decision_files import DecisionFiles
from habitus_server.library import Library
from habitus_server.records import Decision
from habitus_server.store import Store

RECORDS = Path(__file__).with_name("adr")


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDS.glob("*.md")))
def test_a_record_is_read_as_its_golden_file_says(name: str) -> None:
    found = read_record((RECORDS / f"{name}.md").read_bytes().decode())
    golden = RECORDS / f"{name}.json"
    told = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    if os.environ.get("HABITUS_UPDATE_GOLDENS"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "# ", "---\n", "# A\n## Decision\n", "## Decision\nx\n"])
def test_a_file_without_title_or_decision_is_no_record(text: str) -> None:
    assert read_record(text) is None


class Shelf:
    """A workspace with a folder for records, and what its store knows of them."""

    def __init__(self, root: Path, state: Path, privacy: Privacy) -> None:
        self.root = root
        self.folder = root / "docs" / "adr"
        self.folder.mkdir(parents=True)
        self.store = Store.open(state / "signals.db")
        library = Library(root, Config(privacy=privacy), is_inside=True)
        self.files = DecisionFiles(root, library, self.store)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, at: float) -> list[Decision]:
        self.files.read_all(at)
        return self.store.decisions()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "project", tmp_path, Privacy(exclude=("docs/adr/private*",)))
    yield shelf
    shelf.store.close()


def record(decision: str, status: str = "Accepted", date: str = "") -> str:
    return f"# 1. Title\n\n{date}\n\n## Status\n\n{status}\n\n## Decision\n\n{decision}\n"


def test_a_record_that_did_not_change_is_not_a_change(shelf: Shelf) -> None:
    shelf.write("1.md", record("Yes."))
    shelf.read(100.0)
    (one,) = shelf.read(200.0)
    assert (one.origin, one.path, one.choice) == ("adr", "docs/adr/1.md", "Yes.")
    assert (one.decided_at, one.changed_at) == (100.0, 100.0)


def test_a_record_that_was_superseded_tells_its_outcome(shelf: Shelf) -> None:
    shelf.write("1.md", record("Yes.", date="Date: 1970-01-02"))
    shelf.read(1e6)
    shelf.write("1.md", record("Yes.", "Superseded by [2. No](2.md)", "Date: 1970-01-02"))
    (one,) = shelf.read(2e6)
    assert one.outcome == "Superseded by 2. No"
    assert (one.decided_at, one.changed_at) == (86_400.0, 2e6)


def test_an_outcome_that_was_told_by_command_outlives_the_next_reading(shelf: Shelf) -> None:
    shelf.write("1.md", record("Yes."))
    (one,) = shelf.read(100.0)
    shelf.store.add_decision(msgspec.structs.replace(one, outcome="it held")).result()
    (one,) = shelf.read(200.0)
    assert one.outcome == "it held"


def test_excluded_records_are_not_read_and_secrets_are_not_stored(shelf: Shelf) -> None:
    secret = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    shelf.write("private.md", record("Hidden."))
    shelf.write("1.md", record(f"Use the token '{secret}' everywhere."))
    (one,) = shelf.read(100.0)
    assert one.path == "docs/adr/1.md"
    assert secret not in one.choice


def test_only_markdown_in_the_folders_of_decisions_is_read(shelf: Shelf) -> None:
    (shelf.root / "docs" / "other.md").write_text(record("No."), encoding="utf-8")
    shelf.write("notes.txt", record("No."))
    shelf.files.read(["docs/other.md", "docs/adr/notes.txt"], 100.0)
    assert shelf.read(100.0) == []


def test_a_decision_is_written_down_and_concluded_from_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_CONFIG", str(tmp_path / "config.toml"))
    place = ["--state-dir", str(tmp_path / "state")]
    choice = ["decide", "Where signals lie", "SQLite", "--option", "SQLite", "--option", "files"]
    assert main([*choice, "--path", str(tmp_path), *place]) == 0
    decision_id = capsys.readouterr().out.strip()
    outcome = ["--outcome", decision_id[:6], "it held"]
    assert main(["decisions", str(tmp_path), *outcome, *place]) == 0
    told = capsys.readouterr().out
    assert decision_id in told
    assert "options  SQLite; files" in told
    assert "outcome  it held" in told


def test_where_nothing_is_recorded_no_decision_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / ".habitus.toml").write_text("[privacy]\nrecord = false\n", encoding="utf-8")
    given = ["decide", "a", "b", "--path", str(tmp_path), "--state-dir", str(tmp_path / "state")]
    assert main(given) == 1
    assert "privacy.record is off" in capsys.readouterr().err
