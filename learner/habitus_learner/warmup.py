"""Learning from the repository's own past, before there are signals.

Promises that the newest commits judge and are not trained on, that what was learned is
judged as every cycle is, and that a workspace warms up by itself no more than once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import msgspec

from habitus_learner import course, heritage, history
from habitus_learner.course import Material, Settings, Tell
from habitus_learner.cycle import all_examples
from habitus_learner.split import USUAL, HoldOut, Split, capped, split
from habitus_server import adapters
from habitus_server.config import Config
from habitus_server.errors import ModelError, UserError
from habitus_server.records import Cycle
from habitus_server.store import Store
from habitus_server.workspaces import Workspace

SUBJECT = "from the past"
WARMED = "warmed_up"
"""Name of the store's fact that says up to which commit the past was learned; "" for never."""

COMMITS = "gate_commits"
"""Name of the figure that says how many commits judged."""

FIRST = HoldOut(share=0.1, least_episodes=30, most=150)
"""Of the past where base weights are to be beaten: a first gain is large and shows on few
places, and the newest code is what the next lines resemble most."""

LEAST_COMMITS = 20
"""With fewer the past cannot be judged: that needs as many files or commits."""


def is_due(workspace: Workspace, store: Store, config: Config) -> bool:
    """Whether a workspace is used for the first time and has a past worth learning."""
    learning = config.learning
    if not (learning.enabled and learning.warm_up and config.privacy.record):
        return False
    if store.get_meta(WARMED) or _has_adapter(workspace):
        return False
    try:
        repository = history.open_repository(workspace.root)
        head = history.find_commit(repository, "HEAD")
    except UserError:
        return False
    return len(list(islice(history.walk_back(repository, head.id), LEAST_COMMITS))) == LEAST_COMMITS


def run_warm_up(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    *,
    until: str = "HEAD",
    now: Callable[[], float] = time.time,
    on_progress: Tell = lambda _line: None,
) -> Cycle:
    """Learn from the past up to a commit, or take up a warm-up that was killed.

    A cycle that was killed is finished first. Raises `UserError` where there is no such
    past. The caller holds the workspace's learn lock and the machine's training lock.
    """
    if settings.minutes is None:
        minutes = settings.config.learning.warm_up_minutes
        settings = msgspec.structs.replace(settings, minutes=minutes)
    signals = all_examples(store)
    past = heritage.open_past(workspace, store, settings.config, signals, until=until)

    def prepare(cycle_id: int, tell: Tell) -> Material:
        store.set_meta(WARMED, past.until.id)
        incumbent, seen_until = course.find_incumbent(workspace)
        seed = settings.config.learning.seed + cycle_id
        read = heritage.written(
            past, before=float("inf"), seed=seed, on_chapter=heritage.reader(settings, tell)
        )
        hold_out = FIRST if incumbent is None else USUAL
        parts = split(read, hold_out=hold_out, not_before=seen_until)
        standing = heritage.standing(past, parts, parts.train, seed=seed)
        older = [one for one in signals if one.known_at < parts.cutoff]
        train = heritage.beside([*parts.train, *standing, *older], parts.gate)
        commits = {example.session for example in parts.gate}
        return Material(
            Split(capped(tuple(train)), parts.gate, parts.cutoff),
            incumbent,
            subject=SUBJECT,
            facts={COMMITS: float(len(commits))},
        )

    def run() -> Cycle:
        return course.run_course(
            workspace, store, settings, prepare, now=now, on_progress=on_progress
        )

    killed = course.find_interrupted(workspace, store)
    if killed is not None and killed.subject != SUBJECT:
        run()
    return run()


def headline(cycle: Cycle) -> str:
    """What a warm-up came to, on the commits that it was not trained on; "" if unjudged."""
    figures = cycle.figures
    if COMMITS not in figures or "bits_per_char_candidate" not in figures:
        return ""
    return (
        f"on your last {figures[COMMITS]:.0f} commits: "
        f"{figures['bits_per_char_incumbent']:.2f} bits/char → "
        f"{figures['bits_per_char_candidate']:.2f}; exact lines "
        f"{figures['exact_incumbent']:.1%} → {figures['exact_candidate']:.1%}"
    )


def _has_adapter(workspace: Workspace) -> bool:
    try:
        return adapters.current(workspace) is not None or any(adapters.list_adapters(workspace))
    except ModelError:
        return True
