"""Secrets go, code stays.

The samples are assembled at run time, so that this file holds nothing that looks like a
secret to a scanner.
"""

from __future__ import annotations

import random
import string
import time
from pathlib import Path

import pytest

from habitus_server import store
from habitus_server.redaction import PLACEHOLDER, redact

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
        if path.name == "redaction.py":
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
