"""Secrets go, code stays.

The samples are assembled at run time, so that this file holds nothing that looks like a
secret to a scanner.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import string
import sysconfig
import time
from pathlib import Path

import pytest

from habitus_server import shapes, store
from habitus_server.redaction import PLACEHOLDER, redact, redact_after, redact_around
from planted_secrets import KINDS, Planted, plant

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits


def noise(size: int, alphabet: str = ALNUM, seed: int = 9) -> str:
    rng = random.Random(seed)
    return "".join(rng.choice(alphabet) for _ in range(size - 1)) + "7"


SECRETS = {
    "aws": "AK" + "IA" + noise(16, string.ascii_uppercase + string.digits),
    "github": "gh" + "p_" + noise(36),
    "github fine-grained": "github" + "_pat_" + noise(60),
    "gitlab": "gl" + "pat-" + noise(20),
    "slack": "xo" + "xb-123456789012-1234567890123-" + noise(24, string.ascii_lowercase + "012"),
    "stripe": "sk" + "_live_" + noise(24),
    "google": "AI" + "za" + noise(35),
    "hugging face": "h" + "f_" + noise(34),
    "anthropic": "sk-" + "ant-" + noise(40),
    "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + noise(80),
    "web token": "ey" + "J" + noise(20) + ".ey" + "J" + noise(30) + "." + noise(30),
    "sendgrid": "SG" + "." + noise(22) + "." + noise(43),
    "telegram": "123456789:" + "AA" + noise(33),
    "twilio": "SK" + noise(32, HEX),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_known_tokens_go_wherever_they_stand(kind: str) -> None:
    secret = SECRETS[kind]
    for text in (f'call("{secret}")', f"# see {secret} \n", f"x = ['{secret}', 1]"):
        redacted = redact(text)
        assert secret not in redacted
        assert PLACEHOLDER in redacted


@pytest.mark.parametrize(
    "template",
    [
        'password = "{}"',
        "PASSWORD='{}'",
        'db_password: str = "{}"',
        '{{"password": "{}"}}',
        "connect(user, passwd='{}')",
        'config["secret"] = "{}"',
        'os.environ.get("SECRET_KEY", "{}")',
        "my-secret: '{}'",
        'if secret == "{}":',
        "client_secret => '{}'",
        "export DB_PASSWORD={}",
        "API_TOKEN={}",
        'api_key = "{}"',
        'headers = {{"X-Auth-Token": "{}"}}',
        "postgres://admin:{}@db.example.com/app",
    ],
)
def test_literals_with_secret_names_go(template: str) -> None:
    value = "hunter2" + "Zq9"
    text = f"a = 1\n{template.format(value)}\nb = 2\n"
    redacted = redact(text)
    assert value not in redacted
    assert redacted == text.replace(value, PLACEHOLDER)


@pytest.mark.parametrize(
    "code",
    [
        "password = getpass()",
        "password = self.password",
        "token = request.headers.get('Authorization')",
        'token_type = "bearer"',
        'PASSWORD_ERROR = "The password is wrong"',
        'password_field = "password1"',
        'secret = os.environ["APP_SECRET"]',
        'password = "${DB_PASSWORD}"',
        "def login(user: str, password: str) -> Token:",
        "tokens = tokenizer.encode(text)",
        "for token in tokens:",
        "raise ValueError('password must have at least 8 characters')",
        'key = "name"',
        "return hashlib.sha256(secret.encode()).hexdigest()",
        'cookie = "session"',
        "self.token = token",
        "token=token, password=password",
        "url = 'https://example.com/some/long/path/with-many-parts/index.html'",
        "from package.subpackage.module_with_long_name import SomeVeryLongClassName",
    ],
)
def test_code_about_secrets_stays(code: str) -> None:
    assert redact(code) == code


def test_key_blocks_go_whole_or_cut() -> None:
    begin, end = (f"-----{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
    lines = [noise(64, ALNUM + "+/", seed) for seed in range(6)]
    body = "\n".join(lines)
    whole = f'KEY = """{begin}\n{body}\n{end}"""\nx = 1\n'
    assert redact(whole) == f'KEY = """{begin}\n{PLACEHOLDER}\n{end}"""\nx = 1\n'
    for cut in (f"x = 1\n{begin}\n{body}", f"{body}\n{end}\nx = 1\n"):
        redacted = redact(cut)
        assert not any(line in redacted for line in lines)
        assert "x = 1" in redacted


def test_quoted_noise_goes() -> None:
    secret = noise(44, ALNUM + "+/")
    assert redact(f'x = "{secret}"') == f'x = "{PLACEHOLDER}"'
    digest = noise(64, HEX)
    assert redact(f"x = '{digest}'") == f"x = '{PLACEHOLDER}'"


def test_redaction_is_repeatable_and_leaves_its_own_work_alone() -> None:
    text = "\n".join(f'{name.replace(" ", "_")} = "{value}"' for name, value in SECRETS.items())
    once = redact(text)
    assert once == redact(text)
    assert redact(once) == once


def test_this_projects_own_code_stays_as_it_is() -> None:
    paths = sorted(Path(store.__file__).parent.glob("*.py"))
    assert len(paths) > 10
    for path in paths:
        if path.name in ("redaction.py", "shapes.py"):
            continue  # it quotes the shapes that secrets have
        text = path.read_text(encoding="utf-8")
        assert redact(text) == text, path.name


def test_an_excerpt_is_redacted_in_milliseconds() -> None:
    excerpt = Path(store.__file__).read_text(encoding="utf-8")[:6_000]
    redact(excerpt)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        redact(excerpt)
        times.append((time.perf_counter() - begun) * 1_000)
    assert min(times) < 20, f"{min(times):.1f} ms"


@pytest.mark.parametrize(
    "unit", ["a", "=", "'", "password", "-----BEGIN PRIVATE KEY-----", "//:", "\n"]
)
def test_repetition_does_not_make_it_slow(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    begun = time.perf_counter()
    redact(text)
    assert time.perf_counter() - begun < 2.0


def test_every_planted_secret_goes() -> None:
    corpus = list(plant(200))
    assert len({one.kind for one in corpus}) == len(KINDS) >= 20
    left = [one.kind for one in corpus if any(piece in redact(one.text) for piece in one.pieces)]
    assert left == []


def test_a_secret_that_a_place_lies_in_goes_from_both_sides() -> None:
    left = []
    for one in plant(2 * len(KINDS)):
        start = one.text.index(one.secret)
        for at in range(start + 6, start + len(one.secret), len(one.secret) // 8):
            sides = redact_around(one.text[:at], one.text[at:])
            left += [one.kind for side in sides if any(piece in side for piece in one.pieces)]
    assert left == []


@pytest.mark.parametrize("typed", [0, 5])
def test_a_suggestion_that_is_a_secret_where_it_stands_goes(typed: int) -> None:
    left = []
    for one in plant(2 * len(KINDS)):
        at = one.text.index(one.secret) + typed
        line = one.text[at:].partition("\n")[0]
        clean = redact_after(one.text[:at], line)
        left += [one.kind for piece in one.pieces if piece in clean]
    assert left == []


def test_a_password_as_it_is_typed_never_shows_more_than_its_beginning() -> None:
    for one in _of_kind("password", "password in an address", "github token"):
        start = one.text.index(one.secret)
        for at in range(start + 6, start + len(one.secret) + 1):
            clean = redact(one.text[:at])
            assert one.secret[:6] not in clean, f"{one.path}: {clean[-60:]}"


def test_a_place_without_secrets_stays_as_it_is() -> None:
    code = Path(store.__file__).read_text(encoding="utf-8")
    for at in range(0, len(code), 97):
        assert redact_around(code[:at], code[at:]) == (code[:at], code[at:])
        assert redact_after(code[:at], code[at : at + 80]) == code[at : at + 80]


# By names, entropy or nets of our own, or (Telegram) by a narrower pattern.
JUDGED_OTHERWISE = frozenset(
    (
        *("base", "basic_auth", "cloudant", "high_entropy_strings", "ibm_cloud_iam"),
        *("ibm_cos_hmac", "ip_public", "jwt", "keyword", "private_key", "softlayer"),
        "telegram_token",
    )
)


def test_every_pattern_of_detect_secrets_is_known() -> None:
    import detect_secrets.plugins as package

    ours = {_without_quotes(shape.pattern) for shape in shapes.PLUGINS}
    for name in (module.name for module in pkgutil.iter_modules(package.__path__)):
        if name in JUDGED_OTHERWISE:
            continue
        room = importlib.import_module(f"{package.__name__}.{name}")
        (detector,) = (
            one
            for one in vars(room).values()
            if isinstance(one, type) and one.__module__ == room.__name__
        )
        for pattern in detector().denylist:
            assert _without_quotes(pattern) in ours, name


def _without_quotes(pattern: re.Pattern[str]) -> str:
    return re.sub(r"""\\?["']""", "", pattern.pattern)


ORDINARY = ("asyncio", "email", "http", "json", "urllib")
"""Packages of the standard library: over 10,000 lines, with passwords for a subject."""


def test_ordinary_code_stays_but_for_one_line_in_ten_thousand() -> None:
    library = Path(sysconfig.get_paths()["stdlib"])
    lines = changed = 0
    for path in sorted(one for name in ORDINARY for one in (library / name).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        redacted = redact(text)
        lines += text.count("\n")
        pairs = zip(text.split("\n"), redacted.split("\n"), strict=True)
        changed += sum(before != after for before, after in pairs)
    assert lines >= 10_000
    assert changed * 10_000 <= lines, f"{changed} of {lines:,} lines"


def _of_kind(*kinds: str) -> list[Planted]:
    return [one for one in plant(5 * len(KINDS)) if one.kind in kinds]
