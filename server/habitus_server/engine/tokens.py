"""A model's tokenizer: text to ids, ids to the bytes they stand for.

Promises that no text, whatever it contains, becomes a special token. Knows no model.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from habitus_server.errors import ModelError

# A line with its newline and the blank lines below it: a newline before text always
# ends a piece in these tokenizers, so pieces can be read apart from each other.
_PIECE = re.compile(r"[^\n]*\n(?:[^\S\n]*\n)*|[^\n]+")
_CACHED_PIECES = 65_536

# A block ends before a line that is not indented, or at least not blank.
_BLOCK = re.compile(r"\n(?=\S)")
_LINE = re.compile(r"\n(?=[^\S\n]*\S)")
_BLOCK_CHARS = 2_000
_FEW_TEXTS = 16
"""More are read by the library's threads, which have to be woken for them."""
_CACHED_BLOCKS = 512

Read = tuple[NDArray[np.integer], NDArray[np.bool_]]
"""Ids of a text, and which of them begin a pre-token."""


class Tokens:
    """One tokenizer, with what decoding and memory need of it looked up beforehand."""

    def __init__(self, tokenizer: Tokenizer, *, name: str) -> None:
        self._tokenizer = tokenizer
        # User text that spells a sentinel must stay text.
        tokenizer.encode_special_tokens = True
        tokenizer.no_padding()
        tokenizer.no_truncation()
        added = tokenizer.get_added_tokens_decoder()
        self.special: dict[str, int] = {
            token.content: index for index, token in added.items() if token.special
        }
        for index, token in added.items():
            # Some tokenizers do not mark their sentinels as special.
            self.special.setdefault(token.content, index)
        self.size = tokenizer.get_vocab_size(with_added_tokens=True)
        self.pieces = _token_bytes(tokenizer, self.size, set(self.special.values()), name)

    def encode(self, text: str) -> list[int]:
        """Ids of a text read on its own."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids) if text else []

    def encode_words(self, text: str) -> tuple[list[int], list[int]]:
        """Ids of a text, and for each the number of the pre-token that it is part of."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return list(encoding.ids), _words(encoding)

    def encode_many(self, texts: list[str]) -> list[tuple[list[int], list[int]]]:
        """`encode_words` of several texts at once."""
        if len(texts) <= _FEW_TEXTS:
            return [self.encode_words(text) for text in texts]
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [(list(encoding.ids), _words(encoding)) for encoding in encodings]

    def bytes_of(self, ids: Sequence[int]) -> bytes:
        """The bytes that ids stand for; special tokens stand for none."""
        return b"".join([self.pieces[index] for index in ids])


