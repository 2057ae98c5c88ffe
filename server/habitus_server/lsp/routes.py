"""Which message goes to which handler.

Promises that a handler's module, and every room behind it, is imported with the first
message that needs it: `initialize` is answered before any of them is loaded. A handler is
a function of the window's rooms and the message's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec
from lsprotocol import types

from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window

POPUP_TRIGGERS = (".", "(", "[", ",", " ", "=", ":")


class Route(msgspec.Struct, frozen=True):
    """A method, and the handler `function` in a module of this package.

    Requests are answered by coroutines, and cancelled with their request; notifications
    are taken in at once, so that edits stay in order.
    """

    method: str
    module: str
    function: str
    options: Any = None
    is_request: bool = False


EVERY_FILE = types.FileOperationRegistrationOptions(
    [types.FileOperationFilter(types.FileOperationPattern("**/*"), "file")]
)

ROUTES = (
    Route(types.TEXT_DOCUMENT_DID_OPEN, "documents", "opened"),
    Route(types.TEXT_DOCUMENT_DID_CHANGE, "documents", "changed"),
    Route(
        types.TEXT_DOCUMENT_DID_SAVE, "documents", "saved", types.SaveOptions(include_text=False)
    ),
    Route(types.TEXT_DOCUMENT_DID_CLOSE, "documents", "closed"),
    Route("textDocument/didFocus", "documents", "focused"),
    Route(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, "documents", "folders_changed"),
    Route(types.WORKSPACE_DID_RENAME_FILES, "documents", "renamed", EVERY_FILE),
    # Without options pygls does not announce inline completion.
    Route(
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        "inline",
        "complete",
        types.InlineCompletionOptions(work_done_progress=False),
        is_request=True,
    ),
    Route(
        types.TEXT_DOCUMENT_COMPLETION,
        "popup",
        "complete",
        types.CompletionOptions(trigger_characters=POPUP_TRIGGERS, resolve_provider=False),
        is_request=True,
    ),
    Route(
        types.TEXT_DOCUMENT_CODE_ACTION,
        "actions",
        "quick_fixes",
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix], resolve_provider=False
        ),
        is_request=True,
    ),
    Route("habitus/diagnostics", "diagnosing", "reported"),
    Route("textDocument/didShowCompletion", "reports", "shown"),
    Route("textDocument/didPartiallyAcceptCompletion", "reports", "partially_accepted"),
)

REPLAY_ROUTES = (
    Route("habitus/clock", "measuring", "clock"),
    Route("habitus/flush", "measuring", "flush", is_request=True),
    Route("habitus/score", "measuring", "score", is_request=True),
)
"""Only for a server that was started with `--replay-clock`."""

COMMANDS = {
    "habitus.accept": "accept",
    "habitus.dismiss": "dismiss",
    "habitus.rate": "rate",
    "habitus.decide": "decide",
    "habitus.decisionOutcome": "conclude",
    "habitus.learnNow": "learn_now",
    "habitus.rollBack": "roll_back",
    "habitus.fixApplied": "fix_applied",
    "habitus.pause": "pause",
    "habitus.resume": "resume",
    "habitus.status": "status",
    "habitus.why": "why",
}


def register(server: HabitusServer, window: Window) -> None:
    """Register every handler; none of their modules is imported yet."""
    for route in (*ROUTES, *(REPLAY_ROUTES if window.options.replay_clock else ())):
        server.feature(route.method, route.options)(_handler(route, window))
    for name, function in COMMANDS.items():
        server.command(name)(_command(name, function, window))


def _handler(route: Route, window: Window) -> Callable[[Any], Any]:
    if route.is_request:

        async def answer(params: Any) -> Any:
            return await _load(route.module, route.function)(window.rooms, params)

        return answer

    def take_in(params: Any) -> None:
        _load(route.module, route.function)(window.rooms, params)

    return take_in


def _command(name: str, function: str, window: Window) -> Callable[..., Any]:
    # pygls unpacks arguments by position and knows no defaults, and some editors drop a
    # trailing null: so each command reads whatever arrives by itself.
    async def run(*arguments: Any) -> Any:
        given = arguments[0] if arguments and arguments[0] is not None else {}
        return await _load("commands", "run")(window.rooms, name, function, given)

    return run


def _load(module: str, function: str) -> Callable[..., Any]:
    loaded: Callable[..., Any] = getattr(import_module(f"habitus_server.lsp.{module}"), function)
    return loaded
