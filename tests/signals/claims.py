"""Judges played editing sessions; a claim is a method that begins with `see_`."""

from __future__ import annotations

from collections import Counter

from habitus_server.records import Outcome, State
from habitus_server.transitions import Moved
from signals.player import Player
from signals.scenario import Scenario, Step, plain

STATES = {state.value for state in State}
REPAIRS = {"fix": "fixed", "unfixed": "unfixed"}
OUTCOMES = {outcome.value for outcome in Outcome} | {"unsettled"}


class Judge:
    """What came of one scenario, played when this is made."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._player = Player(scenario)
        self._window = self._player.window

    def problems(self) -> list[str]:
        """The claims that do not hold, each with what is the case."""
        found = []
        for claim in self._scenario.claims:
            see = getattr(self, f"see_{claim.name}", self.see)
            if wrong := see(claim):
                found.append(f"{claim.line}  —  {wrong}")
        return found

    def see(self, claim: Step) -> str:
        """NAME STATE [reported|inferred] [OUTCOME] [RETAINED/ACCEPTED] [: FINAL TEXT]."""
        state, evidence, outcome, counts, final = self.verdict(claim.name)
        wrong = []
        for word in claim.words:
            actual = counts if "/" in word else outcome if word in OUTCOMES else None
            if word in STATES:
                actual = state
            elif word in ("reported", "inferred"):
                actual = evidence
            if actual != word:
                wrong.append(f"{word} is {actual}")
        if claim.text and plain(claim.text) != final:
            wrong.append(f"the text is {final!r}")
        return "; ".join(wrong)

    def verdict(self, name: str) -> tuple[str, str, str, str, str]:
        """State, evidence, outcome, retained of accepted characters, and final text."""
        moves = self._window.transitions(name)
        last = moves[-1] if moves else None
        settled = self._window.settlement(name)
        return (
            last.state.value if last else "offered",
            last.evidence.value if last and last.evidence else "",
            settled.outcome.value if settled else "unsettled",
            f"{settled.retained_chars}/{len(settled.accepted_text)}" if settled else "",
            settled.final_text if settled else "",
        )

    def see_text(self, claim: Step) -> str:
        """The document is as below."""
        expected = self._player.broken(claim.block or "")
        return "" if self._window.text == expected else f"it is {self._window.text!r}"

    def see_at(self, claim: Step) -> str:
        """at MOMENT NAME N: so many characters were counted then."""
        moment, name, size = claim.words
        counts = [
            str(one.retained_chars)
            for one in self._window.measurements(name)
            if one.moment == moment
        ]
        return "" if size in counts else f"{name} has {counts}"

    def see_unmeasured(self, claim: Step) -> str:
        """unmeasured NAME MOMENT."""
        name, moment = claim.words
        seen = [one.moment for one in self._window.measurements(name)]
        return f"{name} has {seen}" if moment in seen else ""

    def see_stands(self, claim: Step) -> str:
        """stands NAME LINE: TEXT."""
        wanted = (claim.words[0], int(claim.words[1]), plain(claim.text))
        found = self._window.standing(self._window.name)
        return "" if wanted in found else f"there is {found}"

    def see_gone(self, claim: Step) -> str:
        """gone NAME: nothing of it stands."""
        found = self._window.standing(self._window.name)
        names = {name for name, _, _ in found}
        return f"there is {found}" if claim.words[0] in names else ""

    def see_moved(self, claim: Step) -> str:
        """moved NAME."""
        names = [one.suggestion_id for one in self._window.ledger.written if isinstance(one, Moved)]
        return "" if claim.words[0] in names else f"moved were {names}"

    def see_pattern(self, claim: Step) -> str:
        """pattern: TEXT was written by hand."""
        texts = [one.text for one in self._window.ledger.patterns]
        return "" if plain(claim.text) in texts else f"there are {texts}"

    def see_nothing(self, _: Step) -> str:
        """Nothing was written by hand."""
        texts = [one.text for one in self._window.ledger.patterns]
        return f"there are {texts}" if texts else ""

    def see_fix(self, claim: Step) -> str:
        """fix [WORTH] [by APPROACH]: BEFORE => AFTER, and no other."""
        told = [
            (fix.before, fix.after, f"{fix.effectiveness:g}", _word(fix.approach))
            for fix in self._window.ledger.fixes()
        ]
        before, _, after = f" {claim.text} ".partition(" => ")
        worth, approach = claim.words[0], claim.words[2] if len(claim.words) > 1 else "by-hand"
        wanted = (plain(before).strip(), plain(after).strip(), worth, approach)
        found = [(one[0].strip(), one[1].strip(), *one[2:]) for one in told]
        return "" if found == [wanted] else f"there is {found}"

    def see_unfixed(self, _: Step) -> str:
        """Nothing was repaired."""
        found = self._window.ledger.fixes()
        return f"there is {[(fix.before, fix.after) for fix in found]}" if found else ""

    def see_diagnostics(self, claim: Step) -> str:
        """diagnostics NAME BEFORE AFTER: how many there were on its lines; - is unknown."""
        name, *counts = claim.words
        found = [
            "-" if one is None else str(one)
            for one in self._window.ledger.diagnostics.get(name, (None, None))
        ]
        return "" if found == counts else f"there were {found}"

    @property
    def repair(self) -> str:
        """What is said of the symptoms, in a word."""
        return "fixed" if self._window.ledger.fixes() else "unfixed"


def _word(approach: str) -> str:
    """An approach as one word; a suggestion by its name."""
    return approach.removeprefix("suggestion:").replace(" ", "-")


def labels(claim: Step) -> list[str]:
    """The states and outcomes that a claim names."""
    return [word for word in claim.words if word in STATES | OUTCOMES]


def confusion(scenarios: list[Scenario]) -> Counter[tuple[str, str]]:
    """How often what a person says (first) meets what the tracker says (second)."""
    table: Counter[tuple[str, str]] = Counter()
    for scenario in scenarios:
        judge = Judge(scenario)
        for claim in scenario.claims:
            if claim.name in REPAIRS:
                table[REPAIRS[claim.name], judge.repair] += 1
            state, _, outcome, _, _ = judge.verdict(claim.name) if labels(claim) else ("",) * 5
            for label in labels(claim):
                table[label, state if label in STATES else outcome] += 1
    return table
