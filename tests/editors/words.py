"""A second language server beside Habitus, as every editor has one: words and a formatter.

It offers the names of the open file, and its formatter puts one space around `=` and `+`.
Run it as a command; it speaks on stdin and stdout, or formats them with `--format`.
"""

from __future__ import annotations

import re
import sys

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("words", "1")
_NAME = re.compile(r"[^\W\d]\w{2,}")


@server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())
def complete(ls: LanguageServer, params: types.CompletionParams) -> list[types.CompletionItem]:
    """Every name in the file, once."""
    source = ls.workspace.get_text_document(params.text_document.uri).source
    names = sorted(set(_NAME.findall(source)))
    return [types.CompletionItem(name, kind=types.CompletionItemKind.Text) for name in names]


@server.feature(types.TEXT_DOCUMENT_FORMATTING)
def reformat(ls: LanguageServer, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    """The whole document at once, as many formatters answer."""
    document = ls.workspace.get_text_document(params.text_document.uri)
    everything = types.Range(types.Position(0, 0), types.Position(len(document.lines), 0))
    return [types.TextEdit(everything, formatted(document.source))]


def formatted(source: str) -> str:
    """One space around `=` and `+`, and double quotes."""
    return re.sub(r" *([=+]) *", r" \1 ", source).replace("'", '"')


if __name__ == "__main__":
    if "--format" in sys.argv:
        sys.stdout.write(formatted(sys.stdin.read()))
    else:
        server.start_io()
