"""Forgetting: no byte of what was forgotten is left, and nothing that learned from it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from habitus_learner import course, cycle, forgetting, judged, lineage, registry, workfolder
from habitus_learner.commands import forget as command
from habitus_learner.course import BOOKMARK
from habitus_learner.examples import Example
from habitus_learner.gate import Ruling
from habitus_learner.judged import Judged
from habitus_learner.marks import find_marks
from habitus_learner.workfolder import Progress
from habitus_server import adapters, cli
from habitus_server.config import Config, Context
from habitus_server.index import Shelf
from habitus_server.indexer import Indexer
from habitus_server.library import Library
from habitus_server.records import CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, habit_patterns, manifest, pattern
from signals import stored
from signals.scene import suggestion

SECRET = "confidential_margin_table"
LINE = f"    return {SECRET}[region] * 0.173"
RIVALS = 4
"""Rows of each kind about another file."""
QUOTE = f"# compare with {SECRET}"


def fill(store: Store) -> None:
    """Rows about a file to be forgotten, about others, and one that quotes it."""
    for number in range(RIVALS):
        stored.fill(store, "src/open.py", name=f"open{number}-")
    stored.fill(store, "src/deal.py", name="deal-")
    told = pattern(900, path="src/deal.py", text=f"{LINE}\n", prefix=f"def {SECRET}_of():\n")
    quotes = pattern(901, path="src/open.py", prefix=f"{QUOTE}\n")
    store.add_patterns([told, quotes]).result()
    shown = msgspec.structs.replace(
        suggestion("x", "q1", request="rq1", path="src/open.py"), suffix=f"{LINE}\n"
    )
    store.add_suggestions([shown])
    store.barrier().result()


def publish(workspace: Workspace, folder: Path, examples: Sequence[Example], n: int) -> str:
    """Put an adapter into service that descends from the one before."""
    draft = draft_adapter(folder / str(n), f"weights {n}".encode())
    workfolder.write_examples(draft / adapters.EXAMPLES, examples)
    parent = registry.serving(workspace)
    return registry.publish(workspace, draft, manifest(created_at=float(n), parent=parent)).version


def is_from(example: Example, key: str) -> bool:
    return key in map(forgetting.key_of, example.row_ids)


def leftovers(state: Path, *texts: str) -> list[str]:
    """The files under the state folder that hold one of the texts, in any byte."""
    return [
        path.relative_to(state).as_posix()
        for path in sorted(state.rglob("*"))
        if path.is_file() and any(text.encode() in path.read_bytes() for text in texts)
    ]


@pytest.fixture
def files(workspace: Workspace) -> Path:
    (workspace.root / "src").mkdir()
    (workspace.root / "src" / "deal.py").write_text(f"def deal(region):\n{LINE}\n", "utf-8")
    (workspace.root / "src" / "open.py").write_text("def opened():\n    return 1\n", "utf-8")
    return workspace.root


def read_into_index(workspace: Workspace) -> None:
    """What a window's indexer does with the files as they stand."""
    shelf = Shelf(workspace.index)
    library = Library(workspace.root, Config(), is_inside=True)
    Indexer(workspace.root, shelf, library, Context()).bring_up_to_date()
    shelf.close()


