"""`habitus examples`: every lesson with its rows and the adapters that learned it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from habitus_learner import registry, workfolder
from habitus_learner.commands import examples as command
from habitus_learner.cycle import all_examples
from habitus_server import adapters, cli
from habitus_server.records import Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, manifest, pattern, results, suggestion


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point, also where an older installation does not have it yet."""
    monkeypatch.setitem(cli.BUILT_IN, "examples", command.__name__)


def test_lessons_are_shown_and_exported_with_where_they_come_from_and_went(
    workspace: Workspace, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [pattern(n, path=f"src/{n}.py", text=f"    self.step_{n}()\n") for n in (1, 2, 3)]
    store.add_patterns(rows).result()
    lessons = all_examples(store)
    draft = draft_adapter(tmp_path / "draft")
    workfolder.write_examples(draft / adapters.EXAMPLES, lessons[:1])
    version = registry.publish(workspace, draft, manifest()).version
    where = [str(workspace.root), "--state-dir", str(workspace.folder.parent.parent)]

    assert cli.main(["examples", *where, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in told] == [e.id for e in reversed(lessons)]
    assert [one["adapters"] for one in told] == [[], [], [version]]
    assert tuple(told[2]["row_ids"]) == lessons[0].row_ids
    assert told[2]["target"] == lessons[0].target

    assert cli.main(["examples", *where, "--path", "src/1.py", "--kind", "pattern"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "self.step_1()⏎" in line and version in line
    assert cli.main(["examples", *where, "--kind", "failure"]) == 0
    assert cli.main(["examples", *where, "--since", "1d"]) == 0
    assert capsys.readouterr().out == ""


def test_a_test_run_says_of_no_example_what_learned_from_it(
    workspace: Workspace, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = results(2, 0, at=120.0)
    store.add_patterns([pattern(1), pattern(2, text="    self.reset()\n")])
    store.add_task(run.task, [run.file]).result()
    lessons = all_examples(store)
    draft = draft_adapter(tmp_path / "draft")
    workfolder.write_examples(draft / adapters.EXAMPLES, lessons[:1])
    version = registry.publish(workspace, draft, manifest()).version
    where = [str(workspace.root), "--state-dir", str(workspace.folder.parent.parent)]
    assert cli.main(["examples", *where, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all("task:1" in one["row_ids"] for one in told)
    assert [one["adapters"] for one in told] == [[], [version]]


def test_a_correction_is_shown_with_its_class(
    workspace: Workspace, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add_suggestions([suggestion()])
    store.set_state("s1", State.ACCEPTED, 101.0, accepted_text="read(path)")
    store.settle("s1", Outcome.EDITED, 5, "read(path, True)", 700.0).result()
    state = str(workspace.folder.parent.parent)
    assert cli.main(["examples", str(workspace.root), "--state-dir", state]) == 0
    assert "correction:s1 [arguments]" in capsys.readouterr().out
