"""What the rules said a moment ago."""

from __future__ import annotations

from habitus_server.permits import KEPT, KNOWN_S, Permits


class Folder:
    """Rules that may change, a clock, and how often the rules were looked at."""

    def __init__(self) -> None:
        self.reason = ""
        self.now = 100.0
        self.looks = 0
        self.permits = Permits(self._why, lambda: self.now)

    def _why(self, _path: str, _language: str) -> str:
        self.looks += 1
        return self.reason

    def known(self, path: str = "a.py") -> str | None:
        return self.permits.known(path, "python")

    def look(self, path: str = "a.py") -> str:
        return self.permits.look(path, "python")


def test_what_was_never_looked_at_is_not_known() -> None:
    folder = Folder()
    folder.look("b.py")
    assert folder.known() is None


def test_a_verdict_is_known_for_a_moment_only() -> None:
    folder = Folder()
    folder.look()
    folder.reason = "a.py is ignored."
    folder.now += KNOWN_S
    assert folder.known() == ""
    folder.now += 0.01
    assert folder.known() is None
    assert folder.look() == folder.known() == "a.py is ignored."


def test_what_is_asked_for_at_every_key_stays_known_and_follows_the_rules() -> None:
    folder = Folder()
    folder.look()
    seen = []
    for key in range(20):
        folder.now += 0.15
        folder.reason = "a.py is ignored." if key >= 10 else ""
        seen.append(folder.known())
        folder.permits.renew()
    assert None not in seen
    assert seen[10] == ""
    assert seen[14:] == ["a.py is ignored."] * 6


def test_what_nobody_asks_for_is_not_looked_at_again() -> None:
    folder = Folder()
    folder.look()
    folder.now += 2 * KNOWN_S
    folder.permits.renew()
    assert folder.looks == 1


def test_verdicts_are_bounded() -> None:
    folder = Folder()
    for number in range(KEPT + 1):
        folder.look(f"{number}.py")
    assert folder.known("0.py") is None
    assert folder.known("1.py") == ""
