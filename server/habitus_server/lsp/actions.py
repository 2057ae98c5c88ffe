"""textDocument/codeAction: a `quickfix` for a diagnostic, made by filling its region anew."""

from __future__ import annotations

from lsprotocol import types

from habitus_server import fixes
from habitus_server.diagnostics import Diagnostic
from habitus_server.lsp import convert
from habitus_server.lsp.rooms import Rooms
from habitus_server.records import TaskKind
from habitus_server.session import Snapshot

APPLIED = "habitus.fixApplied"


async def quick_fixes(
    rooms: Rooms, params: types.CodeActionParams
) -> list[types.CodeAction] | None:
    """Asks the model only where something is wrong."""
    if not _wants_quickfix(params.context.only):
        return None
    low = convert.to_position(params.range.start)
    high = convert.to_position(params.range.end)
    snapshot = rooms.session.snapshot(params.text_document.uri, low, (low, high, ""))
    if snapshot is None:
        return None
    given = {
        _to_diagnostic(diagnostic, snapshot, rooms): diagnostic
        for diagnostic in params.context.diagnostics
    }
    offered = await rooms.executor({"uri": snapshot.uri}).run(
        TaskKind.CODE_ACTION,
        types.TEXT_DOCUMENT_CODE_ACTION,
        [diagnostic.message for diagnostic in given],
        lambda: rooms.fix(snapshot, tuple(given)),
        files=[snapshot.path],
        unless_empty=True,
    )
    return [_from_fix(fix, snapshot, rooms, given) for fix in offered]


def _wants_quickfix(only: object) -> bool:
    if not isinstance(only, list | tuple) or not only:
        return True
    kinds = [str(getattr(kind, "value", kind)) for kind in only]
    return any(kind == "quickfix" or kind == "" for kind in kinds)


def _to_diagnostic(diagnostic: types.Diagnostic, snapshot: Snapshot, rooms: Rooms) -> Diagnostic:
    buffer, encoding = snapshot.document.buffer, rooms.session.encoding
    return Diagnostic(
        message=diagnostic.message,
        start=buffer.offset_at(convert.to_position(diagnostic.range.start), encoding),
        end=buffer.offset_at(convert.to_position(diagnostic.range.end), encoding),
        source=diagnostic.source or "",
        code="" if diagnostic.code is None else str(diagnostic.code),
    )


def _from_fix(
    fix: fixes.Fix,
    snapshot: Snapshot,
    rooms: Rooms,
    given: dict[Diagnostic, types.Diagnostic],
) -> types.CodeAction:
    answered = given.get(fix.diagnostic)
    span = convert.from_range(snapshot.document, fix.start, fix.end, rooms.session.encoding)
    edit = types.TextDocumentEdit(
        types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version),
        [types.TextEdit(span, fix.text)],
    )
    return types.CodeAction(
        title=fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=None if answered is None else [answered],
        edit=_workspace_edit(snapshot, edit, rooms),
        # Editors run it once the edit is applied: the only sign that the fix was wanted.
        command=types.Command(
            fix.title, APPLIED, arguments=[{"uri": snapshot.uri, "title": fix.title}]
        ),
    )


def _workspace_edit(
    snapshot: Snapshot, edit: types.TextDocumentEdit, rooms: Rooms
) -> types.WorkspaceEdit:
    """With the version, where the editor can check it: an edit for older text is refused."""
    if rooms.checks_versions:
        return types.WorkspaceEdit(document_changes=[edit])
    plain = [one for one in edit.edits if isinstance(one, types.TextEdit)]
    return types.WorkspaceEdit(changes={snapshot.uri: plain})
