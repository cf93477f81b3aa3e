"""Tells what container a log file is, and shows its first records to the sources."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.errors import LlmscopeError
from llmscope.load.content import Compression, compression_of, opened
from llmscope.sources import Container, Sample

if TYPE_CHECKING:
    import duckdb

ENVELOPES = ("data", "observations", "spans", "calls", "events", "results", "value", "records", "logs", "rows", "items")
# An object that has one of these is a record, whatever lists it holds.
RECORD_KEYS = {"model", "request_model", "usage", "request_id", "timestamp", "started_at", "messages", "response"}
PEEK_BYTES = 1 << 18
LONGEST_PEEK_BYTES = 1 << 26
RECORDS_FOR_KEYS = 200


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file to read. `shown` is the name for people; `path` may be a spooled copy of standard input.

    unwrap: for container "json": "[]" an array, "" one object, else the key of the envelope that holds the records.
    duplicate_keys: how many of the first records name a key twice.
    size: bytes of a file that is one JSON value. together: all the files that one statement reads as if they were one.
    mixed_line_ends: a CSV in which LF and CRLF, or a lone CR, stand side by side.
    """

    path: Path
    shown: str
    compression: Compression
    container: Container
    sample: Sample
    unwrap: str = "[]"
    delimiter: str = ","
    duplicate_keys: int = 0
    bom: bool = False
    together: tuple[Path, ...] = ()
    size: int = 0
    mixed_line_ends: bool = False


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
    lines = None if whole and is_document(text) else parse_lines(text, whole)
    if first not in (b"{", b"[") and (lines is None or mostly_other(text, lines[0])):
        return delimited(path, shown, compression, text, bom)
    if lines is not None:
        records, keys, repeated = lines
        sample = Sample(shown, "jsonl", tuple(records), keys)
        return LogFile(path, shown, compression, "jsonl", sample, duplicate_keys=repeated, bom=bom)
    early = array_head(text, whole) if first == b"[" else None
    if early:
        return of_records(path, shown, compression, early, "[]", bom)
    return document(path, shown, compression, text, bom)


def mostly_other(text: bytes, records: Sequence[Any]) -> bool:
    """Whether the lines are no JSON lines with a stray one in front, as a cut or mixed log has."""
    return len(records) * 2 < sum(bool(line.strip()) for line in text.splitlines()[: RECORDS_FOR_KEYS * 2])


def array_head(text: bytes, whole: bool) -> list[Any]:
    """The first values of a JSON array too long to be parsed whole; empty when they all fit in the peek."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    rest = text.decode("utf-8", "replace").lstrip()[1:]
    while not whole and len(found) < RECORDS_FOR_KEYS:
        try:
            value, end = decoder.raw_decode(rest.lstrip(" \t\r\n,"))
        except (ValueError, RecursionError):
            break
        found.append(value)
        rest = rest.lstrip(" \t\r\n,")[end:]
    return found


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


def document(path: Path, shown: str, compression: Compression, text: bytes, bom: bool) -> LogFile:
    """A file that is one JSON value: an array of records, an envelope round them, or one record."""
    with opened(path, compression) as stream:
        data = stream.read()
    try:
        value = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        where = f" ({error.msg}, line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise LlmscopeError(
            f"{shown}: neither JSON lines nor one JSON value{where}", hint="is the file cut short?"
        ) from error
    unwrap = "[]" if isinstance(value, list) else envelope_key(value) or ""
    records = value if unwrap == "[]" else value[unwrap] if unwrap else [value]
    return replace(of_records(path, shown, compression, records, unwrap, bom), size=len(data))


def of_records(
    path: Path, shown: str, compression: Compression, records: Sequence[Any], unwrap: str, bom: bool
) -> LogFile:
    """A JSON file of these records.

    Raises:
        LlmscopeError: none of them is an object.
    """
    objects = [r for r in records if isinstance(r, dict)]
    if not objects:
        raise LlmscopeError(f"{shown}: JSON with no object in it, so no record of a request")
    keys = dict.fromkeys((key for record in objects[:RECORDS_FOR_KEYS] for key in record), "JSON")
    return LogFile(
        path,
        shown,
        compression,
        "json",
        Sample(shown, "json", tuple(objects[:RECORDS_FOR_KEYS]), keys),
        unwrap,
        bom=bom,
    )


def envelope_key(value: Mapping[str, Any]) -> str | None:
    """The key under which an envelope holds its records; None for what is itself a record."""
    if RECORD_KEYS & value.keys():
        return None
    keys = (k for k in ENVELOPES if isinstance(value.get(k), list))
    return next((k for k in keys if any(isinstance(r, dict) for r in value[k])), None)


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
    names = [name.strip() for name in rows[0]]
    if any(not name or is_number(name) for name in names) or len({n.casefold() for n in names}) < len(names):
        raise LlmscopeError(
            f"{shown}: a CSV whose first line is not a header of {len(names)} different names",
            hint="put a line of column names first; each name once",
        )
    records = tuple(dict(zip(names, row, strict=False)) for row in rows[1:])
    sample = Sample(shown, "csv", records, dict.fromkeys(names, "VARCHAR"))
    return LogFile(path, shown, compression, "csv", sample, delimiter=delimiter, bom=bom)


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
