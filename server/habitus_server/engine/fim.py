"""The fill-in-the-middle prompt, as trained and as served.

Promises one layout for serving, training and gating; knows tokens only through
the `Encode` function it is given, and no model. The layout follows
Qwen2.5-Coder (arXiv 2409.12186) for files and repositories, and Bavarian et al.
(arXiv 2207.14255) for the two orders:

    context   (<|file_sep|>{other path}\\n{chunk})*   <|file_sep|>{path}\\n
    PSM       <|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>            → M <|endoftext|>
    SPM       <|fim_prefix|><|fim_suffix|>S<|fim_middle|>P            → M <|endoftext|>

Every segment is tokenised on its own, so that a cut inside a word gives the
same tokens in training and in serving. In SPM the prefix comes last, and a
keystroke appends to the prompt instead of changing its middle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from habitus_server.errors import ModelError
from habitus_server.records import Chunk

Encode = Callable[[str], list[int]]

ONLY_CLOSERS = re.compile(r"[\s)\]}'\"`:;,>]*\Z")
"""What an editor's auto-pairing leaves right of the cursor."""

GRID_LINES = 32
"""Prefixes are cut at multiples of this many lines, so that the cut moves seldom
and the cached prompt stays byte-identical from one keystroke to the next."""


class FimTokens(msgspec.Struct, frozen=True):
    """Token ids of the sentinels; `file_sep` is None where a model has none."""

    prefix: int
    suffix: int
    middle: int
    end: int
    pad: int
    file_sep: int | None = None


class Template(msgspec.Struct, frozen=True):
    """How one model is prompted: its sentinels, and whether the suffix goes first."""

    tokens: FimTokens
    suffix_first: bool


class Budget(msgspec.Struct, frozen=True):
    """How many tokens each part of a prompt may take."""

    prefix: int = 640
    suffix: int = 192
    context: int = 192


# Names by which public tokenizers know the sentinels, in the order
# (prefix, suffix, middle, end, file separator).
_DIALECTS: tuple[tuple[str, str, str, tuple[str, ...], str | None], ...] = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", ("<|endoftext|>",), "<|file_sep|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", ("<|endoftext|>",), "<file_sep>"),
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", ("<|endoftext|>",), None),
    ("<PRE>", "<SUF>", "<MID>", ("<EOT>",), None),
    ("▁<PRE>", "▁<SUF>", "▁<MID>", ("▁<EOT>",), None),
)


def template_from_vocabulary(
    special: Mapping[str, int], *, name: str, suffix_first: bool
) -> Template:
    """Read the sentinels from a tokenizer's special tokens (text to id).

    Raises `ModelError` when the model was not trained to fill in the middle: its
    name is never enough to guess from.
    """
    for prefix, suffix, middle, ends, separator in _DIALECTS:
        if prefix in special and suffix in special and middle in special:
            end = next((special[e] for e in ends if e in special), None)
            if end is None:
                continue
            pad = special.get("<|fim_pad|>", end)
            tokens = FimTokens(
                prefix=special[prefix],
                suffix=special[suffix],
                middle=special[middle],
                end=end,
                pad=pad,
                file_sep=special.get(separator) if separator else None,
            )
            return Template(tokens, suffix_first)
    raise ModelError(
        f"The model {name} has no fill-in-the-middle tokens, so it cannot complete inside a "
        "file. Choose a code model that has them, such as Qwen/Qwen2.5-Coder-0.5B, or `embedded`."
    )


class Prompt(msgspec.Struct, frozen=True):
    """A prompt's token ids, and the prefix and suffix text that survived the budget."""

    ids: tuple[int, ...]
    prefix: str
    suffix: str


