"""The shapes that secrets are known by.

Promises one pattern per kind of token, key or address, each with literals of which it
needs one, so that a text can be looked through for literals, which is many times faster.
Where a pattern has groups, the longest one that matched is the secret, if it is long.

The first table holds the patterns of the detect-secrets plugins (Yelp, Apache-2.0), written
out here because that package imports an HTTP client of 19 MB to check secrets online, which
never happens here. A test compares them with the installed package.
"""

from __future__ import annotations

import re

import msgspec

LEAST_CHARS = 8
_LEAST_GROUP = 16
_IGNORE_CASE = re.IGNORECASE


class Shape(msgspec.Struct, frozen=True):
    """One kind of secret."""

    literals: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(literals: tuple[str, ...], pattern: str, flags: int = 0) -> Shape:
    return Shape(literals, re.compile(pattern, flags))


_AWS_NAME = r"(?:key|pwd|pw|password|pass|token)"
_GITLAB_END = r"(?!\w)"

PLUGINS: tuple[Shape, ...] = (
    # Artifactory
    _shape(("AKC",), r'(?:\s|=|:|"|^)AKC[a-zA-Z0-9]{10,}(?:\s|"|$)'),
    _shape(
        tuple(f"AP{one}" for one in "0123456789ABCDEF"),
        r'(?:\s|=|:|"|^)AP[\dABCDEF][a-zA-Z0-9]{8,}(?:\s|"|$)',
    ),
    # Amazon: key ids, and the keys given to names that say so
    _shape(
        ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"),
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",
    ),
    _shape(
        ("aws", "AWS", "Aws"),
        rf"aws.{{0,20}}?{_AWS_NAME}.{{0,20}}?['\"]([0-9a-zA-Z/+]{{40}})['\"]",
        _IGNORE_CASE,
    ),
    _shape(("AccountKey=",), r"AccountKey=[a-zA-Z0-9+\/=]{88}"),
    _shape((".",), r"[MNO][a-zA-Z\d_-]{23,25}\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}"),  # Discord
    _shape(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9_]{36}"),
    # GitLab
    _shape(
        ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-"),
        rf"(glpat|gldt|glft|glsoat|glrt)-[A-Za-z0-9_\-]{{20,50}}{_GITLAB_END}",
    ),
    _shape(("GR1348941",), rf"GR1348941[A-Za-z0-9_\-]{{20,50}}{_GITLAB_END}"),
    _shape(("glcbt-",), rf"glcbt-([0-9a-fA-F]{{2}}_)?[A-Za-z0-9_\-]{{20,50}}{_GITLAB_END}"),
    _shape(("glimt-",), rf"glimt-[A-Za-z0-9_\-]{{25}}{_GITLAB_END}"),
    _shape(("glptt-",), rf"glptt-[A-Za-z0-9_\-]{{40}}{_GITLAB_END}"),
    _shape(("glagent-",), rf"glagent-[A-Za-z0-9_\-]{{50,1024}}{_GITLAB_END}"),
    _shape(("gloas-",), rf"gloas-[A-Za-z0-9_\-]{{64}}{_GITLAB_END}"),
    _shape(("-us",), r"[0-9a-z]{32}-us[0-9]{1,2}"),  # Mailchimp
    _shape(("_authToken",), r"\/\/.+\/:_authToken=\s*((npm_.+)|([A-Fa-f0-9-]{36})).*"),
    _shape(("T3BlbkFJ",), r"sk-[A-Za-z0-9-_]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    _shape(("pypi-AgE",), r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9-_]{70,}"),
    _shape(("pypi-AgE",), r"pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9-_]{70,}"),
    _shape(("SG.",), r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),  # SendGrid
    # Slack
    _shape(("xox", "XOX"), r"xox(?:a|b|p|o|s|r)-(?:\d+-)+[a-z0-9]+", _IGNORE_CASE),
    _shape(
        ("hooks.slack.com",),
        r"https://hooks\.slack\.com/services/T[a-zA-Z0-9_]+/B[a-zA-Z0-9_]+/[a-zA-Z0-9_]+",
        _IGNORE_CASE,
    ),
    _shape(("sq0csp-",), r"sq0csp-[0-9A-Za-z\\\-_]{43}"),  # Square
    _shape(("k_live_",), r"(?:r|s)k_live_[0-9a-zA-Z]{24}"),  # Stripe
    _shape((":AA",), r"\d{8,10}:[0-9A-Za-z_-]{35}"),  # Telegram
    _shape(("AC",), r"AC[a-z0-9]{32}"),  # Twilio
    _shape(("SK",), r"SK[a-z0-9]{32}"),
)

