"""Made-up developers under two adapters, for rehearsals of the guard.

Promises sequences of eligible requests whose retained rate is what was asked for on average,
while it wanders with tasks, differs from session to session and comes in bursts. Both
adapters meet the same places, some of which are hard for both.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from habitus_learner import guard

Array = npt.NDArray[np.float64]

SESSION = 25
"""Requests of one session on average."""
ALIKE = 0.8
"""How often a place is as hard for one adapter as for the other."""
JUDGED = 0.7
"""Requests after which text settled there that both adapters can be scored against."""
LEANS = 0.15
"""How often a kept suggestion hides that the other adapter's would have been kept as well."""
TYPICAL_CHARS, SPREAD = 18.0, 0.8


class Habit(msgspec.Struct, frozen=True):
    """How uneven work is, as standard deviations of the log-odds of keeping: between
    `sessions`, and of a task's slow `drift`; `tastes` is how much one session favours one
    adapter over the other; `bursts` how often a request ends as the one before it did."""

    sessions: float = 0.0
    drift: float = 0.0
    tastes: float = 0.0
    bursts: float = 0.0


STEADY = Habit()
UNEVEN = Habit(sessions=0.4, tastes=0.3, bursts=0.1)
DRIFTING = Habit(sessions=0.4, drift=0.4, tastes=0.3, bursts=0.15)


class Live(msgspec.Struct, frozen=True):
    """One run: characters retained per request before and since; `judged` are the requests
    (0 first) at whose places both adapters were scored, with what each would have got."""

    before: Array
    now: Array
    judged: npt.NDArray[np.intp]
    incumbent: Array
    candidate: Array


def live(
    draw: np.random.Generator,
    habit: Habit,
    *,
    before: int,
    requests: int,
    rates: tuple[float, float],
    hard_from: int | None = None,
) -> Live:
    """A run with the retained `rates` (before, since). From request `hard_from` on the work is
    so hard that either adapter keeps two thirds of what it kept."""
    total = before + requests
    mood = _moods(draw, habit, total)
    taste = _per_session(draw, habit.tastes, total) if habit.tastes else np.zeros(total)
    ease = np.ones(total)
    if hard_from is not None:
        ease[before + hard_from :] = 2.0 / 3.0
    first, second = draw.random(total), draw.random(total)
    again = draw.random(total) < habit.bursts
    for at in np.flatnonzero(again[1:]) + 1:
        first[at], second[at] = first[at - 1], second[at - 1]
    mine = first < _chance(rates[0], mood + taste / 2) * ease
    luck = np.where(draw.random(total) < ALIKE, first, second)
    theirs = luck < _chance(rates[1], mood - taste / 2) * ease
    chars = np.round(draw.lognormal(np.log(TYPICAL_CHARS), SPREAD, total)) + 1.0
    judged = np.flatnonzero(draw.random(requests) < JUDGED)
    hidden = theirs & (draw.random(total) < LEANS)
    at = judged + before
    return Live(
        before=(mine * chars)[:before],
        now=(theirs * chars)[before:],
        judged=judged,
        incumbent=(mine & ~hidden)[at] * chars[at],
        candidate=theirs[at] * chars[at],
    )


def rolled_back_after(run: Live) -> float:
    """The eligible request at which the guard takes the adapter back; infinite for never.

    As in service: suspicion first, then both adapters at the places written since, again
    after a tenth more requests while it lasts.
    """
    suspects = np.flatnonzero(guard.live_evidence(run.before, run.now) >= np.log(guard.SUSPECTS))
    paired = np.maximum.accumulate(guard.paired_evidence(run.incumbent, run.candidate))
    looks_from = 0.0
    for request in suspects:
        if request + 1 < looks_from:
            continue
        places = int(np.searchsorted(run.judged, request, side="right"))
        if places and paired[places - 1] >= np.log(guard.CONVICTS):
            return float(request + 1)
        looks_from = (request + 1) * 1.1
    return float("inf")


def median(delays: Sequence[float]) -> float:
    """The middle one; runs without a roll-back count as endless."""
    return sorted(delays)[len(delays) // 2]


def _chance(rate: float, mood: Array) -> Array:
    """The rate under a mood, shifted so that its average over these moods is the rate."""
    odds = np.log(rate / (1.0 - rate))
    shift = 0.0
    for _ in range(20):
        mean = float(np.mean(1.0 / (1.0 + np.exp(-(odds + shift + mood)))))
        shift += np.log(rate / (1.0 - rate)) - np.log(mean / (1.0 - mean))
    chance: Array = 1.0 / (1.0 + np.exp(-(odds + shift + mood)))
    return chance


def _moods(draw: np.random.Generator, habit: Habit, total: int) -> Array:
    sessions = _per_session(draw, habit.sessions, total)
    steps = draw.normal(0.0, habit.drift * np.sqrt(1.0 - 0.95**2), total // SESSION + 2)
    task = np.zeros(len(steps))
    for at in range(1, len(steps)):
        task[at] = 0.95 * task[at - 1] + steps[at]
    return sessions + np.repeat(task, SESSION)[:total]


def _per_session(draw: np.random.Generator, spread: float, total: int) -> Array:
    lengths = 1 + draw.geometric(1.0 / SESSION, total // SESSION * 3 + 20)
    return np.repeat(draw.normal(0.0, spread, len(lengths)), lengths)[:total]
