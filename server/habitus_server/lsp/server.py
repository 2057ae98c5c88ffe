"""The language server, assembled.

Imported before `initialize` is answered: everything heavier than pygls itself is
imported later, by whoever needs it.
"""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from habitus_server.lsp import (
    actions,
    commands,
    documents,
    inline,
    lifecycle,
    measuring,
    popup,
    reports,
)
from habitus_server.lsp.outbox import Outbox
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.options import Options

LOG_BYTES = 1_000_000


def serve(options: Options) -> int:
    """Serve one editor on stdin and stdout until it leaves."""
    # stdout belongs to the protocol: whatever prints goes to the log's stream.
    protocol_out = sys.stdout.buffer
    sys.stdout = sys.stderr
    server = HabitusServer()
    window = Window(options, Outbox(server))
    _log_to(window.state / "logs", options.log_level)
    for room in (lifecycle, documents, inline, popup, actions, commands, reports):
        room.register(server, window)
    if options.replay_clock:
        measuring.register(server, window)
    try:
        server.start_io(stdout=protocol_out)
    finally:
        window.leave()
    return 0


def _log_to(folder: Path, level: str) -> None:
    """Log to stderr and to a file in the state folder, without the user's text.

    pygls logs whole messages, so only its silence keeps source code out of the log;
    what goes wrong in a handler reaches us by `report_server_error`.
    """
    log = logging.getLogger("habitus_server")
    log.setLevel(level.upper())
    log.propagate = False
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "serve.log"
        path.touch(mode=0o600)
        handlers.append(RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1))
    except OSError as error:
        log.warning("There is no log file: %s", error)
    layout = logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    for handler in handlers:
        handler.setFormatter(layout)
        log.addHandler(handler)
