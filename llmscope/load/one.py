"""Loads one file in one transaction: skips what is known, reads what is new, accounts for every line."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load import rejects
from llmscope.load.content import Content, chunks, digest_with, head_digest, head_of, read_content
from llmscope.load.dedupe import drop_duplicates
from llmscope.load.discover import LogFile
from llmscope.load.job import COUNTS, Again, FileReport, Job
from llmscope.load.numbers import doubtful, with_numbers
from llmscope.load.plan import Plan, complete, earlier_loads, plan_read
from llmscope.load.read import LONGEST_OBJECT_BYTES, header_line, raw_sql
from llmscope.load.rows import REDACTED, TEXTS, Insert, Origin, insert_of, is_seen
from llmscope.load.tally import fault_note, faults, refuse, tally
from llmscope.sources import Reading, literal
from llmscope.store import Store, add_columns, drop_forgotten, rows_table

if TYPE_CHECKING:
    import duckdb

MOST_TRIES = 8


def load_one(store: Store, job: Job) -> FileReport:
    """Loads one file, or says why nothing of it was; the store is changed wholly or not at all."""
    for _ in range(MOST_TRIES):
        try:
            return attempt(store, job)
        except Again as again:
            job = replace(job, **again.changes)  # type: ignore[arg-type]
    raise LlmscopeError(f"{job.file.shown}: it keeps changing while it is read", hint="load it when it is at rest")


def attempt(store: Store, job: Job) -> FileReport:
    """One try at a file."""
    file = job.file
    head = head_of(file.path, file.compression)
    prepare_session(store, job)
    with store.transaction() as con, tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        known = earlier_loads(con, head)
        size = file.path.stat().st_size if file.compression == "none" else None
        content = read_content(file.path, file.compression, 0, [e.end for e in known], size) if known else None
        plan = plan_read(job, known, content)
        if plan.outcome == "skipped":
            return FileReport(file.shown, job.source, "skipped")
        for load_id in plan.replaces:
            forget(con, load_id)
        return read_range(con, job, plan, head, size if job.end is None else job.end, Path(folder))


def prepare_session(store: Store, job: Job) -> None:
    """Times without a zone are read in the source's; texts that are kept go through redact."""
    store.execute(f"SET TimeZone = {literal(job.source_tz)}")
    wanted = (*REDACTED, *TEXTS) if job.keep_text else REDACTED
    if any(name in kept_columns(job, reading) for reading in job.readings for name in wanted):
        from llmscope.redact import redact

        store.function("redact", redact)


def kept_columns(job: Job, reading: Reading) -> list[str]:
    """The columns whose keys are held to be in the file."""
    known = seen(job)
    return [n for n, f in reading.fields.items() if not f.keys or any(is_seen(k, known) for k in f.keys)]


