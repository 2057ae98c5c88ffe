"""The smallest pygls server with the features that `habitus serve` offers, doing nothing."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "0.1")


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
def inline(params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Suggest nothing."""
    return types.InlineCompletionList(items=[])


@server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())
def complete(params: types.CompletionParams) -> types.CompletionList:
    """Complete nothing."""
    return types.CompletionList(is_incomplete=False, items=[])


if __name__ == "__main__":
    server.start_io()
