"""What the editor and its user say of suggestions, brought to the workspace that offered them.

Promises a sentence wherever nothing is recorded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from habitus_server.lsp.root import Root
from habitus_server.offers import Offer
from habitus_server.records import Rating
from habitus_server.session import Snapshot

OWNERS_KEPT = 4096
UNKNOWN = "This suggestion is not known here any more."


class Fates:
    """One window's suggestions by id; all calls on the event loop."""

    def __init__(self, find_focused: Callable[[], Root | None]) -> None:
        self._find_focused = find_focused
        self._owners: OrderedDict[str, Root] = OrderedDict()

    def offered(self, root: Root, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """A workspace offers something."""
        for offer in offers:
            self._owners[offer.suggestion.id] = root
        while len(self._owners) > OWNERS_KEPT:
            self._owners.popitem(last=False)
        root.notes.offered(snapshot, offers)

    def owner(self, suggestion_id: str) -> Root | None:
        """The workspace in which a suggestion was offered."""
        return self._owners.get(suggestion_id)

    def shown(self, suggestion_id: str) -> None:
        """The editor reports that a suggestion is visible."""
        if root := self.owner(suggestion_id):
            root.notes.shown(suggestion_id)

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """The editor reports that the first `chars` of a suggestion were taken."""
        if root := self.owner(suggestion_id):
            root.notes.partially_accepted(suggestion_id, chars)

    async def accept(self, suggestion_id: str) -> dict[str, Any]:
        """A suggestion was taken whole; returns once that is on disk."""
        root = self.owner(suggestion_id)
        if root is None:
            return {"recorded": False, "reason": UNKNOWN}
        reason = await root.notes.accept(suggestion_id)
        return {"recorded": not reason, "reason": reason}

    async def dismiss(self, suggestion_id: str) -> dict[str, Any]:
        """A suggestion was turned down; it is not offered in such a place again unasked."""
        root = self.owner(suggestion_id)
        if root is None:
            return {"recorded": False, "reason": UNKNOWN}
        reason = await root.notes.dismiss(suggestion_id)
        return {"recorded": not reason, "reason": reason}

    async def rate(
        self, suggestion_id: str | None, rating: Rating, word: str | None
    ) -> dict[str, Any]:
        """A suggestion was rated, the last one seen where none is named."""
        focused = self._find_focused()
        chosen = suggestion_id or (focused.notes.judgements.last_seen if focused else "")
        root = self.owner(chosen) or focused
        if root is None or not chosen:
            return {"recorded": False, "reason": "No suggestion has been seen here yet."}
        reason = await root.notes.rate(chosen, rating, word)
        return {"recorded": not reason, "reason": reason, "id": chosen}
