"""The store itself: what is in it, what was refused, taking old rows out, and giving space back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.asked import Asked
from llmscope.commands._rollup import rollup
from llmscope.commands._vacuum import anew
from llmscope.errors import LlmscopeError, UsageError
from llmscope.lake import is_lake
from llmscope.result import Column, Part, Result
from llmscope.store import TIMES, remember_forgotten, rows_table

if TYPE_CHECKING:
    from llmscope.store import Store

SHOWN_REJECTS = 50

INFO_SQL = """
SELECT
    (SELECT count(*) FROM requests) AS requests,
    (SELECT count(*) FROM spans) AS spans,
    (SELECT count(*) FROM scores) AS scores,
    (SELECT count(*) FROM vectors) AS vectors,
    (SELECT count(*) FROM vectors WHERE request_id IS NULL) AS vectors_waiting,
    (SELECT count(*) FROM loads) AS loads,
    (SELECT count(DISTINCT path) FROM loads) AS files,
    (SELECT coalesce(sum(rejected), 0)::BIGINT FROM loads) AS rejected_lines,
    (SELECT min(started_at) FROM requests) AS first_request,
    (SELECT max(started_at) FROM requests) AS last_request,
    (SELECT max(loaded_at) FROM loads) AS last_load,
    (SELECT max(value)::BIGINT FROM meta WHERE key = 'schema_version') AS version
"""
SOURCES_SQL = """
WITH counted AS (
    SELECT source_format AS source, count(*) AS requests, 0 AS spans, 0 AS scores FROM requests GROUP BY 1
    UNION ALL SELECT source_format, 0, count(*), 0 FROM spans GROUP BY 1
    UNION ALL SELECT source_format, 0, 0, count(*) FROM scores GROUP BY 1
),
read AS (
    SELECT format AS source, count(DISTINCT path) AS files, sum(rejected)::BIGINT AS rejected_lines,
        sum(duplicates)::BIGINT AS duplicates
    FROM loads GROUP BY 1
)
SELECT source, max(files) AS files, coalesce(sum(requests), 0)::BIGINT AS requests,
    coalesce(sum(spans), 0)::BIGINT AS spans, coalesce(sum(scores), 0)::BIGINT AS scores,
    max(duplicates) AS duplicates, max(rejected_lines) AS rejected_lines
