"""A workspace's own settings, as they were read and as they are now.

Promises to notice that the workspace's file says something else than it did, for two stats
a look; a file whose change comes to nothing is no change.
"""

from __future__ import annotations

from pathlib import Path

from habitus_server import config as settings
from habitus_server.config import Config
from habitus_server.pulse import pulse


class Narrowing:
    """One folder's `.habitus.toml` under the user's settings."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._config = config
        self._seen = pulse(folder / settings.WORKSPACE_FILE)
        self._in_force = settings.narrow(config, folder)

    def has_changed(self) -> bool:
        """Whether other settings, or other problems with them, hold than at the last look."""
        now = pulse(self._folder / settings.WORKSPACE_FILE)
        if now == self._seen:
            return False
        before, self._in_force = self._in_force, settings.narrow(self._config, self._folder)
        self._seen = now
        return self._in_force != before
