"""How long one thread of `serve` may keep the interpreter while another waits.

Answers pass from the event loop to threads and back; each time, a thread that redacts or
parses meanwhile would keep them waiting for its whole turn.
"""

from __future__ import annotations

import sys

TURN_S = 0.0005
"""A tenth of Python's own; switching costs some microseconds."""


def shorten() -> None:
    """From now on, in this process."""
    sys.setswitchinterval(TURN_S)
