"""What Linux says about a process: its memory, its libraries, its relatives."""

from __future__ import annotations

from pathlib import Path

MEBIBYTE = 1024 * 1024


def resident_mb(pid: int) -> float:
    """Resident memory (VmRSS)."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:")


def peak_mb(pid: int) -> float:
    """The most that was resident at any time (VmHWM)."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmHWM:")


def proportional_mb(pid: int) -> float:
    """Resident memory, shared pages divided among those that share them (Pss)."""
    return _kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def torch_mappings(pid: int) -> list[str]:
    """Files of torch that the process has mapped, libraries and extension modules alike."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if len(line.split()) > 5}
    return sorted(path for path in paths if "/torch/" in path or "libtorch" in path)


def command_line(pid: int) -> str:
    """The command that the process was started with."""
    raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    return raw.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


def processes_with(*words: str) -> list[int]:
    """Ids of the processes whose command line has every one of `words`, in order of id."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = command_line(int(folder.name))
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(folder.name))
    return sorted(found)


def _kibibytes(path: Path, field: str) -> float:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / MEBIBYTE
    raise LookupError(f"{path} has no {field}")
