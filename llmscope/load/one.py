"""Loads one file in one transaction: skips what is known, reads what is new, accounts for every line."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load import rejects
from llmscope.load.bring import Piece, late_keys, pieces, seen
from llmscope.load.content import Content, digest_with, head_digest, head_of, read_content
from llmscope.load.job import COUNTS, Again, FileReport, Job
from llmscope.load.labelled import newest
from llmscope.load.links import release
from llmscope.load.numbers import doubtful, with_numbers
from llmscope.load.plan import Plan, complete, earlier_loads, plan_read
from llmscope.load.rows import Origin, is_seen, redacted_columns
from llmscope.load.settle import settle
from llmscope.load.tally import aside_note, fault_note, faults, refuse
from llmscope.schema import TABLES
from llmscope.sources import Reading, literal
from llmscope.store import Store, next_load, rows_table

if TYPE_CHECKING:
    import duckdb

MOST_TRIES = 8
# The SQL that a field's type adds, what a nested type costs beside as many characters of SQL, and the longest reading.
TYPED_LENGTH, STRUCT_WEIGHT, LONGEST_SQL = 700, 20, 150_000


def load_one(store: Store, job: Job) -> FileReport:
    """Loads one file, or says why nothing of it was; the store is changed wholly or not at all."""
    changes: dict[str, object] = {}
    for _ in range(MOST_TRIES):
        try:
            return attempt(store, job)
        except Again as again:
            job, changes = replace(job, **again.changes), again.changes  # type: ignore[arg-type]
    if "copy" in changes:
        raise LlmscopeError(f"{job.file.shown}: it keeps changing while it is read", hint="load it when it is at rest")
    raise LlmscopeError(
        f"{job.file.shown}: it could not be read in {MOST_TRIES} ways (the last: {', '.join(changes)}); nothing of it"
        " was loaded",
        hint="this is a fault of llmscope; please report it with the file's first lines",
    )


def attempt(store: Store, job: Job) -> FileReport:
    """One try at a file."""
    file = job.file
    head = head_of(file.path, file.compression)
    prepare_session(store, job)
    with store.transaction() as con, tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        # What was last written to a database may stand beside it still: then its bytes do not tell whether it is known.
        known = [] if written_beside(file.path) else earlier_loads(con, head)
        size = fingerprint(file.path)[0] if file.compression == "none" else None
        content = read_content(file.path, file.compression, 0, [e.end for e in known], size) if known else None
        plan = plan_read(job, known, content, newest(con, file.shown, job.source))
        if plan.outcome == "skipped":
            return FileReport(file.shown, job.source, "skipped")
        for load_id in plan.replaces:
            forget(con, load_id)
        return read_range(con, job, plan, head, size if job.end is None else job.end, Path(folder))


def written_beside(path: Path) -> bool:
    """Whether a database has rows that are not in its own file yet."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def prepare_session(store: Store, job: Job) -> None:
    """Times without a zone are read in the source's; texts that are kept go through redact."""
    store.execute(f"SET TimeZone = {literal(job.source_tz)}")
    store.make_room((LONGEST_SQL if job.derived else sql_length(job)) * job.room)
    wanted = redacted_columns(job.keep_text)
    # What the pieces of a derived file will have is not known before they are made.
    if job.derived or any(name in kept_columns(job, reading) for reading in job.readings for name in wanted):
        from llmscope.redact import redact

        store.function("redact", redact)


def sql_length(job: Job) -> int:
    """About how much SQL the longest of a job's INSERTs is."""
    unfolding = job.unfolding
    staging = len(unfolding.sql) + sum(map(len, unfolding.columns.values())) * STRUCT_WEIGHT if unfolding else 0
    return max(staging, *(insert_length(reading) for reading in job.readings))


def insert_length(reading: Reading) -> int:
    """What a reading says itself, and what typing and checking add for each field."""
    own = sum(len(sql) for sql in (*reading.prepare.values(), *(f.sql for f in reading.fields.values())))
    nested = sum(len(kind) for kind in reading.columns.values() if kind not in ("VARCHAR", "JSON"))
    return own + TYPED_LENGTH * len(reading.fields) + STRUCT_WEIGHT * nested


def kept_columns(job: Job, reading: Reading) -> list[str]:
    """The columns whose keys are held to be in the file."""
    known = seen(job)
    return [n for n, f in reading.fields.items() if not f.keys or any(is_seen(k, known) for k in f.keys)]


