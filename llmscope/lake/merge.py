"""Joins what a loader gathered with the rows of the lake that it concerns: the same rules as inside one store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.lake.files import DataFile
from llmscope.lake.lake import Lake
from llmscope.lake.staging import FRESH
from llmscope.lake.views import LOAD, columns_of, rows_sql
from llmscope.load.links import release
from llmscope.load.settle import Settled, settle
from llmscope.schema import KEYS, TABLES, Table
from llmscope.store import TIMES, add_columns, present_columns, rows_table

if TYPE_CHECKING:
    import duckdb

PLACE = "filename file_row_number"
AROUND = timedelta(days=1)
# Kind of name -> the tables and columns in which fresh rows say it.
NAMED: dict[str, tuple[tuple[Table, str], ...]] = {
    "request_id": (("requests", "request_id"), ("vectors", "vector_id")),
    "response_id": (("requests", "response_id"), ("scores", "response_id"), ("vectors", "vector_id")),
    "trace_id": (("requests", "trace_id"), ("scores", "trace_id"), ("traces", "trace_id"), ("vectors", "trace_id")),
    "span_id": (("requests", "span_id"), ("scores", "span_id"), ("vectors", "span_id")),
}
# What in the lake a fresh row may change, or be changed by: {named} gives the names of a kind that fresh rows say.
WAITS = "request_id IS NULL AND (trace_id IN {trace_id} OR span_id IN {span_id} OR {answer})"
CONCERNED: dict[Table, str] = {
    "requests": "request_id IN {request_id} OR response_id IN {response_id}"
    " OR trace_id IN {trace_id} OR span_id IN {span_id}",
    "spans": "span_id IN {own}",
    "traces": "trace_id IN {trace_id}",
    "scores": "score_id IN {own} OR (" + WAITS.replace("{answer}", "response_id IN {response_id}") + ")",
    "vectors": "vector_id IN {own} OR request_id IN {pulled} OR ("
    + WAITS.replace("{answer}", "vector_id IN {request_id} OR vector_id IN {response_id}")
    + ")",
}
LOOKED_AT: dict[Table, tuple[str, ...]] = {
    "requests": ("request_id", "response_id", "trace_id", "span_id"),
    "spans": ("span_id",),
    "traces": ("trace_id",),
    "scores": ("score_id", "request_id", "trace_id", "span_id", "response_id"),
    "vectors": ("vector_id", "request_id", "trace_id", "span_id"),
}
# Old rows that are not any more what they were: these leave their files.
CHANGED = """
CREATE OR REPLACE TEMP TABLE changed_{table} AS
SELECT filename, file_row_number, {key} AS key FROM pulled_{table} AS old
WHERE NOT EXISTS (SELECT 1 FROM {rows} AS now WHERE now.load_id <= {fresh} AND now.{key} = old.{key} AND {same})
"""
OUTGOING = "load_id > {fresh} OR {key} IN (SELECT key FROM changed_{table})"


@dataclass
class Merged:
    """What is to be written: by table the condition of its rows, and the files that lose some."""

    outgoing: dict[Table, str] = field(default_factory=dict)
    losing: dict[Table, list[DataFile]] = field(default_factory=dict)
    settled: Settled = field(default_factory=Settled)
    looked: set[str] = field(default_factory=set)


def merge(con: duckdb.DuckDBPyConnection, lake: Lake) -> Merged:
    """Brings the rows concerned into the stage, settles, and finds what changed; inside a transaction."""
    found = Merged()
    put_names(con)
    gone = gone_loads(con)
    for table in TABLES:
        files = concerned_files(con, lake, table, bool(gone))
        found.looked |= {file.path for file in files}
        pull(con, lake, table, files, gone)
    forget_gone(con, gone)
    tables = [table for table in TABLES if has_fresh(con, table)]
    sources = " + ".join(name for (name,) in execute(con, f"SELECT DISTINCT format FROM loads WHERE load_id > {FRESH}"))
    if tables:
        found.settled = settle(con, tables, (), FRESH + 1, sources, settled=True)
    for table in TABLES:
        compare(con, table)
        found.outgoing[table] = OUTGOING.format(fresh=FRESH, key=KEYS[table], table=table)
        rows = execute(con, f"SELECT DISTINCT filename FROM changed_{table}")
        by_url = {lake.url(file): file for file in lake.files(table)}
        found.losing[table] = [by_url[url] for (url,) in rows]
    count(con, found.settled)
    return found


def put_names(con: duckdb.DuckDBPyConnection) -> None:
    """The names that fresh rows say, a temporary table a kind."""
    for kind, places in NAMED.items():
        said = [
            f"SELECT {column} AS name FROM {rows_table(table)} WHERE load_id > {FRESH} AND {column} IS NOT NULL"
            for table, column in places
            if column in present_columns(con, table)
        ]
        union = " UNION ".join(said) or "SELECT NULL::VARCHAR AS name WHERE false"
        execute(con, f"CREATE OR REPLACE TEMP TABLE named_{kind} AS {union}")


def gone_loads(con: duckdb.DuckDBPyConnection) -> list[int]:
    """Loads of the lake that this loader read again under another mapping."""
    rows = execute(con, "SELECT load_id FROM earlier_loads EXCEPT SELECT load_id FROM loads ORDER BY 1")
    return [load for (load,) in rows]


def has_fresh(con: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether the loader brought rows of that table."""
    return bool(execute(con, f"SELECT EXISTS (SELECT 1 FROM {rows_table(table)} WHERE load_id > {FRESH})")[0][0])


