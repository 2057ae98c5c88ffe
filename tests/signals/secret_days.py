"""A developer who writes secrets into files, and is offered them again."""

from __future__ import annotations

from habitus_server.session import Opened
from planted_secrets import Planted
from signals.one_root import OneRoot

STEPS = 6


async def live_with(window: OneRoot, one: Planted, turn: int) -> None:
    """One day with one planted file, each turn another way of getting the secret into it."""
    path = window.folder / one.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(one.text, encoding="utf-8")
    uri = path.as_uri()
    at = one.text.index(one.secret)
    before, after = one.text[:at], one.text[at + len(one.secret) :]
    window.take(Opened(uri, "python", 1, before + after))
    if turn % 3 == 0:  # offered whole, accepted and reported
        name = window.offer(uri, one.secret, at)
        window.insert(uri, at, one.secret)
        await window.root.notes.accept(name)
    elif turn % 3 == 1:  # turned down first, then typed in steps with offers on the way
        await window.root.notes.dismiss(window.offer(uri, one.secret, at))
        size = len(one.secret) // STEPS + 1
        for start in range(0, len(one.secret), size):
            window.offer(uri, one.secret[start:], at + start)
            window.insert(uri, at + start, one.secret[start : start + size])
    else:  # begun by hand, the rest accepted without a word
        half = len(one.secret) // 2
        window.insert(uri, at, one.secret[:half])
        window.offer(uri, one.secret[half:], at + half)
        window.insert(uri, at + half, one.secret[half:])
    window.insert(uri, len(window.text(uri)), "\ndone = total_of(everything)\n")
    window.offer(uri, "checked = done + 1\n")
    await window.end_of_day(uri)
