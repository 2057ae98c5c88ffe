from __future__ import annotations

from random import Random

from habitus_learner.sheet import MIN_SHARED, Sheet, count_read, lay_out

PROMPT = tuple(range(100, 100 + MIN_SHARED + 4))


def seen_by(sheet: Sheet, slot: int) -> list[int]:
    """The tokens that a slot sees, in order of their slots, its own the last."""
    (piece,) = [p for p in sheet.pieces if p.start <= slot < p.end]
    spans = [*piece.sees, (piece.start, slot + 1)]
    return [sheet.ids[at] for start, end in spans for at in range(start, end)]


def as_laid(sheet: Sheet) -> list[tuple[int, ...]]:
    """Each line as the sheet lets it be read: by what its last target's slot sees."""
    return [
        (*seen_by(sheet, sheet.slots[line[-1]]), sheet.targets[line[-1]]) for line in sheet.lines
    ]


def test_every_target_of_every_line_sees_that_line_up_to_itself_and_nothing_else() -> None:
    random = Random(3)
    for _ in range(200):
        lines: list[tuple[int, ...]] = []
        for _ in range(random.randint(1, 6)):
            kept = random.choice(lines)[: random.randint(0, 60)] if lines else ()
            lines.append((*kept, *(random.randint(0, 9) for _ in range(random.randint(2, 40)))))
        sheet = lay_out(lines)
        for line, targets in zip(lines, sheet.lines, strict=True):
            assert len(targets) == len(line) - 1
            for place, target in enumerate(targets, start=1):
                slot = sheet.slots[target]
                assert sheet.targets[target] == line[place]
                assert seen_by(sheet, slot) == list(line[:place])
                assert sheet.positions[slot] == place - 1


def test_a_beginning_that_neighbours_share_is_read_once() -> None:
    lines = [(*PROMPT, 1, 2, 3), (*PROMPT, 4, 5), (*PROMPT, 1, 9)]
    sheet = lay_out(lines)
    assert sheet.ids == [*PROMPT, 1, 2, 4, 1][: len(PROMPT) + 3]
    assert count_read(lines) == len(PROMPT) + 3
    assert as_laid(sheet) == lines
    assert len(sheet.targets) == len(PROMPT) - 1 + 3 + 2 + 1
    assert sheet.trees == [(0, len(sheet.ids))]


def test_a_line_within_another_adds_a_target_at_most() -> None:
    lines = [(*PROMPT, 1, 2, 3), (*PROMPT, 1, 2), (*PROMPT, 1, 7)]
    sheet = lay_out(lines)
    assert len(sheet.ids) == len(PROMPT) + 2
    assert as_laid(sheet) == lines
    assert sheet.lines[1] == sheet.lines[0][:-1]


def test_lines_that_begin_alike_for_a_few_tokens_only_stand_apart() -> None:
    short = PROMPT[: MIN_SHARED - 1]
    lines = [(*short, 1, 2), (*short, 3, 4)]
    sheet = lay_out(lines)
    assert len(sheet.ids) == 2 * (len(short) + 1)
    assert len(sheet.trees) == 2
    assert not any(piece.sees for piece in sheet.pieces)
