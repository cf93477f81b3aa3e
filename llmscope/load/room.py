"""Whether the disk has room for what a load will write: told before it starts, by an estimate from below."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from llmscope.bounds import free_bytes, in_bytes, temp_of
from llmscope.errors import LlmscopeError
from llmscope.store import Store

SAMPLE_BYTES, PIECE_BYTES = 64 << 10, 16 << 10
# Measured: a request of a flat log of 840 bytes a line takes 73 bytes of a store. Half of that is asked for, and of
# leaner lines a share that is surely below what they take, so that no load is refused that would have found room.
STORED_BYTES, STORED_RATIO = 40, 0.07
GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
# Bytes of a store that a byte of such a file may become at most by our estimate.
MOST_RATIOS = {GZIP: 1.0, ZSTD: 2.0, PARQUET: 1.0}
KNOWN = "SELECT coalesce(sum(end_byte), 0) FROM loads"
UNUSED = "SELECT coalesce(sum(free_blocks * block_size), 0) FROM pragma_database_size()"


def check_room(store: Store, files: Sequence[Path], sizes: Sequence[int], lake: Path | None = None) -> None:
    """Refuses a load that the store's disk, or that of the lake's folder it is for, cannot hold.

    Raises:
        LlmscopeError: the disk is short; how much there is, and how much is needed. Nothing was written yet.
    """
    if store.path is None:
        return
    stage = store.path.resolve().parent
    folder = lake or stage
    times = 2 if lake and one_disk(lake, stage) else 1  # what is read is gathered there before it goes into the lake
    free = free_bytes(folder)
    if free is None or times * sum(sizes) * _most_ratio(files) <= free:
        return
    needed = times * sum(stored_bytes(path, size) for path, size in zip(files, sizes, strict=True))
    if needed > free and store.path.exists():
        known, unused = store.execute(KNOWN)[0][0], store.execute(UNUSED)[0][0]
        needed = int(needed * max(0.0, 1 - known / sum(sizes)))
        free += 0 if lake else int(unused)
    if needed > free and lake is None and store.spill is not None:
        raise short(folder, "what is read", needed, free, "--temp FOLDER on a larger disk")
    refuse(folder, str(lake or store.path), needed, free)


def check_rows(folder: Path, what: str, rows: int) -> None:
    """Refuses to write so many requests anew where the disk cannot hold them.

    Raises:
        LlmscopeError: the disk is short.
    """
    free = free_bytes(folder)
    if free is not None:
        refuse(folder, what, rows * STORED_BYTES, free)


def refuse(folder: Path, what: str, needed: int, free: int) -> None:
    """Refuses what needs more than there is.

    Raises:
        LlmscopeError: it does.
    """
    if needed > free:
        raise short(folder, what, needed, free, "free some space, or --store on a larger disk")


def short(folder: Path, what: str, needed: int, free: int, hint: str) -> LlmscopeError:
    """A disk that cannot hold what is to be written."""
    return LlmscopeError(
        f"{folder}: {in_bytes(free)} free, and {what} will need at least {in_bytes(needed)}; nothing was written",
        hint=hint,
    )


def one_disk(one: Path, other: Path) -> bool:
    """Whether two folders lie on the same disk."""
    with suppress(OSError):
        return one.stat().st_dev == other.stat().st_dev
    return False


def _most_ratio(files: Iterable[Path]) -> float:
    """Bytes of a store that a byte of these files may become at most by our estimate."""
    return max((MOST_RATIOS.get(kind_of(path), STORED_RATIO) for path in files), default=STORED_RATIO)


def kind_of(path: Path) -> bytes:
    """The first bytes that tell gzip, zstd or Parquet; a named pipe has none, and would be waited for."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                begin = file.read(4)
            return next((magic for magic in MOST_RATIOS if begin.startswith(magic)), b"")
    return b""


def stored_bytes(path: Path, size: int) -> int:
    """What a file's rows will take of a store at least; 0 where its first bytes do not tell."""
    kind = kind_of(path)
    if kind == PARQUET:
        return min(rows_inside(path) * STORED_BYTES, size)  # a store packs less than Parquet
    try:
        if not path.is_file():
            return 0
        with path.open("rb") as file:
            read = file.read(SAMPLE_BYTES)
        raw = unpacked(read, kind)
    except (OSError, zlib.error):
        return 0
    records = raw.splitlines()[:-1]  # the last one may be cut
    if ".csv" not in path.suffixes[-2:]:
        records = [line for line in records if line.startswith(b"{") and line.endswith(b"}")]
    each = sum(min(STORED_BYTES, len(line) * STORED_RATIO) for line in records)
    return int(each * size / len(read)) if read else 0


def unpacked(read: bytes, kind: bytes) -> bytes:
    """The first bytes of a file that may be packed.

    Raises:
        zlib.error: they are no gzip.
    """
    if kind == GZIP:
        return zlib.decompressobj(wbits=31).decompress(read)
    if kind != ZSTD:
        return read
    import pyarrow

    found = []
    with suppress(OSError):  # the end is cut off
        packed = pyarrow.CompressedInputStream(pyarrow.BufferReader(read), "zstd")
        while piece := packed.read(PIECE_BYTES):
            found.append(piece)
    return b"".join(found)


def rows_inside(path: Path) -> int:
    """The rows of a Parquet file by its footer; 0 where it has none."""
    import pyarrow.parquet

    with suppress(OSError, ValueError):
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    return 0


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
