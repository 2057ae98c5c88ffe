"""What each workspace has written, kept where decoding can look it up.

Promises that a document is in memory as soon as `remember` returns, in place of its
older text; that a request sees its own file as it is in the editor and never as it is
on disk; and that settled text teaches the gates of its own workspace only. Safe to
feed from one thread and ask from another. Knows no model: lessons wait here until
someone who has one takes them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from habitus_server.engine.collection import Collection
from habitus_server.engine.evidence import vocabulary_level
from habitus_server.engine.fim import visible_suffix
from habitus_server.engine.gates import Gates
from habitus_server.engine.lessons import Lesson, lessons_of
from habitus_server.engine.recall import Recall, View, split_words
from habitus_server.engine.segment import Document, Run, SortedSegment
from habitus_server.engine.shelf import Shelf
from habitus_server.engine.tokens import DocumentReader, GrowingText, Tokens
from habitus_server.engine.vocabulary import Vocabulary
from habitus_server.engine.wire import Place

LIVE_TOKENS = 60_000
"""Fresh documents are scanned until they are this many tokens, then sorted."""

OVERFULL_TOKENS = 4 * LIVE_TOKENS
"""Even while documents stream in, no more than this is scanned for each token."""

MAX_TOKENS = 20_000_000
"""What all workspaces may hold: about 220 MB where token ids have 16 bits."""

LESSONS_WAITING = 256
LOCAL_CHARS = 200_000
KNOWN_LANGUAGES = frozenset({"python"})
"""Languages that the embedded model was trained on."""


class Memory:
    """Every workspace's memory, for one tokenizer."""

    def __init__(
        self,
        tokens: Tokens,
        on_lesson: Callable[[], None] = lambda: None,
        *,
        shelf: Shelf | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        """`shelf` keeps what gates learn; all workspaces together hold `max_tokens`."""
        self._tokens = tokens
        self._vocabulary = Vocabulary(tokens)
        self._on_lesson = on_lesson
        self._taking = DocumentReader(tokens)
        asking = DocumentReader(tokens)
        self._before, self._after = GrowingText(asking), GrowingText(asking)
        self._lock = threading.Lock()
        self._shelf = shelf
        self._max_tokens = max_tokens
        self._taken = 0
        self._dropped: set[str] = set()
        self._workspaces: dict[str, Collection] = {}
        self._lessons: deque[Lesson] = deque(maxlen=LESSONS_WAITING)

    def remember(self, workspace: str, path: str, text: str, *, learn: bool = False) -> None:
        """Take a document in; with `learn`, what is new in it becomes lessons first."""
        ids, starts = self._taking.read(text)
        with self._lock:
            known = self._collection(workspace)
            older = known.find(path) if learn else None
            before = self._text(older) if learn else ""
        lessons = lessons_of(workspace, path, before, text) if learn else []
        with self._lock:
            self._taken += 1
            document = Document(path, ids, starts, self._taken)
            if not known.has_room_for(document):
                return
            self._lessons.extend(lessons)
            known.put(document)
            self._make_room(workspace)
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
                self._dropped.discard(workspace)
                if self._shelf is not None:
                    self._shelf.drop(workspace)
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
            known = self._workspaces.get(place.workspace) or Collection({})
            known.used_at = self._taken
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

    def keep_gates(self) -> None:
        """Have the shelf keep what gates have learned since it was asked last."""
        with self._lock:
            learned = [
                (name, known)
                for name, known in self._workspaces.items()
                if known.steps != known.kept_steps
            ]
            for name, known in learned:
                known.kept_steps = known.steps
                if self._shelf is not None:
                    self._shelf.save(name, known.gates)

    def lacks(self, workspace: str) -> bool:
        """Whether a workspace's documents had to give way to others', said once."""
        with self._lock:
            if workspace not in self._dropped:
                return False
            self._dropped.remove(workspace)
            return True

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
                work = known.due()
                if work:
                    break
            else:
                return False
            documents = [document for run in work for document in run.visible()]
        merged = SortedSegment(documents)
        with self._lock:
            known.swap(work, merged, documents)
        return True

    def _sort_live(self, known: Collection) -> None:
        with self._lock:
            live = known.live
            documents = live.visible()
        segment = SortedSegment(documents)
        with self._lock:
            known.swap([live], segment, documents)

    def token_count(self) -> int:
        """Tokens held for all workspaces."""
        with self._lock:
            return self._all_tokens()

    def size_bytes(self) -> int:
        """Memory that documents and their order take."""
        with self._lock:
            return sum(run.size_bytes() for w in self._workspaces.values() for run in w.runs)

    def _collection(self, workspace: str) -> Collection:
        known = self._workspaces.get(workspace)
        if known is None:
            gates = {} if self._shelf is None else self._shelf.load(workspace)
            known = self._workspaces[workspace] = Collection(gates)
        known.used_at = self._taken
        return known

    def _make_room(self, workspace: str) -> None:
        """Drop the workspaces used longest ago while all hold too much; never this one."""
        while len(self._workspaces) > 1 and self._all_tokens() > self._max_tokens:
            others = [name for name in self._workspaces if name != workspace]
            oldest = min(others, key=lambda name: self._workspaces[name].used_at)
            del self._workspaces[oldest]
            self._dropped.add(oldest)

    def _all_tokens(self) -> int:
        return sum(known.tokens for known in self._workspaces.values())

    def _text(self, document: Document | None) -> str:
        ids = document.ids.tolist() if document else []
        return self._tokens.bytes_of(ids).decode(errors="replace")

    def _view(self, place: Place, segments: tuple[Run, ...]) -> View:
        before = Document("before", *self._before.read(place.prefix[-LOCAL_CHARS:]))
        after = Document("after", *self._after.read(place.suffix[:LOCAL_CHARS]))
        context, cut = split_words(before, self._tokens)
        vocabulary = vocabulary_level(np.concatenate((before.ids, after.ids)))
        rejected = tuple(text.partition("\n")[0].encode() for text in place.rejected)
        return View(
            Run((before, after)),
            vocabulary,
            context,
            cut,
            segments,
            place.path,
            tuple(filter(None, rejected)),
        )
