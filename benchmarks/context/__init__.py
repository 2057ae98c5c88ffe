"""What other files do for a completion, source by source.

    python -m benchmarks.context [--lines 200] [--minutes 60]

Lines that three projects' later releases changed are asked for where they were written
(`moments`), under the served prompt and the embedded weights, without memory: with the file
alone, with each source of `context` alone, with all but each, and with all. What was scored is
kept in build/bench, so that a run that ends early goes on where it stopped.
"""

import os

# As the engine sets it: threads that spin for each other lose whole time slices under load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
