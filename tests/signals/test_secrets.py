"""Planted secrets, through a window's real rooms: none reaches the disk or memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from habitus_server.config import Config
from planted_secrets import KINDS, plant
from signals.one_root import Engine, OneRoot, found_in
from signals.secret_days import live_with


@pytest.mark.usefixtures("state_log")
async def test_no_planted_secret_reaches_the_state_folder_or_memory(tmp_path: Path) -> None:
    corpus = list(plant(4 * len(KINDS)))
    engine = Engine()
    window = OneRoot(tmp_path, Config(), engine)
    await window.open()
    for number, one in enumerate(corpus):
        # Each kind is met in each of the three ways.
        await live_with(window, one, number + number // len(KINDS))
    await window.root.flush()
    await window.root.close()

    told = "\n".join(engine.told)
    assert len(engine.texts) >= len(corpus), "memory was not told of the files"
    leaked = [
        (one.kind, one.path, found_in(window.state, one.pieces), any(p in told for p in one.pieces))
        for one in corpus
        if any(piece in told for piece in one.pieces) or found_in(window.state, one.pieces)
    ]
    assert leaked == []
    (database,) = window.state.glob("workspaces/*/signals.db")
    connection = sqlite3.connect(database)
    settled = connection.execute("SELECT count(*) FROM suggestions WHERE outcome IS NOT NULL")
    assert settled.fetchone()[0] >= len(corpus) // 3, "hardly anything was recorded"
    connection.close()
