"""textDocument/inlineCompletion."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window


def register(server: HabitusServer, window: Window) -> None:
    """Register the handler; options are mandatory for pygls to announce it."""

    @server.feature(
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        types.InlineCompletionOptions(work_done_progress=False),
    )
    async def inline_completion(
        params: types.InlineCompletionParams,
    ) -> types.InlineCompletionList | None:
        """Cancelled with its request; null where there is nothing to say."""
        snapshot = window.session.snapshot(
            params.text_document.uri,
            convert.to_position(params.position),
            convert.to_selected(params.context),
        )
        if snapshot is None:
            return None
        invoked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
        offers = await window.suggest(snapshot, invoked=invoked)
        if not offers:
            return None
        return types.InlineCompletionList(
            [convert.to_inline_item(offer, snapshot, window.session.encoding) for offer in offers]
        )
