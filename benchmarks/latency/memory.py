"""What memory costs.

The workspace of 5 million tokens is made of the Python files of installed packages. A
step with memory and one without write the same tokens after the same prompt, in turns.
From a settled edit to its being in memory is measured through the feed, the socket and a
real engine: from the moment at which the feed takes an edit for settled until the engine
says that it holds the new tokens.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import site
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.figures import SEED, figure, median_interval, ratio_interval
from benchmarks.latency import Options

from habitus_server.config import Config, Engine
from habitus_server.edits import Edit
from habitus_server.engine.client import EngineClient
from habitus_server.engine.decode import Mixer, ModelAlone, generate
from habitus_server.engine.launch import ensure_engine
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.reading import read_prompt
from habitus_server.engine.wire import Place, Stop
from habitus_server.feed import DEBOUNCE_S, MemoryFeed
from habitus_server.library import Library
from habitus_server.text import Buffer, Change

WORKSPACE = "w"
TOKENS = 5_000_000
PLACES = 60
FED_TOKENS = 1_000_000
EDITS = 15
_PACKAGES = ("torch", "transformers", "hypothesis", "sympy", "numpy")
_PROMPT_CHARS = 2_000


def figures(options: Options) -> list[dict[str, Any]]:
    """All of memory's figures."""
    torch.set_num_threads(1)
    model = load_model("embedded", "cpu")
    size = TOKENS // 20 if options.small else TOKENS
    made = Built(model, size)
    return [
        *made.figures(),
        *_steps(model, made, PLACES // 6 if options.small else PLACES),
        *asyncio.run(_settled_edits(_files(min(size, FED_TOKENS)), 5 if options.small else EDITS)),
    ]


class Built:
    """A memory of so many tokens, and how it came to be."""

    def __init__(self, model: Model, tokens: int) -> None:
        self.memory = Memory(model.tokens)
        self.files = _files(tokens)
        started = time.perf_counter()
        for path, text in self.files.items():
            self.memory.remember(WORKSPACE, path, text)
        while self.memory.tidy() or self.memory.merge():
            pass
        self._took_s = time.perf_counter() - started
        self._tokens = self.memory.token_count()

    def figures(self) -> list[dict[str, Any]]:
        """How fast it was built, and how large it is."""
        bytes_held = self.memory.size_bytes()
        return [
            figure("memory: tokens built per second", self._tokens / self._took_s, n=1),
            figure("memory: bytes per token", bytes_held / self._tokens, n=self._tokens),
        ]


def _files(tokens: int) -> dict[str, str]:
    """About so many tokens of Python, in an order that only the seed decides."""
    root = Path(site.getsitepackages()[0])
    paths = [path for name in _PACKAGES for path in sorted((root / name).rglob("*.py"))]
    random.Random(SEED).shuffle(paths)
    files: dict[str, str] = {}
    chars = 0
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="ignore")
        if 500 < len(text) < 300_000 and chars < 3.2 * tokens:
            files[path.relative_to(root).as_posix()] = text
            chars += len(text)
    return files


# --- one decode step --------------------------------------------------------------------


def _steps(model: Model, made: Built, count: int) -> list[dict[str, Any]]:
    """A step with memory and one without, in turns, writing the same tokens."""
    network = model.network(None)
    with_us: list[float] = []
    alone_us: list[float] = []
    begin_us: list[float] = []
    for place, text in _places(made.files, count):
        tokens = model.tokens.encode(text)
        prompt = model.tokens.encode(place.prefix[-_PROMPT_CHARS:])
        reading = read_prompt(
            network, network.new_cache(), prompt, chunk=256, check=lambda: None
        )  # fmt: skip

        def write(mixer: Mixer, tokens: Sequence[int] = tokens, reading: Any = reading) -> float:
            due = iter(tokens)

            def choose(served: Any) -> int:
                served.argmax()
                return next(due)

            stop = Stop("block", 0, 999, len(tokens))
            started = time.perf_counter()
            generate(
                reading, model.tokens, stop, mixer=mixer, choose=choose, check=lambda: None
            )  # fmt: skip
            return (time.perf_counter() - started) / len(tokens) * 1e6

        for _ in range(3):
            alone_us.append(write(ModelAlone()))
            started = time.perf_counter()
            mixer = made.memory.begin(place, one_line=True)
            begin_us.append((time.perf_counter() - started) * 1e6)
            with_us.append(write(mixer))
    ratio = statistics.median(with_us) / statistics.median(alone_us)
    return [
        figure(
            "memory: decode step with ÷ without",
            ratio,
            n=len(with_us),
            interval=ratio_interval(with_us, alone_us),
            target="<= 1.1",
            holds=ratio <= 1.1,
        ),
        figure("memory: a step without, µs", statistics.median(alone_us), n=len(alone_us)),
        figure(
            "memory: looking up a place, once a request, µs",
            statistics.median(begin_us),
            n=len(begin_us),
            interval=median_interval(begin_us),
        ),
    ]


