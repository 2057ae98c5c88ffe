"""From a checkpoint to the figures and the served folder.

Promises: the figures belong to the weights as stored, rounding included; the card and the
weights are written together.
Does not know: how a question is scored.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer

from habitus_learner.pretrain.card import Figures, write_card
from habitus_learner.pretrain.corpus import read_documents, wheel_sources
from habitus_learner.pretrain.errors import StepMissingError
from habitus_learner.pretrain.evaluate import (
    Question,
    Score,
    answer,
    changed_lines,
    draw_questions,
)
from habitus_learner.pretrain.export import export, load_checkpoint
from habitus_learner.pretrain.fetch import fetch, find_wheels, read_pins
from habitus_learner.pretrain.measure import byte_lengths, held_out_bits
from habitus_learner.pretrain.model import FimModel
from habitus_learner.pretrain.places import Places
from habitus_learner.pretrain.presets import PRESETS
from habitus_learner.pretrain.tokenizer import load_tokenizer

Log = Callable[[str], None]
QUESTIONS = 150
SEED = 20
LATER = (
    ("h11", "0.13.0", "0.16.0"),
    ("humanize", "4.4.0", "4.12.0"),
    ("sqlite-utils", "3.30", "3.38"),
)
"""Reserved projects, read for measuring only: what a later release changed in an earlier one."""
EMBEDDED = Path("server/habitus_server/engine/embedded")


def evaluate(folder: Path, preset: str, dtype: str, threads: int, log: Log) -> Figures:
    """Measure the newest checkpoint as it would be stored; writes figures.json."""
    torch.set_num_threads(threads)
    places = Places(folder)
    exact, position = load_checkpoint(places.run(preset) / "checkpoint.pt")
    model = as_stored(exact, getattr(torch, dtype))
    tokenizer = load_tokenizer(places.tokenizer)
    lengths = byte_lengths(tokenizer)
    bits = held_out_bits(model, places.held_rows, lengths)
    unrounded = held_out_bits(exact, places.held_rows, lengths)
    log(f"all text {bits.everything:.4f}, middles {bits.middles:.4f} bits per character")
    scores: dict[str, Score] = {}
    for name, questions in ask_all(places, log).items():
        scores[name] = answer(model, tokenizer, questions)
        log(f"{name}: {scores[name]}")
    stored = places.run(preset) / "served"
    digest = export(exact, tokenizer, stored, getattr(torch, dtype))
    files = characters = 0
    for document in read_documents(places.corpus):
        files += 1
        characters += len(document.text)
    figures = Figures(
        preset=preset,
        parameters=sum(p.numel() for p in exact.parameters()),
        steps=position["step"],
        tokens=position["tokens"],
        corpus_characters=characters,
        corpus_files=files,
        trained_s=position["trained_s"],
        cores=os.cpu_count() or 1,
        sha256=digest,
        stored_dtype=dtype,
        stored_bytes=(stored / "model.safetensors").stat().st_size,
        all_text_bits=bits.everything,
        all_text_bits_unrounded=unrounded.everything,
        middle_bits=bits.middles,
        scores=scores,
    )
    places.figures.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    return figures


def export_with_card(
    folder: Path, preset: str, dtype: str, to: Path | None, notes: str, log: Log
) -> None:
    """Write weights and card; the weights must be those that were measured."""
    places = Places(folder)
    if not places.figures.exists():
        raise StepMissingError("no figures yet; run `habitus pretrain evaluate` first")
    figures = msgspec.json.decode(places.figures.read_bytes(), type=Figures)
    model, _ = load_checkpoint(places.run(preset) / "checkpoint.pt")
    tokenizer: Tokenizer = load_tokenizer(places.tokenizer)
    target = to or EMBEDDED
    digest = export(model, tokenizer, target, getattr(torch, dtype))
    if digest != figures.sha256:
        raise StepMissingError(
            "the figures are of other weights; run `habitus pretrain evaluate` again"
        )
    card = write_card(figures, PRESETS[preset], read_pins(), notes)
    (target / "README.md").write_text(card)
    log(f"wrote {target}, model.safetensors {digest}")


def as_stored(model: FimModel, dtype: torch.dtype) -> FimModel:
    """The model with its weights rounded to `dtype`, computing in fp32."""
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.to(dtype).to(torch.float32))
    return rounded


def ask_all(places: Places, log: Log) -> dict[str, list[Question]]:
    """Every set of questions by its name in the card."""
    held_out = [(d.path, d.text) for d in read_documents(places.held_out)]
    asked = {
        "held-out packages, line at its indentation": draw_questions(
            held_out, QUESTIONS, SEED, at_column=False
        ),
        "held-out packages, rest of a line from a random column": draw_questions(
            held_out, QUESTIONS, SEED, at_column=True
        ),
    }
    requirements = [f"{name}=={version}" for name, *pair in LATER for version in pair]
    fetch(requirements, places.folder / "releases", log)
    wheels = find_wheels(places.folder / "releases")
    for name, before, after in LATER:
        old = dict(wheel_sources(wheels[name, before]))
        new = dict(wheel_sources(wheels[name, after]))
        questions = [
            question
            for path in sorted(new)
            for question in changed_lines(path, old.get(path, ""), new[path], None)
        ]
        random.Random(SEED).shuffle(questions)
        asked[f"{name} {after}, lines changed since {before}"] = questions[:QUESTIONS]
    return asked
