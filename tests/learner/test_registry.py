from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from habitus_learner import registry
from habitus_server import adapters
from habitus_server.commands import status
from habitus_server.errors import ModelError, TrainingError, UserError
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, manifest

# Publishes like the learner, and is killed at the n-th time it touches the file system:
# audit events come before the system call, so each kill leaves what the calls before left.
_KILLED_PUBLISHER = """
import os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[5], sys.argv[6], sys.argv[7]]
import msgspec
from habitus_learner import registry
from habitus_server.workspaces import Workspace
from learner.made_rows import manifest
root, folder, source, left = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
def count(event, _arguments):
    global left
    if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.listdir", "os.scandir"):
        left -= 1
        if left == 0:
            os._exit(9)
workspace = Workspace("w", Path(root), Path(folder))
sys.addaudithook(count)
registry.publish(workspace, Path(source), manifest(parent="0001"))
os._exit(0)
"""


def published(workspace: Workspace, source: Path, weights: bytes, **fields: object) -> str:
    draft = draft_adapter(source, weights)
    return registry.publish(workspace, draft, manifest(**fields)).version


def test_a_published_adapter_is_whole_and_in_service(workspace: Workspace, tmp_path: Path) -> None:
    version = published(workspace, tmp_path / "draft", b"one")
    ref = adapters.current(workspace)
    assert ref is not None
    assert ref.version == version
    assert adapters.verify(Path(ref.path)).examples == {"pattern": 3}
    assert oct(Path(ref.path).stat().st_mode & 0o777) == "0o700"


def test_the_status_tells_what_the_adapter_in_service_was_trained_on(
    workspace: Workspace, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = {"pattern": 1200, "bug fix": 3, "decision": 0}
    published(workspace, tmp_path / "draft", b"one", examples=examples)
    status.run(Namespace(path=workspace.root, state_dir=state))
    assert "(1 kept), trained on 1,200 pattern, 3 bug fix\n" in capsys.readouterr().out


def test_versions_count_up(workspace: Workspace, tmp_path: Path) -> None:
    first = published(workspace, tmp_path / "a", b"one", created_at=1.0)
    second = published(workspace, tmp_path / "b", b"two", created_at=2.0, parent=first)
    assert (first[:4], second[:4]) == ("0001", "0002")
    assert [m.version for m in adapters.list_adapters(workspace)] == [first, second]


def test_a_kill_at_any_step_leaves_the_old_adapter_or_the_new_one_whole(
    workspace: Workspace, tmp_path: Path
) -> None:
    old = published(workspace, tmp_path / "old", b"old")
    source = draft_adapter(tmp_path / "new", b"new")
    paths = [entry for entry in sys.path if entry.endswith(("server", "learner", "tests"))]
    seen = set()
    for step in range(1, 60):
        arguments = [str(workspace.root), str(workspace.folder), str(source), str(step), *paths[:3]]
        status = subprocess.run(
            [sys.executable, "-c", _KILLED_PUBLISHER, *arguments], check=False
        ).returncode
        serving = adapters.current(workspace)
        assert serving is not None
        adapters.verify(Path(serving.path))
        seen.add(serving.version == old)
        if status == 0:
            break
        assert status == 9
        registry.point(workspace, old)
        if step % 2:
            # Every other kill is followed by a second try over what the first one left.
            registry.sweep(workspace)
            for folder in workspace.adapters.iterdir():
                if folder.name != old:
                    folder.rename(tmp_path / f"aside-{step}")
    assert status == 0
    assert step > 10
    assert seen == {True, False}


def test_a_draft_that_a_kill_left_is_never_an_adapter_and_is_swept(workspace: Workspace) -> None:
    draft = workspace.adapters / ".draft-0001-abc"
    draft_adapter(draft)
    assert adapters.list_adapters(workspace) == []
    registry.sweep(workspace)
    assert not draft.exists()


def test_publishing_the_same_weights_again_only_moves_the_pointer(
    workspace: Workspace, tmp_path: Path
) -> None:
    first = published(workspace, tmp_path / "a", b"one")
    registry.point(workspace, None)
    assert published(workspace, tmp_path / "a", b"one") == first
    assert len(adapters.list_adapters(workspace)) == 1


@pytest.mark.parametrize("name", [adapters.WEIGHTS, adapters.CONFIG, adapters.EXAMPLES])
def test_a_changed_file_is_refused(workspace: Workspace, tmp_path: Path, name: str) -> None:
    version = published(workspace, tmp_path / "a", b"one")
    (workspace.adapters / version / name).write_bytes(b"other")
    with pytest.raises(ModelError, match="damaged"):
        adapters.verify(workspace.adapters / version)


def test_an_adapter_of_other_base_weights_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    version = published(workspace, tmp_path / "a", b"one")
    with pytest.raises(ModelError, match="other base weights"):
        adapters.verify(workspace.adapters / version, base_sha256="1" * 64)


@pytest.mark.parametrize("pointer", ["../../etc", "0009-gone", "a/b", "\0"])
def test_a_pointer_to_nothing_is_said_and_not_followed(workspace: Workspace, pointer: str) -> None:
    workspace.current.write_text(pointer, encoding="utf-8")
    with pytest.raises(ModelError):
        adapters.current(workspace)


def test_rolling_back_serves_the_parent_again(workspace: Workspace, tmp_path: Path) -> None:
    first = published(workspace, tmp_path / "a", b"one", created_at=1.0)
    second = published(workspace, tmp_path / "b", b"two", created_at=2.0, parent=first)
    ref = registry.roll_back(workspace, reason="worse")
    assert ref is not None and ref.version == first
    assert adapters.current(workspace) == ref
    assert registry.withdrawn(workspace) == {second: "worse"}


def test_rolling_back_the_first_adapter_serves_base_weights(
    workspace: Workspace, tmp_path: Path
) -> None:
    published(workspace, tmp_path / "a", b"one")
    assert registry.roll_back(workspace, reason="worse") is None
    assert adapters.current(workspace) is None


def test_rolling_back_goes_past_a_damaged_parent(workspace: Workspace, tmp_path: Path) -> None:
    first = published(workspace, tmp_path / "a", b"one", created_at=1.0)
    second = published(workspace, tmp_path / "b", b"two", created_at=2.0, parent=first)
    published(workspace, tmp_path / "c", b"three", created_at=3.0, parent=second)
    (workspace.adapters / second / adapters.WEIGHTS).write_bytes(b"")
    ref = registry.roll_back(workspace, reason="worse")
    assert ref is not None and ref.version == first


def test_a_withdrawn_adapter_is_never_published_again(workspace: Workspace, tmp_path: Path) -> None:
    published(workspace, tmp_path / "a", b"one")
    registry.roll_back(workspace, reason="worse")
    with pytest.raises(TrainingError, match="rolled back"):
        published(workspace, tmp_path / "a", b"one")


def test_a_user_may_name_any_version_even_a_withdrawn_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    version = published(workspace, tmp_path / "a", b"one")
    registry.roll_back(workspace, reason="worse")
    ref = registry.roll_back(workspace, reason="by hand", to=version)
    assert ref is not None and ref.version == version
    assert registry.withdrawn(workspace) == {}


def test_rolling_back_base_weights_or_to_the_unknown_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="no adapter to roll back"):
        registry.roll_back(workspace, reason="")
    with pytest.raises(UserError, match="0007"):
        registry.roll_back(workspace, reason="", to="0007")
