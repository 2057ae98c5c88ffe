"""What learning is worth, and whether what judges it can be trusted.

    git clone https://github.com/simonw/sqlite-utils build/repositories/sqlite-utils
    (and so on: `histories` names them; none of their code is part of this repository)
    python -m benchmarks.learning                   every part that is missing, then all figures
    python -m benchmarks.learning h11 --seeds 1 --only-parts      one part, and its figures
    python -m benchmarks.learning --only-figures    what the parts on disk come to

A part is one history with one seed. It leaves its scores and adapters under
build/bench/learning/NAME-SEED, and one that was killed is taken up behind its last stage.

A module of this folder that defines `figures(options: Options) -> list[dict]`, made of
`benchmarks.figures.figure`, takes part.
"""

import os

# As the engine sets it: threads that spin for each other lose whole time slices under load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import msgspec


class Options(msgspec.Struct, frozen=True):
    """How much is measured; `small` is enough to see that a module works."""

    small: bool = False
