"""Learning from a repository's past: on first use, when asked for, and beside the signals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from habitus_learner import course, heritage, registry, workfolder
from habitus_learner.course import Settings
from habitus_learner.cycle import all_examples, run_cycle
from habitus_learner.examples import Example
from habitus_learner.gate import Decision, Ruling
from habitus_learner.planner import Plan
from habitus_learner.sidecar import Sidecar
from habitus_learner.split import Split, split
from habitus_learner.warmup import COMMITS, SUBJECT, WARMED, headline, is_due, run_warm_up
from habitus_learner.workfolder import Progress, read_examples
from habitus_server import adapters
from habitus_server.config import Config, Engine, Learning, Privacy
from habitus_server.records import Cycle, CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, habit_patterns, manifest
from learner.past_projects import HOUR, START, Project, function

NAMES = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta")


class KilledError(BaseException):
    """Stands for the learner's own death."""


@pytest.fixture
def project(workspace: Workspace) -> Project:
    return Project(workspace.root)


def habits(project: Project, commits: int) -> list[str]:
    """Commits that each write three files in one style; their ids."""
    tree: dict[str, str] = {}
    made = []
    for number in range(commits):
        for place in range(3):
            name, other = NAMES[number % 8], NAMES[(number // 8 + 3 * place) % 8]
            tree[f"module_{number}_{place}.py"] = (
                f"class Reader{number}Of{place}:\n    def {name}(self, {other}):\n"
                f"        self.{other}_registry.announce({other}, sender=self.{name})\n"
            )
        made.append(project.commit(tree))
    return made


def settings(state: Path, model: str = "none", **learning: object) -> Settings:
    config = Config(
        model=model,
        learning=Learning(max_steps=24, minutes=5.0, **learning),  # type: ignore[arg-type]
        engine=Engine(device="cpu", threads=1),
    )
    return Settings(state=state, config=config, yields=False)


def rule_without_training(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[Plan, list[Example]], None]
) -> None:
    """In place of the child: look at the plan and at what it would train on, and reject."""

    def run(folder: Path, tell: Callable[[Progress], None]) -> Ruling:
        plan = workfolder.read_plan(folder)
        assert plan is not None
        tell(Progress("training", 0.5))
        look(plan, read_examples(folder / workfolder.TRAIN))
        return Ruling(Decision.REJECT, "Not published.", {})

    monkeypatch.setattr(course, "run_job", run)


def test_a_warm_up_learns_the_past_and_is_judged_by_the_newest_commits(
    workspace: Workspace, store: Store, state: Path, project: Project, tiny_model: Path
) -> None:
    commits = habits(project, 44)
    told: list[str] = []
    cycle = run_warm_up(
        workspace,
        store,
        settings(state, str(tiny_model)),
        until=commits[-2],
        on_progress=lambda line: told.append(line.stage),
    )
    assert cycle.state is CycleState.PUBLISHED, cycle.verdict
    ref = adapters.current(workspace)
    assert ref is not None
    learned = read_examples(Path(ref.path) / adapters.EXAMPLES)
    sessions = {example.session for example in learned}
    held_out = round(cycle.figures[COMMITS])
    assert held_out >= 7
    assert sessions <= set(commits[: -1 - held_out])
    assert "reading the past" in told and "training" in told
    assert store.get_meta(WARMED) == commits[-2]
    assert headline(cycle).startswith(f"on your last {held_out} commits: ")


def test_a_warm_up_that_was_killed_is_taken_up_with_the_same_plan(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    habits(project, 40)
    plans: list[Plan] = []

    def look(plan: Plan, _train: list[Example]) -> None:
        plans.append(plan)
        if len(plans) == 1:
            raise KilledError

    rule_without_training(monkeypatch, look)
    with pytest.raises(KilledError):
        run_warm_up(workspace, store, settings(state))
    assert store.cycles(1)[0].stage == f"{SUBJECT}, training"
    done = run_cycle(workspace, store, settings(state))
    assert plans[0] == plans[1]
    assert (done.id, done.state) == (plans[0].cycle_id, CycleState.REJECTED)
    assert len(store.cycles()) == 1


def test_a_warm_up_may_take_as_long_as_its_own_setting_or_its_caller_says(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    habits(project, 44)
    minutes: list[float] = []
    rule_without_training(monkeypatch, lambda plan, _examples: minutes.append(plan.minutes))
    set_so = settings(state, warm_up_minutes=33.0)
    run_warm_up(workspace, store, set_so)
    run_warm_up(workspace, store, msgspec.structs.replace(set_so, minutes=2.0))
    assert minutes == [33.0, 2.0]


def test_too_short_a_past_waits_with_the_reason(
    workspace: Workspace, store: Store, state: Path, project: Project
) -> None:
    project.commit({"a.py": function("a")})
    cycle = run_warm_up(workspace, store, settings(state))
    assert cycle.state is CycleState.WAITING
    assert "Waiting for more code" in cycle.verdict
    assert headline(cycle) == ""


def test_a_course_stops_on_request_and_publishes_nothing(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    habits(project, 40)
    store.request_stop(1.0).result()  # too early: nothing was in progress

    def run(_folder: Path, tell: Callable[[Progress], None]) -> Ruling:
        tell(Progress("training", 0.1))
        store.request_stop(2.0).result()
        tell(Progress("judging", 0.9))
        raise AssertionError("it went on")

    monkeypatch.setattr(course, "run_job", run)
    cycle = run_warm_up(workspace, store, settings(state))
    assert cycle.state is CycleState.FAILED
    assert cycle.verdict.startswith("Stopped on request")
    assert not workfolder.work_folder(workspace).exists()


def test_only_the_first_use_of_a_long_repository_warms_up(
    workspace: Workspace, store: Store, project: Project, tmp_path: Path
) -> None:
    config = Config()
    assert not is_due(workspace, store, config), "there is no commit yet"
    habits(project, 20)
    assert is_due(workspace, store, config)
    for changed in (
        Config(learning=Learning(enabled=False)),
        Config(learning=Learning(warm_up=False)),
        Config(privacy=Privacy(record=False)),
    ):
        assert not is_due(workspace, store, changed)
    store.set_meta(WARMED, "a commit")
    assert not is_due(workspace, store, config)
    store.set_meta(WARMED, "")
    assert is_due(workspace, store, config)
    registry.publish(workspace, draft_adapter(tmp_path / "draft"), manifest())
    assert not is_due(workspace, store, config)


def test_a_folder_without_a_repository_never_warms_up(workspace: Workspace, store: Store) -> None:
    assert not is_due(workspace, store, Config())


def test_the_sidecar_warms_up_once_by_itself(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    habits(project, 40)
    seen: list[str] = []
    rule_without_training(monkeypatch, lambda plan, _train: seen.append(plan.subject))
    assert Sidecar(workspace, store, settings(state, warm_up=False)).step() is None
    sidecar = Sidecar(workspace, store, settings(state))
    cycle = sidecar.step()
    assert cycle is not None and cycle.state is CycleState.REJECTED
    assert seen == [SUBJECT]
    assert sidecar.step() is None
    assert Sidecar(workspace, store, settings(state)).step() is None


def test_the_sidecar_warms_up_again_when_asked(
    workspace: Workspace,
    store: Store,
    state: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commits = habits(project, 40)
    sessions: set[str] = set()
    rule_without_training(
        monkeypatch, lambda _plan, train: sessions.update(e.session for e in train)
    )
    store.set_meta(WARMED, commits[-1])
    sidecar = Sidecar(workspace, store, settings(state))
    assert sidecar.step() is None
    store.request_warm_up(commits[-9]).result()
    assert sidecar.step() is not None
    assert sessions and sessions.isdisjoint(commits[-9:])
    assert store.get_meta(WARMED) == commits[-9]


def signals(store: Store) -> list[Example]:
    """Signals of the 100 hours after the first 50 hours of a project."""
    made = habit_patterns(140, start=START + 50.0 * HOUR)
    store.add_patterns(made).result()
    return all_examples(store)


def joined(
    workspace: Workspace, store: Store, state: Path, found: list[Example]
) -> tuple[Split, Split]:
    parts = split(found)
    both = heritage.joined(
        parts, workspace, store, settings(state), found, seed=0, tell=lambda _line: None
    )
    return parts, both


def test_a_cycle_trains_on_a_bounded_share_of_what_commits_wrote_before_its_gate(
    workspace: Workspace, store: Store, state: Path, project: Project
) -> None:
    commits = habits(project, 40)
    project.commit({"late.py": function("unseen_later")}, hours=500, by="you@localhost")
    parts, both = joined(workspace, store, state, signals(store))
    added = [example for example in both.train if example not in parts.train]
    assert both.gate == parts.gate
    assert added and {example.session for example in added} <= set(commits)
    assert len(added) <= len(parts.train)
    assert all(example.known_at < parts.cutoff for example in added)
    assert "unseen_later" not in msgspec.json.encode(both.train).decode()


def test_what_the_user_committed_since_there_are_signals_is_left_to_the_signals(
    workspace: Workspace, store: Store, state: Path, project: Project
) -> None:
    base = {"a.py": function("before")}
    project.commit(base)
    found = signals(store)
    first = min(example.at for example in found)
    hours = (first - START) / HOUR + 0.1
    mine = project.commit({**base, "m.py": function("accepted")}, hours=hours)
    theirs = project.commit(
        {**base, "m.py": function("accepted"), "t.py": function("theirs")},
        hours=hours + 0.1,
        by="you@localhost",
    )
    _, both = joined(workspace, store, state, found)
    by_hand = {e.session for e in both.train if e.is_by_hand}
    assert theirs in by_hand
    assert mine not in by_hand


def test_no_line_of_a_judged_place_is_taught_in_its_file() -> None:
    def example(path: str, target: str) -> Example:
        made = msgspec.convert({**BLANK, "path": path, "target": target}, Example)
        return msgspec.structs.replace(made, id=f"{path} {target}")

    gate = [example("a.py", "x = 1\nanswer = compute(everything)")]
    same = example("a.py", "def f():\n    answer = compute(everything)")
    short = example("a.py", "x = 1")
    other = example("b.py", "answer = compute(everything)")
    assert heritage.beside([same, short, other], gate) == [short, other]


BLANK = {
    "id": "",
    "kind": "pattern",
    "path": "",
    "language": "python",
    "prefix": "",
    "suffix": "",
    "target": "",
    "rejected": "",
    "weight": 1.0,
    "session": "s",
    "at": 1.0,
    "known_at": 1.0,
    "row_ids": [],
}


def test_a_headline_needs_a_judged_warm_up() -> None:
    cycle = Cycle(1, 0.0, 1.0, CycleState.REJECTED, 1.0, "finished", None, "", {})
    assert headline(cycle) == ""
    figures = {
        COMMITS: 12.0,
        "bits_per_char_incumbent": 1.5,
        "bits_per_char_candidate": 1.2,
        "exact_incumbent": 0.1,
        "exact_candidate": 0.125,
    }
    assert headline(msgspec.structs.replace(cycle, figures=figures)) == (
        "on your last 12 commits: 1.50 bits/char → 1.20; exact lines 10.0% → 12.5%"
    )


def test_a_course_that_breaks_off_ends_with_a_verdict(
    project: Project,
    workspace: Workspace,
    store: Store,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> list[Example]:
        raise ZeroDivisionError("a mistake of ours")

    habits(project, 20)
    monkeypatch.setattr(heritage, "written", broken)
    cycle = run_warm_up(workspace, store, settings(state))
    assert cycle.state is CycleState.FAILED
    assert "ZeroDivisionError: a mistake of ours" in cycle.verdict
