"""Windows: what they hold, and that they are the served prompts."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_learner.pretrain.rows import all_rows
from habitus_learner.pretrain.shards import MIDDLE_WEIGHT, read_shard, shard_path, write_shards
from habitus_learner.pretrain.spans import SourceMap, draw_span
from habitus_learner.pretrain.tokenizer import END, PAD, encode_plain, special_id
from habitus_learner.pretrain.windows import LONGEST, Package, View, tokenise, views
from habitus_server.engine.fim import build_prompt, template_from_vocabulary
from habitus_server.records import Chunk
from pretrain.samples import SOURCES, documents, small_tokenizer


def test_the_views_of_a_document_cover_it_once() -> None:
    package = Package(documents())
    for seed in range(20):
        for index, source in enumerate(SOURCES):
            found = list(views(package, index, random.Random(seed)))
            assert "".join(v.prefix + v.middle + v.suffix for v in found) == source


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab ()\n\t#é", min_size=1).filter(str.strip), st.integers(0, 10**6))
def test_a_span_lies_within_its_text_and_is_never_empty(text: str, seed: int) -> None:
    start, end = draw_span(SourceMap(text), random.Random(seed))
    assert 0 <= start < end <= len(text)


def test_context_comes_from_other_files_and_holds_whole_lines() -> None:
    package = Package(documents())
    seen = 0
    for seed in range(10):
        for view in views(package, 2, random.Random(seed)):
            for path, chunk in view.context:
                seen += 1
                assert path != view.path
                text = next(d.text for d in package.documents if d.path == path)
                assert chunk in text
                assert chunk.endswith("\n") or text.endswith(chunk)
    assert seen


def test_a_window_is_the_served_prompt_then_the_answer_then_the_end() -> None:
    tokenizer = small_tokenizer()
    special = {t.content: i for i, t in tokenizer.get_added_tokens_decoder().items()}
    source = SOURCES[1][:400]
    for suffix_first in (True, False):
        view = View(
            path="sample/part.py",
            context=(("other.py", "def other():\n    pass\n"),),
            prefix=source[:250],
            middle=source[250:281],
            suffix=source[281:],
            is_plain=False,
            is_suffix_first=suffix_first,
            ends_file=False,
        )
        [(ids, weights)] = tokenise(tokenizer, [view])
        prompt = build_prompt(
            template_from_vocabulary(special, name="sample", suffix_first=suffix_first),
            lambda text: encode_plain(tokenizer, text),
            path=view.path,
            prefix=view.prefix,
            suffix=view.suffix,
            chunks=[Chunk(*chunk) for chunk in view.context],
        )
        answer = [*encode_plain(tokenizer, view.middle), special_id(tokenizer, END)]
        assert ids == [*prompt.ids, *answer]
        assert weights == [1] * len(prompt.ids) + [MIDDLE_WEIGHT] * len(answer)


def test_rows_are_full_length_and_padding_weighs_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tokenizer = small_tokenizer()
    tokens = write_shards(tmp_path, all_rows(documents() * 3, tokenizer, seed=3))
    ids, weights = read_shard(shard_path(tmp_path, 0))
    assert ids.shape[1] == LONGEST + 1
    assert weights.shape == (len(ids), LONGEST)
    assert not weights[ids[:, 1:] == special_id(tokenizer, PAD)].any()
    assert tokens == (weights > 0).sum()
    again = list(all_rows(documents() * 3, tokenizer, seed=3))
    assert [row[0] for row in again] == ids.tolist()
