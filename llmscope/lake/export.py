"""Brings what a question would look at into a lake: the rows of a window, from log files or from a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute, own_database, text_literal
from llmscope.errors import LlmscopeError
from llmscope.lake.bring import Brought, ReadAgain, bring
from llmscope.lake.lake import Lake
from llmscope.lake.staging import FRESH, staging
from llmscope.load.room import check_rows, one_disk
from llmscope.schema import TABLES, Table
from llmscope.store import Store, add_columns, rows_table

if TYPE_CHECKING:
    import duckdb

# The loads of the store, numbered as those of the stage, in their order.
NUMBERS = """
CREATE OR REPLACE TEMP TABLE export_numbers AS
SELECT load_id, row_number() OVER (ORDER BY load_id) + {fresh} AS number
FROM (SELECT DISTINCT load_id FROM {origin}.loads)
"""
ROWS = """
INSERT INTO staged.{rows} BY NAME
SELECT {columns}, coalesce(number, {fresh} + 1) AS load_id
FROM ({sql}) AS given LEFT JOIN export_numbers AS numbers ON numbers.load_id = given.load_id
"""
# Those whose bytes the lake has are not told twice.
LOADS = """
INSERT INTO staged.loads BY NAME
SELECT own.* REPLACE (number AS load_id{unknown}) FROM {origin}.loads AS own JOIN export_numbers USING (load_id)
WHERE {condition}
"""
UNKNOWN_YET = """
NOT EXISTS (
    SELECT 1 FROM staged.loads AS theirs
    WHERE theirs.head = own.head AND theirs.digest = own.digest AND theirs.start_byte = own.start_byte
    AND theirs.end_byte = own.end_byte AND theirs.mapping = own.mapping
)
"""
# Of a part of a log nobody may say that it was loaded: what is left of it can still come.
IN_PART = ", NULL AS head, NULL AS digest, 0 AS end_byte"
REJECTS = """
INSERT INTO staged.rejects BY NAME
SELECT r.* REPLACE (number AS load_id) FROM {origin}.rejects AS r JOIN export_numbers USING (load_id)
WHERE number IN (SELECT load_id FROM staged.loads)
"""
MOST_TRIES = 8


def export(
    con: duckdb.DuckDBPyConnection,
    relations: dict[Table, str],
    bound: dict[str, Any],
    lake: Lake,
    whole: bool,
    memory: str | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Brought, dict[str, int]]:
    """Brings the rows that `relations` give (a SELECT a table) into the lake; gives rows by table that were given.

    Raises:
        LlmscopeError: the lake cannot be written, or others always commit first.
    """
    for _ in range(MOST_TRIES):
        with staging(lake, memory) as store:
            check_disks(con, relations["requests"], bound, lake, store)
            counts = fill(con, relations, bound, store, whole)
            try:
                return bring(store, lake, "export", say), counts
            except ReadAgain:
                lake.refresh()
    raise LlmscopeError(f"{lake.shown}: others keep loading the same logs; nothing was exported")


def check_disks(con: duckdb.DuckDBPyConnection, requests: str, bound: dict[str, Any], lake: Lake, store: Store) -> None:
    """Refuses an export that the disk it is gathered on, or that of a lake in a folder, cannot hold.

    Raises:
        LlmscopeError: a disk is short.
    """
    stage = (store.path or Path()).parent
    rows = int(execute(con, f"SELECT count(*) FROM ({requests})", bound)[0][0])
    check_rows(stage, "what is exported", rows)
    if folder := lake.place.folder:
        check_rows(folder, lake.shown, rows * (2 if one_disk(folder, stage) else 1))


def fill(
    con: duckdb.DuckDBPyConnection, relations: dict[Table, str], bound: dict[str, Any], store: Store, whole: bool
) -> dict[str, int]:
    """Streams the rows into the stage, from one engine's file to another's."""
    present = {table: given_columns(con, table) for table in relations}
    for table, columns in present.items():
        add_columns(store.con, table, columns)
    store.close()
    execute(con, f"ATTACH {text_literal(str(store.path))} AS staged (READ_WRITE)")
    try:
        origin = f"{own_database(con)}.main"
        execute(con, NUMBERS.format(fresh=FRESH, origin=origin))
        counts: dict[str, int] = {
            table: copy(con, table, sql, bound, present[table]) for table, sql in relations.items()
        }
        put_loads(con, origin, counts, whole)
    finally:
        execute(con, "DETACH staged")
    return counts


def given_columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """The columns that some log has brought, of a store or of what lies beside it."""
    names = execute(
        con, "SELECT DISTINCT column_name FROM duckdb_columns() WHERE table_name = $name", {"name": rows_table(table)}
    )
    found = {name for (name,) in names}
    return [c.name for c in TABLES[table] if c.required or c.name in found]


def copy(con: duckdb.DuckDBPyConnection, table: Table, sql: str, bound: dict[str, Any], columns: list[str]) -> int:
    """One table's rows; gives their number."""
    listed = ", ".join(f"given.{name}" for name in columns)
    statement = ROWS.format(rows=rows_table(table), columns=listed, fresh=FRESH, sql=sql)
    return int(execute(con, statement, bound)[0][0])


def put_loads(con: duckdb.DuckDBPyConnection, origin: str, counts: Iterable[Any], whole: bool) -> None:
    """The loads that the rows came by, and the lines these refused."""
    said = " UNION ".join(f"SELECT load_id FROM staged.{rows_table(t)} WHERE load_id > {FRESH}" for t in counts)
    condition = UNKNOWN_YET if whole else f"number IN ({said})"
    execute(con, LOADS.format(origin=origin, unknown="" if whole else IN_PART, condition=condition))
    execute(con, REJECTS.format(origin=origin))
