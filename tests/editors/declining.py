"""Scenarios in which a suggestion is typed, typed over, put away or left alone.

A scenario's docstring is what the user did; `fate` notes the truth that inference is
judged by.
"""

from __future__ import annotations

import time

from editors.steps import AREA, BODY, Book, goes_on, offered
from editors.story import Story
from habitus_server.records import Outcome, State

BOOK = Book()


@BOOK.scenario()
async def types_it_all(story: Story) -> None:
    """Reads the suggestion and types every letter of it."""
    await offered(story)
    await story.types(BODY.removeprefix("wid"))
    await story.has(BODY)
    await story.pauses(1.5)
    story.fate(State.TYPED_THROUGH, Outcome.KEPT)


@BOOK.scenario()
async def types_something_else(story: Story) -> None:
    """Reads the suggestion and types something else."""
    await offered(story)
    await story.types("e_field(7)")
    await story.has("wide_field(7)")
    story.fate(State.DISMISSED)


@BOOK.scenario()
async def types_some_of_it_then_something_else(story: Story) -> None:
    """Types a few letters of the suggestion, then goes another way."""
    await offered(story)
    await story.types("th - ")
    await story.types("margin")
    await story.has("width - margin")
    story.fate(State.DISMISSED)


@BOOK.scenario()
async def deletes_the_word_it_was_for(story: Story) -> None:
    """Reads the suggestion and backspaces over what led to it."""
    await offered(story)
    await story.backspaces(len("total = wid"))
    await story.types("pass")
    await story.has("pass")
    story.fate(State.DISMISSED)


@BOOK.scenario()
async def types_past_it(story: Story) -> None:
    """Types on, too fast to have read anything."""
    await story.opens(AREA)
    story.says("total = ", BODY)
    began = time.monotonic()
    await story.types("total = wide_field(7) - margin", pace_s=0.05)
    assert time.monotonic() - began < 4.0, "too slow a machine to type fast on"
    await story.has("margin")
    story.fate(State.SUPERSEDED)


@BOOK.scenario()
async def dismisses_it(story: Story) -> None:
    """Puts the suggestion away and does nothing more."""
    await offered(story)
    await story.hands.dismiss()
    await story.pauses(1.0)
    story.fate(State.DISMISSED)


@BOOK.scenario()
async def dismisses_it_and_types_something_else(story: Story) -> None:
    """Puts the suggestion away and types something else."""
    await offered(story)
    await story.hands.dismiss()
    await story.pauses(0.5)
    await story.types("e_field(7)")
    await story.has("wide_field(7)")
    story.fate(State.DISMISSED)


@BOOK.scenario()
async def walks_away(story: Story) -> None:
    """Leaves the line without a word on the suggestion, and writes elsewhere."""
    await offered(story)
    await story.goes("print(area(3, 4))", behind=True)
    await story.types("  # done")
    await story.has("# done")
    story.fate(State.EXPIRED)


@BOOK.scenario()
async def pastes_the_same_text(story: Story) -> None:
    """Pastes, of all texts, the one that is suggested."""
    await offered(story)
    await story.hands.paste(BODY.removeprefix("wid"))
    await story.has(f"total = {BODY}")
    await story.pauses(1.5)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def pastes_something_else(story: Story) -> None:
    """Pastes another text over the place of the suggestion."""
    await offered(story)
    await story.hands.paste("e_field(7) - margin")
    await story.has("wide_field(7) - margin")
    await story.pauses(1.5)
    story.fate(State.DISMISSED)


@BOOK.scenario("browse")
async def browses_the_menu_and_leaves(story: Story) -> None:
    """Goes up and down in the menu, over the suggestion, and leaves it."""
    await offered(story)
    await story.hands.ask()
    await story.pauses(1.0)
    for _ in range(3):
        await story.hands.browse()
        await story.pauses(0.7)
    await story.hands.leave_menu()
    await story.pauses(1.5)
    await story.has_not(BODY)
    story.fate(State.DISMISSED)


@BOOK.scenario("browse")
async def browses_the_menu_and_picks_another(story: Story) -> None:
    """Looks at the suggestion in the menu, goes on to another entry and takes that."""
    await offered(story)
    await story.hands.ask()
    await story.pauses(1.0)
    await story.hands.browse()
    await story.pauses(0.8)
    await story.hands.browse()
    await story.pauses(0.8)
    await story.hands.choose()
    await story.pauses(1.0)
    await story.has_not(BODY)
    await goes_on(story)
    story.fate(State.DISMISSED)


@BOOK.scenario("browse")
async def browses_the_menu_and_comes_back(story: Story) -> None:
    """Looks at other entries of the menu and takes the suggestion in the end."""
    await offered(story)
    await story.hands.ask()
    await story.pauses(1.0)
    await story.hands.browse()
    await story.pauses(0.6)
    await story.hands.browse()
    await story.pauses(0.6)
    await story.hands.browse_back()
    await story.pauses(0.6)
    await story.hands.choose()
    await story.has(f"total = {BODY}")
    await goes_on(story)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario("report_dismissal")
async def dismisses_it_and_types_it_after_all(story: Story) -> None:
    """Puts the suggestion away, then writes the same by hand."""
    await offered(story)
    await story.hands.dismiss()
    await story.pauses(0.8)
    await story.types(BODY.removeprefix("wid"))
    await story.has(BODY)
    await story.pauses(1.2)
    story.fate(State.DISMISSED, seen=(State.TYPED_THROUGH, Outcome.KEPT))