def build_prompt(
    template: Template,
    encode: Encode,
    *,
    path: str,
    prefix: str,
    suffix: str,
    chunks: Sequence[Chunk] = (),
    budget: Budget | None = None,
) -> Prompt:
    """Lay out the prompt for the text between `prefix` and `suffix` of `path`."""
    budget = budget or Budget()
    shown_prefix, prefix_ids = cut_prefix(encode, prefix, budget.prefix)
    shown_suffix, suffix_ids = cut_suffix(encode, visible_suffix(suffix), budget.suffix)
    tokens = template.tokens
    ids = _context_ids(template, encode, path, chunks, budget.context)
    if template.suffix_first:
        ids += [tokens.prefix, tokens.suffix, *suffix_ids, tokens.middle, *prefix_ids]
    else:
        ids += [tokens.prefix, *prefix_ids, tokens.suffix, *suffix_ids, tokens.middle]
    return Prompt(tuple(ids), shown_prefix, shown_suffix)


def visible_suffix(suffix: str) -> str:
    """The suffix as prompted: closers that an editor added at the cursor are left out.

    The text before the next newline is dropped when only closers stand there; the
    postprocessor removes what the completion then repeats of them.
    """
    rest, newline, below = suffix.partition("\n")
    return newline + below if ONLY_CLOSERS.fullmatch(rest) else suffix


def cut_prefix(encode: Encode, prefix: str, budget: int) -> tuple[str, list[int]]:
    """The longest tail of `prefix` that starts on the line grid and fits `budget` tokens.

    Where not even the last grid block fits, single lines are dropped, and at last
    characters of the last line (one line may be longer than the budget).
    """
    # Few tokens are longer than 16 characters: bounding characters first keeps a
    # 50 MB file from being tokenised.
    tail = prefix[-budget * 16 :]
    lines = split_lines(tail)
    dropped = prefix.count("\n", 0, len(prefix) - len(tail))
    first = -dropped % GRID_LINES
    if first == 0 and len(tail) < len(prefix) and not prefix[: -len(tail)].endswith("\n"):
        first = GRID_LINES  # the tail begins inside a line, in a place that every key moves
    for start in _fitting_starts(encode, lines, first, budget):
        text = "".join(lines[start:])
        ids = encode(text)
        if len(ids) <= budget:
            return text, ids
    text = (lines[-1] if lines else "")[-budget:]
    return text, encode(text)[-budget:]


def _fitting_starts(encode: Encode, lines: Sequence[str], first: int, budget: int) -> list[int]:
    """Lines at which a tail may start and perhaps fit, the longest tail first."""
    grid = range(first, len(lines), GRID_LINES)
    starts: list[int] = []
    size, end = 0, len(lines)
    for start in reversed(grid):
        # Blocks read apart may give a token or so more than the same text in one.
        size += len(encode("".join(lines[start:end]))) - 2
        if size > budget:
            break
        starts.insert(0, start)
        end = start
    last = grid[-1] if grid else -1
    return [*starts, *range(last + 1, len(lines))]


def cut_suffix(encode: Encode, suffix: str, budget: int) -> tuple[str, list[int]]:
    """The longest head of `suffix` that ends on a line and fits `budget` tokens."""
    head = suffix[: budget * 8]
    lines = split_lines(head)
    while lines:
        text = "".join(lines)
        ids = encode(text)
        if len(ids) <= budget:
            return text, ids
        # Token count is close to linear in lines, so a few steps are enough.
        keep = len(lines) * budget // len(ids)
        lines = lines[: min(len(lines) - 1, keep)]
    ids = encode(head)[:budget]
    return head[:budget], ids if head else []


def split_lines(text: str) -> list[str]:
    """Lines with their newlines; only "\\n" ends one, unlike in `str.splitlines`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _context_ids(
    template: Template, encode: Encode, path: str, chunks: Sequence[Chunk], budget: int
) -> list[int]:
    separator = template.tokens.file_sep
    if separator is None:
        return []
    ids: list[int] = []
    for chunk in chunks:
        piece = [separator, *encode(f"{chunk.path}\n{chunk.text}")]
        if len(ids) + len(piece) > budget:
            continue
        ids += piece
    return [*ids, separator, *encode(f"{path}\n")]
