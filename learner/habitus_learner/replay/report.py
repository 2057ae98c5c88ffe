"""What a replay's report holds.

Promises that it names everything needed to repeat the replay. Records and nothing else:
where the figures come from is told in `figures`; printing and plotting are other rooms'.
"""

from __future__ import annotations

import msgspec

FORMAT = 2


class Arm(msgspec.Struct, frozen=True):
    """One arm's figures over the items of a block, or over all.

    `exact_match` is the share of items whose suggestion's first line is what was
    written; `edit_similarity` a mean, 0 where nothing was shown; `characters_saved` the
    keystrokes spared in all; `accepted` counts suggestions taken in whole or in part,
    `retained` those that were not undone afterwards.
    """

    exact_match: float
    exact_match_interval: tuple[float, float]
    edit_similarity: float
    edit_similarity_interval: tuple[float, float]
    bits_per_char: float
    bits_per_char_interval: tuple[float, float]
    characters_saved: int
    characters_saved_interval: tuple[float, float]
    shown: int
    accepted: int
    retained: int
    accepted_characters: int
    retained_characters: int
    retained_characters_interval: tuple[float, float]
    items: int
    exact_lines: int
    exact_by_place: dict[str, float]


class Gain(msgspec.Struct, frozen=True):
    """How much better `arm` is than `than` on the same items, with its 95% interval.

    Positive is better: bits per character are counted as bits saved.
    """

    arm: str
    than: str
    measure: str
    gain: float
    low: float
    high: float
    files: int

    @property
    def is_clear(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0.0


class AdapterFacts(msgspec.Struct, frozen=True):
    """The adapter that two of the arms used last."""

    version: str
    sha256: str
    examples: dict[str, int]


class Latency(msgspec.Struct, frozen=True):
    """How long a request took from the editor's side, in milliseconds."""

    p50: float
    p95: float


class CycleFacts(msgspec.Struct, frozen=True):
    """One course of learning, the warm start or a cycle, and how it ended."""

    id: int
    state: str
    adapter: str | None
    verdict: str
    figures: dict[str, float]
    minutes: float


class SwapFacts(msgspec.Struct, frozen=True):
    """How the new version came into service while completions went on being asked for.

    `gap_ms` is the longest time between two answers around the change, less the pace at
    which they were asked for; `before_ms` and `after_ms` the median answers.
    """

    gap_ms: float
    pace_ms: float
    answers: int
    before_ms: float
    after_ms: float
    version_before: str | None
    version_after: str | None
    same_engine_process: bool
    same_server_process: bool


class LearningFacts(msgspec.Struct, frozen=True):
    """What happened to the suggestions of the learning phase."""

    items_asked: int
    shown: int
    exact: int
    reactions: dict[str, int]
    commits: int
    lines_written: int


class ItemsFacts(msgspec.Struct, frozen=True):
    """The fingerprint of what was asked, fixed before the first question."""

    evaluation_sha256: str
    learning_sha256: str
    evaluation_lines: int
    evaluation_items: int
    evaluation_files: int
    evaluation_lines_available: int
    learning_lines: int


class Source(msgspec.Struct, frozen=True):
    """What was replayed: the warm start saw history up to `past`, the commits of the blocks
    came later."""

    name: str
    head: str
    past: str


class BlockFacts(msgspec.Struct, frozen=True):
    """Commits that every arm was asked about before anything was learned from them.

    `course` is what was learned last before them and `adapter` what was served then, None
    for base weights; the intervals resample the files of a commit.
    """

    commits: tuple[str, ...]
    lines: int
    course: CycleFacts
    adapter: str | None
    arms: dict[str, Arm]
    gains: tuple[Gain, ...]


class Machine(msgspec.Struct, frozen=True):
    """Where it ran."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    device: str
    python: str
    versions: dict[str, str]


class Report(msgspec.Struct, frozen=True):
    """A whole replay, its `blocks` in order and the four arms over all of them.

    `cycles` are the courses of learning in order, the warm start first; the adapter and the
    swap are those of the last that was published. `swap_gap_ms` repeats the swap's figure
    at the top.
    """

    format: int
    finished_at: str
    source: Source
    model: str
    seed: int
    items: ItemsFacts
    blocks: tuple[BlockFacts, ...]
    frozen: Arm
    memory: Arm
    weights: Arm
    all: Arm
    gains: tuple[Gain, ...]
    adapter: AdapterFacts | None
    latency_ms: Latency
    latency_by_arm_ms: dict[str, Latency]
    swap_gap_ms: float | None
    swap: SwapFacts | None
    cycles: tuple[CycleFacts, ...]
    learning: LearningFacts
    machine: Machine
    seconds: dict[str, float]
