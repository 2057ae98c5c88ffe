"""What a text must be to fit a column.

Promises that no field is longer than the store allows and that UTF-8 can hold it.
Knows no table.
"""

from __future__ import annotations

from typing import Any, overload

import msgspec

from habitus_server.utf8 import mended

MAX_FIELD_CHARS = 32_768


@overload
def storable(text: str, *, keep_end: bool = False) -> str: ...
@overload
def storable(text: str | None, *, keep_end: bool = False) -> str | None: ...
def storable(text: str | None, *, keep_end: bool = False) -> str | None:
    """A text that fits its field and that UTF-8 can hold."""
    if text is None:
        return None
    if len(text) > MAX_FIELD_CHARS:
        text = text[-MAX_FIELD_CHARS:] if keep_end else text[:MAX_FIELD_CHARS]
    return mended(text)


def as_json(value: Any) -> str:
    """A value as the JSON text of a column, never cut: half a JSON text is none."""
    return msgspec.json.encode(value).decode()
