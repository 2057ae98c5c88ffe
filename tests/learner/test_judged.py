"""The held-out places that stay beside an adapter for people to look at."""

from __future__ import annotations

from pathlib import Path

from habitus_learner import judged, lineage
from habitus_learner.examples import Author, Example, Kind
from habitus_learner.gate import Compared, Cost
from habitus_learner.judged import Judged
from habitus_learner.places import Cut, Item
from learner.made_rows import draft_adapter

TARGET = "return cache.read(key)"


def example(number: int) -> Example:
    return Example(
        id=f"pattern:p{number}",
        kind=Kind.PATTERN,
        path="a.py",
        language="python",
        prefix="one\ntwo\nthree\n",
        suffix="",
        target=TARGET,
        rejected="",
        weight=1.0,
        session="s",
        at=100.0 + number,
        known_at=110.0,
        row_ids=(f"pattern:p{number}",),
        author=Author.PERSON,
    )


def compared(number: int, *, saved: float = 0.0, exact: bool = False, text: str = "") -> Compared:
    after = Cost(20.0 - saved, exact, 0.9, text or TARGET)
    return Compared(f"pattern:p{number}#0", "c", 22, Cost(20.0, False, 0.1, "pass"), after)


def places(*judgements: Compared, prefix: str = "one\ntwo\nthree\nfour\n    ") -> list[Judged]:
    numbers = range(len(judgements))
    items = [
        Item(f"pattern:p{n}#0", "c", "a.py", "python", Cut(prefix, "\n", TARGET)) for n in numbers
    ]
    return judged.describe([example(n) for n in numbers], items, judgements)


def test_the_places_where_an_adapter_mattered_most_keep_their_texts() -> None:
    quiet = [compared(number, saved=number / 10) for number in range(judged.MAX_TOLD)]
    found = places(*quiet, compared(judged.MAX_TOLD, exact=True))
    assert [one.at for one in found if not one.written] == [100.0]
    last = found[-1]
    assert (last.written, last.before, last.after) == (TARGET, "pass", TARGET)
    assert last.lead == "three\nfour\n    "
    assert (last.exact_before, last.exact_after) == (False, True)


def test_a_place_names_the_rows_that_it_comes_from() -> None:
    assert [one.row_ids for one in places(compared(0))] == [("pattern:p0",)]


def test_what_a_model_wrote_after_a_name_of_a_secret_is_redacted() -> None:
    secret = "9fK2mQ7xW4vB8nL1cR6tY3zA5dS0gH"
    found = places(compared(0, text=f'"{secret}"'), prefix="api_token = ")
    assert secret not in found[0].after


def test_the_places_go_when_the_weights_do(tmp_path: Path) -> None:
    folder = draft_adapter(tmp_path / "0001")
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    judged.leave(folder, places(compared(0)))
    lineage.leave_record(folder)
    assert TARGET not in "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.json*"))
