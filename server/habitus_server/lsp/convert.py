"""Between the protocol's types and Habitus' own values.

LSP types stop in this folder: handlers convert here, delegate, and convert back.
"""

from __future__ import annotations

from lsprotocol import types

from habitus_server import positions
from habitus_server.offers import Offer
from habitus_server.positions import PositionEncoding
from habitus_server.session import Changed, Document, Opened, Saved, Snapshot
from habitus_server.text import ContentChange

ACCEPT = "habitus.accept"
LABEL_CHARS = 60


def to_opened(params: types.DidOpenTextDocumentParams) -> Opened:
    """A didOpen as an event."""
    item = params.text_document
    return Opened(item.uri, str(item.language_id), item.version, item.text)


def to_changed(params: types.DidChangeTextDocumentParams) -> Changed:
    """A didChange as an event; each change keeps its order."""
    return Changed(
        params.text_document.uri,
        params.text_document.version,
        tuple(_to_change(change) for change in params.content_changes),
    )


def to_saved(params: types.DidSaveTextDocumentParams) -> Saved:
    """A didSave as an event."""
    return Saved(params.text_document.uri, params.text)


def to_position(position: types.Position) -> positions.Position:
    """A position, in whatever units were negotiated."""
    return positions.Position(position.line, position.character)


def to_selected(
    context: types.InlineCompletionContext,
) -> tuple[positions.Position, positions.Position, str] | None:
    """The item selected in the editor's popup, which a completion must begin with."""
    info = context.selected_completion_info
    if info is None:
        return None
    return to_position(info.range.start), to_position(info.range.end), info.text


def from_range(document: Document, start: int, end: int, encoding: PositionEncoding) -> types.Range:
    """Two offsets of a document as the editor names them."""
    low = document.buffer.position_at(start, encoding)
    high = document.buffer.position_at(end, encoding)
    return types.Range(
        types.Position(low.line, low.character), types.Position(high.line, high.character)
    )


def to_inline_item(
    offer: Offer, snapshot: Snapshot, encoding: PositionEncoding
) -> types.InlineCompletionItem:
    """An offer as ghost text.

    The range is always given and the text plain: some clients paste or expand
    otherwise. The accept command runs after the editor has inserted the text.
    """
    text_to_insert = snapshot.pending + offer.text
    return types.InlineCompletionItem(
        insert_text=text_to_insert,
        filter_text=text_to_insert,
        range=from_range(
            snapshot.document, snapshot.start, snapshot.end + offer.replace_right, encoding
        ),
        command=accept_command(offer, len(snapshot.pending)),
    )


def to_completion_item(
    offer: Offer, snapshot: Snapshot, encoding: PositionEncoding
) -> types.CompletionItem:
    """An offer as an entry of the popup, which replaces the word left of the cursor.

    Popups filter entries by that word, so the entry begins with it.
    """
    word = word_before(snapshot.prefix)
    text_to_insert = word + offer.text
    return types.CompletionItem(
        label=_label(text_to_insert),
        kind=types.CompletionItemKind.Text,
        detail="Habitus",
        documentation=types.MarkupContent(
            types.MarkupKind.Markdown, f"```{snapshot.language}\n{text_to_insert}\n```"
        ),
        preselect=False,
        sort_text=f"\uffff{offer.suggestion.rank:02d}",
        filter_text=text_to_insert,
        insert_text_format=types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(
            from_range(
                snapshot.document,
                snapshot.start - len(word),
                snapshot.end + offer.replace_right,
                encoding,
            ),
            text_to_insert,
        ),
        command=accept_command(offer, len(word)),
    )


def accept_command(offer: Offer, lead: int) -> types.Command:
    """What the editor runs once it has inserted an offer; one object argument.

    `lead` counts the characters of the inserted text that come before the suggestion's,
    `typed` those of the suggestion that stood there before.
    """
    return types.Command(
        title="Habitus: accepted",
        command=ACCEPT,
        arguments=[
            {
                "id": offer.suggestion.id,
                "typed": offer.typed,
                "lead": lead,
                "source": offer.source.value,
            }
        ],
    )


def word_before(prefix: str) -> str:
    """The identifier that ends at the cursor."""
    start = len(prefix)
    while start > 0 and (prefix[start - 1].isalnum() or prefix[start - 1] == "_"):
        start -= 1
    return prefix[start:]


def _label(completion: str) -> str:
    first, newline, _ = completion.strip().partition("\n")
    if len(first) > LABEL_CHARS:
        return first[: LABEL_CHARS - 1] + "…"
    return f"{first} …" if newline else first


def _to_change(change: types.TextDocumentContentChangeEvent) -> ContentChange:
    if isinstance(change, types.TextDocumentContentChangePartial):
        return ContentChange(
            change.text, to_position(change.range.start), to_position(change.range.end)
        )
    return ContentChange(change.text)
