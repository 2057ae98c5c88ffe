"""Examples as rows of tokens, in the layout that serving uses.

Promises that a row's prompt is the very one that `engine.fim` builds for a request at
that place, and an order that depends on the seed alone, so that a run can be taken up
where it stopped. Knows tokens through the `Encode` it is given; no model, no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from habitus_learner import general, places
from habitus_learner.examples import Example, Kind
from habitus_learner.general import GeneralCut
from habitus_learner.places import Cut
from habitus_learner.sheet import count_read
from habitus_server.engine.fim import Budget, Encode, Template, build_prompt

POOL_ROWS = 256
"""Rows are tokenised and put into batches this many at a time: enough to fill them well."""

GENERAL = "general"
"""The key of all rows from library code, which have nothing to do with each other."""

MAX_TARGET_TOKENS = 256

NEWEST_FIRST = 0.25
"""The weight of an example halves with every such share of newer ones, in a pass's order."""


class Row(msgspec.Struct, frozen=True):
    """A prompt and the text after it, up to and with the end token.

    `ids[start:]` is the text. `fit` weighs its cross-entropy, `refuse` how undesirable
    it is, `prefer` that it is better than `rejected`, the text behind the same prompt
    that the developer replaced or passed over. `key` names the example for what is
    computed once.
    """

    key: str
    ids: tuple[int, ...]
    start: int
    fit: float = 0.0
    refuse: float = 0.0
    prefer: float = 0.0
    rejected: tuple[int, ...] = ()

    @property
    def lines(self) -> tuple[tuple[int, ...], ...]:
        """The prompt with its text, and with the rejected one where there is one."""
        if not self.rejected:
            return (self.ids,)
        return self.ids, (*self.ids[: self.start], *self.rejected)

    @property
    def length(self) -> int:
        """Tokens of its lines."""
        return sum(map(len, self.lines))


class Layout(msgspec.Struct, frozen=True):
    """How a model is prompted, and how much of a file it sees."""

    template: Template
    encode: Encode
    budget: Budget


def fit_row(layout: Layout, key: str, path: str, cut: Cut, weight: float) -> Row:
    """A row that teaches the cut's target at its place."""
    prompt = _prompt(layout, path, cut)
    ids = (*prompt, *_text_ids(layout, cut.target))
    return Row(key, ids, len(prompt), fit=weight)


def rows_of(layout: Layout, example: Example, random: Random) -> list[Row]:
    """All rows of one example for one pass."""
    rows: list[Row] = []
    cuts = places.practised(example, random)
    for cut in cuts:
        row = fit_row(layout, example.id, example.path, cut, example.weight)
        if example.kind is Kind.FAILURE:
            row = msgspec.structs.replace(row, fit=0.0, refuse=example.weight)
        elif example.rejected and not example.is_past:
            # What a commit replaced was right in its time: to prefer what came after it costs
            # tokens, and teaches no better what will be replaced (docs/learning.md).
            rejected = _text_ids(layout, example.rejected)
            # A choice between two texts of the model says nothing about what to write.
            fit = 0.0 if example.kind is Kind.PREFERENCE else row.fit
            row = msgspec.structs.replace(row, fit=fit, prefer=example.weight, rejected=rejected)
        rows.append(row)
    return rows


class Mix(msgspec.Struct, frozen=True):
    """What passes over the examples are made of; the same mix gives the same batches.

    `general_share` is the part of the rows that comes from `library` files,
    `batch_tokens` the most that a batch takes, and `shares` says that a model reads
    sheets: then what rows begin with alike counts once, else with its padding.
    """

    seed: int
    batch_tokens: int
    general_share: float
    library: tuple[Path, ...]
    shares: bool = True


def passes(
    layout: Layout, examples: Sequence[Example], mix: Mix
) -> Iterator[tuple[int, list[Row]]]:
    """Batches without end, each with the number of its pass over the examples.

    A pass takes every example once, at places drawn anew, with general code in
    between; the newer ones tend to come early, for a budget that ends within a pass.
    """
    number = 0
    while examples:
        random = Random(f"{mix.seed}:{number}")
        for pool in _pools(layout, examples, random):
            extra = round(len(pool) * mix.general_share / (1.0 - mix.general_share))
            pool += general_rows(layout, general.draw(mix.library, extra, random))
            batches = batched(pool, mix)
            random.shuffle(batches)
            for batch in batches:
                yield number, batch
        number += 1


