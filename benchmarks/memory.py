"""What memory adds to the model, on real code that the model was not trained on.

    python benchmarks/memory.py [--lines 45] [--json FILE]     measure
    python benchmarks/memory.py --fit                          fit gate_prior.py anew, then measure

Lines of installed packages are asked for, at their indentation or inside, with the rest of
their package in memory and their own text nowhere: the line is cut out of its file, and the
file as it is on disk is hidden. Gates are fitted on some packages and measured on others.
None is in the training data of the embedded model; C++ headers stand for the languages that
it does not know.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import math
import random
import site
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from habitus_server.engine import gates as gates_room
from habitus_server.engine.answer import Answerer
from habitus_server.engine.gate_prior import PRIOR
from habitus_server.engine.gates import Gates
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.reading import read_prompt
from habitus_server.engine.wire import Place

FITTED: dict[str, tuple[str, ...]] = {
    "python": (
        "detect_secrets",
        "execnet",
        "filelock",
        "fsspec",
        "grimp",
        "importlinter",
        "pathspec",
        "pygit2",
        "packaging",
    ),
    "cpp": ("torch/include/c10", "torch/include/torch/csrc/jit", "numpy/_core/include"),
}
MEASURED: dict[str, tuple[str, ...]] = {
    "python": (
        "huggingface_hub/utils",
        "hypothesis/internal",
        "tqdm",
        "anyio",
        "jinja2",
        "urllib3",
    ),
    "cpp": ("torch/include/torch/csrc/api", "torch/include/torch/csrc/autograd"),
}
_ENDINGS = {"python": "*.py", "cpp": "*.h"}
_SEED = 5
_EPOCHS = 6
_RATE = 0.05

PRIOR_FILE = Path(gates_room.__file__).with_name("gate_prior.py")


class Item(msgspec.Struct, frozen=True):
    """A line to be written, its tokens, and the model's distribution before each."""

    place: Place
    text: str
    tokens: list[int]
    model: NDArray[np.float16]  # [tokens, vocabulary], natural logarithms


class Project(msgspec.Struct, frozen=True):
    """A package's files, and lines of it."""

    name: str
    files: dict[str, str]
    items: list[Item]


class Result(msgspec.Struct, frozen=True):
    """Totals over a project's items."""

    chars: int
    model_bits: float
    served_bits: float
    model_exact: int
    served_exact: int
    items: int
    step_us: list[float]
    begin_ms: list[float]


def main() -> None:
    """Measure, after fitting if so asked."""
    options = _options()
    torch.set_num_threads(1)
    model = load_model("embedded", "cpu")
    if options.fit:
        weights = fit(model, list(projects(model, FITTED, options.lines)))
        PRIOR_FILE.write_text(_prior_source(weights), encoding="utf-8")
        print(f"wrote {PRIOR_FILE.name}")
    else:
        weights = np.array(PRIOR)
    totals: dict[str, list[Result]] = {}
    for language, names in MEASURED.items():
        for project in projects(model, {language: names}, options.lines):
            fixed = walk(model, project, Gates(weights))
            online = walk(model, project, Gates(weights), learns=True)
            totals.setdefault(language, []).append(fixed)
            totals.setdefault(f"{language}, gates learning", []).append(online)
            _print_line(project.name, [fixed])
    figures = {name: _print_line(f"all {name}", results) for name, results in totals.items()}
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2), encoding="utf-8")


def projects(model: Model, named: Mapping[str, Sequence[str]], lines: int) -> Iterable[Project]:
    """Projects that are installed, with lines chosen by a fixed seed."""
    root = Path(site.getsitepackages()[0])
    for language, names in named.items():
        for name in names:
            paths = sorted((root / name).rglob(_ENDINGS[language]))
            files = {
                str(path.relative_to(root)): path.read_text(encoding="utf-8", errors="ignore")
                for path in paths
                if 500 < path.stat().st_size < 200_000
            }
            if files:
                yield Project(name, files, list(_items(model, name, language, files, lines)))


