"""What of a repository's past a course of learning trains on.

Promises that nothing joins which is as new as the places that judge, which shows one of
them, or which was forgotten; and that the model's own words do not come back through
commits: what this repository's user committed since there are signals, the signals tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from habitus_learner.course import Settings, Tell
from habitus_learner.courtesy import Courtesy
from habitus_learner.examples import Example
from habitus_learner.past import MAX_COMMITS, Past
from habitus_learner.reservoir import Bounds, sample
from habitus_learner.split import Split
from habitus_learner.workfolder import Progress
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, runtime_dir

WRITTEN = Bounds(examples=6_000, characters=24_000_000)
STANDING = Bounds(examples=2_000, characters=8_000_000)

PAST_SHARE = 0.5
"""Of a cycle's training examples, how many may come from commits: what was learned from
them before is trained again, so that it is not forgotten over what is new."""

LEAST_LINE_CHARS = 16
"""A line of a judged place that no example of the same file may show; shorter ones recur."""


def open_past(
    workspace: Workspace,
    store: Store,
    config: Config,
    signals: Sequence[Example],
    *,
    until: str = "HEAD",
) -> Past:
    """The past of a workspace; raises `UserError` where there is none."""
    first = min((example.at for example in signals), default=float("inf"))
    return Past(workspace.root, config, until=until, is_forgotten=store.is_buried, own_until=first)


def written(
    past: Past, *, before: float, seed: int, on_chapter: Callable[[], None]
) -> list[Example]:
    """What commits wrote before a time, oldest first; `on_chapter` is called between commits."""

    def examples() -> Iterator[Example]:
        for chapter in past.chapters():
            on_chapter()
            if chapter.at < before:
                yield from chapter.examples

    return sample(examples(), WRITTEN, seed=seed)


def standing(past: Past, parts: Split, known: Sequence[Example], *, seed: int) -> list[Example]:
    """The code that stood before the places that judge, but for what `known` teaches."""
    judged = {example.session for example in parts.gate}
    commit = past.commit_before(parts.cutoff, without=judged)
    if commit is None:
        return []
    return sample(past.standing(commit, known, seed=seed), STANDING, seed=seed)


def joined(
    parts: Split,
    workspace: Workspace,
    store: Store,
    settings: Settings,
    signals: Sequence[Example],
    *,
    seed: int,
    tell: Tell,
) -> Split:
    """A split of signals with a bounded share of the past in what trains."""
    try:
        past = open_past(workspace, store, settings.config, signals)
    except UserError:
        return parts  # no repository: signals are all there is
    known = written(past, before=parts.cutoff, seed=seed, on_chapter=reader(settings, tell))
    found = beside([*known, *standing(past, parts, known, seed=seed)], parts.gate)
    most = round(len(parts.train) * PAST_SHARE / (1.0 - PAST_SHARE))
    bounds = msgspec.structs.replace(WRITTEN, examples=most)
    return msgspec.structs.replace(parts, train=(*parts.train, *sample(found, bounds, seed=seed)))


def reader(settings: Settings, tell: Tell) -> Callable[[], None]:
    """What is done between two commits of a history that is read: tell, and step aside."""
    markers = runtime_dir(settings.state) if settings.yields else None
    courtesy = Courtesy(
        markers, settings.config.learning.idle_seconds, now=time.time, sleep=time.sleep
    )
    count = 0

    def between() -> None:
        nonlocal count
        count += 1
        courtesy.wait()
        tell(Progress("reading the past", count / MAX_COMMITS))

    return between


def beside(examples: Sequence[Example], gate: Sequence[Example]) -> list[Example]:
    """The examples that teach no line of a judged place in the same file."""
    judged: dict[str, set[str]] = {}
    for example in gate:
        judged.setdefault(example.path, set()).update(_lines(example.target))
    return [
        example
        for example in examples
        if judged.get(example.path, set()).isdisjoint(_lines(example.target))
    ]


def _lines(text: str) -> Iterator[str]:
    return (line for raw in text.split("\n") if len(line := raw.strip()) >= LEAST_LINE_CHARS)
