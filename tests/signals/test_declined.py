"""What is turned down in one window, and what others and the next start know of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from habitus_server.cli import main
from habitus_server.declined import Declined
from habitus_server.offers import Offer
from habitus_server.recorder import Recorder
from habitus_server.records import Suggestion
from habitus_server.rejections import Why
from habitus_server.session import Changed, Opened, Session
from habitus_server.store import Store
from habitus_server.text import ContentChange
from habitus_server.workspaces import find_workspace, state_dir

KNOWN = "def area(radius):\n    return "
ELSEWHERE = "import math\n\n\ndef area(r):\n    return "
TEXT = "3.14 * radius"


class Rules:
    """Nothing is stored of files whose name says so."""

    def why_not_stored(self, path: str, language: str) -> str:
        return "It is private." if path.startswith("private") else ""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "signals.db")
    yield store
    store.close()


class Window:
    """A window with one file, at the end of which something is offered."""

    def __init__(self, store: Store, name: str = "a.py", text: str = KNOWN) -> None:
        self.now = 1_000.0
        self.declined = Declined(lambda: self.now)
        self.recorder = Recorder("w", lambda: self.now, declined=self.declined)
        self.recorder.attach(store, Rules())
        self.session = Session()
        self.session.add_folder(Path("/w"))
        self.uri = f"file:///w/{name}"
        self.name, self.text = name, text
        self.take(Opened(self.uri, "python", 1, text))

    def take(self, event: Opened | Changed) -> None:
        step = self.session.apply(event)
        assert step is not None
        self.recorder.took(step)

    def offer(self, text: str = TEXT) -> None:
        document = self.session.document(self.uri)
        assert document is not None
        snapshot = self.session.snapshot(
            self.uri, document.buffer.position_at(len(self.text), self.session.encoding)
        )
        assert snapshot is not None
        one = Suggestion(
            "s", "r", 0, "w", self.name, "python", "m", None, self.now,
            snapshot.prefix, snapshot.suffix, text, logprob=-1.0, token_count=2,
        )  # fmt: skip
        self.recorder.offered(snapshot, [Offer(one)])

    async def accept(self) -> None:
        """Insert what is offered and report it."""
        self.now += 1
        self.take(Changed(self.uri, 2, (ContentChange(self.text + TEXT),)))
        await self.recorder.accept("s")

    def is_declined(self, prefix: str = KNOWN, text: str = TEXT) -> bool:
        return self.declined.is_declined(prefix, text, "python")


async def test_what_is_dismissed_counts_at_once_and_in_equivalent_places(store: Store) -> None:
    window = Window(store)
    window.offer()
    assert not window.is_declined()
    await window.recorder.dismiss("s")
    assert window.is_declined()
    assert window.is_declined(ELSEWHERE, "3.14 * r")
    assert not window.is_declined("def volume(radius):\n    return ")


async def test_a_restarted_window_knows_what_was_dismissed(store: Store) -> None:
    window = Window(store)
    window.offer()
    await window.recorder.dismiss("s")
    await window.recorder.flush()
    (row,) = store.rejections()
    assert (row.path, row.place, row.text, row.why) == ("a.py", KNOWN, TEXT, "dismissed")
    later = Window(store)
    await later.declined.refresh(store)
    assert later.is_declined()


async def test_a_window_that_is_open_follows_what_another_one_turned_down(store: Store) -> None:
    one, other = Window(store), Window(store)
    await other.declined.refresh(store)
    one.offer()
    one.recorder.turn_down("s", Why.RATED)
    await one.recorder.flush()
    await other.declined.refresh(store)
    assert other.is_declined()


async def test_what_is_reverted_is_turned_down_when_it_settles(store: Store) -> None:
    window = Window(store)
    window.offer()
    await window.accept()
    window.now += 3
    window.take(Changed(window.uri, 3, (ContentChange("", *_last_line(window)),)))
    window.now += 120
    window.recorder.tick()
    await window.recorder.flush()
    assert [row.why for row in store.rejections()] == ["reverted"]
    assert window.is_declined()


async def test_what_is_taken_after_all_is_allowed_again(store: Store) -> None:
    window = Window(store)
    window.offer()
    await window.recorder.dismiss("s")
    again = Window(store)
    await again.declined.refresh(store)
    again.offer()
    await again.accept()
    await again.recorder.flush()
    assert not again.is_declined()
    assert store.rejections() == []


@pytest.mark.parametrize(
    ("name", "text"), [("private.py", TEXT), ("a.py", 'login(password="' + "Zq8!kfWm2" + '")')]
)
async def test_what_may_not_be_stored_counts_in_its_window_alone(
    store: Store, name: str, text: str
) -> None:
    window = Window(store, name)
    window.offer(text)
    await window.recorder.dismiss("s")
    await window.recorder.flush()
    await window.declined.refresh(store)
    assert window.is_declined(text=text)
    assert store.rejections() == []


async def test_the_command_lists_and_clears(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, state = tmp_path / "w", tmp_path / "state"
    root.mkdir()
    store = Store.open(find_workspace(root, state_dir(state)).database)
    window = Window(store)
    window.offer()
    await window.recorder.dismiss("s")
    await window.recorder.flush()
    flags = [str(root), "--state-dir", str(state)]
    assert main(["rejections", *flags]) == 0
    listed = capsys.readouterr().out
    assert "a.py  dismissed once" in listed and f"return ‸{TEXT}" in listed
    assert main(["rejections", *flags, "--path", "b.py"]) == 0
    assert "Nothing was turned down" in capsys.readouterr().out
    assert main(["rejections", *flags, "--clear"]) == 0
    await window.declined.refresh(store)
    assert not window.is_declined()
    store.close()


def _last_line(window: Window) -> tuple[object, object]:
    document = window.session.document(window.uri)
    assert document is not None
    at = document.buffer.position_at
    encoding = window.session.encoding
    return at(len(KNOWN), encoding), at(len(document.buffer), encoding)