def _items(
    model: Model, name: str, language: str, files: dict[str, str], lines: int
) -> Iterable[Item]:
    chance = random.Random(_SEED)
    desk = Answerer(model, Memory(model.tokens))
    network = model.network(None)
    paths = [p for p, text in files.items() for _ in range(min(12, text.count("\n") // 25))]
    chance.shuffle(paths)
    for path in paths[:lines]:
        text = files[path].split("\n")
        worth = [i for i, line in enumerate(text) if _is_worth_asking(line)]
        if not worth:
            continue
        number = chance.choice(worth)
        line = text[number].rstrip()
        indent = len(line) - len(line.lstrip())
        column = indent if chance.random() < 0.6 else chance.randrange(indent, len(line) - 3)
        prefix = "\n".join([*text[:number], line[:column]])
        suffix = "".join(f"\n{below}" for below in text[number + 1 :])
        place = Place(name, path, language, prefix, suffix)
        tokens = model.tokens.encode(line[column:])
        prompt = desk.prompt(place, network, len(tokens))
        reading = read_prompt(
            network, network.new_cache(), prompt.ids, chunk=512, check=lambda: None
        )
        rows = [reading.logits]
        if len(tokens) > 1:
            rows += network.forward(tokens[:-1], reading.cache, rows=len(tokens) - 1)
        logs = torch.log_softmax(torch.stack(rows), -1).numpy().astype(np.float16)
        yield Item(place, line[column:], tokens, logs)


def _is_worth_asking(line: str) -> bool:
    return len(line.strip()) >= 8 and not line.lstrip().startswith(("#", "//", "*", "/*"))


def walk(
    model: Model,
    project: Project,
    gates: Gates,
    *,
    learns: bool = False,
    records: list[tuple[NDArray[np.int64], NDArray[np.float64]]] | None = None,
) -> Result:
    """Every item once, in order."""
    memory = Memory(model.tokens)
    for path, text in project.files.items():
        memory.remember(project.name, path, text)
    while memory.tidy() or memory.merge():
        pass
    chars = model_exact = served_exact = 0
    model_bits = served_bits = 0.0
    step_us: list[float] = []
    begin_ms: list[float] = []
    for item in project.items:
        started = time.perf_counter()
        recall = memory.begin(item.place, one_line=True, gates=gates)
        begin_ms.append((time.perf_counter() - started) * 1e3)
        both = [True, True]
        for token, logs in zip(item.tokens, item.model, strict=True):
            alone = np.exp(logs.astype(np.float64))
            alone /= alone.sum()
            started = time.perf_counter()
            served = recall.mix(alone)
            spent = time.perf_counter() - started
            mixture = recall.last
            if records is not None and mixture is not None and len(mixture.levels):
                likelihoods = [lv.shares[lv.tokens == token].sum() for lv in mixture.levels]
                records.append((mixture.rows, np.array([*likelihoods, alone[token]])))
            if learns:
                recall.learn(token)
            model_bits -= math.log2(alone[token])
            served_bits -= math.log2(served[token])
            both = [both[0] and alone.argmax() == token, both[1] and served.argmax() == token]
            started = time.perf_counter()
            recall.advance(token)
            step_us.append((spent + time.perf_counter() - started) * 1e6)
        chars += len(item.text)
        model_exact += bool(both[0])
        served_exact += bool(both[1])
    return Result(
        chars,
        model_bits,
        served_bits,
        model_exact,
        served_exact,
        len(project.items),
        step_us,
        begin_ms,
    )


def fit(model: Model, known: Sequence[Project]) -> NDArray[np.float64]:
    """Gate weights that give the fitted packages' lines the highest likelihood."""
    records: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for project in known:
        walk(model, project, Gates(), records=records)
    weights = np.zeros(gates_room.SIZE)
    weights[: 2 * 9] = -1.0
    order = np.random.default_rng(0)
    for epoch in range(_EPOCHS):
        for index in order.permutation(len(records)):
            rows, likelihoods = records[index]
            openness = 1.0 / (1.0 + np.exp(-weights[rows].sum(axis=1)))
            passed = np.concatenate(([1.0], np.cumprod(1.0 - openness)))
            drawn = passed * np.append(openness, 1.0) * likelihoods
            drawn /= drawn.sum()
            reached = np.cumsum(drawn[::-1])[::-1][:-1]
            slopes = drawn[:-1] - openness * reached
            np.add.at(weights, rows, _RATE / (1 + epoch) * slopes[:, None])
    print(f"fitted on {len(records)} steps of {sum(len(p.items) for p in known)} lines")
    return weights


def _print_line(name: str, results: Sequence[Result]) -> dict[str, float]:
    chars = sum(r.chars for r in results)
    figures = {
        "items": sum(r.items for r in results),
        "model_bits_per_char": sum(r.model_bits for r in results) / chars,
        "memory_bits_per_char": sum(r.served_bits for r in results) / chars,
        "model_exact": sum(r.model_exact for r in results),
        "memory_exact": sum(r.served_exact for r in results),
        "step_us": statistics.median(us for r in results for us in r.step_us),
        "begin_ms": statistics.median(ms for r in results for ms in r.begin_ms),
    }
    print(
        f"{name:34} bits/char {figures['model_bits_per_char']:.3f} → "
        f"{figures['memory_bits_per_char']:.3f}   exact {figures['model_exact']:3} → "
        f"{figures['memory_exact']:3} of {figures['items']:3}   "
        f"a step {figures['step_us']:.0f} µs, begin {figures['begin_ms']:.1f} ms",
        flush=True,
    )
    return figures


def _prior_source(weights: NDArray[np.float64]) -> str:
    source = PRIOR_FILE.read_text(encoding="utf-8")
    values = [f"{value:.2f}".replace("-0.00", "0.00") for value in weights]
    head = source[: source.index("PRIOR:")]
    return head + "PRIOR: tuple[float, ...] = (\n" + "".join(f"    {v},\n" for v in values) + ")\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=45, help="lines of each package")
    parser.add_argument("--fit", action="store_true", help="fit the gates' prior first")
    parser.add_argument("--json", default="", help="write the totals there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
