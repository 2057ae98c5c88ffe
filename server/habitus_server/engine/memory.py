"""What each workspace has written, kept where decoding can look it up.

Promises that a document is in memory as soon as `remember` returns, in place of its
older text; that a request sees its own file as it is in the editor and never as it is
on disk; and that settled text teaches the gates of its own workspace only. Safe to
feed from one thread and ask from another. Knows no model: lessons wait here until
someone who has one takes them.
"""

from __future__ import annotations

import difflib
import threading
from collections import deque
from collections.abc import Callable

import msgspec

from habitus_server.engine.evidence import level_of
from habitus_server.engine.fim import visible_suffix
from habitus_server.engine.gates import Gates
from habitus_server.engine.recall import Recall, View
from habitus_server.engine.segment import GAP, Document, Run, SortedSegment
from habitus_server.engine.tokens import DocumentReader, Tokens
from habitus_server.engine.vocabulary import Vocabulary
from habitus_server.engine.wire import Place

LIVE_TOKENS = 60_000
"""Fresh documents are scanned until they are this many tokens, then sorted."""

OVERFULL_TOKENS = 4 * LIVE_TOKENS
"""Even while documents stream in, no more than this is scanned for each token."""

LESSON_LINES = 3
"""Lines learned from per document taken in: each costs the model a prompt."""
LESSONS_WAITING = 256
LOCAL_CHARS = 200_000
KNOWN_LANGUAGES = frozenset({"python"})
"""Languages that the embedded model was trained on."""

_MIN_LESSON_CHARS = 8


class Lesson(msgspec.Struct, frozen=True):
    """A line that its developer has settled on: what stands at a place."""

    place: Place
    text: str


class _Workspace:
    """One workspace's segments, from the oldest and largest to the live one."""

    def __init__(self) -> None:
        self.sorted: list[SortedSegment] = []
        self.live = Run(())
        self.documents: dict[str, Document] = {}
        self.gates: dict[bool, Gates] = {}

    def put(self, document: Document) -> None:
        self.hide(document.path)
        self.documents[document.path] = document
        self.live = Run((*self.live.visible(), document))

    def hide(self, path: str) -> None:
        if self.documents.pop(path, None) is None:
            return
        self.live.hide(path)
        for segment in self.sorted:
            segment.hide(path)


