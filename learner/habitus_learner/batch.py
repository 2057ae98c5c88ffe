"""Rows of one forward pass as tensors.

Promises that how rows are laid out and what their tokens weigh are told apart: a batch
holds a sheet (`sheet`), or padded lines where a model cannot read one, and for each target
one weight, which is the sum of what it weighs in the lines that share it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from habitus_learner.dataset import Row
from habitus_learner.planner import Hyper
from habitus_learner.sheet import Sheet, lay_out


class Batch:
    """Rows as tensors; a row with a rejected text takes two lines, the second for that.

    Per slot: `ids` and `positions`. Per target: the slot that predicts it (`slots`), its
    token (`targets`) and what it weighs (`weights`). `text_targets` are the targets of
    all lines' texts, `text_lines` the line of each, `is_fitted` whether a line is to be
    written. `pairs` are (line, rejected line, weight), `refused` (line, weight).
    `row_tokens` counts the tokens of the lines, shared ones for each.
    """

    def __init__(
        self, rows: Sequence[Row], hyper: Hyper, device: torch.device, *, pad: int | None = None
    ) -> None:
        lines: list[Sequence[int]] = []
        starts: list[int] = []
        weights: list[Sequence[float]] = []
        self.pairs: list[tuple[int, int, float]] = []
        self.refused: list[tuple[int, float]] = []
        self.row_count = len(rows)
        for row in rows:
            if row.refuse:
                self.refused.append((len(lines), row.refuse))
            if row.rejected:
                self.pairs.append((len(lines), len(lines) + 1, row.prefer))
            lines += row.lines
            starts += [row.start] * len(row.lines)
            # What was rejected is no text to write.
            weights += [_weights(row, hyper), *([0.0] * (len(one) - 1) for one in row.lines[1:])]
        self.line_count = len(lines)
        self.row_tokens = sum(map(len, lines))
        self.sheet = lay_out(lines) if pad is None else _padded(lines, pad)
        self.is_fitted = torch.tensor([any(line) for line in weights], device=device)
        self._fill(starts, weights, device)

    @property
    def needs_base(self) -> bool:
        """Whether a term compares with base weights."""
        return bool(self.pairs or self.refused)

    def _fill(
        self, starts: Sequence[int], weights: Sequence[Sequence[float]], device: torch.device
    ) -> None:
        sheet = self.sheet
        self.ids = torch.tensor(sheet.ids, device=device)
        self.positions = torch.tensor(sheet.positions, device=device)
        self.slots = torch.tensor(sheet.slots, device=device)
        self.targets = torch.tensor(sheet.targets, device=device)
        flat = torch.tensor([target for line in sheet.lines for target in line])
        worth = torch.tensor([weight for line in weights for weight in line])
        self.weights = torch.zeros(len(sheet.targets)).index_add_(0, flat, worth).to(device)
        texts = [line[start - 1 :] for line, start in zip(sheet.lines, starts, strict=True)]
        self.text_targets = torch.tensor([t for text in texts for t in text], device=device)
        self.text_lines = torch.tensor(
            [number for number, text in enumerate(texts) for _ in text], device=device
        )


def _weights(row: Row, hyper: Hyper) -> list[float]:
    """What each target of a row's line weighs: prompt and text."""
    prompt, text = row.start - 1, len(row.ids) - row.start
    return [row.fit * hyper.prompt_weight] * prompt + [row.fit] * text


def _padded(lines: Sequence[Sequence[int]], pad: int) -> Sheet:
    """Lines one below the other, padded right, where causal attention never looks."""
    width = max(map(len, lines)) - 1
    sheet = Sheet([], [], [], [], [], [], [])
    for number, line in enumerate(lines):
        count = len(line) - 1
        sheet.ids.extend([*line[:-1], *[pad] * (width - count)])
        sheet.positions.extend(range(width))
        sheet.trees.append((number * width, (number + 1) * width))
        sheet.lines.append(list(range(len(sheet.targets), len(sheet.targets) + count)))
        sheet.slots.extend(range(number * width, number * width + count))
        sheet.targets.extend(line[1:])
    return sheet
