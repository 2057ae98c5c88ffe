"""Which candidates become fixes. The diagnostic's range is marked «like this»."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from habitus_server.diagnostics import Diagnostic
from habitus_server.engine.wire import Stop
from habitus_server.fixes import Fix, propose


class Model:
    """Answers a gap by the text that stood in it, and keeps what it was asked."""

    def __init__(self, text: str, answers: Mapping[str, Sequence[str]]) -> None:
        self.text = text
        self.answers = answers
        self.asked: dict[str, tuple[str, str, Stop]] = {}

    async def __call__(self, prefix: str, suffix: str, stop: Stop) -> Sequence[str]:
        gap = self.text[len(prefix) : len(self.text) - len(suffix)]
        assert prefix + gap + suffix == self.text
        self.asked[gap] = (prefix, suffix, stop)
        return self.answers.get(gap, ())


async def fix(
    marked: str, message: str, answers: Mapping[str, Sequence[str]], language: str = "python"
) -> tuple[list[str], tuple[Fix, ...], Model]:
    """The buffers that the fixes lead to, the fixes, and the model."""
    text = marked.replace("«", "").replace("»", "")
    diagnostic = Diagnostic(message, marked.index("«"), marked.index("»") - 1, source="lint")
    model = Model(text, answers)
    fixes = await propose(text, language=language, diagnostics=[diagnostic], infill=model)
    assert all(one.diagnostic is diagnostic for one in fixes)
    return [text[: one.start] + one.text + text[one.end :] for one in fixes], fixes, model


UNKNOWN = "undefined name 'cnt'"
COUNTING = "def f(count, counts, more):\n    return «cnt» + 1\n"


async def test_an_unknown_name_is_replaced_by_one_that_the_file_knows() -> None:
    after, fixes, _ = await fix(COUNTING, UNKNOWN, {"cnt": ["count"]})
    assert after[0] == "def f(count, counts, more):\n    return count + 1\n"
    assert fixes[0].title == "Change to `count`"


async def test_the_first_half_of_a_misspelt_name_leads_the_model() -> None:
    after, fixes, model = await fix(
        "def f(configuration):\n    return «confiration»\n",
        "undefined name 'confiration'",
        {"ation": ["guration", "nement"]},
    )
    assert model.asked["ation"][0].endswith("return confir")
    assert after[0].endswith("return configuration\n")
    assert fixes[0].title == "Change to `configuration`"


async def test_a_name_in_scope_that_is_spelt_alike_needs_no_model() -> None:
    after, _, _ = await fix(
        "def f(width, height):\n    return «widht» * height\n", "undefined name 'widht'", {}
    )
    assert after == ["def f(width, height):\n    return width * height\n"]


async def test_a_name_spelt_alike_but_out_of_scope_is_not_offered() -> None:
    text = "class A:\n    def f(self, path):\n        return path\n\n"
    text += "    def g(self):\n        return «pth»\n"
    after, _, _ = await fix(text, "undefined name 'pth'", {})
    assert after == []


async def test_a_name_that_nothing_defines_is_no_answer_to_an_unknown_name() -> None:
    after, _, _ = await fix(COUNTING, UNKNOWN, {"cnt": ["cntr"]})
    assert all("cntr" not in text for text in after)


async def test_a_candidate_that_keeps_the_unknown_name_is_no_answer() -> None:
    answers = {"cnt": ["cnt"], "return cnt + 1": ["return 1 + cnt", "return cnt"]}
    after, _, _ = await fix(COUNTING, UNKNOWN, answers)
    assert all("cnt" not in text for text in after)


async def test_the_present_text_is_no_fix_however_it_is_spaced() -> None:
    answers = {"x +  1": ["x  + 1"], "y = x +  1": ["y =  x + 1"]}
    after, _, _ = await fix("x = 1\ny = «x +  1»\n", "bad operand", answers)
    assert after == []


async def test_what_does_not_parse_is_no_fix() -> None:
    answers = {"cnt": ["count count", "count)"], "return cnt + 1": ["return count + + )"]}
    after, _, _ = await fix(COUNTING, "bad value", answers)
    assert all("count count" not in text and ")" not in text[30:] for text in after)


async def test_code_is_not_hidden_in_a_comment() -> None:
    after, _, _ = await fix(COUNTING, "bad value", {"return cnt + 1": ["# return cnt + 1"]})
    assert after == []


async def test_a_statement_may_be_written_anew_as_a_whole() -> None:
    after, _, model = await fix(
        "def f(items):\n    for i in range(«items»):\n        print(i)\n",
        "list cannot be interpreted as an integer",
        {"for i in range(items):": ["for i in range(len(items)):"]},
    )
    assert after == ["def f(items):\n    for i in range(len(items)):\n        print(i)\n"]
    prefix, suffix, stop = model.asked["for i in range(items):"]
    assert prefix == "def f(items):\n    "
    assert suffix == "\n        print(i)\n"
    assert stop.mode == "line"


async def test_a_statement_over_several_lines_is_one_region() -> None:
    whole = "x = call(\n    1,\n    two,\n)"
    after, _, model = await fix(
        "x = call(\n    1,\n    «two»,\n)\ny = 2\n",
        "undefined name 'two'",
        {whole: ["x = call(\n    1,\n    2,\n)"]},
    )
    assert after == ["x = call(\n    1,\n    2,\n)\ny = 2\n"]
    assert model.asked[whole][2].mode == "block"


async def test_the_fix_that_changes_least_comes_first_and_two_are_enough() -> None:
    answers = {"cnt": ["count(1)", "counts", "count"]}
    after, _, _ = await fix(COUNTING, UNKNOWN, answers)
    assert after[0].endswith("return count + 1\n")
    assert len(after) == 2


async def test_a_rewrite_is_no_fix() -> None:
    rewrite = "raise " + " + ".join(f"other[{number}]" for number in range(60))
    after, _, _ = await fix(COUNTING, "bad value", {"return cnt + 1": [rewrite]})
    assert after == []


async def test_a_syntax_error_is_answered_only_by_text_that_parses() -> None:
    after, _, _ = await fix(
        "def f(a):\n    return «(a + 1»\n\n\ndef g():\n    pass\n",
        "'(' was never closed",
        {"return (a + 1": ["return (a + 2", "return (a + 1)"]},
    )
    assert after == ["def f(a):\n    return (a + 1)\n\n\ndef g():\n    pass\n"]


async def test_what_a_broken_line_lacks_may_be_added_at_its_end() -> None:
    after, _, _ = await fix(
        "def f(items):\n    for item in «items»\n        print(item)\n",
        "SyntaxError: expected ':'",
        {"": [":"]},
    )
    assert after == ["def f(items):\n    for item in items:\n        print(item)\n"]


async def test_without_a_diagnostic_a_place_that_does_not_parse_is_fixed() -> None:
    text = "def f(a):\n    if a\n        return 1\n    return 2\n"
    model = Model(text, {"if a": ["if a:"]})
    (one,) = await propose(text, language="python", diagnostics=[], infill=model)
    assert text[: one.start] + one.text + text[one.end :] == text.replace("if a\n", "if a:\n")
    assert one.diagnostic.source == "habitus"


async def test_without_a_diagnostic_only_the_selection_is_looked_at() -> None:
    text = "x = 1\n" * 20 + "y = = 2\n"
    model = Model(text, {"y = = 2": ["y = 2"]})
    assert await propose(text, language="python", diagnostics=[], infill=model, span=(0, 5)) == ()
    assert model.asked == {}


async def test_whole_text_without_error_asks_nothing() -> None:
    model = Model("x = 1\n", {})
    assert await propose("x = 1\n", language="python", diagnostics=[], infill=model) == ()
    assert model.asked == {}


async def test_broken_code_elsewhere_does_not_forbid_a_fix() -> None:
    text = COUNTING + "\n\ndef g(:\n    pass\n"
    after, _, _ = await fix(text, UNKNOWN, {"cnt": ["count"]})
    assert after[0].startswith("def f(count, counts, more):\n    return count + 1\n")


async def test_in_other_languages_brackets_must_balance() -> None:
    after, _, _ = await fix(
        "function f(count) {\n  return g(«cnt»);\n}\n",
        "Cannot find name 'cnt'.",
        {"cnt": ["count", "h(count", "count)"], "return g(cnt);": ["return g(count;"]},
        language="typescript",
    )
    assert after[0] == "function f(count) {\n  return g(count);\n}\n"
    assert all(text.count("(") == text.count(")") for text in after)


async def test_a_range_beyond_the_text_is_survived() -> None:
    diagnostic = Diagnostic("undefined name 'x'", 900, 950)
    model = Model("x\n", {})
    assert await propose("x\n", language="python", diagnostics=[diagnostic], infill=model) == ()


async def test_text_outside_the_ascii_range_keeps_its_offsets() -> None:
    after, _, _ = await fix(
        "# é𝄞 naïve\ndef f(zähler):\n    return «zaehler» + 'ü'\n",
        "undefined name 'zaehler'",
        {"zaehler": ["zähler"]},
    )
    assert after[0] == "# é𝄞 naïve\ndef f(zähler):\n    return zähler + 'ü'\n"
