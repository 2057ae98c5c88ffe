"""didOpen, didChange, didSave, didClose, didFocus, and the workspace's folders and names."""

from __future__ import annotations

from typing import Any

import msgspec
from lsprotocol import types

from habitus_server.lsp import convert
from habitus_server.lsp.rooms import Rooms
from habitus_server.session import Closed, file_path


class _TextDocument(msgspec.Struct):
    uri: str


class _Focused(msgspec.Struct):
    text_document: _TextDocument | None = msgspec.field(name="textDocument", default=None)


def opened(rooms: Rooms, params: types.DidOpenTextDocumentParams) -> None:
    """A document is shown."""
    rooms.apply(convert.to_opened(params))


def changed(rooms: Rooms, params: types.DidChangeTextDocumentParams) -> None:
    """A document was edited."""
    rooms.apply(convert.to_changed(params))


def saved(rooms: Rooms, params: types.DidSaveTextDocumentParams) -> None:
    """A document was saved."""
    rooms.apply(convert.to_saved(params))


def closed(rooms: Rooms, params: types.DidCloseTextDocumentParams) -> None:
    """A document is no longer shown."""
    rooms.apply(Closed(params.text_document.uri))


def focused(rooms: Rooms, params: Any) -> None:
    """The user looks at a document, or (without one) at none."""
    about = msgspec.convert(params, _Focused).text_document
    if about is not None:
        rooms.focus(about.uri)


def folders_changed(rooms: Rooms, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Roots joined or left; new ones open in the background."""
    for gone in params.event.removed:
        if (folder := file_path(gone.uri)) is not None:
            rooms.remove_folder(folder)
    for come in params.event.added:
        if (folder := file_path(come.uri)) is not None:
            rooms.add_folder(folder)


def renamed(rooms: Rooms, params: types.RenameFilesParams) -> None:
    """Files have new names; documents close and open around this, in any order."""
    for one in params.files:
        rooms.renamed(one.old_uri, one.new_uri)
