"""The `habitus` command, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]


def habitus(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    paths = (str(SOURCES / "server"), str(SOURCES / "learner"))
    return subprocess.run(
        [sys.executable, "-P", "-m", "habitus_server.cli", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "HABITUS_STATE_DIR": str(state),
            "HABITUS_CONFIG": str(state / "config.toml"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_lists_the_learners_commands_beside_the_servers(tmp_path: Path) -> None:
    done = habitus("--help", state=tmp_path)
    assert done.returncode == 0
    for name in ("serve", "engine", "status", "doctor", "learn", "replay", "rollback", "pretrain"):
        assert f"\n  {name} " in done.stdout


def test_an_unknown_command_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = habitus("brew", state=tmp_path)
    assert done.returncode == 2
    assert "there is no command `brew`" in done.stderr


def test_serve_loads_neither_the_learner_nor_a_tensor_library(tmp_path: Path) -> None:
    script = (
        "import sys; from habitus_server import cli;"
        "cli.main(['serve', '--state-dir', sys.argv[1]]);"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SOURCES / "server")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stderr.splitlines())
    assert "habitus_server.lsp.server" in loaded
    heavy = {"torch", "transformers", "numpy", "habitus_learner", "tree_sitter", "watchdog"}
    assert loaded & (heavy | {"habitus_server.lsp.rooms", "habitus_server.store"}) == set()


def test_status_of_a_new_folder_says_that_base_weights_serve(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    done = habitus("status", str(folder), state=tmp_path / "state")
    assert done.returncode == 0
    assert "base weights (0 kept)" in done.stdout
    assert "signals    none yet" in done.stdout


def test_doctor_tries_the_model_and_finds_everything_in_place(
    shared_state: Path, model: Path
) -> None:
    done = habitus("doctor", "--model", str(model), state=shared_state)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    engine" in done.stdout
    assert "FAIL" not in done.stdout


def test_doctor_names_a_broken_setting(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[completion]\nmax_tokens = 'many'\n", encoding="utf-8")
    done = habitus("doctor", state=tmp_path)
    assert done.returncode == 1
    assert "FAIL  settings" in done.stdout
