"""What scenarios are made of: the beginnings that many share, and where scripts are entered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from editors.story import Story

Script = Callable[[Story], Awaitable[None]]

AREA = "def area(width, height):\n    ‸\n\n\nprint(area(3, 4))\n"
BODY = "width * height + 1200"


class Book:
    """Scripts by name, each with the skills that an editor needs for it."""

    def __init__(self) -> None:
        self.scripts: dict[str, tuple[frozenset[str], Script]] = {}

    def scenario(self, *needs: str) -> Callable[[Script], Script]:
        """Enter a script under its function's name."""

        def enter(script: Script) -> Script:
            self.scripts[script.__name__] = (frozenset(needs), script)
            return script

        return enter


async def offered(story: Story, marked: str = AREA, newline: str = "\n") -> None:
    """Type as far as a suggestion, and read it."""
    await story.opens(marked, newline)
    story.says("total = ", BODY)
    await story.types("total = wid")
    await story.reads()


async def accepted(story: Story, marked: str = AREA, newline: str = "\n") -> None:
    """Type as far as a suggestion, and take it."""
    await offered(story, marked, newline)
    await story.accepts(stands=f"total = {BODY}")


async def offered_a_body(story: Story) -> None:
    """Open a file in an empty body, and ask for one of three lines."""
    story.says("height):\n    ", "total = width * height\n    total += 12\n    return total")
    await story.opens(AREA)
    await story.hands.ask()
    await story.reads()


async def two_words(story: Story) -> None:
    """Take the next two words, each once it is shown."""
    await story.hands.accept_word()
    await story.has("total = width")
    await story.pauses(1.0)
    await story.hands.accept_word()
    await story.has("total = width *")


async def goes_on(story: Story) -> None:
    """Write a line of one's own."""
    await story.types("\nprint(1)")
    await story.has("print(1)")
