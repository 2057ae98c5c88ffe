"""Releases as history: archives in, the same repository out, everywhere."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from habitus_learner.commands.demo import PINS
from habitus_learner.history import list_commits, read_changes
from habitus_learner.replay.releases import (
    build_repository,
    fetch_archives,
    read_pins,
    read_release,
)
from habitus_server.errors import UserError


def write_archive(folder: Path, version: str, files: dict[str, str], time: int) -> Path:
    path = folder / f"some-package-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"some-package-{version}/{name}")
            info.size, info.mtime = len(text.encode()), time
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_an_archive_gives_its_python_files_without_the_top_folder(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "1.0", {"pkg/a.py": "x = 1\n", "README.md": "hi"}, 1_000)
    release = read_release(path, "1.0")
    assert release.files == {"pkg/a.py": b"x = 1\n"}
    assert release.time == 1_000.0


def test_a_wheel_will_do(tmp_path: Path) -> None:
    path = tmp_path / "some_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pkg/a.py", "x = 1\n")
        wheel.writestr("some_package-1.0.dist-info/METADATA", "Name: some-package\n")
    assert read_release(path, "1.0").files == {"pkg/a.py": b"x = 1\n"}


def test_releases_become_commits_in_order(tmp_path: Path) -> None:
    archives = [
        write_archive(tmp_path, "1.0", {"a.py": "x = 1\n"}, 1_000),
        write_archive(tmp_path, "1.1", {"a.py": "x = 1\ny = 2\n"}, 900),
    ]
    releases = [read_release(p, v) for p, v in zip(archives, ("1.0", "1.1"), strict=True)]
    repository = build_repository("some-package", releases, tmp_path / "repo")
    commits = list_commits(repository)
    assert [c.message for c in commits] == ["some-package 1.0", "some-package 1.1"]
    assert commits[0].time < commits[1].time
    (change,) = read_changes(repository, commits[1].id)
    assert change.new == "x = 1\ny = 2\n"


def test_the_same_archives_give_the_same_commit_ids(tmp_path: Path) -> None:
    release = read_release(write_archive(tmp_path, "1.0", {"a.py": "x\n"}, 1_000), "1.0")
    first, second = (
        build_repository("some-package", [release], tmp_path / name) for name in ("one", "two")
    )
    assert first.head.target == second.head.target


def test_an_archive_at_hand_is_not_fetched_again(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "1.0", {"a.py": "x\n"}, 1_000)
    pins = {"1.0": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert fetch_archives("some-package", ["1.0"], tmp_path, sha256=pins) == [path]


def test_a_version_is_not_mistaken_for_a_longer_one(tmp_path: Path) -> None:
    longer = write_archive(tmp_path, "1.0.1", {"a.py": "x\n"}, 1_000)
    exact = write_archive(tmp_path, "1.0", {"a.py": "x\n"}, 1_000)
    assert fetch_archives("some-package", ["1.0"], tmp_path) == [exact]
    assert fetch_archives("some-package", ["1.0.1"], tmp_path) == [longer]


def test_an_archive_other_than_the_pinned_one_is_refused_and_removed(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "1.0", {"a.py": "x\n"}, 1_000)
    with pytest.raises(UserError, match="not the one that was pinned"):
        fetch_archives("some-package", ["1.0"], tmp_path, sha256={"1.0": "0" * 64})
    assert not path.exists()


def test_the_demo_pins_enough_releases_each_with_a_checksum() -> None:
    pins = read_pins(PINS)
    assert len(pins.releases) >= 20
    assert all(len(digest) == 64 for digest in pins.releases.values())
