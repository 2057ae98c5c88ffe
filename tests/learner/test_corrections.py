"""What each correction is called: rows of (class, place, suggested, corrected)."""

from __future__ import annotations

import pytest

from habitus_learner.corrections import CorrectionClass, classify

METHOD = """\
class Basket:
    def __init__(self, owner):
        self.items = []
        self.owner = owner

    def total(self, rate):
        ‸

    def clear(self):
        self.items.clear()
"""
FUNCTION = """\
import json
from pathlib import Path

def load(path, default=None):
    ‸
    return default

def save(path, value):
    path.write_text(json.dumps(value))
"""
LINE = "def read(path):\n    value = ‸\n    return value\n"
MODULE = "import os\n‸\n\nLIMIT = 10\n"

TABLE = {
    CorrectionClass.RENAME: [
        (FUNCTION, "text = path.read_text()", "content = path.read_text()"),
        (FUNCTION, "for x in default:\n        print(x)",
         "for row in default:\n        print(row)"),
        (METHOD, "result = 0\n        return result", "price = 0\n        return price"),
        (MODULE, "def get_size(name):\n    return os.stat(name)",
         "def size_of(name):\n    return os.stat(name)"),
        (FUNCTION, "with open(path) as f:\n        return f.read()",
         "with open(path) as handle:\n        return handle.read()"),
        (METHOD, "self.price = rate", "self.rate = rate"),
        (MODULE, "def area(a, b):\n    return a * b", "def area(width, b):\n    return width * b"),
        (FUNCTION, "key, val = default", "key, value = default"),
    ],
    CorrectionClass.LITERAL: [
        (FUNCTION, 'text = path.read_text("ascii")', 'text = path.read_text("utf-8")'),
        (METHOD, "return rate * 100", "return rate * 1000"),
        (MODULE, 'NAMES = ["red", "blue"]', 'NAMES = ["red", "blue", "green"]'),
        (METHOD, "is_paid = True", "is_paid = False"),
        (FUNCTION, 'raise ValueError(f"bad {path}")', 'raise ValueError(f"cannot read {path}")'),
        (MODULE, "TIMEOUT = 30", "TIMEOUT = None"),
        (METHOD, "# the sum\n        return rate", "# what is owed\n        return rate"),
        (MODULE, 'SIZES = {"small": 1}', 'SIZES = {"small": 1, "large": 5}'),
    ],
    CorrectionClass.ARGUMENTS: [
        (LINE, "open(path)", 'open(path, encoding="utf-8")'),
        (LINE, "read_lines(path, True)", "read_lines(path, strip=True)"),
        (MODULE, "def walk(folder):\n    pass", "def walk(folder, depth=0):\n    pass"),
        (LINE, "join(path, name)", "join(name, path)"),
        (LINE, "json.dumps(path, indent=2, sort_keys=True)", "json.dumps(path)"),
        (LINE, "print(path)", "print(path.name)"),
        (MODULE, "def walk(folder):\n    pass", "def walk(folder: str) -> None:\n    pass"),
        (LINE, "load(path)", "load(name)"),
    ],
    CorrectionClass.API: [
        (LINE, "os.path.exists(path)", "path.exists()"),
        (LINE, "response.json()", "response.text()"),
        (LINE, "requests.get(path)", "requests.post(path)"),
        (MODULE, "import json", "import tomllib"),
        (MODULE, "from os import path", "from os import environ"),
        (METHOD, "self.items.append(rate)", "self.items.extend(rate)"),
        (LINE, "sum(path)", "max(path)"),
        (LINE, "event.code", "event.message"),
        (MODULE, "from typing import List", "from collections.abc import Sequence"),
    ],
    CorrectionClass.STRUCTURE: [
        (FUNCTION, "text = path.read_text()",
         "if not path.exists():\n        return default\n    text = path.read_text()"),
        (METHOD, "return rate", "self.rate = rate"),
        (FUNCTION, "value = json.loads(path.read_text())",
         "try:\n        value = json.loads(path.read_text())\n    except OSError:\n        pass"),
        (METHOD, "found = []\n        for item in self.items:\n            found.append(item)",
         "found = [item for item in self.items]"),
        (METHOD, "print(rate)\n        self.clear()", "self.clear()"),
        (METHOD, "if rate:\n            return 0",
         "if rate:\n            return 0\n        else:\n            return 1"),
        (FUNCTION, "for line in path:\n        print(line)", "while True:\n        print(line)"),
    ],
    CorrectionClass.FORMATTING: [
        (LINE, "dict(a=1,b=2)", "dict(a=1, b=2)"),
        (LINE, "[1, 2, 3]", "[\n        1,\n        2,\n        3,\n    ]"),
        (LINE, "'utf-8'", '"utf-8"'),
        (METHOD, "return (rate)", "return rate"),
        (METHOD, "first = 1\n        second = 2", "first = 1\n\n        second = 2"),
        (LINE, "path+1", "path + 1"),
    ],
    CorrectionClass.LOGIC: [
        (METHOD, "if rate < 0:\n            return 0", "if rate <= 0:\n            return 0"),
        (METHOD, "return rate + 1", "return rate - 1"),
        (METHOD, "if self.items:\n            pass", "if not self.items:\n            pass"),
        (METHOD, "if rate and self.owner:\n            pass",
         "if rate or self.owner:\n            pass"),
        (MODULE, "def area(a, b):\n    return a * a", "def area(a, b):\n    return a * b"),
        (METHOD, "count = len(self.items)", "count = len(self.items) + 1"),
        (FUNCTION, "default = default", "default = default or {}"),
        (METHOD, "names = self.items", "names = sorted(self.items)"),
        (METHOD, "total = rate", "total += rate"),
    ],
}  # fmt: skip
ROWS = [(wanted, *row) for wanted, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("wanted", "place", "suggested", "corrected"), ROWS)
def test_a_correction_of_python_is_named_by_its_trees(
    wanted: CorrectionClass, place: str, suggested: str, corrected: str
) -> None:
    prefix, suffix = place.split("‸")
    assert classify(suggested, corrected, "python", prefix, suffix) is wanted


