"""Runs a source's reading as load does, on DuckDB's own readers: for tests of sources."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb

from llmscope.schema import BY_NAME
from llmscope.sources import Reading, Sample, literal, load_source, quote
from llmscope.sources._usage import prepared_sql

Row = dict[str, Any]
UNITS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}


def write(path: Path, *records: Any) -> Path:
    """Writes records as JSONL."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def sample_of(path: Path) -> Sample:
    """The first records of a JSONL or CSV file, as load would show them to a source."""
    if path.suffix == ".csv":
        with path.open() as file:
            records = tuple(csv.DictReader(file))
        return Sample(str(path), "csv", records, {key: "VARCHAR" for r in records for key in r})
    records = tuple(json.loads(line) for line in path.read_text().splitlines()[:20])
    return Sample(str(path), "jsonl", records, {key: "JSON" for record in records for key in record})


def run_reading(reading: Reading, path: Path) -> list[Row]:
    """The rows of a reading: typed, durations in ms, times as written; NULLs left out."""
    columns = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in reading.columns.items())
    source = f"FROM read_json({literal(str(path))}, format='newline_delimited', columns={{{columns}}})"
    wanted = ", ".join(f"{typed(reading, name)} AS {quote(name)}" for name in reading.fields)
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        rows = con.execute(f"SELECT {wanted} FROM ({prepared_sql(source, reading.prepare)}) WHERE {reading.keep}")
        return [{n: v for n, v in zip(reading.fields, row, strict=True) if v is not None} for row in rows.fetchall()]


def typed(reading: Reading, name: str) -> str:
    """A field as its column's type; a time stays the text it was."""
    column, found = BY_NAME[reading.table][name], reading.fields[name]
    if column.kind in ("time", "json"):
        return f"CAST({found.sql} AS VARCHAR)"
    factor = f" * {UNITS[found.unit]}" if found.unit in UNITS else ""
    return f"TRY_CAST({found.sql} AS {column.sql_type}){factor}"


def read(source: str, path: Path) -> list[Row]:
    """The rows a source makes of a file, its first reading alone."""
    module, sample = load_source(source), sample_of(path)
    assert module.detect(sample)
    return run_reading(module.readings(sample, {})[0], path)
