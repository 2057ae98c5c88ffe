"""One request answered: prompt, cached prefix, decoding, memory.

Promises that a completion and a score at the same place see the same prompt,
weights and memory. Serving uses it under the scheduler, the learner's gate in its
own process; it knows no socket and no queue.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

import msgspec

from habitus_server.engine.decode import (
    Mixer,
    ModelAlone,
    cost_bits,
    drafted,
    generate,
    likeliest,
    sampler,
)
from habitus_server.engine.fim import Budget, Prompt, build_prompt
from habitus_server.engine.kvcache import PrefixCaches
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import RESIDENT_ADAPTERS, Forward, Model
from habitus_server.engine.pace import Pace
from habitus_server.engine.reader import LineReader
from habitus_server.engine.reading import read_and_keep, read_prompt
from habitus_server.engine.shortstep import one_thread
from habitus_server.engine.wire import Complete, Completed, Place, Score, Scored, Warm
from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef

CACHE_LIMIT_BYTES = 256 << 20
"""What cached prompts may hold in all; a large model's may hold an eighth of its weights."""

WARM_PROMPTS = 3
"""Documents of a workspace, those asked about last, whose prompts a new adapter reads first."""

_SMALL_MODEL_BYTES = 256 << 20


class Answerer:
    """A loaded model with its caches and the workspaces' memory; used by one thread."""

    def __init__(
        self, model: Model, memory: Memory, *, cache_limit_bytes: int | None = None
    ) -> None:
        self.model = model
        self.memory = memory
        self._served: dict[str, AdapterRef | None] = {}
        self._asked: dict[str, dict[str, tuple[int, ...]]] = {}
        self._caches: dict[str | None, PrefixCaches] = {}
        self._paces: dict[str, Pace] = {}
        self._reader = LineReader(model.tokens)
        self._cache_limit_bytes = cache_limit_bytes or max(
            CACHE_LIMIT_BYTES, model.size_bytes() // 8
        )
        self._is_small = model.size_bytes() < _SMALL_MODEL_BYTES
        self._chunk = 256 if self._is_small else 64
        self._warm_chunk = self._chunk // 4  # a request that comes meanwhile waits for one

    def complete(
        self,
        request: Complete,
        *,
        check: Callable[[], None] = lambda: None,
        on_text: Callable[[str], None] | None = None,
        queue_ms: float = 0.0,
    ) -> Completed:
        """The candidates of a request, greedy first; `check` may raise to stop it."""
        network = self.model.network(request.adapter)
        self._served[request.place.workspace] = request.adapter
        prompt = self.prompt(request.place, network, request.stop.max_tokens)
        self._note_asked(request.place, prompt)
        mixer, pace = self._request_mixer(request), self._pace(request.place.workspace)
        draft = drafted(mixer, pace, self._ends(), request.stop.max_tokens - 1)
        started = time.perf_counter()
        caches = self._caches_of(request.adapter, network)
        reading, reused = read_and_keep(
            caches, request.adapter, network, prompt.ids,
            chunk=self._chunk, check=check, draft=draft,
        )  # fmt: skip
        read = time.perf_counter()
        candidates = []
        written: list[int] = []
        with one_thread() if self._is_small else nullcontext():
            for rank in range(max(1, request.candidates)):
                candidate, written = generate(
                    reading,
                    self.model.tokens,
                    request.stop,
                    mixer=self._request_mixer(request) if rank else mixer,
                    choose=sampler(request.temperature, request.seed + rank) if rank else likeliest,
                    check=check,
                    on_text=None if rank else on_text,
                    pace=pace,
                )
                candidates.append(candidate)
        caches.note(reading.cache, [*prompt.ids, *written])
        return Completed(
            id=request.id,
            candidates=tuple(candidates),
            adapter=request.adapter.version if request.adapter else None,
            prompt_tokens=len(prompt.ids),
            reused_tokens=reused,
            queue_ms=queue_ms,
            prefill_ms=(read - started) * 1e3,
            decode_ms=(time.perf_counter() - read) * 1e3,
            lacks_memory=request.use_memory and self.memory.lacks(request.place.workspace),
        )

    def score(self, request: Score, *, check: Callable[[], None] = lambda: None) -> Scored:
        """What the request's text costs, under what a completion there would be served."""
        network = self.model.network(request.adapter)
        middle = self.model.tokens.encode(request.middle)
        prompt = self.prompt(request.place, network, len(middle))
        caches = self._caches_of(request.adapter, network)
        reading, _ = read_and_keep(
            caches, request.adapter, network, prompt.ids, chunk=self._chunk, check=check
        )
        mixer = self._mixer(request.place, request.use_memory, one_line=_is_line(request.middle))
        bits = cost_bits(reading, middle, mixer)
        caches.note(reading.cache, prompt.ids)
        return Scored(request.id, bits, len(request.middle), len(middle))

    def warm(self, request: Warm, check: Callable[[], None]) -> None:
        """Load an adapter beside the one that serves, and read with it what was asked last.

        What was read when `check` raised is kept; the next call goes on from there.
        """
        serving = self._served.get(request.workspace)
        if serving in self.model.residents:
            self.model.network(serving)  # used just now: if one must give way, another
        network = self.model.network(request.adapter)
        caches = self._caches_of(request.adapter, network)
        for ids in reversed(self._asked.get(request.workspace, {}).values()):
            if len(ids) - caches.held(request.adapter, ids) > self._warm_chunk:
                read_and_keep(
                    caches, request.adapter, network, ids, chunk=self._warm_chunk, check=check
                )
            if not caches.has_room():
                break

    def study(self, check: Callable[[], None]) -> bool:
        """Fit the gates on one settled line; False when none waits.

        The weights used are those that last served the line's workspace: what the gates
        learn is how far to trust memory beside *them*.
        """
        lesson = self.memory.take_lesson()
        if lesson is None:
            return False
        try:
            adapter = self._served.get(lesson.place.workspace)
            network = self.model.network(adapter)
            middle = self.model.tokens.encode(lesson.text)
            prompt = self.prompt(lesson.place, network, len(middle))
            reading = read_prompt(
                network, network.new_cache(), prompt.ids, chunk=self._chunk, check=check
            )
            recall = self.memory.begin(lesson.place, one_line=True)
            cost_bits(reading, middle, recall, on_token=recall.learn)
        except ModelError:
            return True  # its adapter is gone; other lessons may name others
        except BaseException:
            self.memory.put_back(lesson)
            raise
        return True

    def prompt(self, place: Place, network: Forward, room: int) -> Prompt:
        """The prompt of a place, leaving `room` tokens to write."""
        return build_prompt(
            self.model.template,
            self._reader.encode,
            path=place.path,
            prefix=place.prefix,
            suffix=place.suffix,
            chunks=place.chunks,
            budget=_budget(network.positions - room),
        )

    def forget_caches(self) -> None:
        """Free every cached prompt."""
        self._caches.clear()

    def cache_bytes(self) -> int:
        """Memory that cached prompts hold."""
        return sum(caches.size_bytes() for caches in self._caches.values())

    def _note_asked(self, place: Place, prompt: Prompt) -> None:
        asked = self._asked.setdefault(place.workspace, {})
        asked.pop(place.path, None)
        asked[place.path] = tuple(prompt.ids)
        if len(asked) > WARM_PROMPTS:
            del asked[next(iter(asked))]

    def _caches_of(self, adapter: AdapterRef | None, network: Forward) -> PrefixCaches:
        version = adapter.path if adapter else None
        resident = {None, version, *(ref.path for ref in self.model.residents)}
        for gone in self._caches.keys() - resident:
            del self._caches[gone]
        if version not in self._caches:
            # Base weights are served beside all resident adapters.
            share = self._cache_limit_bytes // (RESIDENT_ADAPTERS + 1)
            self._caches[version] = PrefixCaches(network.new_cache, share)
        return self._caches[version]

    def _request_mixer(self, request: Complete) -> Mixer:
        return self._mixer(request.place, request.use_memory, one_line=request.stop.mode == "line")

    def _mixer(self, place: Place, use_memory: bool, *, one_line: bool) -> Mixer:
        return self.memory.begin(place, one_line=one_line) if use_memory else ModelAlone()

    def _pace(self, workspace: str) -> Pace:
        return self._paces.setdefault(workspace, Pace())

    def _ends(self) -> frozenset[int]:
        return frozenset(self.model.tokens.special.values())


def _is_line(text: str) -> bool:
    return "\n" not in text


def _budget(positions: int) -> Budget:
    """The ordinary budget, or its shape scaled down to a model with a short context."""
    ordinary = Budget()
    sentinels = 64  # the sentinels themselves and the file's path
    total = ordinary.prefix + ordinary.suffix + ordinary.context
    share = min(1.0, (positions - sentinels) / total)
    if share == 1.0:
        return ordinary
    return msgspec.structs.replace(
        ordinary,
        prefix=max(16, int(ordinary.prefix * share)),
        suffix=int(ordinary.suffix * share),
        context=int(ordinary.context * share),
    )
