"""The card's questions: what is asked, and what counts."""

from __future__ import annotations

import torch

from habitus_learner.pretrain.evaluate import answer, ask_line, changed_lines, draw_questions
from habitus_learner.pretrain.model import FimModel, initialise
from habitus_learner.pretrain.presets import PRESETS
from pretrain.samples import SOURCES, small_tokenizer

BEFORE = "def f(value):\n    total = value + 1\n    return total\n"
AFTER = "import decimal\n\ndef f(value):\n    total = decimal.Decimal(value)\n    return total\n"


def test_a_question_and_its_answer_make_up_the_file() -> None:
    for question in draw_questions([("a.py", SOURCES[0])], 50, seed=1, at_column=True):
        assert question.prefix + question.answer + question.suffix == SOURCES[0]


def test_only_lines_that_the_later_release_wrote_are_asked_for() -> None:
    asked = [q.answer for q in changed_lines("a.py", BEFORE, AFTER, None)]
    assert asked == ["import decimal", "total = decimal.Decimal(value)"]


def test_short_lines_and_comments_are_not_asked_for() -> None:
    assert ask_line("a.py", "x = 1\n# a longer comment\n", 0, None) is None
    assert ask_line("a.py", "x = 1\n# a longer comment\n", 1, None) is None


def test_an_untrained_model_pays_about_the_logarithm_of_its_vocabulary() -> None:
    model = FimModel(PRESETS["tiny"].shape)
    initialise(model, seed=1)
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(0.01)
    questions = draw_questions([("a.py", SOURCES[0])], 5, seed=1, at_column=False)
    score = answer(model, small_tokenizer(), questions)
    assert score.questions == 5
    assert score.exact_match == 0
    assert 2 < score.bits_per_character < 8.5
