"""Joins what came in different files: a trace's user to its requests, a score or a vector to its request, a parent to
its children, and a request that two systems logged to itself. Whichever came first, the result is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.schema import TABLES, Table
from llmscope.store import add_columns, present_columns

if TYPE_CHECKING:
    import duckdb

# What a request takes over from its trace.
INHERITED = ("session_id", "user_id", "feature", "service", "environment", "release", "tags")

# {sets}: column = coalesce(its own, the trace's). A trace that is told of twice stands in the table once.
INHERIT = """
UPDATE requests_rows SET {sets}
FROM traces_rows AS t
WHERE requests_rows.trace_id = t.trace_id AND {side}.load_id >= $load AND ({lacking})
"""
# {completeness}: how much a row knows. Requests of two sources that carry one response id are one request; of one
# source they are its own business (an answer out of a cache keeps the id of the first). What stands in the store
# already are different requests: a slot each; a new row takes a slot that its own source has no row in, else its own.
# {apart}: what new rows are numbered by; those that were settled among themselves are different requests too.
SEEN_TWICE = """
CREATE OR REPLACE TEMP TABLE seen_twice AS
WITH shared AS (
    SELECT response_id FROM requests_rows
    WHERE response_id IN (SELECT response_id FROM requests_rows WHERE load_id >= $load AND response_id IS NOT NULL)
    GROUP BY response_id HAVING count(DISTINCT source_format) > 1
),
told AS (
    SELECT rowid AS row, response_id, load_id, source_format, {started} AS started, {completeness} AS completeness,
           load_id >= $load AS fresh, max(load_id) OVER (PARTITION BY response_id, source_format) >= $load AS again
    FROM requests_rows WHERE response_id IN (SELECT response_id FROM shared)
),
numbered AS (
    SELECT *, row_number() OVER (
               PARTITION BY response_id, fresh, {apart} ORDER BY again, started, row
           ) AS nth,
           count(*) FILTER (NOT fresh) OVER (PARTITION BY response_id) AS slots,
           count(*) FILTER (NOT fresh AND NOT again) OVER (PARTITION BY response_id) AS free
    FROM told
),
slotted AS (SELECT *, CASE WHEN fresh AND nth > free THEN nth - free + slots ELSE nth END AS slot FROM numbered),
placed AS (
    SELECT row, row_number() OVER best AS place, first_value(load_id) OVER best AS better FROM slotted
    WINDOW best AS (PARTITION BY response_id, slot ORDER BY completeness DESC, load_id, row)
)
SELECT row, better FROM placed WHERE place > 1
"""
# A call whose own child is a call of its kind with usage repeats the child's. A log of somebody's own making says
# itself what its requests are.
PARENTS = """
CREATE OR REPLACE TEMP TABLE parents AS
SELECT DISTINCT parent.rowid AS row, 0 AS better
FROM requests_rows AS parent
JOIN requests_rows AS child
    ON child.trace_id = parent.trace_id AND child.parent_span_id = parent.span_id AND child.span_id <> parent.span_id
    AND child.operation = parent.operation AND child.input_tokens IS NOT NULL
WHERE parent.load_id >= $load AND parent.source_format NOT IN ('flat', 'canonical')
UNION
SELECT parent.rowid, 0
FROM requests_rows AS parent
JOIN requests_rows AS child
    ON child.trace_id = parent.trace_id AND child.parent_span_id = parent.span_id AND child.span_id <> parent.span_id
    AND child.operation = parent.operation AND child.input_tokens IS NOT NULL
WHERE child.load_id >= $load AND parent.source_format NOT IN ('flat', 'canonical')
"""
# {table}: of scores or of vectors, s. Each finds the one request it is about.
ABOUT = """
UPDATE {table} SET request_id = found.request_id
FROM (
    SELECT s.rowid AS row, min(r.request_id) AS request_id
    FROM {table} AS s JOIN requests_rows AS r ON {same}
    WHERE s.request_id IS NULL AND {side}.load_id >= $load
    GROUP BY s.rowid HAVING count(DISTINCT r.request_id) = 1
) AS found
WHERE {table}.rowid = found.row
"""
# What a score names, the narrowest first; a trace is its only request, a span may be one of many traces.
SAME: dict[str, str] = {
    "span_id": "r.span_id = s.span_id AND (s.trace_id IS NULL OR r.trace_id = s.trace_id)",
    "response_id": "r.response_id = s.response_id",
    "trace_id": "s.span_id IS NULL AND r.trace_id = s.trace_id",
}
# A vector's file names the request by one id, which may be the answer's.
VECTOR_OF: dict[str, str] = {
    "request_id": "r.request_id = s.vector_id",
    "response_id": "r.response_id = s.vector_id",
    "span_id": SAME["span_id"],
}
# Requests that go, {gone}, leave their vectors to whoever comes in their place.
RELEASE = """
UPDATE vectors_rows SET request_id = NULL
WHERE request_id IN (SELECT request_id FROM requests_rows WHERE {gone})
"""
WAITING = "SELECT source_file, count(*) FROM vectors_rows WHERE request_id IS NULL GROUP BY source_file"


@dataclass
class Merged:
    """Requests that went again, by their load, and what is to be said of it."""

    parents: Counter[int] = field(default_factory=Counter)
    duplicates: Counter[int] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def link(
    con: duckdb.DuckDBPyConnection, tables: Sequence[Table], first_load: int, source: str, settled: bool = False
) -> Merged:
    """Joins what the loads from `first_load` on brought with all that is there, both ways.

    `settled`: they have been joined among themselves.
    """
    found = Merged()
    if "requests" in tables or "traces" in tables:
        inherit(con, first_load)
    if "requests" in tables:
        drop_parents(con, first_load, found)
        drop_seen_twice(con, first_load, source, found, settled)
    if "requests" in tables or "scores" in tables:
        join_scores(con, first_load)
    if "requests" in tables or "vectors" in tables:
        join_vectors(con, first_load)
    return found


def inherit(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Requests take over what only their trace says."""
    if not execute(con, "SELECT count(*) FROM traces_rows")[0][0]:
        return
    said = [c for c in INHERITED if c in present_columns(con, "traces")]
    if not said or "trace_id" not in present_columns(con, "requests"):
        return
    add_columns(con, "requests", said)
    sets = ", ".join(f"{c} = coalesce(requests_rows.{c}, t.{c})" for c in said)
    lacking = " OR ".join(f"requests_rows.{c} IS NULL AND t.{c} IS NOT NULL" for c in said)
    for side in ("requests_rows", "t"):
        execute(con, INHERIT.format(sets=sets, lacking=lacking, side=side), {"load": load_id})