def _places(files: dict[str, str], count: int) -> Iterator[tuple[Place, str]]:
    """Lines of the workspace, at their indentation or inside; their file on disk is hidden."""
    chance = random.Random(SEED)
    for path in chance.sample(sorted(files), min(count, len(files))):
        lines = files[path].split("\n")
        worth = [i for i, line in enumerate(lines) if i and len(line.strip()) >= 12]
        if not worth:
            continue
        number = chance.choice(worth)
        line = lines[number].rstrip()
        indent = len(line) - len(line.lstrip())
        column = indent if chance.random() < 0.5 else chance.randrange(indent, len(line) - 6)
        prefix = "\n".join([*lines[:number], line[:column]])
        suffix = "".join(f"\n{below}" for below in lines[number + 1 :])
        yield Place(WORKSPACE, path, "python", prefix, suffix), line[column:]


# --- from a settled edit to memory --------------------------------------------------------


async def _settled_edits(files: dict[str, str], count: int) -> list[dict[str, Any]]:
    """Through the real feed, socket and engine, in a workspace of many files."""
    state = Path(tempfile.mkdtemp(prefix="habitus-"))
    root = state / "workspace"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8")
    client = await ensure_engine(state, Config(engine=Engine(device="cpu", threads=1)))
    try:
        return await _fed(client, root, files, count)
    finally:
        client.shut_down()
        await client.close()
        shutil.rmtree(state, ignore_errors=True)


async def _fed(
    client: EngineClient, root: Path, files: dict[str, str], count: int
) -> list[dict[str, Any]]:
    config = Config()
    while (await client.status()).state == "loading":
        await asyncio.sleep(0.1)
    feed = MemoryFeed(WORKSPACE, Library(root, config, is_inside=True), config.memory)
    path = max(files, key=lambda one: min(files[one].count("\n"), 2_000))
    buffer = Buffer(files[path])
    feed.opened(path, buffer)
    stalls = asyncio.create_task(_longest_stall_ms())
    started = time.perf_counter()
    feed.connect(client)
    await feed.flush()
    await client.status(settled=True)
    filled_s = time.perf_counter() - started
    stalls.cancel()
    longest_ms = await stalls
    settled_ms = []
    for number in range(count):
        held = (await client.status()).memory_tokens
        at = buffer.text.index("\n", len(buffer.text) * number // (count + 1))
        edit = Edit(at, at, f"\nadded_number_{number} = before + {number}")
        change = Change(buffer, buffer.apply(edit), (edit,))
        buffer = change.after
        due = time.perf_counter() + DEBOUNCE_S
        feed.changed(path, change, is_own_word=False)
        while (await client.status()).memory_tokens == held:
            await asyncio.sleep(0.001)
        settled_ms.append((time.perf_counter() - due) * 1e3)
        await client.status(settled=True)
    feed.close()
    median_ms = statistics.median(settled_ms)
    return [
        figure(
            "memory: settled edit to in memory, ms",
            median_ms,
            n=len(settled_ms),
            interval=median_interval(settled_ms),
            target="<= 50",
            holds=median_ms <= 50.0,
        ),
        figure("memory: filled from files, tokens per second", held / filled_s, n=1),
        figure("memory: longest stall of the window's loop while filling, ms", longest_ms, n=1),
    ]


async def _longest_stall_ms() -> float:
    """How late a timer fired at worst, until cancelled."""
    longest = 0.0
    try:
        while True:
            due = time.perf_counter() + 0.002
            await asyncio.sleep(0.002)
            longest = max(longest, time.perf_counter() - due)
    except asyncio.CancelledError:
        return longest * 1e3
