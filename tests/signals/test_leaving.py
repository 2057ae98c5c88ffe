"""Documents that close, and return under their own name or another one."""

from __future__ import annotations

from pathlib import Path

from habitus_server.positions import PositionEncoding
from habitus_server.records import Outcome
from signals.window import Window


def accepted(folder: Path, text: str = "x = ‸\n") -> Window:
    window = Window(text, PositionEncoding.UTF16, folder)
    window.offer("compute(1)")
    window.accept()
    return window


def outcome(window: Window) -> Outcome | None:
    settled = window.settlement()
    return settled.outcome if settled else None


def test_a_copy_of_a_file_is_not_the_file_under_a_new_name(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    (tmp_path / "a.py").write_text(window.text)
    window.rename("copy.py")
    window.wait(60)
    assert outcome(window) is Outcome.CENSORED


def test_a_copy_is_believed_to_be_the_file_when_the_editor_says_so(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    (tmp_path / "a.py").write_text(window.text)
    window.rename("b.py", told="first")
    window.wait(60)
    assert outcome(window) is Outcome.KEPT


def test_a_file_with_other_text_is_not_the_one_that_closed(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    window.close()
    window.open("b.py", "y = 1‸\n")
    window.wait(60)
    assert outcome(window) is Outcome.CENSORED
    assert window.standing("b.py") == []


def test_of_two_files_alike_that_closed_neither_is_taken_for_the_new_one(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    text = window.text
    window.open("b.py", f"{text}‸")
    window.close()
    window.name = "a.py"
    window.close()
    window.open("c.py", f"{text}‸")
    window.wait(60)
    assert outcome(window) is Outcome.CENSORED


def test_a_rename_of_a_file_that_closed_earlier_is_known_to_what_stands(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    window.wait(60)
    window.close()
    window.wait(60)
    window.recorder.renamed(window.uri_of("a.py"), window.uri_of("b.py"), "b.py")
    assert window.standing("a.py") == []
    assert window.standing("b.py") == [("a", 0, "compute(1)")]


def test_a_suggestion_of_a_file_that_moved_can_still_be_reported(tmp_path: Path) -> None:
    window = Window("x = ‸\n", PositionEncoding.UTF16, tmp_path)
    window.offer("compute(1)")
    cursor = window.cursor
    window.rename("b.py")
    window.cursor = cursor
    window.accept()
    window.wait(60)
    assert outcome(window) is Outcome.KEPT


def test_what_was_closed_is_censored_as_of_the_moment_when_it_closed(tmp_path: Path) -> None:
    window = accepted(tmp_path)
    closed_at = window.now
    window.close()
    window.wait(100)
    settled = window.settlement()
    assert settled is not None
    assert (settled.outcome, settled.at) == (Outcome.CENSORED, closed_at)