def forget(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Takes a load's rows back out."""
    release(con, "load_id = $load", load_id)
    tables = [*(rows_table(t) for t in TABLES), "rejects", "loads"]
    for table in tables:
        execute(con, f"DELETE FROM {table} WHERE load_id = $load", {"load": load_id})


def read_range(
    con: duckdb.DuckDBPyConnection, job: Job, plan: Plan, head: bytes, size: int | None, folder: Path
) -> FileReport:
    """Reads [plan.start, end of the last whole line) into the tables and writes down what became of it."""
    file = job.file
    load_id = next_load(con)
    before = fingerprint(file.path)
    if file.container == "csv":
        rejects.forget_csv_rejects(con)
    origin = Origin(load_id, job.source, file.shown, head_digest(head), plan.start, job.keep_text)
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(read_content, file.path, file.compression, plan.start, (), size)
        found = pieces(con, job, plan, origin, folder, size, counting)
        content = counting.result()
    if fingerprint(file.path) != before and not job.copy and not plan.start:
        raise Again(copy=True)
    report = reported(con, job, plan, found, load_id)
    tables = list(dict.fromkeys(r.table for piece in found if piece.rows for r in piece.job.readings))
    counted = {piece.job.readings[0].table for piece in found if piece.rows}
    report.take(load_id, settle(con, tables, counted, load_id, report.source or job.source))
    report.check()
    refused = tuple(r for piece in found for r in piece.counts.refused)
    refuse(report, job.limits, refused)
    rejects.keep(con, load_id, file.shown, refused)
    write_load(con, job, load_id, head, plan, content, report)
    write_price_keys(con, load_id)
    return report


def reported(con: duckdb.DuckDBPyConnection, job: Job, plan: Plan, found: Sequence[Piece], load_id: int) -> FileReport:
    """The counts of all pieces, and the values that could not be read.

    Raises:
        Again: a key that the first records lack, or a figure that was none.
    """
    report = FileReport(job.file.shown, " + ".join(sources_of(found)) or job.source, plan.outcome)
    for piece in found:
        for name in ("lines", "set_aside", "rejected", "blank"):
            setattr(report, name, getattr(report, name) + getattr(piece.counts, name))
        report.loaded += piece.rows[0] if piece.rows else 0
        report.notes += [*piece.counts.notes, *aside_notes(piece)]
    wrong = faults(con, [p.job.readings[0].table for p in found if p.rows], load_id)
    if wrong.pop("", 0):
        raise Again(seen=job.seen | late_keys(con, found[0]))
    if not job.derived and not job.as_text:
        numbered = with_numbers(job.file, job.readings[0])
        if doubtful(con, job.file, numbered, load_id, found[0].path, job.object_bytes):
            raise Again(as_text=True)
    report.faults = sum(wrong.values())
    report.notes += [fault_note(name, n) for name, n in wrong.items()]
    return report


def sources_of(found: Sequence[Piece]) -> list[str]:
    """The sources that read rows, each once."""
    return list(dict.fromkeys(piece.job.source for piece in found if piece.rows))


def aside_notes(piece: Piece) -> list[str]:
    """What the records are that were set aside, where the source says it."""
    return aside_note(piece.job.readings[0], piece.counts.set_aside) if piece.rows else []


def fingerprint(path: Path) -> tuple[int, int]:
    """Changes when a file does, or goes."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def write_load(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    load_id: int,
    head: bytes,
    plan: Plan,
    content: Content,
    report: FileReport,
) -> None:
    """One row of `loads`."""
    file = job.file
    whole = bool(content.rest) and (file.container in ("json", "parquet") or complete(file, content.rest))
    end = content.size if whole else content.end
    digest = digest_with(content, file.path, file.compression) if whole else content.digest
    counts: dict[str, Any] = {name: getattr(report, name) for name in COUNTS}
    con.execute(
        "INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [load_id, file.shown, job.source, job.mapping, head_digest(head), plan.start, end, digest,
         not content.rest, *counts.values(), report.notes, datetime.now(UTC).replace(tzinfo=None)],
    )  # fmt: skip


def write_price_keys(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """The keys a price depends on that no earlier load brought; of the loads from `load_id` on."""
    execute(
        con,
        "INSERT INTO price_keys SELECT DISTINCT provider, model, service_tier, region FROM requests"
        " WHERE load_id >= $load EXCEPT SELECT * FROM price_keys",
        {"load": load_id},
    )
