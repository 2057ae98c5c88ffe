"""A recorded editing session: what editor and server said to each other, and what was done.

Promises files that read one message to a line, and that what is read equals what was
written. Knows no editor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from habitus_server.records import Outcome, State

FOLDER = Path(__file__).resolve().parent.parent / "traces"
ROOT_URI = "file:///project"
_DROPPED = ("documentation",)


class Message(msgspec.Struct, frozen=True):
    """One JSON-RPC message, and when it passed the pipe; `sender` is "editor" or "server"."""

    at: float
    sender: str
    body: dict[str, Any]


class Fate(msgspec.Struct, frozen=True):
    """What the user did with a text that was suggested; `outcome` for what reached the buffer.

    Suggestions that are ends of `text` are meant: part of it may have been typed before.
    `seen` is what somebody who knows the edits alone must take it for, where that differs.
    """

    text: str
    state: State
    outcome: Outcome | None = None
    seen: tuple[State, Outcome | None] | None = None


class Trace(msgspec.Struct, frozen=True):
    """One session in one file; `client` is the editor's own name and version."""

    name: str
    editor: str
    client: str
    encoding: str
    did: str
    fates: tuple[Fate, ...]
    messages: tuple[Message, ...]

    @property
    def is_for_judging(self) -> bool:
        """Whether rules were never fitted to it: half of the scenarios, by name alone."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1

    def save(self) -> Path:
        """Write it to its place among the test data."""
        path = FOLDER / self.editor / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = msgspec.to_builtins(self)
        messages = [json.dumps(one, ensure_ascii=False) for one in table.pop("messages")]
        head = json.dumps(table, ensure_ascii=False, indent=1).removesuffix("\n}")
        lines = ",\n  ".join(messages)
        path.write_text(f'{head},\n "messages": [\n  {lines}\n ]\n}}\n', encoding="utf-8")
        return path


def load(path: Path) -> Trace:
    """Read a trace from its file."""
    return msgspec.json.decode(path.read_bytes(), type=Trace)


def load_all() -> list[Trace]:
    """Every trace among the test data."""
    return [load(path) for path in sorted(FOLDER.glob("*/*.json"))]


def cut(messages: Iterable[Message], uri: str, path: str) -> tuple[Message, ...]:
    """What was said about one document, from zero seconds on, under a neutral root."""
    kept: list[Message] = []
    asked: set[Any] = set()
    mentioned: set[str] = set()
    for message in messages:
        body = message.body
        if message.sender == "editor" and _is_about(body, uri, mentioned):
            if "id" in body and body["method"] != "workspace/executeCommand":
                asked.add(body["id"])
        elif not (message.sender == "server" and "method" not in body and body["id"] in asked):
            continue
        mentioned |= {item_id(item) for item in items_of(body)}
        begin = kept[0].at if kept else 0.0
        at = round(message.at - begin, 3) if kept else message.at
        kept.append(Message(at, message.sender, _neutral(body, uri, path)))
    return (msgspec.structs.replace(kept[0], at=0.0), *kept[1:]) if kept else ()


def items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The suggestions in an answer of the server's."""
    result = body.get("result")
    if isinstance(result, dict):
        result = result.get("items")
    if not isinstance(result, list):
        return []
    return [item for item in result if isinstance(item, dict) and "command" in item]


def item_id(item: dict[str, Any]) -> str:
    """The suggestion that an item stands for."""
    return str(item["command"]["arguments"][0]["id"])


def item_text(item: dict[str, Any]) -> str:
    """What accepting an item inserts, without what the user had typed of it."""
    text = item["insertText"] if "insertText" in item else item["textEdit"]["newText"]
    return str(text)[item["command"]["arguments"][0]["lead"] :]


def _is_about(body: dict[str, Any], uri: str, mentioned: set[str]) -> bool:
    params = body.get("params")
    if not isinstance(params, dict):
        return False
    if params.get("textDocument", {}).get("uri") == uri:
        return True
    said = json.dumps(params)
    return any(f'"{known}"' in said for known in mentioned)


def _neutral(value: Any, uri: str, path: str) -> Any:
    """The message without its documentation, and with the project at a neutral place."""
    if isinstance(value, dict):
        return {k: _neutral(v, uri, path) for k, v in value.items() if k not in _DROPPED}
    if isinstance(value, list):
        return [_neutral(one, uri, path) for one in value]
    return f"{ROOT_URI}/{path}" if value == uri else value
