"""Texts that UTF-8 cannot hold: half a surrogate pair, or a file's name in other bytes.

Promises that lengths stay when such a text is mended.
"""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Whether a text can be stored and sent as it is."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def mended(text: str) -> str:
    """The text with a question mark for each character that UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
