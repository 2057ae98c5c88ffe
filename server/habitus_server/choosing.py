"""From what the model wrote to what is worth offering.

Promises that nothing is offered unasked that the user turned down in such a place, or that
is unlikely to be kept, and that each silence has its reason. Holds no text longer than a
question lasts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec

from habitus_server import postprocess, showing
from habitus_server.engine.wire import Candidate, Completed, Stop
from habitus_server.offers import Ask, Offer
from habitus_server.placement import UndecidedError
from habitus_server.postprocess import Nothing, Trimmed
from habitus_server.records import Suggestion
from habitus_server.session import Snapshot
from habitus_server.storable import SUFFIX_CHARS, end_of, start_of
from habitus_server.whys import Stage, Why

NOTHINGS_KEPT = 64
"""Documents of which it is known why the engine brought nothing; the others say "empty"."""

IsDeclined = Callable[[Snapshot, str], bool]
"""Whether a text was turned down at a place; called in any thread, so it must be quick."""


class Habits(msgspec.Struct, frozen=True):
    """What is known of a workspace's developer: the weights of `showing.chance`, and how long
    ago a suggestion was dismissed."""

    weights: tuple[float, ...] = showing.DEFAULTS
    dismissed_s_ago: float = float("inf")


class Chooser:
    """Makes and chooses offers. `offers` may take milliseconds and is called in a thread, the
    rest on the event loop."""

    def __init__(
        self,
        clock: Callable[[], float],
        is_declined: IsDeclined = lambda _snapshot, _text: False,
        habits_of: Callable[[Snapshot], Habits] = lambda _snapshot: Habits(),
    ) -> None:
        self._clock = clock
        self._is_declined = is_declined
        self._habits_of = habits_of
        self._silence = showing.Silence()
        self._nothings: dict[str, Stage] = {}

    def offers_at_once(
        self, ask: Ask, stop: Stop, completed: Completed
    ) -> tuple[Offer, ...] | None:
        """As `offers`, of one line that fits as it is; None where that takes longer."""
        if stop.mode != "line" or len(completed.candidates) != 1:
            return None
        try:
            return self.offers(ask, stop, completed, at_once=True)
        except UndecidedError:
            return None

    def offers(
        self, ask: Ask, stop: Stop, completed: Completed, *, at_once: bool = False
    ) -> tuple[Offer, ...]:
        """Everything that could be inserted, the greedy candidate first."""
        request_id = secrets.token_hex(8)
        offers: list[Offer] = []
        why = Stage.EMPTY
        for candidate in completed.candidates:
            trimmed = _trim(ask.snapshot, stop, candidate, at_once=at_once)
            if isinstance(trimmed, Nothing):
                if candidate.text.strip():
                    is_broken = trimmed is Nothing.UNPARSABLE
                    why = Stage.UNPARSABLE if is_broken else Stage.TRIMMED
                continue
            if not any(trimmed.text == offer.text for offer in offers):
                offers.append(
                    self._offer(ask, completed, candidate, trimmed, request_id, len(offers))
                )
        self._nothings.pop(ask.snapshot.uri, None)
        self._nothings[ask.snapshot.uri] = why  # last, as the one asked for last
        while len(self._nothings) > NOTHINGS_KEPT:
            self._nothings.pop(next(iter(self._nothings)), None)
        return tuple(offers)

    def _offer(
        self,
        ask: Ask,
        completed: Completed,
        candidate: Candidate,
        trimmed: Trimmed,
        request_id: str,
        rank: int,
    ) -> Offer:
        snapshot = ask.snapshot
        habits = self._habits_of(snapshot)
        seen = showing.features(
            candidate, trimmed.text, snapshot, dismissed_s_ago=habits.dismissed_s_ago
        )
        suggestion = Suggestion(
            id=secrets.token_hex(8),
            request_id=request_id,
            rank=rank,
            window=ask.window,
            path=snapshot.path,
            language=snapshot.language,
            model=ask.model,
            adapter=completed.adapter,
            offered_at=self._clock(),
            prefix=end_of(snapshot.prefix),
            suffix=start_of(snapshot.suffix, SUFFIX_CHARS),
            text=trimmed.text,
            logprob=sum(candidate.logprobs),
            token_count=len(candidate.logprobs),
            features=seen,
        )
        return Offer(suggestion, trimmed.replace_right, chance=showing.chance(habits.weights, seen))

    def choose(self, ask: Ask, found: Sequence[Offer]) -> tuple[tuple[Offer, ...], Why]:
        """What of the offers for a place is shown, and why, or why nothing is."""
        if not found:
            return (), Why(self._nothings.get(ask.snapshot.uri, Stage.EMPTY))
        if ask.invoked:
            return tuple(found), _shown(found[0])
        wanted = [offer for offer in found if not self._was_declined(ask, offer)]
        if not wanted:
            return (), Why(Stage.DECLINED, chance=found[0].chance)
        best = wanted[0]
        threshold = showing.threshold_of(ask.completion.eagerness)
        estimate = showing.chance_after_typing(best.chance, best.typed)
        if not self._silence.allows(best.suggestion.id, estimate, threshold):
            return (), Why(Stage.UNLIKELY, chance=estimate, threshold=threshold)
        return tuple(wanted) if best.typed else (best,), _shown(best, threshold)

    def has_only_declined(self, ask: Ask, found: Sequence[Offer]) -> bool:
        """Whether something is known, and all of it was turned down."""
        if ask.invoked or not found:
            return False
        return all(self._was_declined(ask, offer) for offer in found)

    def may_look_further(self, ask: Ask, offers: Sequence[Offer]) -> bool:
        """Whether the only candidate was turned down before, and there may be others."""
        if ask.is_guess or ask.completion.alternatives < 2:
            return False
        return self.has_only_declined(ask, offers)

    def _was_declined(self, ask: Ask, offer: Offer) -> bool:
        """Asked of the place that the text was made for, not of the one typed to since."""
        snapshot = ask.snapshot
        if offer.typed:
            prefix = snapshot.prefix[: len(snapshot.prefix) - offer.typed]
            snapshot = msgspec.structs.replace(snapshot, prefix=prefix)
        return self._is_declined(snapshot, offer.suggestion.text)


def _shown(offer: Offer, threshold: float | None = None) -> Why:
    return Why(Stage.SHOWN, chance=offer.chance, threshold=threshold, source=offer.source.value)


def _trim(
    snapshot: Snapshot, stop: Stop, candidate: Candidate, *, at_once: bool
) -> Trimmed | Nothing:
    return postprocess.trim_or_say(
        candidate.text,
        prefix=snapshot.prefix,
        suffix=snapshot.suffix,
        language=snapshot.language,
        mode=stop.mode,
        at_once=at_once,
    )
