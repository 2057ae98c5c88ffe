"""What test runs leave on disk, read as results of files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from habitus_server.records import TaskFile
from habitus_server.testruns import JUnit, PytestCache, Reader, Run, readers

CACHE = ".pytest_cache/v/cache/nodeids"

# As pytest 9 writes it, shortened.
REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1"
 tests="4" time="0.050" timestamp="{made}" hostname="vm">
<testcase classname="tests.test_a" name="test_one" time="0.010" />
<testcase classname="tests.test_a.TestMore" name="test_two" time="0.010" />
<testcase classname="tests.test_b" name="test_three" time="0.020">
<failure message="assert 1 == 2">def test_three(): ...</failure></testcase>
<testcase classname="tests.test_b" name="test_four" time="0.000"><skipped message="why"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    for name in ("test_a", "test_b"):
        (tmp_path / "tests" / f"{name}.py").write_text("", encoding="utf-8")
    return tmp_path


class Cache:
    """pytest's cache, as the runs that follow each other leave it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reader = PytestCache()
        (root / CACHE).parent.mkdir(parents=True)

    def failing(self, *nodes: str) -> None:
        """What failed when it last ran."""
        (self.root / CACHE).write_text("[]", encoding="utf-8")
        failed = json.dumps(dict.fromkeys(nodes, True))
        (self.root / CACHE).with_name("lastfailed").write_text(failed, encoding="utf-8")

    def run(self, *nodes: str) -> Run:
        """A run ends, after which these fail."""
        self.failing(*nodes)
        run = self.reader.read(self.root, CACHE)
        assert run is not None
        return run


@pytest.fixture
def cache(root: Path) -> Cache:
    cache = Cache(root)
    cache.failing()
    cache.reader.start(root)
    return cache


def junit(root: Path, text: str, name: str = "junit.xml", reader: Reader | None = None) -> Run:
    """The run in a JUnit file of this text."""
    (root / name).write_text(text, encoding="utf-8")
    run = (reader or JUnit()).read(root, name)
    assert run is not None
    return run


def test_the_cache_is_known_by_the_file_that_every_run_writes() -> None:
    claims = PytestCache().claims
    assert claims(CACHE)
    assert claims("sub/" + CACHE)
    assert not claims(".pytest_cache/v/cache/lastfailed")


def test_tests_that_began_to_fail_are_failures_of_their_files(cache: Cache) -> None:
    run = cache.run("tests/test_a.py::test_one", "tests/test_a.py::TestMore::test_two[x]")
    assert run.files == (TaskFile("tests/test_a.py", 0, 2),)
    assert run.succeeded is False


def test_tests_that_ceased_to_fail_have_passed(cache: Cache) -> None:
    cache.run("tests/test_a.py::test_one", "tests/test_b.py::test_three")
    run = cache.run("tests/test_b.py::test_three")
    assert run.files == (TaskFile("tests/test_a.py", 1, 0),)


def test_whether_the_rest_still_fails_is_not_known(cache: Cache) -> None:
    cache.run("tests/test_a.py::test_one", "tests/test_b.py::test_three")
    assert cache.run("tests/test_b.py::test_three").succeeded is None


def test_a_run_after_which_nothing_fails_succeeded(cache: Cache) -> None:
    run = cache.run()
    assert (run.succeeded, run.files) == (True, ())


def test_what_failed_before_the_window_opened_is_no_news(root: Path) -> None:
    cache = Cache(root)
    cache.failing("tests/test_a.py::test_one")
    cache.reader.start(root)
    assert cache.run("tests/test_a.py::test_one").files == ()


def test_a_junit_file_tells_all_tests_of_its_run(root: Path) -> None:
    run = junit(root, REPORT.format(made=""))
    assert run.files == (TaskFile("tests/test_a.py", 2, 0), TaskFile("tests/test_b.py", 0, 1))
    assert run.succeeded is False
    assert run.duration_s == pytest.approx(0.04)


def test_a_test_case_that_names_its_file_is_believed(root: Path) -> None:
    text = '<testsuite><testcase file="tests/test_b.py" classname="B" name="x"/></testsuite>'
    run = junit(root, text)
    assert (run.files, run.succeeded) == ((TaskFile("tests/test_b.py", 1, 0),), True)


def test_a_java_class_is_found_where_its_kind_lies(root: Path) -> None:
    source = root / "src" / "test" / "java" / "com" / "example" / "AreaTest.java"
    source.parent.mkdir(parents=True)
    source.write_text("", encoding="utf-8")
    text = '<testsuite name="x"><testcase classname="com.example.AreaTest" name="a"/></testsuite>'
    run = junit(root, text, "TEST-com.example.AreaTest.xml")
    assert run.files == (TaskFile("src/test/java/com/example/AreaTest.java", 1, 0),)


def test_a_file_outside_the_workspace_is_not_named(root: Path) -> None:
    text = '<testsuite><testcase file="../../etc/hosts.py" classname="" name="x"/></testsuite>'
    assert junit(root, text).files == ()


def test_a_report_that_came_with_a_checkout_is_no_run(root: Path) -> None:
    (root / "junit.xml").write_text(REPORT.format(made="2020-01-01T00:00:00"), encoding="utf-8")
    assert JUnit().read(root, "junit.xml") is None


def test_a_report_made_just_before_it_was_written_is_a_run(root: Path) -> None:
    (root / "junit.xml").write_text(
        REPORT.format(made="2020-01-01T00:00:00+00:00"), encoding="utf-8"
    )
    os.utime(root / "junit.xml", (1_577_836_860, 1_577_836_860))
    assert JUnit().read(root, "junit.xml") is not None


BOMB = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]><testsuite name="&l2;"/>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite><testcase name="a"/></testsuite>',
        "<testsuite><testcase name='a'>",
        "no xml at all",
        "<html><body/></html>",
        "",
    ],
)
def test_what_is_no_report_or_names_entities_is_refused(root: Path, text: str) -> None:
    (root / "junit.xml").write_text(text, encoding="utf-8")
    assert JUnit().read(root, "junit.xml") is None


def test_reports_with_other_names_are_read_where_the_settings_say() -> None:
    named, plain = JUnit(["out/*.xml"]), JUnit()
    assert named.claims("out/results.xml")
    assert not plain.claims("out/results.xml")
    assert plain.claims("build/test-results/test/TEST-A.xml")


def test_both_kinds_of_result_are_read() -> None:
    assert [type(one).__name__ for one in readers()] == ["JUnit", "PytestCache"]
