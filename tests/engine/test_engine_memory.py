"""Memory: found where it was, hidden where it must be, mixed as probabilities."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest

from habitus_server.engine import collection as collection_room
from habitus_server.engine import healing as healing_room
from habitus_server.engine import trail as trail_room
from habitus_server.engine.answer import Answerer
from habitus_server.engine.gates import Gates, Level
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model
from habitus_server.engine.segment import GAP, LONGEST, Document, Run, SortedSegment
from habitus_server.engine.shelf import Shelf
from habitus_server.engine.tokens import DocumentReader, GrowingText, blocks_of
from habitus_server.engine.trail import Trail, trail_of
from habitus_server.engine.wire import Complete, Place, Score, Stop

CLASS = """class Account:
    def withdraw_money(self, amount_in_cents):
        return self.balance_sheet.subtract(amount_in_cents)
"""


def documents(
    chance: random.Random, count: int, letters: int, kind: type[np.integer]
) -> list[Document]:
    made = []
    for number in range(count):
        ids = np.array([chance.randrange(letters) for _ in range(chance.randrange(80))], kind)
        made.append(Document(f"d{number}", ids, np.ones(len(ids), np.bool_)))
    return made


def naive(docs: list[Document], context: list[int], hidden: set[str]) -> list[tuple[int, int, int]]:
    """Every place's match length, position and next token, by comparing token for token."""
    found, begin = [], 1
    for document in docs:
        for at in range(len(document.ids)):
            length = 0
            while (
                length < min(LONGEST, len(context), at)
                and document.ids[at - length - 1] == context[-length - 1]
            ):
                length += 1
            if length and document.path not in hidden:
                found.append((length, begin + at, int(document.ids[at])))
        begin += len(document.ids) + 1
    return sorted(found)


def followed(trail: Trail) -> list[tuple[int, int, int]]:
    return sorted(
        (length, place, int(trail.run.ids[place]))
        for length, places in trail.places(1).items()
        for place in trail.visible(places)
        if trail.run.ids[place] != GAP
    )


