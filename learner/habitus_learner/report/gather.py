"""Reads a workspace's store and adapters for a report.

Promises facts only: nothing about files that the workspace's rules refuse by now, and of
what was forgotten no more than that and when. Numbers are those of the rooms that own
them; changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from habitus_learner import gate, judged, registry
from habitus_learner.cycle import all_examples, new_examples
from habitus_learner.examples import Example
from habitus_learner.report import reception, words
from habitus_learner.report.facts import Gate, Needs, Report, Verdict, Version
from habitus_learner.report.lessons import describe
from habitus_learner.statistics import Interval
from habitus_server import adapters
from habitus_server.config import Config
from habitus_server.privacy import Rules
from habitus_server.records import Cycle, CycleState, Rejection, SuggestionRow
from habitus_server.store import Erasure, Store
from habitus_server.workspaces import Workspace

MAX_CYCLES = 1_000
MAX_REFUSED = 8

Allows = Callable[[str, str], bool]


def gather(workspace: Workspace, store: Store | None, config: Config, now: float) -> Report:
    """Everything that is known of a workspace; `store` is None where there is none yet."""
    allows = Rules(workspace.root, config.privacy).allows
    rows = reception.shown(store.suggestions()) if store else []
    cycles = store.cycles(MAX_CYCLES)[::-1] if store else []
    erasures = store.erasures() if store else []
    examples = _allowed(all_examples(store), allows) if store else []
    rejections = store.rejections() if store else []
    refused = [one for one in rejections if allows(one.path, one.language)]
    serving = registry.serving(workspace)
    learning = config.learning
    return Report(
        name=workspace.root.name,
        made_at=now,
        since=_since(rows, examples),
        overall=reception.live(rows, serving),
        by_adapter=tuple(reception.by_adapter(rows)),
        days=tuple(reception.by_day(rows, words.day_key)),
        serving=serving,
        versions=tuple(_versions(workspace, cycles, erasures, serving, allows)),
        verdicts=tuple(_verdict(cycle) for cycle in cycles if cycle.finished_at is not None),
        lessons=describe(examples, len(new_examples(store)) if store else 0),
        refused=tuple(_most_refused(refused)),
        refused_count=len(refused),
        erasures=tuple(erasures),
        needs=Needs(
            learning.min_examples, learning.max_wait_hours, gate.MIN_ITEMS, gate.MIN_CLUSTERS
        ),
    )


def _allowed(examples: Iterable[Example], allows: Allows) -> list[Example]:
    known: dict[tuple[str, str], bool] = {}
    for example in examples:
        key = example.path, example.language
        if key not in known:
            known[key] = allows(*key)
    return [example for example in examples if known[example.path, example.language]]


def _since(rows: Sequence[SuggestionRow], examples: Sequence[Example]) -> float | None:
    times = [row.suggestion.offered_at for row in rows[:1]]
    # Git history and decisions may be older than the first day that was watched.
    times += [e.at for e in examples if any(r.startswith("pattern:") for r in e.row_ids)]
    return min(times, default=None)


def _most_refused(refused: Sequence[Rejection]) -> list[Rejection]:
    ranked = sorted(refused, key=lambda one: (-one.times, -one.rejected_at))
    return ranked[:MAX_REFUSED]


def _versions(
    workspace: Workspace,
    cycles: Sequence[Cycle],
    erasures: Sequence[Erasure],
    serving: str | None,
    allows: Allows,
) -> list[Version]:
    """Every version that a cycle published or that lies on disk, oldest first."""
    manifests = {one.version: one for one in adapters.list_adapters(workspace)}
    withdrawn = registry.withdrawn(workspace)
    forgotten = {name for erasure in erasures for name in erasure.adapters}
    published = {
        cycle.adapter: cycle
        for cycle in cycles
        if cycle.adapter is not None and cycle.state is CycleState.PUBLISHED
    }
    found = []
    for name in {**published, **manifests}:
        manifest, cycle = manifests.get(name), published.get(name)
        places = judged.read(workspace.adapters / name) if manifest else []
        fate = "made room"
        if name == serving:
            fate = "serving"
        elif name in forgotten:
            fate = "forgotten"
        elif name in withdrawn:
            fate = "taken back"
        elif manifest is not None:
            fate = "kept"
        figures = manifest.figures if manifest else cycle.figures if cycle else {}
        found.append(
            Version(
                name=name,
                at=(cycle.finished_at or cycle.started_at) if cycle else _made_at(manifests, name),
                parent=manifest.parent if manifest else None,
                fate=fate,
                reason=withdrawn.get(name, ""),
                examples=manifest.examples if manifest else {},
                gate=read_gate(figures),
                places=tuple(one for one in places if allows(one.path, one.language)),
            )
        )
    return sorted(found, key=lambda version: (version.at, version.name))


def _made_at(manifests: Mapping[str, adapters.Manifest], name: str) -> float:
    return manifests[name].created_at


def _verdict(cycle: Cycle) -> Verdict:
    ended = cycle.finished_at or cycle.started_at
    return Verdict(
        at=ended,
        minutes=(ended - cycle.started_at) / 60.0,
        state=cycle.state,
        adapter=cycle.adapter,
        sentence=cycle.verdict,
        gate=read_gate(cycle.figures),
    )


def read_gate(figures: Mapping[str, float]) -> Gate | None:
    """The gate's figures by name as one value; None where nothing was compared."""
    if "bits_per_char_candidate" not in figures or "bits_per_char_incumbent" not in figures:
        return None
    episodes = int(figures.get("gate_clusters", 0.0))
    return Gate(
        places=int(figures.get("gate_items", 0.0)),
        episodes=episodes,
        bits_before=figures["bits_per_char_incumbent"],
        bits_after=figures["bits_per_char_candidate"],
        gain=_interval(figures, "gain", episodes),
        exact_before=figures.get("exact_incumbent", 0.0),
        exact_after=figures.get("exact_candidate", 0.0),
        exact_gain=_interval(figures, "exact_gain", episodes),
        drift=figures.get("probe_drift", 0.0),
    )


def _interval(figures: Mapping[str, float], name: str, clusters: int) -> Interval:
    mean = figures.get(name, 0.0)
    return Interval(
        mean, figures.get(f"{name}_low", mean), figures.get(f"{name}_high", mean), clusters
    )
