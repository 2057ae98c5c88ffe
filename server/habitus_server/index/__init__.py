"""The workspace's pieces of code, found by their words and by what they define.

`pieces` cuts texts, `words` says what a piece is found by, `shelf` keeps them, `finder` finds.
SQL stops here, as it stops at the store: the two rooms share no connection and no file.
"""

from habitus_server.index.finder import Finder, Found
from habitus_server.index.pieces import Piece, cut
from habitus_server.index.shelf import Shelf, Stamp
from habitus_server.index.words import words_of

__all__ = ["Finder", "Found", "Piece", "Shelf", "Stamp", "cut", "words_of"]