@pytest.mark.parametrize("kind", [Run, SortedSegment])
@pytest.mark.parametrize("number", [np.int16, np.int32])
def test_a_context_is_followed_to_where_a_plain_comparison_finds_it(
    kind: type[Run], number: type[np.integer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_room, "SAMPLE", 10_000)
    chance = random.Random(11)
    for _ in range(80):
        letters = chance.choice([2, 5, 30])
        docs = documents(chance, chance.randrange(1, 8), letters, number)
        run = kind(docs)
        hidden = {d.path for d in docs if chance.random() < 0.2}
        for path in hidden:
            run.hide(path)
        without = chance.choice(["d0", "elsewhere", None])
        context = chance.choice(docs).ids.tolist()[: chance.randrange(40)]
        trail = trail_of(run, context, without=without)
        for _ in range(6):
            assert followed(trail) == naive(docs, context, hidden | {str(without)})
            context.append(chance.randrange(letters + 1))
            trail.advance(context[-1])


@pytest.mark.parametrize("kind", [Run, SortedSegment])
def test_of_too_many_places_the_longest_matches_are_kept(kind: type[Run]) -> None:
    chance = random.Random(2)
    ids = np.array([chance.randrange(3) for _ in range(20_000)], np.int16)
    run = kind([Document("d", ids, np.ones(len(ids), np.bool_))])
    for at in range(500, 560):
        context = ids[at - 40 : at].tolist()
        places = trail_of(run, context).places(1)
        assert at + 1 in places[LONGEST]
        assert sum(map(len, places.values())) <= 4 * trail_room.SAMPLE * LONGEST
        around, lengths = trail_of(run, context).around(300)
        assert len(around) <= 300
        assert lengths.max() == LONGEST


def test_gates_give_distributions_and_learn_to_open() -> None:
    random_state = np.random.default_rng(1)
    gates = Gates()
    model = random_state.dirichlet(np.ones(50) * 0.1)
    level = Level(False, 4, 3, np.array([7, 9], np.int32), np.array([2 / 3, 1 / 3]))
    weaker = Level(False, 1, 30, np.array([1, 9], np.int32), np.array([0.5, 0.5]))
    first = gates.mix(model, [level, weaker], is_known=True)
    assert first.served.sum() == pytest.approx(1.0)
    assert (first.served >= 0).all()
    before = first.served[7]
    for _ in range(200):
        gates.learn(gates.mix(model, [level, weaker], is_known=True), 7)
    assert gates.mix(model, [level, weaker], is_known=True).served[7] > max(before, 0.6)
    token = int(model.argmax())
    for _ in range(400):
        gates.learn(gates.mix(model, [level, weaker], is_known=True), token)
    assert gates.mix(model, [level, weaker], is_known=True).served[7] < before


def test_a_step_of_learning_goes_up_the_gradient() -> None:
    """The slope that `learn` follows is the numerical one of the log-likelihood."""
    random_state = np.random.default_rng(2)
    model = random_state.dirichlet(np.ones(20))
    levels = [
        Level(True, 6, 2, np.array([3], np.int32), np.array([1.0])),
        Level(False, 2, 9, np.array([3, 4], np.int32), np.array([0.25, 0.75])),
    ]
    gates = Gates()
    rows = gates.mix(model, levels, is_known=True).rows
    for index in np.unique(rows):
        slopes = []
        for nudge in (1e-5, -1e-5):
            nudged = Gates()
            nudged.weights[index] += nudge
            slopes.append(np.log(nudged.mix(model, levels, is_known=True).served[4]))
        numerical = (slopes[0] - slopes[1]) / 2e-5
        moved = Gates()
        before = moved.weights[index]
        moved.learn(moved.mix(model, levels, is_known=True), 4)
        assert np.sign(moved.weights[index] - before) == np.sign(round(numerical, 9))


def test_document_ids_are_those_of_the_whole_text(tiny: Model) -> None:
    chance = random.Random(5)
    reader = DocumentReader(tiny.tokens)
    lines = ["", "  ", "def f(x):", "    return x.name", "\t", "x = 1  ", "é", "# a\r", "    "]
    for _ in range(200):
        text = "\n".join(chance.choice(lines) for _ in range(chance.randrange(12)))
        ids, starts = reader.read(text)
        whole, words = tiny.tokens.encode_words(text) if text else ([], [])
        assert tiny.tokens.bytes_of(ids.tolist()).decode() == text
        assert ids.tolist() == whole
        assert starts.tolist() == [i == 0 or words[i] != words[i - 1] for i in range(len(words))]


def test_a_text_that_is_typed_is_read_as_a_whole_one(tiny: Model) -> None:
    chance = random.Random(8)
    lines = ["", "  ", "def f(x):", "    return x.name", "\t", "x = 1  ", "é", " " * 999, "y" * 900]
    reader, growing = DocumentReader(tiny.tokens), GrowingText(DocumentReader(tiny.tokens))
    text, several = "", 0
    for _ in range(150):
        event = chance.random()
        if event < 0.1:
            cut = chance.randrange(len(text) + 1)
            text = text[:cut] + text[cut + chance.randrange(30) :]
        elif event < 0.2:
            text = text[: -chance.randrange(1, 3000)]
        else:
            text += "\n".join(chance.choice(lines) for _ in range(chance.randrange(1, 6)))
        ids, starts = growing.read(text)
        whole, whole_starts = reader.read(text)
        assert ids.tolist() == whole.tolist()
        assert starts.tolist() == whole_starts.tolist()
        several += len(blocks_of(text)) > 3
    assert several > 50


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


def test_sorting_and_merging_change_nothing_that_is_found(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitus_server.engine.memory.LIVE_TOKENS", 200)
    monkeypatch.setattr(trail_room, "SAMPLE", 10_000)  # other samples are not the matter here
    monkeypatch.setattr(healing_room, "HEALED", 10_000)
    chance = random.Random(4)
    words = ["self", "value", "host", "port", "name", "values", "(", ")", ".", " = ", "\n    "]
    tidy, plain = Memory(tiny.tokens), Memory(tiny.tokens)
    for _ in range(120):
        path = f"f{chance.randrange(25)}.py"
        text = "".join(chance.choice(words) for _ in range(40))
        if chance.random() < 0.15:
            tidy.forget("w", path)
            plain.forget("w", path)
        else:
            tidy.remember("w", path, text)
            plain.remember("w", path, text)
        while tidy.tidy() or tidy.merge():
            pass
    assert tidy.token_count() == plain.token_count()
    model = np.full(tiny.tokens.size, 1 / tiny.tokens.size)
    for _ in range(40):
        prefix = "".join(chance.choice(words) for _ in range(8))
        place = Place("w", f"f{chance.randrange(25)}.py", "python", prefix, "")
        first, second = tidy.begin(place), plain.begin(place)
        for _ in range(5):
            np.testing.assert_allclose(first.mix(model), second.mix(model))
            token = int(first.mix(model).argmax())
            first.advance(token)
            second.advance(token)


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
