"""textDocument/inlineCompletion."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.rooms import Rooms


async def complete(
    rooms: Rooms, params: types.InlineCompletionParams
) -> types.InlineCompletionList | None:
    """Ghost text; null where there is nothing to say."""
    snapshot = rooms.session.snapshot(
        params.text_document.uri,
        convert.to_position(params.position),
        convert.to_selected(params.context),
    )
    if snapshot is None:
        return None
    invoked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    offers = await rooms.suggest(snapshot, invoked=invoked)
    if not offers:
        return None
    return types.InlineCompletionList(
        [convert.to_inline_item(offer, snapshot, rooms.session.encoding) for offer in offers]
    )
