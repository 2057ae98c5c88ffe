"""The model's own text among what counts as written by hand.

Promises that a pattern gives up every stretch of lines that was suggested and accepted
in the workspace before, however it came there: pasted, typed again, or touched after
its file was closed and opened. The editor's side leaves out accepted text where it
stands (`habitus_server.patterns`); this is the second line. Pure.

The rule, with white space left out of every comparison: a line is the model's when at
least half of it was suggested. Consecutive lines of a pattern that stood consecutively
in one accepted text are cut out when they hold `LEAST_COPIED` characters or more, or
are the whole pattern: anyone may type a short line that a model also wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from habitus_server.records import INSERTED, Pattern, SuggestionRow

LEAST_COPIED = 24
LEAST_LEFT = 8
"""Characters; what is left between two cuts teaches nothing below this."""


_Place = tuple[int, int]


class ModelText:
    """The accepted suggestions of a workspace, by line."""

    def __init__(self, rows: Iterable[SuggestionRow]) -> None:
        self._texts: list[tuple[float, list[str]]] = []
        self._places: dict[str, list[_Place]] = {}
        for row in rows:
            if row.state in INSERTED:
                self._add(row)

    def cut_from(self, pattern: Pattern) -> list[Pattern]:
        """What of a pattern is not a copy: itself, or the pieces around what is."""
        lines = pattern.text.split("\n")
        words = [_words(line) for line in lines]
        copied = self._copied(words, pattern.settled_at)
        if not any(copied):
            return [pattern]
        return [
            msgspec.structs.replace(
                pattern,
                prefix=pattern.prefix + _joined(lines[:start]),
                text=_joined(lines[start:end]) if end < len(lines) else "\n".join(lines[start:]),
                suffix="\n".join(lines[end:]) + pattern.suffix,
                replaced="",
            )
            for start, end in _runs(copied)
            if len("".join(words[start:end])) >= LEAST_LEFT
        ]

    def is_copy(self, text: str, before: float) -> bool:
        """Whether a text holds nothing else than what was accepted before a time."""
        words = [_words(line) for line in text.split("\n")]
        copied = self._copied(words, before)
        return any(copied) and all(
            taken or not line for taken, line in zip(copied, words, strict=True)
        )

    def _add(self, row: SuggestionRow) -> None:
        made = row.suggestion
        text = row.accepted_text or made.text
        head = made.prefix[made.prefix.rfind("\n") + 1 :]
        tail = made.suffix.partition("\n")[0]
        suggested = text.split("\n")
        whole = (head + text + tail).split("\n")
        lines = [
            _words(stood) if 2 * len(_words(given)) >= len(_words(stood)) else ""
            for given, stood in zip(suggested, whole, strict=True)
        ]
        lines = [line for line in lines if line]
        for number, line in enumerate(lines):
            self._places.setdefault(line, []).append((len(self._texts), number))
        self._texts.append((made.offered_at, lines))

    def _copied(self, words: Sequence[str], before: float) -> list[bool]:
        """For each line, whether it belongs to a copied stretch."""
        full = [number for number, line in enumerate(words) if line]
        copied = [False] * len(words)
        at = 0
        while at < len(full):
            lines = [words[number] for number in full[at:]]
            size = self._longest(lines, before)
            is_whole = size == len(full)
            if size and (is_whole or len("".join(lines[:size])) >= LEAST_COPIED):
                for number in range(full[at], full[at + size - 1] + 1):
                    copied[number] = True
            at += max(1, size)
        return copied

    def _longest(self, lines: Sequence[str], before: float) -> int:
        """How many of the first lines stood together in one text accepted earlier."""
        best = 0
        for text, number in self._places.get(lines[0], ()):
            offered_at, held = self._texts[text]
            if offered_at > before:
                continue
            size = 0
            while (
                size < len(lines)
                and number + size < len(held)
                and held[number + size] == lines[size]
            ):
                size += 1
            best = max(best, size)
        return best


def _words(line: str) -> str:
    return "".join(line.split())


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _runs(copied: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The stretches of lines that are not copied."""
    start = 0
    for number, is_copied in enumerate([*copied, True]):
        if is_copied:
            if start < number:
                yield start, number
            start = number + 1
