"""The language server, assembled.

Imported before `initialize` is answered: everything heavier than pygls itself is
imported later, by whoever needs it (see `routes`).
"""

from __future__ import annotations

import sys

from habitus_server.lsp import lifecycle, logs, routes
from habitus_server.lsp.outbox import Outbox
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.options import Options


def serve(options: Options) -> int:
    """Serve one editor on stdin and stdout until it leaves."""
    # stdout belongs to the protocol: whatever prints goes to the log's stream.
    protocol_out = sys.stdout.buffer
    sys.stdout = sys.stderr
    logs.log_to_stderr(options.log_level)
    server = HabitusServer()
    window = Window(options, Outbox(server))
    lifecycle.register(server, window)
    routes.register(server, window)
    try:
        server.start_io(stdout=protocol_out)
    finally:
        window.leave()
    return 0
