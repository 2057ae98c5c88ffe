"""Every arm's answer at every question of a block, by the engine's own hands.

Promises that an arm's memory and index hold what had been saved by then and nothing later, and
that gates learn from a text before it is inserted. What is asked is done once: outcomes are
kept line by line, and a run that was killed goes on behind the last one.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pygit2
from benchmarks.context.workspace import Workspace
from benchmarks.learning.histories import Block, Moment, moments_of

from habitus_learner.replay import developer
from habitus_learner.replay.observation import worth
from habitus_server.context import Gatherer, View
from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model
from habitus_server.engine.wire import Complete, Place, Score, Stop
from habitus_server.index import Finder
from habitus_server.records import AdapterRef, Chunk

MAX_TOKENS = 64


class Arm(msgspec.Struct, frozen=True):
    """Which weights answer, and whether memory and other files help."""

    name: str
    adapter: AdapterRef | None
    recalls: bool


class Answer(msgspec.Struct, frozen=True):
    """What one arm made of a question; `retained` are characters that a developer would keep."""

    bits: float
    exact: bool
    similarity: float
    retained: int


class Outcome(msgspec.Struct, frozen=True):
    """A question with every arm's answer."""

    key: str
    cluster: str
    chars: int
    answers: dict[str, Answer]


def score(
    model: Model,
    repository: pygit2.Repository,
    block: Block,
    arms: Sequence[Arm],
    path: Path,
    *,
    seed: int,
) -> list[Outcome]:
    """Outcomes of a block's questions, in the order in which its text was written."""
    known = read_outcomes(path)
    with tempfile.TemporaryDirectory() as folder, path.open("ab") as file:
        desks = {arm.name: _Desk(model, arm) for arm in arms}
        workspace = Workspace(Path(folder) / "index.db")
        finder = Finder(Path(folder) / "index.db")
        gatherer = Gatherer(workspace.read, finder)
        outcomes = []
        for moment in moments_of(repository, block):
            key = _key(moment)
            if key not in known:
                workspace.follow(moment.files)
                chunks = _chunks(gatherer, moment)
                known[key] = _ask(desks.values(), moment, chunks, seed)
                file.write(msgspec.json.encode(known[key]) + b"\n")
                file.flush()
            outcomes.append(known[key])
        finder.close()
    return outcomes


class _Desk:
    """One arm at work: its memory keeps up with the files that are saved."""

    def __init__(self, model: Model, arm: Arm) -> None:
        self.arm = arm
        self._desk = Answerer(model, Memory(model.tokens))
        self._known: dict[str, str] = {}

    def ask(self, moment: Moment, chunks: tuple[Chunk, ...], seed: int) -> Answer:
        """Score the true text and write what the arm would."""
        arm, item = self.arm, moment.item
        if arm.recalls:
            self._keep_up(moment.files)
        place = Place(
            "bench", item.path, "python", moment.prefix, moment.suffix,
            chunks if arm.recalls else (),
        )  # fmt: skip
        scored = self._desk.score(
            Score(1, place, item.answer, adapter=arm.adapter, use_memory=arm.recalls)
        )
        stop = Stop(max_tokens=MAX_TOKENS)
        request = Complete(
            2, "bench", place, adapter=arm.adapter, stop=stop, use_memory=arm.recalls
        )
        text = self._desk.complete(request).candidates[0].text
        chance = random.Random(f"{seed}:{item.commit}:{item.path}:{item.line}:{item.column}")
        decision = developer.decide(text, item.answer, (), chance) if text.strip() else None
        return Answer(
            bits=scored.bits,
            exact=developer.is_same(text, item.answer),
            similarity=developer.edit_similarity(text.rstrip(), item.answer),
            retained=worth(decision, item.answer)[0] if decision else 0,
        )

    def _keep_up(self, files: Mapping[str, str]) -> None:
        learn = bool(self._known)
        for path in self._known.keys() - files.keys():
            self._desk.memory.forget("bench", path)
            del self._known[path]
        for path, text in files.items():
            if self._known.get(path) != text:
                self._desk.memory.remember("bench", path, text, learn=learn)
                self._known[path] = text
        while self._desk.study(lambda: None):
            pass


def _ask(
    desks: Sequence[_Desk] | Iterator[_Desk], moment: Moment, chunks: tuple[Chunk, ...], seed: int
) -> Outcome:
    item = moment.item
    return Outcome(
        key=_key(moment),
        cluster=f"{item.commit[:12]}:{item.path}",
        chars=len(item.answer),
        answers={desk.arm.name: desk.ask(moment, chunks, seed) for desk in desks},
    )


def _chunks(gatherer: Gatherer, moment: Moment) -> tuple[Chunk, ...]:
    view = View(moment.item.path, "python", moment.prefix, moment.suffix, recent_edits=moment.edits)
    return gatherer.gather(view)


def _key(moment: Moment) -> str:
    item = moment.item
    return f"{item.commit[:12]}:{item.path}:{item.line}:{item.column}"


def read_outcomes(path: Path) -> dict[str, Outcome]:
    """What was kept; a line that a kill cut off is asked again."""
    if not path.exists():
        return {}
    found: dict[str, Outcome] = {}
    whole = 0
    data = path.read_bytes()
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        one = msgspec.json.decode(line, type=Outcome)
        found[one.key] = one
        whole += len(line)
    if whole < len(data):
        path.write_bytes(data[:whole])
    return found
