"""The tokenizer, on text that nobody chose."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_learner.pretrain.tokenizer import SPECIALS, encode_plain, special_id
from pretrain.samples import small_tokenizer


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_round_trips_byte_for_byte(text: str) -> None:
    tokenizer = small_tokenizer()
    if any(name in text for name in SPECIALS):
        return
    assert tokenizer.decode(encode_plain(tokenizer, text), skip_special_tokens=False) == text


def test_decomposed_accents_are_not_composed() -> None:
    tokenizer = small_tokenizer()
    assert tokenizer.decode(encode_plain(tokenizer, "e\u0301 \ufb01")) == "e\u0301 \ufb01"


def test_special_tokens_come_first_and_are_single() -> None:
    tokenizer = small_tokenizer()
    assert [special_id(tokenizer, name) for name in SPECIALS] == list(range(len(SPECIALS)))
    assert all(len(encode_plain(tokenizer, name)) == 1 for name in SPECIALS)


def test_digits_stand_alone_and_an_indentation_stops_before_the_last_space() -> None:
    tokenizer = small_tokenizer()
    pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str("x = 123\n    y")]
    assert pieces == ["x", "Ġ=", "Ġ", "1", "2", "3", "Ċ", "ĠĠĠ", "Ġy"]
