"""A whole replay on a tiny model: every phase runs, the report holds what is promised, and
text that is written later is nowhere before it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pygit2
import pytest
from rich.console import Console

from habitus_learner.commands.replay import exit_status, show, write_report
from habitus_learner.cycle import all_examples
from habitus_learner.history import list_commits
from habitus_learner.past import Past
from habitus_learner.replay.engines import find_engines
from habitus_learner.replay.items import digest, list_items
from habitus_learner.replay.observation import Observation
from habitus_learner.replay.plan import Block, Plan, Size, make_plan
from habitus_learner.replay.report import Report
from habitus_learner.replay.run import ARMS, Replay, Seat, Settings
from habitus_learner.replay.screen import Screen
from habitus_server.config import Config
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace
from replay.synthetic import evolving_project, make_repository
from tiny_model import make_tiny_model

pytestmark = pytest.mark.xdist_group("replay_whole")
"""One replay serves all of these tests."""

PLANTED = "qz7xkv_planted_w4jh"

ARM_KEYS = {
    "exact_match",
    "edit_similarity",
    "bits_per_char",
    "characters_saved",
    "retained_characters",
    "shown",
    "accepted",
    "retained",
    "items",
}


class Watched(Replay):
    """Looks for the planted text before every arm is asked at it."""

    def __init__(
        self, source: pygit2.Repository, plan: Plan, settings: Settings, screen: Screen
    ) -> None:
        super().__init__(source, plan, settings, screen)
        self.seats: dict[str, Seat] = {}
        self.held: dict[tuple[str, str], list[str]] = {}
        self.taught: dict[str, list[str]] = {}
        self.asked: dict[str, list[Observation]] = {}

    def _take_seat(self, name: str = "learning", like: Seat | None = None) -> Seat:
        self.seats[name] = super()._take_seat(name, like)
        return self.seats[name]

    async def _ask(self, arm: str, seat: Seat, block: Block, number: int) -> list[Observation]:
        if number == 2:
            for who in (arm, "learning"):
                self.held[who, arm] = list(self.holders(self.seats[who]))
            self.taught[arm] = list(self.lessons(self.seats["learning"]))
        found = await super()._ask(arm, seat, block, number)
        if number == 2:
            self.asked[arm] = found
        return found

    def holders(self, seat: Seat) -> Iterator[str]:
        """The files and git objects of somebody's folder and state that hold the text."""
        workspace = find_workspace(seat.copy.folder, self._state)
        for folder in (seat.copy.folder, workspace.folder):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and PLANTED.encode() in path.read_bytes():
                    yield str(path)
        repository = pygit2.Repository(str(seat.copy.folder))
        for oid in repository:
            if PLANTED.encode() in repository[oid].read_raw():
                yield str(oid)

    def lessons(self, seat: Seat) -> Iterator[str]:
        """All that the next course of learning would train on or be judged by."""
        past = Past(seat.copy.folder, Config())
        examples = [one for chapter in past.chapters() for one in chapter.examples]
        database = find_workspace(seat.copy.folder, self._state).database
        with contextlib.closing(Store.open(database)) as store:
            examples += all_examples(store)
        for one in examples:
            yield from (one.prefix, one.target, one.suffix, one.rejected)


class Whole(NamedTuple):
    """One replay, and what came of it."""

    plan: Plan
    report: Report
    replay: Watched
    folder: Path


def planted_project() -> list[dict[str, str]]:
    """A name that is nowhere until the last commit, which writes it twice."""
    trees = evolving_project(8)
    last = dict(trees[-1])
    for name in ("pkg/mod1.py", "pkg/mod2.py"):
        last[name] += f"def load_last(name):\n    record = {PLANTED}\n    return record\n"
    return [*trees, last]


