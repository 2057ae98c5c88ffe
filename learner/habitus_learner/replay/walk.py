"""Writing commits again, line by line, in an editor that suggests.

Promises that each file goes from its old to its new text hunk by hunk and top to
bottom; that at an item the file is as it was without the line (new above, old below);
and that the true text stands there in the end, whatever was suggested. What is done
with a suggestion is the developer's (`developer`); what is measured is an observation
per item. Knows nothing of arms or of why it walks.

When learning, every reaction happens: a line that was accepted at its indentation is
complete, and its second item is not asked. When evaluating, both of a line's items are
asked, so the reaction to the first is judged and not carried out: it would put the
answer in front of the second.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from habitus_learner.history import Commit, FileChange
from habitus_learner.replay import developer
from habitus_learner.replay.developer import Decision, Reaction, decide
from habitus_learner.replay.editor import (
    AUTOMATIC,
    INVOKED,
    Answer,
    Editor,
    Proposal,
    RequestFailedError,
)
from habitus_learner.replay.items import Item
from habitus_learner.replay.observation import Observation, observe
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.edits import Edit
from habitus_server.errors import HabitusError
from habitus_server.landings import Hunk
from habitus_server.repository import find_hunks, split_lines

WATCHER_SECONDS = 0.4
"""Real time after a commit, in which the server hears from the file system about it."""

INVOKED_SHARE = 1 / 8
"""How often a learning developer asks for alternatives by hand."""


class ReplayError(HabitusError):
    """The replay itself went wrong; its figures would mean nothing."""


class Clock:
    """The developer's time, in seconds since the epoch; it only goes forward."""

    def __init__(self, now: float) -> None:
        self.now = now

    def pass_seconds(self, seconds: float) -> float:
        """Let time pass and return what time it is then."""
        self.now += seconds
        return self.now

    def pass_until(self, then: float) -> float:
        """Go on to `then`, unless it is later already."""
        self.now = max(self.now, then)
        return self.now


class Walker:
    """Writes commits in one editor; observations go to `report` as they come."""

    def __init__(
        self,
        editor: Editor,
        copy: WorkingCopy,
        clock: Clock,
        *,
        seed: int,
        learns: bool,
        report: Callable[[Observation], None],
    ) -> None:
        self._editor = editor
        self._copy = copy
        self._clock = clock
        self._seed = seed
        self._learns = learns
        self._report = report

    async def write_commit(
        self, commit: Commit, changes: Sequence[FileChange], items: Sequence[Item]
    ) -> None:
        """Write everything that a commit changed, asking at its items, and commit it."""
        self._clock.pass_until(commit.time)
        questions: dict[tuple[str, int], list[Item]] = defaultdict(list)
        for item in items:
            questions[item.path, item.line].append(item)
        written = [change for change in changes if change.exists_after]
        for change in written:
            await self._pass(developer.SECONDS_BETWEEN_FILES)
            await self._editor.open_document(change.path, change.old)
            await _FileWriter(self, change, questions).write()
            await self._pass(developer.SECONDS_BETWEEN_EDITS)
            await self._editor.save(change.path)
        await self._pass(developer.SECONDS_BEFORE_COMMIT)
        await self._editor.flush()
        for change in written:
            await self._editor.close_document(change.path)
        self._copy.advance(commit)
        await asyncio.sleep(WATCHER_SECONDS)
        await self._pass(1.0)

    async def _pass(self, seconds: float) -> None:
        await self._editor.set_clock(self._clock.pass_seconds(seconds))


