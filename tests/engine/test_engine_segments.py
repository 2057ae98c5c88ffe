"""Texts as memory searches them: found wherever a plain comparison finds them, read once."""

from __future__ import annotations

import random

import numpy as np
import pytest

from habitus_server.engine import healing as healing_room
from habitus_server.engine import trail as trail_room
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model
from habitus_server.engine.segment import GAP, LONGEST, Document, Run, SortedSegment
from habitus_server.engine.tokens import DocumentReader, GrowingText, blocks_of
from habitus_server.engine.trail import Trail, trail_of
from habitus_server.engine.wire import Place


def documents(
    chance: random.Random, count: int, letters: int, kind: type[np.integer]
) -> list[Document]:
    made = []
    for number in range(count):
        ids = np.array([chance.randrange(letters) for _ in range(chance.randrange(80))], kind)
        made.append(Document(f"d{number}", ids, np.ones(len(ids), np.bool_)))
    return made


def naive(docs: list[Document], context: list[int], hidden: set[str]) -> list[tuple[int, int, int]]:
    """Every place's match length, position and next token, by comparing token for token."""
    found, begin = [], 1
    for document in docs:
        for at in range(len(document.ids)):
            length = 0
            while (
                length < min(LONGEST, len(context), at)
                and document.ids[at - length - 1] == context[-length - 1]
            ):
                length += 1
            if length and document.path not in hidden:
                found.append((length, begin + at, int(document.ids[at])))
        begin += len(document.ids) + 1
    return sorted(found)


def followed(trail: Trail) -> list[tuple[int, int, int]]:
    return sorted(
        (length, place, int(trail.run.ids[place]))
        for length, places in trail.places(1).items()
        for place in trail.visible(places)
        if trail.run.ids[place] != GAP
    )


@pytest.mark.parametrize("kind", [Run, SortedSegment])
@pytest.mark.parametrize("number", [np.int16, np.int32])
def test_a_context_is_followed_to_where_a_plain_comparison_finds_it(
    kind: type[Run], number: type[np.integer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_room, "SAMPLE", 10_000)
    chance = random.Random(11)
    for _ in range(80):
        letters = chance.choice([2, 5, 30])
        docs = documents(chance, chance.randrange(1, 8), letters, number)
        run = kind(docs)
        hidden = {d.path for d in docs if chance.random() < 0.2}
        for path in hidden:
            run.hide(path)
        without = chance.choice(["d0", "elsewhere", None])
        context = chance.choice(docs).ids.tolist()[: chance.randrange(40)]
        trail = trail_of(run, context, without=without)
        for _ in range(6):
            assert followed(trail) == naive(docs, context, hidden | {str(without)})
            context.append(chance.randrange(letters + 1))
            trail.advance(context[-1])


@pytest.mark.parametrize("kind", [Run, SortedSegment])
def test_of_too_many_places_the_longest_matches_are_kept(kind: type[Run]) -> None:
    chance = random.Random(2)
    ids = np.array([chance.randrange(3) for _ in range(20_000)], np.int16)
    run = kind([Document("d", ids, np.ones(len(ids), np.bool_))])
    for at in range(500, 560):
        context = ids[at - 40 : at].tolist()
        places = trail_of(run, context).places(1)
        assert at + 1 in places[LONGEST]
        assert sum(map(len, places.values())) <= 4 * trail_room.SAMPLE * LONGEST
        around, lengths = trail_of(run, context).around(300)
        assert len(around) <= 300
        assert lengths.max() == LONGEST


def test_document_ids_are_those_of_the_whole_text(tiny: Model) -> None:
    chance = random.Random(5)
    reader = DocumentReader(tiny.tokens)
    lines = ["", "  ", "def f(x):", "    return x.name", "\t", "x = 1  ", "é", "# a\r", "    "]
    for _ in range(200):
        text = "\n".join(chance.choice(lines) for _ in range(chance.randrange(12)))
        ids, starts = reader.read(text)
        whole, words = tiny.tokens.encode_words(text) if text else ([], [])
        assert tiny.tokens.bytes_of(ids.tolist()).decode() == text
        assert ids.tolist() == whole
        assert starts.tolist() == [i == 0 or words[i] != words[i - 1] for i in range(len(words))]


def test_a_text_that_is_typed_is_read_as_a_whole_one(tiny: Model) -> None:
    chance = random.Random(8)
    lines = ["", "  ", "def f(x):", "    return x.name", "\t", "x = 1  ", "é", " " * 999, "y" * 900]
    reader, growing = DocumentReader(tiny.tokens), GrowingText(DocumentReader(tiny.tokens))
    text, several = "", 0
    for _ in range(150):
        event = chance.random()
        if event < 0.1:
            cut = chance.randrange(len(text) + 1)
            text = text[:cut] + text[cut + chance.randrange(30) :]
        elif event < 0.2:
            text = text[: -chance.randrange(1, 3000)]
        else:
            text += "\n".join(chance.choice(lines) for _ in range(chance.randrange(1, 6)))
        ids, starts = growing.read(text)
        whole, whole_starts = reader.read(text)
        assert ids.tolist() == whole.tolist()
        assert starts.tolist() == whole_starts.tolist()
        several += len(blocks_of(text)) > 3
    assert several > 50


def test_sorting_and_merging_change_nothing_that_is_found(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitus_server.engine.memory.LIVE_TOKENS", 200)
    monkeypatch.setattr(trail_room, "SAMPLE", 10_000)  # other samples are not the matter here
    monkeypatch.setattr(healing_room, "HEALED", 10_000)
    chance = random.Random(4)
    words = ["self", "value", "host", "port", "name", "values", "(", ")", ".", " = ", "\n    "]
    tidy, plain = Memory(tiny.tokens), Memory(tiny.tokens)
    for _ in range(120):
        path = f"f{chance.randrange(25)}.py"
        text = "".join(chance.choice(words) for _ in range(40))
        if chance.random() < 0.15:
            tidy.forget("w", path)
            plain.forget("w", path)
        else:
            tidy.remember("w", path, text)
            plain.remember("w", path, text)
        while tidy.tidy() or tidy.merge():
            pass
    assert tidy.token_count() == plain.token_count()
    model = np.full(tiny.tokens.size, 1 / tiny.tokens.size)
    for _ in range(40):
        prefix = "".join(chance.choice(words) for _ in range(8))
        place = Place("w", f"f{chance.randrange(25)}.py", "python", prefix, "")
        first, second = tidy.begin(place), plain.begin(place)
        for _ in range(5):
            np.testing.assert_allclose(first.mix(model), second.mix(model))
            token = int(first.mix(model).argmax())
            first.advance(token)
            second.advance(token)
