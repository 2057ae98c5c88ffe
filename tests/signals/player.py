"""Plays scripted editing sessions in a window; a step is a method that begins with `do_`."""

from __future__ import annotations

import re

from habitus_server.alignment import align
from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.fixes import Fix
from habitus_server.positions import PositionEncoding
from habitus_server.session import Snapshot
from signals.scenario import Scenario, Step, plain
from signals.scene import CURSOR
from signals.window import Window


class Player:
    """Plays one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.line_break = "\n"
        self.encoding = PositionEncoding.UTF16
        self.clipboard = ""
        self.wrong: dict[str, list[Diagnostic]] = {}
        self.window: Window = None  # type: ignore[assignment]
        for step in scenario.steps:
            getattr(self, f"do_{step.name}")(step)

    # --- settings and text ------------------------------------------------------------

    def do_crlf(self, _: Step) -> None:
        """The document has CRLF breaks."""
        self.line_break = "\r\n"

    def do_lf(self, _: Step) -> None:
        """From now on the lines below have LF breaks."""
        self.line_break = "\n"

    def do_encoding(self, step: Step) -> None:
        """What positions count."""
        self.encoding = PositionEncoding(step.words[0])

    def do_text(self, step: Step) -> None:
        """The document at the beginning."""
        assert step.block is not None
        self.window = Window(self._marked(step.block), self.encoding)
        self.window.line_break = self.line_break

    def do_sync(self, _: Step) -> None:
        """The editor sends the whole document with each change."""
        self.window.sends_whole_documents = True

    # --- suggestions ------------------------------------------------------------------

    def do_offer(self, step: Step) -> None:
        """offer [NAME] [over N] [lead WORD] [also]: TEXT."""
        words = list(step.words)
        also = "also" in words and not words.remove("also")  # type: ignore[func-returns-value]
        over = int(_option(words, "over") or 0)
        lead = _option(words, "lead")
        name = words[0] if words else "a"
        rank = len(self.window.offers) if also else 0
        self.window.offer(plain(step.text), name, rank=rank, to=over, lead=lead, keep=also)

    def do_take(self, step: Step) -> None:
        """take [NAME] [in SECONDS]: inserted, and not reported."""
        words = list(step.words)
        after = float(_option(words, "in").removesuffix("s") or 1.0)
        self.window.take(words[0] if words else "a", after_s=after)

    def do_accept(self, step: Step) -> None:
        """accept [NAME]: inserted and reported."""
        self.do_take(step)
        self.window.report(step.words[0] if step.words else "a")

    def do_report(self, step: Step) -> None:
        """report [NAME] [N]: reported to be accepted, whole or its first N characters."""
        name = step.words[0] if step.words else "a"
        if len(step.words) > 1:
            self.window.recorder.partially_accepted(name, int(step.words[1]))
        else:
            self.window.report(name)

    def do_shown(self, step: Step) -> None:
        """shown NAME."""
        self.window.recorder.shown(step.words[0] if step.words else "a")

    def do_dismiss(self, step: Step) -> None:
        """dismiss NAME: reported."""
        self.window.dismiss(step.words[0] if step.words else "a")

    # --- edits ------------------------------------------------------------------------

    def do_type(self, step: Step) -> None:
        """type: TEXT, key by key."""
        for key in re.findall(r"\r\n|.", self.broken(step.text), re.DOTALL):
            self.window.insert(key, after_s=0.1)

    def do_insert(self, step: Step) -> None:
        """insert: TEXT at once."""
        self.window.insert(self.broken(step.text))

    def do_backspace(self, step: Step) -> None:
        """backspace [N]."""
        for _ in range(int(step.words[0]) if step.words else 1):
            self.window.insert("", after_s=0.1, delete=1)

    def do_go(self, step: Step) -> None:
        """go: before‸after."""
        before, _, after = self.broken(step.text).partition(CURSOR)
        text = self.window.text
        assert text.count(before + after) == 1, (step.line, text)
        self.window.cursor = text.index(before + after) + len(before)

    def do_replace(self, step: Step) -> None:
        """replace: OLD => NEW in one step."""
        old, new = self._pair(step.text)
        self.window.replace(old, new)

    def do_delete(self, step: Step) -> None:
        """delete: TEXT in one step."""
        self.window.replace(self.broken(step.text), "")

    def do_everywhere(self, step: Step) -> None:
        """everywhere: OLD => NEW with a cursor at each place, in one step."""
        old, new = self._pair(step.text)
        places = [found.start() for found in re.finditer(re.escape(old), self.window.text)]
        self.window.edit(*(Edit(at, at + len(old), new) for at in reversed(places)))

    def do_both(self, step: Step) -> None:
        """both: OLD => NEW; OLD => NEW in one step."""
        edits, text = [], self.window.text
        for part in step.text.split("; "):
            old, new = self._pair(part)
            assert text.count(old) == 1, (part, text)
            at = text.index(old)
            edits.append(Edit(at, at + len(old), new))
            text = text[:at] + new + text[at + len(old) :]
        self.window.edit(*edits)

    def do_cut(self, step: Step) -> None:
        """cut: TEXT."""
        self.do_copy(step)
        self.window.replace(self.clipboard, "")

    def do_copy(self, step: Step) -> None:
        """copy: TEXT."""
        self.clipboard = self.broken(step.text)
        assert self.window.text.count(self.clipboard) == 1, (step.line, self.window.text)

    def do_paste(self, _: Step) -> None:
        """Insert what was cut or copied."""
        self.window.insert(self.clipboard)

    def do_undo(self, step: Step) -> None:
        """undo [N] [in SECONDS]."""
        words = list(step.words)
        after = float(_option(words, "in").removesuffix("s") or 1.0)
        for _ in range(int(words[0]) if words else 1):
            self.window.undo(after_s=after)

    def do_redo(self, step: Step) -> None:
        """redo [N] steps."""
        for _ in range(int(step.words[0]) if step.words else 1):
            self.window.redo()

    def do_whole(self, step: Step) -> None:
        """The whole document is replaced by the lines below."""
        self.window.rewrite(self._lines(step))

    def do_ranges(self, step: Step) -> None:
        """The document becomes the lines below by small edits in one step."""
        edits = align(self.window.text, self._lines(step))
        self.window.edit(*(Edit(start, end, text) for start, end, text in edits))

    # --- what is wrong ----------------------------------------------------------------

    def do_wrong(self, step: Step) -> None:
        """wrong [SOURCE]: WORD; WORD#2; WORD (MESSAGE): all that this checker says."""
        source = step.words[0] if step.words else "lint"
        parts = [part for part in step.text.split("; ") if part]
        self.wrong[source] = [self._diagnostic(part, source) for part in parts]
        self.window.diagnose([one for found in self.wrong.values() for one in found])

    def do_right(self, step: Step) -> None:
        """right [SOURCE]: this checker has nothing to say."""
        self.do_wrong(step)

    def do_fixed(self, step: Step) -> None:
        """fixed: OLD => NEW by a quick fix of ours."""
        old, new = self._pair(step.text)
        at = self.window.text.index(old)
        document = self.window.session.document(self.window.uri)
        assert document is not None
        snapshot = Snapshot(document, at, at, "", "", "")
        wrong = Diagnostic("wrong", at, at + len(old))
        self.window.checkups.fix_offered(snapshot, [Fix("Fix", at, at + len(old), new, wrong)])
        self.window.replace(old, new)

    def _diagnostic(self, part: str, source: str) -> Diagnostic:
        named, _, message = part.partition(" (")
        word, _, number = named.partition("#")
        at = -1
        for _ in range(int(number or 1)):
            at = self.window.text.index(word, at + 1)
        said = f"`{word}` {message.removesuffix(')')}" if message else f"undefined name `{word}`"
        return Diagnostic(said, at, at + len(word), source)

    # --- files ------------------------------------------------------------------------

    def do_save(self, _: Step) -> None:
        """The file is saved; the disk says so a moment later."""
        self.window.save()
        self.window.written()

    def do_outside(self, _: Step) -> None:
        """Another program writes the file."""
        self.window.written()

    def do_test(self, _: Step) -> None:
        """The tests run."""
        self.window.recorder.moment("test")

    def do_commit(self, _: Step) -> None:
        """The workspace is committed."""
        self.window.recorder.moment("commit")

    def do_checkout(self, _: Step) -> None:
        """Another branch is checked out; the editor reloads in a step of its own."""
        self.window.check_out()

    def do_close(self, _: Step) -> None:
        """The file closes."""
        self.kept = self.window.text
        self.window.close()

    def do_open(self, step: Step) -> None:
        """open [NAME]: as it was, or with the lines below."""
        text = self.kept if step.block is None else self._lines(step)
        self.window.open(step.words[0] if step.words else self.window.name, text + CURSOR)

    def do_rename(self, step: Step) -> None:
        """rename NAME [reported first | reported last]: the editor closes and opens the file."""
        told = step.words[2] if len(step.words) > 2 else ""
        self.window.rename(step.words[0], told)

    def do_quit(self, _: Step) -> None:
        """The window closes."""
        self.window.recorder.close_all()

    def do_wait(self, step: Step) -> None:
        """wait 30s or 2min."""
        size = step.words[0]
        self.window.wait(
            float(size.removesuffix("min")) * 60
            if size.endswith("min")
            else float(size.removesuffix("s"))
        )

    # --- texts ------------------------------------------------------------------------

    def broken(self, text: str) -> str:
        return plain(text).replace("\n", self.line_break)

    def _lines(self, step: Step) -> str:
        assert step.block is not None, f"no lines under: {step.line}"
        return self.broken(step.block)

    def _marked(self, block: str) -> str:
        return self.broken(block if CURSOR in block else block + CURSOR)

    def _pair(self, text: str) -> tuple[str, str]:
        old, _, new = f"{text} ".partition(" => ")
        new = new.removesuffix(" ")
        return self.broken(old), self.broken(new)


def _option(words: list[str], name: str) -> str:
    """Take an option and its value out of the words; "" where it is not there."""
    if name not in words:
        return ""
    at = words.index(name)
    value = words[at + 1]
    del words[at : at + 2]
    return value
