"""What test runs left on disk, read as results of files.

Promises counts only where a run itself says so: a JUnit file tells every test of its run;
pytest's cache tells which tests began or ceased to fail, and that all is well when none
does, but not which others ran. Files are looked at as data: no DTD, no entity, no links to
anything else. Everything here may block: call it off the event loop.

To add a kind of result, write a reader and name it in `readers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Protocol
from xml.parsers import expat

import msgspec

from habitus_server.records import TaskFile

MAX_BYTES = 20_000_000
OLDEST_S = 3_600.0
"""A JUnit file that was made longer before it was written came with a checkout."""

JUNIT_NAMES = (
    *("junit*.xml", "*-junit.xml", "*.junit.xml", "TEST-*.xml", "nosetests.xml", "xunit*.xml"),
    *("test-results*.xml", "test_results*.xml", "test-report*.xml", "pytest*.xml", "rspec*.xml"),
)
_SOURCES = (
    *(("", ".py"), ("src", ".py"), ("", ".rb"), ("", ".js"), ("", ".ts")),
    *(("src/test/java", ".java"), ("src/test/kotlin", ".kt"), ("", ".java"), ("", ".kt")),
)
"""Where the file of a class name may lie, and how it ends."""


class Run(msgspec.Struct, frozen=True):
    """One run: `files` are the test files of which something is certain.

    `succeeded` is None where it is not known whether all that failed ran again.
    """

    reader: str
    source: str
    succeeded: bool | None
    files: tuple[TaskFile, ...]
    duration_s: float = 0.0


class Reader(Protocol):
    """One kind of result."""

    def claims(self, path: str) -> bool:
        """Whether a file that changed is such a result; paths relative to the root."""

    def start(self, root: Path) -> None:
        """Learn what is known before the first run."""

    def read(self, root: Path, path: str) -> Run | None:
        """The run that wrote a file, or None when it tells of none."""


def readers(junit: Sequence[str] = ()) -> tuple[Reader, ...]:
    """Every kind of result; `junit` are globs for JUnit files with names of their own."""
    return (JUnit(junit), PytestCache())


class PytestCache:
    """`.pytest_cache/v/cache`, which pytest writes at the end of every run.

    `nodeids` is written each time, and holds all tests ever seen; `lastfailed` those that
    failed when they last ran.
    """

    _WHERE = "v/cache/nodeids"

    def __init__(self) -> None:
        self._failed: dict[str, frozenset[str]] = {}

    def claims(self, path: str) -> bool:
        """Whether it is the file that every run writes."""
        return path.endswith("_cache/" + self._WHERE)

    def start(self, root: Path) -> None:
        """Which tests fail already."""
        path = f".pytest_cache/{self._WHERE}"
        if (root / path).exists():
            self._failed[path] = _last_failed(root / path)

    def read(self, root: Path, path: str) -> Run | None:
        """What began or ceased to fail since the last run."""
        before = self._failed.get(path)
        now = self._failed[path] = _last_failed(root / path)
        base = PurePosixPath(path).parents[3]
        failed = _by_file(base, now - before if before is not None else ())
        passed = _by_file(base, before - now if before is not None else ())
        files = [
            TaskFile(name, passed[name], failed[name])
            for name in sorted(passed.keys() | failed.keys())
            if (root / name).is_file()
        ]
        succeeded = True if not now else False if failed else None
        return Run("pytest", path, succeeded, tuple(files))


class JUnit:
    """JUnit's XML, which nearly every test runner can write."""

    def __init__(self, globs: Sequence[str] = ()) -> None:
        self._globs = tuple(globs)

    def claims(self, path: str) -> bool:
        """Whether its name is one that such files have, or that the settings give."""
        name = PurePosixPath(path).name
        return any(fnmatch(name, one) for one in JUNIT_NAMES) or any(
            fnmatch(path, one) for one in self._globs
        )

    def start(self, root: Path) -> None:
        """Each file tells a whole run: nothing need be known before."""

    def read(self, root: Path, path: str) -> Run | None:
        """The run in a file, or None when it is no JUnit file, or an old one."""
        full = root / path
        try:
            stat = full.stat()
            if stat.st_size > MAX_BYTES:
                return None
            found = _Report(full.read_bytes())
        except (OSError, expat.ExpatError, _RefusedError):
            return None
        if not found.counted or _is_old(found.made_at, stat.st_mtime):
            return None
        files: dict[str, Counter[bool]] = {}
        for (named, has_passed), count in found.counted.items():
            file = _file_of(root, PurePosixPath(path).parent, named)
            if file:
                files.setdefault(file, Counter())[has_passed] += count
        return Run(
            "junit",
            path,
            not any(not has_passed for _, has_passed in found.counted),
            tuple(TaskFile(file, one[True], one[False]) for file, one in sorted(files.items())),
            found.duration_s,
        )


