"""Small sources and a small tokenizer for the recipe's tests."""

from __future__ import annotations

import functools
import inspect

from tokenizers import Tokenizer

from habitus_learner.pretrain import corpus, spans, windows
from habitus_learner.pretrain.corpus import Document
from habitus_learner.pretrain.tokenizer import train_tokenizer

SOURCES = [inspect.getsource(module) for module in (corpus, spans, windows)]


@functools.cache
def small_tokenizer() -> Tokenizer:
    """320 entries: the bytes, the special tokens and a few merges."""
    return train_tokenizer(SOURCES, 320)


def documents() -> list[Document]:
    """A package of three files."""
    return [
        Document("sample", f"sample/part_{number}.py", text) for number, text in enumerate(SOURCES)
    ]


def function(name: str, lines: int) -> str:
    """A function of up to 12 different lines."""
    letters = "abcdefghijkl"[:lines]
    body = [f"    {name}_{x} = compute_{name}(first, last={x})" for x in letters]
    return "\n".join([f"def {name}():", *body, f"    return {name}_a", ""])