def concerned_files(con: duckdb.DuckDBPyConnection, lake: Lake, table: Table, everywhere: bool) -> list[DataFile]:
    """The files in which rows may be concerned: requests and spans by their days, the smaller tables all.

    What a score, a vector or a trace names may lie on any day, if it is not among the rows read with it.
    """
    if not everywhere and not any(has_fresh(con, t) for t in TABLES):
        return []
    files = lake.files(table)
    if table not in ("requests", "spans") or everywhere or (table == "requests" and looks_back(con)):
        return files
    days = {day for t in ("requests", "spans", "traces") for day in days_of(con, t)}
    return [file for file in files if file.day is None or date.fromisoformat(file.day) in days]


def looks_back(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether fresh scores or vectors have not found their request, or a trace says not when it was."""
    sought: dict[Table, str] = {"scores": "request_id", "vectors": "request_id", "traces": "started_at"}
    for table, column in sought.items():
        lost = f"AND {column} IS NULL" if column in present_columns(con, table) else ""
        if execute(con, f"SELECT 1 FROM {rows_table(table)} WHERE load_id > {FRESH} {lost} LIMIT 1"):
            return True
    return False


def days_of(con: duckdb.DuckDBPyConnection, table: Table) -> set[date]:
    """The days of fresh rows, and those before and after."""
    column = TIMES[table]
    if column not in present_columns(con, table):
        return set()
    rows = execute(con, f"SELECT DISTINCT {column}::DATE FROM {rows_table(table)} WHERE load_id > {FRESH}")
    return {day + AROUND * step for (day,) in rows if day is not None for step in (-1, 0, 1)}


def pull(con: duckdb.DuckDBPyConnection, lake: Lake, table: Table, files: Sequence[DataFile], gone: list[int]) -> None:
    """Copies the rows concerned into the stage, and remembers where each lies."""
    names = {f"{kind}": f"(SELECT name FROM named_{kind})" for kind in NAMED}
    own = f"(SELECT {KEYS[table]} FROM {rows_table(table)} WHERE load_id > {FRESH})"
    pulled = "(SELECT request_id FROM pulled_requests)"
    condition = CONCERNED[table].format(**names, own=own, pulled=pulled)
    if gone:
        condition += f" OR load_id IN ({', '.join(map(str, gone))})"
    looked = {*LOOKED_AT[table], LOAD}
    rows = rows_sql(table, [(file.columns, lake.url(file)) for file in files], looked, PLACE) if files else ""
    places = "CREATE OR REPLACE TEMP TABLE places AS SELECT filename, file_row_number"
    execute(con, f"{places} FROM ({rows}) WHERE {condition}" if files else f"{places} FROM {NOWHERE} WHERE false")
    hit = {url for (url,) in execute(con, "SELECT DISTINCT filename FROM places")}
    hits = [file for file in files if lake.url(file) in hit]
    wanted = {*columns_of(hits), *(c.name for c in TABLES[table] if c.required), LOAD}
    source = rows_sql(table, [(file.columns, lake.url(file)) for file in hits], wanted, PLACE)
    joined = f"({source}) SEMI JOIN places USING (filename, file_row_number)" if hits else f"({source}), {NOWHERE}"
    execute(con, f"CREATE OR REPLACE TEMP TABLE pulled_{table} AS SELECT * FROM {joined}")
    if hits:
        add_columns(con, table, columns_of(hits))
        rows = f"SELECT * EXCLUDE ({PLACE.replace(' ', ', ')}) FROM pulled_{table}"
        execute(con, f"INSERT INTO {rows_table(table)} BY NAME {rows}")


NOWHERE = "(SELECT NULL::VARCHAR AS filename, NULL::BIGINT AS file_row_number)"


def forget_gone(con: duckdb.DuckDBPyConnection, gone: Collection[int]) -> None:
    """Takes the rows of loads that are read anew out of the stage; their vectors wait for who comes in their place."""
    if not gone:
        return
    numbers = f"load_id IN ({', '.join(map(str, gone))})"
    release(con, numbers)
    for table in TABLES:
        execute(con, f"DELETE FROM {rows_table(table)} WHERE {numbers}")


def compare(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Finds the pulled rows that were changed or dropped."""
    own = {name for _, name, *_ in execute(con, f"PRAGMA table_info('pulled_{table}')")}
    now = present_columns(con, table)
    columns = [c.name for c in TABLES[table] if c.name in now]
    same = " AND ".join(f"now.{n} IS NOT DISTINCT FROM old.{n}" if n in own else f"now.{n} IS NULL" for n in columns)
    names = {"table": table, "key": KEYS[table], "rows": rows_table(table), "fresh": FRESH}
    execute(con, CHANGED.format(**names, same=same))


def count(con: duckdb.DuckDBPyConnection, settled: Settled) -> None:
    """Corrects the loads by what was the lake's already."""
    for load, gone in by_load(settled).items():
        execute(
            con,
            "UPDATE loads SET duplicates = duplicates + $gone, loaded = greatest(loaded - $gone, 0)"
            " WHERE load_id = $load",
            {"load": load, "gone": gone},
        )


def by_load(settled: Settled) -> Counter[int]:
    """Rows that went again: of a load that brought requests these, of another all."""
    found = +settled.of_table.get("requests", Counter()) + settled.duplicates + settled.set_aside
    others: Counter[int] = Counter()
    for table, gone in settled.of_table.items():
        others += gone if table != "requests" else Counter()
    return found + Counter({load: n for load, n in others.items() if load not in found})
