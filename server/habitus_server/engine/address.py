"""Where an engine listens: the one name in the file system by which it is found.

Promises that only this user may connect, and that an engine takes down its own socket
and never one that another has put in its place since.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from habitus_server.errors import EngineError


class Address:
    """A socket's path, and whether what lies there is still our socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bound: tuple[int, int] | None = None

    def listen(self) -> socket.socket:
        """A socket bound to the path, mode 0600; raises `EngineError` where that fails.

        The caller holds the engine's lock, and has cleared the path.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(self.path))
        except OSError as error:
            listener.close()
            raise EngineError(
                f"The engine cannot listen at {self.path}: {error.strerror}. Remove that file "
                "if no Habitus runs, or set HABITUS_STATE_DIR to another folder."
            ) from error
        finally:
            os.umask(before)
        self._bound = self._found()
        return listener

    def is_ours(self) -> bool:
        """Whether who connects to the path meets us.

        Holds while the socket is open: its inode number is not given away before then.
        """
        return self._bound is not None and self._found() == self._bound

    def withdraw(self) -> None:
        """Take the socket away, unless the state was deleted and another engine is there."""
        if self.is_ours():
            self.path.unlink(missing_ok=True)

    def _found(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino
