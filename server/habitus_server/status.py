"""What a user may want to know about one workspace, in one value and one sentence.

Promises that every reason for silence is named with what to do about it. It gathers
nothing itself: facts come in, and `describe` turns them into a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

from habitus_server.records import Cycle, CycleState


class Kind(Enum):
    """How an editor should draw the status (the Copilot convention's four words)."""

    NORMAL = "Normal"
    WARNING = "Warning"
    ERROR = "Error"
    INACTIVE = "Inactive"


class EngineFacts(msgspec.Struct, frozen=True):
    """The engine as this window last saw it.

    `state` is "starting", "loading", "ready", "unloaded" or "failed"; `detail` says
    why it failed, or how far loading is.
    """

    state: str = "starting"
    detail: str = ""
    device: str = ""
    progress: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """Everything that a workspace's status is made of.

    `problems` are sentences that say what is wrong and what to do; `not_recording`
    says why nothing is stored, or is ""; `answered` counts this window's requests by what
    answered them (`offers.Source`).
    """

    root: str
    model: str
    engine: EngineFacts
    adapter: str | None
    examples_waiting: int
    cycle: Cycle | None
    paused: bool
    not_recording: str
    memory_files: int
    answered: Mapping[str, int]
    problems: Sequence[str]


class CycleStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The newest learning cycle, as shown."""

    id: int
    state: str
    stage: str
    progress: float
    adapter: str | None
    verdict: str
    figures: dict[str, float]


class EngineShown(msgspec.Struct, frozen=True, rename="camel"):
    """The engine, as shown."""

    state: str
    detail: str
    device: str


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """The reply to `habitus.status`; `message`, `kind` and `busy` also go out alone."""

    root: str
    model: str
    engine: EngineShown
    adapter: str | None
    examples_waiting: int
    cycle: CycleStatus | None
    last_verdict: str
    paused: bool
    recording: bool
    memory_files: int
    answered: Mapping[str, int]
    problems: tuple[str, ...]
    message: str
    kind: str
    busy: bool


def describe(facts: Facts) -> Status:
    """Put the facts into words: the most pressing one becomes the message."""
    kind, message = _headline(facts)
    cycle = facts.cycle
    running = cycle is not None and cycle.state is CycleState.RUNNING
    problems = [*facts.problems]
    if facts.not_recording:
        problems.append(facts.not_recording)
    return Status(
        root=facts.root,
        model=facts.model,
        engine=EngineShown(facts.engine.state, facts.engine.detail, facts.engine.device),
        adapter=facts.adapter,
        examples_waiting=facts.examples_waiting,
        cycle=_show_cycle(cycle),
        last_verdict=cycle.verdict if cycle is not None else "",
        paused=facts.paused,
        recording=not facts.not_recording,
        memory_files=facts.memory_files,
        answered=facts.answered,
        problems=tuple(dict.fromkeys(problems)),
        message=message,
        kind=kind.value,
        busy=running or facts.engine.state in ("starting", "loading"),
    )


def _headline(facts: Facts) -> tuple[Kind, str]:
    engine = facts.engine
    if facts.paused:
        return Kind.INACTIVE, "Paused; run `habitus.resume` to go on."
    if engine.state == "failed":
        return Kind.ERROR, engine.detail or "The engine does not answer; see the log."
    if engine.state in ("starting", "loading"):
        percent = f" ({engine.progress:.0%})" if engine.progress else ""
        return Kind.NORMAL, f"Loading {facts.model}{percent}."
    if facts.problems:
        return Kind.WARNING, facts.problems[0]
    if facts.cycle is not None and facts.cycle.state is CycleState.RUNNING:
        return Kind.NORMAL, f"Learning: {facts.cycle.stage} ({facts.cycle.progress:.0%})."
    served = facts.adapter or "base weights"
    waiting = f", {facts.examples_waiting} examples waiting" if facts.examples_waiting else ""
    silent = f" {facts.not_recording}" if facts.not_recording else ""
    return Kind.NORMAL, f"{facts.model}, {served}{waiting}.{silent}"


def _show_cycle(cycle: Cycle | None) -> CycleStatus | None:
    if cycle is None:
        return None
    return CycleStatus(
        id=cycle.id,
        state=cycle.state.value,
        stage=cycle.stage,
        progress=cycle.progress,
        adapter=cycle.adapter,
        verdict=cycle.verdict,
        figures=cycle.figures,
    )