FROM counted FULL JOIN read USING (source)
GROUP BY source ORDER BY source
"""
REJECTS_SQL = """
SELECT file, line, byte, reason, head, load_id AS load
FROM rejects ORDER BY load_id DESC, line, byte LIMIT $most
"""
INFO = (
    Column("store", "text", "dimension"),
    Column("size_bytes", "bytes"),
    Column("requests", "count"),
    Column("spans", "count"),
    Column("scores", "count"),
    Column("files", "count"),
    Column("rejected_lines", "count"),
    Column("vectors", "count", optional=True),
    Column("loads", "count", optional=True),
    Column("version", "count", optional=True),
    Column("first_request", "time", optional=True),
    Column("last_request", "time", optional=True),
    Column("last_load", "time", optional=True),
)
BY_SOURCE = (
    Column("source", "text", "dimension"),
    *(Column(n, "count") for n in ("files", "requests", "spans", "scores", "duplicates", "rejected_lines")),
)
REJECTS = (
    Column("file", "text", "dimension"),
    Column("line", "count", "dimension"),
    Column("byte", "count", "dimension", optional=True),
    Column("reason", "text"),
    Column("head", "text"),
    Column("load", "count", "dimension", optional=True),
)
FORGOTTEN = (
    Column("table", "text", "dimension"),
    Column("forgotten", "count"),
    Column("kept", "count"),
    Column("kept_without_time", "count"),
)
COMPACTED = (
    Column("store", "text", "dimension"),
    Column("merged_files", "count"),
    Column("written_files", "count"),
    Column("before_bytes", "bytes"),
    Column("after_bytes", "bytes"),
    Column("deleted_files", "count"),
)
VACUUMED = (
    Column("store", "text", "dimension"),
    Column("before_bytes", "bytes"),
    Column("after_bytes", "bytes"),
    Column("freed_bytes", "bytes"),
)


def info(asked: Asked) -> Result:
    """What is in the store: rows, files, sources, window, size on disk."""
    with existing(asked) as store:
        row: dict[str, Any] = {"store": store.name, "size_bytes": size_of(store), **rows_of(store, INFO_SQL)[0]}
        sources = tuple(rows_of(store, SOURCES_SQL))
        lying = about_files(store)
    notes = [f"{row['loads']:,} loads of {row['files']:,} files; store version {row['version']}", *lying]
    if row["first_request"]:
        notes.append(f"requests from {row['first_request']:%Y-%m-%d %H:%M} to {row['last_request']:%Y-%m-%d %H:%M} UTC")
    if waits := row.pop("vectors_waiting"):
        notes.append(f"{waits:,} of {row['vectors']:,} vectors are of requests that are not loaded")
    if row["rejected_lines"]:
        notes.append("llmscope store rejects shows the lines that could not be read")
    return Result("store info", INFO, (row,), parts={"by source": Part(BY_SOURCE, sources)}, notes=tuple(notes))


def rejects(asked: Asked, limit: Annotated[int, "how many to show"] = SHOWN_REJECTS) -> Result:
    """The lines that could not be read: file, line, reason and a redacted head, those of the last load first."""
    if limit < 1:
        raise UsageError("--limit takes a number of 1 or more")
    with existing(asked) as store:
        rows = tuple(rows_of(store, REJECTS_SQL, most=limit))
        kept = store.execute("SELECT count(*) FROM rejects")[0][0]
        counted = store.execute("SELECT coalesce(sum(rejected), 0) FROM loads")[0][0]
    notes = [f"{len(rows):,} of {kept:,} shown; --limit N shows more"] if len(rows) < kept else []
    if counted > kept:
        notes.append(f"{counted:,} lines were refused in all; of a file with very many only the first are kept")
    return Result("store rejects", REJECTS, rows, notes=tuple(notes))


def vacuum(asked: Asked) -> Result:
    """Write the store anew without the space that forgotten and replaced rows left; the data stays as it is."""
    if is_lake(asked.store_name):
        raise UsageError(f"{asked.store_name}: a lake has nothing to vacuum", hint="llmscope store compact")
    with existing(asked, read_only=False) as store:
        before = size_of(store)
        target = anew(store)
    after = target.stat().st_size
    row = {"store": str(store.path), "before_bytes": before, "after_bytes": after, "freed_bytes": before - after}
    return Result("store vacuum", VACUUMED, (row,))


def forget(
    asked: Asked,
    before: Annotated[str | None, "2026-09-14, 2026-09, 90d: what is older goes"] = None,
) -> Result:
    """Delete requests with their vectors, spans and scores from before a date; what has no time stays."""
    if before is None:
        raise UsageError("forget what?", hint="llmscope store forget --before 2026-09, or --before 90d")
    moment = moment_of(before, asked.get("tz", "UTC"))
    lake = is_lake(asked.store_name)
    rows = forget_in_lake(asked, moment) if lake else forget_in_file(asked, moment)
    totals = {"table": None, **{c.name: sum(row[c.name] for row in rows) for c in FORGOTTEN[1:]}}
    notes = (
        f"forgotten: what is from before {moment:%Y-%m-%d %H:%M} UTC",
        "the files stay known as loaded: load skips them, and reads on where a growing one was left",
        f"llmscope store {'compact' if lake else 'vacuum'} gives the space back to the disk",
    )
    return Result("store forget", FORGOTTEN, rows, totals, notes=notes)


def forget_in_file(asked: Asked, moment: datetime) -> tuple[dict[str, Any], ...]:
    """What is from before a moment, out of a store in one file."""
    with existing(asked, read_only=False) as store, store.transaction():
        vectors = forget_vectors(store, moment)
        rows = (*(forget_rows(store, table, column, moment) for table, column in TIMES.items()), vectors)
        remember_forgotten(store.con, moment)
        if rows[0]["forgotten"]:
            store.execute("DELETE FROM price_keys")
            store.execute("INSERT INTO price_keys SELECT DISTINCT provider, model, service_tier, region FROM requests")
    return rows


def forget_in_lake(asked: Asked, moment: datetime) -> tuple[dict[str, Any], ...]:
    """What is from before a moment, out of a lake."""
    from llmscope.lake.lake import Lake
    from llmscope.lake.tend import forget as forget_days

    lake = Lake.open(asked.store_name)
    lake.pricing_file = asked.pricing_path
    return forget_days(lake, moment, asked.get("memory"))


def compact(
    asked: Asked,
    grace: Annotated[
        str, "how long files that no longer count are kept for who still reads them: 1h, 30min, 0s"
    ] = "1h",
) -> Result:
    """Merge the small files of each day of a lake, and delete what nobody reads any more."""
    from llmscope.lake.lake import Lake
    from llmscope.lake.tend import compact as compact_days

    if not is_lake(asked.store_name):
        raise UsageError(f"{asked.store_name}: a store in one file has no days", hint="llmscope store vacuum")
    lake = Lake.open(asked.store_name)
    lake.pricing_file = asked.pricing_path
    done = compact_days(lake, grace_of(grace), asked.get("memory"))
    figures = (done.merged, done.made, done.before_bytes, done.after_bytes, done.deleted)
    row = {"store": lake.shown, **dict(zip((c.name for c in COMPACTED[1:]), figures, strict=True))}
    waits = len(lake.state.removed)
    said = f"kept for readers at work until --grace {grace} is over: {waits:,} that no longer count"
    return Result("store compact", COMPACTED, (row,), notes=(said,) if waits else ())


def grace_of(text: str) -> timedelta:
    """A span such as 30min or 1h.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"(\d{1,6})\s*(s|min|h|d)?", text.strip())
    if not found:
        raise UsageError(f"--grace {text!r} is no span", hint="--grace 30min, 1h or 2d")
    unit = {None: "seconds", "s": "seconds", "min": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


COMMANDS = {
    "info": info, "rejects": rejects, "vacuum": vacuum, "compact": compact, "rollup": rollup, "forget": forget,
}  # fmt: skip


@contextmanager
def existing(asked: Asked, read_only: bool = True) -> Iterator[Store]:
    """The store, open while it is used; a lake only to be read.

    Raises:
        LlmscopeError: there is none.
    """
    if is_lake(asked.store_name):
        from llmscope.lake.session import lake_store

        with closing(lake_store(asked.store_name, asked.get("memory"))) as lake:
            yield lake
        return
    if not asked.store_path.exists():
        raise LlmscopeError(
            f"no store at {asked.store_path}",
            hint="make one (llmscope load logs/), or name another with --store PATH",
        )
    store = asked.store(read_only)
    try:
        yield store
    finally:
        store.close()


def rows_of(store: Store, sql: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of one query, by column name."""
    from llmscope.engines.duckdb import columns_of

    found = store.execute(sql, values)
    return [dict(zip(columns_of(store.con), row, strict=True)) for row in found]


def size_of(store: Store) -> int:
    """Bytes on disk, with what is still in the write-ahead log; of a lake those of the files that count."""
    lake = getattr(store, "lake", None)
    if lake is not None:
        return sum(file.bytes for file in lake.state.files.values())
    path = store.path or Path()
    files = (path, path.with_name(path.name + ".wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def about_files(store: Store) -> list[str]:
    """How a lake lies: its files and days, and files among them that are nobody's."""
    lake = getattr(store, "lake", None)
    if lake is None:
        return []
    from llmscope.lake.tend import strangers

    files = lake.state.files.values()
    days = {file.day for file in files if file.day}
    said = [f"{len(files):,} data files of {len(days):,} days; {lake.state.version:,} commits"]
    if found := strangers(lake):
        said.append(
            f"not read, for no load brought them: {len(found):,} Parquet among the lake's (first: {found[0]});"
            " llmscope load takes them in"
        )
    return said


def moment_of(text: str, tz: str) -> datetime:
    """The beginning of the day or month named, or the time a span ago; naive UTC."""
    from llmscope.windows import point, zone

    return point(text, zone(tz), datetime.now(UTC), end=False)


def forget_rows(store: Store, table: Any, column: str, moment: datetime) -> dict[str, Any]:
    """Deletes a table's rows from before a moment."""
    name, place = rows_table(table), f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"
    older = store.execute(f"SELECT count(*) FROM {table} WHERE {column} < {place}")[0][0]
    if older:
        store.execute(f"DELETE FROM {name} WHERE {column} < {place}")
    kept, timed = store.execute(f"SELECT count(*), count({column}) FROM {table}")[0]
    return {"table": table, "forgotten": older, "kept": kept, "kept_without_time": kept - timed}


def forget_vectors(store: Store, moment: datetime) -> dict[str, Any]:
    """Deletes the vectors of requests from before a moment, which are not gone yet."""
    old = "SELECT request_id FROM requests WHERE started_at < $moment"
    beside = f"FROM vectors WHERE coalesce(request_id, vector_id) IN ({old})"
    older = store.execute(f"SELECT count(*) {beside}", {"moment": moment})[0][0]
    if older:
        gone = f"DELETE FROM vectors_rows WHERE vector_id IN (SELECT vector_id {beside})"
        store.execute(gone, {"moment": moment})
    kept, named = store.execute("SELECT count(*), count(request_id) FROM vectors")[0]
    return {"table": "vectors", "forgotten": older, "kept": kept, "kept_without_time": kept - named}
