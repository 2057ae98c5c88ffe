"""Moments as people write them on a command line."""

from __future__ import annotations

import re
from datetime import datetime

from habitus_server.errors import UserError

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
FORMS = "a date (2026-05-31), a time (2026-05-31T14:00), or how long ago (30m, 6h, 2d, 1w)"


def parse_moment(text: str, now: float) -> float:
    """Seconds since the epoch; dates and times without an offset are local.

    Raises `UserError` for what is neither a date, a time nor a span like "2d".
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except ValueError as error:
        raise UserError(f"`{text}` is no moment; write {FORMS}.") from error
