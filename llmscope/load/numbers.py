"""Reads plain figures as numbers instead of text, where that is certain: a quarter of a load's time.

As text, every wrong type is seen. As numbers, the reader makes NULL of a word and 1 of `true` without a sign. So only
a key whose first records all have a figure other than 0 and 1 is read as a number, and after the load a NULL, a 0 or
a 1 in its column sends the file to be looked at as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.load.logfile import LogFile
from llmscope.load.read import records_sql
from llmscope.load.typed import MOST_MS
from llmscope.schema import BY_NAME, KEYS
from llmscope.sources import Reading, quote
from llmscope.store import rows_table

if TYPE_CHECKING:
    import duckdb

KINDS = ("ms", "usd", "tokens", "count", "ratio")
FEWEST_RECORDS, FAR_FROM_ZERO = 50, 25


def with_numbers(file: LogFile, reading: Reading) -> Reading:
    """The reading with its certain figures as DOUBLE columns.

    Only where records bring an id of their own: one made of their content must not depend on how it was read.
    """
    own = reading.fields.get(KEYS[reading.table])
    if file.container != "jsonl" or own is None or len(file.sample.records) < FEWEST_RECORDS:
        return reading
    keys = {key for name, key in straight(reading).items() if alone(reading, name, key) and figures(file, key)}
    return replace(reading, columns={k: "DOUBLE" if k in keys else t for k, t in reading.columns.items()})


def straight(reading: Reading) -> dict[str, str]:
    """Canonical column -> raw key, for the numbers that are a key's own text and nothing else."""
    known = BY_NAME[reading.table]
    firsts = {n: f.keys[0] for n, f in reading.fields.items() if f.keys and n in known and known[n].kind in KINDS}
    return {
        name: key
        for name, key in firsts.items()
        if reading.fields[name].sql == quote(key) and reading.columns.get(key) == "VARCHAR"
    }


def alone(reading: Reading, name: str, key: str) -> bool:
    """Whether no other expression uses the key as text."""
    others = [f.sql for n, f in reading.fields.items() if n != name] + list(reading.prepare.values())
    return not any(quote(key) in sql for sql in others)


def figures(file: LogFile, key: str) -> bool:
    """Whether every one of the first records has a figure there, and none is near 0, where later ones may be 0 or 1."""
    values: list[Any] = [record.get(key) for record in file.sample.records]
    return all(plain(v) for v in values) and min(values) > median(values) / FAR_FROM_ZERO


def plain(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value not in (0, 1)


def doubtful(
    con: duckdb.DuckDBPyConnection, file: LogFile, reading: Reading, load_id: int, path: Path, object_bytes: int
) -> bool:
    """Whether a column read as numbers may have lost or misread a value."""
    columns = straight_numbers(reading)
    if not columns:
        return False
    odd = ", ".join(f"count(*) FILTER ({c} IS NULL OR {c} IN (0, 1))" for c in columns)
    table = rows_table(reading.table)
    counts = execute(con, f"SELECT {odd} FROM {table} WHERE load_id = $load", {"load": load_id})[0]
    keys = [key for key, n in zip(columns.values(), counts, strict=True) if n]
    return bool(keys) and misread(con, file, dict.fromkeys(keys, "VARCHAR"), path, object_bytes)


def straight_numbers(reading: Reading) -> dict[str, str]:
    """Canonical column -> raw key, for the columns that are read as numbers."""
    firsts = {n: f.keys[0] for n, f in reading.fields.items() if f.keys}
    return {n: k for n, k in firsts.items() if reading.columns.get(k) == "DOUBLE" and reading.fields[n].sql == quote(k)}


def misread(
    con: duckdb.DuckDBPyConnection, file: LogFile, columns: Mapping[str, str], path: Path, object_bytes: int
) -> bool:
    """Whether any text under these keys is no figure in range."""
    source = records_sql(file, columns, path, object_bytes)
    wrong = " OR ".join(wrong_sql(key) for key in columns)
    return bool(execute(con, f"SELECT count(*) FROM ({source}) WHERE {wrong}")[0][0])


def wrong_sql(key: str) -> str:
    number = f"try_cast({quote(key)} AS DOUBLE)"
    return f"({quote(key)} IS NOT NULL AND coalesce({number} NOT BETWEEN 0 AND {MOST_MS}, true))"
