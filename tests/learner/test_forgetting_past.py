"""Forgetting reaches what was learned from a repository's past, and is heeded there."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner import forgetting, lineage, registry, workfolder
from habitus_learner.commands import forget as command
from habitus_learner.examples import Example
from habitus_learner.forgetting import Choice
from habitus_learner.past import Past
from habitus_learner.warmup import WARMED
from habitus_server import adapters, cli
from habitus_server.config import Config
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, manifest
from learner.past_projects import HOUR, START, Project, function


@pytest.fixture
def project(workspace: Workspace) -> Project:
    return Project(workspace.root)


def read(workspace: Workspace, store: Store) -> tuple[list[Example], list[Example]]:
    """What commits wrote, and what stands besides, as far as it may be learned."""
    past = Past(workspace.root, Config(), is_forgotten=store.is_buried)
    written = [example for chapter in past.chapters() for example in chapter.examples]
    return written, list(past.standing(past.until, [], seed=0))


def publish(workspace: Workspace, folder: Path, examples: list[Example]) -> str:
    draft = draft_adapter(folder, folder.name.encode())
    workfolder.write_examples(draft / adapters.EXAMPLES, examples)
    return registry.publish(workspace, draft, manifest()).version


def forget(workspace: Workspace, store: Store, state: Path, choice: Choice, now: float) -> None:
    forgetting.forget(workspace, store, choice, logs=state / "logs", now=now)


def test_an_adapter_goes_with_the_past_of_a_file_under_any_of_its_names(
    workspace: Workspace, store: Store, state: Path, project: Project, tmp_path: Path
) -> None:
    text = function("kept", 6)
    project.commit({"old.py": text})
    project.commit({"new.py": text, "b.py": function("b")})
    written, _ = read(workspace, store)
    (old,) = (example for example in written if example.path == "old.py")
    other = publish(workspace, tmp_path / "other", [e for e in written if e.path == "b.py"])
    taught = publish(workspace, tmp_path / "taught", [old])
    pruned = publish(workspace, tmp_path / "pruned", [old])
    lineage.leave_record(workspace.adapters / pruned)
    store.set_meta(WARMED, "a commit")
    choice = forgetting.choose_path(store, "new.py", [], [])
    assert set(forgetting.doomed_adapters(workspace, choice)) == {taught, pruned}
    forget(workspace, store, state, choice, now=START + 9.0 * HOUR)
    assert [one.version for one in adapters.list_adapters(workspace)] == [other]
    assert not store.get_meta(WARMED), "what is left of the past may be learned again"


def test_a_forgotten_file_is_not_learned_from_history_again(
    workspace: Workspace, store: Store, state: Path, project: Project
) -> None:
    text = function("gone", 6)
    project.commit({"old.py": text, "b.py": function("b")})
    project.commit({"new.py": text, "b.py": function("b")})
    choice = forgetting.choose_path(store, "new.py", [], [])
    forget(workspace, store, state, choice, now=START + 9.0 * HOUR)
    project.commit({"new.py": text + function("more"), "b.py": function("b")})
    written, standing = read(workspace, store)
    assert {example.path for example in (*written, *standing)} == {"b.py"}


def test_what_was_committed_since_a_time_is_forgotten_with_it(
    workspace: Workspace, store: Store, state: Path, project: Project, tmp_path: Path
) -> None:
    project.commit({"a.py": function("early")})
    project.commit({"a.py": function("early") + function("regretted")})
    written, _ = read(workspace, store)
    early = publish(workspace, tmp_path / "early", [e for e in written if "early" in e.target])
    publish(workspace, tmp_path / "late", [e for e in written if "regretted" in e.target])
    choice = forgetting.choose_since(store, START + HOUR / 2.0)
    forget(workspace, store, state, choice, now=START + 9.0 * HOUR)
    assert [one.version for one in adapters.list_adapters(workspace)] == [early]
    written, standing = read(workspace, store)
    assert [example.target for example in written] == [function("early")[:-1]]
    assert not [example for example in standing if "regretted" in example.target]


def test_a_deleted_file_can_be_forgotten_by_its_name(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(cli.BUILT_IN, "forget", command.__name__)
    project.commit({"a.py": function("a"), "b.py": function("b")})
    written, _ = read(workspace, store)
    publish(workspace, tmp_path / "taught", [e for e in written if e.path == "a.py"])
    (project.root / "a.py").unlink()
    where = ["--workspace", str(workspace.root), "--state-dir", str(state)]
    assert cli.main(["forget", "a.py", *where]) == 0
    assert adapters.list_adapters(workspace) == []
