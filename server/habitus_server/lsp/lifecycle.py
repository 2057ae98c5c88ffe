"""initialize, initialized and shutdown."""

from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp import logs
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window


def register(server: HabitusServer, window: Window) -> None:
    """Register the handlers."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        """Instant: it notes what was said, and answers."""
        encoding = server.workspace.position_encoding
        window.encoding = str(getattr(encoding, "value", encoding))
        editor = params.capabilities.workspace
        edits = editor.workspace_edit if editor else None
        window.checks_versions = bool(edits and edits.document_changes)
        window.folder_uris = [folder.uri for folder in params.workspace_folders or ()]
        if not window.folder_uris and params.root_uri is not None:
            window.folder_uris.append(params.root_uri)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        """Everything heavy starts here, after the editor has its answer."""
        logs.log_to_file(window.state / "logs")
        await window.start()

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        """Answered when everything known is on disk."""
        await window.close()
