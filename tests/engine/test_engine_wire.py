"""Frames: what goes in comes out, and what must not come in does not."""

from __future__ import annotations

import pytest

from habitus_server.engine import wire
from habitus_server.engine.wire import Complete, Place
from habitus_server.errors import ProtocolError
from habitus_server.records import AdapterRef, Chunk


def test_a_request_survives_the_wire() -> None:
    place = Place("w", "a.py", "python", "é\n", "漢", (Chunk("b", "c"),))
    request = Complete(7, "1", place, AdapterRef("v", "/v"), stream=True)
    data = wire.frame(request)
    assert wire.body_length(data[:4]) == len(data) - 4
    assert wire.read_request(data[4:]) == request


def test_half_a_surrogate_pair_becomes_one_question_mark() -> None:
    data = wire.frame(wire.Remember("w", "a.py", "x = '\ud83d' + 'é'"))
    message = wire.read_request(data[4:])
    assert message == wire.Remember("w", "a.py", "x = '?' + 'é'")


@pytest.mark.parametrize("header", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x04\0\0\1"])
def test_lengths_that_no_peer_may_send_are_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError, match="64 MiB"):
        wire.body_length(header)


def test_a_frame_over_the_limit_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="too large"):
        wire.frame(wire.Remember("w", "a.py", "x" * (wire.MAX_FRAME_BYTES + 1)))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", wire.frame(wire.Cancelled(1))[4:]])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="Not a request"):
        wire.read_request(body)
