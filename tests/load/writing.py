"""Small logs written by hand, and what a store holds of them: for tests of load."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet

from llmscope.load import COUNTS, FileReport, LoadOptions, LoadReport, load
from llmscope.load.mapping import parse
from llmscope.store import Store

Record = dict[str, Any]
NAMES = ("request_id", "started_at", "request_model", "feature", "input_tokens", "output_tokens")


def request(number: int, **changes: Any) -> Record:
    """Request r<number>: number tokens in, 1 out; a value of ... leaves its key out."""
    record = {
        "request_id": f"r{number}",
        "started_at": f"2026-09-01T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "request_model": "gpt-4-turbo",
        "feature": "chat",
        "input_tokens": number,
        "output_tokens": 1,
    }
    return {k: v for k, v in {**record, **changes}.items() if v is not ...}


def requests(count: int, first: int = 1, **changes: Any) -> list[Record]:
    """`count` requests, numbered from `first`."""
    return [request(first + i, **changes) for i in range(count)]


def lines(records: Iterable[Any]) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(r).encode() + b"\n" for r in records)


def table(records: Iterable[Record]) -> bytes:
    """CSV with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, NAMES, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def parquet(path: Path, records: list[Record]) -> Path:
    """A Parquet file."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)
    return path


def zstd(data: bytes) -> bytes:
    """Compressed with zstd."""
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return bytes(sink.getvalue())


def packed(data: bytes, how: str) -> bytes:
    """Compressed as `how` says."""
    return {"none": bytes, "gzip": gzip.compress, "zstd": zstd}[how](data)


def put(path: Path, data: bytes) -> Path:
    """A file of these bytes, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def load_into(store: Store, *paths: Path | str, maps: Iterable[str] = (), **options: Any) -> LoadReport:
    """Loads files as the command does, without the command line; any file's error is raised."""
    report = load(store, [str(p) for p in paths], LoadOptions(maps=parse(maps), **options))
    for file in report.failed:
        raise file.error  # type: ignore[misc]
    return report


def load_bytes(folder: Path, data: bytes, name: str = "log.jsonl", **options: Any) -> tuple[FileReport, list[Record]]:
    """What became of one file of these bytes in an empty store, and its rows by request_id."""
    store = Store(None)
    try:
        report = load_into(store, put(folder / name, data), **options)
        return report.files[0], rows(store)
    finally:
        store.close()


def rows(store: Store, order: str = "request_id") -> list[Record]:
    """The store's requests, fields that are NULL left out."""
    cursor = store.con.execute(f"SELECT * FROM requests ORDER BY {order}")
    names = [d[0] for d in cursor.description or ()]
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in cursor.fetchall()]


def counts(report: FileReport | Mapping[str, int]) -> dict[str, int]:
    """What became of the lines, what is zero left out."""
    found = {n: getattr(report, n) if isinstance(report, FileReport) else report[n] for n in COUNTS}
    return {n: v for n, v in found.items() if v}


def totals(path: Path) -> tuple[int, int, int]:
    """Requests, input tokens and output tokens in the store at `path`."""
    with duckdb.connect(str(path), read_only=True) as con:
        found = con.execute("SELECT count(*), sum(input_tokens), sum(output_tokens) FROM requests").fetchall()[0]
    return int(found[0]), int(found[1] or 0), int(found[2] or 0)


def sum_to(count: int, first: int = 1) -> tuple[int, int, int]:
    """The totals of `requests(count, first)`."""
    return count, sum(range(first, first + count)), count
