"""One plausible row of every table, for the tests of the store and of what reads it."""

from __future__ import annotations

from habitus_server.records import (
    BugFix,
    Decision,
    Evidence,
    Landing,
    Outcome,
    Pattern,
    Rating,
    Rejection,
    State,
    Task,
    TaskFile,
    TaskKind,
)
from habitus_server.store import Store
from signals.scene import suggestion

WAIT_S = 30.0


def pattern(pattern_id: str = "p", *, path: str = "a.py", at: float = 50.0) -> Pattern:
    """Hand-written code that settled."""
    return Pattern(pattern_id, path, "python", "pre\n", "\npost", "x = 1", "", "s", at - 10, at)


def landing(suggestion_id: str = "a", *, path: str = "a.py", at: float = 60.0) -> Landing:
    """A suggestion in a commit."""
    return Landing(suggestion_id, "c1", path, "foo(1)\n", 3, at)


def fix(fix_id: str = "f", *, path: str = "a.py", at: float = 70.0) -> BugFix:
    """A name that was undefined until it was imported."""
    return BugFix(
        id=fix_id,
        path=path,
        language="python",
        source="ruff",
        code="F821",
        message="Undefined name `os`",
        severity=1,
        prefix="",
        suffix="\nprint(os.sep)\n",
        before="",
        after="import os\n",
        approach="by hand",
        session="s",
        appeared_at=at - 20,
        fixed_at=at - 10,
        settled_at=at,
        recurrences=0,
        effectiveness=1.0,
    )


def decision(decision_id: str = "d", *, path: str | None = None, at: float = 80.0) -> Decision:
    """A choice with what it was chosen from."""
    return Decision(
        id=decision_id,
        origin="command",
        path=path,
        title="One writer thread",
        problem="Two threads waited for each other.",
        constraints=("no lock on the event loop",),
        options=("a lock", "a queue"),
        choice="a queue",
        reason="Commits are shared.",
        outcome="",
        decided_at=at,
        changed_at=at,
    )


def task(kind: TaskKind = TaskKind.TEST, *, at: float = 90.0) -> Task:
    """A run of the tests that failed."""
    return Task(kind, "pytest", "tests/", "1 failed", None, False, at, 1.5, "w")


def rejection(key: str = "k", *, path: str = "a.py", at: float = 95.0) -> Rejection:
    """A text that was dismissed."""
    return Rejection(key, path, "python", "def f():", "return None", "dismissed", 1, at)


def fill(store: Store, path: str = "a.py", *, name: str = "") -> None:
    """A row in every table but the learner's, about `path`, with ids that start with `name`.

    They are on disk when the store's next write is.
    """
    one = suggestion("foo(1)", f"{name}a", request=f"{name}r", path=path)
    store.add_suggestions([one])
    store.set_state(one.id, State.ACCEPTED, 12.0, Evidence.REPORTED, "foo(1)")
    store.settle(one.id, Outcome.KEPT, 6, "foo(1)", 43.0)
    store.rate(one.id, Rating.GOOD, "neat", 44.0)
    store.add_landing(landing(one.id, path=path))
    store.add_patterns([pattern(f"{name}p", path=path)])
    store.add_fix(fix(f"{name}f", path=path))
    store.add_decision(decision(f"{name}d", path=path))
    store.add_task(task(), [TaskFile(path, passed=3, failed=1)])
    store.add_rejection(rejection(f"{name}k", path=path))
