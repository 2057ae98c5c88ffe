"""What was answered lately, so that it need not be asked again.

Promises an answer only where the whole text around the cursor is the one that it was made
for, give or take what the user has typed of it: typing on, deleting that again and coming
back cost no model. What an answer depends on beside the text (weights, settings, memory,
other files) is part of the question, or ends the answer (`forget_others`, `forget_all`).
"""

from __future__ import annotations

from collections import OrderedDict, deque

import msgspec

from habitus_server.offers import Ask, Offer, Source, is_answered_alike

ANSWERS_KEPT = 24
"""Per document: about as many places as somebody types and deletes again at a time."""
CHARS_KEPT = 8_000_000
"""Per document; an answer holds the text that it was made for."""
MAX_CLOSERS = 3
_CLOSERS = ")]}\"'`"


class _Answer(msgspec.Struct, frozen=True):
    ask: Ask
    offers: tuple[Offer, ...]

    @property
    def size(self) -> int:
        return len(self.ask.snapshot.prefix) + len(self.ask.snapshot.suffix)

    def reaches(self, ask: Ask) -> bool:
        """Whether any offer begins with what may have been typed since: the texts around it are
        long to compare."""
        typed = ask.snapshot.prefix[len(self.ask.snapshot.prefix) :]
        return not typed or any(one.suggestion.text.startswith(typed) for one in self.offers)


class Lately:
    """Recent answers of one window, by document."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, deque[_Answer]] = OrderedDict()

    def add(self, ask: Ask, offers: tuple[Offer, ...]) -> None:
        """Keep an answer; the oldest of its document give way."""
        answers = self._answers.setdefault(ask.snapshot.uri, deque())
        answers.appendleft(_Answer(ask, offers))
        while len(answers) > 1 and (
            len(answers) > ANSWERS_KEPT or sum(one.size for one in answers) > CHARS_KEPT
        ):
            answers.pop()

    def find(self, ask: Ask) -> tuple[Offer, ...] | None:
        """What is known to answer a question; () where that is nothing, None where nothing is."""
        for answer in self._answers.get(ask.snapshot.uri, ()):
            if not answer.reaches(ask) or not is_answered_alike(answer.ask, ask):
                continue
            found = typed_between(answer.ask, ask)
            if found is None:
                continue
            typed, closers = found
            if not typed and not closers:
                return tuple(_again(offer, answer.ask) for offer in answer.offers)
            left = [_after_typing(offer, typed, closers) for offer in answer.offers]
            if offers := tuple(offer for offer in left if offer is not None):
                return offers
        return None

    def forget(self, uri: str) -> None:
        """Drop what is known of a document."""
        self._answers.pop(uri, None)

    def forget_others(self, uri: str) -> None:
        """A document changed: it may be context of every other one."""
        kept = self._answers.get(uri)
        self._answers.clear()
        if kept is not None:
            self._answers[uri] = kept

    def forget_all(self) -> None:
        """What answers depend on has changed, as when another adapter serves."""
        self._answers.clear()


def typed_between(earlier: Ask, later: Ask) -> tuple[str, str] | None:
    """What was typed since an earlier question, and the closers that an editor paired it with.

    None where anything else has changed.
    """
    before, now = earlier.snapshot, later.snapshot
    length = len(now.prefix) - len(before.prefix)
    added = len(now.suffix) - len(before.suffix)
    if length < 0 or not 0 <= added <= MAX_CLOSERS:
        return None
    closers = now.suffix[:added]
    if closers.strip(_CLOSERS) or (closers and not length):
        return None
    if not now.prefix.startswith(before.prefix) or now.suffix[added:] != before.suffix:
        return None
    return now.prefix[len(before.prefix) :], closers


def _again(offer: Offer, asked: Ask) -> Offer:
    source = Source.SPECULATED if asked.is_guess else Source.REPEATED
    return msgspec.structs.replace(offer, source=source)


def _after_typing(offer: Offer, typed: str, closers: str) -> Offer | None:
    """What remains of an offer; auto-paired closers are written over by its own."""
    text = offer.suggestion.text
    if not text.startswith(typed) or len(text) <= len(typed):
        return None
    rest = text[len(typed) :].partition("\n")[0]
    at = 0
    for closer in closers:
        at = rest.find(closer, at) + 1
        if not at:
            return None
    return msgspec.structs.replace(
        offer,
        typed=len(typed),
        replace_right=offer.replace_right + len(closers),
        source=Source.TYPED_THROUGH,
    )
