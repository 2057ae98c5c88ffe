"""Memory: found where it was, hidden where it must be, kept and forgotten."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest

from habitus_server.engine import collection as collection_room
from habitus_server.engine.answer import Answerer
from habitus_server.engine.gates import Gates
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model
from habitus_server.engine.shelf import Shelf
from habitus_server.engine.wire import Complete, Place, Score, Stop

CLASS = """class Account:
    def withdraw_money(self, amount_in_cents):
        return self.balance_sheet.subtract(amount_in_cents)
"""


def bits(
    desk: Answerer, prefix: str, middle: str, *, path: str = "b.py", memory: bool = True
) -> float:
    place = Place("w", path, "python", prefix, "")
    return desk.score(Score(1, place, middle, use_memory=memory)).bits


@pytest.fixture
def desk(tiny: Model) -> Answerer:
    return Answerer(tiny, Memory(tiny.tokens))


@pytest.mark.parametrize(
    "cut",
    [
        "class Account:\n    ‸def withdraw_money(self, amount_in_cents):",
        "class Account:\n    def ‸withdraw_money(self, amount_in_cents):",
        "class Account:\n    def withdr‸aw_money(self, amount_in_cents):",
        "class Account:\n    def withdraw_‸money(self, amount_in_cents):",
        "class Account:\n    def withdraw_money‸(self, amount_in_cents):",
        "class Account:\n    def withdraw_money(‸self, amount_in_cents):",
        "class Account:\n    def withdraw_money(self,‸ amount_in_cents):",
        "class Account:‸\n    def withdraw_money(self, amount_in_cents):",
        "class Account:\n‸    def withdraw_money(self, amount_in_cents):",
        "class Account:\n ‸   def withdraw_money(self, amount_in_cents):",
    ],
)
def test_memory_is_found_wherever_the_cursor_cuts(desk: Answerer, cut: str) -> None:
    prefix, middle = cut.split("‸")
    alone = bits(desk, prefix, middle, memory=False)
    desk.memory.remember("w", "a.py", CLASS)
    assert bits(desk, prefix, middle) < 0.5 * alone


def test_what_is_remembered_is_completed(desk: Answerer) -> None:
    desk.memory.remember("w", "a.py", CLASS)
    place = Place("w", "b.py", "python", "class Account:\n    def withdr", "")
    completed = desk.complete(Complete(1, "x", place, stop=Stop(max_tokens=40)))
    assert completed.candidates[0].text == "aw_money(self, amount_in_cents):"


def test_a_remembered_line_ends_where_it_ended(desk: Answerer) -> None:
    """Its newline is part of the token ")\\n" or the like; the completion writes ")" and ends."""
    desk.memory.remember("w", "a.py", CLASS)
    text = "        return self.balance_sheet.subtract(amount_in_cents)"
    for cut in range(15, len(text) - 1):
        place = Place("w", "b.py", "python", CLASS.split("        return")[0] + text[:cut], "\n")
        completed = desk.complete(Complete(1, "x", place, stop=Stop(max_tokens=60)))
        assert completed.candidates[0].text == text[cut:], cut


def test_evidence_is_there_at_every_cut_and_every_step_after_it(desk: Answerer) -> None:
    """What the workspace knows word for word is given weight, whatever the cursor cuts."""
    source = Path(__file__).read_text(encoding="utf-8")
    desk.memory.remember("w", "a.py", source)
    tokens = desk.model.tokens
    model = np.full(tokens.size, 1 / tokens.size)
    chance = random.Random(9)
    known = steps = 0
    for _ in range(150):
        cut = chance.randrange(200, len(source) - 200)
        middle = source[cut : source.index("\n", cut)]
        prefix = source[source.rfind("\n", 0, cut - 100) + 1 : cut]
        recall = desk.memory.begin(Place("w", "b.py", "python", prefix, "\n"), one_line=True)
        for token in tokens.encode(middle):
            known += recall.mix(model)[token] > 2 / tokens.size
            steps += 1
            recall.advance(token)
    assert steps > 1000
    assert known / steps > 0.995


def test_the_file_on_disk_is_hidden_from_completions_in_it(desk: Answerer) -> None:
    prefix, middle = "class Account:\n    def withdraw", "_money(self, amount_in_cents)"
    empty = bits(desk, prefix, middle, path="a.py")
    desk.memory.remember("w", "a.py", CLASS)
    assert bits(desk, prefix, middle, path="a.py") == pytest.approx(empty)
    assert bits(desk, prefix, middle, path="b.py") < empty


def test_the_open_file_counts_before_and_after_the_cursor(desk: Answerer) -> None:
    middle = "balance_sheet.subtract(amount_in_cents)"
    alone = bits(desk, "    return self.", middle, memory=False)
    before = bits(desk, CLASS + "    return self.", middle)
    assert before < 0.6 * alone
    place = Place("w", "b.py", "python", "    return self.", "\n" + CLASS)
    hidden = desk.score(Score(1, place, middle, use_memory=False)).bits
    assert desk.score(Score(2, place, middle)).bits < 0.6 * hidden


def test_while_one_types_memory_says_what_it_says_when_asked_first(desk: Answerer) -> None:
    """Inside words, in a file that differs from its text on disk and goes on changing."""
    desk.memory.remember("w", "b.py", CLASS.replace("money", "notes"))
    desk.memory.remember("w", "a.py", CLASS.replace("money", "coins"))
    text = CLASS + CLASS.replace("withdraw", "deposit")
    model = np.full(desk.model.tokens.size, 1 / desk.model.tokens.size)
    for cut in range(len(CLASS) + 20, len(text), 3):
        after = "\n" if cut % 2 else "\nx = 1\n"
        place = Place("w", "a.py", "python", text[:cut], after)
        asked_first = Memory(desk.model.tokens)
        asked_first.remember("w", "b.py", CLASS.replace("money", "notes"))
        ours, theirs = desk.memory.begin(place), asked_first.begin(place)
        for token in desk.model.tokens.encode(text[cut : cut + 9]):
            np.testing.assert_allclose(ours.mix(model), theirs.mix(model), rtol=1e-12)
            assert ours.draft(6) == theirs.draft(6)
            ours.advance(token)
            theirs.advance(token)


def test_a_newer_text_replaces_the_older_one(desk: Answerer) -> None:
    prefix, middle = "class Account:\n    def withdraw", "_money(self, amount_in_cents)"
    empty = bits(desk, prefix, middle)
    desk.memory.remember("w", "a.py", CLASS)
    assert bits(desk, prefix, middle) < 0.5 * empty
    desk.memory.remember("w", "a.py", "pass\n")
    assert bits(desk, prefix, middle) > 0.9 * empty
    assert desk.memory.token_count() == len(desk.model.tokens.encode("pass\n"))


def test_workspaces_do_not_remember_for_each_other(desk: Answerer) -> None:
    prefix, middle = "class Account:\n    def withdraw", "_money(self, amount_in_cents)"
    empty = bits(desk, prefix, middle)
    desk.memory.remember("other", "a.py", CLASS)
    assert bits(desk, prefix, middle) == pytest.approx(empty)


def test_forgotten_documents_and_workspaces_are_gone(desk: Answerer) -> None:
    prefix, middle = "class Account:\n    def withdraw", "_money(self, amount_in_cents)"
    empty = bits(desk, prefix, middle)
    desk.memory.remember("w", "a.py", CLASS)
    desk.memory.forget("w", "a.py")
    assert bits(desk, prefix, middle) == pytest.approx(empty)
    desk.memory.remember("w", "a.py", CLASS)
    desk.memory.forget("w")
    assert bits(desk, prefix, middle) == pytest.approx(empty)
    assert desk.memory.token_count() == 0


def test_forgetting_takes_the_lessons_along(desk: Answerer) -> None:
    desk.memory.remember("w", "a.py", "secret_line = 1\n", learn=True)
    desk.memory.remember("w", "b.py", "another_line = 1\n", learn=True)
    desk.memory.forget("w", "a.py")
    lesson = desk.memory.take_lesson()
    assert lesson is not None
    assert (lesson.place.path, lesson.text) == ("b.py", "another_line = 1")
    assert desk.memory.take_lesson() is None


def test_settled_lines_become_lessons_that_lower_the_cost_of_their_like(desk: Answerer) -> None:
    desk.memory.remember("w", "a.py", CLASS)
    desk.memory.remember("w", "b.py", "import a\n")
    prefix, middle = "class Account:\n    def withdraw", "_money(self, amount_in_cents):"
    before = bits(desk, prefix, middle, path="c.py")
    for repetition in range(6):
        desk.memory.remember("w", "b.py", f"import a\n\n# {repetition}\n{CLASS}", learn=True)
        desk.memory.remember("w", "b.py", "import a\n")
        while desk.study(lambda: None):
            pass
    assert bits(desk, prefix, middle, path="c.py") < before


def test_an_interrupted_lesson_waits_for_the_next_time(desk: Answerer) -> None:
    class BusyError(Exception):
        pass

    def check() -> None:
        raise BusyError

    desk.memory.remember("w", "b.py", "first_line = 1\nsecond_line = 2\n", learn=True)
    with pytest.raises(BusyError):
        desk.study(check)
    count = 0
    while desk.study(lambda: None):
        count += 1
    assert count == 2


def test_what_gates_learned_survives_a_restart_and_goes_with_the_workspace(
    tiny: Model, tmp_path: Path
) -> None:
    workspace = "0123456789abcdef"
    (tmp_path / workspace).mkdir()
    shelf = Shelf(tmp_path, "key")
    desk = Answerer(tiny, Memory(tiny.tokens, shelf=shelf))
    desk.memory.remember(workspace, "a.py", CLASS)
    desk.memory.remember(workspace, "b.py", CLASS, learn=True)
    while desk.study(lambda: None):
        pass
    desk.memory.keep_gates()
    learned = shelf.load(workspace)[True].weights
    assert (learned != Gates().weights).any()
    again = Memory(tiny.tokens, shelf=Shelf(tmp_path, "key"))
    again.remember(workspace, "a.py", CLASS)
    recall = again.begin(Place(workspace, "c.py", "python", "class Acc", ""))
    np.testing.assert_array_equal(recall.gates.weights, learned)
    assert Shelf(tmp_path, "another model").load(workspace) == {}
    again.forget(workspace)
    assert list((tmp_path / workspace).iterdir()) == []


def test_gates_are_kept_for_registered_workspaces_only(tmp_path: Path) -> None:
    (tmp_path / "state" / "workspaces").mkdir(parents=True)
    shelf = Shelf(tmp_path / "state" / "workspaces", "key")
    for name in ("..", "outside-0123456789abcdef", "0123456789abcdef", ""):
        shelf.save(name, {True: Gates()})
        assert shelf.load(name) == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_workspace_used_longest_ago_gives_way_and_that_is_said_once(tiny: Model) -> None:
    size = len(tiny.tokens.encode(CLASS))
    memory = Memory(tiny.tokens, max_tokens=2 * size)
    for name in ("first", "second"):
        memory.remember(name, "a.py", CLASS)
    memory.begin(Place("first", "b.py", "python", "class Acc", ""))
    memory.remember("third", "a.py", CLASS)
    assert memory.token_count() == 2 * size
    assert [memory.lacks(name) for name in ("first", "second", "second")] == [False, True, False]


def test_a_full_workspace_keeps_what_it_has_and_follows_its_changes(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(tiny.tokens.encode(CLASS))
    monkeypatch.setattr(collection_room, "MAX_TOKENS", size + 5)
    memory = Memory(tiny.tokens)
    memory.remember("w", "a.py", CLASS)
    memory.remember("w", "b.py", CLASS)
    assert memory.token_count() == size
    memory.remember("w", "a.py", CLASS + "x = 1\n")
    assert memory.token_count() > size


def test_a_forgotten_text_is_wiped_from_what_is_searched(tiny: Model) -> None:
    memory = Memory(tiny.tokens)
    memory.remember("w", "a.py", CLASS)
    memory.remember("w", "b.py", "pass\n")
    begun = memory.begin(Place("w", "c.py", "python", "class Acc", ""))
    memory.forget("w", "a.py")
    held = [int(token) for trail in begun.trails[1:] for token in trail.run.ids]
    assert "withdraw" not in tiny.tokens.bytes_of([t for t in held if t >= 0]).decode()


def test_of_a_large_change_nothing_is_learned_since_nobody_typed_it(desk: Answerer) -> None:
    before = "".join(f"value_{n} = {n}\n" for n in range(500))
    desk.memory.remember("w", "a.py", before)
    desk.memory.remember("w", "a.py", before.replace("value", "other"), learn=True)
    assert desk.memory.take_lesson() is None


def test_a_rejected_text_gives_way_to_the_next_best_at_that_place_only(desk: Answerer) -> None:
    often, seldom = "    return self.host\n", "    return self.port\n"
    head = "def withdraw(self, amount):\n"
    desk.memory.remember("w", "a.py", (head + often) * 2 + head + seldom)

    def completed(prefix: str, rejected: tuple[str, ...]) -> str:
        place = Place("w", "b.py", "python", prefix, "", rejected=rejected)
        answer = desk.complete(Complete(1, "x", place, stop=Stop(max_tokens=40)))
        return answer.candidates[0].text

    for cut in ("    return self.", "    return se", "    return "):
        rest = often.strip("\n")[len(cut) :]
        assert completed(head + cut, ()) == rest
        assert completed(head + cut, (rest,)) == seldom.strip("\n")[len(cut) :]
        assert completed(head + cut, (rest + " + 1",)) == rest


def test_what_many_places_say_outlasts_one_rejection(desk: Answerer) -> None:
    text = "def withdraw(self, amount):\n    return self.subtract(amount)\n"
    desk.memory.remember("w", "a.py", text * 12)
    place = Place("w", "b.py", "python", "def withdraw(self, amount):\n    return self.", "")
    wary = msgspec.structs.replace(place, rejected=("subtract(amount)",))
    costs = [desk.score(Score(1, one, "subtract(amount)")).bits for one in (place, wary)]
    assert costs[0] < costs[1] < bits(desk, place.prefix, "subtract(amount)", memory=False)