NEWER: tuple[Shape, ...] = (
    _shape(("AIza",), r"\bAIza[\w-]{35}"),  # Google
    _shape(("GOCSPX-",), r"\bGOCSPX-[\w-]{20,}"),
    _shape(("ya29.",), r"\bya29\.[\w-]{20,}"),
    _shape(("sk-",), r"\bsk-(?:ant|proj|or|svcacct)-[\w-]{20,}"),  # model providers
    _shape(("hf_",), r"\bhf_[0-9A-Za-z]{30,}"),  # Hugging Face
    _shape(("github_pat_",), r"\bgithub_pat_\w{50,}"),
    _shape(("npm_",), r"\bnpm_[0-9A-Za-z]{36}\b"),
    _shape(("k_test_", "whsec_"), r"\b(?:[rs]k_test_|whsec_)[0-9A-Za-z+/=]{24,}"),  # Stripe
    _shape(("xapp-",), r"\bxapp-\d-\w+-\d+-[0-9a-f]{32,}"),  # Slack
    _shape(("dop_v1_",), r"\bdop_v1_[0-9a-f]{64}"),  # DigitalOcean
    _shape(("dapi",), r"\bdapi[0-9a-f]{32}"),  # Databricks
    _shape(("shp",), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),  # Shopify
    _shape(("eyJ",), r"\beyJ[\w=-]{10,}\.[\w=-]{10,}(?:\.[\w=+/-]+)?"),  # JSON web tokens
    _shape(("AGE-SECRET-KEY-1",), r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}"),
    # addresses that let whoever knows them write somewhere
    _shape(
        ("webhooks/",),
        r"(?:https://)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,20}/[\w-]{40,}",
    ),
    _shape((".webhook.office.com",), r"webhook\.office\.com/webhookb2/([\w@/-]{60,})"),
    _shape(("sig=",), r"[?&]sig=([\w%+/=-]{32,})"),  # Azure shared access signatures
)

UNFINISHED = re.compile(
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{2,}|(?:AIza|GOCSPX-|ya29\.|sk-(?:ant|proj)-|hf_|gh[pousr]_|"
    r"github_pat_|glpat-|npm_|pypi-AgE|SG\.|xox[abposr]-|[rs]k_(?:live|test)_|whsec_|dop_v1_|"
    r"shp(?:at|ca|pa|ss)_|eyJ|AccountKey=)[\w.+/=-]{2,}|(?:SK|AC)[0-9a-f]{6,}"
    r"|(?:https?://)?(?:hooks\.slack\.com/|discord(?:app)?\.com/api/|[\w.-]+\.webhook\.office\.com/)"
    r"[\w@/-]*)\Z"
)
"""A token that the end of a text cuts off, as while it is being typed."""


def found_in(text: str) -> list[str]:
    """Every secret in a text that one of the shapes fits, first come first."""
    return [
        secret
        for shape in (*NEWER, *PLUGINS)
        if any(literal in text for literal in shape.literals)
        for match in shape.pattern.finditer(text)
        if len(secret := _secret(match)) >= LEAST_CHARS
    ]


def _secret(match: re.Match[str]) -> str:
    """A group is the secret itself, or only the alternatives of its prefix."""
    group = max((part or "" for part in match.groups()), key=len, default="")
    # Some patterns take in what stands around a token.
    return group if len(group) >= _LEAST_GROUP else match.group().strip(' \t\r\n"=:')
