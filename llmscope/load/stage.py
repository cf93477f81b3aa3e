"""Unfolds a file's values into records with a source's own SQL, into a temporary table that its readings then read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.load.logfile import LogFile
from llmscope.load.read import OBJECT_BYTES, absent, empty_record, records_sql
from llmscope.sources import FILE, FIRST, Reading, Unfolding, quote
from llmscope.sources._usage import prepared_sql

if TYPE_CHECKING:
    import duckdb

UNFOLDED = "unfolded"
# Of many files read at once: filename, load_id, shown and head of each; and what a row bears of it.
BATCH = "batch"
OF_FILE = "load_id AS _load, shown AS _shown, head AS _head"


@dataclass(frozen=True, slots=True)
class Staged:
    """What stands in the temporary table: its columns' types, those without any value, and how much there is of it."""

    types: Mapping[str, str]
    empty: frozenset[str]
    values: int
    records: int


def stage(
    con: duckdb.DuckDBPyConnection, file: LogFile, unfolding: Unfolding, path: Path, object_bytes: int = OBJECT_BYTES
) -> Staged:
    """Fills the temporary table; lines that are no JSON object, and objects without any known key, are not in it."""
    raw = records_sql(file, unfolding.columns, path, object_bytes)
    own = f", 0::BIGINT AS {FILE}" if unfolding.carries else ""
    if file.together:
        raw, own = f"SELECT * FROM ({raw}) JOIN {BATCH} USING (filename)", f", load_id AS {FILE}"
    known = ", ".join(quote(name) for name in unfolding.columns)
    values = f"(SELECT {known}{own} FROM ({raw}) WHERE NOT ({empty_record(unfolding.columns)}))"
    execute(con, f"CREATE OR REPLACE TEMP TABLE {UNFOLDED} AS {unfolding.sql.format(values=values)}")
    described = execute(con, f"DESCRIBE {UNFOLDED}")
    types = {name: kind for name, kind, *_ in described if name not in (FIRST, FILE)}
    counts = ", ".join(f"count({quote(name)})" for name in types)
    records, firsts, *filled = execute(
        con, f"SELECT count(*), count(*) FILTER (WHERE {quote(FIRST)}), {counts} FROM {UNFOLDED}"
    )[0]
    empty = frozenset(name for name, n in zip(types, filled, strict=True) if not n)
    return Staged(types, empty, int(firsts), int(records))


def staged_sql(staged: Staged, reading: Reading, together: bool = False) -> str:
    """The reading's columns and what it prepares from them, one row a record of the temporary table."""
    present = {key: kind for key, kind in reading.columns.items() if key in staged.types}
    columns = ", ".join(f"{as_kind(key, kind, staged.types[key])} AS {quote(key)}" for key, kind in present.items())
    relation = f"SELECT {columns}{absent(reading.columns, present)}"
    if together:
        return prepared_sql(f"{relation}, {OF_FILE} FROM {UNFOLDED} JOIN {BATCH} ON load_id = {FILE}", reading.prepare)
    return prepared_sql(f"{relation} FROM {UNFOLDED}", reading.prepare)


def as_kind(key: str, kind: str, found: str) -> str:
    """A staged column as the text or JSON that the reading names."""
    name = quote(key)
    if found == kind:
        return name
    if kind == "JSON":
        return f"try_cast({name} AS JSON)" if found == "VARCHAR" else f"to_json({name})"
    nested = found.startswith(("STRUCT", "MAP")) or found.endswith("]")
    if found == "JSON":
        return f"json_extract_string({name}, '$')"
    return f"to_json({name})::VARCHAR" if nested else f"{name}::VARCHAR"
