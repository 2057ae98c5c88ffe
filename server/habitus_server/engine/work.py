"""What the scheduler asks of the model's side of an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from habitus_server.engine import wire
from habitus_server.records import AdapterRef


class Workshop(Protocol):
    """What the worker runs. Called by one thread, but where another is named."""

    def load(self, progress: Callable[[float, str], None]) -> None:
        """Load the model; raise `HabitusError` with what is wrong."""

    def unload(self) -> None:
        """Free the model's memory."""

    def answer(
        self,
        request: wire.Complete | wire.Score,
        *,
        check: Callable[[], None],
        on_text: Callable[[str], None] | None,
        queue_ms: float,
    ) -> wire.Message:
        """A `Completed`, `Scored` or `Failed`; lets what `check` raises through."""

    def prepare(self, adapter: AdapterRef) -> None:
        """Load an adapter's weights, as far as that needs no worker; called from any thread."""

    def warm(self, request: wire.Warm, check: Callable[[], None]) -> None:
        """Do what a `Warm` still lacks; what was done before `check` raised is kept."""

    def study(self, check: Callable[[], None]) -> bool:
        """Do a little of the learning that waits for idle time; False when none waits."""

    def vitals(self) -> Vitals:
        """What a status says about the model; called from any thread."""


class Vitals(msgspec.Struct, frozen=True):
    """The model's part of an `EngineStatus`."""

    device: str = ""
    adapters: tuple[str, ...] = ()
    resident_bytes: int = 0
    memory_tokens: int = 0


class Interrupted(Exception):  # noqa: N818 (a signal, not an error)
    """Work was stopped on purpose, between two tokens."""
