"""What a workspace's own settings may do, and that nothing is written where they say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_server import config as settings
from habitus_server.config import Config, Privacy
from habitus_server.feed import MemoryFeed
from habitus_server.library import Library
from habitus_server.lsp.narrowing import Narrowing
from habitus_server.privacy import Rules
from habitus_server.session import Changed, Opened
from habitus_server.text import Buffer, ContentChange
from habitus_server.watcher import Burst
from signals.one_root import Engine, OneRoot, found_in

DISTINCT = "quokka_landing_fee"


def write(folder: Path, name: str, text: str) -> Path:
    """A file, with a time of change of its own."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- folders ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clients", "./clients/", "clients/acme", "{root}/clients"])
def test_a_folder_that_is_switched_off_is_off_with_all_below_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, "clients/acme/bill.py", "x = 1\n")
    write(tmp_path, "clients_of_ours.py", "x = 1\n")
    rules = Rules(tmp_path, Privacy(folders_off=(name.format(root=tmp_path),)))
    assert "switched off" in rules.why_not("clients/acme/bill.py")
    assert rules.allows("clients_of_ours.py")


def test_a_folder_below_home_can_be_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "work/acme/bill.py", "x = 1\n")
    assert not Rules(tmp_path / "work" / "acme", Privacy(folders_off=("~/work",))).allows("bill.py")
    assert Rules(tmp_path / "work" / "acme", Privacy(folders_off=("~/play",))).allows("bill.py")


def test_a_link_into_a_folder_that_is_off_is_refused(tmp_path: Path) -> None:
    target = write(tmp_path, "clients/bill.py", "x = 1\n")
    (tmp_path / "bill.py").symlink_to(target)
    assert not Rules(tmp_path, Privacy(folders_off=("clients",))).allows("bill.py")


# --- the workspace's own file -----------------------------------------------------------


def test_a_workspace_only_narrows_what_is_private(tmp_path: Path) -> None:
    ours = Config(
        privacy=Privacy(exclude=("a",), folders_off=("b",), languages_off=("c",), keep_days=10)
    )
    theirs = (
        'exclude = ["x"]\nfolders_off = ["y"]\nlanguages_off = ["z"]\n'
        "record = true\nkeep_days = 99\nmax_store_bytes = 1000\n"
    )
    write(tmp_path, settings.WORKSPACE_FILE, f"[privacy]\n{theirs}")
    narrowed, problems = settings.narrow(ours, tmp_path)
    assert problems == []
    assert narrowed.privacy == Privacy(
        exclude=("a", "x"),
        folders_off=("b", "y"),
        languages_off=("c", "z"),
        keep_days=10,
        max_store_bytes=1_000,
    )


def test_a_workspace_cannot_switch_recording_on(tmp_path: Path) -> None:
    write(tmp_path, settings.WORKSPACE_FILE, "[privacy]\nrecord = true\n")
    narrowed, _ = settings.narrow(Config(privacy=Privacy(record=False)), tmp_path)
    assert not narrowed.privacy.record


def test_a_change_of_the_workspaces_file_is_noticed_once(tmp_path: Path) -> None:
    narrowing = Narrowing(tmp_path, Config())
    assert not narrowing.has_changed()
    write(tmp_path, settings.WORKSPACE_FILE, "[privacy]\nrecord = false\n")
    assert narrowing.has_changed()
    assert not narrowing.has_changed()
    (tmp_path / settings.WORKSPACE_FILE).unlink()
    assert narrowing.has_changed()


def test_a_change_that_comes_to_nothing_is_none(tmp_path: Path) -> None:
    write(tmp_path, settings.WORKSPACE_FILE, "[privacy]\nrecord = true\n")
    narrowing = Narrowing(tmp_path, Config())
    write(tmp_path, settings.WORKSPACE_FILE, "# as before\n[privacy]\nrecord = true\n")
    assert not narrowing.has_changed()


# --- memory follows the rules -------------------------------------------------------------


async def test_what_becomes_ignored_leaves_memory(tmp_path: Path) -> None:
    write(tmp_path, "fees.py", f"{DISTINCT} = 1\n")
    write(tmp_path, "open.py", "")
    engine = Engine()
    feed = MemoryFeed(
        "w", Library(tmp_path, Config(), is_inside=True), Config().memory, debounce_s=None
    )
    feed.opened("open.py", Buffer(f"{DISTINCT} = 2\n"))
    feed.connect(engine)  # type: ignore[arg-type]
    await feed.flush()
    assert set(engine.texts) == {"fees.py", "open.py"}
    ignore = write(tmp_path, ".habitusignore", "fees.py\nopen.py\n")
    feed.changed_on_disk(tmp_path, Burst(frozenset({ignore})))
    await feed.flush()
    assert DISTINCT not in "".join(engine.texts.values())


