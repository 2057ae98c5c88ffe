"""What an editor may report of its own accord, after the Copilot convention.

`textDocument/didShowCompletion {item}` and `textDocument/didPartiallyAcceptCompletion
{item, acceptedLength}`, where the length counts UTF-16 units from the start of the
item's `insertText`. Editors that never report are inferred from didChange.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.lsp.rooms import Rooms
from habitus_server.positions import PositionEncoding, index_of_units


class Argument(msgspec.Struct):
    """The one argument of an item's command (see `convert.accept_command`)."""

    id: str
    typed: int = 0
    lead: int = 0


class _Command(msgspec.Struct):
    arguments: list[Argument] = []


class _TextEdit(msgspec.Struct):
    new_text: str = msgspec.field(name="newText", default="")


class _Item(msgspec.Struct):
    command: _Command
    insert_text: str | None = msgspec.field(name="insertText", default=None)
    text_edit: _TextEdit | None = msgspec.field(name="textEdit", default=None)

    @property
    def text(self) -> str:
        """What accepting the item inserts."""
        if self.insert_text is not None:
            return self.insert_text
        return self.text_edit.new_text if self.text_edit is not None else ""


class _Shown(msgspec.Struct):
    item: _Item


class _Partial(msgspec.Struct):
    item: _Item
    accepted_length: int = msgspec.field(name="acceptedLength")


def shown(rooms: Rooms, params: Any) -> None:
    """An item is visible."""
    for argument in msgspec.convert(params, _Shown).item.command.arguments:
        rooms.fates.shown(argument.id)


def partially_accepted(rooms: Rooms, params: Any) -> None:
    """The beginning of an item was taken."""
    report = msgspec.convert(params, _Partial)
    length = index_of_units(report.item.text, report.accepted_length, PositionEncoding.UTF16)
    for argument in report.item.command.arguments:
        taken = max(0, length - argument.lead)
        rooms.fates.partially_accepted(argument.id, argument.typed + taken)
