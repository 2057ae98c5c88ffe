"""Line by line gives what the whole text gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_server.engine.model import EMBEDDED, find_folder
from habitus_server.engine.reader import LineReader
from habitus_server.engine.tokens import Tokens, load_tokens

PIECES = ["\n", "\n\n", " ", "    ", "\t", "\r\n", "\r", "def f(", "):", "x", "1", "é", "\u0301"]
PIECES += ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\xa0", "#", "'", "<|endoftext|>", "\ud7ff"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
TOKENS = load_tokens(find_folder(EMBEDDED), name=EMBEDDED)
READER = LineReader(TOKENS)


class Counting(Tokens):
    """A tokenizer that counts the characters it is given."""

    read = 0

    def encode(self, text: str) -> list[int]:
        self.read += len(text)
        return super().encode(text)


def load_counting() -> Counting:
    from tokenizers import Tokenizer

    path = find_folder(EMBEDDED) / "tokenizer.json"
    return Counting(Tokenizer.from_file(str(path)), name=EMBEDDED)


@given(TEXT)
@settings(max_examples=600, deadline=None)
def test_lines_give_the_ids_of_the_whole_text(text: str) -> None:
    assert READER.encode(text) == TOKENS.encode(text)


def test_real_files_give_the_ids_of_the_whole_text() -> None:
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert READER.encode(text) == TOKENS.encode(text)


def test_a_keystroke_costs_its_line() -> None:
    tokens = load_counting()
    reader = LineReader(tokens)
    text = "".join(f"value_{n} = compute({n})\n" for n in range(300))
    reader.encode(text + "last_")
    before = tokens.read
    reader.encode(text + "last_l")
    assert tokens.read - before == len("last_l")


@pytest.fixture
def metaspace(tmp_path: Path) -> Tokens:
    """A tokenizer that begins every text with a space of its own."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    trainer = trainers.BpeTrainer(
        special_tokens=[AddedToken("<unk>", special=True)], show_progress=False
    )
    tokenizer.train_from_iterator([Path(__file__).read_text(encoding="utf-8")], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return load_tokens(tmp_path, name="metaspace")


def test_a_tokenizer_that_joins_lines_otherwise_is_asked_for_whole_texts(
    metaspace: Tokens,
) -> None:
    text = "def f(x):\n    return x\n"
    assert LineReader(metaspace).encode(text) == metaspace.encode(text)