def habitus(workspace: Workspace, *arguments: str) -> int:
    state = workspace.folder.parent.parent
    where = ["--workspace", str(workspace.root), "--state-dir", str(state)]
    return cli.main(["forget", *arguments, *where])


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point, also where an older installation does not have it yet."""
    monkeypatch.setitem(cli.BUILT_IN, "forget", command.__name__)


def test_no_byte_of_a_forgotten_file_is_left_and_nothing_that_learned_from_it(
    workspace: Workspace, store: Store, state: Path, files: Path, tmp_path: Path
) -> None:
    fill(store)
    everything = cycle.all_examples(store)
    clean = [e for e in everything if e.path == "src/open.py" and not is_from(e, "p901")]
    first = publish(workspace, tmp_path, clean, 1)
    second = publish(workspace, tmp_path, everything, 2)
    third = publish(workspace, tmp_path, clean, 3)
    work = workfolder.work_folder(workspace)
    work.mkdir()
    workfolder.write_examples(work / workfolder.TRAIN, everything)
    for ending in ("", "-wal"):
        damaged = workspace.database.with_name(f"signals.db.corrupt-1{ending}")
        shutil.copy(f"{workspace.database}{ending}", damaged)
    (state / "logs").mkdir()
    (state / "logs" / "serve.log").write_text(f"before\nbad {SECRET}\nafter\n", "utf-8")
    read_into_index(workspace)
    assert "index.db" in " ".join(leftovers(state, SECRET))
    assert len(leftovers(state, SECRET)) >= 6, "database, copies, adapters, work, log, index"

    assert habitus(workspace, str(files / "src" / "deal.py")) == 0

    assert leftovers(state, SECRET, "src/deal.py") == []
    assert registry.serving(workspace) == first
    assert [m.version for m in adapters.list_adapters(workspace)] == [first]
    assert not work.exists() and second != third
    assert (state / "logs" / "serve.log").read_text("utf-8") == "before\nafter\n"
    assert {row.suggestion.path for row in store.suggestions()} == {"src/open.py"}
    assert store.counts()["suggestions"] == RIVALS
    assert store.counts()["patterns"] == RIVALS
    assert store.get_meta(BOOKMARK) == "0.0"
    read_into_index(workspace)
    assert leftovers(state, SECRET, "src/deal.py") == [], "as it stands it is not read again"
    assert list(Shelf(workspace.index).stamps()) == ["src/open.py"]


def test_what_another_file_has_too_is_that_files_own(
    workspace: Workspace, store: Store, files: Path
) -> None:
    fill(store)
    (files / "src" / "open.py").write_text(f"{QUOTE}\n{LINE}\n{SECRET}_of", "utf-8")
    assert habitus(workspace, "src/deal.py") == 0
    assert store.counts()["suggestions"] == RIVALS + 1
    assert [p.id for p in store.patterns() if p.id.startswith("p9")] == ["p901"]


def test_places_that_judged_an_adapter_go_with_their_rows_and_with_what_quotes_them(
    workspace: Workspace, store: Store, state: Path, files: Path, tmp_path: Path
) -> None:
    fill(store)
    version = publish(workspace, tmp_path, [], 1)
    clean = Judged("src/open.py", "python", ("pattern:x",), 1.0, 8, 9.0, 8.0, False, True, "", "y")
    other = msgspec.structs.replace(clean, path="src/deal.py", row_ids=("pattern:gone",))
    quote = msgspec.structs.replace(clean, lead=QUOTE)
    by_row = msgspec.structs.replace(clean, row_ids=("pattern:p901",))
    folder = workspace.adapters / version
    judged.leave(folder, [clean, other, quote, by_row])
    assert habitus(workspace, "src/deal.py") == 0
    assert judged.read(folder) == [clean]
    assert leftovers(state, SECRET, "src/deal.py") == []
    adapters.verify(folder)


def test_that_something_was_forgotten_is_told_and_when_but_not_what(
    workspace: Workspace, store: Store, state: Path, files: Path, tmp_path: Path
) -> None:
    fill(store)
    version = publish(workspace, tmp_path, cycle.all_examples(store), 1)
    before = time.time()
    assert habitus(workspace, "src/deal.py") == 0
    assert habitus(workspace, "src/open.py") == 0
    first, second = store.erasures()
    assert before <= first.at <= second.at <= time.time()
    assert (first.adapters, second.adapters) == ((version,), ())
    assert first.rows["patterns"] == 3


def test_a_dry_run_says_what_would_go_and_removes_nothing(
    workspace: Workspace,
    store: Store,
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(store)
    before = store.counts()
    version = publish(workspace, tmp_path, cycle.all_examples(store), 1)
    assert habitus(workspace, "src/deal.py", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "2 suggestions" in said and "3 patterns" in said
    assert "2 of them elsewhere" in said
    assert version in said
    assert store.counts() == before
    assert registry.serving(workspace) == version


def test_a_folder_is_forgotten_with_all_below_it(
    workspace: Workspace, store: Store, files: Path
) -> None:
    stored.fill(store, "src/deal.py", name="a")
    stored.fill(store, "src2/deal.py", name="b")
    store.barrier().result()
    assert habitus(workspace, "src") == 0
    assert [row.suggestion.path for row in store.suggestions()] == ["src2/deal.py"]


def test_an_example_goes_with_every_row_that_it_stands_for(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    store.add_patterns([pattern(1), pattern(2), pattern(3, text="    self.reset()\n")])
    store.barrier().result()
    found = cycle.all_examples(store)
    assert [len(e.row_ids) for e in found] == [2, 1]
    publish(workspace, tmp_path, found[1:], 1)
    publish(workspace, tmp_path, found, 2)
    assert habitus(workspace, found[0].id) == 0
    assert [p.id for p in store.patterns()] == ["p3"]
    assert registry.serving(workspace) is not None
    assert len(adapters.list_adapters(workspace)) == 1


def test_what_was_recorded_since_a_time_is_forgotten(workspace: Workspace, store: Store) -> None:
    store.add_patterns([pattern(1), pattern(100)])
    store.add_suggestions([suggestion("x", at=10.0)]).result()
    assert habitus(workspace, "--since", "1970-01-01T00:03:00+00:00") == 0
    assert [p.id for p in store.patterns()] == ["p1"]
    assert store.counts()["suggestions"] == 1


def test_what_a_window_still_held_of_a_forgotten_file_is_refused(
    workspace: Workspace, store: Store, files: Path
) -> None:
    fill(store)
    assert habitus(workspace, "src/deal.py") == 0
    late = pattern(950, path="src/deal.py", text=LINE)
    new = pattern(951, path="src/deal.py", written_at=1e12, settled_at=1e12)
    store.add_suggestions([suggestion(SECRET, "late", path="src/deal.py", at=50.0)])
    store.add_fix(stored.fix("late", path="src/deal.py"))
    store.add_rejection(stored.rejection("late", path="src/deal.py"))
    store.add_patterns([late, new]).result()
    assert "late" not in {one.id for one in store.fixes()} | {one.key for one in store.rejections()}
    assert store.suggestion("late") is None
    assert [p.id for p in store.patterns() if p.path == "src/deal.py"] == ["p951"]


def test_what_is_not_stored_is_a_clear_error(workspace: Workspace, store: Store) -> None:
    assert habitus(workspace, "nothing.py") == 1
    assert habitus(workspace) == 1
    assert habitus(workspace, "--since", "soon") == 1


def test_a_window_with_the_store_open_reads_and_writes_on(
    workspace: Workspace, store: Store, files: Path
) -> None:
    window = Store.open(workspace.database)
    fill(window)
    assert habitus(workspace, "src/deal.py") == 0
    window.add_patterns([pattern(5)]).result()
    assert window.counts()["patterns"] == store.counts()["patterns"] == RIVALS + 1
    assert window.problems == []
    window.close()


def test_an_adapter_without_a_readable_record_goes_too(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    store.add_patterns([pattern(1)]).result()
    version = publish(workspace, tmp_path, [], 1)
    (workspace.adapters / version / adapters.EXAMPLES).write_text("{", "utf-8")
    assert habitus(workspace, "p1") == 0
    assert registry.serving(workspace) is None
    assert list(workspace.adapters.iterdir()) == []


def test_pruned_adapters_pass_their_lessons_on_to_their_heirs(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    rows = [pattern(n, text=f"    self.step_{n}()\n") for n in range(1, 4)]
    store.add_patterns(rows).result()
    lessons = cycle.all_examples(store)
    for n, lesson in enumerate(lessons, start=1):
        publish(workspace, tmp_path, [lesson], n)
    first, second, third = (m.version for m in adapters.list_adapters(workspace))
    assert registry.prune(workspace, keep=1, max_bytes=10**9) == [first]
    assert registry.prune(workspace, keep=1, max_bytes=10**9) == []
    assert [m.version for m in adapters.list_adapters(workspace)] == [second, third]
    assert not list(workspace.adapters.glob(f"*{first}/{adapters.WEIGHTS}"))
    assert lineage.trained_on(workspace)[lessons[0].row_ids[0]] == [first]
    assert list(lineage.ancestors(workspace, third)) == [second, first]
    assert habitus(workspace, "p1") == 0
    assert list(workspace.adapters.iterdir()) == []


def test_pruning_spares_what_serves_and_what_it_would_roll_back_to(
    workspace: Workspace, tmp_path: Path
) -> None:
    versions = [publish(workspace, tmp_path, [], n) for n in range(1, 6)]
    registry.roll_back(workspace, reason="bad")
    assert registry.prune(workspace, keep=10, max_bytes=1) == [
        versions[0],
        versions[1],
        versions[4],
    ]
    assert registry.serving(workspace) == versions[3]
    assert registry.next_version(workspace, "f" * 64).startswith("0006-")
    again = registry.roll_back(workspace, reason="bad")
    assert again is not None and again.version == versions[2]


def test_a_name_is_found_as_a_word_and_a_path_as_a_path() -> None:
    marks = find_marks(["margin_of(x)\nshort\n"], ["other_name()"], ["a/deal.py"])
    assert marks.are_in("y = margin_of(z)")
    assert not marks.are_in("y = margin_of_all(z)")
    assert marks.are_in("see a/deal.py, line 3")
    assert not marks.are_in("see aa/deal.py or a/deal.pyi2")
    assert not marks.are_in("short")


def test_rows_are_known_by_their_key_however_an_example_names_them() -> None:
    names = ("abc", "pattern:abc", "landing:abc@c1", "decision:adr:abc")
    assert [forgetting.key_of(name) for name in names] == ["abc", "abc", "abc", "adr:abc"]


def test_the_log_of_deletions_is_empty_after_forgetting(
    workspace: Workspace, store: Store, files: Path
) -> None:
    fill(store)
    assert habitus(workspace, "src/deal.py") == 0
    sql = sqlite3.connect(workspace.database)
    (free,) = sql.execute("PRAGMA freelist_count").fetchone()
    sql.close()
    assert free == 0
    assert sum(p.stat().st_size for p in workspace.folder.glob("signals.db-wal")) == 0


def test_why_the_last_place_showed_a_suggestion_goes_with_what_is_forgotten(
    workspace: Workspace, store: Store, files: Path
) -> None:
    fill(store)
    workspace.last_why.write_text('{"path": "src/deal.py"}', encoding="utf-8")
    assert habitus(workspace, "src/deal.py") == 0
    assert not workspace.last_why.exists()


def test_a_cycle_that_learns_while_something_is_forgotten_publishes_nothing(
    workspace: Workspace, store: Store, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_patterns(habit_patterns(140)).result()

    def job(folder: Path, tell: Callable[[Progress], None]) -> Ruling:
        choice = forgetting.choose_path(store, "module_1.py", [], [])
        forgetting.forget(workspace, store, choice, logs=state / "logs", now=1e10)
        tell(Progress("training", 0.5))
        raise AssertionError("training went on with what was forgotten")

    monkeypatch.setattr(course, "run_job", job)
    ended = cycle.run_cycle(workspace, store, course.Settings(state=state, config=Config()))
    assert ended.state is CycleState.FAILED
    assert "forgotten" in ended.verdict
    assert not workfolder.work_folder(workspace).exists()
    assert store.get_meta(BOOKMARK) == "0.0", "what is left counts as new"
