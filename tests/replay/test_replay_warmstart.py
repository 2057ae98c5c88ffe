"""The past is learned by the command itself, and what keeps it from starting is told."""

from __future__ import annotations

from pathlib import Path

from habitus_learner.replay.warmstart import warm_up


async def test_a_folder_without_a_history_says_why_nothing_was_learned(tmp_path: Path) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    state.mkdir()
    config = tmp_path / "config.toml"
    config.write_text("")
    facts = await warm_up(folder, state, config, minutes=0.1, report=lambda stage, share: None)
    assert facts.state == "not started"
    assert str(folder) in facts.verdict
