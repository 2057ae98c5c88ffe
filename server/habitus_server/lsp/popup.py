"""textDocument/completion: the same suggestions, for editors without ghost text."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window

TRIGGERS = (".", "(", "[", ",", " ", "=", ":")


def register(server: HabitusServer, window: Window) -> None:
    """Register the handler."""

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=TRIGGERS, resolve_provider=False),
    )
    async def completion(params: types.CompletionParams) -> types.CompletionList | None:
        """Cancelled with its request; always incomplete, since the next key changes it."""
        if not window.config.completion.popup:
            return None
        snapshot = window.session.snapshot(
            params.text_document.uri, convert.to_position(params.position)
        )
        if snapshot is None:
            return None
        offers = await window.suggest(snapshot)
        return types.CompletionList(
            is_incomplete=True,
            items=[
                convert.to_completion_item(offer, snapshot, window.session.encoding)
                for offer in offers
            ],
        )
