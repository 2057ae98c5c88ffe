"""The messages between `serve`, the learner and the engine.

One frame is a 4-byte big-endian length, then a msgpack map tagged by `type`.
The first frame in each direction is a `Hello`; peers whose `PROTOCOL` differs
part there with a sentence that says which side to update. Nothing here opens a
socket or knows a model.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from habitus_server.errors import ProtocolError
from habitus_server.records import AdapterRef, Chunk
from habitus_server.utf8 import mended

PROTOCOL = 2
MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=True):
    """Base of everything on the wire."""


class Hello(Message, frozen=True, tag=True):
    """First frame each way; `token` authenticates where the socket is TCP."""

    protocol: int
    role: str
    pid: int
    token: str = ""


class Stop(msgspec.Struct, frozen=True):
    """Where a completion ends, beside the model's own end token.

    `mode` is "line" (before the first newline) or "block" (before a line of text
    indented less than `indent` columns, or after `max_lines`); `stop.find_end` has
    the whole rule, `stop.indent_columns` counts columns.
    """

    mode: str = "line"
    indent: int = 0
    max_lines: int = 1
    max_tokens: int = 48


class Place(msgspec.Struct, frozen=True):
    """Where in a workspace text is wanted: all that a prompt is made of.

    `prefix` and `suffix` are whole-buffer text either side of the cursor (the
    prompt room truncates); `chunks` are in the order in which they are shown;
    `rejected` are texts that were turned down here, which memory is wary of.
    """

    workspace: str
    path: str
    language: str
    prefix: str
    suffix: str
    chunks: tuple[Chunk, ...] = ()
    rejected: tuple[str, ...] = ()


class Complete(Message, frozen=True, tag=True):
    """Ask for `candidates` completions; the newest request of a `window` wins.

    The first candidate is greedy; further ones are sampled at `temperature`
    with `seed`. `adapter` None asks for base weights. Nobody waits for a guess: any other
    request, of whatever window, takes its place.
    """

    id: int
    window: str
    place: Place
    adapter: AdapterRef | None = None
    candidates: int = 1
    temperature: float = 0.8
    seed: int = 0
    stop: Stop = Stop()
    use_memory: bool = True
    stream: bool = False
    is_guess: bool = False


class Score(Message, frozen=True, tag=True):
    """Ask what `middle` costs at a place, teacher-forced (measuring only)."""

    id: int
    place: Place
    middle: str
    adapter: AdapterRef | None = None
    use_memory: bool = True


class Warm(Message, frozen=True, tag=True):
    """Make an adapter ready for a workspace beside the one that serves, in idle moments.

    Answered by `Warmed` once its weights are loaded and have read what was asked last.
    """

    id: int
    workspace: str
    adapter: AdapterRef


class Cancel(Message, frozen=True, tag=True):
    """Stop request `id` between two tokens; it is answered by `Cancelled`."""

    id: int


class Remember(Message, frozen=True, tag=True):
    """Put a document into a workspace's memory, in place of its older text.

    `learn` True says the difference is settled human text, on which the mixing
    weights may be fitted before it is inserted.
    """

    workspace: str
    path: str
    text: str
    learn: bool = False


class Forget(Message, frozen=True, tag=True):
    """Drop one document from memory, or the whole workspace when `path` is ""."""

    workspace: str
    path: str = ""


class AskStatus(Message, frozen=True, tag=True):
    """Ask for an `EngineStatus`.

    With `settled` the answer waits until memory has taken in, and learned from, all
    that this peer sent before it.
    """

    id: int
    settled: bool = False


class Shutdown(Message, frozen=True, tag=True):
    """End the engine after the request in flight."""


class Delta(Message, frozen=True, tag=True):
    """Text that the greedy candidate of a streaming request has gained."""

    id: int
    text: str


class Candidate(msgspec.Struct, frozen=True):
    """One completion: `logprobs` are nats per token under the served mixture."""

    text: str
    logprobs: tuple[float, ...]
    finish: str


class Completed(Message, frozen=True, tag=True):
    """A request's candidates (greedy first) and where its time went.

    `lacks_memory` says, once, that the workspace's documents had to give way to others'.
    """

    id: int
    candidates: tuple[Candidate, ...]
    adapter: str | None
    prompt_tokens: int
    reused_tokens: int
    queue_ms: float
    prefill_ms: float
    decode_ms: float
    lacks_memory: bool = False


class Scored(Message, frozen=True, tag=True):
    """Cost of a `Score`'s middle: total bits over its characters and its tokens."""

    id: int
    bits: float
    chars: int
    tokens: int


class Warmed(Message, frozen=True, tag=True):
    """A request that names the adapter of `Warm` `id` now costs what any other does."""

    id: int


class Cancelled(Message, frozen=True, tag=True):
    """Request `id` was cancelled, or superseded by a newer one of its window."""

    id: int


class Failed(Message, frozen=True, tag=True):
    """Request `id` failed; `message` is fit to show and says what to do."""

    id: int
    message: str


class EngineStatus(Message, frozen=True, tag=True):
    """What the engine holds: `state` is "loading", "ready", "unloaded" or "failed"."""

    id: int
    state: str
    detail: str
    model: str
    device: str
    adapters: tuple[str, ...]
    busy: bool
    progress: float
    resident_bytes: int
    memory_tokens: int


Request = Hello | Complete | Score | Warm | Cancel | Remember | Forget | AskStatus | Shutdown
Reply = Hello | Delta | Completed | Scored | Warmed | Cancelled | Failed | EngineStatus

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)

HEADER_BYTES = _LENGTH.size


def frame(message: Message) -> bytes:
    """Encode a message with its length before it.

    Half a surrogate pair, which an editor may send, becomes a question mark: lengths
    stay, and one broken character does not silence a whole file.
    """
    try:
        body = _encoder.encode(message)
    except UnicodeEncodeError:
        body = _encoder.encode(_all_mended(msgspec.to_builtins(message)))
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"A {type(message).__name__} of {len(body)} bytes is too large.")
    return _LENGTH.pack(len(body)) + body


def _all_mended(value: Any) -> Any:
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, dict):
        return {key: _all_mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all_mended(item) for item in value]
    return value


def body_length(header: bytes) -> int:
    """Read a frame's length; raise `ProtocolError` on one no peer may send."""
    (length,) = _LENGTH.unpack(header)
    if not 0 < length <= MAX_FRAME_BYTES:
        raise ProtocolError(f"A frame of {length} bytes was announced; the limit is 64 MiB.")
    return int(length)


def read_request(body: bytes) -> Request:
    """Decode what a client sent; raise `ProtocolError` when it is not a request."""
    try:
        return _requests.decode(body)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"Not a request: {error}") from error


def read_reply(body: bytes) -> Reply:
    """Decode what an engine sent; raise `ProtocolError` when it is not a reply."""
    try:
        return _replies.decode(body)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"Not a reply: {error}") from error