def forget(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Takes a load's rows back out."""
    tables = [rows_table("requests"), rows_table("spans"), rows_table("scores"), "rejects", "loads"]
    for table in tables:
        execute(con, f"DELETE FROM {table} WHERE load_id = $load", {"load": load_id})


def read_range(
    con: duckdb.DuckDBPyConnection, job: Job, plan: Plan, head: bytes, size: int | None, folder: Path
) -> FileReport:
    """Reads [plan.start, end of the last whole line) into the tables and writes down what became of it."""
    file = job.file
    load_id = int(execute(con, "SELECT coalesce(max(load_id), 0) + 1 FROM loads")[0][0])
    before = fingerprint(file.path)
    if file.container == "csv":
        rejects.forget_csv_rejects(con)
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(read_content, file.path, file.compression, plan.start, (), size)
        path = readable(job, folder, plan.start, size)
        origin = Origin(load_id, job.source, file.shown, head_digest(head), plan.start, job.keep_text)
        readings = job.readings if job.as_text else tuple(with_numbers(file, r) for r in job.readings)
        inserts = [insert_of(file, r, origin, path, seen(job), job.object_bytes) for r in readings]
        counts = [fill(con, job, r.table, i) for r, i in zip(readings, inserts, strict=True)]
        content = counting.result()
    if fingerprint(file.path) != before and path == file.path:
        raise Again(copy=True)
    if file.container == "csv" and job.end is None and content.rest.strip() and not complete(file, content.rest):
        raise Again(copy=True, end=content.end)
    report = FileReport(file.shown, job.source, plan.outcome, loaded=counts[0])
    wrong = faults(con, job, load_id)
    if wrong.pop("", 0):
        raise Again(seen=job.seen | late_keys(con, job, inserts[0], path))
    if not job.as_text and doubtful(con, file, readings[0], load_id, path, job.object_bytes):
        raise Again(as_text=True)
    report.faults = sum(wrong.values())
    report.notes += [fault_note(name, n) for name, n in wrong.items()]
    refused = tally(con, job, plan, path, content, report)
    duplicates = [drop_duplicates(con, r.table, load_id) for r in job.readings]
    report.duplicates = duplicates[0]
    report.loaded -= report.duplicates
    gone = [drop_forgotten(con, r.table, load_id) for r in job.readings]
    forgotten = gone[0]
    report.loaded, report.set_aside = report.loaded - forgotten, report.set_aside + forgotten
    if forgotten:
        report.notes.append(f"{forgotten:,} rows are from before what was forgotten (llmscope store forget)")
    report.check()
    refuse(report, job.limits, refused)
    rejects.keep(con, load_id, file.shown, refused)
    write_load(con, job, load_id, head, plan, content, report)
    return report


def seen(job: Job) -> frozenset[str]:
    """The keys held to be in the file: those of the first records, and those a first try found later on."""
    known = (key for r in job.readings for f in r.fields.values() for key in f.keys) if job.whole else ()
    return job.seen | frozenset(job.file.sample.columns) | frozenset(known)


def fill(con: duckdb.DuckDBPyConnection, job: Job, table: Any, insert: Insert) -> int:
    """Runs one INSERT; gives the number of rows.

    Raises:
        Again: a record is larger than the reader's buffer.
        LlmscopeError: the file is damaged.
    """
    add_columns(con, table, insert.columns)
    try:
        return int(execute(con, insert.sql)[0][0])
    except LlmscopeError as error:
        if "CSV Parser state machine" in error.message and not job.file.mixed_line_ends:
            raise Again(file=replace(job.file, mixed_line_ends=True)) from error
        if "maximum_object_size" not in error.message and "maximum_object_size" not in str(error.__cause__):
            raise in_file(job.file, error) from error
        if job.object_bytes < LONGEST_OBJECT_BYTES:
            raise Again(object_bytes=LONGEST_OBJECT_BYTES) from error
    raise LlmscopeError(
        f"{job.file.shown}: a record of more than {LONGEST_OBJECT_BYTES >> 20} MB", hint="split or shorten it"
    )


def late_keys(con: duckdb.DuckDBPyConnection, job: Job, insert: Insert, path: Path) -> frozenset[str]:
    """The keys that the first records lack and later ones have."""
    reading = job.readings[0]
    counts = ", ".join(f"count({reading.fields[name].sql})" for name in insert.late)
    found = execute(con, f"SELECT {counts} FROM ({raw_sql(job.file, reading, path, job.object_bytes)})")[0]
    return frozenset(key for name, n in zip(insert.late, found, strict=True) if n for key in reading.fields[name].keys)


def fingerprint(path: Path) -> tuple[int, int]:
    """Changes when a file does."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def readable(job: Job, folder: Path, start: int, size: int | None) -> Path:
    """The path the engine reads: the log itself, a copy of a part of it, or a link where its name means a pattern."""
    file = job.file
    if start or job.copy or file.bom:
        return copy_range(file, folder, start, size)
    if any(c in str(file.path) for c in "*?[]{}"):
        link = folder / "log"
        link.symlink_to(file.path.resolve())
        return link
    return file.path


def copy_range(file: LogFile, folder: Path, start: int, size: int | None) -> Path:
    """A plain copy of the bytes from `start`, with the header line if it is a CSV, without a byte-order mark."""
    target = folder / "part"
    with target.open("wb") as out:
        if file.container == "csv" and start:
            out.write(header_line(file))
        for i, piece in enumerate(chunks(file.path, file.compression, start, size)):
            out.write(piece.removeprefix(b"\xef\xbb\xbf") if not i and not start else piece)
    return target


def in_file(file: LogFile, error: LlmscopeError) -> LlmscopeError:
    """The engine's complaint about a file, with the file's name in front."""
    if "disk" in error.message or "memory" in error.message:
        return error
    packed = file.compression != "none" and any(w in error.message.lower() for w in ("gzip", "zstd", "decompress"))
    if packed:
        return LlmscopeError(
            f"{file.shown}: the {file.compression} data is damaged or cut short; nothing of it was loaded",
            hint="copy the file again, or decompress what is left of it by hand",
        )
    text = error.message.removeprefix("the query failed: ").replace(str(file.path), file.shown)
    return LlmscopeError(f"{file.shown}: {text}; nothing of it was loaded", hint="is the file damaged or cut short?")


def write_load(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    load_id: int,
    head: bytes,
    plan: Plan,
    content: Content,
    report: FileReport,
) -> None:
    """One row of `loads`, and the price keys that are new."""
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
    if job.readings[0].table == "requests":
        write_price_keys(con, load_id)


def write_price_keys(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """The keys a price depends on that no earlier load brought."""
    execute(
        con,
        "INSERT INTO price_keys SELECT DISTINCT provider, model, service_tier, region FROM requests"
        " WHERE load_id = $load EXCEPT SELECT * FROM price_keys",
        {"load": load_id},
    )
