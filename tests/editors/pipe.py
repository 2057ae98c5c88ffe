"""Between a real editor and a real `habitus serve`: passes every byte on, and notes it.

    python pipe.py LOG COMMAND...

Promises that a message stands in the log, with its time, before the other side can react
to it. Knows nothing of what the messages mean.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, TextIO


def main() -> int:
    """Run the command with its pipes tapped; return its exit status."""
    log_path, *command = sys.argv[1:]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None and server.stdout is not None
    lock = threading.Lock()
    with Path(log_path).open("a", encoding="utf-8") as log:
        to_server = threading.Thread(
            target=_pass_on, args=(sys.stdin.buffer, server.stdin, log, lock, "editor"), daemon=True
        )
        to_server.start()
        _pass_on(server.stdout, sys.stdout.buffer, log, lock, "server")
        return server.wait()


def _pass_on(
    source: BinaryIO, target: BinaryIO, log: TextIO, lock: threading.Lock, sender: str
) -> None:
    while (frame := _read(source)) is not None:
        header, body = frame
        line = json.dumps({"at": time.time(), "sender": sender, "body": json.loads(body)})
        with lock:
            log.write(line + "\n")
            log.flush()
        target.write(header + body)
        target.flush()
    target.close()


def _read(source: BinaryIO) -> tuple[bytes, bytes] | None:
    header = b""
    length = 0
    while not header.endswith(b"\r\n\r\n"):
        line = source.readline()
        if not line:
            return None
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
        header += line
    body = source.read(length)
    return (header, body) if len(body) == length else None


if __name__ == "__main__":
    sys.exit(main())
