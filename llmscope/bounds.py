"""How much of the machine the process may take: memory, threads, and where it spills what does not fit."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llmscope.errors import LlmscopeError, UsageError

UNITS = {
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}  # fmt: skip
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]I?B)", re.IGNORECASE | re.ASCII)
# What the process takes beside what the engine counts: Python, the engine's own code, freed memory not yet given back.
BESIDE_BYTES = 170 << 20
LEAST_BYTES = 256 << 20
# What the engine frees goes back late, the more so the more it holds: one part in so many above the least is kept off.
KEPT_OFF = 10
CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was asked of the whole process; None where nobody said."""

    memory_bytes: int | None = None
    threads: int | None = None
    temp: Path | None = None

    @property
    def engine_memory(self) -> str | None:
        """What the engine may count, so that the process stays under what was asked."""
        if self.memory_bytes is None:
            return None
        late = max(0, self.memory_bytes - LEAST_BYTES) // KEPT_OFF
        return f"{(self.memory_bytes - BESIDE_BYTES - late) >> 10}KiB"


_kept = Bounds()
_spills = itertools.count()


def kept() -> Bounds:
    """What this process keeps to."""
    return _kept


def keep_to(memory: str | None = None, threads: int | None = None, temp: Path | str | None = None) -> None:
    """Sets what every engine opened from now on in this process keeps to.

    Raises:
        UsageError: the size or the number is none.
        LlmscopeError: the temporary directory is not there, or may not be written.
    """
    global _kept
    if threads is not None and threads < 1:
        raise UsageError(f"--threads {threads}: at least 1")
    folder = checked_temp(Path(temp)) if temp else None
    if folder or _kept.temp:  # whatever else is unpacked or put aside goes there too
        tempfile.tempdir = str(folder) if folder else None
    _kept = Bounds(memory_bytes(memory) if memory else None, threads, folder)


def memory_bytes(text: str) -> int:
    """A size as people write it, in bytes; a percentage is of this machine's memory.

    Raises:
        UsageError: it is none, or less than the program needs.
    """
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--memory {text!r}: not a size", hint="1GB, 512MiB (units KB to TB, KiB to TiB) or 50%")
    number, unit = float(found[1]), found[2].upper()
    if unit == "%" and number > 100:
        raise UsageError(f"--memory {text!r}: more than the machine has", hint="at most 100%")
    size = int(number / 100 * machine_bytes() if unit == "%" else number * UNITS[unit])
    if size < LEAST_BYTES:
        raise UsageError(f"--memory {text!r}: too little", hint=f"at least {LEAST_BYTES >> 20}MiB")
    return size


def machine_bytes() -> int:
    """The memory of this machine, or of the container this process is kept in."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        return min(whole, int(CGROUP.read_text()))
    return whole


def checked_temp(folder: Path) -> Path:
    """The temporary directory, if it can be written."""
    if not folder.is_dir():
        raise LlmscopeError(f"--temp {folder}: no such folder", hint="make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LlmscopeError(f"--temp {folder}: may not be written", hint="name another folder")
    return folder.resolve()


def temp_of(store: Path | None = None, own: Path | None = None) -> Path:
    """Where an engine spills: --temp, a folder of its own, that of the store's file, or the system's."""
    if _kept.temp or own:
        return _kept.temp or own or Path()
    beside = store.resolve().parent if store else None
    return beside if beside and os.access(beside, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def spill_folder(store: Path | None, own: Path | None) -> Path:
    """A name of its own for each connection: two engines in one folder would write each other's files."""
    return temp_of(store, own) / f"llmscope-spill-{os.getpid()}-{next(_spills)}"


def free_bytes(folder: Path) -> int | None:
    """What may still be written to a folder's disk; None where the system does not say."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def in_bytes(number: int) -> str:
    """A size in words."""
    unit = next((u for u in ("TB", "GB", "MB", "KB") if number >= UNITS[u]), "KB")
    return f"{number / UNITS[unit]:.3g} {unit}"
