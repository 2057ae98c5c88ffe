"""didOpen, didChange, didSave, didClose, didFocus: each becomes one event."""

from __future__ import annotations

from typing import Any

import msgspec
from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.session import Closed


class _TextDocument(msgspec.Struct):
    uri: str


class _Focused(msgspec.Struct):
    text_document: _TextDocument | None = msgspec.field(name="textDocument", default=None)


def register(server: HabitusServer, window: Window) -> None:
    """Register the handlers; all are synchronous, so that edits stay in order."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        window.apply(convert.to_opened(params))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        window.apply(convert.to_changed(params))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=False))
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        window.apply(convert.to_saved(params))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        window.apply(Closed(params.text_document.uri))

    @server.feature("textDocument/didFocus")
    def focused(params: Any) -> None:
        about = msgspec.convert(params, _Focused).text_document
        if about is not None:
            window.focus(about.uri)
