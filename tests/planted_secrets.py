"""A corpus of planted secrets: 22 kinds, in files that look like people's.

Every secret is drawn from a seed when it is wanted, so nothing that looks like one is
written down here; prefixes that scanners know are put together from halves.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LOWER_HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
ALNUM = string.ascii_letters + string.digits
TOKEN = ALNUM + "-_"
BASE64 = ALNUM + "+/"
SEED = 20_260
WINDOW = 12
"""A secret is found where so many characters of it in a row are found."""


@dataclass(frozen=True)
class Planted:
    """One file's text, and the secret in it; `pieces` is what must not be found anywhere."""

    kind: str
    path: str
    text: str
    secret: str

    @property
    def pieces(self) -> tuple[str, ...]:
        """Stretches of the secret, from its start, its middle and its end."""
        pieces: list[str] = []
        for line in self.secret.splitlines():
            if "-----" in line:
                continue
            body = line[-len(line) * 3 // 4 :] if len(line) > 2 * WINDOW else line
            width = min(WINDOW, len(body))
            pieces += [body[at : at + width] for at in (0, (len(body) - width) // 2)]
            pieces.append(body[-width:])
        return tuple(dict.fromkeys(pieces))


Draw = Callable[[int, str], str]
Kind = tuple[Callable[[Draw], str], tuple[tuple[str, str], ...]]
"""How a secret is made, and the files (name, text with `{}`) it is planted in."""

_PYTHON = (
    "settings.py",
    '"""Settings."""\n\nimport os\n\nDEBUG = False\n{line}\n\n\ndef load():\n    return DEBUG\n',
)
_CLIENT = (
    "client.py",
    "import httpx\n\n\ndef make_client(base):\n    # the staging account\n    {line}\n"
    "    return httpx.Client(base_url=base)\n",
)
_YAML = ("config.yaml", "service:\n  name: orders\n  port: 8080\n  {line}\n  retries: 3\n")
_INI = ("app.cfg", "[server]\nhost = localhost\nport = 8080\n\n[account]\nuser = orders\n{line}\n")
_JSON = ("settings.json", '{{\n  "name": "orders",\n  {line},\n  "retries": 3\n}}\n')
_SHELL = ("deploy.sh", "#!/bin/sh\nset -e\ncd /srv/orders\n{line}\nmake release\n")
_JAVASCRIPT = ("client.js", 'import {{ api }} from "./api";\n\n{line}\n\nexport default api;\n')


def _in(file: tuple[str, str], line: str) -> tuple[str, str]:
    name, text = file
    return name, text.replace("{line}", line).replace("{{", "\0").replace("}}", "\1")


def _password(draw: Draw) -> str:
    return draw(6, string.ascii_letters) + draw(4, string.digits) + draw(2, "!@#$%") + "x9"


def _plain_password(draw: Draw) -> str:
    return draw(7, string.ascii_letters) + draw(5, ALNUM) + "7q"


def _key_block(name: str) -> Callable[[Draw], str]:
    def make(draw: Draw) -> str:
        lines = "\n".join(draw(64, BASE64) for _ in range(8))
        return f"-----BEGIN {name}-----\n{lines}\n{draw(40, BASE64)}\n-----END {name}-----"

    return make


def _web_token(draw: Draw) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": draw(12, LOWER), "id": draw(8, string.digits)})
    encoded = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    return ".".join((*encoded, draw(43, TOKEN)))


_ASSIGNED = (
    _in(_PYTHON, 'SERVICE_KEY = "{}"'),
    _in(_CLIENT, 'api = connect("{}")'),
    _in(_SHELL, "curl -H 'X-Key: {}' https://example.com/"),
    _in(_JAVASCRIPT, 'const client = api("{}");'),
)
_NAMED = (
    _in(_PYTHON, 'API_TOKEN = "{}"'),
    _in(_JSON, '"access_token": "{}"'),
    _in(_YAML, "api_key: {}"),
    _in(_INI, "auth_token = {}"),
)
_KEY_FILES = (
    _in(_PYTHON, 'KEY = """{}"""'),
    ("notes.md", "# Deploying\n\nUse this key:\n\n{}\n\nThen restart.\n"),
)

KINDS: dict[str, Kind] = {
    "aws key id": (lambda draw: "AK" + "IA" + draw(16, UPPER), _ASSIGNED),
    "aws secret key": (
        lambda draw: draw(40, BASE64),
        (_in(_PYTHON, 'AWS_SECRET_ACCESS_KEY = "{}"'), _in(_INI, "aws_secret_access_key = {}")),
    ),
    "google api key": (lambda draw: "AI" + "za" + draw(35, TOKEN[:-1]), _ASSIGNED),
    "google service account": (
        lambda draw: _key_block("PRIVATE KEY")(draw).replace("\n", "\\n"),
        (_in(_JSON, '"type": "service_account",\n  "private_key": "{}\\n"'),),
    ),
    "azure storage key": (
        lambda draw: draw(86, BASE64) + "==",
        (
            _in(
                _PYTHON,
                'BLOBS = "DefaultEndpointsProtocol=https;AccountName=orders;AccountKey={};'
                'EndpointSuffix=core.windows.net"',
            ),
            _in(_YAML, "storage: AccountName=orders;AccountKey={}"),
        ),
    ),
    "github token": (lambda draw: "gh" + "p_" + draw(36, ALNUM), _ASSIGNED),
    "gitlab token": (lambda draw: "gl" + "pat-" + draw(20, TOKEN[:-2]), _ASSIGNED),
    "slack token": (
        lambda draw: (
            "xo" + f"xb-{draw(12, string.digits)}-{draw(13, string.digits)}-" + draw(24, ALNUM)
        ),
        _ASSIGNED,
    ),
    "slack webhook": (
        lambda draw: (
            "https://hooks."
            + f"slack.com/services/T{draw(9, UPPER)}/B{draw(9, UPPER)}/"
            + draw(24, ALNUM)
        ),
        _ASSIGNED,
    ),
    "discord webhook": (
        lambda draw: (
            "https://dis" + f"cord.com/api/webhooks/{draw(18, string.digits)}/" + draw(68, TOKEN)
        ),
        _ASSIGNED,
    ),
    "stripe key": (lambda draw: "sk" + "_live_" + draw(24, ALNUM), _ASSIGNED),
    "twilio key": (lambda draw: "S" + "K" + draw(32, LOWER_HEX), _ASSIGNED),
    "sendgrid key": (lambda draw: "S" + f"G.{draw(22, TOKEN)}.{draw(43, TOKEN)}", _ASSIGNED),
    "npm token": (
        lambda draw: "np" + "m_" + draw(36, ALNUM),
        (*_ASSIGNED, ("publish.sh", "echo //registry.example/:_authToken={} > rc\n")),
    ),
    "pypi token": (lambda draw: "pypi-" + "AgEIcHlwaS5vcmc" + draw(120, TOKEN), _ASSIGNED),
    "web token": (_web_token, _ASSIGNED),
    "private key": (_key_block("RSA PRIVATE KEY"), _KEY_FILES),
    "ssh key": (_key_block("OPENSSH PRIVATE KEY"), _KEY_FILES),
    "password in an address": (
        _plain_password,
        (
            _in(_PYTHON, 'DATABASE_URL = "postgresql://orders:{}@db.internal:5432/orders"'),
            _in(_YAML, "broker: amqp://guest:{}@queue.internal:5672/"),
            _in(_SHELL, "git clone https://deploy:{}@git.example.com/orders.git"),
            _in(_CLIENT, 'base = base or "https://admin:{}@example.com/api"'),
        ),
    ),
    "password": (
        _password,
        (
            _in(_PYTHON, 'DB_PASSWORD = "{}"'),
            _in(_YAML, "password: {}"),
            _in(_INI, "password = {}"),
            _in(_JSON, '"password": "{}"'),
            _in(_CLIENT, 'login(user="orders", passwd="{}")'),
        ),
    ),
    "bearer token": (
        lambda draw: draw(40, ALNUM),
        (
            _in(_CLIENT, 'headers = {"Authorization": "Bearer {}"}'),
            _in(_SHELL, "curl -H 'Authorization: Bearer {}' https://example.com/orders"),
            _in(_JAVASCRIPT, "const headers = { Authorization: `Bearer {}` };"),
        ),
    ),
    "named token": (lambda draw: draw(32, ALNUM), _NAMED),
}


def plant(count: int, seed: int = SEED) -> Iterator[Planted]:
    """Planted secrets, the kinds by turns; each has a file and a folder of its own."""
    rng = random.Random(seed)

    def draw(size: int, alphabet: str) -> str:
        # A digit and a letter in each: real tokens of these sizes nearly always have both.
        text = [rng.choice(alphabet) for _ in range(size)]
        for sort in (string.digits, string.ascii_letters):
            usable = [one for one in alphabet if one in sort]
            if usable and not set(text) & set(usable):
                text[rng.randrange(size)] = rng.choice(usable)
        return "".join(text)

    kinds = list(KINDS.items())
    for number in range(count):
        kind, (make, files) = kinds[number % len(kinds)]
        name, text = files[number // len(kinds) % len(files)]
        secret = make(draw)
        whole = text.replace("{}", secret).replace("\0", "{").replace("\1", "}")
        yield Planted(kind, f"service_{number:03}/{name}", whole, secret)
