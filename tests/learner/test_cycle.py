from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from habitus_learner import course, judged, registry, workfolder
from habitus_learner.course import Settings, find_interrupted
from habitus_learner.cycle import run_cycle
from habitus_learner.gate import Decision, Ruling
from habitus_learner.sidecar import Sidecar
from habitus_learner.workfolder import Progress, read_examples
from habitus_server import adapters
from habitus_server.config import Config, Engine, Learning
from habitus_server.engine.model import load_model
from habitus_server.records import CycleState, Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, locked
from learner.made_rows import (
    decision,
    draft_adapter,
    fix,
    habit_patterns,
    landing,
    manifest,
    results,
    suggestion,
)


class KilledError(BaseException):
    """Stands for the learner's own death."""


def settings(state: Path, model: Path, *, steps: int = 24) -> Settings:
    config = Config(
        model=str(model),
        learning=Learning(max_steps=steps, minutes=5.0),
        engine=Engine(device="cpu", threads=1),
    )
    return Settings(state=state, config=config, yields=False, checkpoint_every_s=0.0)


def fill(store: Store, *, patterns: int = 140) -> None:
    store.add_patterns(habit_patterns(patterns))
    for number, (state, final) in enumerate(
        [(State.DISMISSED, ""), (State.DISMISSED, "read(paths)")], start=1
    ):
        one = suggestion(id=f"s{number}", request_id=f"r{number}", offered_at=float(number))
        store.add_suggestions([one])
        store.set_state(one.id, state, float(number))
        if final:
            store.settle(one.id, Outcome.REVERTED, 0, final, float(number))
    store.barrier().result()


def fill_other_kinds(store: Store) -> None:
    """A choice among two, which was committed and tested; a fix; a decision."""
    texts = ("write(path)", "write(path, text)")
    both = [
        suggestion(id=f"s{3 + rank}", request_id="r3", rank=rank, text=text, offered_at=20.0)
        for rank, text in enumerate(texts)
    ]
    store.add_suggestions(both)
    store.set_state("s4", State.ACCEPTED, 21.0, accepted_text=texts[1])
    store.set_state("s3", State.SUPERSEDED, 21.0, detail={"why": "passed over", "chosen": "s4"})
    store.settle("s4", Outcome.KEPT, len(texts[1]), texts[1], 60.0)
    store.add_landing(landing("s4"))
    run = results(3, 0, at=70.0)
    store.add_task(run.task, [run.file])
    store.add_fix(fix(1))
    store.add_decision(decision(1))
    store.barrier().result()


def test_a_cycle_trains_judges_and_publishes_what_the_engine_can_serve(
    workspace: Workspace, store: Store, state: Path, tiny_model: Path, tmp_path: Path
) -> None:
    fill(store)
    fill_other_kinds(store)
    # What serves so far was made for other base weights, and is nobody's incumbent.
    registry.publish(workspace, draft_adapter(tmp_path / "foreign"), manifest())
    stages: list[str] = []
    cycle = run_cycle(
        workspace,
        store,
        settings(state, tiny_model),
        on_progress=lambda line: stages.append(line.stage),
    )
    assert cycle.state is CycleState.PUBLISHED, cycle.verdict
    assert list(dict.fromkeys(stages)) == ["collecting", "preparing", "training", "judging"]
    ref = adapters.current(workspace)
    assert ref is not None and ref.version == cycle.adapter
    made = adapters.verify(Path(ref.path), base_sha256=adapters.hash_base(tiny_model))
    assert made.parent is None
    assert made.examples.pop("pattern") > 50
    assert made.examples == {
        "success": 1,
        "correction": 1,
        "failure": 1,
        "preference": 1,
        "bug fix": 1,
        "decision": 1,
    }
    assert made.figures["gain_low"] > 0
    assert made.verdict == cycle.verdict
    load_model(str(tiny_model), "cpu").network(ref)
    rows = {r for e in read_examples(Path(ref.path) / adapters.EXAMPLES) for r in e.row_ids}
    stored = {f"pattern:{one.id}" for one in store.patterns()}
    stored |= {f"suggestion:{one.suggestion.id}" for one in store.suggestions()}
    assert rows and rows <= stored | {"fix:f1", "decision:d1", "landing:s4@c1", "task:1"}
    assert rows >= {"suggestion:s3", "fix:f1", "decision:d1", "landing:s4@c1", "task:1"}
    told = judged.read(Path(ref.path))
    assert len(told) == made.figures["gate_items"]
    assert any("announce" in one.written for one in told)
    assert not workfolder.work_folder(workspace).exists()