# --- one root in a window without an engine -------------------------------------------------


async def live_a_day(window: OneRoot, name: str = "fees.py") -> None:
    """Type, be offered things, accept one, dismiss one, save, and close."""
    uri = (window.folder / name).as_uri()
    window.take(Opened(uri, "python", 1, f"def {DISTINCT}(weight):\n    return "))
    offered = window.offer(uri, f"{DISTINCT} * weight")
    window.insert(uri, len(window.text(uri)), f"{DISTINCT} * weight")
    await window.root.notes.accept(offered)
    await window.root.notes.dismiss(window.offer(uri, f" + {DISTINCT}"))
    window.insert(uri, 0, f"{DISTINCT}_by_hand = 12345\n")
    await window.end_of_day(uri)


@pytest.mark.usefixtures("state_log")
async def test_recorded_work_is_found_in_the_state_folder(tmp_path: Path) -> None:
    window = OneRoot(tmp_path, Config())
    await window.open()
    await live_a_day(window)
    await window.root.close()
    assert found_in(window.state, [DISTINCT]) != [], "the search itself finds nothing"


@pytest.mark.usefixtures("state_log")
@pytest.mark.parametrize("where", ["user", "workspace"])
async def test_with_recording_off_no_byte_of_anybodys_work_is_written(
    tmp_path: Path, where: str
) -> None:
    window = OneRoot(tmp_path, Config(privacy=Privacy(record=where != "user")))
    if where == "workspace":
        write(window.folder, settings.WORKSPACE_FILE, "[privacy]\nrecord = false\n")
    await window.open()
    await live_a_day(window)
    await window.root.close()
    assert "privacy.record is off" in window.root.notes.not_recording
    assert found_in(window.state, [DISTINCT]) == []
    assert not list(window.state.rglob("signals.db*"))


@pytest.mark.usefixtures("state_log")
@pytest.mark.parametrize(
    "privacy",
    [
        Privacy(folders_off=("clients",)),
        Privacy(exclude=("clients/**",)),
        Privacy(languages_off=("python",)),
    ],
)
async def test_of_a_file_that_is_off_no_byte_is_written(tmp_path: Path, privacy: Privacy) -> None:
    window = OneRoot(tmp_path, Config(privacy=privacy))
    await window.open()
    await live_a_day(window, "clients/fees.py")
    await window.root.close()
    assert found_in(window.state, [DISTINCT]) == []


async def test_a_file_that_is_off_is_no_context_of_another(tmp_path: Path) -> None:
    for folders_off, is_shown in (((), True), (("clients",), False)):
        window = OneRoot(tmp_path, Config(privacy=Privacy(folders_off=folders_off)))
        await window.open()
        hidden, shown = ((window.folder / name).as_uri() for name in ("clients/fees.py", "a.py"))
        body = f"def total(weight, distance, country):\n    return {DISTINCT} * weight * distance\n"
        window.take(Opened(hidden, "python", 1, ""))
        window.take(Changed(hidden, 2, (ContentChange(body),)))
        window.take(Opened(shown, "python", 1, f"{body.replace(DISTINCT, 'x')}\ndef other():\n"))
        chunks = window.root.knowledge.context_of(window.snapshot(shown))()
        assert any(DISTINCT in chunk.text for chunk in chunks) is is_shown
        await window.root.close()


async def test_context_is_known_to_the_next_key_and_no_longer_when_another_file_opens(
    tmp_path: Path,
) -> None:
    window = OneRoot(tmp_path, Config())
    await window.open()
    one, other = ((window.folder / name).as_uri() for name in ("a.py", "b.py"))
    window.take(Opened(one, "python", 1, "x = 1\n"))
    knowledge = window.root.knowledge
    assert knowledge.known_context(window.snapshot(one)) is None
    chunks = knowledge.context_of(window.snapshot(one))()
    window.insert(one, 0, "y")
    assert knowledge.known_context(window.snapshot(one)) == chunks
    window.take(Opened(other, "python", 1, "z = 1\n"))
    assert knowledge.known_context(window.snapshot(one)) is None
    await window.root.close()


async def test_settings_that_change_are_reported_once(tmp_path: Path) -> None:
    window = OneRoot(tmp_path, Config())
    await window.open()
    await window.root.refresh()
    assert window.changes == 0
    write(window.folder, settings.WORKSPACE_FILE, '[privacy]\nfolders_off = ["clients"]\n')
    await window.root.refresh()
    await window.root.refresh()
    assert window.changes == 1
    await window.root.close()
