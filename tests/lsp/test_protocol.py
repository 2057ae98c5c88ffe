from __future__ import annotations

from lsprotocol import types

from habitus_server.lsp.protocol import HabitusServer


def test_a_handled_notification_leaves_nothing_behind() -> None:
    server = HabitusServer()
    taken: list[str] = []

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        taken.append(params.text_document.uri)

    item = types.TextDocumentItem("file:///a.py", "python", 1, "")
    for _ in range(3):
        server.protocol.handle_message(
            types.DidOpenTextDocumentNotification(types.DidOpenTextDocumentParams(item))
        )
    assert taken == ["file:///a.py"] * 3
    assert server.protocol._request_futures == {}