class _FileWriter:
    """Takes one open document from its old text to its new text."""

    def __init__(
        self,
        walker: Walker,
        change: FileChange,
        questions: dict[tuple[str, int], list[Item]],
    ) -> None:
        self._walker = walker
        self._editor = walker._editor
        self._learns = walker._learns
        self._change = change
        self._name = change.path
        self._questions = questions
        self._lines = split_lines(change.new)
        self._starts = list(accumulate((len(line) for line in self._lines), initial=0))

    async def write(self) -> None:
        """Every hunk, top to bottom."""
        old_lines = split_lines(self._change.old)
        for hunk in find_hunks(self._change.old, self._change.new):
            await self._walker._pass(developer.SECONDS_BETWEEN_EDITS)
            gone = "".join(old_lines[hunk.old_start : hunk.old_end])
            if gone:
                await self._edit(self._starts[hunk.new_start], len(gone), "")
            await self._write_lines(hunk)
        if self._editor.text(self._name) != self._change.new:
            raise ReplayError(f"The replay lost its place in {self._name}.")

    async def _write_lines(self, hunk: Hunk) -> None:
        index = hunk.new_start
        while index < hunk.new_end:
            items = self._questions.get((self._name, index))
            if items:
                await self._walker._pass(developer.SECONDS_BETWEEN_LINES)
                index += await self._write_asked_line(hunk, index, items)
            else:
                stop = self._next_asked(index, hunk.new_end)
                await self._write_plain_lines(index, stop)
                index = stop

    def _next_asked(self, index: int, stop: int) -> int:
        asked = (i for i in range(index, stop) if (self._name, i) in self._questions)
        return next(asked, stop)

    async def _write_plain_lines(self, start: int, stop: int) -> None:
        """Write lines at which nothing is asked: one by one where somebody learns from it."""
        if not self._learns:
            text = "".join(self._lines[start:stop])
            await self._walker._pass(developer.typing_seconds(text))
            await self._edit(self._starts[start], 0, text)
            return
        for index in range(start, stop):
            body, indent, _ = _parts(self._lines[index])
            await self._walker._pass(developer.SECONDS_BETWEEN_LINES)
            cursor = await self._start_line(index)
            await self._type_at_once(cursor, body[len(indent) :])

    async def _start_line(self, index: int) -> int:
        """Break the line and indent, as the return key does; return the cursor."""
        _, indent, end = _parts(self._lines[index])
        await self._edit(self._starts[index], 0, indent + end)
        return self._starts[index] + len(indent)

    async def _write_asked_line(self, hunk: Hunk, index: int, items: Sequence[Item]) -> int:
        """Write one line and ask on the way; return how many lines were written."""
        body, _, end = _parts(self._lines[index])
        start = self._starts[index]
        if not self._learns:
            # Seconds pass before a person starts a line: whatever was written before it has
            # arrived everywhere by then, on a slow machine too.
            await self._editor.flush()
        cursor = await self._start_line(index)
        following = (
            [_parts(line)[0] for line in self._lines[index + 1 : hunk.new_end]]
            if self._learns and end == "\n"
            else []
        )
        for item in items:
            await self._type(cursor, body[cursor - start : item.column])
            cursor = start + item.column
            acts = self._learns or item is items[-1]
            taken = await self._ask(item, cursor, following, acts=acts)
            if taken:
                extra = taken.count("\n")
                wanted = "\n".join([body[item.column :], *following[:extra]])
                await self._correct(cursor, taken, wanted)
                return 1 + extra
        await self._type(cursor, body[cursor - start :])
        return 1

    # --- suggestions ------------------------------------------------------------

    async def _ask(self, item: Item, cursor: int, following: Sequence[str], *, acts: bool) -> str:
        """Ask at an item, report what came, and react if `acts`; return what stays taken."""
        chance = random.Random(
            f"{self._walker._seed}:{item.commit}:{item.path}:{item.line}:{item.column}"
        )
        by_hand = chance.random() < INVOKED_SHARE and self._learns
        try:
            answer = await self._editor.ask(
                self._name, cursor, trigger=INVOKED if by_hand else AUTOMATIC
            )
        except RequestFailedError:
            answer = Answer((), 0.0)
        proposal = _choose(answer, item.answer)
        decision = decide(proposal.text, item.answer, following, chance) if proposal else None
        observation = observe(item, proposal, decision, answer.latency_ms)
        score = None if self._learns else await self._editor.score(self._name, cursor, item.answer)
        if score is not None:
            observation = msgspec.structs.replace(observation, bits=score.bits, chars=score.chars)
        self._walker._report(observation)
        if proposal is None or decision is None or not acts:
            return ""
        return await self._react(cursor, proposal, decision)

    async def _react(self, cursor: int, proposal: Proposal, decision: Decision) -> str:
        """Carry a decision out; return the taken text that stands after the cursor."""
        await self._editor.show(proposal)
        await self._walker._pass(developer.SECONDS_TO_READ)
        if decision.reaction is Reaction.DISMISS:
            await self._editor.dismiss(proposal)
        if not decision.reaction.is_accepting:
            return ""
        if decision.taken == proposal.text:
            await self._editor.accept(self._name, proposal)
        else:
            await self._editor.accept_part(self._name, proposal, decision.taken)
        if decision.reaction is not Reaction.ACCEPT_THEN_REVERT:
            return decision.taken
        await self._walker._pass(developer.SECONDS_TO_CHANGE_MIND)
        await self._edit(cursor, len(decision.taken), "")
        await self._walker._pass(developer.SECONDS_TO_READ)
        return ""

    async def _correct(self, cursor: int, taken: str, wanted: str) -> None:
        await self._walker._pass(developer.SECONDS_TO_READ)
        for start, end, text in developer.corrections(taken, wanted):
            await self._edit(cursor + start, end - start, "")
            await self._type(cursor + start, text)

    # --- the keyboard -----------------------------------------------------------

    async def _type(self, cursor: int, text: str) -> None:
        """Type key by key: a server tells typing from accepting by the steps."""
        for key in text:
            await self._edit(cursor, 0, key)
            cursor += 1
        await self._walker._pass(developer.typing_seconds(text))

    async def _type_at_once(self, cursor: int, text: str) -> None:
        """Type where nothing was suggested, reported as one change, as editors may do."""
        await self._walker._pass(developer.typing_seconds(text))
        await self._edit(cursor, 0, text)

    async def _edit(self, start: int, length: int, text: str) -> None:
        if length or text:
            await self._editor.edit(self._name, Edit(start, start + length, text))


def _choose(answer: Answer, wanted: str) -> Proposal | None:
    """The first proposal, or among alternatives the one that is right."""
    shown = [proposal for proposal in answer.proposals if proposal.text]
    right = (p for p in shown if developer.is_same(p.text.partition("\n")[0], wanted))
    return next(right, shown[0] if shown else None)


def _parts(line: str) -> tuple[str, str, str]:
    """A line's content, its indentation and its end."""
    body = line.rstrip("\n")
    body = body.removesuffix("\r") if body != line else body
    return body, body[: len(body) - len(body.lstrip())], line[len(body) :]
