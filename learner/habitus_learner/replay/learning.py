"""Asking for a learning cycle and watching it through, completions going on meanwhile.

Promises the cycle's figures as the server's status gives them, and the longest time
that completions stood still while the new version came into service. The asking goes
on at a steady pace from before the swap to after it; whether the engine or the server
was restarted is told from their processes.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from habitus_learner.replay.editor import Editor, RequestFailedError
from habitus_learner.replay.engines import find_engines
from habitus_learner.replay.report import CycleFacts, SwapFacts

PACE_S = 0.5
"""How often completions are asked for around a swap."""

ANSWERS_AFTER_SWAP = 24
STATUS_S = 0.5

START_TIMEOUT_S = 90.0

OnProgress = Callable[[str, float], None]


class Ask(msgspec.Struct, frozen=True):
    """One completion asked for during the cycle; times are the process's monotonic ones."""

    sent_at: float
    answered_at: float
    adapter: str | None


class Watched(msgspec.Struct, frozen=True):
    """What a cycle came to."""

    cycle: CycleFacts
    swap: SwapFacts | None


async def run_cycle(
    editor: Editor, name: str, state: Path, *, limit_minutes: float, report: OnProgress
) -> Watched:
    """Have the workspace learn now, and ask in the open document `name` meanwhile.

    A cycle that has not ended after `limit_minutes` is reported as it stands.
    """
    before = await editor.status()
    started = time.monotonic()
    await editor.execute("habitus.learnNow")
    watch = _Watch(editor, name, before)
    asks: list[Ask] = []
    engines = find_engines(state)
    while time.monotonic() - started < limit_minutes * 60.0:
        status = await editor.status()
        cycle = watch.new_cycle(status)
        if cycle is None and time.monotonic() - started > START_TIMEOUT_S:
            break
        if cycle is not None:
            report(cycle["stage"] or cycle["state"], float(cycle["progress"]))
            if cycle["state"] != "running":
                break
        if cycle is not None and is_near_swap(cycle):
            asks += await watch.ask_while(STATUS_S)
        else:
            await asyncio.sleep(STATUS_S)
            engines = find_engines(state)
    minutes = (time.monotonic() - started) / 60.0
    facts = read_cycle(watch.new_cycle(await editor.status()), minutes)
    if facts.state != "published":
        return Watched(facts, None)
    asks += await watch.ask_until_swapped(ANSWERS_AFTER_SWAP)
    same_engine = bool(engines) and find_engines(state) == engines
    return Watched(
        facts, measure_swap(asks, same_engine=same_engine, same_server=editor.is_running)
    )


def is_near_swap(cycle: dict[str, Any]) -> bool:
    """Whether training is over: asking earlier would only slow it down."""
    return bool(cycle["stage"] == "judging")


def read_cycle(cycle: dict[str, Any] | None, minutes: float) -> CycleFacts:
    """A cycle as the status shows it; one that never began is named so."""
    if cycle is None:
        return CycleFacts(0, "not started", None, "The cycle did not start.", {}, minutes)
    return CycleFacts(
        id=int(cycle["id"]),
        state=str(cycle["state"]),
        adapter=cycle["adapter"],
        verdict=str(cycle["verdict"]),
        figures=dict(cycle["figures"]),
        minutes=minutes,
    )


def measure_swap(asks: list[Ask], *, same_engine: bool, same_server: bool) -> SwapFacts | None:
    """The longest standstill around the first answer that a new version served."""
    served = [ask.adapter for ask in asks]
    swapped = next((i for i, version in enumerate(served) if version != served[0]), None)
    if swapped is None:
        return None
    around = asks[max(0, swapped - ANSWERS_AFTER_SWAP) : swapped + ANSWERS_AFTER_SWAP]
    gaps = [later.answered_at - earlier.answered_at for earlier, later in pairwise(around)]
    return SwapFacts(
        gap_ms=max(0.0, max(gaps) - PACE_S) * 1e3,
        pace_ms=PACE_S * 1e3,
        answers=len(around),
        before_ms=_median_ms(asks[:swapped]),
        after_ms=_median_ms(asks[swapped:]),
        version_before=served[0],
        version_after=served[swapped],
        same_engine_process=same_engine,
        same_server_process=same_server,
    )


class _Watch:
    """Asks for completions at one place of the file after another."""

    def __init__(self, editor: Editor, name: str, before: dict[str, Any]) -> None:
        self._editor = editor
        self._name = name
        self._adapter = before["adapter"]
        cycle = before["cycle"]
        self._last_cycle = cycle["id"] if cycle else 0
        # The ends of different lines: a place asked for twice would be answered from
        # the server's own cache and say nothing about the engine.
        self._places = _line_ends(editor.text(name))
        self._next = 0

    def new_cycle(self, status: dict[str, Any]) -> dict[str, Any] | None:
        """The cycle of this status, unless it is one from before."""
        cycle = status["cycle"]
        return cycle if cycle and cycle["id"] > self._last_cycle else None

    async def ask_while(self, seconds: float) -> list[Ask]:
        """Ask at the steady pace for a while."""
        asks = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            asks.append(await self._ask())
        return asks

    async def ask_until_swapped(self, more: int) -> list[Ask]:
        """Ask until the version has changed and `more` answers came, or twice as often."""
        asks: list[Ask] = []
        after = 0
        while after < more and len(asks) < 2 * more:
            asks.append(await self._ask())
            after += asks[-1].adapter != self._adapter
        return asks

    async def _ask(self) -> Ask:
        offset = self._places[self._next % len(self._places)]
        self._next += 1
        sent_at = time.monotonic()
        try:
            await self._editor.ask(self._name, offset)
        except RequestFailedError:
            # A request that failed is no answer; the gap up to the next one counts it.
            await asyncio.sleep(PACE_S)
            return await self._ask()
        answered_at = time.monotonic()
        adapter = (await self._editor.status())["adapter"]
        await asyncio.sleep(max(0.0, sent_at + PACE_S - time.monotonic()))
        return Ask(sent_at, answered_at, adapter)


def _line_ends(text: str) -> list[int]:
    ends: list[int] = []
    offset = 0
    for line in text.split("\n"):
        offset += len(line) + 1
        if line.strip():
            ends.append(offset - 1)
    return ends or [0]


def _median_ms(asks: list[Ask]) -> float:
    return statistics.median(ask.answered_at - ask.sent_at for ask in asks) * 1e3 if asks else 0.0
