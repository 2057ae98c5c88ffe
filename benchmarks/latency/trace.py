"""What an editor asks while somebody makes real edits, the same at every run.

Successive releases of a package stand for what was written: in the files that a release
changed, hunk after hunk is typed over the older text. A request comes where a line
begins and then every few characters, as typing pauses; now and then the rest of a line
comes at once, as after an accept. The archives are those of `habitus demo`, pinned.
Knows no model.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import msgspec
from benchmarks.figures import OUTPUT, SEED

from habitus_learner.commands.demo import PINS
from habitus_learner.replay.releases import fetch_archives, read_pins, read_release
from habitus_server.context import Gatherer, View
from habitus_server.engine.wire import Place
from habitus_server.repository import Hunk, find_hunks

RELEASES = 4
"""The newest so many releases: the oldest of them is there when the work begins."""

FEWEST_LINES = 200
MOST_LINES = 5_000
REQUESTS_A_FILE = 45
"""Then the developer goes on to the next file, so that files of all lengths take part."""

ACCEPTED = 0.2
LONGEST_BURST = 2
_INDENT = " \t"


class Ask(msgspec.Struct, frozen=True):
    """The editor wants text at a place."""

    place: Place


class Settled(msgspec.Struct, frozen=True):
    """A file has come to rest with this text."""

    path: str
    text: str


Event = Ask | Settled


def read_files() -> list[dict[str, str]]:
    """The Python files of each release by path, oldest release first."""
    pins = read_pins(PINS)
    versions = list(pins.releases)[-RELEASES:]
    archives = fetch_archives(
        pins.package, versions, OUTPUT / "archives" / pins.package, sha256=pins.releases
    )
    return [
        {
            path: data.decode(errors="replace").replace("\r\n", "\n")
            for path, data in read_release(archive, version).files.items()
        }
        for archive, version in zip(archives, versions, strict=True)
    ]


def walk(releases: list[dict[str, str]]) -> Iterator[Event]:
    """The events of all edits, in order."""
    chance = random.Random(SEED)
    now = dict(releases[0])
    for release in releases[1:]:
        for path in sorted(release):
            older, newer = now.get(path, ""), release[path]
            if older != newer and FEWEST_LINES <= older.count("\n") <= MOST_LINES:
                yield from _edits(now, path, newer, chance)
            now[path] = newer
            yield Settled(path, newer)


def _edits(
    files: Mapping[str, str], path: str, newer: str, chance: random.Random
) -> Iterator[Event]:
    """One file's hunks, typed top to bottom into its older text."""
    older = files[path].splitlines(keepends=True)
    lines = newer.splitlines(keepends=True)
    gatherer = Gatherer(files.get)
    asked = 0
    for hunk in find_hunks(files[path], newer):
        above = "".join(lines[: hunk.new_start])
        below = "".join(older[hunk.old_end :])
        for place in _typed(lines, hunk, chance):
            view = View(path, "python", above + place, "\n" + below)
            chunks = gatherer.gather(view)
            yield Ask(Place("w", path, "python", view.prefix, view.suffix, chunks))
            asked += 1
        yield Settled(path, above + "".join(lines[hunk.new_start : hunk.new_end]) + below)
        if asked >= REQUESTS_A_FILE:
            return


def _typed(lines: list[str], hunk: Hunk, chance: random.Random) -> Iterator[str]:
    """What stands of a hunk each time that an editor asks."""
    done = ""
    for line in lines[hunk.new_start : hunk.new_end]:
        text = line.rstrip("\n")
        at = len(text) - len(text.lstrip(_INDENT))
        is_accepted = chance.random() < ACCEPTED
        while at < len(text):
            yield done + text[:at]
            at = len(text) if is_accepted else at + chance.randint(1, LONGEST_BURST)
        done += line