def test_every_class_has_at_least_five_cases() -> None:
    named = set(CorrectionClass) - {CorrectionClass.UNKNOWN}
    assert {wanted for wanted, rows in TABLE.items() if len(rows) >= 5} == named


@pytest.mark.parametrize(
    ("wanted", "suggested", "corrected"),
    [
        (CorrectionClass.FORMATTING, "foo(a,b);", "foo(a, b);"),
        (CorrectionClass.RENAME, "const total = sum;", "const price = sum;"),
        (CorrectionClass.LITERAL, 'const name = "a";', 'const name = "b";'),
        (CorrectionClass.ARGUMENTS, "const x = read(path);", "const x = read(path, options);"),
        (CorrectionClass.API, "const x = list.first();", "const x = list.last();"),
        (CorrectionClass.LOGIC, "return a * a;", "return a * b;"),
        (CorrectionClass.UNKNOWN, "return a;", "if (a) { return a; }"),
        (CorrectionClass.UNKNOWN, "return a < b;", "return a <= b;"),
    ],
)
def test_other_languages_are_named_by_their_tokens_where_those_are_sure(
    wanted: CorrectionClass, suggested: str, corrected: str
) -> None:
    assert classify(suggested, corrected, "typescript", "function f() {\n  ", "\n}\n") is wanted


def test_an_expression_too_deep_to_walk_is_named_by_its_tokens() -> None:
    deep = " + ".join(["one"] * 4_000)
    found = classify(f"{deep} + 1", f"{deep} + 2", "python", "total = ", "\n")
    assert found is CorrectionClass.LITERAL


def test_python_that_does_not_parse_is_named_by_its_tokens() -> None:
    assert (
        classify("total = (1", "total = (2", "python", "if x:\n    ", "") is CorrectionClass.LITERAL
    )


def test_a_file_cut_in_the_middle_of_a_string_is_no_hindrance() -> None:
    prefix = 'and so on."""\n        return 1\n\n    def clear(self):\n        '
    found = classify("self.items.clear()", "self.items.pop()", "python", prefix, "\n")
    assert found is CorrectionClass.API
