"""Secrets out of text that is allowed otherwise.

Promises that `redact` puts `PLACEHOLDER` in place of keys, tokens, passwords and key blocks,
the same way every time, and leaves redacted text alone. It is not proof against every
secret: files known to hold them are refused as a whole by `privacy`.

Four nets, from certain to likely: private key blocks; the token shapes that the
detect-secrets plugins know, with some newer ones; literals given to names that say secret;
long quoted strings of high entropy.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module

PLACEHOLDER = "REDACTED"
LEAST_GROUP = 16

_KEY_BLOCK = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)"
    r"(.*?)(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
# An excerpt may begin inside a key: what stands before its end line is base64.
_KEY_TAIL = re.compile(
    r"\A(?:[^\n]{0,4}[A-Za-z0-9+/=]{1,80}\W{0,8}\n)+(?=[^\n]{0,4}-----END [A-Z0-9 ]*PRIVATE KEY)"
)
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=]{16,}")

# Every shape is looked for only where a literal that it needs is found: searching for
# literals is many times faster than for patterns, and most texts hold none.
_PLUGINS = {
    # module of detect_secrets.plugins: its class, and the literals of which it needs one
    "artifactory": ("ArtifactoryDetector", ("AKC", *(f"AP{c}" for c in "0123456789ABCDEF"))),
    "aws": ("AWSKeyDetector", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws", "AWS")),
    "azure_storage_key": ("AzureStorageKeyDetector", ("AccountKey=",)),
    "discord": ("DiscordBotTokenDetector", (".",)),
    "github_token": ("GitHubTokenDetector", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "gitlab_token": ("GitLabTokenDetector", ("gl", "GR1348941")),
    "mailchimp": ("MailchimpDetector", ("-us",)),
    "npm": ("NpmDetector", ("_authToken",)),
    "openai": ("OpenAIDetector", ("T3BlbkFJ",)),
    "pypi_token": ("PypiTokenDetector", ("pypi-AgE",)),
    "sendgrid": ("SendGridDetector", ("SG.",)),
    "slack": ("SlackDetector", ("xox", "hooks.slack.com")),
    "square_oauth": ("SquareOAuthDetector", ("sq0csp-",)),
    "stripe": ("StripeDetector", ("k_live_",)),
    "telegram_token": ("TelegramBotTokenDetector", (":AA",)),
    "twilio": ("TwilioKeyDetector", ("AC", "SK")),
}
_NEWER = {
    "AIza": r"\bAIza[\w-]{35}",  # Google
    "sk-": r"\bsk-(?:ant|proj|or|svcacct)-[\w-]{20,}",  # model providers
    "hf_": r"\bhf_[0-9A-Za-z]{30,}",  # Hugging Face
    "github_pat_": r"\bgithub_pat_\w{50,}",
    "dop_v1_": r"\bdop_v1_[0-9a-f]{64}",  # DigitalOcean
    "dapi": r"\bdapi[0-9a-f]{32}",  # Databricks
    "shp": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    "ya29.": r"\bya29\.[\w-]{20,}",  # Google OAuth
    "eyJ": r"\beyJ[\w=-]{10,}\.[\w=-]{10,}(?:\.[\w=+/-]+)?",  # JSON web tokens
    "AGE-SECRET-KEY-1": r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}",
}
_URL_PASSWORD = re.compile(r"(://[^\s:/@'\"{}<>]{0,64}:)([^\s/@'\"{}<>$]+)(?=@)")

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
    r"[rbfu]{0,2}(?:\"\"\"|\'\'\'|\"|'|`)(?P<value>[^\n\"'`]{4,400})(?=[\"'`])"
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
    r"path|file|dir|prefix|suffix|format|regex|pattern|policy|param|column|class|id_field)s?\Z",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\A(?:[$%<{*.xX-]|REDACTED|https?://|\w+\(|None\Z|null\Z|true\Z|false\Z)")
_QUOTED = re.compile(r"([\"'`])([A-Za-z0-9+/=_.-]{20,400})\1")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def redact(text: str) -> str:
    """The text with every secret that was recognised replaced by `PLACEHOLDER`."""
    if len(text) < 8:
        return text
    text = _KEY_BLOCK.sub(_blank_key, text)
    text = _KEY_TAIL.sub(PLACEHOLDER + "\n", text)
    for literal, shape in _NEWER.items():
        if literal in text:
            text = re.sub(shape, PLACEHOLDER, text)
    text = _URL_PASSWORD.sub(rf"\1{PLACEHOLDER}", text)
    for secret in _known_shapes(text):
        if len(secret) >= 8 and PLACEHOLDER not in secret and _has_digit(secret):
            text = text.replace(secret, PLACEHOLDER)
    text = _blank_all_named(text)
    return _QUOTED.sub(_blank_entropy, text)


def _blank_key(found: re.Match[str]) -> str:
    head, body, end = found.groups()
    if not _KEY_TEXT.search(body):
        return found.group()
    if end:
        return f"{head}\n{PLACEHOLDER}\n{end}"
    # Cut off in the middle: only what looks like the key goes, code after it stays.
    return head + _KEY_TEXT.sub(PLACEHOLDER, body)


def _known_shapes(text: str) -> Iterator[str]:
    for module, (name, literals) in _PLUGINS.items():
        if any(literal in text for literal in literals):
            for shape in _shapes(module, name):
                for found in shape.finditer(text):
                    # A group is the secret itself, or only the alternatives of its prefix.
                    group = max((part or "" for part in found.groups()), key=len, default="")
                    yield group if len(group) >= LEAST_GROUP else found.group()


@cache
def _shapes(module: str, name: str) -> tuple[re.Pattern[str], ...]:
    # Loaded when first needed: the package imports an HTTP client (15 MB), for checking
    # secrets online, which never happens here.
    plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
    return tuple(plugin.denylist)


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


def _blank_entropy(found: re.Match[str]) -> str:
    quote, value = found.groups()
    if _HEX.match(value):
        is_secret = len(value) >= 32 and _entropy(value) > 3.0
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
