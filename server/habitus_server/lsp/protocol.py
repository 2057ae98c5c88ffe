"""The JSON-RPC layer, made hard to break.

Promises that a message which cannot be decoded is answered when it wants an answer
and never shown to the user, that pygls keeps no second copy of a document, and that
the parameters of Habitus' own messages reach their handlers as plain values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from habitus_server import __version__

if TYPE_CHECKING:
    from pygls.server import ServerErrors

log = logging.getLogger(__name__)

Yielded = Generator[Any, Any, None]


@attrs.define
class PlainNotification:
    """A notification whose `params` stay as JSON gave them."""

    method: str
    params: Any = None
    jsonrpc: str = "2.0"


@attrs.define
class PlainRequest:
    """A request whose `params` stay as JSON gave them."""

    id: Any
    method: str
    params: Any = None
    jsonrpc: str = "2.0"


PLAIN: dict[str, type[PlainNotification] | type[PlainRequest]] = {
    "textDocument/didShowCompletion": PlainNotification,
    "textDocument/didPartiallyAcceptCompletion": PlainNotification,
    "textDocument/didFocus": PlainNotification,
    "habitus/diagnostics": PlainNotification,
    "habitus/clock": PlainNotification,
    "habitus/score": PlainRequest,
    "habitus/flush": PlainRequest,
}
"""Messages outside the protocol's own vocabulary, which lsprotocol cannot type."""


class Undecodable(msgspec.Struct):
    """Stands in for a message that could not be decoded; `handle_message` drops it."""

    reason: str


class HabitusProtocol(LanguageServerProtocol):
    """pygls' protocol without its document store and without silent requests."""

    # pygls caches its own with lru_cache, which types it as more than a method.
    def get_message_type(  # type: ignore[override]
        self, method: str
    ) -> type[Any] | None:
        """The type of a message by its method, Habitus' own included."""
        return PLAIN.get(method) or super().get_message_type(method)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Decode one message; an undecodable request is answered here and now."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            reason = f"{error.message}: {error.__cause__}"
            log.warning("Undecodable %s: %s", data.get("method", "response"), reason)
            self._refuse(data, error)
            return Undecodable(reason)

    def handle_message(self, message: Any) -> None:
        """Hand a decoded message to its handler; anything else was dealt with before."""
        if isinstance(message, Undecodable) or not hasattr(message, "jsonrpc"):
            return
        super().handle_message(message)

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a handler and forget its future when it ends.

        pygls forgets those of requests alone: each notification would hold on to some
        two kilobytes for the life of the window.
        """

        def ended(future: Any) -> None:
            callback(future)
            self._request_futures.pop(msg_id, None)

        super()._execute_handler(msg_id, handler, ended, args, kwargs)
        future = self._request_futures.get(msg_id)
        if future is not None and future.done():
            del self._request_futures[msg_id]

    def _refuse(self, data: dict[str, Any], error: JsonRpcException) -> None:
        message_id = data.get("id")
        if "method" in data:
            if isinstance(message_id, str | int):
                self._send_response(message_id, error=error.to_response_error())
        elif isinstance(message_id, str | int):
            # A reply we cannot read ends the wait for it.
            future = self._request_futures.pop(message_id, None)
            if future is not None and not future.done():
                future.set_exception(error)

    # The session owns the text (pygls splits lines at form feeds, see
    # `text`), so these built-ins only pass the message on.

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Yielded:
        """Pass the message to the handler, keeping no copy."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Yielded:
        """Pass the message to the handler, keeping no copy."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Yielded:
        """Pass the message to the handler, keeping no copy."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None


class HabitusServer(LanguageServer):
    """The language server's outer door: what goes wrong inside is logged, not shown."""

    def __init__(self) -> None:
        super().__init__(
            "habitus",
            __version__,
            protocol_cls=HabitusProtocol,
            converter_factory=default_converter,
        )

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Log what a handler raised; pygls would pop it up in the editor."""
        if isinstance(error, JsonRpcException) and not isinstance(error, JsonRpcInternalError):
            log.info("Refused a request: %s", type(error).__name__)
            return
        log.error("A handler failed (%s)", source.__name__, exc_info=error)
