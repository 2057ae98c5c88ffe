"""The report: a page over a real store, read as a browser would read it."""

from __future__ import annotations

import re
from argparse import Namespace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from habitus_learner import judged, registry
from habitus_learner.commands import forget, report
from habitus_learner.judged import Judged
from habitus_learner.report import gather
from habitus_learner.report.facts import Report
from habitus_learner.report.page import headline, write_page
from habitus_server import adapters, cli
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.records import CycleState, Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, habit_patterns, manifest, pattern, suggestion
from signals import stored

DAY_ONE = 1_790_000_000.0
DAY_S = 86_400.0
FIGURES = {
    "gate_items": 226.0,
    "gate_clusters": 31.0,
    "bits_per_char_incumbent": 1.56,
    "bits_per_char_candidate": 1.38,
    "gain": 0.18,
    "gain_low": 0.1,
    "gain_high": 0.25,
    "exact_incumbent": 0.05,
    "exact_candidate": 0.09,
    "probe_drift": 0.012,
}
VOID = ("meta", "br")


class Page(HTMLParser):
    """The page's texts and attributes; raises where an element is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data + " ")


def gathered(workspace: Workspace, store: Store | None) -> Report:
    return gather.gather(workspace, store, Config(), DAY_ONE + 30 * DAY_S)


def page_of(workspace: Workspace, store: Store | None) -> Page:
    return Page(write_page(gathered(workspace, store)))


def take(
    store: Store,
    name: str,
    *,
    at: float = DAY_ONE,
    kept: int = 10,
    outcome: Outcome = Outcome.KEPT,
    adapter: str | None = None,
    path: str = "a.py",
    text: str = "read(path)",
) -> None:
    """A suggestion that was accepted and settled, with so many characters left."""
    one = suggestion(id=name, request_id=name, offered_at=at, path=path, adapter=adapter, text=text)
    store.add_suggestions([one])
    store.set_state(name, State.ACCEPTED, at + 1, accepted_text=text)
    store.settle(name, outcome, kept, text[:kept], at + 60.0).result()


def turn_down(store: Store, name: str, *, at: float = DAY_ONE, adapter: str | None = None) -> None:
    store.add_suggestions(
        [suggestion(id=name, request_id=name, offered_at=at, adapter=adapter, path=f"{name}.py")]
    )
    store.set_state(name, State.DISMISSED, at + 1).result()


def publish(workspace: Workspace, store: Store, folder: Path, number: int, at: float) -> str:
    """A version that the gate let through, and its cycle."""
    draft = draft_adapter(folder / str(number), f"weights {number}".encode())
    made = manifest(created_at=at, figures=FIGURES, parent=registry.serving(workspace))
    version = registry.publish(workspace, draft, made).version
    cycle = store.begin_cycle(at - 300.0)
    store.finish_cycle(cycle, CycleState.PUBLISHED, at, version, "Published, better.", FIGURES)
    return version


def test_the_first_day_says_what_will_come_and_when(workspace: Workspace) -> None:
    text = page_of(workspace, None).text
    assert "This is day one" in text
    assert "After 100 lessons, or 24 hours" in text
    assert "30 places in 20 files or sessions" in text
    assert "No cycle has ended yet" in text


def test_the_headline_tells_what_is_still_there_of_what_was_taken(
    workspace: Workspace, store: Store
) -> None:
    take(store, "s1")
    take(store, "s2", kept=6, outcome=Outcome.EDITED)
    turn_down(store, "s3")
    said = headline(gathered(workspace, store))
    assert "has shown you 3 suggestions" in said
    assert "80% of the characters are still there" in said


def test_before_there_is_enough_to_judge_by_the_headline_says_what_is_missing(
    workspace: Workspace, store: Store
) -> None:
    store.add_patterns([pattern(1)]).result()
    assert "so far there are 1 in 1" in headline(gathered(workspace, store))


def test_what_a_tool_decided_and_what_nobody_saw_count_for_nothing(
    workspace: Workspace, store: Store
) -> None:
    take(store, "s1")
    take(store, "s2", kept=0, outcome=Outcome.CENSORED)
    store.add_suggestions([suggestion(id="s3", request_id="s3", path="b.py")]).result()
    overall = gathered(workspace, store).overall
    assert (overall.shown, overall.taken, overall.settled) == (2, 2, 1)
    assert overall.retained.mean == 1.0


def test_a_refused_suggestion_leaves_no_characters_and_counts_as_shown(
    workspace: Workspace, store: Store
) -> None:
    take(store, "s1")
    turn_down(store, "s2")
    overall = gathered(workspace, store).overall
    assert (overall.acceptance.mean, overall.chars_per_shown.mean) == (0.5, 5.0)


def test_each_version_is_told_by_what_it_did_in_use(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    take(store, "s1", path="b.py")
    version = publish(workspace, store, tmp_path, 1, DAY_ONE + DAY_S)
    take(store, "s2", at=DAY_ONE + 2 * DAY_S, kept=4, outcome=Outcome.EDITED, adapter=version)
    turn_down(store, "s3", at=DAY_ONE + 2 * DAY_S, adapter=version)
    base, first = gathered(workspace, store).by_adapter
    assert (base.adapter, base.shown, base.retained.mean) == (None, 1, 1.0)
    assert (first.adapter, first.acceptance.mean, first.retained.mean) == (version, 0.5, 0.4)
    assert first.acceptance.low < first.acceptance.high


def test_a_published_version_is_shown_with_what_the_gate_measured(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    take(store, "s1")
    publish(workspace, store, tmp_path, 1, DAY_ONE + DAY_S)
    page = page_of(workspace, store)
    assert "it needed 1.38 bits per character instead of 1.56" in page.text
    assert "0.180 (0.100 to 0.250)" in page.text
    assert "5.0% → 9.0%" in page.text
    assert "Published, better." in page.text


def test_a_version_that_was_taken_back_is_shown_with_the_reason(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    version = publish(workspace, store, tmp_path, 1, DAY_ONE)
    registry.roll_back(workspace, reason="Rolled back: worse.")
    cycle, why = store.begin_cycle(DAY_ONE + 60.0), "Rolled back: worse."
    store.finish_cycle(cycle, CycleState.ROLLED_BACK, DAY_ONE + 60.0, version, why, {})
    take(store, "s1")
    found = gathered(workspace, store)
    assert [(one.fate, one.reason) for one in found.versions] == [
        ("taken back", "Rolled back: worse.")
    ]
    text = Page(write_page(found)).text
    assert text.count("Version 1 taken back Rolled back: worse.") == 1
    assert "Base weights serve again" in text


def test_the_plot_of_a_version_that_was_taken_back_says_so(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    publish(workspace, store, tmp_path, 1, DAY_ONE)
    assert "version 1 226 places" in page_of(workspace, store).text
    registry.roll_back(workspace, reason="worse")
    assert "version 1 taken back" in page_of(workspace, store).text


def test_a_version_that_made_room_is_told_by_its_cycle(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    for number in range(1, 4):
        publish(workspace, store, tmp_path, number, DAY_ONE + number)
    registry.prune(workspace, keep=1, max_bytes=1 << 30)
    found = gathered(workspace, store).versions
    assert [one.fate for one in found] == ["made room", "kept", "serving"]
    assert found[0].gate == found[2].gate is not None


def test_lines_that_became_right_are_shown_with_what_was_written_before(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    version = publish(workspace, store, tmp_path, 1, DAY_ONE)
    quiet = Judged("b.py", "python", (), 1.0, 9, 9.0, 8.5, False, False)
    right = Judged("a.py", "python", (), 2.0, 9, 20.0, 4.0, False, True, "if x:", "go(y)")
    right = msgspec.structs.replace(right, before="n", after="go(y) ")
    judged.leave(workspace.adapters / version, [right, quiet])
    text = page_of(workspace, store).text
    assert "2 lines that version 1 had never seen." in text
    assert "1 line became right that was wrong before, 0 the other way round" in text
    assert "if x: you wrote go(y) before n now go(y)" in text


def test_a_line_is_a_habit_once_it_was_written_three_times(
    workspace: Workspace, store: Store
) -> None:
    habit = "    raise UserError(message) from error\n"
    twice = "    return sorted(found, key=str)\n"
    texts = [habit, habit, habit, twice, twice]
    store.add_patterns(
        [pattern(n, path=f"m{n}.py", text=text, prefix=f"{n}\n") for n, text in enumerate(texts)]
    ).result()
    (found,) = gathered(workspace, store).lessons.habits
    assert (found.text, found.times) == (habit.strip(), 3)
    assert found.files == ("m0.py", "m1.py", "m2.py")


def test_what_was_turned_down_is_listed_most_often_first(
    workspace: Workspace, store: Store
) -> None:
    for key, times in (("a", 1), ("b", 3), ("c", 2)):
        one = stored.rejection(key)
        for _ in range(times):
            store.add_rejection(msgspec.structs.replace(one, text=f"return {key}")).result()
    assert [one.text[-1] for one in gathered(workspace, store).refused] == ["b", "c", "a"]


def test_code_and_paths_cannot_become_markup(workspace: Workspace, store: Store) -> None:
    evil = '</code><script>alert("x")</script>&amp;<img src=x>'
    store.add_patterns(
        [pattern(n, path='<b>"&.py', text=f"{evil} once more\n", prefix=f"{n}") for n in range(4)]
    )
    store.add_rejection(msgspec.structs.replace(stored.rejection(), text=evil, path='"><i>'))
    take(store, "s1", text=evil, kept=3, outcome=Outcome.EDITED, path="<u>.py")
    page = page_of(workspace, store)
    assert not {"script", "img", "b", "i", "u"} & set(page.tags)
    assert 'alert("x")</script>&amp;<img src=x> once more' in page.text


def test_the_page_refers_to_nothing_outside_itself(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    stored.fill(store)
    store.add_patterns(habit_patterns(40)).result()
    publish(workspace, store, tmp_path, 1, DAY_ONE)
    html = write_page(gathered(workspace, store))
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not {"src", "href", "srcset", "action", "style"} & {name for name, _ in page.attributes}
    assert re.findall(r"url\(|@import|https?:|//[a-z]", html) == []


def test_every_drawing_has_a_title_and_words_for_those_who_do_not_see_it(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    take(store, "s1")
    publish(workspace, store, tmp_path, 1, DAY_ONE)
    page = page_of(workspace, store)
    drawings = page.tags.count("svg")
    assert drawings > 5
    assert page.tags.count("desc") == drawings
    assert sum(name == "role" and value == "img" for name, value in page.attributes) == drawings


def test_rows_of_a_file_that_is_ignored_by_now_are_not_shown(
    workspace: Workspace, store: Store
) -> None:
    store.add_patterns(habit_patterns(30)).result()
    (workspace.root / ".habitusignore").write_text("module_*.py\n", encoding="utf-8")
    found = gathered(workspace, store)
    assert found.lessons.count == 0
    assert "announce" not in write_page(found)


def test_what_is_forgotten_leaves_the_page_and_is_told_without_saying_what(
    workspace: Workspace,
    store: Store,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(cli.BUILT_IN, "forget", forget.__name__)
    monkeypatch.setitem(cli.BUILT_IN, "report", report.__name__)
    lines = [pattern(n, path="deal.py", text=f"margin_table(region_{n})\n") for n in range(4)]
    store.add_patterns(lines).result()
    version = publish(workspace, store, tmp_path, 1, DAY_ONE)
    judged.leave(
        workspace.adapters / version,
        [Judged("deal.py", "python", (), 1.0, 9, 9.0, 2.0, False, True, "", "margin_table(r)")],
    )
    where = ["--state-dir", str(state)]
    assert cli.main(["report", str(workspace.root), *where]) == 0
    assert "margin_table" in workspace.report.read_text("utf-8")
    assert cli.main(["forget", "deal.py", "--workspace", str(workspace.root), *where]) == 0
    assert not workspace.report.exists()
    html = write_page(gathered(workspace, store))
    assert "margin_table" not in html and "deal.py" not in html
    assert "4 patterns removed." in Page(html).text


def test_the_command_writes_a_private_page_and_the_facts_behind_it(
    workspace: Workspace,
    store: Store,
    state: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    take(store, "s1")
    page, facts = tmp_path / "page.html", tmp_path / "facts.json"
    options = Namespace(workspace=workspace.root, state_dir=state, out=page, json=facts, open=False)
    assert report.run(options) == 0
    assert str(page) in capsys.readouterr().out
    assert oct(page.stat().st_mode & 0o777) == oct(facts.stat().st_mode & 0o777) == "0o600"
    told = msgspec.json.decode(facts.read_bytes())
    assert told["overall"]["shown"] == 1
    assert Page(page.read_text("utf-8")).text.startswith("What I learned: project")


def test_an_adapter_that_no_cycle_of_this_store_made_is_shown_all_the_same(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    draft = draft_adapter(tmp_path / "draft")
    made = manifest(created_at=DAY_ONE, figures={}, examples={"pattern": 7})
    version = registry.publish(workspace, draft, made).version
    (found,) = gathered(workspace, store).versions
    assert (found.name, found.at, found.gate) == (version, DAY_ONE, None)
    assert adapters.read_manifest(workspace.adapters / version).examples == found.examples


def test_the_page_is_shown_in_the_browser_when_asked_for(
    workspace: Workspace, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(report.webbrowser, "open", shown.append)
    options = Namespace(workspace=workspace.root, state_dir=state, out=None, json=None, open=True)
    assert report.run(options) == 0
    assert shown == [workspace.report.as_uri()]


def test_a_page_that_cannot_be_written_is_said_with_its_name(
    workspace: Workspace, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "nowhere").touch()
    page = tmp_path / "nowhere" / "page.html"
    options = Namespace(workspace=workspace.root, state_dir=state, out=page, json=None, open=False)
    with pytest.raises(UserError, match=r"nowhere/page\.html"):
        report.run(options)
