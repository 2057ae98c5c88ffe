"""Secrets out of text that is allowed otherwise.

Promises that `redact` puts `PLACEHOLDER` in place of keys, tokens, passwords and key blocks,
the same way every time, and leaves redacted text alone. It is not proof against every
secret: files known to hold them are refused as a whole by `privacy`.

Nets, from certain to likely: private key blocks; the token shapes of `shapes`; passwords in
addresses and authorization headers; values given to names that say secret, quoted, or bare
in lines of settings; long quoted strings of high entropy.

A text may be an excerpt that begins or ends inside a secret. `redact_around` and
`redact_after` see what the other side of the cut holds; a token that the end of a text cuts
off is known by its beginning.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from habitus_server.shapes import UNFINISHED, found_in

PLACEHOLDER = "REDACTED"
LEAST_CHARS = 8
AROUND_CHARS = 2_000
"""How much before a place is looked at to tell what stands there."""
SETTINGS_LINES = 3
SETTINGS_SHARE = 0.8
"""A text of which this share of lines gives values to names is a settings file."""

_KEY_BLOCK = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)"
    r"(.*?)(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
# An excerpt may begin inside a key: what stands before its end line is base64.
_KEY_TAIL = re.compile(
    r"\A(?:-{0,4}[A-Z0-9 ]{0,30}KEY(?: BLOCK)?-----)?\s*"
    r"(?:[^\n]{0,4}[A-Za-z0-9+/=]{1,80}\W{0,8}\n)+"
    r"(?=[^\n]{0,4}-----END [A-Z0-9 ]*PRIVATE KEY)"
)
_OPEN_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?!.*-----END )", re.DOTALL
)
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=]{16,}")

# At the end of a text the rest of the address may still be to come; a port is none.
_URL_PASSWORD = re.compile(
    r"(://[^\s:/@'\"{}<>]{0,64}:)(?:[^\s/@'\"{}<>$]+(?=@)|(?!\d+\Z)[^\s/@'\"{}<>$]{4,}\Z)"
)

_AUTHORIZATION = re.compile(
    r"\b((?:Bearer|Basic|Token|ApiKey)[ \t]+)([\w.~+/-]{16,}={0,2})", re.IGNORECASE
)

_STRONG = r"passw(?:or)?d|passwd|pwd|passphrase|secret"
_WEAK = (
    r"token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|"
    r"signing[_-]?key|encryption[_-]?key|credentials?|bearer|cookie"
)
_NAMED = re.compile(
    rf"(?:(?P<strong>{_STRONG})|(?:{_WEAK}))(?P<rest>[\w-]{{0,24}})"
    r"(?:"
    # a literal, after a name, a key or an argument, with or without an annotation
    r"(?:[\"']?\s*\]?\s*(?::[^=\n\"']{1,40})?(?:=>|:=|==|!=|=|:|,)\s*)"
    r"[rbfu]{0,2}(?:\"\"\"|\'\'\'|\"|'|`)(?P<value>[^\n\"'`]{4,400})(?=[\"'`]|\Z)"
    # or the rest of a line NAME=value, in shell or settings files
    r"|\s*=(?P<bare>[^\s\"'#$(){}\[\],;]{6,400})[ \t]*$"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_NAME_STARTS = (
    *("pass", "pwd", "secret", "token", "api", "access", "private", "auth", "signing"),
    *("encryption", "credential", "bearer", "cookie"),
)
_LINE_HEAD = re.compile(r"[ \t]*(?:export\s+|set\s+|env\s+)?\w*\Z", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:error|message|msg|label|help|hint|title|text|url|uri|endpoint|name|field|header|type|"
    r"path|file|dir|prefix|suffix|format|regex|pattern|policy|param|column|class|id_field|ref)s?\Z",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\A(?:[$%<{*.xX-]|REDACTED|https?://|\w+\(|None\Z|null\Z|true\Z|false\Z)")
_SETTING = re.compile(
    rf"[ \t]*(?:-[ \t]+|export[ \t]+)?[\w.-]{{0,40}}?(?:(?P<strong>{_STRONG})|(?:{_WEAK}))"
    r"(?P<rest>[\w-]{0,24})[ \t]*[:=][ \t]*(?P<value>[^\s\"'`(){}\[\]<>,;]{4,400})"
    r"[ \t]*(?:[#;].*)?\Z",
    re.IGNORECASE,
)
_SETTINGS_LINE = re.compile(
    r"[ \t]*(?:[#;\[{}\]]|//|-[ \t]|---"
    r"|(?:export[ \t]+)?[\"']?[\w./-]+[\"']?[ \t]*[:=](?![=:])(?!.*[(){]\Z))"
)
_NOT_IN_NAMES = re.compile(r"[!@#$?]")
_QUOTED = re.compile(r"([\"'`])([A-Za-z0-9+/=_.-]{20,400})\1")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def redact(text: str) -> str:
    """The text with every secret that was recognised replaced by `PLACEHOLDER`."""
    if len(text) < LEAST_CHARS:
        return text
    text = _KEY_BLOCK.sub(_blank_key, text)
    text = _KEY_TAIL.sub(PLACEHOLDER + "\n", text)
    for secret in found_in(text):
        if PLACEHOLDER not in secret and _has_digit(secret):
            text = text.replace(secret, PLACEHOLDER)
    text = UNFINISHED.sub(PLACEHOLDER, text)
    text = _URL_PASSWORD.sub(rf"\1{PLACEHOLDER}", text)
    text = _AUTHORIZATION.sub(_blank_authorization, text)
    text = _blank_settings(_blank_all_named(text))
    return _QUOTED.sub(_blank_entropy, text)


def redact_around(prefix: str, suffix: str) -> tuple[str, str]:
    """Both sides of a place without their secrets, the one that the place lies in included."""
    before, after = secret_across(prefix, suffix)
    if before:
        prefix = prefix[:-before] + PLACEHOLDER
    elif after:
        suffix = PLACEHOLDER + suffix[after:]
        after = 0
    return redact(prefix), redact(suffix[after:])


def secret_across(prefix: str, suffix: str) -> tuple[int, int]:
    """How many characters before and after a place belong to a secret that the text on both
    sides shows; (0, 0) where each side can be judged by itself."""
    if _OPEN_KEY.search(prefix):
        key = suffix.partition("-----END ")[0]
        return 0, len(key) if _KEY_TEXT.search(key) else 0
    head_size = len(prefix) - prefix.rfind("\n") - 1
    start, end = _redacted_part(prefix, suffix.partition("\n")[0])
    if end <= head_size:
        return 0, 0
    return max(0, head_size - start), end - head_size


def redact_after(prefix: str, text: str) -> str:
    """A text without its secrets, where `prefix` (or its end) stands before it."""
    if _OPEN_KEY.search(prefix):
        key, end_line, after = text.partition("-----END ")
        return _KEY_TEXT.sub(PLACEHOLDER, key) + end_line + redact(after)
    line, newline, rest = text.partition("\n")
    head_size = len(prefix) - prefix.rfind("\n") - 1
    start, end = _redacted_part(prefix, line)
    if end > head_size:
        line = line[: max(0, start - head_size)] + PLACEHOLDER + line[end - head_size :]
    if rest:
        whole = prefix[-AROUND_CHARS:] + text
        lines = redact(whole).split("\n")
        # A key block changes the number of lines; settings and tokens do not.
        is_aligned = len(lines) == whole.count("\n") + 1
        rest = "\n".join(lines[-1 - rest.count("\n") :]) if is_aligned else redact(rest)
    return redact(line + newline + rest)


def _redacted_part(prefix: str, rest: str) -> tuple[int, int]:
    """From where to where the last line of prefix and rest changes; (0, 0) when it does not."""
    whole = prefix[-AROUND_CHARS:] + rest
    line = (prefix + rest)[prefix.rfind("\n") + 1 :]
    redacted = redact(whole).rpartition("\n")[2]
    same = min(len(line), len(redacted))
    if line == redacted:
        return 0, 0
    start = next((at for at in range(same) if line[at] != redacted[at]), same)
    left = same - start
    end = next((at for at in range(left) if line[-1 - at] != redacted[-1 - at]), left)
    return start, len(line) - end


def _blank_key(found: re.Match[str]) -> str:
    head, body, end = found.groups()
    if not _KEY_TEXT.search(body):
        return found.group()
    if end:
        return f"{head}\n{PLACEHOLDER}\n{end}"
    # Cut off in the middle: only what looks like the key goes, code after it stays.
    return head + _KEY_TEXT.sub(PLACEHOLDER, body)


def _blank_authorization(found: re.Match[str]) -> str:
    scheme, value = found.groups()
    is_secret = _has_digit(value) and any(one.isalpha() for one in value)
    return scheme + PLACEHOLDER if is_secret and PLACEHOLDER not in value else found.group()


def _blank_all_named(text: str) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters are longer in lower case
        return _NAMED.sub(_blank_named, text)
    starts = sorted(at for start in _NAME_STARTS for at in _places(lowered, start))
    parts: list[str] = []
    done = 0
    for at in starts:
        if at >= done and (found := _NAMED.match(text, at)):
            parts += (text[done:at], _blank_named(found))
            done = found.end()
    return "".join((*parts, text[done:]))


def _places(text: str, literal: str) -> Iterator[int]:
    at = text.find(literal)
    while at >= 0:
        yield at
        at = text.find(literal, at + 1)


def _blank_named(found: re.Match[str]) -> str:
    value = found["value"]
    if value is None:
        return _blank_line(found)
    if _REFERENCE.match(value) or _ABOUT.search(found["rest"]):
        return found.group()
    is_name = value.isidentifier() and not _has_digit(value)
    if (
        is_name
        and found.group()[: found.start("value") - found.start()].rstrip("\"'` ")[-1:] == ","
    ):
        return found.group()  # the next of several names, as in `hasattr(password, "is_set")`
    if found["strong"]:
        # A sentence about passwords is not one; a password rarely has several words.
        is_secret = value.count(" ") < 2 and not value.isspace()
    else:
        mixed = _has_digit(value) and any(c.isalpha() for c in value)
        is_secret = " " not in value and (
            (len(value) >= 8 and mixed) or (len(value) >= 16 and _entropy(value) >= 3.5)
        )
    if not is_secret:
        return found.group()
    return found.group()[: found.start("value") - found.start()] + PLACEHOLDER


def _blank_line(found: re.Match[str]) -> str:
    """A line of a settings file, unless it is code that assigns a name or an attribute."""
    value, text = found["bare"], found.string
    head = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    is_code = value.replace(".", "").isidentifier() and not _has_digit(value)
    if is_code or _REFERENCE.match(value) or not _LINE_HEAD.match(head):
        return found.group()
    return found.group()[: found.start("bare") - found.start()] + PLACEHOLDER


def _blank_settings(text: str) -> str:
    """Bare values given to names that say secret, each on a line of its own."""
    lowered = text.lower()
    if not any(start in lowered for start in _NAME_STARTS):
        return text
    lines = text.split("\n")
    are_settings = _are_settings(lines)
    for at, line in enumerate(lines):
        if (found := _SETTING.match(line)) and _is_secret_setting(found, are_settings):
            lines[at] = line[: found.start("value")] + PLACEHOLDER + line[found.end("value") :]
    return "\n".join(lines)


def _is_secret_setting(found: re.Match[str], are_settings: bool) -> bool:
    value = found["value"]
    if _REFERENCE.match(value) or _ABOUT.search(found["rest"]):
        return False
    has_digit, has_letter = _has_digit(value), any(one.isalpha() for one in value)
    if not are_settings:
        # In code this is an expression or an annotation, unless it can be neither.
        is_mixed = has_digit and has_letter and len(value) >= LEAST_CHARS
        return is_mixed and bool(found["strong"]) and bool(_NOT_IN_NAMES.search(value))
    if found["strong"]:
        is_path = value.replace(".", "").isidentifier() and not value.isalpha()
        is_word = value.isalpha() and len(value) < 10 and value[1:].islower()
        return has_digit or not (is_path or is_word)
    return (has_digit and has_letter and len(value) >= LEAST_CHARS) or (
        len(value) >= 16 and _entropy(value) >= 3.5
    )


def _are_settings(lines: list[str]) -> bool:
    """Whether a text gives values to names and does little else."""
    written = [line for line in lines[:400] if line.strip()]
    like = sum(bool(_SETTINGS_LINE.match(line)) for line in written)
    return len(written) >= SETTINGS_LINES and like >= SETTINGS_SHARE * len(written)


def _blank_entropy(found: re.Match[str]) -> str:
    quote, value = found.groups()
    if _HEX.match(value):
        is_secret = len(value) >= 32 and _entropy(value) > 3.0 and not value.isdecimal()
    else:
        classes = sum(
            any(test(c) for c in value) for test in (str.isdigit, str.isupper, str.islower)
        )
        is_secret = classes == 3 and _entropy(value) > 4.5
    return f"{quote}{PLACEHOLDER}{quote}" if is_secret else found.group()


def _entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values())


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)
