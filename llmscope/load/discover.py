"""Tells what container a log file is, and shows its first records to the sources."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.errors import LlmscopeError
from llmscope.load.content import Compression, compression_of, opened
from llmscope.load.documents import RECORDS_FOR_KEYS, array_head, document, envelope_key, of_records
from llmscope.load.logfile import LogFile
from llmscope.sources import Container, Sample

if TYPE_CHECKING:
    import duckdb

PEEK_BYTES = 1 << 18
LONGEST_PEEK_BYTES = 1 << 26
FAR_BYTES, FAR_RECORDS = 1 << 16, 12
SQLITE_MAGIC = b"SQLite format 3\0"
# How a line of a stored event stream begins: worth a closer look.
EVENT = re.compile(rb"\s*(?:(?:data|event|id|retry):|:\s)")


def inspect(path: Path, shown: str, con: duckdb.DuckDBPyConnection | None = None) -> LogFile | None:
    """What kind of file this is and its first records, or None when it is empty.

    Raises:
        LlmscopeError: unreadable, binary, or of no container we know.
    """
    if shown != "-" and not path.is_file():
        raise LlmscopeError(f"{shown}: not a regular file", hint="pipe it in: … | llmscope load -")
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise LlmscopeError(f"{shown}: {error.strerror}") from error
    if magic == b"PAR1":
        return parquet(path, shown, con)
    if magic == SQLITE_MAGIC[:4] and is_sqlite(path):
        return sqlite(path, shown)
    compression = compression_of(magic)
    head, whole = peek(path, compression)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        return None
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LlmscopeError(f"{shown}: UTF-16 text", hint=f"iconv -f UTF-16 -t UTF-8 {shown}")
    if head.startswith(b"PAR1"):
        raise LlmscopeError(f"{shown}: a compressed Parquet file", hint="decompress it first")
    bom = head.startswith(b"\xef\xbb\xbf")
    text = head.removeprefix(b"\xef\xbb\xbf")
    first = text.lstrip()[:1]
    if EVENT.match(text) and is_events(text):
        return events(path, shown, compression, text, bom)
    if is_length_prefixed(text):
        raise LlmscopeError(
            f"{shown}: length-prefixed protobuf, as OpenTelemetry's Collector writes it",
            hint="set `format: json` in the Collector's file exporter and leave `compression` out",
        )
    lines = None if whole and is_document(text) else parse_lines(text, whole)
    if first not in (b"{", b"[") and (lines is None or mostly_other(text, lines[0])):
        return delimited(path, shown, compression, text, bom)
    if lines is not None:
        records, keys, repeated = lines
        further = [] if whole or compression != "none" else far_records(path)
        keys |= dict.fromkeys((key for record in further for key in record), "JSON")
        sample = Sample(shown, "jsonl", (*records, *further), keys)
        return LogFile(path, shown, compression, "jsonl", sample, duplicate_keys=repeated, bom=bom)
    early = array_head(text, whole) if first == b"[" else None
    if early:
        return of_records(path, shown, compression, early, "[]", bom)
    return document(path, shown, compression, text, bom)


def is_events(text: bytes) -> bool:
    """Whether it is a stored stream of events after all."""
    from llmscope.load.sse import is_stream

    return is_stream(text)


def is_sqlite(path: Path) -> bool:
    """By its first bytes."""
    with path.open("rb") as stream:
        return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def is_length_prefixed(text: bytes) -> bool:
    """A 4-byte big-endian length and a protobuf message or zstd data after it."""
    size = int.from_bytes(text[:4], "big")
    return text[:1] == b"\0" and 0 < size < 1 << 24 and (text[4:5] == b"\x0a" or text[4:8] == b"\x28\xb5\x2f\xfd")


def events(path: Path, shown: str, compression: Compression, text: bytes, bom: bool) -> LogFile:
    """A stored event stream: its sample is the answers that its events add up to."""
    from llmscope.load.sse import bodies

    return translated(
        path, shown, compression, "sse", list(islice(bodies(text.splitlines(True)), RECORDS_FOR_KEYS)), bom
    )


def sqlite(path: Path, shown: str) -> LogFile | None:
    """A database whose rows are requests."""
    from llmscope.load.sqlite import rows

    records = list(islice(rows(path), RECORDS_FOR_KEYS))
    return translated(path, shown, "none", "sqlite", records, False) if records else None


def translated(
    path: Path, shown: str, compression: Compression, container: Container, records: Sequence[Any], bom: bool
) -> LogFile:
    """A file that is no JSON: what its records are is known, how they are read is load's business."""
    keys = dict.fromkeys((key for record in records for key in record), "JSON")
    return LogFile(path, shown, compression, container, Sample(shown, "jsonl", tuple(records), keys), bom=bom)


def mostly_other(text: bytes, records: Sequence[Any]) -> bool:
    """Whether the lines are no JSON lines with a stray one in front, as a cut or mixed log has."""
    return len(records) * 2 < sum(bool(line.strip()) for line in text.splitlines()[: RECORDS_FOR_KEYS * 2])


def peek(path: Path, compression: Compression) -> tuple[bytes, bool]:
    """The first bytes, at least one whole line of them where there is one, and whether that is all."""
    with opened(path, compression) as stream:
        head = stream.read(PEEK_BYTES)
        while b"\n" not in head.strip() and len(head) < LONGEST_PEEK_BYTES:
            more = stream.read(PEEK_BYTES * 4)
            if not more:
                return head, True
            head += more
        return head, not stream.read(1)