def drop_parents(con: duckdb.DuckDBPyConnection, load_id: int, found: Merged) -> None:
    """Sets aside the calls whose usage is their children's."""
    if not {"trace_id", "span_id", "parent_span_id", "input_tokens"} <= present_columns(con, "requests"):
        return
    nested = "SELECT count(span_id) FROM requests_rows WHERE load_id >= $load"
    if not execute(con, nested, {"load": load_id})[0][0]:
        return
    execute(con, PARENTS, {"load": load_id})
    gone, found.parents = removed(con, "parents", load_id)
    if gone:
        what = "call repeats its" if gone == 1 else "calls repeat their"
        found.notes.append(f"{gone:,} {what} children's usage and stand{'s' * (gone == 1)} aside")


def drop_seen_twice(
    con: duckdb.DuckDBPyConnection, load_id: int, source: str, found: Merged, settled: bool = False
) -> None:
    """Keeps the richer of two records that two sources wrote of one request."""
    present = present_columns(con, "requests")
    earlier = {name for (names,) in execute(con, "SELECT DISTINCT format FROM loads") for name in names.split(" + ")}
    if "response_id" not in present or len(earlier | set(source.split(" + "))) < 2:
        return
    complete = " + ".join(f"({c.name} IS NOT NULL)::INTEGER" for c in TABLES["requests"] if c.name in present)
    started = "started_at" if "started_at" in present else "NULL"
    apart = "NULL" if settled else "CASE WHEN fresh THEN source_format END"
    execute(con, SEEN_TWICE.format(completeness=complete, started=started, apart=apart), {"load": load_id})
    gone, found.duplicates = removed(con, "seen_twice", load_id)
    if gone:
        found.notes.append(
            f"{gone:,} request{'s' * (gone != 1)} stood in another source's log too (same response id):"
            " counted once, the richer record kept"
        )


def removed(con: duckdb.DuckDBPyConnection, table: str, load_id: int) -> tuple[int, Counter[int]]:
    """Deletes the requests whose rows a temporary table names; gives their number, and how many each new load lost.

    A row of an older load counts for the new one whose better row stands in its place, if one does.
    """
    named = f"FROM requests_rows JOIN {table} ON row = requests_rows.rowid"
    whose = "CASE WHEN load_id >= $load THEN load_id ELSE better END"
    rows = execute(con, f"SELECT {whose}, count(*) {named} GROUP BY 1", {"load": load_id})
    if rows:
        release(con, f"rowid IN (SELECT row FROM {table})")
        execute(con, f"DELETE FROM requests_rows WHERE rowid IN (SELECT row FROM {table})")
    return sum(n for _, n in rows), Counter({load: n for load, n in rows if load >= load_id})


def join_scores(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Scores find the one request they are about."""
    scored, asked = present_columns(con, "scores"), present_columns(con, "requests")
    if not execute(con, "SELECT count(*) FROM scores_rows")[0][0]:
        return
    named = [name for name in SAME if name in scored and name in asked]
    if not named:
        return
    add_columns(con, "scores", ["request_id", "span_id", "trace_id"])
    add_columns(con, "requests", ["trace_id"])
    find_requests(con, "scores_rows", [SAME[name] for name in named], load_id)


def join_vectors(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Vectors find the request that their file names."""
    if not has_vectors(con):
        return
    add_columns(con, "vectors", ["request_id", "span_id", "trace_id"])
    add_columns(con, "requests", ["trace_id"])
    asked = present_columns(con, "requests")
    find_requests(con, "vectors_rows", [same for name, same in VECTOR_OF.items() if name in asked], load_id)


def find_requests(con: duckdb.DuckDBPyConnection, table: str, rules: Sequence[str], load_id: int) -> None:
    """What of the table has no request yet finds it, the new ones among all requests and all among the new requests."""
    for same in rules:
        for side in ("s", "r"):
            execute(con, ABOUT.format(table=table, same=same, side=side), {"load": load_id})


def has_vectors(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether any is in the store."""
    return bool(execute(con, "SELECT count(*) FROM vectors_rows")[0][0])


def release(con: duckdb.DuckDBPyConnection, gone: str, load_id: int | None = None) -> None:
    """Takes from their vectors the requests that are about to go: those of a condition over requests_rows."""
    if has_vectors(con) and "request_id" in present_columns(con, "vectors"):
        execute(con, RELEASE.format(gone=gone), {} if load_id is None else {"load": load_id})


def waiting(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """File -> its vectors whose request is not here yet."""
    return dict(execute(con, WAITING)) if has_vectors(con) else {}
