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
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from habitus_server.engine.evidence import vocabulary_level
from habitus_server.engine.fim import visible_suffix
from habitus_server.engine.gates import Gates
from habitus_server.engine.recall import Recall, View, split_words
from habitus_server.engine.segment import Document, Run, SortedSegment
from habitus_server.engine.tokens import DocumentReader, Tokens
from habitus_server.engine.vocabulary import Vocabulary
from habitus_server.engine.wire import Place

LIVE_TOKENS = 60_000
"""Fresh documents are scanned until they are this many tokens, then sorted."""

OVERFULL_TOKENS = 4 * LIVE_TOKENS
"""Even while documents stream in, no more than this is scanned for each token."""

MERGE_RATIO = 3
"""A segment is merged with the smaller ones once they are more than a third of it."""

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
        self.numbers: dict[str, int] = {}
        """The number of each document's newest text."""
        self.gates: dict[bool, Gates] = {}

    @property
    def runs(self) -> tuple[Run, ...]:
        """All that can be searched, the live documents last."""
        return *self.sorted, self.live

    def put(self, document: Document) -> None:
        self.hide(document.path)
        self.numbers[document.path] = document.number
        self.live = Run((*self.live.visible(), document))

    def find(self, path: str) -> Document | None:
        """A document as it was taken in last."""
        return next((run.document(path) for run in self.runs if path in run), None)

    def hide(self, path: str) -> None:
        if self.numbers.pop(path, None) is None:
            return
        for run in self.runs:
            run.hide(path)

    def swap(self, old: Sequence[Run], new: SortedSegment, documents: Sequence[Document]) -> None:
        """Put one segment in the place of runs whose `documents` it was made of."""
        # What changed while it was being sorted is hidden in it too.
        for document in documents:
            if self.numbers.get(document.path) != document.number:
                new.hide(document.path)
        self.sorted = [segment for segment in self.sorted if segment not in old]
        if new.visible_tokens():
            self.sorted.append(new)
        self.sorted.sort(key=len, reverse=True)
        done = {document.number for document in documents}
        self.live = Run([d for d in self.live.visible() if d.number not in done])


class Memory:
    """Every workspace's memory, for one tokenizer."""

    def __init__(self, tokens: Tokens, on_lesson: Callable[[], None] = lambda: None) -> None:
        self._tokens = tokens
        self._vocabulary = Vocabulary(tokens)
        self._on_lesson = on_lesson
        self._taking = DocumentReader(tokens)
        self._asking = DocumentReader(tokens)
        self._lock = threading.Lock()
        self._taken = 0
        self._workspaces: dict[str, _Workspace] = {}
        self._lessons: deque[Lesson] = deque(maxlen=LESSONS_WAITING)

    def remember(self, workspace: str, path: str, text: str, *, learn: bool = False) -> None:
        """Take a document in; with `learn`, what is new in it becomes lessons first."""
        ids, starts = self._taking.read(text)
        with self._lock:
            known = self._workspaces.setdefault(workspace, _Workspace())
            older = known.find(path) if learn else None
        lessons = _lessons(workspace, path, self._text(older), text) if learn else []
        with self._lock:
            self._lessons.extend(lessons)
            self._taken += 1
            known.put(Document(path, ids, starts, self._taken))
            is_overfull = len(known.live) > OVERFULL_TOKENS
        if is_overfull:
            self._sort_live(known)
        if lessons:
            self._on_lesson()

    def forget(self, workspace: str, path: str = "") -> None:
        """Drop a document, or the whole workspace and what its gates learned; lessons too."""
        self._taking.forget()
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
        view = self._view(place, segments)
        below = visible_suffix(place.suffix)
        return Recall(
            view,
            self._vocabulary,
            gates,
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
        """Sort one workspace's live documents, if it is time; False when it is not."""
        with self._lock:
            full = [w for w in self._workspaces.values() if len(w.live) > LIVE_TOKENS]
        for known in full[:1]:
            self._sort_live(known)
        return bool(full)

    def merge(self) -> bool:
        """Make one of some of a workspace's segments, if it is time; False when it is not.

        Takes seconds for millions of tokens, in which documents are taken in and asked for
        as always: call it from a thread of its own.
        """
        with self._lock:
            for known in self._workspaces.values():
                work = _due(known.sorted)
                if work:
                    break
            else:
                return False
            documents = [document for run in work for document in run.visible()]
        merged = SortedSegment(documents)
        with self._lock:
            known.swap(work, merged, documents)
        return True

    def _sort_live(self, known: _Workspace) -> None:
        with self._lock:
            live = known.live
            documents = live.visible()
        segment = SortedSegment(documents)
        with self._lock:
            known.swap([live], segment, documents)

    def token_count(self) -> int:
        """Tokens held for all workspaces."""
        with self._lock:
            return sum(run.visible_tokens() for w in self._workspaces.values() for run in w.runs)

    def _text(self, document: Document | None) -> str:
        ids = document.ids.tolist() if document else []
        return self._tokens.bytes_of(ids).decode(errors="replace")

    def _view(self, place: Place, segments: tuple[Run, ...]) -> View:
        before = Document("before", *self._asking.read(place.prefix[-LOCAL_CHARS:]))
        after = Document("after", *self._asking.read(place.suffix[:LOCAL_CHARS]))
        context, cut = split_words(before, self._tokens)
        vocabulary = vocabulary_level(np.concatenate((before.ids, after.ids)))
        return View(Run((before, after)), vocabulary, context, cut, segments, place.path)


def _due(segments: Sequence[SortedSegment]) -> list[SortedSegment]:
    """Segments to make one of: the largest that is not much larger than all smaller ones."""
    for at in range(len(segments) - 1):
        if len(segments[at]) < MERGE_RATIO * sum(len(s) for s in segments[at + 1 :]):
            return list(segments[at:])
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
