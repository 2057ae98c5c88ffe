"""Scenarios in which a suggestion is taken, whole or in part, and what happens to it then.

A scenario's docstring is what the user did; `fate` notes the truth that inference is
judged by. Text that stays is kept, however it was moved.
"""

from __future__ import annotations

from editors.steps import BODY, Book, accepted, goes_on, offered, offered_a_body, two_words
from editors.story import Story
from habitus_server.records import Outcome, State

BOOK = Book()


@BOOK.scenario()
async def accepts_and_goes_on(story: Story) -> None:
    """Takes the suggestion and writes the next line."""
    await accepted(story)
    await goes_on(story)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_and_edits_a_literal(story: Story) -> None:
    """Takes the suggestion and changes its number."""
    await accepted(story)
    await story.replaces("1200", "75")
    story.fate(State.ACCEPTED, Outcome.EDITED)


@BOOK.scenario()
async def accepts_and_renames_a_word(story: Story) -> None:
    """Takes the suggestion, goes on, and comes back to change one of its names."""
    await accepted(story)
    await goes_on(story)
    await story.replaces("height + ", "depth + ")
    story.fate(State.ACCEPTED, Outcome.EDITED)


@BOOK.scenario()
async def accepts_and_undoes(story: Story) -> None:
    """Takes the suggestion and undoes it."""
    await accepted(story)
    await story.pauses(1.5)
    await story.hands.undo()
    await story.has_not(BODY)
    story.fate(State.ACCEPTED, Outcome.REVERTED)


@BOOK.scenario("redo")
async def accepts_undoes_and_redoes(story: Story) -> None:
    """Takes the suggestion, undoes it, and redoes it after a second thought."""
    await accepted(story)
    await story.pauses(1.5)
    await story.hands.undo()
    await story.has_not(BODY)
    await story.pauses(1.0)
    await story.hands.redo()
    await story.has(f"total = {BODY}")
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_and_deletes_the_line(story: Story) -> None:
    """Takes the suggestion and deletes its line."""
    await accepted(story)
    await story.pauses(1.5)
    await story.hands.delete_line()
    await story.has_not(BODY)
    story.fate(State.ACCEPTED, Outcome.REVERTED)


@BOOK.scenario()
async def accepts_and_deletes_it_by_keys(story: Story) -> None:
    """Takes the suggestion and backspaces over all of it."""
    await accepted(story)
    await story.pauses(1.2)
    await story.backspaces(len(BODY))
    await story.has_not("width *")
    story.fate(State.ACCEPTED, Outcome.REVERTED)


@BOOK.scenario()
async def accepts_and_saves(story: Story) -> None:
    """Takes the suggestion and saves the file."""
    await accepted(story)
    await story.hands.save()
    await story.pauses(1.0)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_and_closes(story: Story) -> None:
    """Takes the suggestion, saves and closes the file at once: nobody can know the rest."""
    await accepted(story)
    await story.hands.save()
    await story.pauses(0.5)
    await story.hands.close()
    await story.pauses(1.0)
    story.fate(State.ACCEPTED, Outcome.CENSORED)


@BOOK.scenario("reformat")
async def accepts_and_reformats(story: Story) -> None:
    """Takes a badly spaced suggestion and runs a formatter over the whole file."""
    await story.opens("def area(width, height):\n    x=1\n    ‸\n    return x\n")
    story.says("total = ", "width+height+12")
    await story.types("total = wid")
    await story.reads()
    await story.accepts()
    await story.pauses(1.5)
    await story.hands.reformat()
    await story.has("total = width + height + 12")
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_and_appends(story: Story) -> None:
    """Takes the suggestion and types on behind it at once."""
    await accepted(story)
    await story.types(" + depth")
    await story.has("1200 + depth")
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_and_copies_the_line(story: Story) -> None:
    """Takes the suggestion and copies its line below."""
    await accepted(story)
    await story.pauses(1.2)
    await story.hands.copy_line()
    await story.hands.put_line()
    await story.has(f"total = {BODY}", times=2)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_in_a_crlf_file(story: Story) -> None:
    """Takes the suggestion in a file with Windows line breaks."""
    await accepted(story, newline="\r\n")
    await goes_on(story)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_behind_tabs(story: Story) -> None:
    """Takes the suggestion in a line that is indented with tabs."""
    await accepted(story, "class Field:\n\tdef area(self, width, height):\n\t\t‸\n")
    await story.pauses(1.0)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_behind_astral_characters(story: Story) -> None:
    """Takes a suggestion with an astral character behind others of their kind."""
    await story.opens("def greet(width):\n    # 🦊🦊\n    ‸\n")
    story.says("names = '🦊' + ", "'🐘' + width * 12")
    await story.types("names = '🦊' + ")
    await story.reads()
    await story.accepts(stands="names = '🦊' + '🐘' + width * 12")
    await story.pauses(1.2)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_twice(story: Story) -> None:
    """Takes one suggestion and another on the next line."""
    await accepted(story)
    story.fate(State.ACCEPTED, Outcome.KEPT)
    await story.types("\n")
    story.says("twice = ", "total * 2 + height")
    await story.types("twice = tot")
    await story.reads()
    await story.accepts(stands="twice = total * 2 + height")
    await story.pauses(1.2)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_several_lines(story: Story) -> None:
    """Asks in an empty body and takes a suggestion of three lines."""
    await offered_a_body(story)
    await story.accepts()
    await story.pauses(1.5)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario()
async def accepts_several_lines_and_changes_one(story: Story) -> None:
    """Takes a suggestion of three lines and rewrites a part of the second."""
    await offered_a_body(story)
    await story.accepts()
    await story.pauses(1.0)
    await story.replaces("+= 12", "-= 7")
    story.fate(State.ACCEPTED, Outcome.EDITED)


@BOOK.scenario("pair_brackets")
async def accepts_inside_a_pair(story: Story) -> None:
    """Types an opening bracket, which closes itself, and takes the arguments."""
    await story.opens("def area(width, height):\n    ‸\n")
    await story.hands.pair_brackets()
    await story.hands.go(1, 4, len("def area(width, height):\n    "), True)
    story.says("total = max(", "width, height, 12")
    await story.types("total = max(wid")
    await story.reads()
    await story.accepts(stands="total = max(width, height, 12)")
    await story.pauses(1.2)
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario("accept_word")
async def accepts_a_word(story: Story) -> None:
    """Takes the next word alone and writes its own end."""
    await offered(story)
    await two_words(story)
    await story.pauses(1.5)
    await story.types(" 99")
    await story.has("width * 99")
    story.fate(State.PARTIALLY_ACCEPTED, Outcome.KEPT)


@BOOK.scenario("accept_word")
async def accepts_word_by_word(story: Story) -> None:
    """Takes one word after another until nothing is left."""
    await offered(story)
    for _ in range(8):
        await story.hands.accept_word()
        await story.pauses(0.4)
        if story.stands(BODY):
            break
    await story.has(f"total = {BODY}")
    story.fate(State.ACCEPTED, Outcome.KEPT)


@BOOK.scenario("accept_word")
async def accepts_a_word_and_undoes(story: Story) -> None:
    """Takes the next words and undoes that."""
    await offered(story)
    await two_words(story)
    await story.pauses(1.5)
    await story.hands.undo()
    await story.has_not("width *")
    story.fate(State.PARTIALLY_ACCEPTED, Outcome.REVERTED)
