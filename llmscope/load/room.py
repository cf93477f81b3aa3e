"""Whether the disk has room for what a load will write: told before it starts, by an estimate from below."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from llmscope.bounds import free_bytes, in_bytes, temp_of
from llmscope.errors import LlmscopeError
from llmscope.store import Store

SAMPLE_BYTES = 64 << 10
# Measured: a request of a flat log of 840 bytes a line takes 73 bytes of a store. Half of that is asked for, and of
# leaner lines a share that is surely below what they take, so that no load is refused that would have found room.
STORED_BYTES, STORED_RATIO = 40, 0.07
GZIP = b"\x1f\x8b"
KNOWN = "SELECT coalesce(sum(end_byte), 0) FROM loads"
UNUSED = "SELECT coalesce(sum(free_blocks * block_size), 0) FROM pragma_database_size()"


def check_room(store: Store, files: Sequence[Path], sizes: Sequence[int]) -> None:
    """Refuses a load that the store's disk cannot hold, before anything is written.

    Raises:
        LlmscopeError: the disk is short; how much there is, and how much is needed.
    """
    if store.path is None:
        return
    folder = store.path.resolve().parent
    free = free_bytes(folder)
    if free is None or sum(sizes) * _most_ratio(files) <= free:
        return
    needed = sum(stored_bytes(path, size) for path, size in zip(files, sizes, strict=True))
    if needed > free and store.path.exists():
        known, unused = store.execute(KNOWN)[0][0], store.execute(UNUSED)[0][0]
        needed, free = int(needed * max(0.0, 1 - known / sum(sizes))), free + int(unused)
    if needed > free:
        passing = store.spill is not None
        what = "what is read" if passing else str(store.path)
        raise LlmscopeError(
            f"{folder}: {in_bytes(free)} free, and {what} will need at least {in_bytes(needed)}; nothing was written",
            hint="--temp FOLDER on a larger disk" if passing else "free some space, or --store on a larger disk",
        )


def _most_ratio(files: Iterable[Path]) -> float:
    """Bytes of a store that a byte of these files may become at most by our estimate."""
    return 1.0 if any(packed(path) for path in files) else STORED_RATIO


def packed(path: Path) -> bool:
    """Whether a file is gzip by its first bytes; a named pipe is none, and would be waited for."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(2) == GZIP
    return False


def stored_bytes(path: Path, size: int) -> int:
    """What a file's rows will take of a store at least; 0 where its first bytes do not tell."""
    try:
        if not path.is_file():
            return 0
        with path.open("rb") as file:
            read = file.read(SAMPLE_BYTES)
        raw = zlib.decompressobj(wbits=31).decompress(read) if read.startswith(GZIP) else read
    except (OSError, zlib.error):
        return 0
    records = raw.splitlines()[:-1]  # the last one may be cut
    if not path.name.endswith((".csv", ".csv.gz")):
        records = [line for line in records if line.startswith(b"{") and line.endswith(b"}")]
    each = sum(min(STORED_BYTES, len(line) * STORED_RATIO) for line in records)
    return int(each * size / len(read)) if read else 0


def room_to_spill(store: Path, memory: int) -> str | None:
    """What is to be said of a temporary directory that may be too small for a question of this store, if it may.

    It is told from below: most questions spill less than the store is large, `tokens --truncation` ten times as much.
    """
    folder = temp_of(store)
    free, most = free_bytes(folder), store.stat().st_size - memory
    if free is None or most <= free:
        return None
    return (
        f"{folder}: {in_bytes(free)} free, and a question of {store.name} may spill {in_bytes(most)} or more there;"
        " --temp FOLDER spills elsewhere"
    )
