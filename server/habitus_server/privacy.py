"""Which files Habitus may read, suggest in, store and learn from.

Promises a reason for every refusal, and to refuse when in doubt. It follows links and has
ignore files read; it never reads a document. `redact` takes secrets out of what is allowed.

A file is refused when it lies outside the workspace (links are followed), is ignored (see
`ignoring`), is excluded by a setting, lies in a folder that is switched off, has a name that
is known to hold secrets or lies in a folder that does, or when its language is switched off.
"""

from __future__ import annotations

import os
import re
from fnmatch import translate
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from habitus_server.config import Privacy
from habitus_server.ignoring import IGNORE_FILES, IgnoreFiles
from habitus_server.redaction import redact
from habitus_server.utf8 import is_utf8

__all__ = ["Rules", "redact", "why_not_text"]

BINARY_PROBE_CHARS = 65_536
MAX_LINE_CHARS = 20_000
"""A text of one longer line on average is data or minified, not written by anyone."""

SECRET_NAMES = (
    # environments and settings of tools that hold passwords
    *(".env", ".env.*", "*.env", ".envrc", ".flaskenv", "secrets.*", "*.secret", "*.secrets"),
    *("credentials", "credentials.*", "*credentials*.json", "service-account*.json"),
    *("client_secret*.json", "secret*.y*ml", "*.tfvars", "*.tfvars.json", "*.tfstate*"),
    *(".netrc", "_netrc", ".npmrc", ".yarnrc.yml", ".pypirc", ".gem/credentials", "pip.conf"),
    *(".pgpass", ".my.cnf", ".mylogin.cnf", ".htpasswd", ".dockercfg", ".git-credentials"),
    *("kubeconfig", "*.kubeconfig", "application-prod*.properties", "auth.json", "hosts.yml"),
    *("wp-config.php", "local_settings.py", "master.key", "vault.y*ml", ".vault-token"),
    # keys, certificates and their stores
    *("*.pem", "*.key", "*.pkcs12", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.crt", "*.cer"),
    *("*.der", "*.csr", "*.asc", "*.gpg", "*.pgp", "*.age", "*.ppk", "*.kdb", "*.kdbx"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519", "known_hosts"),
    *("authorized_keys", "*.ovpn", "*.keychain", "*.mobileprovision", "*.snk"),
    # histories and dumps of what was typed or sent
    *(".bash_history", ".zsh_history", ".python_history", ".psql_history", "*.har", "*.pcap"),
    *("*.sqlite", "*.sqlite3", "*.db"),
)
PRIVATE_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".ssh", ".gnupg", ".aws", ".azure", ".gcloud", ".kube", ".docker"}
)
_SECRET_NAME = re.compile("|".join(translate(name) for name in SECRET_NAMES), re.IGNORECASE)
_EXAMPLE = re.compile(r"(?:example|sample|template|dist)\Z", re.IGNORECASE)


class Rules:
    """What one workspace allows."""

    def __init__(self, root: Path, privacy: Privacy) -> None:
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._privacy = privacy
        self._folders_off = [
            (name, Path(os.path.realpath(root / Path(name).expanduser())))
            for name in privacy.folders_off
        ]
        self._excluded = GitIgnoreSpec.from_lines(privacy.exclude)
        self._ignored = IgnoreFiles(self._real_root)

    def allows(self, path: str | Path, language: str = "") -> bool:
        """Whether a file may be read, suggested in, stored and learned from."""
        return not self.why_not(path, language)

    def why_not(self, path: str | Path, language: str = "") -> str:
        """Why a file is refused, as a sentence, or "" when it is allowed.

        `path` is relative to the root, or absolute.
        """
        if not is_utf8(str(path)):
            return f"{os.fsencode(path)!r} is no name in UTF-8."
        if language and language in self._privacy.languages_off:
            return f"{language} is switched off (privacy.languages_off)."
        lexical = Path(os.path.normpath(self._root / path))
        named = _below(lexical, self._root) or _below(lexical, self._real_root)
        real = _below(Path(os.path.realpath(lexical)), self._real_root)
        if not named or not real:
            return f"{path} lies outside the workspace."
        for one in dict.fromkeys((named, real)):
            for name, folder in self._folders_off:
                if (self._real_root / one).is_relative_to(folder):
                    return f"{path} lies in {name}, which is switched off (privacy.folders_off)."
            if reason := self._why_not_inside(one):
                return reason
        return ""

    def _why_not_inside(self, path: str) -> str:
        parts = PurePosixPath(path).parts
        if hidden := PRIVATE_FOLDERS.intersection((*self._real_root.parts, *parts[:-1])):
            return f"{path} lies in {min(hidden)}, which is private."
        if _is_secret(parts[-1]):
            return f"{path} has a name that is known to hold secrets."
        if self._excluded.match_file(path):
            return f"{path} is excluded (privacy.exclude)."
        if self._ignored.ignores(parts):
            return f"{path} is ignored ({' or '.join(IGNORE_FILES)})."
        return ""


def why_not_text(text: str) -> str:
    """Why a text is not somebody's code or prose, or "": it is binary, or minified."""
    probe = text[:BINARY_PROBE_CHARS]
    if "\0" in probe:
        return "The file is binary."
    if len(probe) > MAX_LINE_CHARS * (probe.count("\n") + probe.count("\r") + 1):
        return "The file has lines too long to have been written by hand."
    return ""


def _below(path: Path, root: Path) -> str:
    """A path relative to a root, or "" when it is not below it."""
    try:
        relative = path.relative_to(root).as_posix()
    except ValueError:
        return ""
    return "" if relative == "." else relative


def _is_secret(name: str) -> bool:
    """Whether a file's name is on the list; `.env.example` and the like are not."""
    return bool(_SECRET_NAME.match(name)) and not _EXAMPLE.search(name)