class _RefusedError(Exception):
    """It declares a document type: no test runner does, and it could name entities."""


_Named = tuple[str, str, str]
"""How a test case names its file: its own `file`, its suite's name or file, its class."""


class _Report:
    """The test cases of one document, counted by file and by whether they passed."""

    def __init__(self, data: bytes) -> None:
        self.counted: Counter[tuple[_Named, bool]] = Counter()
        self.duration_s = 0.0
        self.made_at = ""
        self._suites: list[str] = []
        self._case: _Named | None = None
        self._verdict: bool | None = True
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(data, True)

    def _refuse(self, *_arguments: object) -> None:
        raise _RefusedError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "testsuite":
            self._suites.append(attributes.get("file") or attributes.get("name", ""))
            self.made_at = self.made_at or attributes.get("timestamp", "")
        elif name == "testcase":
            suite = self._suites[-1] if self._suites else ""
            self._case = attributes.get("file", ""), suite, attributes.get("classname", "")
            self._verdict = True
            self.duration_s += _seconds(attributes.get("time", ""))
        elif name in ("failure", "error"):
            self._verdict = False
        elif name == "skipped" and self._verdict:
            self._verdict = None

    def _end(self, name: str) -> None:
        if name == "testsuite" and self._suites:
            self._suites.pop()
        elif name == "testcase" and self._case is not None:
            if self._verdict is not None:
                self.counted[self._case, self._verdict] += 1
            self._case = None


def _last_failed(nodeids: Path) -> frozenset[str]:
    try:
        data = (nodeids.parent / "lastfailed").read_bytes()
        return frozenset(msgspec.json.decode(data, type=dict[str, bool]))
    except (OSError, msgspec.MsgspecError):
        return frozenset()


def _by_file(base: PurePosixPath, nodes: Iterable[str]) -> Counter[str]:
    """How many tests of each file are among these."""
    return Counter((base / node.split("::", 1)[0]).as_posix() for node in nodes)


def _file_of(root: Path, folder: PurePosixPath, named: _Named) -> str:
    """The file of the workspace that a test case names, or ""."""
    file, suite, class_name = named
    above = [folder, *folder.parents]
    for name in (file, suite):
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.suffix or ".." in path.parts or not name.isprintable():
            continue
        inside = _below(root, path) if path.is_absolute() else None
        for one in [inside] if inside else [base / path for base in above]:
            if (root / one).is_file():
                return one.as_posix()
    parts = [part for part in class_name.split(".") if part.isidentifier()]
    for size in range(len(parts), 0, -1):
        dotted = "/".join(parts[:size])
        for source, suffix in _SOURCES:
            one = PurePosixPath(source) / (dotted + suffix)
            if (root / one).is_file():
                return one.as_posix()
    return ""


def _below(root: Path, path: PurePosixPath) -> PurePosixPath | None:
    here = root.as_posix()
    return path.relative_to(here) if path.is_relative_to(here) else None


def _is_old(made_at: str, written_at: float) -> bool:
    try:
        made = datetime.fromisoformat(made_at)
    except ValueError:
        return False
    return written_at - made.timestamp() > OLDEST_S


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text.replace(",", "")))
    except ValueError:
        return 0.0
