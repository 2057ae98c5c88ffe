"""What else the model should see.

Promises a few short pieces of other files, and of this file's far ends, best first, that stay
the same from one keystroke to the next, so that the prompt's cached prefix survives: they are
chosen where the cursor arrives, and again when it has moved some lines away or something was
edited elsewhere. It never shows a text that its file does not hold now, and knows no editor,
model or tokenizer. Which sources there are, and in which order, was measured (docs/context.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice

import msgspec

from habitus_server import similar, syntax
from habitus_server.imported import Imported, Read
from habitus_server.index import Finder, Found
from habitus_server.records import Chunk

MAX_CHUNKS = 6
MAX_CHUNK_CHARS = 250
MAX_FOUND = 2
MAX_FAR = 1
MAX_EDITS = 2

STEP_LINES = 8
"""The cursor keeps its chunks within so many lines of where they were chosen."""

SHOWN_ABOVE = 2_000
SHOWN_BELOW = 700
"""About the characters of its file that a prompt shows anyway (`engine.fim.Budget`)."""

_FILES_REMEMBERED = 64


class Source(Enum):
    """Where chunks come from."""

    FAR = "far parts of this file"
    EDITED = "recent edits elsewhere"
    FOUND = "pieces of other files"
    IMPORTED = "signatures of imported names"


ALL_SOURCES = frozenset(Source)


class RecentEdit(msgspec.Struct, frozen=True):
    """Settled human text at a place of a file: the lines of an edit as they stand now."""

    path: str
    text: str
    at: float


class View(msgspec.Struct, frozen=True):
    """What the editor shows when text is wanted.

    `open_files` maps relative paths to the text of open buffers, most recently viewed
    first; `recent_edits` is newest first. Both may hold the file at the cursor.
    """

    path: str
    language: str
    prefix: str
    suffix: str
    open_files: Mapping[str, str] = {}
    recent_edits: tuple[RecentEdit, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    """Chunks, and what they were chosen for."""

    line: int
    elsewhere: tuple[object, ...]
    chunks: tuple[Chunk, ...]


class Gatherer:
    """Gathers chunks, and remembers the last answer of each file.

    Calls may come from several threads: the worst that can happen is that an answer is
    worked out twice.
    """

    def __init__(
        self,
        read: Read,
        finder: Finder | None = None,
        *,
        allows: Callable[[str], bool] = lambda _path: True,
        sources: frozenset[Source] = ALL_SOURCES,
    ) -> None:
        """`allows` says whether a file that the index holds may be shown still."""
        self._finder = finder
        self._allows = allows
        self._sources = sources
        self._imported = Imported(read)
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def close(self) -> None:
        """Let go of the index."""
        if self._finder is not None:
            self._finder.close()

    def known(
        self, path: str, line: int, open_files: Collection[str], recent_edits: Iterable[RecentEdit]
    ) -> tuple[Chunk, ...] | None:
        """What `gather` would answer at once, without the texts; None when it must work."""
        known = self._answers.get(path)
        if known is None or abs(known.line - line) >= STEP_LINES:
            return None
        return (
            known.chunks if known.elsewhere == _elsewhere(path, open_files, recent_edits) else None
        )

    def gather(self, view: View) -> tuple[Chunk, ...]:
        """The chunks for `view`, best first, at most `MAX_CHUNKS`."""
        line = view.prefix.count("\n")
        known = self.known(view.path, line, view.open_files, view.recent_edits)
        if known is not None:
            return known
        elsewhere = _elsewhere(view.path, view.open_files, view.recent_edits)
        chosen = (chunk for chunk in dict.fromkeys(self._chunks(view)) if chunk.text)
        chunks = tuple(islice(chosen, MAX_CHUNKS))
        self._answers[view.path] = _Answer(line, elsewhere, chunks)
        self._answers.move_to_end(view.path)
        while len(self._answers) > _FILES_REMEMBERED:
            self._answers.popitem(last=False)
        return chunks

    def _chunks(self, view: View) -> Iterator[Chunk]:
        """The best of each source first; what is left then fills what room is left."""
        words = similar.around(view.prefix, view.suffix)
        edited, found = self._edited(view), self._found(view, words)
        yield from self._far(view, words)
        for _ in range(max(MAX_EDITS, MAX_FOUND)):
            yield from islice(edited, 1)
            yield from islice(found, 1)
        yield from self._signatures(view)

    def _found(self, view: View, words: list[str]) -> Iterator[Chunk]:
        """Pieces of other files that share rare words with the surroundings."""
        if self._finder is None or Source.FOUND not in self._sources:
            return
        pieces = self._finder.find(words, view.path)
        yield from islice(
            (_shown(one, words) for one in pieces if self._stands(one, view)), MAX_FOUND
        )

    def _far(self, view: View, words: list[str]) -> Iterator[Chunk]:
        """Pieces of this file, as the buffer has them, beyond what the prompt shows."""
        if self._finder is None or Source.FAR not in self._sources:
            return
        above, below = view.prefix[:-SHOWN_ABOVE], view.suffix[SHOWN_BELOW:]
        if above or below:
            pieces = self._finder.find_in(view.path, words)
            far = (one for one in pieces if one.piece.text in above or one.piece.text in below)
            yield from islice((_shown(one, words) for one in far), MAX_FAR)

    def _edited(self, view: View) -> Iterator[Chunk]:
        """The last lines of what was edited in other files."""
        if Source.EDITED not in self._sources:
            return
        edits = (edit for edit in view.recent_edits if edit.path != view.path)
        for edit in islice(edits, MAX_EDITS):
            yield Chunk(edit.path, _last_lines(edit.text))

    def _signatures(self, view: View) -> Iterator[Chunk]:
        """Signatures of imported names."""
        if Source.IMPORTED not in self._sources or view.language not in syntax.LANGUAGES:
            return
        whole_lines = view.prefix[: view.prefix.rfind("\n") + 1]
        near = whole_lines[-SHOWN_ABOVE:]
        yield from self._imported.chunks(
            view.path, whole_lines, near, view.open_files, MAX_CHUNK_CHARS
        )

    def _stands(self, one: Found, view: View) -> bool:
        """Whether a piece may be shown, and its file, where it is open, holds it still."""
        text = view.open_files.get(one.path)
        return self._allows(one.path) if text is None else one.piece.text in text


def _elsewhere(
    path: str, open_files: Collection[str], recent_edits: Iterable[RecentEdit]
) -> tuple[object, ...]:
    """What chunks depend on besides the place in a file."""
    edits = ((edit.path, edit.at) for edit in recent_edits if edit.path != path)
    return (frozenset(open_files), *edits)


def _shown(one: Found, words: list[str]) -> Chunk:
    return Chunk(one.path, similar.window(one.piece.text, words, MAX_CHUNK_CHARS))


def _last_lines(text: str) -> str:
    """As many whole lines from the end as fit a chunk."""
    shown = text
    while len(shown) > MAX_CHUNK_CHARS and "\n" in shown:
        shown = shown.partition("\n")[2]
    return shown[:MAX_CHUNK_CHARS]
