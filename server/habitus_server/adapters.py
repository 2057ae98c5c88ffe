"""Which learned adapters a workspace has, read side.

Promises that an adapter is either whole (every file as its manifest's checksums
say) or refused with a `ModelError` that says why. Knows no torch and writes
nothing: publishing is the learner's `registry`.

On disk: `adapters/<version>/` holds `MANIFEST`, the two adapter files that peft
reads, and `examples.jsonl`; the workspace's `current` file holds a version's name.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef
from habitus_server.workspaces import Workspace

FORMAT = 1
MANIFEST = "manifest.json"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
EXAMPLES = "examples.jsonl"
REQUIRED = (CONFIG, WEIGHTS, EXAMPLES)

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}\Z")
_BLOCK_BYTES = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What an adapter is, what it learned from and why it was published.

    `files` maps each file beside the manifest to its SHA-256; `examples` counts
    the training examples by kind, each of which `examples.jsonl` traces to rows of
    the store; `base_sha256` fingerprints the weights that it was trained on.
    """

    format: int
    version: str
    base_model: str
    base_sha256: str
    created_at: float
    parent: str | None
    seed: int
    files: dict[str, str]
    examples: dict[str, int]
    hyper_parameters: dict[str, bool | int | float | str]
    figures: dict[str, float]
    verdict: str


def is_version(name: str) -> bool:
    """Whether a name may be an adapter's version: one plain path component."""
    return _VERSION.match(name) is not None


def current(workspace: Workspace) -> AdapterRef | None:
    """The adapter that the pointer names, or None when base weights serve.

    Cheap enough to poll: the manifest is read, the checksums are left to `verify`,
    which the engine runs before it loads. Raises `ModelError` when the pointer
    names what is not there.
    """
    try:
        name = workspace.current.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"The adapter pointer {workspace.current} cannot be read ({error}); base weights "
            "serve. Run `habitus rollback` to choose an adapter again."
        ) from error
    if not name:
        return None
    if not is_version(name):
        raise ModelError(
            f"The adapter pointer {workspace.current} holds no version name; base weights "
            "serve. Run `habitus rollback` to choose an adapter again."
        )
    folder = workspace.adapters / name
    read_manifest(folder)
    return AdapterRef(name, str(folder))


def list_adapters(workspace: Workspace) -> list[Manifest]:
    """Every readable adapter, oldest first; drafts and broken folders are left out."""
    try:
        folders = [f for f in workspace.adapters.iterdir() if is_version(f.name)]
    except FileNotFoundError:
        return []
    manifests: list[Manifest] = []
    for folder in folders:
        try:
            manifests.append(read_manifest(folder))
        except ModelError:
            continue
    return sorted(manifests, key=lambda m: (m.created_at, m.version))


def read_manifest(folder: Path) -> Manifest:
    """An adapter's manifest; raises `ModelError` when it is absent or not of this folder."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ModelError(
            f"The adapter {folder} is not whole: {MANIFEST} is missing. "
            "Run `habitus rollback` to use an earlier one."
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(
            f"The adapter {folder} cannot be read: {error}. "
            "Run `habitus rollback` to use an earlier one."
        ) from error
    if manifest.format != FORMAT:
        raise ModelError(
            f"The adapter {folder} has format {manifest.format} and this Habitus reads "
            f"{FORMAT}; run `habitus learn --now` to train a new one."
        )
    if manifest.version != folder.name:
        raise ModelError(
            f"The adapter {folder} calls itself {manifest.version}; it was moved or edited. "
            "Run `habitus rollback` to use another."
        )
    return manifest


def verify(folder: Path, *, base_sha256: str | None = None) -> Manifest:
    """The manifest of an adapter whose every file is as it was published.

    Raises `ModelError` when a file is missing, changed or unlisted where it matters,
    or when the adapter was trained on base weights other than `base_sha256`.
    """
    manifest = read_manifest(folder)
    missing = [name for name in REQUIRED if name not in manifest.files]
    if missing:
        raise ModelError(
            f"The adapter {folder} does not list {missing[0]}; it is not whole. "
            "Run `habitus rollback` to use an earlier one."
        )
    for name, expected in manifest.files.items():
        if not is_version(name) or hash_file(folder / name) != expected:
            raise ModelError(
                f"The adapter {folder} is damaged: {name} is not what was published. "
                "Run `habitus rollback` to use an earlier one."
            )
    if base_sha256 is not None and manifest.base_sha256 != base_sha256:
        raise ModelError(
            f"The adapter {manifest.version} was trained on other base weights "
            f"({manifest.base_model}), so base weights serve alone. "
            "Run `habitus learn --now` to train one for this model."
        )
    return manifest


def hash_file(path: Path) -> str:
    """A file's SHA-256 in hexadecimal; raises `ModelError` when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    return digest.hexdigest()


def hash_base(folder: Path) -> str:
    """A fingerprint of the weights in a model's folder, the same for engine and learner.

    One weights file gives its own SHA-256; shards give that of their names and sums.
    """
    shards = sorted(folder.glob("*.safetensors"))
    if not shards:
        raise ModelError(f"The model folder {folder} holds no safetensors weights.")
    if len(shards) == 1:
        return hash_file(shards[0])
    lines = "".join(f"{hash_file(shard)}  {shard.name}\n" for shard in shards)
    return hashlib.sha256(lines.encode()).hexdigest()
