"""Everything before training: corpus, tokenizer, rows.

Promises: steps whose result is there are not repeated; the finished corpus is checked against
the reserved packages by a fresh reading, and nothing is made of a corpus that fails.
Does not know: models or optimisers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from habitus_learner.pretrain.corpus import (
    LIBRARY_BYTES,
    Collector,
    Document,
    library_sources,
    read_documents,
    wheel_sources,
    write_documents,
)
from habitus_learner.pretrain.fetch import HERE, fetch, find_wheels, read_pins, read_requirements
from habitus_learner.pretrain.places import Places
from habitus_learner.pretrain.presets import Preset
from habitus_learner.pretrain.reservation import Reservation, read_reserved
from habitus_learner.pretrain.rows import all_rows
from habitus_learner.pretrain.shards import is_finished, write_shards
from habitus_learner.pretrain.tokenizer import load_tokenizer, train_tokenizer

Log = Callable[[str], None]
TOKENIZER_CHARACTERS = 24_000_000


def prepare(places: Places, preset: Preset, seed: int, log: Log) -> None:
    """Bring `places` to the point where training can start."""
    places.folder.mkdir(parents=True, exist_ok=True)
    if not (places.corpus.exists() and places.held_out.exists()):
        build_corpus(places, preset, log)
    if not places.tokenizer.exists():
        tokenizer = train_tokenizer(_sample(places, seed), preset.shape.vocabulary)
        tokenizer.save(str(places.tokenizer))
        log(f"tokenizer of {preset.shape.vocabulary} entries")
    tokenizer = load_tokenizer(places.tokenizer)
    for documents, rows in ((places.held_out, places.held_rows), (places.corpus, places.rows)):
        if not is_finished(rows):
            tokens = write_shards(rows, all_rows(read_documents(documents), tokenizer, seed))
            log(f"{rows.name}: {tokens} tokens")


def build_corpus(places: Places, preset: Preset, log: Log) -> None:
    """Fetch, filter, deduplicate, and check."""
    reservation = fetch_reservation(places, log)
    fetch((f"{pin.name}=={pin.version}" for pin in read_pins()), places.folder / "wheels", log)
    collector = Collector(reservation)
    for path, is_held_out in ((places.held_out, True), (places.corpus, False)):
        # Held-out packages come first, so that copies of their files count as copies.
        partial = path.with_suffix(".unchecked")
        count = write_documents(partial, _documents(places, preset, collector, is_held_out))
        reservation.check((d.package, d.path, d.text) for d in read_documents(partial))
        partial.replace(path)
        log(f"{path.name}: {count} files; left out so far: {collector.dropped}")


def fetch_reservation(places: Places, log: Log) -> Reservation:
    """The reserved packages, newest and older releases, fetched to be recognised."""
    names = read_reserved()
    older = read_requirements(HERE / "reserved_older.txt")
    wheels = fetch(sorted(names), places.folder / "reserved", log)
    wheels = fetch(older, places.folder / "reserved", log)
    return Reservation(names, wheels)


def _documents(
    places: Places, preset: Preset, collector: Collector, is_held_out: bool
) -> Iterator[Document]:
    if not is_held_out:
        yield from collector.collect("python-stdlib", library_sources(), LIBRARY_BYTES)
    wheels = find_wheels(places.folder / "wheels")
    for pin in read_pins():
        if pin.is_held_out == is_held_out:
            sources = wheel_sources(wheels[pin.name, pin.version])
            yield from collector.collect(pin.name, sources, preset.package_bytes)


def _sample(places: Places, seed: int) -> Iterator[str]:
    documents = list(read_documents(places.corpus))
    random.Random(seed).shuffle(documents)
    characters = 0
    for document in documents:
        yield document.text
        characters += len(document.text)
        if characters > TOKENIZER_CHARACTERS:
            return