def test_a_cycle_outlives_the_death_of_its_child_and_of_its_parent(
    workspace: Workspace, store: Store, state: Path, tiny_model: Path
) -> None:
    fill(store)
    steps: list[int] = []

    def kill_child_then_self(line: Progress) -> None:
        if line.stage != "training":
            return
        if line.step >= 6 and not steps:
            steps.append(line.step)
            for child in psutil.Process().children():
                child.kill()
        elif line.step >= 10:
            raise KilledError

    with pytest.raises(KilledError):
        run_cycle(workspace, store, settings(state, tiny_model), on_progress=kill_child_then_self)
    (running,) = store.cycles()
    assert running.state is CycleState.RUNNING
    assert find_interrupted(workspace, store) is not None
    resumed: list[int] = []
    cycle = run_cycle(
        workspace,
        store,
        settings(state, tiny_model),
        on_progress=lambda line: resumed.append(line.step) if line.stage == "training" else None,
    )
    assert (cycle.id, cycle.state) == (running.id, CycleState.PUBLISHED)
    assert min(resumed) >= 9, "steps before the last checkpoint are not done again"
    assert len(store.cycles()) == 1
    assert find_interrupted(workspace, store) is None


def test_too_little_to_judge_by_waits_without_training(
    workspace: Workspace, store: Store, state: Path, tmp_path: Path
) -> None:
    store.add_patterns(habit_patterns(12)).result()
    cycle = run_cycle(workspace, store, settings(state, tmp_path / "no model is looked for"))
    assert cycle.state is CycleState.WAITING
    assert "Waiting for more code" in cycle.verdict
    assert adapters.current(workspace) is None


def test_a_cycle_in_doubt_leaves_its_places_to_the_next(
    workspace: Workspace,
    store: Store,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[set[str]] = []

    def doubt(folder: Path, _tell: object) -> Ruling:
        seen.append({e.id for e in read_examples(folder / workfolder.GATE)})
        return Ruling(Decision.WAIT, "In doubt.", {})

    monkeypatch.setattr(course, "run_job", doubt)
    store.add_patterns(habit_patterns(140)).result()
    given = settings(state, tmp_path / "no model is looked for")
    assert run_cycle(workspace, store, given).state is CycleState.WAITING
    store.add_patterns(habit_patterns(200)).result()
    run_cycle(workspace, store, given)
    first, second = seen
    assert first < second


def test_a_model_that_is_not_there_fails_the_cycle_with_the_reason(
    workspace: Workspace, store: Store, state: Path, tmp_path: Path
) -> None:
    fill(store)
    cycle = run_cycle(workspace, store, settings(state, tmp_path / "gone"))
    assert cycle.state is CycleState.FAILED
    assert cycle.verdict.startswith("The model folder")
    assert "gone does not exist" in cycle.verdict


def test_the_sidecar_answers_a_request_even_when_little_is_new(
    workspace: Workspace, store: Store, state: Path, tmp_path: Path
) -> None:
    store.add_patterns(habit_patterns(12)).result()
    sidecar = Sidecar(workspace, store, settings(state, tmp_path / "none"))
    assert sidecar.step() is None
    store.request_cycle(1.0).result()
    cycle = sidecar.step()
    assert cycle is not None and cycle.state is CycleState.WAITING
    assert sidecar.step() is None


def test_a_request_is_kept_while_another_workspace_trains(
    workspace: Workspace, store: Store, state: Path, tmp_path: Path
) -> None:
    store.add_patterns(habit_patterns(12)).result()
    sidecar = Sidecar(workspace, store, settings(state, tmp_path / "none"))
    store.request_cycle(1.0).result()
    with locked(state / "training.lock"):
        assert sidecar.step() is None
    assert sidecar.step() is not None


def habitus(*arguments: str, state: Path, **options: object) -> subprocess.Popen[str]:
    paths = [entry for entry in sys.path if entry.endswith(("/server", "/learner"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    code = (
        "import argparse, sys, importlib; name = sys.argv[1];"
        "module = importlib.import_module(f'habitus_learner.commands.{name}');"
        "parser = argparse.ArgumentParser(); module.add_arguments(parser);"
        "sys.exit(module.run(parser.parse_args(sys.argv[2:])))"
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, *arguments, "--state-dir", str(state)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


def test_learn_now_prints_its_verdict_and_writes_the_cycle(
    workspace: Workspace, store: Store, state: Path, tmp_path: Path
) -> None:
    store.add_patterns(habit_patterns(12)).result()
    report = tmp_path / "cycle.json"
    root = str(workspace.root)
    child = habitus("learn", root, "--now", "--json", str(report), state=state)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "Waiting for more code" in out
    assert json.loads(report.read_text())["state"] == "waiting"


def test_a_learner_ends_when_the_editor_that_started_it_has_gone(
    workspace: Workspace, state: Path
) -> None:
    child = habitus("learn", str(workspace.root), state=state, stdin=subprocess.PIPE)
    assert child.stdin is not None
    deadline = time.monotonic() + 30
    while not workspace.learn_lock.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert child.poll() is None
    second = habitus("learn", str(workspace.root), state=state, stdin=subprocess.PIPE)
    assert second.wait(timeout=30) == 0, "one learner per workspace"
    child.stdin.close()
    child.wait(timeout=30)


def test_rollback_says_what_serves_and_refuses_what_is_not_there(
    workspace: Workspace, state: Path
) -> None:
    child = habitus("rollback", str(workspace.root), "--to", "base", state=state)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out.strip()) == (0, "Base weights serve now."), err
