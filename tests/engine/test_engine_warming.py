"""An adapter made ready beside the one that serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.engine.wire import Complete, Place, Stop, Warm
from habitus_server.engine.work import Interrupted
from habitus_server.records import AdapterRef
from tiny_model import make_adapter

LONG = "".join(f"value_{n} = {n}\n" for n in range(150))


@pytest.fixture
def adapters(tiny_folder: Path, tmp_path: Path) -> list[AdapterRef]:
    return [make_adapter(tiny_folder, tmp_path / f"v{n}", seed=n) for n in range(3)]


@pytest.fixture
def answerer(tiny_folder: Path) -> Answerer:
    model = load_model(str(tiny_folder), "cpu")
    return Answerer(model, Memory(model.tokens))


def ask(adapter: AdapterRef | None, workspace: str = "w", path: str = "a.py") -> Complete:
    place = Place(workspace, path, "python", LONG + path, "\n")
    return Complete(1, "1", place, adapter, stop=Stop(max_tokens=2), use_memory=False)


class Interrupts:
    """Raises once so many chunks were allowed."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    def __call__(self) -> None:
        if self.left == 0:
            raise Interrupted
        self.left -= 1


def test_what_was_read_before_an_interruption_is_not_read_again(
    answerer: Answerer, adapters: list[AdapterRef]
) -> None:
    needed = -(-answerer.complete(ask(adapters[0])).prompt_tokens // 64)
    assert needed > 4
    request = Warm(1, "w", adapters[1])
    turns = 0
    while True:
        turns += 1
        try:
            answerer.warm(request, Interrupts(1))
        except Interrupted:
            continue
        break
    assert needed - 1 <= turns <= needed + 1
    swapped = answerer.complete(ask(adapters[1]))
    assert swapped.prompt_tokens - swapped.reused_tokens <= 64


def test_every_document_asked_about_lately_is_read_and_no_other_workspace(
    answerer: Answerer, adapters: list[AdapterRef]
) -> None:
    for path in ("a.py", "b.py"):
        answerer.complete(ask(adapters[0], path=path))
    answerer.complete(ask(None, workspace="other", path="c.py"))
    answerer.warm(Warm(1, "w", adapters[1]), lambda: None)
    for path in ("a.py", "b.py"):
        swapped = answerer.complete(ask(adapters[1], path=path))
        assert swapped.prompt_tokens - swapped.reused_tokens <= 64
    held = answerer.cache_bytes()
    answerer.warm(Warm(2, "nobody", adapters[1]), lambda: None)
    assert answerer.cache_bytes() == held


def test_the_adapter_that_serves_stays_beside_the_one_made_ready(
    answerer: Answerer, adapters: list[AdapterRef]
) -> None:
    serving, other, newer = adapters
    answerer.complete(ask(serving))
    answerer.complete(ask(other, workspace="other"))
    answerer.warm(Warm(1, "w", newer), lambda: None)
    assert set(answerer.model.residents) == {serving, newer}
    again = answerer.complete(ask(serving))
    assert again.reused_tokens == again.prompt_tokens - 1
