"""Which files are refused, and that the reasons are true."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from habitus_server.config import Config, Privacy
from habitus_server.library import Library
from habitus_server.privacy import Rules, why_not_text


def rules(root: Path, *exclude: str, languages_off: tuple[str, ...] = ()) -> Rules:
    return Rules(root, Privacy(exclude=exclude, languages_off=languages_off))


def write(root: Path, path: str, text: str = "x = 1\n") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.production",
        "config/.env.local",
        "prod.env",
        "certs/server.pem",
        "certs/server.KEY",
        "id_rsa",
        "deploy/id_ed25519.pub",
        ".npmrc",
        ".netrc",
        ".pypirc",
        "kubeconfig",
        "cluster.kubeconfig",
        "credentials",
        "my-credentials.json",
        "client_secret_123.json",
        "terraform.tfvars",
        "terraform.tfstate",
        ".git/config",
        ".aws/config",
        "home/.ssh/config",
        "vault.yml",
        "store.kdbx",
        "app.jks",
        ".bash_history",
        "data.sqlite3",
    ],
)
def test_files_that_hold_secrets_are_refused_by_name(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert not rules(tmp_path).allows(path)
    assert not rules(tmp_path).allows(tmp_path / path)


@pytest.mark.parametrize(
    "path",
    [
        "main.py",
        "keyboard.py",
        "tokenizer.py",
        "secret_santa.py",
        "environment.py",
        ".env.example",
        "docs/keys.md",
        "src/monkey.key.py",
        "passwords.py",
    ],
)
def test_code_with_such_words_in_its_name_is_allowed(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert rules(tmp_path).why_not(path) == ""


def test_gitignore_counts_at_every_level(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "*.log\nbuild/\n/only_here.py\n")
    write(tmp_path, "pkg/.gitignore", "!keep.log\nlocal.py\n")
    checked = rules(tmp_path)
    refused = ("a.log", "pkg/b.log", "build/x.py", "pkg/build/x.py", "only_here.py", "pkg/local.py")
    for path in refused:
        write(tmp_path, path)
        assert not checked.allows(path), path
    for path in ("pkg/keep.log", "pkg/only_here.py", "local.py", "other/build.py"):
        write(tmp_path, path)
        assert checked.allows(path), path


def test_nothing_below_an_ignored_folder_comes_back(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "vendor/\n!vendor/mine.py\n")
    write(tmp_path, "vendor/.gitignore", "!mine.py\n")
    assert not rules(tmp_path).allows("vendor/mine.py")


def test_habitusignore_refuses_more_and_never_less(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "generated.py\n")
    write(tmp_path, ".habitusignore", "!generated.py\nclients/\n")
    checked = rules(tmp_path)
    assert not checked.allows("generated.py")
    assert not checked.allows("clients/acme.py")
    assert checked.allows("main.py")


def test_the_repositorys_own_exclude_file_counts(tmp_path: Path) -> None:
    write(tmp_path, ".git/info/exclude", "scratch.py\n")
    assert not rules(tmp_path).allows("scratch.py")


def test_a_repository_around_the_workspace_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, ".gitignore", "*.local.py\n/pkg/app/gone.py\n")
    write(tmp_path, "pkg/.gitignore", "scratch/\n")
    checked = rules(tmp_path / "pkg" / "app")
    for path in ("x.local.py", "gone.py", "scratch/x.py"):
        assert not checked.allows(path), path
    assert checked.allows("main.py")


def test_a_repository_that_ignores_the_workspace_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, ".gitignore", "*\n")
    write(tmp_path, "projects/app/.gitignore", "gone.py\n")
    checked = rules(tmp_path / "projects" / "app")
    assert checked.allows("main.py")
    assert not checked.allows("gone.py")


def test_the_users_global_ignore_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write(tmp_path, "config/git/ignore", "*.scratch.py\n")
    write(tmp_path, "root/.gitignore", "!kept.scratch.py\n")
    checked = rules(tmp_path / "root")
    assert not checked.allows("a.scratch.py")
    assert checked.allows("kept.scratch.py")


def test_a_workspace_inside_a_private_folder_is_private(tmp_path: Path) -> None:
    root = tmp_path / ".ssh"
    write(root, "config")
    assert "private" in rules(root).why_not("config")


def test_a_changed_ignore_file_counts_at_once(tmp_path: Path) -> None:
    checked = rules(tmp_path)
    assert checked.allows("notes.py")
    write(tmp_path, ".gitignore", "notes.py\n")
    assert not checked.allows("notes.py")
    (tmp_path / ".gitignore").unlink()
    assert checked.allows("notes.py")


def test_excluded_paths_and_languages_are_refused_with_a_reason(tmp_path: Path) -> None:
    checked = rules(tmp_path, "customers/**", "*.sql", languages_off=("markdown",))
    assert "privacy.exclude" in checked.why_not("customers/a/b.py")
    assert "privacy.exclude" in checked.why_not("deep/dump.sql")
    assert "privacy.languages_off" in checked.why_not("README.md", "markdown")
    assert checked.allows("README.md", "plaintext")


@pytest.mark.parametrize("path", ["../other.py", "a/../../other.py", "/etc/hosts", ""])
def test_paths_outside_the_workspace_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    assert "outside" in rules(root).why_not(path)


def test_links_are_judged_by_where_they_lead(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path, "outside.py")
    write(root, ".env")
    write(root, "real.py")
    (root / "leaves.py").symlink_to(tmp_path / "outside.py")
    (root / "innocent.py").symlink_to(root / ".env")
    (root / "fine.py").symlink_to(root / "real.py")
    (root / "folder").symlink_to(tmp_path, target_is_directory=True)
    checked = rules(root)
    assert not checked.allows("leaves.py")
    assert not checked.allows("innocent.py")
    assert not checked.allows("folder/outside.py")
    assert checked.allows("fine.py")


def test_a_workspace_reached_through_a_link_is_inside_itself(tmp_path: Path) -> None:
    write(tmp_path, "real/main.py")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    checked = rules(tmp_path / "link")
    assert checked.allows(tmp_path / "link" / "main.py")
    assert checked.allows(tmp_path / "real" / "main.py")


def test_a_malformed_pattern_does_not_open_the_others(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "!\nsecret_plans.py\n")
    assert not rules(tmp_path).allows("secret_plans.py")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_verdicts_agree_with_git(tmp_path: Path) -> None:
    write(
        tmp_path, ".gitignore", "*.tmp\n/top/\nlib/*\n!lib/keep/\nname with space\n**/deep/x?.py\n"
    )
    write(tmp_path, "lib/keep/.gitignore", "*\n!*.py\n!.gitignore\n")
    paths = [
        "a.tmp",
        "sub/a.tmp",
        "top/a.py",
        "sub/top/a.py",
        "lib/a.py",
        "lib/keep/a.py",
        "lib/keep/a.txt",
        "lib/keep/sub/a.py",
        "name with space",
        "q/deep/x1.py",
        "q/deep/x12.py",
        "deep/x1.py",
        "plain.py",
    ]
    for path in paths:
        write(tmp_path, path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = subprocess.run(
        ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    ignored = {line.strip('"') for line in done.stdout.splitlines()}
    checked = rules(tmp_path)
    assert {path for path in paths if not checked.allows(path)} == ignored


def test_binary_and_minified_text_is_refused() -> None:
    assert "binary" in why_not_text("abc\0def")
    assert "too long" in why_not_text("x" * 50_000)
    assert why_not_text("x = 1\n" * 20_000) == ""
    assert why_not_text("") == ""


def test_a_name_that_is_no_utf8_is_refused_and_not_listed(tmp_path: Path) -> None:
    write(tmp_path, "good.py")
    bad = write(tmp_path, os.fsdecode(b"caf\xe9/bad.py"))
    assert "no name in UTF-8" in rules(tmp_path).why_not(bad)
    assert list(Library(tmp_path, Config(), is_inside=True).files()) == ["good.py"]
