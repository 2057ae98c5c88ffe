"""`habitus signals` and `habitus purge`: what is kept is shown, exported and removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from habitus_server import cli
from habitus_server.records import State
from habitus_server.store import Store
from habitus_server.store.browsing import TABLES
from habitus_server.workspaces import Workspace, find_workspace, known_workspaces, state_dir
from signals import stored
from signals.scene import suggestion


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_dir(tmp_path / "state")


@pytest.fixture
def workspace(tmp_path: Path, state: Path) -> Workspace:
    """A workspace with one row of every kind about each of two files, and a suggestion more."""
    (tmp_path / "project").mkdir()
    made = find_workspace(tmp_path / "project", state)
    store = Store.open(made.database)
    stored.fill(store, "src/a.py", name="a-")
    stored.fill(store, "src2/b.py", name="b-")
    store.add_suggestions([suggestion("late\ntext", "late", at=500.0, path="c.py")])
    store.set_state("late", State.DISMISSED, 500.0)
    store.add_silence("w1", None, 98.0)
    store.begin_cycle(99.0)
    store.close()
    return made


def signals(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], *flags: str
) -> list[dict[str, object]]:
    state = workspace.folder.parent.parent
    arguments = [str(workspace.root), "--state-dir", str(state), "--json", *flags]
    assert cli.main(["signals", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_everything_is_exported_with_all_its_parts(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = signals(workspace, capsys)
    assert {row["table"] for row in rows} == set(TABLES)
    assert len(rows) == 2 * 7 + 3
    assert rows[0]["id"] == "late", "the newest comes first"
    (one,) = [row for row in rows if row.get("id") == "a-a"]
    assert (one["prefix"], one["rating_word"], one["retained_chars"]) == ("p", "neat", 6)
    events = one["events"]
    assert isinstance(events, list)
    assert [event["kind"] for event in events] == ["accepted", "rated"]
    assert events[1]["detail"] == {"rating": 1, "word": "neat"}


@pytest.mark.parametrize(
    ("flags", "ids"),
    [
        (["--table", "fixes"], {"a-f", "b-f"}),
        (["--path", "src", "--table", "patterns"], {"a-p"}),
        (["--path", "src2/b.py", "--table", "decisions"], {"b-d"}),
        (["--state", "dismissed"], {"late"}),
        (["--outcome", "kept"], {"a-a", "b-a"}),
        (["--since", "1970-01-01T00:05:00+00:00"], {"late"}),
        (["--table", "suggestions", "--limit", "1"], {"late"}),
    ],
)
def test_filters_choose_rows(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], flags: list[str], ids: set[str]
) -> None:
    assert {row["id"] for row in signals(workspace, capsys, *flags)} == ids


def test_tasks_are_found_by_their_files(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = signals(workspace, capsys, "--table", "tasks", "--path", "src/a.py")
    assert one["files"] == [{"path": "src/a.py", "passed": 3, "failed": 1}]


def test_people_get_a_line_for_each_row(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    state = workspace.folder.parent.parent
    assert cli.main(["signals", str(workspace.root), "--state-dir", str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 17
    assert "dismissed" in lines[0] and "c.py  late⏎text" in lines[0]
    assert any("accepted kept 6 of 6" in line and "src/a.py" in line for line in lines)


def test_purge_removes_every_byte_of_a_workspace_and_its_identity(
    workspace: Workspace, state: Path
) -> None:
    (state / "logs").mkdir()
    log = state / "logs" / f"learn-{workspace.id}.log"
    log.write_text("words", "utf-8")
    arguments = ["purge", str(workspace.root), "--state-dir", str(state)]
    assert cli.main(arguments) == 1, "nobody can be asked"
    assert workspace.database.exists()
    assert cli.main([*arguments, "--yes"]) == 0
    assert not workspace.folder.exists() and not log.exists()
    assert known_workspaces(state) == []
    assert workspace.id not in (state / "workspaces.json").read_text("utf-8")


def test_purge_of_all_leaves_other_state_folders_alone(
    workspace: Workspace, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second = find_workspace(tmp_path / "second", state)
    third = find_workspace(tmp_path / "second", state_dir(tmp_path / "elsewhere"))
    assert cli.main(["purge", "--all", "--yes", "--state-dir", str(state)]) == 0
    assert not workspace.folder.exists() and not second.folder.exists()
    assert third.folder.exists()


def test_purge_refuses_a_workspace_that_is_open(workspace: Workspace, state: Path) -> None:
    window = Store.open(workspace.database)
    arguments = ["purge", str(workspace.root), "--state-dir", str(state), "--yes"]
    assert cli.main(arguments) == 1
    window.add_suggestions([suggestion("x", "after")]).result(stored.WAIT_S)
    assert window.counts()["suggestions"] == 4
    window.close()
    assert cli.main(arguments) == 0
