"""What of a suggestion, or of hand-written code, may be stored."""

from __future__ import annotations

import msgspec

from habitus_server.records import Pattern, Rejection, Suggestion
from habitus_server.redaction import PLACEHOLDER
from habitus_server.storable import PREFIX_CHARS, SUFFIX_CHARS, Cleaner, end_of, start_of

PASSWORD = "Zq8" + "!kfWm" + "2xTr"
SUGGESTION = Suggestion(
    "a", "r", 0, "w", "a.py", "python", "m", None, 0.0, "", "", "", logprob=0.0, token_count=1
)


def offered(prefix: str, text: str, suffix: str = "\n") -> Suggestion:
    return msgspec.structs.replace(SUGGESTION, prefix=prefix, text=text, suffix=suffix)


def test_the_second_half_of_a_password_is_no_text_to_store() -> None:
    one = Cleaner().suggestion(offered(f'password = "{PASSWORD[:5]}', f'{PASSWORD[5:]}"'))
    assert one.text == f'{PLACEHOLDER}"'
    assert PASSWORD[:5] not in one.prefix


def test_a_password_around_the_cursor_is_gone_from_both_sides() -> None:
    one = Cleaner().suggestion(
        offered(f'password = "{PASSWORD[:5]}', "x", f'{PASSWORD[5:]}"\ny = 2\n')
    )
    assert (one.prefix, one.suffix) == (f'password = "{PLACEHOLDER}', '"\ny = 2\n')


def test_accepted_text_is_judged_by_what_stood_before_it() -> None:
    cleaner = Cleaner()
    cleaner.suggestion(offered("service:\n  port: 1\n  user: me\n  password: ", PASSWORD))
    assert cleaner.text("a", PASSWORD) == PLACEHOLDER
    assert cleaner.text("unknown", "area * 2") == "area * 2"


def test_a_pattern_inside_a_private_key_keeps_nothing_of_it() -> None:
    line = "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJD" + "REVG"
    begin = f"-----BEGIN RSA {'PRIVATE'} KEY-----"
    clean = Cleaner().pattern(
        Pattern("p", "a.md", "markdown", f"{begin}\n{line}\n", f"{line}\n", line, "", "w", 0.0, 1.0)
    )
    assert not any(line in text for text in (clean.prefix, clean.text, clean.suffix))


def written(text: str, suffix: str) -> Pattern:
    return Pattern("p", "a.py", "python", "", suffix, text, "", "w", 0.0, 1.0)


def test_a_pattern_that_ends_where_a_password_begins_gives_none_of_it_away() -> None:
    clean = Cleaner().pattern(written('password = "', f'{PASSWORD}"\nx = 1\n'))
    assert (clean.text, clean.suffix) == ('password = "', f'{PLACEHOLDER}"\nx = 1\n')


def test_a_pattern_that_ends_inside_a_password_gives_none_of_it_away() -> None:
    clean = Cleaner().pattern(written(f'password = "{PASSWORD[:6]}', f'{PASSWORD[6:]}"\nx = 1\n'))
    assert (clean.text, clean.suffix) == (f'password = "{PLACEHOLDER}', '"\nx = 1\n')


def test_code_without_secrets_is_stored_as_it_is() -> None:
    code = offered("def area(radius):\n    return ", "3.14 * radius", "\n\nx = 1\n")
    assert Cleaner().suggestion(code) == code


def test_excerpts_are_cut_between_lines() -> None:
    lines = "".join(f"line number {number}\n" for number in range(2_000))
    assert end_of(lines).startswith("line number ") and len(end_of(lines)) <= PREFIX_CHARS
    assert start_of(lines, SUFFIX_CHARS).endswith("\n")
    assert len(start_of(lines, SUFFIX_CHARS)) <= SUFFIX_CHARS


def test_a_rejected_text_that_is_a_password_where_it_was_offered_is_not_stored() -> None:
    cleaner = Cleaner()
    cleaner.suggestion(offered("[account]\nuser = me\nport = 1\npassword = ", PASSWORD))
    one = Rejection("k", "a.cfg", "ini", "password = ", "a-1.b-2.c", "dismissed", 1, 0.0)
    assert cleaner.rejection("a", one) is None
    assert cleaner.rejection("unknown", one) == one
