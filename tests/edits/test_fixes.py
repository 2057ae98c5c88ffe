"""Which candidates become fixes. The diagnostic's range is marked «like this»."""

from __future__ import annotations

from collections.abc import Sequence

from habitus_server.engine.wire import Stop
from habitus_server.fixes import Diagnostic, Fix, propose


class Model:
    """Answers each gap with the next list of candidates, and keeps what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Stop]] = []

    async def __call__(self, prefix: str, suffix: str, stop: Stop) -> Sequence[str]:
        self.asked.append((prefix, suffix, stop))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


async def fix(
    marked: str, message: str, *answers: Sequence[str], language: str = "python"
) -> tuple[list[str], tuple[Fix, ...], Model]:
    """The buffers that the fixes lead to, the fixes, and the model."""
    text = marked.replace("«", "").replace("»", "")
    start = marked.index("«")
    diagnostic = Diagnostic(message, start, marked.index("»") - 1, source="lint")
    model = Model(*answers)
    fixes = await propose(text, language=language, diagnostics=[diagnostic], infill=model)
    assert all(one.diagnostic is diagnostic for one in fixes)
    return [text[: one.start] + one.text + text[one.end :] for one in fixes], fixes, model


async def test_an_unknown_name_is_replaced_by_one_that_the_file_knows() -> None:
    after, fixes, _ = await fix(
        "def f(length):\n    return «lenght» + 1\n", "undefined name 'lenght'", ["length"]
    )
    assert after[0] == "def f(length):\n    return length + 1\n"
    assert fixes[0].title == "Change to `length`"


async def test_a_name_that_nothing_defines_is_no_answer_to_an_unknown_name() -> None:
    after, _, _ = await fix(
        "def f(length):\n    return «lenght» + 1\n", "undefined name 'lenght'", ["lengthy"]
    )
    assert after == []


async def test_a_candidate_that_keeps_the_unknown_name_is_no_answer() -> None:
    after, _, _ = await fix(
        "def f(length):\n    return «lenght» + 1\n",
        "undefined name 'lenght'",
        ["lenght"],
        ["return 1 + lenght"],
    )
    assert after == []


async def test_the_present_text_is_no_fix_however_it_is_spaced() -> None:
    after, _, _ = await fix("x = 1\ny = «x+1»\n", "bad operand", ["x+1", "x + 1"], ["y = x+1"])
    assert after == ["x = 1\ny = x + 1\n"]


async def test_what_does_not_parse_is_no_fix() -> None:
    after, _, _ = await fix(
        "def f(a):\n    return «b»\n",
        "undefined name 'b'",
        ["a a", "a)"],
        ["return (a", "return a a"],
    )
    assert all("a a" not in text for text in after)
    assert all(text.count("(") == text.count(")") for text in after)


async def test_a_statement_may_be_written_anew_as_a_whole() -> None:
    after, _, model = await fix(
        "def f(items):\n    for i in range(«items»):\n        print(i)\n",
        "list cannot be interpreted as an integer",
        [],
        ["for i in range(len(items)):"],
    )
    assert after == ["def f(items):\n    for i in range(len(items)):\n        print(i)\n"]
    prefix, suffix, stop = model.asked[1]
    assert prefix.endswith("def f(items):\n    ")
    assert suffix.startswith("\n        print(i)")
    assert stop.mode == "line"


async def test_a_statement_over_several_lines_is_one_region() -> None:
    text = "x = call(\n    1,\n    «two»,\n)\ny = 2\n"
    after, _, model = await fix(text, "undefined name 'two'", [], ["x = call(\n    1,\n    2,\n)"])
    assert after == ["x = call(\n    1,\n    2,\n)\ny = 2\n"]
    assert model.asked[1][0] == ""
    assert model.asked[1][1] == "\ny = 2\n"
    assert model.asked[1][2].mode == "block"


async def test_the_fix_nearest_to_the_present_text_comes_first_and_two_are_enough() -> None:
    after, fixes, _ = await fix(
        "def f(name, other, more):\n    return «nam»\n",
        "undefined name 'nam'",
        ["other", "name", "more", "other + more"],
        [],
    )
    assert after[0].endswith("return name\n")
    assert len(fixes) == 2


async def test_a_rewrite_out_of_proportion_is_no_fix() -> None:
    long = " + ".join(f"a[{number}]" for number in range(60))
    after, _, _ = await fix("a = []\nx = «b»\n", "undefined name 'b'", [long], [f"x = {long}"])
    assert after == []


async def test_a_syntax_error_is_answered_only_by_text_that_parses() -> None:
    after, _, _ = await fix(
        "def f(a):\n    return «(a + 1»\n\n\ndef g():\n    pass\n",
        "'(' was never closed",
        ["return (a + 1", "return (a + 1)"],
    )
    assert after == ["def f(a):\n    return (a + 1)\n\n\ndef g():\n    pass\n"]


async def test_without_a_diagnostic_a_place_that_does_not_parse_is_fixed() -> None:
    text = "def f(a):\n    if a\n        return 1\n    return 2\n"
    model = Model(["if a:"])
    (one,) = await propose(text, language="python", diagnostics=[], infill=model)
    assert text[: one.start] + one.text + text[one.end :] == text.replace("if a\n", "if a:\n")
    assert one.diagnostic.source == "habitus"


async def test_without_a_diagnostic_only_the_selection_is_looked_at() -> None:
    text = "x = 1\n" * 20 + "y = = 2\n"
    model = Model(["y = 2"])
    assert await propose(text, language="python", diagnostics=[], infill=model, span=(0, 5)) == ()
    assert model.asked == []


async def test_whole_text_without_error_asks_nothing() -> None:
    model = Model(["x = 2"])
    assert await propose("x = 1\n", language="python", diagnostics=[], infill=model) == ()
    assert model.asked == []


async def test_broken_code_elsewhere_does_not_forbid_a_fix() -> None:
    after, _, _ = await fix(
        "def f(length):\n    return «lenght»\n\n\ndef g(:\n    pass\n",
        "undefined name 'lenght'",
        ["length"],
    )
    assert after[0].startswith("def f(length):\n    return length\n")


async def test_in_other_languages_brackets_must_balance() -> None:
    after, _, _ = await fix(
        "function f(size) {\n  return g(«sise»);\n}\n",
        "Cannot find name 'sise'.",
        ["size", "size)", "h(size"],
        ["return g(size;", "return g((size));"],
        language="typescript",
    )
    assert after[0] == "function f(size) {\n  return g(size);\n}\n"
    assert all(text.count("(") == text.count(")") for text in after)


async def test_a_range_beyond_the_text_is_survived() -> None:
    diagnostic = Diagnostic("undefined name 'x'", 900, 950)
    model = Model(["y"])
    assert await propose("x\n", language="python", diagnostics=[diagnostic], infill=model) == ()


async def test_text_outside_the_ascii_range_keeps_its_offsets() -> None:
    after, _, _ = await fix(
        "# é𝄞 naïve\ndef f(länge):\n    return «lange» + 'ü'\n",
        "undefined name 'lange'",
        ["länge"],
        ["return länge + 'ü'"],
    )
    assert after[0] == "# é𝄞 naïve\ndef f(länge):\n    return länge + 'ü'\n"
