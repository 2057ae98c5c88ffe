"""Accepted text after its settlement: measured further, and named where it stands."""

from __future__ import annotations

from habitus_server.records import Outcome
from habitus_server.standing import MAX_STANDING, STANDS_S
from signals.scene import Scene
from signals.window import Window

DAY = STANDS_S


def accepted(marked: str, text: str) -> Scene:
    scene = Scene(marked)
    scene.offer(text)
    scene.insert(text)
    scene.accept()
    return scene


def test_settled_text_is_measured_at_every_horizon() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.wait(60)
    assert scene.outcome() is Outcome.KEPT
    scene.replace("(1)", "()")
    scene.wait(600)
    counts = [(one.moment, one.retained_chars) for one in scene.measurements()]
    assert counts == [("30s", 6), ("120s", 5), ("300s", 5), ("600s", 5)]
    assert scene.tracker.due is None


def test_a_save_measures_settled_text_until_the_last_horizon() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.wait(60)
    scene.signals += scene.tracker.saved(scene.now)
    scene.wait(600)
    scene.signals += scene.tracker.saved(scene.now)
    assert [one.moment for one in scene.measurements()].count("saved") == 1


def test_standing_text_is_named_with_its_first_line_before_and_after_settlement() -> None:
    scene = accepted("def f():\n    ‸\n", "x = 1\n    return x")
    assert scene.standing() == [("a", 1, "x = 1\n    return x")]
    scene.wait(60)
    scene.replace("def f", "import os\n\n\ndef f")
    scene.replace("x = 1", "x = 22")
    assert scene.standing() == [("a", 4, "x = 22\n    return x")]


def test_the_users_own_beginning_of_a_word_is_no_part_of_what_stands() -> None:
    scene = Scene("a = 0\npri‸\n")
    scene.offer("nt(x)", lead="pri")
    scene.insert("print(x)", delete=3)
    scene.accept()
    assert scene.standing() == [("a", 1, "nt(x)")]


def test_deleted_text_stands_no_more_even_when_it_had_settled_as_kept() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.wait(60)
    scene.replace("foo(1)", "")
    assert scene.standing() == []


def test_text_typed_by_hand_stands_but_is_not_the_models_own() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.type("foo(1)")
    scene.wait(60)
    assert [name for name, _, _ in scene.standing()] == ["a"]
    assert scene.tracker.accepted_spans() == {}


def test_nothing_stands_longer_than_a_day() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.wait(DAY - 60)
    assert len(scene.standing()) == 1
    scene.wait(61)
    assert scene.standing() == []


def test_the_number_of_standing_texts_is_bounded() -> None:
    scene = Scene("‸")
    for number in range(MAX_STANDING + 5):
        scene.offer(f"line_{number}", f"s{number}", request=f"r{number}")
        scene.insert(f"line_{number}")
        scene.accept(f"s{number}")
        scene.insert("\n")
        scene.wait(45)
    assert len(scene.standing()) == MAX_STANDING
    assert scene.standing()[-1][0] == f"s{MAX_STANDING + 4}"


def test_a_recorder_names_what_stands_in_a_file_by_its_path() -> None:
    window = Window("def f():\n    return ‸\n")
    window.offer("compute(1)")
    window.accept()
    window.wait(60)
    window.open("other.py", "x = ‸\n")
    assert window.standing("a.py") == [("a", 1, "compute(1)")]
    assert window.standing("other.py") == []


def test_a_closed_file_is_remembered_as_it_was_and_found_again_when_it_opens() -> None:
    window = Window("def f():\n    return ‸\n")
    window.offer("compute(1)")
    window.accept()
    window.close()
    assert window.standing("a.py") == [("a", 1, "compute(1)")]
    window.wait(3600)
    window.open("a.py", "import os\n\n\ndef f():\n    return compute(1)‸\n")
    assert window.standing("a.py") == [("a", 4, "compute(1)")]


def test_what_was_accepted_but_changed_while_the_file_was_closed_stands_no_more() -> None:
    window = Window("def f():\n    return ‸\n")
    window.offer("compute(1)")
    window.accept()
    window.close()
    window.wait(3600)
    window.open("a.py", "def f():\n    return None‸\n")
    assert window.standing("a.py") == []
