"""A real engine process on a real socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from habitus_server.config import Config, Engine
from habitus_server.engine import wire
from habitus_server.engine.client import EngineClient, SupersededError
from habitus_server.engine.launch import busy_marker, engine_log, engine_socket, ensure_engine
from habitus_server.engine.wire import Place, Stop
from habitus_server.errors import EngineError
from habitus_server.records import AdapterRef
from tiny_model import make_adapter

PLACE = Place("w", "a.py", "python", "def connect(self, host):\n    return self", "\n")
LONG = Stop("block", 0, 999, 900)


@pytest.fixture
def state() -> Iterator[Path]:
    """A short path, so that sockets fit beside the state."""
    folder = Path(tempfile.mkdtemp(prefix="habitus-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def config(tiny_folder: Path) -> Config:
    return Config(model=str(tiny_folder), engine=Engine(device="cpu", threads=1))


@pytest.fixture
async def client(state: Path, config: Config) -> AsyncIterator[EngineClient]:
    made = await ensure_engine(state, config)
    yield made
    if not made.is_lost:
        made.shut_down()
    await made.close()
    await gone(made.engine_pid)


async def gone(pid: int) -> None:
    deadline = time.monotonic() + 15.0
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine does not end"
        await asyncio.sleep(0.02)


async def answers(path: Path, *frames: bytes) -> list[wire.Reply]:
    """What the engine says to someone without the client's manners, until it hangs up."""
    reader, writer = await asyncio.open_unix_connection(path)
    replies: list[wire.Reply] = []

    async def read_one() -> None:
        header = await asyncio.wait_for(reader.readexactly(wire.HEADER_BYTES), 5.0)
        body = await reader.readexactly(wire.body_length(header))
        replies.append(wire.read_reply(body))

    try:
        for data in frames[:-1]:
            writer.write(data)
            await read_one()
        writer.write(frames[-1])
        while True:
            await read_one()
    except (EOFError, ConnectionResetError):
        return replies
    finally:
        writer.close()


async def test_one_engine_lives_through_everything_that_windows_do(
    client: EngineClient, state: Path, config: Config
) -> None:
    """One process for many claims, because each start costs seconds."""
    path = engine_socket(state, config.model, "cpu")
    others = await asyncio.gather(*(ensure_engine(state, config) for _ in range(3)))
    assert {other.engine_pid for other in others} == {client.engine_pid}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    told: list[str] = []
    completed = await client.complete(
        PLACE, window="1", candidates=2, stop=Stop(max_tokens=8), on_delta=told.append
    )
    assert len(completed.candidates) == 2
    assert "".join(told) == completed.candidates[0].text != ""
    assert time.time() - busy_marker(path).stat().st_mtime < 60
    status = await client.status()
    assert (status.state, status.device) == ("ready", "cpu")
    again = await others[0].complete(PLACE, window="1", stop=Stop(max_tokens=8))
    assert again.reused_tokens == again.prompt_tokens - 1
    assert again.candidates[0].text == completed.candidates[0].text
    assert busy_marker(path).read_text() == "cpu"

    await memory_is_in_order(client)
    await newest_wins(client)
    await cancelling_the_task_cancels_the_work(client)
    await a_broken_adapter_fails_its_request_alone(client, state)
    await an_adapter_made_ready_has_read_what_was_asked_last(client, state, config)
    await rude_peers_cost_themselves_their_connection(path, client)
    for other in others:
        await other.close()
    assert (await client.status()).state == "ready"


async def memory_is_in_order(client: EngineClient) -> None:
    alone = await client.score(PLACE, ".open_connection(host)")
    client.remember("w", "b.py", "def x(self):\n    return self.open_connection(host)\n")
    known = await client.score(PLACE, ".open_connection(host)")
    assert known.bits < 0.6 * alone.bits
    assert (await client.status(settled=True)).memory_tokens > 0
    client.remember("w", "b.py", "a_new_line(of_text)\nother = 1\n", learn=True)
    client.forget("w", "b.py")
    assert (await client.status(settled=True)).memory_tokens == 0
    gone_again = await client.score(PLACE, ".open_connection(host)")
    assert gone_again.bits > 0.6 * alone.bits


async def newest_wins(client: EngineClient) -> None:
    older = asyncio.create_task(client.complete(PLACE, window="1", stop=LONG))
    await asyncio.sleep(0.03)
    newer = await client.complete(PLACE, window="1", stop=Stop(max_tokens=2))
    assert newer.candidates
    with pytest.raises(SupersededError):
        await older


async def cancelling_the_task_cancels_the_work(client: EngineClient) -> None:
    task = asyncio.create_task(client.complete(PLACE, window="1", candidates=50, stop=LONG))
    await asyncio.sleep(0.05)
    assert (await client.status()).busy
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = time.monotonic() + 3.0
    while (await client.status()).busy:
        assert time.monotonic() < deadline, "a cancelled request keeps the engine busy"


async def a_broken_adapter_fails_its_request_alone(client: EngineClient, state: Path) -> None:
    (state / "v1").mkdir()
    with pytest.raises(EngineError, match="adapter"):
        await client.complete(PLACE, window="1", adapter=AdapterRef("v1", str(state / "v1")))
    assert (await client.complete(PLACE, window="1", stop=Stop(max_tokens=2))).adapter is None


