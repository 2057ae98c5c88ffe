"""The held-out places by which an adapter was judged, kept beside it for people to look at.

Promises no more than `MAX_TOLD` places with their texts, cut short and redacted, and of
the others numbers alone; that forgetting takes out whatever it touches; and that the
file goes when its adapter's weights do. It is for reading: nothing is decided by it, and
the manifest's checksums leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from habitus_learner.examples import Example
from habitus_learner.gate import Compared
from habitus_learner.places import Item
from habitus_server.redaction import redact, redact_after
from habitus_server.workspaces import Workspace, write_atomically

FILE = "judged.jsonl"

MAX_TOLD = 40
LEAD_LINES = 3
"""Of what stood before a place, its own line included."""
MAX_CHARS = 320
"""Of each text."""


class Judged(msgspec.Struct, frozen=True):
    """One place, before the adapter and with it; bits are those of the whole text.

    `episode` tells which places judged together. `lead` is what stood before it, `written` what
    the developer wrote there, `before` and `after` what each arm completed; all four are "" where
    only numbers are kept.
    """

    path: str
    language: str
    row_ids: tuple[str, ...]
    at: float
    chars: int
    bits_before: float
    bits_after: float
    exact_before: bool
    exact_after: bool
    lead: str = ""
    written: str = ""
    before: str = ""
    after: str = ""
    episode: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything in it that was somebody's text."""
        return self.lead, self.written, self.before, self.after


def describe(
    held_out: Sequence[Example], items: Sequence[Item], compared: Sequence[Compared]
) -> list[Judged]:
    """Every compared place; those keep their texts where the adapter mattered most."""
    examples = {example.id: example for example in held_out}
    places = {item.id: item for item in items}
    ranked = sorted(compared, key=_difference, reverse=True)
    told = {one.id for one in ranked[:MAX_TOLD]}
    return [
        _judged(examples[one.id.rpartition("#")[0]], places[one.id], one, one.id in told)
        for one in compared
    ]


def leave(folder: Path, places: Sequence[Judged]) -> None:
    """Write the places into an adapter's folder."""
    write_atomically(folder / FILE, msgspec.json.Encoder().encode_lines(places))


def read(folder: Path) -> list[Judged]:
    """An adapter's places; none where it has none, or none that can be read."""
    try:
        return msgspec.json.Decoder(Judged).decode_lines((folder / FILE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return []


def forget(workspace: Workspace, is_forgotten: Callable[[Judged], bool]) -> None:
    """Take places out of every adapter's file; for the holder of the publish lock."""
    for path in sorted(workspace.adapters.glob(f"*/{FILE}")):
        places = read(path.parent)
        kept = [one for one in places if not is_forgotten(one)]
        if not kept:
            # Also one that cannot be read: nobody can say what it holds.
            path.unlink()
        elif len(kept) < len(places):
            leave(path.parent, kept)


def _difference(one: Compared) -> tuple[bool, float]:
    return (
        one.incumbent.exact is not one.candidate.exact,
        abs(one.incumbent.bits - one.candidate.bits),
    )


def _judged(example: Example, item: Item, one: Compared, is_told: bool) -> Judged:
    place = Judged(
        path=item.path,
        language=item.language,
        row_ids=example.row_ids,
        at=example.at,
        chars=one.chars,
        bits_before=one.incumbent.bits,
        bits_after=one.candidate.bits,
        exact_before=one.incumbent.exact,
        exact_after=one.candidate.exact,
        episode=one.cluster,
    )
    if not is_told:
        return place
    prefix = item.cut.prefix
    lead = "\n".join(prefix.split("\n")[-LEAD_LINES:])[-MAX_CHARS:]
    return msgspec.structs.replace(
        place,
        lead=redact(lead),
        written=redact_after(prefix, item.cut.target)[:MAX_CHARS],
        before=redact_after(prefix, one.incumbent.text)[:MAX_CHARS],
        after=redact_after(prefix, one.candidate.text)[:MAX_CHARS],
    )
