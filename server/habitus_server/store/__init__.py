"""The durable signals of one workspace.

Promises that a write's future resolves once its row is on disk, that reads see every
resolved write, and that the learner's process can use the same file at the same time.
SQL stops in this package. Callers make ids and redact texts; the store cuts fields that
are too long and replaces what UTF-8 cannot hold.
"""

from __future__ import annotations

from habitus_server.store.browsing import Browsing
from habitus_server.store.compaction import Compacted, Compaction
from habitus_server.store.cycles import Cycles
from habitus_server.store.decisions import Decisions
from habitus_server.store.facts import Facts
from habitus_server.store.fields import MAX_FIELD_CHARS
from habitus_server.store.fixes import Fixes
from habitus_server.store.forgetting import FORGETTINGS, Erasure, Forgetting, RowId, Stored
from habitus_server.store.landings import Landings
from habitus_server.store.patterns import Patterns
from habitus_server.store.reactions import Reactions
from habitus_server.store.rejections import Rejections
from habitus_server.store.silences import Silences
from habitus_server.store.suggestions import Event, Suggestions
from habitus_server.store.tallies import Tallies
from habitus_server.store.tasks import Tasks

__all__ = [
    "FORGETTINGS",
    "MAX_FIELD_CHARS",
    "Compacted",
    "Erasure",
    "Event",
    "RowId",
    "Store",
    "Stored",
]


class Store(
    Suggestions,
    Landings,
    Patterns,
    Fixes,
    Decisions,
    Tasks,
    Rejections,
    Reactions,
    Silences,
    Cycles,
    Facts,
    Tallies,
    Forgetting,
    Browsing,
    Compaction,
):
    """One workspace's database; open it once per process.

    The future of a write resolves after its commit, or with `StoreError`. Reads may be
    called from any thread.
    """
