"""Whether an editor gathers what is typed and sends it in lumps.

Eglot sends half a second after the last key, or before it asks for completions; other
clients wait alike, and a slow machine makes lumps of any typing. A lump looks like text
that was put there at once, such as a part of a suggestion. Promises to call typing possible
only where a document has shown the mark of it: a lump that ended inside a word, and went on
with the rest of that word. Takes no clock: times come in as values.
"""

from __future__ import annotations

import re

from habitus_server.edits import Edit
from habitus_server.text import Change
from habitus_server.verdicts import is_leap

KEY_S = 0.03
"""Nobody types faster for long."""

MOST_CHARS = 40
WORD_S = 2.0
"""The rest of a word follows within this time."""

_CUT_WORD = re.compile(r"[^\r\n]*\w\Z")


class Lumps:
    """One document's changes, looked at for lumps."""

    def __init__(self) -> None:
        self._gathers = False
        self._changed_at: float | None = None
        self._cut_at: int | None = None
        """Where the last lump ended inside what may be a word."""

    def took(self, change: Change, at: float) -> bool:
        """Take in one notification; whether its text may have been typed since the last."""
        passed_s = at - self._changed_at if self._changed_at is not None else WORD_S
        cut_at, self._cut_at, self._changed_at = self._cut_at, None, at
        if change.is_rewrite or len(change.edits) != 1:
            return False
        edit = change.edits[0]
        if edit.start == cut_at and re.match(r"\w", edit.text) and passed_s <= WORD_S:
            self._gathers = True
        if passed_s < KEY_S * len(edit.text):
            return False
        if _is_cut_lump(edit):
            self._cut_at = edit.start + len(edit.text)
        return self._gathers


def _is_cut_lump(edit: Edit) -> bool:
    is_insertion = edit.start == edit.end and len(edit.text) <= MOST_CHARS
    return is_insertion and is_leap(edit.text) and _CUT_WORD.match(edit.text) is not None
