"""Rows as the store would give them, for tests of the learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.records import (
    BugFix,
    Decision,
    Evidence,
    FileResult,
    Landing,
    Outcome,
    Pattern,
    State,
    Suggestion,
    SuggestionRow,
    Task,
    TaskFile,
    TaskKind,
)


def suggestion(**changes: Any) -> Suggestion:
    made = Suggestion(
        id="s1",
        request_id="r1",
        rank=0,
        window="w1",
        path="a.py",
        language="python",
        model="tiny",
        adapter=None,
        offered_at=100.0,
        prefix="x = ",
        suffix="\n",
        text="read(path)",
        logprob=-1.0,
        token_count=4,
    )
    return msgspec.structs.replace(made, **changes)


def row(state: State, outcome: Outcome | None = None, **changes: Any) -> SuggestionRow:
    fields = {f: changes.pop(f) for f in list(changes) if f in SuggestionRow.__struct_fields__}
    made = SuggestionRow(
        suggestion=suggestion(**changes),
        state=state,
        evidence=Evidence.REPORTED,
        accepted_text=None,
        outcome=outcome,
        final_text=None,
        retained_chars=None,
        settled_at=700.0 if outcome else None,
    )
    return msgspec.structs.replace(made, **fields)


def accepted(outcome: Outcome, **changes: Any) -> SuggestionRow:
    text = changes.get("text", "read(path)")
    changes = {"accepted_text": text, "final_text": text, "retained_chars": len(text), **changes}
    return row(State.ACCEPTED, outcome, **changes)


def pattern(number: int = 1, **changes: Any) -> Pattern:
    made = Pattern(
        id=f"p{number}",
        path="a.py",
        language="python",
        prefix="def close(self):\n",
        suffix="",
        text="    self.values.clear()\n",
        replaced="",
        session="day 1",
        written_at=100.0 + number,
        settled_at=110.0 + number,
    )
    return msgspec.structs.replace(made, **changes)


def fix(number: int = 1, **changes: Any) -> BugFix:
    made = BugFix(
        id=f"f{number}",
        path="a.py",
        language="python",
        source="ruff",
        code="F821",
        message="Undefined name `pth`",
        severity=1,
        prefix="def load(path):\n",
        suffix="\n",
        before="    return pth.read_text()",
        after="    return path.read_text()",
        approach="by hand",
        session="day 1",
        appeared_at=100.0 + number,
        fixed_at=105.0 + number,
        settled_at=110.0 + number,
        recurrences=0,
        effectiveness=1.0,
    )
    return msgspec.structs.replace(made, **changes)


def decision(number: int = 1, **changes: Any) -> Decision:
    made = Decision(
        id=f"d{number}",
        origin="command",
        path=None,
        title="How signals are stored",
        problem="Signals must survive a crash.",
        constraints=("no server", "several processes"),
        options=("JSON lines", "SQLite"),
        choice="SQLite",
        reason="It is transactional.",
        outcome="",
        decided_at=100.0 + number,
        changed_at=110.0 + number,
    )
    return msgspec.structs.replace(made, **changes)


def landing(suggestion_id: str = "s1", **changes: Any) -> Landing:
    made = Landing(
        suggestion_id=suggestion_id,
        commit_id="c1",
        path="a.py",
        text="x = read(path)",
        first_line=0,
        committed_at=800.0,
    )
    return msgspec.structs.replace(made, **changes)


def results(passed: int, failed: int, *, at: float = 200.0, path: str = "a.py") -> FileResult:
    task = Task(
        kind=TaskKind.TEST,
        name="pytest",
        input="",
        result="",
        error=None,
        succeeded=not failed,
        started_at=at,
        duration_s=1.0,
        window="w1",
        id=int(at),
    )
    return FileResult(task, TaskFile(path, passed, failed))


def habit_patterns(count: int, *, files: int = 25, start: float = 1_000.0) -> list[Pattern]:
    """Lines of one habit, in many files, a minute apart: what an adapter can learn quickly."""
    names = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta")
    made = []
    for number in range(count):
        name, other = names[number % 8], names[(number // 8) % 8]
        made.append(
            pattern(
                number,
                path=f"module_{number % files}.py",
                prefix=f"class Reader{number % 7}:\n    def {name}(self, {other}):\n",
                text=f"        self.{other}_registry.announce({other}, sender=self.{name})\n",
                suffix=f"\n    def after_{other}(self):\n        pass\n",
                session=f"session {number // files}",
                written_at=start + 60.0 * number,
                settled_at=start + 60.0 * number + 30.0,
            )
        )
    return made


def draft_adapter(folder: Path, weights: bytes = b"weights") -> Path:
    """The files of a trained adapter, before it has a version."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / adapters.CONFIG).write_text("{}", encoding="utf-8")
    (folder / adapters.WEIGHTS).write_bytes(weights)
    (folder / adapters.EXAMPLES).write_text("", encoding="utf-8")
    return folder


def manifest(**changes: Any) -> Manifest:
    made = Manifest(
        format=adapters.FORMAT,
        version="",
        base_model="tiny",
        base_sha256="0" * 64,
        created_at=1.0,
        parent=None,
        seed=0,
        files={},
        examples={"pattern": 3},
        hyper_parameters={"rank": 16},
        figures={"gain": 0.1},
        verdict="Published.",
    )
    return msgspec.structs.replace(made, **changes)
