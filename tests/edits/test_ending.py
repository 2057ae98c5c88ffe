"""Where a completion is to end: a line, or a block."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_server.config import Completion
from habitus_server.ending import stop_at
from habitus_server.engine.wire import Stop
from habitus_server.session import Opened, Session


def stop_in(marked: str, language: str = "python", **settings: int) -> Stop:
    """The stop at the cursor mark ‸."""
    session = Session()
    session.add_folder(Path("/w"))
    session.apply(Opened("file:///w/a", language, 1, marked.replace("‸", "")))
    document = session.document("file:///w/a")
    assert document is not None
    place = document.buffer.position_at(marked.index("‸"), session.encoding)
    snapshot = session.snapshot("file:///w/a", place)
    assert snapshot is not None
    return stop_at(snapshot, Completion(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("marked", "indent"),
    [
        ("def f():\n    ‸\n", 4),
        ("def f():‸\n", 1),
        ("class A:\n    def f(self):‸\n", 5),
        ("def f():\n‸\n", 1),
        ('def f():\n    """Do."""\n    ‸\n', 4),
        ("def f():\n    # First.\n    ‸\n\n\nx = 1\n", 4),
        ("for a in b:\n    if a:\n        ‸\n    c()\n", 8),
        ("foo(\n    ‸\n)\n", 4),
        ("try:\n    a()\nexcept A:\n    ‸\n", 4),
    ],
)
def test_a_block_is_asked_for_where_an_empty_one_waits(marked: str, indent: int) -> None:
    stop = stop_in(marked)
    assert (stop.mode, stop.indent) == ("block", indent)


@pytest.mark.parametrize(
    "marked",
    [
        "def f():\n    x = ‸\n",
        "def f():\n    ‸pass\n",
        "x = 1\n‸\n",
        "def f():\n    a()\n    ‸\n",
        "def f():\n    ‸\n    return 1\n",
        "x = d[a:‸\n",
        "# note:\n‸\n",
        'def f():\n    """Text:\n    ‸\n    """\n',
        "key = lambda a:‸\n",
    ],
)
def test_elsewhere_a_line_is_enough(marked: str) -> None:
    assert stop_in(marked).mode == "line"


@pytest.mark.parametrize(
    ("marked", "mode"),
    [
        ("if (a) {\n  ‸\n}\n", "block"),
        ("if (a) {‸\n}\n", "block"),
        ("if (a) {\n  ‸\n  b();\n}\n", "line"),
        ("const f = () =>\n  ‸\n", "block"),
        ("// say:\n‸\n", "line"),
        ("a();\n‸\n", "line"),
    ],
)
def test_where_no_grammar_is_known_indentation_tells(marked: str, mode: str) -> None:
    assert stop_in(marked, "javascript").mode == mode


def test_settings_can_hold_completions_to_one_line() -> None:
    assert stop_in("def f():\n    ‸\n", max_lines=1).mode == "line"
