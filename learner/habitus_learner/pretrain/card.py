"""The model card.

Promises: every figure in it comes from the figures file, the pins or the weights themselves.
Does not know: how the figures were measured (`evaluate.py`).
"""

from __future__ import annotations

from collections import Counter

import msgspec

from habitus_learner.pretrain.evaluate import Score
from habitus_learner.pretrain.fetch import Pin
from habitus_learner.pretrain.presets import Preset, Shape


class Figures(msgspec.Struct, frozen=True):
    """What was measured on one set of weights."""

    preset: str
    parameters: int
    steps: int
    tokens: int
    corpus_characters: int
    corpus_files: int
    trained_s: float
    cores: int
    sha256: str
    stored_dtype: str
    stored_bytes: int
    all_text_bits: float
    all_text_bits_unrounded: float
    middle_bits: float
    scores: dict[str, Score]


def write_card(figures: Figures, preset: Preset, pins: list[Pin], notes: str) -> str:
    """README.md of the served folder."""
    sections = (
        _head(figures),
        _shape(figures, preset.shape),
        _PROMPT,
        _data(figures, [pin for pin in pins if not pin.is_held_out]),
        _training(figures, preset),
        _results(figures, [pin for pin in pins if pin.is_held_out]),
        _LIMITS,
    )
    return "\n".join(sections) + notes


_PROMPT = """\
## Prompt

    (<|file_sep|>{other path}\\n{chunk})* <|file_sep|>{path}\\n
    SPM (served):  <|fim_prefix|><|fim_suffix|>S<|fim_middle|>P  → M <|endoftext|>
    PSM:           <|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>  → M <|endoftext|>

Each segment is tokenised on its own. Trained 70% SPM and 30% PSM, 15% of all windows plain.
"""

_LIMITS = """\
## Limits

- By itself it writes almost no line exactly: see the table. What it is good for is to be adapted,
  and to be mixed with a memory of the code at hand.
- It has seen far fewer tokens than its size could use.
- Python only. Other languages, prose in languages other than English, and data are out of its
  reach.
- It knows nothing of an API that is not in front of it, and its code may be insecure or wrong.
- It was trained on windows of 1,024 tokens; beyond that it is untested.
"""


def _head(figures: Figures) -> str:
    return f"""\
---
license: apache-2.0
language: code
library_name: transformers
pipeline_tag: text-generation
---

# Habitus embedded model

A fill-in-the-middle model for Python of {figures.parameters / 1e6:.1f} million parameters,
trained from scratch by `habitus pretrain`. It is the starting point that a developer's own adapter
is trained on, small enough to answer on a CPU and to travel inside the wheel. It is not a good
code model by itself: see the limits.
"""


def _shape(figures: Figures, shape: Shape) -> str:
    return f"""\
## Shape

Qwen2 architecture (`Qwen2ForCausalLM`, tied embeddings): width {shape.width}, {shape.layers}
layers, {shape.heads} query and {shape.kv_heads} key-value heads of {shape.head_dim}, feed-forward
{shape.feedforward}, {shape.positions:,} positions of which 1,024 were trained. Byte-level BPE of
{shape.vocabulary:,} entries with Qwen2's pre-tokenizer pattern and Qwen2.5-Coder's special tokens,
without a normaliser: text round-trips byte for byte.

- `model.safetensors`: {figures.stored_bytes:,} bytes, {figures.stored_dtype}
- SHA-256 `{figures.sha256}`
- Storing {figures.stored_dtype} instead of float32 changes the bits per character of held-out
  text by {abs(figures.all_text_bits - figures.all_text_bits_unrounded):.5f}.
"""


def _data(figures: Figures, trained: list[Pin]) -> str:
    licences = Counter(pin.licence for pin in trained)
    return f"""\
## Data

Python files of the standard library (PSF-2.0) and of packages at pinned versions, {len(trained)}
listed (a few gave no file): {figures.corpus_characters / 1e6:.0f} million characters in
{figures.corpus_files:,} files were prepared, and training read {figures.tokens / 1e6:.1f} million
tokens. `packages.txt` of the recipe names each licence:
{_listed(licences)}.
It is what a package's metadata says. Packages that name any copyleft licence, and files whose head
does, were left out, as were generated files, copies, and carried-along copies of other packages.

None of the packages in `reserved.txt`: not by name, not by any part of a path, and no file that
shares more than a few runs of five lines with any of their newest or selected older releases. The
recipe fails if a second reading of the finished corpus finds one.
"""


def _training(figures: Figures, preset: Preset) -> str:
    return f"""\
## Training

{figures.steps:,} steps, {figures.tokens:,} tokens, in {figures.trained_s / 60:.0f} minutes on
{figures.cores} {_hardware(preset)}: {figures.tokens / figures.trained_s:,.0f} tokens a second.
Muon for the matrices and AdamW for the rest, both at {preset.muon_rate}, linear decay to zero.
Where the wall clock ends a run, another machine will see another number of tokens:

    habitus pretrain all --preset {figures.preset} --hours {figures.trained_s / 3600:.1f}
"""


def _results(figures: Figures, held_out: list[Pin]) -> str:
    return f"""\
## Figures

Bits per character of what is asked for, given what stands before and after it in its file and
nothing else (no memory, no adapter, no other files), the end token not counted; exact match is
the greedy line, end included. 95% intervals are bootstrapped over files.

| asked for | questions | bits per character | exact match |
|---|---|---|---|
{_rows(figures.scores)}

All text of held-out packages, read in windows as in training: {figures.all_text_bits:.3f} bits per
character; the middles alone {figures.middle_bits:.3f}. Held out whole, never trained on:
{", ".join(f"{pin.name} {pin.version}" for pin in held_out)}.
"""


def _hardware(preset: Preset) -> str:
    return "cores beside one GPU, in bf16" if preset.is_bf16 else "CPU cores, in fp32"


def _listed(licences: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in licences.most_common())


def _rows(scores: dict[str, Score]) -> str:
    return "\n".join(
        f"| {name} | {score.questions} | {score.bits_per_character:.3f} "
        f"({score.interval[0]:.3f} to {score.interval[1]:.3f}) | {score.exact_match:.1%} |"
        for name, score in scores.items()
    )
