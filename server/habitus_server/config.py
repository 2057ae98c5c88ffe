"""The settings, one frozen tree with defaults.

Three sources: the user's own file, flags, and a workspace's `.habitus.toml`. The
last may narrow what Habitus does and never widen it: it cannot name models, URLs,
paths to load or commands (an untrusted repository would choose them). Parsing
returns settings *and* problems; a bad option never stops the server.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import platformdirs

WORKSPACE_FILE = ".habitus.toml"

_Section = TypeVar("_Section", "Completion", "Context", "Memory", "Privacy")


class Completion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is suggested; `max_lines` above 1 allows blocks.

    `eagerness` goes from 0 (only what is likely to be kept) to 1 (whatever the model writes).
    With `speculates` the engine works ahead on what follows a suggestion that is shown.
    """

    enabled: bool = True
    max_lines: int = 12
    max_tokens: int = 64
    alternatives: int = 3
    popup: bool = True
    max_file_bytes: int = 2_000_000
    timeout_ms: int = 3_000
    eagerness: float = 0.6
    speculates: bool = True


class Privacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is never read into suggestions, memory or the store, and how long rows stay.

    `exclude` holds patterns as in an ignore file. `folders_off` are folders with all that is
    below them, relative to the workspace, absolute, or below `~`. With `record` off nothing
    is written. Rows older than `keep_days`, and the oldest above `max_store_bytes`, go.
    """

    exclude: tuple[str, ...] = ()
    folders_off: tuple[str, ...] = ()
    languages_off: tuple[str, ...] = ()
    record: bool = True
    keep_days: float = 365.0
    max_store_bytes: int = 500_000_000


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The workspace memory; sizes bound what is indexed."""

    enabled: bool = True
    max_files: int = 4_000
    max_bytes: int = 24_000_000


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The index of the workspace's pieces of code, which completions see some of; sizes bound
    the files that it is made of, the newest first."""

    enabled: bool = True
    max_files: int = 50_000
    max_bytes: int = 400_000_000


class Learning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a cycle is due, and what it and its adapters may cost.

    With `warm_up` off nothing is learned from a repository's history. A whole history holds more
    than a day's signals, and is learned once: it may take longer than a cycle (docs/learning.md).
    """

    enabled: bool = True
    warm_up: bool = True
    min_examples: int = 100
    max_wait_hours: float = 24.0
    minutes: float = 10.0
    warm_up_minutes: float = 20.0
    idle_seconds: float = 2.0
    max_steps: int = 0
    seed: int = 0
    keep_adapters: int = 8
    max_adapter_bytes: int = 2_000_000_000


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked at outside the editor. `junit` are globs, from the workspace's root, for
    JUnit files whose names do not say what they are."""

    junit: tuple[str, ...] = ()


class Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the engine is run; `threads` 0 means one per physical core."""

    device: str = "auto"
    threads: int = 0
    unload_after_s: float = 900.0
    exit_after_s: float = 3600.0
    loads_hub_models: bool = True


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting. `model` is "embedded", a local folder, or a Hub id."""

    model: str = "embedded"
    completion: Completion = Completion()
    privacy: Privacy = Privacy()
    context: Context = Context()
    memory: Memory = Memory()
    learning: Learning = Learning()
    witness: Witness = Witness()
    engine: Engine = Engine()


def user_file() -> Path:
    """The user's settings file; `HABITUS_CONFIG` names another."""
    named = os.environ.get("HABITUS_CONFIG")
    if named:
        return Path(named)
    return Path(platformdirs.user_config_dir("habitus", appauthor=False)) / "config.toml"


def load(flags: dict[str, Any] | None = None) -> tuple[Config, list[str]]:
    """The user's settings under `flags` (a nested mapping), and what was wrong with them."""
    path = user_file()
    table, problems = _read(path)
    merged = _merge(table, flags or {})
    config, more = _convert(merged, str(path))
    return config, problems + more


def narrow(config: Config, root: Path) -> tuple[Config, list[str]]:
    """`config` under a workspace's own file, which can only switch off, exclude or lower."""
    path = root / WORKSPACE_FILE
    table, problems = _read(path)
    if not table:
        return config, problems
    allowed = {"completion", "privacy", "context", "memory", "learning"}
    problems += [
        f"{path}: `{key}` is ignored; only your own settings file may set it."
        for key in table
        if key not in allowed
    ]
    theirs, more = _convert(
        _merge(msgspec.to_builtins(config), {k: v for k, v in table.items() if k in allowed}),
        str(path),
    )
    return (
        msgspec.structs.replace(
            config,
            completion=_lower(config.completion, theirs.completion),
            context=_lower(config.context, theirs.context),
            memory=_lower(config.memory, theirs.memory),
            learning=msgspec.structs.replace(
                config.learning,
                enabled=config.learning.enabled and theirs.learning.enabled,
                warm_up=config.learning.warm_up and theirs.learning.warm_up,
            ),
            privacy=_tighten(config.privacy, theirs.privacy),
        ),
        problems + more,
    )


def _tighten(ours: Privacy, theirs: Privacy) -> Privacy:
    """What either keeps out, and the lower limits."""
    lists = ("exclude", "folders_off", "languages_off")
    both = {
        name: tuple(dict.fromkeys((*getattr(ours, name), *getattr(theirs, name)))) for name in lists
    }
    return msgspec.structs.replace(_lower(ours, theirs), **both)


def _lower(ours: _Section, theirs: _Section) -> _Section:
    """Each field the stricter of two: False over True, the smaller number."""
    fields = {
        name: min(getattr(ours, name), getattr(theirs, name)) for name in ours.__struct_fields__
    }
    return msgspec.structs.replace(ours, **fields)


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), []
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{path} was ignored: {error}."]


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _convert(table: dict[str, Any], source: str) -> tuple[Config, list[str]]:
    """Each section on its own, so that one bad option costs its section and no other."""
    problems: list[str] = []
    sections: dict[str, Any] = {}
    kinds = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for key, value in table.items():
        if key not in kinds:
            problems.append(f"{source}: there is no setting `{key}`.")
            continue
        try:
            sections[key] = msgspec.convert(value, kinds[key], strict=True)
        except msgspec.ValidationError as error:
            problems.append(f"{source}: `{key}` was ignored: {error}.")
    return Config(**sections), problems
