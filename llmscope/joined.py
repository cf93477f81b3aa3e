"""`--with-store`: the logs named and the store's rows as one, without copying the store."""

from __future__ import annotations

from pathlib import Path

from llmscope.engines import duckdb as engine
from llmscope.errors import StoreLocked
from llmscope.schema import KEYS, TABLES
from llmscope.store import Store, prepare, present_columns, rows_table, view_sql

# A row that stands in both is the store's.
BOTH = """
CREATE OR REPLACE VIEW {table} AS
SELECT * FROM ({own}) AS named
WHERE NOT EXISTS (SELECT 1 FROM stored.{rows} AS kept WHERE kept.{key} = named.{key})
UNION ALL BY NAME
SELECT * FROM stored.{table}
"""
STORED = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'stored'"
REST = (
    "INSERT INTO price_keys SELECT * FROM stored.price_keys EXCEPT SELECT * FROM price_keys",
    "INSERT INTO rejects SELECT * FROM stored.rejects",
    "INSERT INTO loads SELECT * FROM stored.loads",
)


def add_store(store: Store, path: Path) -> frozenset[str]:
    """Lays the rows of the store at `path` beside those of `store`; gives the columns of requests that either has.

    Raises:
        StoreLocked: a writer holds it.
        LlmscopeError: it is no store of ours, or a newer one's.
    """
    con = store.con
    try:
        con.execute(f"ATTACH {engine.text_literal(str(path))} AS stored (READ_ONLY)")
    except Exception as error:
        holder = engine.lock_holder(error)
        if holder:
            raise StoreLocked(f"{path}: locked by {holder}", hint="try again later") from error
        raise engine.opening_error(path, error) from error
    engine.execute(con, "USE stored")
    try:
        prepare(con, path, read_only=True)
        kept = present_columns(con, "requests")
    finally:
        engine.execute(con, f"USE {engine.own_database(con)}")
    held = {name for (name,) in engine.execute(con, STORED)}
    # Traces have handed on what they knew when they were loaded; an older store has no vectors.
    for table in (t for t in TABLES if t != "traces" and rows_table(t) in held):
        own = view_sql(table, present_columns(con, table)).split(" AS ", 1)[1]
        engine.execute(con, BOTH.format(table=table, own=own, rows=rows_table(table), key=KEYS[table]))
    for statement in REST:
        engine.execute(con, statement)
    return frozenset(kept | present_columns(con, "requests"))
