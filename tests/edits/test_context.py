"""What other files a completion sees, and when that may change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from context.shelves import fill
from habitus_server.context import (
    MAX_CHUNK_CHARS,
    MAX_CHUNKS,
    STEP_LINES,
    Gatherer,
    RecentEdit,
    Source,
    View,
)
from habitus_server.imported import module_paths
from habitus_server.index import Finder
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


HERE = "def load_payment(reader, currency):\n    rows = reader.rows(currency)\n"
TWIN = "def load_invoice(reader, currency):\n    rows = reader.rows(currency)\n    return rows\n"
FILLER = "".join(f"unlike_{n} = {n}\n" for n in range(200))
SHOWS = {
    Source.FOUND: "pkg/invoices.py",
    Source.FAR: "pkg/main.py",
    Source.EDITED: "pkg/a.py",
    Source.IMPORTED: "other.py",
}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


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


def search(index: Path, text: str, **kwargs: object) -> tuple[Chunk, ...]:
    return Gatherer(Reader({}), Finder(index)).gather(view(f"{text}‸\n", **kwargs))


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


def test_pieces_of_other_files_that_share_rare_words_are_shown(index: Path) -> None:
    fill(index, {"pkg/invoices.py": TWIN, "pkg/x.py": "def unlike(): pass\n"})
    (chunk,) = search(index, HERE)
    assert chunk == Chunk("pkg/invoices.py", TWIN.rstrip("\n"))


def test_a_long_piece_shows_the_lines_that_share_most_words(index: Path) -> None:
    filler = "".join(f"    nothing_like_it_{n}()\n" for n in range(30))
    fill(index, {"pkg/long.py": f"def long():\n{filler}    rows = reader.rows(currency)\n"})
    (chunk,) = search(index, HERE)
    assert chunk.text.endswith("rows = reader.rows(currency)")
    assert len(chunk.text) <= MAX_CHUNK_CHARS


def test_the_file_itself_is_not_shown_as_it_is_on_disk(index: Path) -> None:
    fill(index, {"pkg/main.py": TWIN})
    assert search(index, HERE) == ()


def test_a_far_part_of_the_file_is_shown_as_the_buffer_has_it(index: Path) -> None:
    fill(index, {"pkg/main.py": f"{TWIN}\n\n{FILLER}"})
    (chunk,) = search(index, f"{TWIN}\n\n{FILLER}{HERE}")
    assert chunk == Chunk("pkg/main.py", TWIN.rstrip("\n"))


def test_a_far_part_that_the_buffer_no_longer_has_is_not_shown(index: Path) -> None:
    fill(index, {"pkg/main.py": f"{TWIN}\n\n{FILLER}"})
    edited = TWIN.replace("return rows", "return other_rows")
    assert search(index, f"{edited}\n\n{FILLER}{HERE}") == ()


def test_a_part_of_the_file_that_the_prompt_shows_anyway_is_no_chunk(index: Path) -> None:
    fill(index, {"pkg/main.py": TWIN})
    assert search(index, f"{TWIN}\n\n{HERE}") == ()


def test_an_answer_that_is_only_on_disk_is_never_shown(index: Path) -> None:
    written = f"{HERE}    return rows.settled(currency)\n"
    fill(index, {"pkg/main.py": f"{TWIN}\n\n{FILLER}{written}"})
    chunks = search(index, f"{TWIN}\n\n{FILLER}{HERE}")
    assert chunks and not any("settled" in chunk.text for chunk in chunks)


def test_a_changed_open_file_hides_its_text_on_disk(index: Path) -> None:
    fill(index, {"pkg/invoices.py": TWIN})
    assert search(index, HERE, open_files={"pkg/invoices.py": "emptied = True\n"}) == ()
    assert len(search(index, HERE, open_files={"pkg/invoices.py": f"# new\n{TWIN}"})) == 1


def test_a_file_that_is_no_longer_allowed_is_not_shown(index: Path) -> None:
    fill(index, {"pkg/invoices.py": TWIN})
    gatherer = Gatherer(Reader({}), Finder(index), allows=lambda path: path != "pkg/invoices.py")
    assert gatherer.gather(view(f"{HERE}‸\n")) == ()


def test_a_source_that_is_left_out_gives_nothing(index: Path) -> None:
    fill(index, {"pkg/invoices.py": TWIN, "pkg/main.py": f"{TWIN}\n\n{FILLER}"})
    edits = (RecentEdit("pkg/a.py", "retries = 3", at=1.0),)
    marked = f"from other import helper\n{TWIN}\n\n{FILLER}{HERE}‸\n"
    for source in Source:
        gatherer = Gatherer(Reader(WORKSPACE), Finder(index), sources=frozenset({source}))
        chunks = gatherer.gather(view(marked, recent_edits=edits))
        assert [chunk.path for chunk in chunks] == [SHOWS[source]]


def test_the_best_of_each_source_comes_before_the_second_best_of_any(index: Path) -> None:
    fill(index, {"pkg/a.py": TWIN, "pkg/b.py": TWIN, "pkg/main.py": f"{TWIN}\n\n{FILLER}"})
    edits = (RecentEdit("e.py", "retries = 3", at=2.0), RecentEdit("f.py", "delay = 1", at=1.0))
    chunks = Gatherer(Reader(WORKSPACE), Finder(index)).gather(
        view(f"from other import helper\n{TWIN}\n\n{FILLER}{HERE}‸\n", recent_edits=edits)
    )
    paths = [chunk.path for chunk in chunks]
    assert paths == ["pkg/main.py", "e.py", "pkg/a.py", "f.py", "pkg/b.py", "other.py"]


def test_typing_changes_nothing_and_reads_nothing_within_some_lines() -> None:
    reader = Reader(WORKSPACE)
    gatherer = Gatherer(reader)
    text = "from .shapes import Shape\n\n\ndef f():\n    value = Shape(1, 2).area()\n    x = 1\n"
    first = gatherer.gather(view(text[:60] + "‸\n"))
    reads = reader.reads
    for end in range(61, len(text)):
        assert gatherer.gather(view(text[:end] + "‸\n")) is first
    assert reader.reads == reads


def test_chunks_are_chosen_again_when_the_cursor_has_moved_some_lines(index: Path) -> None:
    fill(index, {"pkg/invoices.py": TWIN, "pkg/mail.py": "def send(postbox, parcel): pass\n"})
    gatherer = Gatherer(Reader({}), Finder(index))
    text = HERE
    seen = [gatherer.gather(view(f"{text}‸\n"))]
    for _ in range(STEP_LINES):
        text += "    postbox.add(parcel)\n"
        seen.append(gatherer.gather(view(f"{text}‸\n")))
    assert all(chunks == seen[0] for chunks in seen[:-1])
    assert {chunk.path for chunk in seen[-1]} == {"pkg/invoices.py", "pkg/mail.py"}


def test_chunks_are_known_without_a_text_as_long_as_they_stay_the_same() -> None:
    gatherer = Gatherer(Reader(WORKSPACE))
    seen = view("from .shapes import Shape\n\nx = ‸\n", open_files={"other.py": ""})
    edits = (RecentEdit("other.py", "fresh = True", at=1.0),)
    assert gatherer.known(seen.path, 2, {"other.py"}, ()) is None
    chunks = gatherer.gather(seen)
    assert gatherer.known(seen.path, 2 + STEP_LINES - 1, {"other.py"}, ()) is chunks
    assert gatherer.known(seen.path, 2 + STEP_LINES, {"other.py"}, ()) is None
    assert gatherer.known(seen.path, 2, {"other.py", "more.py"}, ()) is None
    assert gatherer.known(seen.path, 2, {"other.py"}, edits) is None


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
