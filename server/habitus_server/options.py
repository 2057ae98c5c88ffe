"""How one `habitus serve` was started: its flags, as one frozen value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec


class Options(msgspec.Struct, frozen=True):
    """The flags of `habitus serve`; the defaults are what an editor uses.

    `adapter` pins a version for measuring, "none" pins base weights, None follows
    the workspace. `replay_clock` takes the time from `habitus/clock` notifications.
    """

    memory: bool = True
    record: bool = True
    learn: bool = True
    adapter: str | None = None
    replay_clock: bool = False
    model: str | None = None
    device: str | None = None
    state_dir: Path | None = None
    log_level: str = "warning"

    def settings(self) -> dict[str, Any]:
        """The flags that are settings too, as `config.load` takes them."""
        flags: dict[str, Any] = {}
        if self.model is not None:
            flags["model"] = self.model
        if self.device is not None:
            flags["engine"] = {"device": self.device}
        return flags


def frozen(options: Options) -> Options:
    """Base weights alone: no memory, no learning, nothing recorded."""
    return msgspec.structs.replace(
        options, memory=False, record=False, learn=False, adapter=options.adapter or NO_ADAPTER
    )


NO_ADAPTER = "none"
