"""What a package says about its licence.

Promises: a short SPDX-like name for a permissive licence, or None when the metadata is silent,
unclear or names any copyleft licence beside it.
Does not know: whether the metadata tells the truth, or the licence of a single file.
"""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser

_COPYLEFT = (
    "gpl", "general public", "mpl", "mozilla", "eupl", "cecill", "epl", "eclipse", "cddl",
    "creative commons", "cc-by", "cc by", "proprietary", "commercial", "sspl", "bsl", "busl",
    "business source", "osl-", "artistic", "elastic", "zpl", "zope", "polyform", "commons clause",
)  # fmt: skip
_PERMISSIVE = (
    ("apache", "Apache-2.0"),
    ("mit-0", "MIT-0"),
    ("mit no attribution", "MIT-0"),
    ("bsd-2", "BSD-2-Clause"),
    ("2-clause", "BSD-2-Clause"),
    ("0bsd", "0BSD"),
    ("bsd", "BSD-3-Clause"),
    ("isc", "ISC"),
    ("hpnd", "HPND"),
    ("historical permission", "HPND"),
    ("unlicense", "Unlicense"),
    ("public domain", "Public-Domain"),
    ("python software foundation", "PSF-2.0"),
    ("psf", "PSF-2.0"),
    ("python-2.0", "PSF-2.0"),
    ("zlib", "Zlib"),
    ("boost", "BSL-1.0"),
    ("mit", "MIT"),
)
ALLOWED = frozenset(name for _, name in _PERMISSIVE)


def read_licence(metadata: str) -> str | None:
    """The permissive licence that a wheel's METADATA text names, or None."""
    headers: Message = HeaderParser().parsestr(metadata)
    claims = [
        value.split("::")[-1]
        for value in headers.get_all("Classifier", [])
        if value.startswith("License ::") and value.strip() != "License :: OSI Approved"
    ]
    expression = headers.get("License-Expression")
    if expression:
        claims.append(expression)
    field = (headers.get("License") or "").strip()
    if field:
        claims.append(field[:120] if "\n" not in field else field.splitlines()[0][:120])
    if not claims or any(word in claim.lower() for claim in claims for word in _COPYLEFT):
        return None
    # The most exact statement wins: an SPDX expression, then a classifier, then free text.
    for claim in ([expression] if expression else []) + claims:
        for word, name in _PERMISSIVE:
            if word in claim.lower():
                return name
    return None


def mentions_copyleft(source: str) -> bool:
    """True when a file's own head claims a copyleft licence, whatever its package says."""
    head = source[:3000].lower()
    return any(
        words in head
        for words in ("general public license", "gplv", "gnu gpl", "lgpl", "mozilla public",
                      "creative commons", "all rights reserved. proprietary")
    )  # fmt: skip