def plan_of(source: pygit2.Repository, size: Size) -> Plan:
    """Two blocks, of which the second is the last commit, asked at the planted lines."""
    plan = make_plan(source, size, seed=0)
    before, last = list_commits(source)[-2:]
    first, second = plan.blocks
    step = second.asked[-1]
    assert step.commit == last
    planted = tuple(i for i in list_items(last, step.changes, seed=0) if PLANTED in i.answer)
    assert len({item.path for item in planted}) == 2
    asked = (msgspec.structs.replace(step, items=planted),)
    return msgspec.structs.replace(
        plan,
        blocks=(
            msgspec.structs.replace(
                first,
                asked=(*first.asked, *second.asked[:-1]),
                learned=(
                    *first.learned,
                    *(msgspec.structs.replace(s, items=()) for s in second.asked[:-1]),
                ),
            ),
            Block(before, asked, ()),
        ),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    source = make_repository(folder / "source", planted_project())
    settings = Settings(
        name="project",
        folder=folder / "out",
        size=Size(
            blocks=2,
            learning_lines=4,
            evaluation_lines=3,
            warm_up_minutes=0.1,
            training_minutes=0.1,
        ),
        seed=0,
        model=str(make_tiny_model(folder / "model")),
        device="cpu",
    )
    plan = plan_of(source, settings.size)
    replay = Watched(source, plan, settings, Screen(Console(quiet=True)))
    return Whole(plan, asyncio.run(replay.run()), replay, folder)


def test_too_little_code_makes_every_course_wait_and_the_report_say_so(whole: Whole) -> None:
    report = whole.report
    assert [cycle.state for cycle in report.cycles] == ["waiting", "waiting"]
    assert all("Waiting for more code" in cycle.verdict for cycle in report.cycles)
    assert [block.course for block in report.blocks] == list(report.cycles)
    assert report.adapter is None and report.swap is None and report.swap_gap_ms is None
    assert find_engines(whole.folder / "out" / "work" / "state") == frozenset()


def test_every_arm_is_asked_what_was_planned(whole: Whole) -> None:
    report, plan = whole.report, whole.plan
    assert report.items.evaluation_sha256 == digest(plan.evaluation_items)
    for block, planned in zip(report.blocks, plan.blocks, strict=True):
        assert {arm.items for arm in block.arms.values()} == {len(planned.items)}
    assert {getattr(report, arm).items for arm in ARMS} == {len(plan.evaluation_items)}


def test_without_an_adapter_weights_are_frozen_ones_and_memory_knows_the_habit(
    whole: Whole,
) -> None:
    first = whole.report.blocks[0]
    assert first.adapter is None
    assert first.arms["weights"].bits_per_char == first.arms["frozen"].bits_per_char
    # The habit is there to be remembered, and random weights know nothing of it.
    assert first.arms["memory"].bits_per_char < first.arms["frozen"].bits_per_char / 2


def test_a_block_is_learned_from_after_it_was_asked_about(whole: Whole) -> None:
    copies = {name: seat.copy for name, seat in whole.replay.seats.items()}
    learned = list_commits(pygit2.Repository(str(copies.pop("learning").folder)))
    assert learned[-1].message == whole.plan.blocks[0].learned[-1].commit.message
    for copy in copies.values():
        written = list_commits(pygit2.Repository(str(copy.folder)))
        assert [c.message for c in written[:-1]] == [c.message for c in learned]
    assert whole.report.learning.items_asked > 0


def test_nobody_holds_later_text_before_it_is_written(whole: Whole) -> None:
    replay = whole.replay
    assert set(replay.held) == {(who, arm) for arm in ARMS for who in (arm, "learning")}
    assert not any(replay.held.values())
    # What looked finds the text once it was written, in every arm; nobody learned it.
    for name, seat in replay.seats.items():
        assert bool(list(replay.holders(seat))) == (name != "learning")


def test_no_example_shows_later_text(whole: Whole) -> None:
    for texts in whole.replay.taught.values():
        assert any("record_" in text for text in texts)
        assert not any(PLANTED in text for text in texts)


@pytest.mark.parametrize("arm", list(ARMS))
def test_no_arm_expects_later_text(whole: Whole, arm: str) -> None:
    first, second = (
        [o for o in whole.replay.asked[arm] if o.item.path == path]
        for path in ("pkg/mod1.py", "pkg/mod2.py")
    )
    assert all(PLANTED not in o.text for o in first)
    assert cost(first) > 2.0
    if "memory" in arm or arm == "all":
        # Once typed it is memory's: had it been seen before, the first were as cheap.
        assert cost(second) < cost(first) / 2


def test_a_course_that_broke_is_no_end(whole: Whole) -> None:
    assert exit_status(whole.report) == 0
    first, last = whole.report.cycles
    broken = msgspec.structs.replace(first, state="failed")
    assert exit_status(msgspec.structs.replace(whole.report, cycles=(broken, last))) == 1


def test_the_report_is_written_whole_with_its_picture(whole: Whole, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(whole.report, path)
    show(whole.report, path, Screen(Console(quiet=True)))
    written = json.loads(path.read_bytes())
    for arm in ARMS:
        assert written[arm].keys() >= ARM_KEYS
        assert all(block["arms"][arm].keys() >= ARM_KEYS for block in written["blocks"])
    assert written.keys() >= {"adapter", "latency_ms", "swap_gap_ms", "cycles"}
    assert written["latency_ms"].keys() == {"p50", "p95"}
    assert path.with_suffix(".png").stat().st_size > 10_000


def cost(found: Sequence[Observation]) -> float:
    """Bits per character."""
    return sum(o.bits or 0.0 for o in found) / sum(o.chars or 0 for o in found)
