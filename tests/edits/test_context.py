"""What other files a completion sees, and when that may change."""

from __future__ import annotations

import time
from collections.abc import Mapping

from habitus_server.context import (
    MAX_CHUNK_CHARS,
    MAX_CHUNKS,
    Gatherer,
    RecentEdit,
    View,
    module_paths,
)
from habitus_server.records import Chunk

SHAPES = '''"""Shapes."""

LIMIT = 10


class Shape:
    """A shape."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width

    def area(self, scale: float = 1.0) -> float:
        return 1.0

    def _secret(self) -> None:
        pass


def unite(first: Shape, second: Shape) -> Shape:
    return first


def unrelated() -> None:
    pass
'''
WORKSPACE = {
    "pkg/__init__.py": "VERSION = '1'\n",
    "pkg/shapes.py": SHAPES,
    "pkg/colours.py": "def mix(red: int, blue: int) -> int:\n    return red\n",
    "other.py": "def helper(value):\n    return value\n",
}


class Reader:
    """Workspace files, and how often each was read."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.reads = 0

    def __call__(self, path: str) -> str | None:
        self.reads += 1
        return self.files.get(path)


def view(marked: str, path: str = "pkg/main.py", **kwargs: object) -> View:
    prefix, suffix = marked.split("‸")
    return View(path=path, language="python", prefix=prefix, suffix=suffix, **kwargs)  # type: ignore[arg-type]


def gather(marked: str, **kwargs: object) -> tuple[Chunk, ...]:
    return Gatherer(Reader(WORKSPACE)).gather(view(marked, **kwargs))


def test_an_imported_class_shows_its_signature_and_public_members() -> None:
    (chunk,) = gather("from pkg.shapes import Shape\n\nx = ‸\n")
    assert chunk.path == "pkg/shapes.py"
    assert chunk.text.splitlines() == [
        "class Shape:",
        "    def __init__(self, width: int, height: int) -> None:",
        "    def area(self, scale: float = 1.0) -> float:",
    ]


def test_only_the_imported_names_are_shown() -> None:
    (chunk,) = gather("from pkg.shapes import unite, LIMIT\nx = ‸\n")
    assert chunk.text.splitlines() == [
        "LIMIT = 10",
        "def unite(first: Shape, second: Shape) -> Shape:",
    ]


def test_a_relative_import_is_found_beside_the_file() -> None:
    (chunk,) = gather("from .colours import mix\nx = ‸\n")
    assert chunk == Chunk("pkg/colours.py", "def mix(red: int, blue: int) -> int:")


def test_a_parenthesised_import_over_several_lines_is_read_whole() -> None:
    (chunk,) = gather("from .shapes import (\n    LIMIT,\n    unite,\n)\nx = ‸\n")
    assert "unite" in chunk.text and "LIMIT" in chunk.text


def test_a_module_imported_by_name_shows_what_is_used_of_it_nearby() -> None:
    above = "\n" * 8
    (chunk,) = gather(f"from pkg import shapes\ny = shapes.unite(a, b)\n{above}x = ‸\n")
    assert chunk == Chunk("pkg/shapes.py", "def unite(first: Shape, second: Shape) -> Shape:")


def test_modules_whose_names_stand_near_the_cursor_come_first() -> None:
    near = "\n" * 8
    marked = f"from .shapes import LIMIT\nfrom .colours import mix\nz = mix(1, 2)\n{near}x = ‸\n"
    assert [chunk.path for chunk in gather(marked)] == ["pkg/colours.py", "pkg/shapes.py"]


def test_modules_outside_the_workspace_are_passed_over() -> None:
    assert gather("import os\nfrom collections import deque\nx = ‸\n") == ()


def test_an_open_buffer_hides_the_text_on_disk() -> None:
    (chunk,) = gather(
        "from .colours import mix\nx = ‸\n",
        open_files={"pkg/colours.py": "def mix(only: str) -> str:\n    return only\n"},
    )
    assert chunk.text == "def mix(only: str) -> str:"


def test_recent_edits_of_other_files_are_shown_newest_first() -> None:
    edits = (
        RecentEdit("pkg/a.py", "retries = 3", at=20.0),
        RecentEdit("pkg/main.py", "here = 1", at=15.0),
        RecentEdit("pkg/b.py", "delay = 2.0", at=10.0),
    )
    assert gather("x = ‸\n", recent_edits=edits) == (
        Chunk("pkg/a.py", "retries = 3"),
        Chunk("pkg/b.py", "delay = 2.0"),
    )


def test_the_part_of_an_open_file_that_shares_most_words_is_shown() -> None:
    filler = "".join(f"unlike_{n} = {n}\n" for n in range(40))
    twin = (
        "def load_invoice(reader, currency):\n    rows = reader.rows(currency)\n    return rows\n"
    )
    here = "def load_payment(reader, currency):\n    rows = reader.rows(currency)\n"
    above = here + "\n" * 8
    (chunk,) = gather(f"{above}‸\n", open_files={"pkg/invoices.py": filler + twin + filler})
    assert "load_invoice" in chunk.text
    assert len(chunk.text.splitlines()) <= 10


def test_an_open_file_without_shared_words_is_not_shown() -> None:
    above = "def load(reader, currency, account):\n    return reader\n" + "\n" * 8
    assert gather(f"{above}‸\n", open_files={"pkg/x.py": "alpha = beta\n" * 30}) == ()


def test_typing_on_one_line_changes_nothing_and_reads_nothing() -> None:
    reader = Reader(WORKSPACE)
    gatherer = Gatherer(reader)
    text = "from .shapes import Shape\n\n\ndef f():\n    value = Shape(1, 2).area()\n"
    first = gatherer.gather(view(text[:60] + "‸\n"))
    reads = reader.reads
    for end in range(61, len(text)):
        if "\n" not in text[60:end]:
            assert gatherer.gather(view(text[:end] + "‸\n")) is first
    assert reader.reads == reads


def test_typing_an_import_changes_nothing_until_its_line_is_left() -> None:
    gatherer = Gatherer(Reader(WORKSPACE))
    assert gatherer.gather(view("from .shapes import Sha‸\n")) == ()
    assert len(gatherer.gather(view("from .shapes import Shape\n‸\n"))) == 1


def test_a_new_edit_elsewhere_is_seen_at_once() -> None:
    gatherer = Gatherer(Reader(WORKSPACE))
    assert gatherer.gather(view("x = ‸\n")) == ()
    edits = (RecentEdit("other.py", "fresh = True", at=1.0),)
    assert gatherer.gather(view("x = ‸\n", recent_edits=edits)) == (
        Chunk("other.py", "fresh = True"),
    )


def test_the_answer_is_bounded() -> None:
    many = {
        f"pkg/m{n}.py": "".join(f"def f{n}_{k}(a, b): pass\n" for k in range(200))
        for n in range(30)
    }
    imports = "".join(f"from .m{n} import f{n}_1\nimport pkg.m{n}\n" for n in range(30))
    chunks = Gatherer(Reader(many)).gather(view(f"{imports}x = ‸\n"))
    assert 0 < len(chunks) <= MAX_CHUNKS
    assert all(len(chunk.text) <= MAX_CHUNK_CHARS for chunk in chunks)


def test_an_import_of_nonsense_is_survived() -> None:
    assert gather("from ..... import x\nfrom . import\nimport\nx = ‸\n") == ()


def test_a_warm_answer_takes_less_than_five_milliseconds() -> None:
    gatherer = Gatherer(Reader(WORKSPACE))
    body = "def g(y):\n    return [y, (1, 2)]\n\n\n" * 20_000
    seen = view(f"from .shapes import Shape\n{body}x = ‸\n{body}", open_files={"other.py": body})
    gatherer.gather(seen)
    costs = []
    for _ in range(7):
        started = time.perf_counter()
        gatherer.gather(seen)
        costs.append((time.perf_counter() - started) * 1000)
    assert sorted(costs)[3] < 5


def test_a_module_is_looked_for_at_the_root_then_nearer_the_importer() -> None:
    assert list(module_paths("a.b", "src/pkg/main.py")) == [
        "a/b.py",
        "a/b/__init__.py",
        "src/a/b.py",
        "src/a/b/__init__.py",
        "src/pkg/a/b.py",
        "src/pkg/a/b/__init__.py",
        "src/a/b.py",
        "src/a/b/__init__.py",
    ]
    assert list(module_paths("..b", "src/pkg/sub/main.py")) == [
        "src/pkg/b.py",
        "src/pkg/b/__init__.py",
    ]
