"""initialize, initialized, shutdown, and the workspace's folders."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.session import file_path
from habitus_server.text import PositionEncoding


def register(server: HabitusServer, window: Window) -> None:
    """Register the handlers."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        """Instant: it notes what was said, and answers."""
        encoding = server.workspace.position_encoding
        window.session.encoding = PositionEncoding(str(getattr(encoding, "value", encoding)))
        editor = params.capabilities.workspace
        edits = editor.workspace_edit if editor else None
        window.checks_versions = bool(edits and edits.document_changes)
        uris = [folder.uri for folder in params.workspace_folders or ()]
        if not uris and params.root_uri is not None:
            uris.append(params.root_uri)
        for uri in uris:
            folder = file_path(uri)
            if folder is not None:
                window.session.add_folder(folder)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        """Everything heavy starts here, after the editor has its answer."""
        await window.start()

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        """Answered when everything known is on disk."""
        await window.close()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        """Instant: new roots open in the background."""
        for removed in params.event.removed:
            if (folder := file_path(removed.uri)) is not None:
                window.remove_folder(folder)
        for added in params.event.added:
            if (folder := file_path(added.uri)) is not None:
                window.add_folder(folder)
