"""`--with-store`: the logs named and the store's rows as one, without copying the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.engines import duckdb as engine
from llmscope.errors import StoreLocked
from llmscope.schema import KEYS, TABLES
from llmscope.store import Store, prepare, present_columns, rows_table, view_sql

if TYPE_CHECKING:
    import duckdb

# A row that stands in both is the store's.
BOTH = """
CREATE OR REPLACE VIEW {table} AS
SELECT * FROM ({own}) AS named
WHERE NOT EXISTS (SELECT 1 FROM stored.{rows} AS kept WHERE kept.{key} = named.{key})
UNION ALL BY NAME
SELECT * FROM stored.{table}
"""
STORED = """
SELECT table_name FROM duckdb_tables() WHERE database_name = 'stored'
UNION SELECT view_name FROM duckdb_views() WHERE database_name = 'stored'
"""
REST = (
    "INSERT INTO price_keys SELECT * FROM stored.price_keys EXCEPT SELECT * FROM price_keys",
    "INSERT INTO rejects SELECT * FROM stored.rejects",
    "INSERT INTO loads SELECT * FROM stored.loads",
)


def attach_file(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Opens the store at `path` beside the logs, as database `stored`.

    Raises:
        StoreLocked: a writer holds it.
        LlmscopeError: it is no store of ours, or a newer one's.
    """
    try:
        con.execute(f"ATTACH {engine.text_literal(str(path))} AS stored (READ_ONLY)")
    except Exception as error:
        holder = engine.lock_holder(error)
        if holder:
            raise StoreLocked(f"{path}: locked by {holder}", hint="try again later") from error
        raise engine.opening_error(path, error) from error
    with using_stored(con):
        prepare(con, path, read_only=True)


@contextmanager
def using_stored(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """What is named inside is the store's."""
    engine.execute(con, "USE stored")
    try:
        yield
    finally:
        engine.execute(con, f"USE {engine.own_database(con)}")


def add_store(store: Store) -> frozenset[str]:
    """Lays the rows of database `stored` beside those of `store`; gives the columns of requests that either has."""
    con = store.con
    with using_stored(con):
        kept = present_columns(con, "requests")
    held = {name for (name,) in engine.execute(con, STORED)}
    # Traces have handed on what they knew when they were loaded; an older store has no vectors.
    for table in (t for t in TABLES if t != "traces" and rows_table(t) in held):
        own = view_sql(table, present_columns(con, table)).split(" AS ", 1)[1]
        engine.execute(con, BOTH.format(table=table, own=own, rows=rows_table(table), key=KEYS[table]))
    for statement in REST:
        engine.execute(con, statement)
    return frozenset(kept | present_columns(con, "requests"))
