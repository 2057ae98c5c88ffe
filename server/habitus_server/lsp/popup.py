"""textDocument/completion: the same suggestions, for editors without ghost text."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.rooms import Rooms


async def complete(rooms: Rooms, params: types.CompletionParams) -> types.CompletionList | None:
    """Entries of the popup; always incomplete, since the next key changes them."""
    if not rooms.config.completion.popup:
        return None
    snapshot = rooms.session.snapshot(
        params.text_document.uri, convert.to_position(params.position)
    )
    if snapshot is None:
        return None
    offers = await rooms.suggest(snapshot)
    return types.CompletionList(
        is_incomplete=True,
        items=[
            convert.to_completion_item(offer, snapshot, rooms.session.encoding) for offer in offers
        ],
    )
