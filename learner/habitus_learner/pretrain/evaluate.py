"""What the card says about the weights, measured with the prompts that are served.

Promises: every place asked about is drawn by a seed before any weight is read; figures do not
depend on the vocabulary; an exact match is a greedy line, end included, that equals the one
written.
Does not know: memory, adapters, editors; those are measured by `habitus replay`.
"""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Iterable, Sequence

import msgspec
import torch
from tokenizers import Tokenizer

from habitus_learner.pretrain.model import FimModel
from habitus_learner.pretrain.tokenizer import END, encode_plain, special_id
from habitus_server.engine.fim import Template, build_prompt, template_from_vocabulary

SHORTEST_LINE = 8
"""Characters of code; shorter lines are mostly closers."""


class Question(msgspec.Struct, frozen=True):
    """The rest of one line, asked for with the rest of its file."""

    path: str
    prefix: str
    answer: str
    suffix: str


class Score(msgspec.Struct, frozen=True):
    """One set of questions, answered."""

    questions: int
    bits_per_character: float
    exact_match: float
    interval: tuple[float, float]
    """95% interval of the bits, bootstrapped over files."""


class _Answer(msgspec.Struct, frozen=True):
    path: str
    bits: float
    characters: int
    is_exact: bool


def ask_line(path: str, text: str, line: int, random_: random.Random | None) -> Question | None:
    """Line `line` (from 0) of a file, asked for at its indentation or at a drawn column."""
    lines = text.split("\n")
    body = lines[line].strip()
    if len(body) < SHORTEST_LINE or body.startswith("#"):
        return None
    column = len(lines[line]) - len(lines[line].lstrip())
    if random_ is not None:
        column += random_.randrange(1, len(body) - 1)
    before = "\n".join(lines[:line]) + "\n" if line else ""
    after = "".join(f"\n{other}" for other in lines[line + 1 :])
    return Question(path, before + lines[line][:column], lines[line][column:].rstrip(), after)


def draw_questions(
    files: Sequence[tuple[str, str]], count: int, seed: int, *, at_column: bool
) -> list[Question]:
    """Lines of (path, text) files, drawn without regard to their length."""
    random_ = random.Random(seed)
    places = [(path, text, line) for path, text in files for line in range(text.count("\n"))]
    random_.shuffle(places)
    drawn: list[Question] = []
    for path, text, line in places:
        question = ask_line(path, text, line, random_ if at_column else None)
        if question:
            drawn.append(question)
        if len(drawn) == count:
            break
    return drawn


def changed_lines(
    path: str, before: str, after: str, random_: random.Random | None
) -> list[Question]:
    """Every line of `after` that `before` lacks, asked for in the later file."""
    old, new = before.split("\n"), after.split("\n")
    known = {line.strip() for line in old}
    questions = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag not in ("replace", "insert"):
            continue
        for line in range(start, end):
            if new[line].strip() in known:  # moved, not written
                continue
            question = ask_line(path, after, line, random_)
            if question:
                questions.append(question)
    return questions


@torch.no_grad()
def answer(model: FimModel, tokenizer: Tokenizer, questions: Iterable[Question]) -> Score:
    """Score a model on questions, one forward pass each.

    The tokens of the answer are fed as written: greedy decoding gives the line exactly if each
    of them is the likeliest after those before it, and a stop or a newline after the last.
    """
    special = {t.content: i for i, t in tokenizer.get_added_tokens_decoder().items()}
    template = template_from_vocabulary(special, name="embedded", suffix_first=True)
    newlines = _newline_tokens(tokenizer)
    answers = [_ask(model, tokenizer, template, newlines, question) for question in questions]
    characters = sum(a.characters for a in answers)
    return Score(
        questions=len(answers),
        bits_per_character=sum(a.bits for a in answers) / max(characters, 1),
        exact_match=sum(a.is_exact for a in answers) / max(len(answers), 1),
        interval=_interval(answers),
    )


def _newline_tokens(tokenizer: Tokenizer) -> frozenset[int]:
    stops = {index for token, index in tokenizer.get_vocab().items() if token.startswith("Ċ")}
    return frozenset(stops | {special_id(tokenizer, END)})


def _ask(
    model: FimModel,
    tokenizer: Tokenizer,
    template: Template,
    stops: frozenset[int],
    question: Question,
) -> _Answer:
    def encode(text: str) -> list[int]:
        return encode_plain(tokenizer, text)

    prompt = build_prompt(
        template, encode, path=question.path, prefix=question.prefix, suffix=question.suffix
    )
    written = encode(question.answer)
    ids = torch.tensor([[*prompt.ids, *written]])
    states = model.hidden(ids)[0, len(prompt.ids) - 1 :]
    scores = torch.nn.functional.linear(states, model.model.embed_tokens.weight).float()
    chances = scores.log_softmax(-1)
    nats = -sum(float(chances[at, token]) for at, token in enumerate(written))
    best = scores.argmax(-1).tolist()
    is_exact = best[: len(written)] == written and best[len(written)] in stops
    return _Answer(question.path, nats / math.log(2), len(question.answer), is_exact)


def _interval(answers: Sequence[_Answer], draws: int = 1000) -> tuple[float, float]:
    by_file: dict[str, tuple[float, int]] = {}
    for one in answers:
        bits, characters = by_file.get(one.path, (0.0, 0))
        by_file[one.path] = (bits + one.bits, characters + one.characters)
    files = list(by_file.values())
    random_ = random.Random(7)
    means = []
    for _ in range(draws if files else 0):
        drawn = random_.choices(files, k=len(files))
        means.append(sum(bits for bits, _ in drawn) / max(1, sum(n for _, n in drawn)))
    means.sort()
    return (means[len(means) // 40], means[-len(means) // 40 - 1]) if means else (0.0, 0.0)
