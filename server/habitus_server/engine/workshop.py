"""The model's side of an engine process: what the worker thread and the intake share.

Promises that the model comes and goes while memory stays, and that running out of
GPU memory costs one request. Imports torch only when it loads, so that an engine
listens before that.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from habitus_server.engine import wire
from habitus_server.engine.intake import Intake
from habitus_server.engine.work import Vitals
from habitus_server.errors import EngineError, HabitusError, ModelError
from habitus_server.records import AdapterRef

if TYPE_CHECKING:
    from habitus_server.engine.answer import Answerer
    from habitus_server.engine.memory import Memory
    from habitus_server.engine.shelf import Shelf

INTAKE_PATIENCE_S = 0.02
INTAKE_BACKLOG = 4


class Workshop:
    """The served model, its memory, and the documents that come in."""

    def __init__(
        self,
        model: str,
        device: str,
        *,
        threads: int,
        allow_hub: bool,
        shelf: Shelf | None = None,
    ) -> None:
        self._model = model
        self._device = device
        self._threads = threads
        self._allow_hub = allow_hub
        self._shelf = shelf
        self.intake = Intake()
        self.on_lesson: Callable[[], None] = lambda: None
        self._memory: Memory | None = None
        self._answerer: Answerer | None = None

    @property
    def device(self) -> str:
        """Where the model is, once it is loaded; until then what was asked for."""
        answerer = self._answerer
        return answerer.model.device if answerer else self._device

    def load(self, progress: Callable[[float, str], None]) -> None:
        """Load the model and open the intake; `HabitusError` says what is wrong."""
        try:
            self._load(progress)
        except HabitusError:
            self.intake.give_up()
            raise

    def _load(self, progress: Callable[[float, str], None]) -> None:
        progress(0.05, "starting torch")
        # Threads that spin while they wait for each other take turns of whole time slices
        # as soon as other programs want the cores. Read once, when the library loads.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch

        from habitus_server.engine.answer import Answerer
        from habitus_server.engine.memory import Memory
        from habitus_server.engine.model import load_model

        if self._threads:  # torch's own choice is one per physical core
            torch.set_num_threads(self._threads)
        progress(0.3, f"loading {self._model}")
        try:
            model = load_model(self._model, self._device, allow_hub=self._allow_hub)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"The model {self._model} does not fit into the GPU's memory. Choose a smaller "
                "one, or set engine.device to cpu."
            ) from error
        if self._memory is None:
            self._memory = Memory(model.tokens, self.on_lesson, shelf=self._shelf)
        self._answerer = Answerer(model, self._memory)
        self.intake.open(self._memory)

    def unload(self) -> None:
        """Free the model; memory stays."""
        import torch

        self._answerer = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def answer(
        self,
        request: wire.Complete | wire.Score,
        *,
        check: Callable[[], None],
        on_text: Callable[[str], None] | None,
        queue_ms: float,
    ) -> wire.Message:
        """Answer with what has been taken into memory so far, waiting a moment for the rest."""
        import torch

        answerer = self._answerer
        if answerer is None:
            raise EngineError("the model is not loaded")
        if request.use_memory:
            self.intake.wait(INTAKE_PATIENCE_S, backlog=INTAKE_BACKLOG)
        try:
            if isinstance(request, wire.Complete):
                return answerer.complete(request, check=check, on_text=on_text, queue_ms=queue_ms)
            return answerer.score(request, check=check)
        except ModelError as error:
            return wire.Failed(request.id, str(error))
        except torch.OutOfMemoryError:
            answerer.forget_caches()
            torch.cuda.empty_cache()
            return wire.Failed(
                request.id,
                "The GPU is out of memory; cached prompts were freed. If this repeats, close "
                "other programs on it or choose a smaller model.",
            )
        except torch.AcceleratorError as error:
            # The device's context is lost for this process; only a new one can go on.
            raise SystemExit(f"The GPU failed: {error}") from error

    def prepare(self, adapter: AdapterRef) -> None:
        """Load an adapter's weights in the calling thread, where the model allows it."""
        if self._answerer is None:
            raise EngineError("the model is not loaded")
        self._answerer.model.prepare(adapter)

    def warm(self, request: wire.Warm, check: Callable[[], None]) -> None:
        """Make an adapter ready, in the worker's idle moments."""
        import torch

        if self._answerer is None:
            raise EngineError("the model is not loaded")
        try:
            self._answerer.warm(request, check)
        except torch.AcceleratorError as error:
            raise SystemExit(f"The GPU failed: {error}") from error

    def study(self, check: Callable[[], None]) -> bool:
        """Learn from one settled text; False when none waits."""
        if self._memory is None or self._answerer is None:
            return False
        more = self._answerer.study(check)
        if not more:
            self._memory.keep_gates()
        return more

    def vitals(self) -> Vitals:
        """What a status says about the model."""
        answerer, memory = self._answerer, self._memory
        resident = (answerer.model.size_bytes() + answerer.cache_bytes()) if answerer else 0
        return Vitals(
            device=self.device,
            adapters=tuple(r.version for r in answerer.model.residents) if answerer else (),
            resident_bytes=resident,
            memory_tokens=memory.token_count() if memory else 0,
        )
