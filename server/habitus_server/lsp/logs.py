"""Where the server logs, and what it never logs: the user's text.

pygls logs whole messages, so only its silence keeps source code out of the log; what
goes wrong in a handler reaches us by `HabitusServer.report_server_error`.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

LOG_BYTES = 1_000_000
_LAYOUT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_ROOT = "habitus_server"


def log_to_stderr(level: str) -> None:
    """Log to stderr, which editors show on request."""
    log = logging.getLogger(_ROOT)
    log.setLevel(level.upper())
    log.propagate = False
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
    _add(log, logging.StreamHandler(sys.stderr))


def log_to_file(folder: Path) -> None:
    """Log to a private file as well; where that cannot be, stderr has to do."""
    from logging.handlers import RotatingFileHandler

    log = logging.getLogger(_ROOT)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "serve.log"
        path.touch(mode=0o600)
        _add(log, RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1))
    except OSError as error:
        log.warning("There is no log file: %s", error)


def _add(log: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter(_LAYOUT))
    log.addHandler(handler)
