"""From pinned wheels to a clean, deduplicated corpus of Python files.

Promises: only permissively licensed, hand-written looking code; each file once; whole packages
kept apart for evaluation; the same pins give the same corpus.
Does not know: reserved names and their copies (`reservation.py` filters and checks), tokens.
"""

from __future__ import annotations

import gzip
import hashlib
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from habitus_learner.carried import BUNDLES, GENERATED
from habitus_learner.pretrain.licences import mentions_copyleft
from habitus_learner.pretrain.reservation import Reservation
from habitus_learner.pretrain.shingles import shared_part, shingles

LIBRARY_BYTES = 6_000_000
"""The most source taken from the standard library."""
_BUNDLES = BUNDLES | frozenset(
    (
        *("external", "libs", "lib2to3", "idlelib", "turtledemo", "templates_data", "typeshed"),
        *("locale", "locales", "lang", "migrations", "pb2"),
    )
)


class Document(msgspec.Struct, frozen=True):
    """One source file of the corpus; `path` is relative, with forward slashes."""

    package: str
    path: str
    text: str


def wheel_sources(wheel: Path) -> Iterator[tuple[str, str]]:
    """The (path, text) pairs of a wheel's Python files, in a fixed pseudo-random order."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        for name in sorted(names, key=_shuffled):
            try:
                yield name, archive.read(name).decode("utf-8")
            except (UnicodeDecodeError, zipfile.BadZipFile):
                continue


def library_sources() -> Iterator[tuple[str, str]]:
    """The standard library's own files."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = [p for p in root.rglob("*.py") if "site-packages" not in p.parts]
    for path in sorted(paths, key=lambda p: _shuffled(p.relative_to(root).as_posix())):
        try:
            yield path.relative_to(root).as_posix(), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def _shuffled(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def looks_written(path: str, text: str) -> bool:
    """True for a file of sane size and lines that no program seems to have written."""
    parts = path.split("/")
    if _BUNDLES.intersection(part.lower() for part in parts) or parts[-1].endswith("_pb2.py"):
        return False
    if not 250 <= len(text) <= 150_000 or GENERATED.search(text[:1500]):
        return False
    if mentions_copyleft(text) or "\r" in text or "\x00" in text or "<|" in text:
        return False
    lines = text.splitlines()
    longest, mean = max(map(len, lines)), len(text) / len(lines)
    if longest > 240 or mean > 70 or len(lines) < 8:
        return False
    digits = sum(map(str.isdigit, text))
    plain = sum(character.isascii() for character in text)
    return digits < 0.08 * len(text) and plain > 0.97 * len(text)


class Collector:
    """Gathers documents, each once: exact and near copies of an earlier one are dropped."""

    def __init__(self, reservation: Reservation) -> None:
        self.reservation = reservation
        self.seen: set[int] = set()
        self.dropped: dict[str, int] = {"unsuitable": 0, "reserved": 0, "copy": 0}

    def collect(
        self, package: str, sources: Iterable[tuple[str, str]], most_bytes: int
    ) -> Iterator[Document]:
        """The documents of one package, up to `most_bytes` of source."""
        taken = 0
        for path, text in sources:
            if not looks_written(path, text):
                self.dropped["unsuitable"] += 1
                continue
            own = shingles(text)
            if self.reservation.objection(package, path, own):
                self.dropped["reserved"] += 1
                continue
            count, share = shared_part(own, self.seen)
            if share > 0.4 or (not own and count == 0 and len(text) < 400):
                self.dropped["copy"] += 1
                continue
            self.seen.update(own)
            yield Document(package, path, text)
            taken += len(text)
            if taken >= most_bytes:
                return


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """Write gzipped JSON lines atomically; returns how many."""
    count = 0
    encoder = msgspec.json.Encoder()
    partial = path.with_suffix(".part")
    with gzip.GzipFile(partial, "wb", compresslevel=4, mtime=0) as stream:
        for document in documents:
            stream.write(encoder.encode(document) + b"\n")
            count += 1
    partial.replace(path)
    return count


def read_documents(path: Path) -> Iterator[Document]:
    """The documents that `write_documents` wrote, in order."""
    decoder = msgspec.json.Decoder(Document)
    with gzip.open(path, "rb") as stream:
        for line in stream:
            yield decoder.decode(line)
