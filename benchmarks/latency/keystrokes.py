"""Time to suggestion while somebody types, beside what people run on the same weights.

Every request of the trace that the model answers is answered by each side in turn:
Habitus as its engine runs it (prompt, cached prefix, memory, drafts), and the rivals on
the same prompt for as many tokens as Habitus wrote, the end of the line counted as one.
A request whose answer the last one holds already (typed through) is asked of nobody.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.figures import SEED, figure, ratio_interval
from benchmarks.latency import Options
from benchmarks.latency.rivals import Rival, fastest, write_gguf
from benchmarks.latency.trace import Ask, Settled, read_files, walk

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import EMBEDDED, Model, find_folder, load_model
from habitus_server.engine.pace import Pace
from habitus_server.engine.wire import Complete, Completed, Place, Stop

REQUESTS = 600
SMALL_REQUESTS = 60
_WARMUP = 5
"""The first requests of a process pay for it, on every side."""


class Without(Pace):
    """Never asks for a draft."""

    def limit(self) -> int:
        """None."""
        return 0


class Times(msgspec.Struct):
    """Milliseconds of each request, by side, and what was written."""

    habitus: list[float] = []
    without_drafts: list[float] = []
    without_memory: list[float] = []
    transformers: list[float] = []
    llama: list[float] = []
    tokens: list[int] = []
    tokens_without_memory: list[int] = []
    read: list[int] = []  # prompt tokens that no cache held
    threads: tuple[int, int] = (0, 0)  # of transformers, of llama.cpp
    same: int = 0  # answers of llama.cpp that are transformers' too, token for token
    typed_through: int = 0


def figures(options: Options) -> list[dict[str, Any]]:
    """Every side on one trace."""
    times = measure(SMALL_REQUESTS if options.small else REQUESTS)
    return judged(times)


def measure(requests: int) -> Times:
    """Walk the trace until so many requests were answered by every side."""
    model = load_model(EMBEDDED, "cpu")
    memory = Memory(model.tokens)
    desks = {name: Answerer(model, memory) for name in ("habitus", "drafts", "memory")}
    desks["drafts"]._paces["w"] = Without()
    releases = read_files()
    for path, text in releases[0].items():
        memory.remember("w", path, text)
    times = Times()
    with rivals(model) as (transformers, llama):
        times.threads = transformers.threads, llama.threads if llama else 0
        last = "", ""
        for event in walk(releases):
            if isinstance(event, Settled):
                memory.remember("w", event.path, event.text)
                while memory.tidy():
                    pass
                continue
            if is_held(last, event.place):
                times.typed_through += 1
                continue
            answer = _ask(desks, event, times)
            last = event.place.prefix, answer.candidates[0].text
            prompt = desks["habitus"].prompt(event.place, model.network(None), Stop().max_tokens)
            ms, plain = transformers.answer(prompt.ids, times.tokens[-1])
            times.transformers.append(ms)
            if llama is not None:
                ms, theirs = llama.answer(prompt.ids, times.tokens[-1])
                times.llama.append(ms)
                times.same += theirs == plain
            if len(times.habitus) == requests + _WARMUP:
                break
    return times


@contextmanager
def rivals(model: Model) -> Iterator[tuple[Rival, Rival | None]]:
    """transformers and, where it is installed, llama.cpp on the embedded weights."""
    folder = find_folder(EMBEDDED)
    prompt = model.tokens.encode(Path(__file__).read_text(encoding="utf-8"))[:800]
    llama = None
    with tempfile.TemporaryDirectory() as scratch:
        if find_spec("llama_cpp") is None:
            print("llama.cpp is left out; `make bench-latency` compiles it (about 7 minutes)")
        else:
            write_gguf(folder, Path(scratch) / "model.gguf")
            llama = fastest("llama.cpp", Path(scratch) / "model.gguf", prompt, 8)
        transformers = fastest("transformers", folder, prompt, 8)
        try:
            yield transformers, llama
        finally:
            transformers.close()
            if llama is not None:
                llama.close()


def is_held(last: tuple[str, str], place: Place) -> bool:
    """Whether what was typed since the last answer is the beginning of it, and more is left."""
    prefix, answer = last
    typed = place.prefix[len(prefix) :]
    return (
        place.prefix.startswith(prefix)
        and answer.startswith(typed)
        and len(typed) < len(answer)
        and prefix != ""
    )


def _ask(desks: dict[str, Answerer], event: Ask, times: Times) -> Completed:
    """Habitus' own answers, each as fast as it can."""
    request = Complete(1, "window", event.place, stop=Stop())
    alone = msgspec.structs.replace(request, use_memory=False)
    ours = _timed(times.habitus, lambda: desks["habitus"].complete(request))
    slower = _timed(times.without_drafts, lambda: desks["drafts"].complete(request))
    plain = _timed(times.without_memory, lambda: desks["memory"].complete(alone))
    if slower.candidates[0].text != ours.candidates[0].text:
        raise RuntimeError("drafts changed an answer")
    times.tokens.append(_count(ours))
    times.tokens_without_memory.append(_count(plain))
    times.read.append(ours.prompt_tokens - ours.reused_tokens)
    return ours


