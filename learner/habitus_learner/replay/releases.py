"""Successive releases of a package, as the history of a git repository.

Promises one commit per release, oldest first, with the release's Python files as its
tree, dated by the newest file of its archive. The source archives come through pip, so
from wherever pip is set up to find them; a pinned list also pins their contents. The
same archives give the same commit ids, and so the same replay, everywhere.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pygit2

from habitus_server.errors import UserError

Report = Callable[[int, int], None]

DOWNLOADS_AT_ONCE = 4
MAX_SOURCE_BYTES = 1_000_000


class Pins(msgspec.Struct, frozen=True):
    """A package and its releases, oldest first, each with its archive's SHA-256."""

    package: str
    releases: dict[str, str]


class Release(msgspec.Struct, frozen=True):
    """One release's Python files by path, and when it was made."""

    version: str
    time: float
    files: dict[str, bytes]


def read_pins(path: Path) -> Pins:
    """Read a pinned list (JSON)."""
    return msgspec.json.decode(path.read_bytes(), type=Pins)


def fetch_archives(
    package: str,
    versions: Sequence[str],
    folder: Path,
    *,
    sha256: Mapping[str, str] | None = None,
    report: Report = lambda done, total: None,
) -> list[Path]:
    """The source archives of these versions in `folder`, fetching those not yet there.

    Raises `UserError` when pip cannot get one, or one is not what its pin says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    paths: list[Path] = []
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for version, path in zip(
            versions, pool.map(lambda v: _fetch(package, v, folder), versions), strict=True
        ):
            expected = (sha256 or {}).get(version)
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
            if expected is not None and actual != expected:
                path.unlink()
                raise UserError(
                    f"The archive of {package} {version} that pip found is not the one that was "
                    f"pinned (SHA-256 {actual}). Check which package index pip is set up for."
                )
            paths.append(path)
            done += 1
            report(done, len(versions))
    return paths


def read_release(archive: Path, version: str) -> Release:
    """The Python files of a source archive (or wheel), without its top folder."""
    files: dict[str, bytes] = {}
    newest = 0.0
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if info.filename.endswith(".py") and info.file_size <= MAX_SOURCE_BYTES:
                    files[info.filename] = wheel.read(info)
                    newest = max(newest, _zip_time(info))
        return Release(version, newest, files)
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, name = member.name.partition("/")
            if member.isfile() and name.endswith(".py") and member.size <= MAX_SOURCE_BYTES:
                reader = tar.extractfile(member)
                if reader is not None:
                    files[name] = reader.read()
                    newest = max(newest, float(member.mtime))
    return Release(version, newest, files)


def build_repository(package: str, releases: Sequence[Release], folder: Path) -> pygit2.Repository:
    """Commit the releases one after the other into a new repository in `folder`."""
    repository = pygit2.init_repository(str(folder), bare=True, initial_head="main")
    parents: list[pygit2.Oid] = []
    time = 0
    for release in releases:
        index = pygit2.Index()
        for name, data in sorted(release.files.items()):
            blob = repository.create_blob(data)
            index.add(pygit2.IndexEntry(name, blob, pygit2.enums.FileMode.BLOB))
        # Archives made on different machines can disagree by minutes about the order.
        time = max(int(release.time), time + 1)
        signature = pygit2.Signature(package, "releases@localhost", time, 0)
        commit = repository.create_commit(
            "refs/heads/main",
            signature,
            signature,
            f"{package} {release.version}",
            index.write_tree(repository),
            parents,
        )
        parents = [commit]
    return repository


def _fetch(package: str, version: str, folder: Path) -> Path:
    found = _find(package, version, folder)
    if found is not None:
        return found
    problems: list[str] = []
    for options in _WAYS:
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            command = [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--disable-pip-version-check", "--dest", draft, *options),
                f"{package}=={version}",
            ]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            fetched = [p for p in Path(draft).iterdir() if p.name.endswith(_ARCHIVES)]
            if result.returncode == 0 and fetched:
                return fetched[0].replace(folder / fetched[0].name)
            problems.append(result.stderr.strip())
    reason = (problems[0].splitlines() or ["it gave no reason"])[-1]
    raise UserError(
        f"pip could not fetch {package} {version}: {reason} "
        "Check its network and index, or replay a repository of your own with --repo."
    )


_ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".whl")

# pip asks a source archive for its metadata before it hands it over. With the build
# backends that are already installed this takes a second; in an isolated build
# environment, ten. A wheel has no tests, but is better than no history at all.
_WAYS: tuple[tuple[str, ...], ...] = (
    ("--no-binary=:all:", "--no-build-isolation"),
    ("--no-binary=:all:",),
    ("--only-binary=:all:",),
)


def _find(package: str, version: str, folder: Path) -> Path | None:
    stem = package.replace("-", "_").lower()
    for path in folder.iterdir():
        name = path.name.replace("-", "_").lower()
        if name.startswith(f"{stem}_{version}".replace("-", "_")) and path.name.endswith(_ARCHIVES):
            rest = name[len(f"{stem}_{version}") :]
            if rest.startswith((".tar", ".zip", "_py")):
                return path
    return None


def _zip_time(info: zipfile.ZipInfo) -> float:
    from calendar import timegm

    return float(timegm((*info.date_time, 0, 0, 0)))
