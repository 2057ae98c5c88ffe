"""What an editor may report of its own accord, after the Copilot convention.

`textDocument/didShowCompletion {item}` and `textDocument/didPartiallyAcceptCompletion
{item, acceptedLength}`, where the length counts UTF-16 units from the start of the
item's `insertText`. Editors that never report are inferred from didChange.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.text import PositionEncoding, index_of_units


class Argument(msgspec.Struct):
    """The one argument of an item's command: our id, and what was typed before it."""

    id: str
    typed: int = 0


class _Command(msgspec.Struct):
    arguments: list[Argument] = []


class _Item(msgspec.Struct):
    command: _Command
    insert_text: str | None = msgspec.field(name="insertText", default=None)


class _Shown(msgspec.Struct):
    item: _Item


class _Partial(msgspec.Struct):
    item: _Item
    accepted_length: int = msgspec.field(name="acceptedLength")


def register(server: HabitusServer, window: Window) -> None:
    """Register the handlers."""

    @server.feature("textDocument/didShowCompletion")
    def shown(params: Any) -> None:
        for argument in msgspec.convert(params, _Shown).item.command.arguments:
            window.shown(argument.id)

    @server.feature("textDocument/didPartiallyAcceptCompletion")
    def partially_accepted(params: Any) -> None:
        report = msgspec.convert(params, _Partial)
        inserted = report.item.insert_text or ""
        length = index_of_units(inserted, report.accepted_length, PositionEncoding.UTF16)
        for argument in report.item.command.arguments:
            window.partially_accepted(argument.id, argument.typed + length)