class DocumentReader:
    """Reads documents again and again, paying for what changed; used by one thread."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._kind = np.int16 if tokens.size < 1 << 15 else np.int32
        self._pieces: OrderedDict[str, Read] = OrderedDict()
        self._blocks: OrderedDict[str, Read] = OrderedDict()

    def read(self, text: str) -> Read:
        """Ids of a document, and which of them begin a pre-token."""
        return self.joined(self.parts(blocks_of(text)))

    def parts(self, blocks: Sequence[str]) -> list[Read]:
        """What `blocks_of` a text are read as."""
        found = [self._block(block) for block in blocks]
        while len(self._blocks) > _CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        while len(self._pieces) > _CACHED_PIECES:
            self._pieces.popitem(last=False)
        return found

    def forget(self) -> None:
        """Drop every piece of text that was read."""
        self._pieces.clear()
        self._blocks.clear()

    def _block(self, text: str) -> Read:
        known = self._blocks.get(text)
        if known is not None:
            self._blocks.move_to_end(text)
            return known
        pieces = _PIECE.findall(text)
        unseen = [piece for piece in dict.fromkeys(pieces) if piece not in self._pieces]
        for piece, (ids, words) in zip(unseen, self._tokens.encode_many(unseen), strict=True):
            numbers = np.array(words, dtype=np.int32)
            starts = np.ones(len(numbers), dtype=np.bool_)
            starts[1:] = numbers[1:] != numbers[:-1]
            self._pieces[piece] = np.array(ids, dtype=self._kind), starts
        known = self._blocks[text] = self.joined([self._pieces[piece] for piece in pieces])
        return known

    def joined(self, parts: list[Read]) -> Read:
        """Parts of a text as one."""
        if not parts:
            return np.empty(0, self._kind), np.empty(0, np.bool_)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


class GrowingText:
    """A text that is typed: of one that goes on after the last, only the last block is read."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self._text = ""
        self._head = ""  # all blocks but the last, and the word's beginning that ended them
        self._head_chars = 0
        self._head_read = self._read = reader.joined([])

    def read(self, text: str) -> Read:
        """What the reader gives for the text; shared, so not to be changed."""
        if text == self._text:
            return self._read
        if not text.startswith(self._head):
            self._head, self._head_chars = "", 0
            self._head_read = self._reader.joined([])
        blocks = blocks_of(text[self._head_chars :])
        parts = self._reader.parts(blocks)
        if len(blocks) > 1:
            self._head_read = self._reader.joined([self._head_read, *parts[:-1]])
            self._head_chars = len(text) - len(blocks[-1])
            blanks = len(blocks[-1]) - len(blocks[-1].lstrip())
            self._head = text[: self._head_chars + blanks + 1]
        self._text = text
        self._read = self._reader.joined([self._head_read, *parts[-1:]])
        return self._read


def blocks_of(text: str) -> list[str]:
    """A text in blocks of some lines; where they end hardly depends on where it begins,
    and of what follows on nothing behind the first character that is not blank."""
    blocks = []
    start = 0
    while start < len(text):
        cut = _BLOCK.search(text, start + _BLOCK_CHARS, start + 4 * _BLOCK_CHARS)
        cut = cut or _LINE.search(text, start + 4 * _BLOCK_CHARS)
        end = cut.end() if cut else len(text)
        blocks.append(text[start:end])
        start = end
    return blocks


def load_tokens(folder: Path, *, name: str) -> Tokens:
    """The tokenizer of a model's folder; raises `ModelError` when there is none to read."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"The model {name} has no tokenizer.json in {folder}; download it complete, or "
            "save its tokenizer again with transformers, which writes one."
        )
    try:
        # The library raises plain Exception on whatever it cannot parse.
        return Tokens(Tokenizer.from_file(str(path)), name=name)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"The tokenizer of {name} cannot be read: {error}.") from error


def _words(encoding: Encoding) -> list[int]:
    return [-1 if word is None else word for word in encoding.word_ids]


def _token_bytes(tokenizer: Tokenizer, size: int, special: set[int], name: str) -> list[bytes]:
    """What each id stands for, for byte-level and for byte-fallback vocabularies."""
    decoder = json.loads(tokenizer.to_str()).get("decoder") or {}
    steps = [step.get("type") for step in (decoder, *decoder.get("decoders", ()))]
    byte_level = "ByteLevel" in steps
    if not byte_level and "ByteFallback" not in steps:
        raise ModelError(
            f"The tokenizer of {name} is neither byte-level nor byte-fallback, so text cannot "
            "be put together from its tokens. Choose another model, or `embedded`."
        )
    alphabet = _byte_alphabet()
    pieces: list[bytes] = [b""] * size
    for text, index in tokenizer.get_vocab(with_added_tokens=True).items():
        if index in special or index >= size:
            continue
        if byte_level:
            pieces[index] = bytes([alphabet[c] for c in text if c in alphabet])
        elif re.fullmatch(r"<0x[0-9A-F]{2}>", text):
            pieces[index] = bytes([int(text[3:5], 16)])
        else:
            pieces[index] = text.replace("▁", " ").encode()
    return pieces


def _byte_alphabet() -> dict[str, int]:
    """The printable stand-ins of bytes in byte-level vocabularies (GPT-2's table)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in plain}
    others = (byte for byte in range(256) if byte not in set(plain))
    return table | {chr(256 + index): byte for index, byte in enumerate(others)}
