"""habitus/diagnostics: what all of the editor's servers say is wrong in one document.

The whole list each time, with positions in the negotiated encoding; `docs/protocol.md` tells
editors how to send it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.diagnostics import ERROR, Diagnostic
from habitus_server.lsp.rooms import Rooms
from habitus_server.positions import Position, PositionEncoding
from habitus_server.session import Document


class _Range(msgspec.Struct):
    start: Position
    end: Position


class _Reported(msgspec.Struct):
    range: _Range
    message: str
    severity: int | None = None
    source: str | None = None
    code: int | str | None = None


class _Report(msgspec.Struct):
    uri: str
    diagnostics: list[_Reported]
    version: int | None = None


def reported(rooms: Rooms, params: Any) -> None:
    """A list about another version than the present one is left out: a newer one will come."""
    report = msgspec.convert(params, _Report)
    document = rooms.session.document(report.uri)
    if document is None or report.version not in (None, document.version):
        return
    encoding = rooms.session.encoding
    rooms.diagnosed(
        document, [_to_diagnostic(one, document, encoding) for one in report.diagnostics]
    )


def _to_diagnostic(one: _Reported, document: Document, encoding: PositionEncoding) -> Diagnostic:
    return Diagnostic(
        message=one.message,
        start=document.buffer.offset_at(one.range.start, encoding),
        end=document.buffer.offset_at(one.range.end, encoding),
        source=one.source or "",
        code="" if one.code is None else str(one.code),
        # A diagnostic without a severity is the client's to judge; most show an error.
        severity=one.severity or ERROR,
    )