async def an_adapter_made_ready_has_read_what_was_asked_last(
    client: EngineClient, state: Path, config: Config
) -> None:
    long = msgspec.structs.replace(PLACE, path="long.py", prefix="value = 1\n" * 200 + "value")
    before = await client.complete(long, window="1", stop=Stop(max_tokens=2), use_memory=False)
    assert before.prompt_tokens > 300
    ready = await asyncio.to_thread(make_adapter, Path(config.model), state / "v2")
    await client.warm("w", ready)
    assert (await client.status()).adapters == ("v2",)
    after, fresh = [
        await client.complete(
            long, window="1", adapter=ref, stop=Stop(max_tokens=4), use_memory=False
        )
        for ref in (ready, msgspec.structs.replace(ready, path=f"{ready.path}/."))
    ]
    assert after.adapter == "v2"
    assert after.reused_tokens > after.prompt_tokens - 70
    assert fresh.reused_tokens == 0
    assert after.candidates[0].text == fresh.candidates[0].text
    with pytest.raises(EngineError, match="adapter"):
        await client.warm("w", AdapterRef("v1", str(state / "v1")))


async def rude_peers_cost_themselves_their_connection(path: Path, client: EngineClient) -> None:
    hello = wire.frame(wire.Hello(wire.PROTOCOL, "test", 1))
    for first in (
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x05hello",
        wire.frame(wire.AskStatus(1)),
    ):
        assert await answers(path, first) == []
    greeting = wire.Hello(wire.PROTOCOL, "engine", client.engine_pid)
    for later in (b"\x00\x00\x00\x03\x81\xa1\x00", hello, b"\x00\x00\x00\x01\xc1"):
        assert await answers(path, hello, later + b" ") == [greeting]
    newer = wire.frame(wire.Hello(wire.PROTOCOL + 1, "test", 1))
    assert await answers(path, newer) == [greeting]
    assert (await client.status()).state == "ready"


async def test_it_listens_before_the_model_is_loaded_and_says_what_is_wrong_with_it(
    state: Path, tmp_path: Path
) -> None:
    config = Config(model=str(tmp_path), engine=Engine(device="cpu"))
    client = await ensure_engine(state, config)
    assert (await client.status()).state in ("loading", "failed")
    with pytest.raises(EngineError, match=r"no config\.json"):
        await client.complete(PLACE, window="1")
    status = await asyncio.wait_for(client.status(settled=True), 5.0)
    assert status.state == "failed"
    assert "config.json" in status.detail
    client.shut_down()
    await client.lost
    await gone(client.engine_pid)


async def test_a_killed_engine_fails_what_was_asked_and_is_started_anew(
    state: Path, config: Config
) -> None:
    first = await ensure_engine(state, config)
    await first.status(settled=True)
    task = asyncio.create_task(first.complete(PLACE, window="1", candidates=50, stop=LONG))
    await asyncio.sleep(0.1)
    os.kill(first.engine_pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="closed the connection"):
        await task
    with pytest.raises(EngineError, match="has gone"):
        await first.status()
    assert engine_socket(state, config.model, "cpu").exists()
    second = await ensure_engine(state, config)
    assert second.engine_pid != first.engine_pid
    assert (await second.complete(PLACE, window="1", stop=Stop(max_tokens=2))).candidates
    second.shut_down()
    await second.lost
    await gone(second.engine_pid)
    assert not engine_socket(state, config.model, "cpu").exists()


async def test_an_engine_without_peers_leaves(state: Path, config: Config) -> None:
    brief = Config(model=config.model, engine=Engine(device="cpu", exit_after_s=0.2))
    client = await ensure_engine(state, brief)
    pid = client.engine_pid
    await client.status(settled=True)
    await asyncio.sleep(0.4)
    assert not client.is_lost
    await client.close()
    await gone(pid)
    log = engine_log(state, config.model, "cpu")
    assert "no peers" in log.read_text(encoding="utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_an_engine_whose_state_was_deleted_ends_and_leaves_the_next_ones_socket(
    state: Path, config: Config
) -> None:
    orphan = await ensure_engine(state, config)
    await orphan.status(settled=True)
    shutil.rmtree(state)
    state.mkdir()
    heir = await ensure_engine(state, config)
    assert heir.engine_pid != orphan.engine_pid
    await orphan.close()
    await gone(orphan.engine_pid)
    third = await ensure_engine(state, config)
    assert third.engine_pid == heir.engine_pid
    await third.close()
    heir.shut_down()
    await heir.lost
    await gone(heir.engine_pid)


async def test_a_socket_that_something_else_holds_is_left_alone(
    state: Path, config: Config
) -> None:
    path = engine_socket(state, config.model, "cpu")
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        foreign.listen()
        with pytest.raises(EngineError, match="taken by something that is not a Habitus engine"):
            await EngineClient.connect(path, timeout_s=0.3)
        assert path.exists()
    with pytest.raises(EngineError, match="No engine listens"):
        await EngineClient.connect(path)


async def test_an_engine_that_cannot_start_says_its_last_words(
    state: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitus_server.engine.launch.sys.executable", "/bin/false")
    with pytest.raises(EngineError, match="ended with code 1 while it started"):
        await ensure_engine(state, config)
