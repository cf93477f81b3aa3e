"""Finds rows that are there twice, within a load and against the store; the most complete record wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.load.labelled import OURS
from llmscope.load.rows import MADE_ID
from llmscope.schema import KEYS, TABLES, Table
from llmscope.store import present_columns, rows_table

if TYPE_CHECKING:
    import duckdb

# {key}, {table}: identifiers from schema.py.
REPEATED = """
CREATE OR REPLACE TEMP TABLE repeated AS
SELECT {key} AS id FROM {table} WHERE load_id >= $load GROUP BY {key} HAVING count(*) > 1
"""
# Records without an id get one from their content: equal ones of one file are told apart by their ordinal.
NUMBERED = """
UPDATE {table} SET {key} = {key} || '-' || numbered.ordinal
FROM (
    SELECT rowid AS row, row_number() OVER (PARTITION BY {key} ORDER BY rowid) AS ordinal
    FROM {table} WHERE load_id >= $load AND starts_with({key}, $made) AND {key} IN (SELECT id FROM repeated)
) AS numbered
WHERE {table}.rowid = numbered.row AND numbered.ordinal > 1
"""
TWICE = """
CREATE OR REPLACE TEMP TABLE twice AS
SELECT id FROM repeated WHERE NOT starts_with(id, $made)
UNION
SELECT {key} FROM {table} WHERE load_id < $load AND {key} IN (SELECT {key} FROM {table} WHERE load_id >= $load)
"""
LESS_COMPLETE = """
CREATE OR REPLACE TEMP TABLE less_complete AS
SELECT row, id, load_id FROM (
    SELECT rowid AS row, {key} AS id, load_id,
           row_number() OVER (PARTITION BY {key} ORDER BY {better}, load_id, rowid) AS place
    FROM {table} WHERE {key} IN (SELECT id FROM twice)
) WHERE place > 1
"""
DROP = "DELETE FROM {table} WHERE rowid IN (SELECT row FROM less_complete)"
# Rows gone, by load; one of an older load counts for the load that brought what now stands in its place.
GONE = """
SELECT load_id, count(*) FROM less_complete WHERE load_id >= $load GROUP BY load_id
UNION ALL
SELECT better.load_id, count(*)
FROM less_complete AS gone JOIN {table} AS better ON better.{key} = gone.id
WHERE gone.load_id < $load AND better.load_id >= $load GROUP BY better.load_id
"""


def better_sql(table: Table, present: Collection[str]) -> str:
    """The order in which one record of a request is better than another: what it used, that it was answered, and then
    how much is known of it. A failure knows its error and no tokens: it does not stand for an answer that was paid.
    """
    complete = " + ".join(f"({c.name} IS NOT NULL)::INTEGER" for c in TABLES[table] if c.name in present)
    if table == "scores":  # a person who fills in a label again means the last word
        return f"CASE WHEN {OURS} THEN load_id END DESC NULLS LAST, {complete} DESC"
    if table != "requests":
        return f"{complete} DESC"
    used = [f"({name} IS NOT NULL)::INTEGER" for name in ("input_tokens", "output_tokens") if name in present]
    largest = ["output_tokens DESC NULLS LAST"] if "output_tokens" in present else []
    return ", ".join([f"{' + '.join(used) or '0'} DESC", "(status = 'ok') DESC", f"{complete} DESC", *largest])


def drop_duplicates(con: duckdb.DuckDBPyConnection, table: Table, load_id: int) -> Counter[int]:
    """Removes what the loads from `load_id` on brought a second time; gives the number of rows removed, by load."""
    names = {"table": rows_table(table), "key": KEYS[table]}
    values = {"load": load_id, "made": MADE_ID}
    execute(con, REPEATED.format(**names), values)
    if execute(con, "SELECT count(*) FROM repeated")[0][0]:
        execute(con, NUMBERED.format(**names), values)
    execute(con, TWICE.format(**names), values)
    if not execute(con, "SELECT count(*) FROM twice")[0][0]:
        return Counter()
    execute(con, LESS_COMPLETE.format(**names, better=better_sql(table, present_columns(con, table))))
    execute(con, DROP.format(**names))
    found: Counter[int] = Counter()
    for load, gone in execute(con, GONE.format(**names), {"load": load_id}):
        found[load] += gone
    return found
