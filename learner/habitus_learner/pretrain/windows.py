"""From documents to the prompts that serving will ask with.

Promises: each view's prefix + middle + suffix is one stretch of its document, character for
character; every segment is tokenised on its own, so that a cut inside a word gives the tokens
that serving gives; the layouts are the project's contract (PSM, SPM, path and context headers).
Does not know: batches, rows, files on disk.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import msgspec
from tokenizers import Tokenizer

from habitus_learner.pretrain.corpus import Document
from habitus_learner.pretrain.shards import MIDDLE_WEIGHT
from habitus_learner.pretrain.spans import SourceMap, draw_span
from habitus_learner.pretrain.tokenizer import END, FILE, MIDDLE, PREFIX, SUFFIX, special_id

CHARACTERS_PER_TOKEN = 3.1
LONGEST = 1024
"""Tokens in one window."""
_DEFINITION = re.compile(r"^[ \t]*(?:async )?(?:def|class) (\w{4,})", re.MULTILINE)
_WORD = re.compile(r"\w{4,}")
_COMMON = frozenset(("__init__", "main", "test", "close", "open", "read", "write", "__repr__"))


class View(msgspec.Struct, frozen=True):
    """One stretch of a document, cut in three; a plain view has only a prefix."""

    path: str
    context: tuple[tuple[str, str], ...]
    prefix: str
    middle: str
    suffix: str
    is_plain: bool
    is_suffix_first: bool
    ends_file: bool


class Piece(msgspec.Struct, frozen=True):
    """One segment of a window: a special token's name, or text to be tokenised on its own."""

    text: str
    is_special: bool = False
    weight: int = 1


def lay_out(view: View) -> list[Piece]:
    """The pieces of a view in the order of the contract."""
    pieces: list[Piece] = []
    for path, chunk in view.context:
        pieces += [Piece(FILE, True), Piece(path + "\n"), Piece(chunk)]
    pieces += [Piece(FILE, True), Piece(view.path + "\n")]
    if view.is_plain:
        pieces.append(Piece(view.prefix))
        return [*pieces, Piece(END, True)] if view.ends_file else pieces
    answer = [Piece(view.middle, weight=MIDDLE_WEIGHT), Piece(END, True, MIDDLE_WEIGHT)]
    prefix, suffix = Piece(view.prefix), Piece(view.suffix)
    if view.is_suffix_first:
        head = [Piece(PREFIX, True), Piece(SUFFIX, True), suffix, Piece(MIDDLE, True), prefix]
    else:
        head = [Piece(PREFIX, True), prefix, Piece(SUFFIX, True), suffix, Piece(MIDDLE, True)]
    return pieces + head + answer


def tokenise(tokenizer: Tokenizer, views: Sequence[View]) -> list[tuple[list[int], list[int]]]:
    """(token ids, loss weights) of each view, as long as it comes."""
    laid = [lay_out(view) for view in views]
    texts = [piece.text for pieces in laid for piece in pieces if not piece.is_special]
    encodings = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
    windows = []
    for pieces in laid:
        ids: list[int] = []
        weights: list[int] = []
        for piece in pieces:
            if piece.is_special:
                new = [special_id(tokenizer, piece.text)]
            else:
                new = next(encodings).ids
            ids += new
            weights += [piece.weight] * len(new)
        windows.append((ids, weights))
    return windows


class Package:
    """A package's documents with an index of what each defines, for context chunks."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.definitions: dict[str, tuple[int, int]] = {}
        for index, document in enumerate(documents):
            for match in _DEFINITION.finditer(document.text):
                if match[1] not in _COMMON:
                    self.definitions.setdefault(match[1], (index, match.start()))

    def context(self, own: int, text: str, random_: random.Random) -> tuple[tuple[str, str], ...]:
        """One to three chunks of other files that define what `text` uses, best effort."""
        places = sorted(
            {
                self.definitions[word]
                for word in _WORD.findall(text)
                if word in self.definitions and self.definitions[word][0] != own
            }
        )
        chunks: list[tuple[str, str]] = []
        count = random_.choice((1, 1, 2, 3))
        for _ in range(count):
            if places and random_.random() < 0.8:
                index, start = places.pop(random_.randrange(len(places)))
            else:
                index = random_.randrange(len(self.documents))
                if index == own:
                    continue
                text_there = self.documents[index].text
                start = text_there.rfind("\n", 0, random_.randrange(len(text_there))) + 1
            document = self.documents[index]
            chunk = whole_lines(document.text, start, random_.randint(120, 560 // count))
            chunks.append((document.path, chunk))
        return tuple(chunks)


def whole_lines(text: str, start: int, size: int) -> str:
    """At least one line of `text` from `start` on, about `size` characters."""
    end = text.find("\n", min(start + size, len(text)))
    return text[start:] if end < 0 else text[start : end + 1]


def stretches(text: str, random_: random.Random) -> Iterator[tuple[int, int]]:
    """Cut a document at line starts into stretches of varied length that cover it once."""
    start = 0
    while start < len(text):
        low, high = (80, 300) if random_.random() < 0.25 else (300, 900)
        size = int(random_.uniform(low, high) * CHARACTERS_PER_TOKEN)
        end = text.find("\n", min(start + size, len(text)))
        end = len(text) if end < 0 else end + 1
        if len(text) - end < 150:  # no crumbs
            end = len(text)
        yield start, end
        start = end


def views(package: Package, index: int, random_: random.Random) -> Iterator[View]:
    """The views of one document; together they cover it once."""
    document = package.documents[index]
    for start, end in stretches(document.text, random_):
        text = document.text[start:end]
        if not text.strip():
            continue
        context: tuple[tuple[str, str], ...] = ()
        if len(package.documents) > 1 and random_.random() < 0.3 and len(text) < 2300:
            context = package.context(index, text, random_)
        ends_file = end == len(document.text)
        if random_.random() < 0.15 or len(text) < 60:
            yield View(document.path, context, text, "", "", True, False, ends_file)
            continue
        source = SourceMap(text)
        span = draw_span(source, random_)
        if random_.random() < 0.6:  # serving sees more before the cursor than after it
            span = max(span, draw_span(source, random_))
        yield View(
            document.path, context, text[: span[0]], text[span[0] : span[1]], text[span[1] :],
            False, random_.random() < 0.7, ends_file,
        )  # fmt: skip
