"""Rows as the store would give them, for tests of the learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.records import Evidence, Outcome, Pattern, State, Suggestion, SuggestionRow


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