def general_rows(layout: Layout, cuts: Sequence[GeneralCut]) -> list[Row]:
    """Rows from library code."""
    return [fit_row(layout, GENERAL, one.path, one.cut, 1.0) for one in cuts]


def passage_rows(layout: Layout, cuts: Sequence[GeneralCut]) -> list[Row]:
    """Rows from passages, which go on behind their text: no end is asked for."""
    rows = []
    for one in cuts:
        prompt = _prompt(layout, one.path, one.cut)
        text = layout.encode(one.cut.target)[:MAX_TARGET_TOKENS]
        rows.append(Row(GENERAL, (*prompt, *text), len(prompt), fit=1.0))
    return rows


def batched(rows: Sequence[Row], mix: Mix) -> list[list[Row]]:
    """Rows in batches of at most `mix.batch_tokens`, but one at least."""
    form = on_sheets if mix.shares else padded
    return form(rows, mix.batch_tokens)


def on_sheets(rows: Sequence[Row], batch_tokens: int) -> list[list[Row]]:
    """Rows in batches, each of an example beside the others: they have a prompt in common."""
    batches: list[list[Row]] = []
    room: list[int] = []
    for bundle in _bundles(rows, batch_tokens):
        size = _count_read(bundle)
        fitting = next((number for number, free in enumerate(room) if size <= free), None)
        if fitting is None:
            fitting = len(batches)
            batches.append([])
            room.append(batch_tokens)
        batches[fitting] += bundle
        room[fitting] -= size
    return batches


def padded(rows: Sequence[Row], batch_tokens: int) -> list[list[Row]]:
    """Rows in batches of like length, for models that read padded rows."""
    batches: list[list[Row]] = []
    for row in sorted(rows, key=lambda r: (r.length, r.key, r.ids)):
        # Rows come by rising length, so the newest is what a batch is padded to.
        if not batches or (len(batches[-1]) + 1) * row.length > batch_tokens:
            batches.append([])
        batches[-1].append(row)
    return batches


def _bundles(rows: Sequence[Row], batch_tokens: int) -> Iterator[list[Row]]:
    """The rows of one example together, as far as a batch has room for them."""
    found: dict[tuple[str, int], list[Row]] = {}
    for number, row in enumerate(rows):
        found.setdefault((row.key, number if row.key == GENERAL else 0), []).append(row)
    for bundle in found.values():
        if _count_read(bundle) <= batch_tokens:
            yield bundle
        else:
            yield from ([row] for row in bundle)


def _count_read(rows: Sequence[Row]) -> int:
    return count_read([line for row in rows for line in row.lines])


def _pools(layout: Layout, examples: Sequence[Example], random: Random) -> Iterator[list[Row]]:
    pool: list[Row] = []
    for example in _order(examples, random):
        pool += rows_of(layout, example, random)
        if len(pool) >= POOL_ROWS:
            yield pool
            pool = []
    if pool:
        yield pool


def _order(examples: Sequence[Example], random: Random) -> list[Example]:
    """A random order in which newer examples tend to come first (Efraimidis and Spirakis,
    weighted sampling without replacement)."""
    newest_first = sorted(examples, key=lambda e: (-e.at, e.id))
    half = max(1.0, NEWEST_FIRST * len(examples))
    keyed = [
        (random.random() ** (2.0 ** (rank / half)), example)
        for rank, example in enumerate(newest_first)
    ]
    return [example for _, example in sorted(keyed, key=lambda pair: -pair[0])]


def _prompt(layout: Layout, path: str, cut: Cut) -> tuple[int, ...]:
    return build_prompt(
        layout.template,
        layout.encode,
        path=path,
        prefix=cut.prefix,
        suffix=cut.suffix,
        budget=layout.budget,
    ).ids


def _text_ids(layout: Layout, text: str) -> tuple[int, ...]:
    ids = layout.encode(text)
    if len(ids) > MAX_TARGET_TOKENS:
        # A text that was cut off has no end to learn.
        return tuple(ids[:MAX_TARGET_TOKENS])
    return (*ids, layout.template.tokens.end)