def parse_lines(text: bytes, whole: bool) -> tuple[list[dict[str, Any]], dict[str, str], int] | None:
    """The first objects of JSON lines, all their keys, and how many repeat one; None when this is not JSON lines."""
    lines = text.splitlines() if whole else text.splitlines()[:-1] or [text]
    filled = [line for line in lines[: RECORDS_FOR_KEYS * 2] if line.strip()][:RECORDS_FOR_KEYS]
    records: list[dict[str, Any]] = []
    repeated = 0
    for line in filled:
        try:
            pairs = json.loads(line, object_pairs_hook=Pairs)
        except (ValueError, RecursionError):
            continue
        if isinstance(pairs, Pairs):
            repeated += pairs.repeats()
            records.append(pairs.plain())
    if not records or (len(filled) == 1 and whole and envelope_key(records[0]) is not None):
        return None
    return records, dict.fromkeys((key for record in records for key in record), "JSON"), repeated


def far_records(path: Path) -> list[dict[str, Any]]:
    """A few records from the middle and the end: logs that were put one behind the other differ there."""
    size = path.stat().st_size
    found: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        for place in (size // 2, max(size - FAR_BYTES, 0)):
            stream.seek(place)
            lines = stream.read(FAR_BYTES).split(b"\n")[1:-1]
            parsed = parse_lines(b"\n".join(lines[-FAR_RECORDS:]), whole=True) if lines else None
            found += parsed[0] if parsed else []
    return found


def is_document(text: bytes) -> bool:
    """One JSON value over several lines: an array with a record a line has one line, the last, that is an object."""
    try:
        json.loads(text.lstrip().split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True
    return False


class Pairs(list[tuple[str, Any]]):
    """An object's keys and values in file order, so that a key named twice is seen; the first one wins."""

    def repeats(self) -> int:
        return int(len({key for key, _ in self}) < len(self))

    def plain(self) -> dict[str, Any]:
        first: dict[str, Any] = {}
        for key, value in self:
            first.setdefault(key, unpair(value))
        return first


def unpair(value: Any) -> Any:
    """Nested Pairs as dicts."""
    if isinstance(value, Pairs):
        return value.plain()
    return [unpair(v) for v in value] if isinstance(value, list) else value


def delimited(path: Path, shown: str, compression: Compression, text: bytes, bom: bool) -> LogFile:
    """A CSV file with a header line.

    Raises:
        LlmscopeError: binary data, or text with no columns.
    """
    if b"\0" in text[:4096]:
        raise unknown_format(shown, "binary data")
    lines = text.decode("utf-8", "replace").splitlines()
    header = next(line for line in lines if line.strip())
    delimiter = max(",\t;|", key=header.count)
    if header.count(delimiter) == 0 and not is_name(header):
        raise unknown_format(shown, "text without columns")
    rows = list(
        csv.reader(lines[lines.index(header) : RECORDS_FOR_KEYS + 1 + lines.index(header)], delimiter=delimiter)
    )
    names = told_apart([name.strip() for name in rows[0]], rows[1:])
    if any(not name or is_number(name) for name in names) or len({n.casefold() for n in names}) < len(names):
        raise LlmscopeError(
            f"{shown}: a CSV whose first line is not a header of {len(names)} different names",
            hint="put a line of column names first; each name once",
        )
    records = tuple(dict(zip(names, row, strict=False)) for row in rows[1:])
    sample = Sample(shown, "csv", records, dict.fromkeys(names, "VARCHAR"))
    return LogFile(path, shown, compression, "csv", sample, delimiter=delimiter, bom=bom)


def told_apart(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Column names, a repeated one numbered where both columns say the same, as a data frame's index and column do."""
    found: list[str] = []
    for place, name in enumerate(names):
        first = names.index(name)
        same = first < place and all(place < len(row) and row[first] == row[place] for row in rows)
        found.append(f"{name} ({place + 1})" if name and same and rows else name)
    return found


def is_number(text: str) -> bool:
    """Whether a would-be column name is a figure, as in a CSV without header."""
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def is_name(text: str) -> bool:
    """Whether one word could be the only column of a CSV."""
    return text.strip().replace("_", "").isalpha()


def unknown_format(shown: str, what: str) -> LlmscopeError:
    """Says what can be read."""
    return LlmscopeError(
        f"{shown}: {what}, not a log format llmscope knows",
        hint="it reads JSONL, JSON, CSV and Parquet, also gzipped or zstd; see llmscope sources list",
    )


def parquet(path: Path, shown: str, own: duckdb.DuckDBPyConnection | None = None) -> LogFile | None:
    """A Parquet file: its columns and first rows.

    Raises:
        LlmscopeError: damaged or cut short.
    """
    from llmscope.engines import duckdb as engine

    con = own or engine.connect()
    try:
        name = str(path).replace("'", "''")
        described = engine.execute(con, f"DESCRIBE SELECT * FROM read_parquet('{name}')")
        columns = {row[0]: row[1] for row in described}
        text = ", ".join(f'"{c}"::VARCHAR' if "TIME" in t else f'"{c}"' for c, t in columns.items())
        rows = engine.execute(con, f"SELECT {text} FROM read_parquet('{name}') LIMIT {RECORDS_FOR_KEYS}")
    except LlmscopeError as error:
        raise LlmscopeError(
            f"{shown}: a Parquet file that is damaged or cut short ({error.message})", hint="write or copy it again"
        ) from error
    finally:
        if own is None:
            con.close()
    records = tuple(dict(zip(columns, row, strict=True)) for row in rows)
    return LogFile(path, shown, "none", "parquet", Sample(shown, "parquet", records, columns)) if records else None