def _count(answer: Completed) -> int:
    candidate = answer.candidates[0]
    return len(candidate.logprobs) + (candidate.finish == "end")


def _timed(times: list[float], run: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = run()
    times.append((time.perf_counter() - started) * 1e3)
    return result


def judged(times: Times) -> list[dict[str, Any]]:
    """The figures of a walk."""
    ours = times.habitus[_WARMUP:]
    count = len(ours)

    def plain(name: str, value: float) -> dict[str, Any]:
        return figure(name, value, n=count, seed=SEED)

    def ratio(name: str, over: list[float], under: list[float], most: float) -> dict[str, Any]:
        over, under = over[_WARMUP:], under[_WARMUP:]
        value = statistics.median(over) / statistics.median(under)
        interval = ratio_interval(over, under)
        return figure(
            name, value, n=count, interval=interval, target=f"<= {most:g}", holds=value <= most
        )

    ordered = sorted(ours)
    p50, p95 = statistics.median(ours), ordered[int(0.95 * count)]
    asked = count + times.typed_through
    found = [
        ratio("time to suggestion ÷ transformers", times.habitus, times.transformers, 0.10),
        figure(
            "time to suggestion, p95 ÷ p50", p95 / p50, n=count, target="<= 3", holds=p95 / p50 <= 3
        ),
        plain("time to suggestion, p50, ms", p50),
        plain("time to suggestion, p95, ms", p95),
        plain("the same without drafts, p50, ms", _median(times.without_drafts)),
        plain("the same without memory, p50, ms", _median(times.without_memory)),
        plain("transformers generate, p50, ms", _median(times.transformers)),
        plain("threads of transformers, the faster choice", times.threads[0]),
        plain("tokens written, median", _median(times.tokens)),
        plain("ms a token, with memory", _per_token(times.habitus, times.tokens)),
        plain("ms a token, without", _per_token(times.without_memory, times.tokens_without_memory)),
        plain("ms a token, transformers", _per_token(times.transformers, times.tokens)),
        plain("prompt tokens read anew, median", _median(times.read)),
        plain("answered from the last answer (typed through), share", times.typed_through / asked),
    ]
    if not times.llama:
        return found
    return [
        ratio("time to suggestion ÷ llama.cpp", times.habitus, times.llama, 0.5),
        *found,
        plain("llama.cpp, p50, ms", _median(times.llama)),
        plain("ms a token, llama.cpp", _per_token(times.llama, times.tokens)),
        plain("threads of llama.cpp, the faster choice", times.threads[1]),
        plain("llama.cpp writes what transformers writes, share", times.same / len(times.llama)),
    ]


def _median(values: list[float] | list[int]) -> float:
    return float(statistics.median(values[_WARMUP:]))


def _per_token(times: list[float], tokens: list[int]) -> float:
    return sum(times[_WARMUP:]) / sum(tokens[_WARMUP:])
