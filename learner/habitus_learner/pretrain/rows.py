"""Windows packed into training rows.

Promises: rows of equal length that hold whole windows, in an order fixed by the seed.
Does not know: files, models; where training stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer

from habitus_learner.pretrain.corpus import Document
from habitus_learner.pretrain.shards import Row
from habitus_learner.pretrain.tokenizer import PAD, special_id
from habitus_learner.pretrain.windows import LONGEST, Package, tokenise, views


def all_windows(documents: Iterable[Document], tokenizer: Tokenizer, seed: int) -> Iterator[Row]:
    """Every window of the corpus in a shuffled order; over-long ones are dropped."""
    by_package: dict[str, list[Document]] = {}
    for document in documents:
        by_package.setdefault(document.package, []).append(document)
    packages = [Package(group) for group in by_package.values()]
    order = [(p, index) for p in packages for index in range(len(p.documents))]
    random_ = random.Random(seed)
    random_.shuffle(order)
    for at in range(0, len(order), 400):
        batch = [
            view for package, index in order[at : at + 400]
            for view in views(package, index, random_)
        ]  # fmt: skip
        random_.shuffle(batch)
        for window in tokenise(tokenizer, batch):
            if len(window[0]) <= LONGEST:
                yield window


def pack(windows: Iterable[Row], pad: int) -> Iterator[Row]:
    """Rows of exactly `LONGEST + 1` tokens (the last is only a target), best fit of a pool."""
    pool: list[Row] = []
    source = iter(windows)
    while True:
        while len(pool) < 64:
            window = next(source, None)
            if window is None:
                break
            pool.append(window)
        if not pool:
            return
        ids, weights = (list(part) for part in pool.pop(0))
        while True:
            room = LONGEST - len(ids)
            fits = [at for at, (other, _) in enumerate(pool) if len(other) <= room]
            if not fits:
                break
            more = pool.pop(max(fits, key=lambda at: len(pool[at][0])))
            ids += more[0]
            weights += more[1]
        missing = LONGEST + 1 - len(ids)
        yield ids + [pad] * missing, weights + [0] * missing


def all_rows(documents: Iterable[Document], tokenizer: Tokenizer, seed: int) -> Iterator[Row]:
    """The whole corpus as rows."""
    return pack(all_windows(documents, tokenizer, seed), special_id(tokenizer, PAD))
