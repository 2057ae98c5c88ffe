"""Our decode loop against transformers' `generate`, same weights, same prompt, same tokens.

    python benchmarks/decode.py [--model embedded] [--tokens 32] [--rounds 7] [--threads 2]

Rounds are interleaved, so that whatever else the machine does falls on both sides; medians
are printed. "typing" is a request whose prompt grew by one character since the last.
"""

from __future__ import annotations

import os

# As the engine sets it: threads that spin for each other lose whole time slices under load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import choose_dtype, find_folder, load_model
from habitus_server.engine.wire import Complete, Place, Stop

SOURCE = Path(__file__).parents[1] / "server" / "habitus_server" / "engine" / "scheduler.py"


def main() -> None:
    """Measure and print."""
    options = _options()
    torch.set_num_threads(options.threads)
    model = load_model(options.model, "cpu")
    source = SOURCE.read_text(encoding="utf-8")
    cut = source.index("    def _serve")
    memory = Memory(model.tokens)
    for path in sorted(SOURCE.parents[1].rglob("*.py")):
        memory.remember("w", path.name, path.read_text(encoding="utf-8"))
    while memory.tidy() or memory.merge():
        pass
    desk = Answerer(model, memory)
    # Neither side may end early: both write the same number of tokens.
    model.tokens.special.clear()
    prefix = source[:cut] + "        "
    prompt = desk.prompt(Place("w", "x.py", "python", prefix, ""), model.network(None), 64)

    from transformers import AutoModelForCausalLM

    folder = find_folder(options.model)
    dtype = choose_dtype(torch.device("cpu"))
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    ids = torch.tensor([prompt.ids])

    def generate(count: int) -> None:
        with torch.inference_mode():
            reference.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=count,
                min_new_tokens=count,
                do_sample=False,
                pad_token_id=0,
            )

    def ours(count: int, *, fresh: bool, use_memory: bool, typed: str = "") -> None:
        if fresh:
            desk.forget_caches()
        place = Place("w", "x.py", "python", prefix + typed, "")
        stop = Stop("block", 0, 10_000, count)
        desk.complete(Complete(1, "w", place, stop=stop, use_memory=use_memory))

    keys = iter(range(10_000))
    cases: dict[str, Callable[[], None]] = {
        "transformers, 1 token": lambda: generate(1),
        "transformers, all": lambda: generate(options.tokens),
        "ours cold, 1 token": lambda: ours(1, fresh=True, use_memory=False),
        "ours cold, all": lambda: ours(options.tokens, fresh=True, use_memory=False),
        "ours typing, all": lambda: ours(
            options.tokens, fresh=False, use_memory=False, typed="x" * (next(keys) % 40)
        ),
        "ours typing, memory": lambda: ours(
            options.tokens, fresh=False, use_memory=True, typed="x" * (next(keys) % 40)
        ),
    }
    _report(_measure(cases, options.rounds), len(prompt.ids), options.tokens, memory)


def _measure(cases: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, run in cases.items():
            started = time.perf_counter()
            run()
            if turn:  # the first warms up
                times[name].append((time.perf_counter() - started) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def _report(ms: dict[str, float], prompt: int, count: int, memory: Memory) -> None:
    print(f"prompt {prompt} tokens, {count} written, memory {memory.token_count()} tokens")
    for name, value in ms.items():
        print(f"  {name:24} {value:9.1f} ms")
    theirs = (ms["transformers, all"] - ms["transformers, 1 token"]) / (count - 1)
    step = (ms["ours cold, all"] - ms["ours cold, 1 token"]) / (count - 1)
    print(f"a token: transformers {theirs:.2f} ms, ours {step:.2f} ms, ratio {step / theirs:.3f}")
    typing = ms["ours typing, all"] / ms["transformers, all"]
    print(f"a request while typing ÷ transformers without reuse: {typing:.3f}")
    added = ms["ours typing, memory"] / ms["ours typing, all"]
    print(f"with memory ÷ without: {added:.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
