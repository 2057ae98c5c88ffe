"""Which files Habitus may read, suggest in, store and learn from.

Promises a reason for every refusal, and to refuse when in doubt. It reads ignore files and
follows links; it never reads a document. `redact` takes secrets out of what is allowed.

A file is refused when it lies outside the workspace (links are followed), is ignored by
`.gitignore` or `.habitusignore` at any level or by `.git/info/exclude`, is excluded by a
setting, has a name that is known to hold secrets, or its language is switched off.
"""

from __future__ import annotations

import os
import re
from fnmatch import translate
from pathlib import Path, PurePosixPath

import msgspec
from pathspec import GitIgnoreSpec

from habitus_server.config import Privacy
from habitus_server.redaction import redact

__all__ = ["Rules", "redact", "why_not_text"]

IGNORE_FILES = (".gitignore", ".habitusignore")
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


class _Spec(msgspec.Struct):
    """The rules of one ignore file, and which version of it they are."""

    stamp: tuple[int, int, int]
    rules: GitIgnoreSpec


class Rules:
    """What one workspace allows. Ignore files are read again when they change."""

    def __init__(self, root: Path, privacy: Privacy) -> None:
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._privacy = privacy
        self._excluded = GitIgnoreSpec.from_lines(privacy.exclude)
        self._specs: dict[str, _Spec | None] = {}

    def allows(self, path: str | Path, language: str = "") -> bool:
        """Whether a file may be read, suggested in, stored and learned from."""
        return not self.why_not(path, language)

    def why_not(self, path: str | Path, language: str = "") -> str:
        """Why a file is refused, as a sentence, or "" when it is allowed.

        `path` is relative to the root, or absolute.
        """
        if language and language in self._privacy.languages_off:
            return f"{language} is switched off (privacy.languages_off)."
        lexical = Path(os.path.normpath(self._root / path))
        named = _below(lexical, self._root) or _below(lexical, self._real_root)
        real = _below(Path(os.path.realpath(lexical)), self._real_root)
        if not named or not real:
            return f"{path} lies outside the workspace."
        for one in dict.fromkeys((named, real)):
            if reason := self._why_not_inside(one):
                return reason
        return ""

    def _why_not_inside(self, path: str) -> str:
        parts = PurePosixPath(path).parts
        if hidden := PRIVATE_FOLDERS.intersection(parts[:-1]):
            return f"{path} lies in {min(hidden)}, which is private."
        if _is_secret(parts[-1]):
            return f"{path} has a name that is known to hold secrets."
        if self._excluded.match_file(path):
            return f"{path} is excluded (privacy.exclude)."
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth]) + ("/" if depth < len(parts) else "")
            if self._is_ignored(part, depth):
                return f"{path} is ignored ({' or '.join(IGNORE_FILES)})."
        return ""

    def _is_ignored(self, path: str, depth: int) -> bool:
        """Whether ignore files at or above a path's folder ignore it; the deepest decides.

        Git's rule: a file below an ignored folder cannot be taken back, which is why the
        caller asks for the folders first.
        """
        parts = path.rstrip("/").split("/")
        for name in IGNORE_FILES:
            verdict: bool | None = None
            if name == ".gitignore":
                verdict = self._decide(".git/info/exclude", path)
            for level in range(depth):
                folder = "/".join(parts[:level])
                below = path[len(folder) + 1 :] if folder else path
                found = self._decide(f"{folder}/{name}" if folder else name, below)
                verdict = found if found is not None else verdict
            if verdict:
                return True
        return False

    def _decide(self, ignore_file: str, path: str) -> bool | None:
        spec = self._spec(ignore_file)
        return None if spec is None else spec.rules.check_file(path).include

    def _spec(self, ignore_file: str) -> _Spec | None:
        """The rules of an ignore file as it is now; None where there is none."""
        full = self._root / ignore_file
        try:
            stat = full.stat()
        except OSError:
            self._specs[ignore_file] = None
            return None
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._specs.get(ignore_file)
        if known is None or known.stamp != stamp:
            known = _Spec(stamp, _read_rules(full))
            self._specs[ignore_file] = known
        return known


def why_not_text(text: str) -> str:
    """Why a text is not somebody's code or prose, or "": it is binary, or minified."""
    probe = text[:BINARY_PROBE_CHARS]
    if "\0" in probe:
        return "The file is binary."
    if len(probe) > MAX_LINE_CHARS * (probe.count("\n") + probe.count("\r") + 1):
        return "The file has lines too long to have been written by hand."
    return ""


def _read_rules(path: Path) -> GitIgnoreSpec:
    """An ignore file's rules; one that cannot be read ignores everything below it."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return GitIgnoreSpec.from_lines(["*"])
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # One malformed pattern must not open the others: keep those that parse.
        return GitIgnoreSpec.from_lines([line for line in lines if _parses(line)])


def _parses(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


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
