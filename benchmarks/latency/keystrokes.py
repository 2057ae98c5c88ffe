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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.figures import SEED, figure, ratio_interval
from benchmarks.latency import Options
from benchmarks.latency.rivals import SETTLING_S, Rival, start, write_gguf
from benchmarks.latency.trace import Ask, Settled, read_files, walk

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import EMBEDDED, find_folder, load_model
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
    transformers: dict[int, list[float]] = {}  # by threads
    llama: dict[int, list[float]] = {}
    tokens: list[int] = []
    tokens_without_memory: list[int] = []
    read: list[int] = []  # prompt tokens that no cache held
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
    with rivals() as (transformers, llama):
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
            plain = _race(transformers, prompt.ids, times.tokens[-1], times.transformers)
            times.same += plain == _race(llama, prompt.ids, times.tokens[-1], times.llama)
            if len(times.habitus) == requests + _WARMUP:
                break
    return times


@contextmanager
def rivals() -> Iterator[tuple[list[Rival], list[Rival]]]:
    """transformers and, where it is installed, llama.cpp on the embedded weights."""
    folder = find_folder(EMBEDDED)
    with tempfile.TemporaryDirectory() as scratch:
        llama: list[Rival] = []
        if find_spec("llama_cpp") is None:
            print("llama.cpp is left out; `make bench-latency` compiles it (about 7 minutes)")
        else:
            write_gguf(folder, Path(scratch) / "model.gguf")
            llama = start("llama.cpp", Path(scratch) / "model.gguf")
        transformers = start("transformers", folder)
        try:
            yield transformers, llama
        finally:
            for rival in (*transformers, *llama):
                rival.close()


def _race(
    side: list[Rival], ids: Sequence[int], count: int, times: dict[int, list[float]]
) -> list[int] | None:
    """Each of a side's answers to the same prompt; what it wrote."""
    tokens = None
    for rival in side:
        ms, tokens = rival.answer(ids, count)
        times.setdefault(rival.threads, []).append(ms)
    return tokens


def _fastest(times: dict[int, list[float]]) -> tuple[int, list[float]]:
    """The number of threads that answers soonest on this very trace, and its times."""
    threads = min(times, key=lambda one: _median(times[one]))
    return threads, times[threads]


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
    time.sleep(SETTLING_S)
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

    threads, transformers = _fastest(times.transformers)
    ordered = sorted(ours)
    p50, p95 = statistics.median(ours), ordered[int(0.95 * count)]
    asked = count + times.typed_through
    found = [
        ratio("time to suggestion ÷ transformers", times.habitus, transformers, 0.10),
        figure(
            "time to suggestion, p95 ÷ p50", p95 / p50, n=count, target="<= 3", holds=p95 / p50 <= 3
        ),
        plain("time to suggestion, p50, ms", p50),
        plain("time to suggestion, p95, ms", p95),
        plain("the same without drafts, p50, ms", _median(times.without_drafts)),
        plain("the same without memory, p50, ms", _median(times.without_memory)),
        plain("transformers generate, p50, ms", _median(transformers)),
        plain("threads of transformers, the faster choice", threads),
        plain("tokens written, median", _median(times.tokens)),
        plain("ms a token, with memory", _per_token(times.habitus, times.tokens)),
        plain("ms a token, without", _per_token(times.without_memory, times.tokens_without_memory)),
        plain("ms a token, transformers", _per_token(transformers, times.tokens)),
        plain("prompt tokens read anew, median", _median(times.read)),
        plain("answered from the last answer (typed through), share", times.typed_through / asked),
    ]
    if not times.llama:
        return found
    threads, llama = _fastest(times.llama)
    return [
        ratio("time to suggestion ÷ llama.cpp", times.habitus, llama, 0.5),
        *found,
        plain("llama.cpp, p50, ms", _median(llama)),
        plain("ms a token, llama.cpp", _per_token(llama, times.tokens)),
        plain("threads of llama.cpp, the faster choice", threads),
        plain("llama.cpp writes what transformers writes, share", times.same / len(llama)),
    ]


def _median(values: list[float] | list[int]) -> float:
    return float(statistics.median(values[_WARMUP:]))


def _per_token(times: list[float], tokens: list[int]) -> float:
    return sum(times[_WARMUP:]) / sum(tokens[_WARMUP:])
