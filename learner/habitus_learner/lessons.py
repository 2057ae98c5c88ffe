"""What the stored signals teach: rows of the store as weighted examples.

Promises that each example is traceable to the rows it came from, that one lesson is
counted once, and that the model's unedited text is never taught as a person's. An
example weighs its kind's base times what is known of its quality (docs/examples.md).
Knows no tokens, no model, no clock and no file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from habitus_learner.copies import ModelText
from habitus_learner.examples import Author, Example, Kind, row_id
from habitus_learner.quality import praise
from habitus_learner.reactions import PLACE_CHARS, from_suggestions
from habitus_learner.witnesses import Witnesses
from habitus_server.records import BugFix, Decision, FileResult, Landing, Pattern, SuggestionRow

PATTERN = 1.0
PASTED = 0.5
DECISION = 0.2
"""What each kind weighs when nothing more is known (see `reactions` for the others)."""

FIX_APPROACHES = {
    "by hand": (Author.PERSON, 1.0),
    "suggestion": (Author.MODEL, 0.5),
    "code action": (Author.OTHER, 0.5),
}
"""Who wrote a fix, and its base. Undoing one's own typing is no fix to learn."""


def collect(
    suggestions: Sequence[SuggestionRow],
    patterns: Iterable[Pattern],
    *,
    landings: Iterable[Landing] = (),
    fixes: Iterable[BugFix] = (),
    decisions: Iterable[Decision] = (),
    tests: Iterable[FileResult] = (),
    commits: Iterable[float] = (),
) -> list[Example]:
    """Every lesson in the rows, oldest first, without duplicates; `commits` are the times of those
    that were made here."""
    witnesses = Witnesses(landings, tests)
    written = ModelText(suggestions)
    found = list(from_suggestions(suggestions, witnesses))
    for pattern in patterns:
        found += _from_pattern(pattern, written, witnesses)
    found += [made for fix in fixes if (made := _from_fix(fix, written, witnesses))]
    found += [_from_decision(one) for one in decisions]
    return _parted(_deduplicated(found), sorted(commits))


def _parted(examples: list[Example], commits: Sequence[float]) -> list[Example]:
    """Sessions ended by commits: what comes after one is other work, as in git's own past."""
    return [
        msgspec.structs.replace(e, session=f"{e.session}+{bisect_right(commits, e.at)}")
        for e in examples
    ]


def _from_pattern(pattern: Pattern, written: ModelText, witnesses: Witnesses) -> Iterator[Example]:
    is_pasted = pattern.origin == "pasted"
    said = witnesses.of_code(pattern.path, pattern.written_at)
    for number, piece in enumerate(written.cut_from(pattern)):
        if not piece.text.strip():
            continue
        yield Example(
            id=f"{Kind.PATTERN.value}:{piece.id}" + (f"+{number}" if number else ""),
            kind=Kind.PATTERN,
            path=piece.path,
            language=piece.language,
            prefix=piece.prefix,
            suffix=piece.suffix,
            target=piece.text,
            rejected="",
            weight=(PASTED if is_pasted else PATTERN) * praise(said.signs),
            session=piece.session,
            at=piece.written_at,
            known_at=piece.settled_at,
            row_ids=(row_id("pattern", piece.id), *said.row_ids),
            author=Author.OTHER if is_pasted else Author.PERSON,
            changed_at=piece.settled_at,
        )


def _from_fix(fix: BugFix, written: ModelText, witnesses: Witnesses) -> Example | None:
    """A fix as an edit: the region as it became, and not as it was."""
    by, _, suggestion = fix.approach.partition(":")
    if by not in FIX_APPROACHES or not fix.after.strip() or fix.after == fix.before:
        return None
    if fix.effectiveness <= 0.0:
        return None
    if by == "by hand" and written.is_copy(fix.after, fix.settled_at):
        by = "suggestion"
    author, base = FIX_APPROACHES[by]
    said = witnesses.of_code(fix.path, fix.fixed_at)
    sources = [row_id("fix", fix.id)]
    if suggestion:
        sources.append(row_id("suggestion", suggestion))
    return Example(
        id=f"{Kind.BUG_FIX.value}:{fix.id}",
        kind=Kind.BUG_FIX,
        path=fix.path,
        language=fix.language,
        prefix=fix.prefix,
        suffix=fix.suffix,
        target=fix.after,
        rejected=fix.before if fix.before.strip() else "",
        weight=base * fix.effectiveness * praise(said.signs),
        session=fix.session,
        at=fix.appeared_at,
        known_at=fix.settled_at,
        row_ids=(*sources, *said.row_ids),
        author=author,
        changed_at=fix.settled_at,
    )


def _from_decision(decision: Decision) -> Example:
    return Example(
        id=f"{Kind.DECISION.value}:{decision.id}",
        kind=Kind.DECISION,
        path=decision.path or "docs/decisions.md",
        language="markdown",
        prefix="",
        suffix="",
        target=_record(decision),
        rejected="",
        weight=DECISION,
        session=f"decision {decision.id}",
        at=decision.decided_at,
        known_at=decision.changed_at,
        row_ids=(row_id("decision", decision.id),),
        author=Author.PERSON,
        changed_at=decision.changed_at,
    )


def _record(decision: Decision) -> str:
    """A decision as a short Markdown record; what was not said has no heading."""
    parts = {
        "Problem": decision.problem,
        "Constraints": "\n".join(f"- {one}" for one in decision.constraints),
        "Options": "\n".join(f"- {one}" for one in decision.options),
        "Decision": "\n\n".join(one for one in (decision.choice, decision.reason) if one),
        "Outcome": decision.outcome,
    }
    told = [f"## {name}\n\n{text.strip()}\n" for name, text in parts.items() if text.strip()]
    return "\n".join([f"# {decision.title}\n", *told])


def _deduplicated(examples: list[Example]) -> list[Example]:
    """One example per lesson: the newest, which then stands for every row it came from.

    The same place is asked for again and again while a developer types; only the
    text nearest to the cursor tells places apart.
    """
    kept: dict[tuple[Kind, str, str, str, str], Example] = {}
    for example in sorted(examples, key=lambda e: (e.at, e.id)):
        key = (
            example.kind,
            example.path,
            example.prefix[-PLACE_CHARS:],
            example.target,
            example.rejected,
        )
        older = kept.pop(key, None)
        rows = (*older.row_ids, *example.row_ids) if older else example.row_ids
        kept[key] = msgspec.structs.replace(example, row_ids=tuple(dict.fromkeys(rows)))
    return sorted(kept.values(), key=lambda e: (e.at, e.id))