class Memory:
    """Every workspace's memory, for one tokenizer."""

    def __init__(self, tokens: Tokens, on_lesson: Callable[[], None] = lambda: None) -> None:
        self._tokens = tokens
        self._vocabulary = Vocabulary(tokens)
        self._on_lesson = on_lesson
        self._taking = DocumentReader(tokens)
        self._asking = DocumentReader(tokens)
        self._lock = threading.Lock()
        self._workspaces: dict[str, _Workspace] = {}
        self._lessons: deque[Lesson] = deque(maxlen=LESSONS_WAITING)

    def remember(self, workspace: str, path: str, text: str, *, learn: bool = False) -> None:
        """Take a document in; with `learn`, what is new in it becomes lessons first."""
        ids, starts = self._taking.read(text)
        with self._lock:
            known = self._workspaces.setdefault(workspace, _Workspace())
            older = known.documents.get(path)
        lessons = _lessons(workspace, path, self._text(older), text) if learn else []
        with self._lock:
            self._lessons.extend(lessons)
            known.put(Document(path, ids, starts))
            is_overfull = len(known.live) > OVERFULL_TOKENS
        if is_overfull:
            self.tidy()
        if lessons:
            self._on_lesson()

    def forget(self, workspace: str, path: str = "") -> None:
        """Drop a document, or the whole workspace and what its gates learned; lessons too."""
        with self._lock:
            if not path:
                self._workspaces.pop(workspace, None)
            elif workspace in self._workspaces:
                self._workspaces[workspace].hide(path)
            kept = [
                lesson
                for lesson in self._lessons
                if lesson.place.workspace != workspace or path not in ("", lesson.place.path)
            ]
            self._lessons.clear()
            self._lessons.extend(kept)

    def begin(self, place: Place, *, one_line: bool = False, gates: Gates | None = None) -> Recall:
        """The mixer of one continuation at a place.

        `one_line` says that it ends with its line at the latest; `gates` are used in
        place of the workspace's own.
        """
        with self._lock:
            known = self._workspaces.get(place.workspace) or _Workspace()
            segments = tuple(s for s in (*known.sorted, known.live) if len(s) > 1)
            is_known = place.language in KNOWN_LANGUAGES
            gates = gates or known.gates.setdefault(is_known, Gates())
        local = self._local(place)
        tokens = local.ids[local.ids != GAP]
        vocabulary = level_of(tokens, 0, is_local=True) if len(tokens) else None
        view = View(local, segments, place.path, vocabulary)
        below = visible_suffix(place.suffix)
        return Recall(
            view,
            self._vocabulary,
            gates,
            place.prefix,
            is_known=is_known,
            # With text right of the cursor, that text is where a completion ends.
            ends_line=one_line and (not below or below[0] in "\r\n"),
        )

    def take_lesson(self) -> Lesson | None:
        """The next lesson that waits, removed."""
        with self._lock:
            return self._lessons.popleft() if self._lessons else None

    def put_back(self, lesson: Lesson) -> None:
        """Let a lesson that was interrupted wait again, first."""
        with self._lock:
            self._lessons.appendleft(lesson)

    def tidy(self) -> bool:
        """Sort one workspace's live documents, or merge two of its segments, if it is time."""
        with self._lock:
            for known in self._workspaces.values():
                work = _due(known)
                if work:
                    break
            else:
                return False
            documents = [document for run in work for document in run.visible()]
        merged = SortedSegment(documents)
        with self._lock:
            # What changed while this was being sorted is hidden in the sorted copy too.
            for document in documents:
                if known.documents.get(document.path) is not document:
                    merged.hide(document.path)
            known.sorted = [s for s in known.sorted if s not in work]
            if len(merged) > 1:
                known.sorted.append(merged)
            known.sorted.sort(key=len, reverse=True)
            done = {id(document) for document in documents}
            known.live = Run([d for d in known.live.visible() if id(d) not in done])
        return True

    def token_count(self) -> int:
        """Tokens held for all workspaces."""
        with self._lock:
            return sum(
                len(document.ids)
                for known in self._workspaces.values()
                for document in known.documents.values()
            )

    def _text(self, document: Document | None) -> str:
        ids = document.ids.tolist() if document else []
        return self._tokens.bytes_of(ids).decode(errors="replace")

    def _local(self, place: Place) -> Run:
        """The open file around the cursor; the word at the cursor is not evidence for itself."""
        before, before_starts = self._asking.read(place.prefix[-LOCAL_CHARS:])
        after, after_starts = self._asking.read(place.suffix[:LOCAL_CHARS])
        return Run(
            (
                Document("before", before, before_starts),
                Document("after", after, after_starts),
            )
        )


def _due(known: _Workspace) -> list[Run]:
    """Segments to make one: too long a live one, or neighbours of like size."""
    if len(known.live) > LIVE_TOKENS:
        return [known.live]
    for larger, smaller in zip(known.sorted, known.sorted[1:], strict=False):
        if len(larger) < 2 * len(smaller):
            return [larger, smaller]
    return []


def _lessons(workspace: str, path: str, before: str, after: str) -> list[Lesson]:
    """Lines of `after` that `before` lacks, each with the text around it, evenly chosen."""
    old, new = before.split("\n"), after.split("\n")
    # Almost always one place changed: aligning what lies between the common ends alone
    # costs a long document nothing.
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    between = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = difflib.SequenceMatcher(None, *between, autojunk=False)
    fresh = [
        number
        for tag, _, _, first, last in matcher.get_opcodes()
        if tag in ("replace", "insert")
        for number in range(head + first, head + last)
        if len(new[number].strip()) >= _MIN_LESSON_CHARS
    ]
    step = max(1, -(-len(fresh) // LESSON_LINES))
    lessons = []
    for number in fresh[::step]:
        line = new[number]
        indent = line[: len(line) - len(line.lstrip())]
        prefix = "".join(f"{above}\n" for above in new[:number]) + indent
        suffix = "".join(f"\n{below}" for below in new[number + 1 :])
        language = "python" if path.endswith((".py", ".pyi")) else ""
        place = Place(workspace, path, language, prefix, suffix)
        lessons.append(Lesson(place, line.strip()))
    return lessons


def _shared(old: list[str], new: list[str]) -> int:
    """How many leading lines are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count
