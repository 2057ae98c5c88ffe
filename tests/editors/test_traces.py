"""Real editors, judged: what Habitus makes of recorded sessions whose fates are known.

The tables in `docs/signals.md` are what comes out; HABITUS_UPDATE_GOLDENS=1 rewrites them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import pytest_asyncio

from editors.judging import Judged, judge, table
from editors.rerun import rerun
from editors.trace import Trace, load_all

DOCS = Path(__file__).resolve().parents[2] / "docs" / "signals.md"
TABLES = re.compile(r"(?<=<!-- traces -->).*?(?=<!-- end of traces -->)", re.DOTALL)
EDITORS = ("neovim", "emacs", "helix", "vscode")
LEAST_TRACES = 20


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    return load_all()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_reports(
    traces: list[Trace], tmp_path_factory: pytest.TempPathFactory
) -> list[Judged]:
    return await judged(traces, tmp_path_factory.mktemp("reported"), with_reports=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def without_reports(
    traces: list[Trace], tmp_path_factory: pytest.TempPathFactory
) -> list[Judged]:
    return await judged(traces, tmp_path_factory.mktemp("silent"), with_reports=False)


async def judged(traces: list[Trace], folder: Path, *, with_reports: bool) -> list[Judged]:
    store = await rerun(traces, folder / "signals.db", with_reports=with_reports)
    try:
        rows = store.suggestions()
    finally:
        store.close()
    return [one for trace in traces for one in judge(trace, rows, with_reports=with_reports)]


@pytest.mark.parametrize("editor", EDITORS)
def test_an_editor_has_at_least_twenty_recorded_sessions(editor: str, traces: list[Trace]) -> None:
    assert sum(trace.editor.startswith(editor) for trace in traces) >= LEAST_TRACES


def test_half_of_the_scenarios_are_kept_for_judging(traces: list[Trace]) -> None:
    halves = {trace.name: trace.is_for_judging for trace in traces}
    assert 0.4 <= sum(halves.values()) / len(halves) <= 0.6


def test_nothing_untrue_is_said_where_editors_report(with_reports: list[Judged]) -> None:
    assert [one for one in with_reports if one.is_untrue] == []


def test_nothing_untrue_is_said_from_edits_alone(without_reports: list[Judged]) -> None:
    assert [one for one in without_reports if one.is_untrue] == []


def test_what_was_taken_is_never_missed(
    with_reports: list[Judged], without_reports: list[Judged]
) -> None:
    missed = {one.truth for one in (*with_reports, *without_reports) if one.is_missed}
    assert missed <= {"dismissed"}


def test_the_tables_in_the_docs_are_what_comes_out(
    traces: list[Trace], with_reports: list[Judged], without_reports: list[Judged]
) -> None:
    unseen = {f"{trace.editor}/{trace.name}" for trace in traces if trace.is_for_judging}
    parts = []
    for title, half in (("Judging half", True), ("Rules half", False)):
        for reports, found in (("reports on", with_reports), ("reports off", without_reports)):
            own = [one for one in found if (one.trace in unseen) is half]
            parts += [f"{title}, {reports} ({len(own)} suggestions):", table(own)]
    tables = "\n" + "\n\n".join(parts) + "\n"
    text = DOCS.read_text(encoding="utf-8")
    if os.environ.get("HABITUS_UPDATE_GOLDENS"):
        text = TABLES.sub(lambda _: tables, text)
        DOCS.write_text(text, encoding="utf-8")
    assert TABLES.findall(text) == [tables]
