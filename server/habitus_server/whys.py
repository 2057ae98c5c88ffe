"""Why a place showed a suggestion, or did not.

Promises one sentence for every end that a request may come to. Values alone.
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Stage(Enum):
    """Where a request ended, in the order in which it passes them."""

    PAUSED = "paused"
    DISABLED = "disabled"
    IGNORED = "ignored"
    DEBOUNCED = "debounced"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    EMPTY = "empty"
    TRIMMED = "trimmed"
    UNPARSABLE = "unparsable"
    DECLINED = "declined"
    UNLIKELY = "unlikely"
    SHOWN = "shown"


SILENT = frozenset({Stage.EMPTY, Stage.TRIMMED, Stage.UNPARSABLE, Stage.DECLINED, Stage.UNLIKELY})
"""The model answered and nothing was shown: a fault of the weights as much as a wrong text."""

_SENTENCES = {
    Stage.PAUSED: "Habitus is paused in this window (habitus.resume).",
    Stage.DISABLED: "Completion is switched off (completion.enabled).",
    Stage.IGNORED: "This document gets no suggestions.",
    Stage.DEBOUNCED: "You typed on before the engine was asked.",
    Stage.SUPERSEDED: "The text changed before the answer came.",
    Stage.FAILED: "There was no answer.",
    Stage.EMPTY: "The model wrote nothing here.",
    Stage.TRIMMED: "What the model wrote stands there already, or is not code.",
    Stage.UNPARSABLE: "What the model wrote would not parse here.",
    Stage.DECLINED: "You turned this suggestion down in such a place before.",
    Stage.UNLIKELY: "It would probably not be kept",
    Stage.SHOWN: "A suggestion was shown",
}


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a request ended. `chance` is the estimate that the best candidate would be kept,
    `threshold` what it took to be shown, `source` where a shown one came from."""

    stage: Stage
    detail: str = ""
    chance: float | None = None
    threshold: float | None = None
    source: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        said = _SENTENCES[self.stage]
        figures = []
        if self.source:
            figures.append(f"source {self.source}")
        if self.chance is not None:
            figures.append(f"estimate {self.chance:.2f}")
        if self.threshold is not None:
            figures.append(f"threshold {self.threshold:.2f}")
        if figures:
            said = f"{said.rstrip('.')} ({', '.join(figures)})."
        return f"{said} {self.detail}".rstrip()


class Place(msgspec.Struct, frozen=True):
    """Why, and where: `line` counts from 1, `path` is "" for a file that may not be named."""

    at: float
    path: str
    line: int
    why: Why
