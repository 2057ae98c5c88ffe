"""Putting a recorded session through the rooms that serve uses, at its recorded times.

Promises that the handlers, the session, the recorder and the store are the real ones, that
what the editor reported can be left out, and that a long quiet follows the last message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from lsprotocol import types
from pygls.protocol import default_converter

from editors.trace import Message, Trace, item_id, item_text, items_of
from habitus_server.config import Config
from habitus_server.lsp import convert, documents, inline, popup, reports
from habitus_server.offers import Offer, Source
from habitus_server.positions import Position, PositionEncoding
from habitus_server.recorder import Recorder
from habitus_server.records import Suggestion
from habitus_server.scribe import Scribe
from habitus_server.session import Event, Session, Snapshot
from habitus_server.store import Store

BEGIN = 1_700_000_000.0
QUIET_S = 1_000
ROOT = Path("/project")
CONVERTER = default_converter()
REPORTS = {
    "textDocument/didShowCompletion": reports.shown,
    "textDocument/didPartiallyAcceptCompletion": reports.partially_accepted,
}
_CHANGES: dict[str, tuple[Any, type]] = {
    "textDocument/didOpen": (documents.opened, types.DidOpenTextDocumentParams),
    "textDocument/didChange": (documents.changed, types.DidChangeTextDocumentParams),
    "textDocument/didSave": (documents.saved, types.DidSaveTextDocumentParams),
    "textDocument/didClose": (documents.closed, types.DidCloseTextDocumentParams),
}
_QUESTIONS: dict[str, tuple[Any, type]] = {
    "textDocument/completion": (popup.complete, types.CompletionParams),
    "textDocument/inlineCompletion": (inline.complete, types.InlineCompletionParams),
}


class _Anything:
    """Privacy rules without a secret."""

    def why_not_stored(self, path: str, language: str) -> str:
        return ""

    def redact(self, text: str) -> str:
        return text


class _Window:
    """The rooms of a window, where the recorded answers stand in for the engine."""

    def __init__(self, trace: Trace, recorder: Recorder) -> None:
        self.config = Config()
        self.session = Session(PositionEncoding(trace.encoding))
        self.session.add_folder(ROOT)
        self.now = BEGIN
        self.answer: list[dict[str, Any]] = []
        self._name = f"{trace.editor}/{trace.name}"
        # What is reported of a suggestion goes straight to the recorder that follows it.
        self.fates = self._recorder = recorder
        self._known: dict[str, Suggestion] = {}

    def apply(self, event: Event) -> None:
        """Take in what happened to a document."""
        step = self.session.apply(event)
        if step is not None:
            self._recorder.took(step)

    async def suggest(self, snapshot: Snapshot, *, invoked: bool = False) -> tuple[Offer, ...]:
        """What was answered then."""
        offers = tuple(self._offer(snapshot, rank) for rank in range(len(self.answer)))
        self._recorder.offered(snapshot, offers)
        return offers

    def _offer(self, snapshot: Snapshot, rank: int) -> Offer:
        item = self.answer[rank]
        argument = item["command"]["arguments"][0]
        key, typed = f"{self._name}/{item_id(item)}", argument["typed"]
        at = len(snapshot.prefix) - typed
        if key not in self._known:
            self._known[key] = Suggestion(
                id=item_id(item),
                request_id=item_id(self.answer[0]),
                rank=rank,
                window="w",
                path=snapshot.path,
                language=snapshot.language,
                model="scripted",
                adapter=None,
                offered_at=self.now,
                # Rows are told apart by it.
                prefix=self._name,
                suffix=snapshot.suffix,
                text=snapshot.prefix[at:] + item_text(item),
                logprob=-1.0,
                token_count=1,
            )
        span = item["range"] if "range" in item else item["textEdit"]["range"]
        end = snapshot.document.buffer.offset_at(
            msgspec.convert(span["end"], Position), self.session.encoding
        )
        source = Source(argument["source"])
        return Offer(self._known[key], max(0, end - snapshot.end), typed, source)


async def rerun(traces: Sequence[Trace], database: Path, *, with_reports: bool) -> Store:
    """A store with what Habitus makes of the traces."""
    store = Store.open(database)
    scribe = Scribe()
    scribe.attach(store, _Anything())
    for trace in traces:
        await _rerun_one(trace, scribe, with_reports)
    await scribe.flush()
    return store


async def _rerun_one(trace: Trace, scribe: Scribe, with_reports: bool) -> None:
    recorder = Recorder("w", lambda: window.now, scribe)
    window = _Window(trace, recorder)
    questions: dict[Any, dict[str, Any]] = {}
    for message in in_server_order(trace.messages):
        _let_pass(window, recorder, BEGIN + message.at)
        body = message.body
        if message.sender == "server":
            await _answered(window, questions.pop(body["id"], None), body)
        elif "id" in body and body["method"] in _QUESTIONS:
            questions[body["id"]] = body
        elif body["method"] in _CHANGES:
            handle, kind = _CHANGES[body["method"]]
            handle(window, CONVERTER.structure(body["params"], kind))
        elif with_reports:
            await _reported(window, recorder, body)
    _let_pass(window, recorder, window.now + QUIET_S)
    recorder.close_all()


def in_server_order(messages: Iterable[Message]) -> list[Message]:
    """The messages with each answer before the edits that the server saw after it.

    A server that has seen an edit answers no older question with suggestions; an edit that
    stands before such an answer was on its way.
    """
    ordered: list[Message] = []
    asked: dict[Any, int] = {}
    for message in messages:
        method = message.body.get("method")
        if method in _QUESTIONS:
            asked[message.body["id"]] = len(ordered)
        if message.sender == "server" and items_of(message.body):
            since = range(asked[message.body["id"]], len(ordered))
            edited = [n for n in since if ordered[n].body.get("method") in _CHANGES]
            if edited:
                at = ordered[edited[0]].at
                ordered.insert(edited[0], msgspec.structs.replace(message, at=at))
                continue
        ordered.append(message)
    return ordered


def _let_pass(window: _Window, recorder: Recorder, until: float) -> None:
    """Tick once a second, as serve does."""
    while window.now + 1.0 < until:
        window.now += 1.0
        recorder.tick()
    window.now = max(window.now, until)


async def _answered(
    window: _Window, question: dict[str, Any] | None, answer: dict[str, Any]
) -> None:
    if question is None:
        return
    handle, kind = _QUESTIONS[question["method"]]
    window.answer = items_of(answer)
    await handle(window, CONVERTER.structure(question["params"], kind))


async def _reported(window: _Window, recorder: Recorder, body: dict[str, Any]) -> None:
    params = body["params"]
    if body["method"] in REPORTS:
        REPORTS[body["method"]](window, params)
    elif params.get("command") == convert.ACCEPT:
        await recorder.accept(params["arguments"][0]["id"])
    elif params.get("command") == "habitus.dismiss":
        await recorder.dismiss(params["arguments"][0]["id"])
