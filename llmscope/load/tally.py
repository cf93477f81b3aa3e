"""Counts what became of a file's lines, and holds the counts against what the person allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.errors import DataRefused
from llmscope.load import rejects
from llmscope.load.content import Content, chunks
from llmscope.load.discover import LogFile
from llmscope.load.job import FileReport, Job, Limits
from llmscope.load.plan import Plan, complete
from llmscope.load.read import header_line, records_sql
from llmscope.load.rejects import Reject
from llmscope.load.rows import LATE_BIT
from llmscope.load.typed import counted
from llmscope.store import rows_table

if TYPE_CHECKING:
    import duckdb

WAITS = "its last line is half-written: it waits for the next load"


def tally(
    con: duckdb.DuckDBPyConnection, job: Job, plan: Plan, path: Path, content: Content, report: FileReport
) -> tuple[Reject, ...]:
    """Fills in lines, set_aside, rejected and blank; gives the refused lines."""
    if job.file.container == "jsonl":
        return tally_lines(con, job, plan, path, content, report)
    refused = csv_refused(con, job.file, plan.start) if job.file.container == "csv" else ()
    if job.end is not None:
        report.notes.append(WAITS)
    records = records_sql(job.file, job.readings[0].columns, path, job.object_bytes)
    report.rejected = len(refused)
    report.lines = int(execute(con, f"SELECT count(*) FROM ({records})")[0][0]) + report.rejected
    if job.file.container == "json" and job.file.unwrap == "[]" and report.loaded < report.lines:
        report.rejected = rejects.count_others(con, job.file, path, job.object_bytes)
        refused = (Reject(None, None, "not an object", ""),) * report.rejected
    report.set_aside = report.lines - report.rejected - report.loaded
    return refused


def tally_lines(
    con: duckdb.DuckDBPyConnection, job: Job, plan: Plan, path: Path, content: Content, report: FileReport
) -> tuple[Reject, ...]:
    """JSON lines: counted by newlines beside the reader, so that the two must agree."""
    continues = plan.start > 0 and starts_with_newline(job.file, plan.start)
    whole = complete(job.file, content.rest)
    unfinished = bool(content.rest.strip()) and not whole
    report.lines = content.lines - continues + whole
    if unfinished:
        report.notes.append(WAITS)
    if report.loaded == report.lines:
        return ()
    end, start = content.size if whole else content.end, plan.start + continues
    first_line = lines_before(job.file, start)
    found = rejects.account(con, job.file, path, start, end, first_line, job.object_bytes, unfinished)
    report.blank, report.rejected = found.blank, found.malformed
    report.set_aside = found.records - report.loaded
    return found.rejects


def csv_refused(con: duckdb.DuckDBPyConnection, file: LogFile, start: int) -> tuple[Reject, ...]:
    """The rows the CSV reader refused; of a part, whose copy begins with a header of its own, at their true places."""
    header = 0 if not start else len(header_line(file))
    moved = lines_before(file, start) - 2 if start else 0
    return tuple(
        replace(r, line=(r.line or 0) + moved, byte=(r.byte or 0) - 1 + start - header + 3 * (file.bom and not start))
        for r in rejects.csv_rejects(con)
    )


def starts_with_newline(file: LogFile, start: int) -> bool:
    """Whether the byte at `start` only ends the line that was read before."""
    return next(iter(chunks(file.path, file.compression, start, start + 1)), b"") == b"\n"


def lines_before(file: LogFile, start: int) -> int:
    """The number of the line that begins at byte `start`."""
    return 1 + sum(piece.count(b"\n") for piece in chunks(file.path, file.compression, 0, start)) if start else 1


def faults(con: duckdb.DuckDBPyConnection, job: Job, load_id: int) -> dict[str, int]:
    """Column -> values of a wrong type or out of range, NULL now; under "" the rows that have an unexpected key."""
    table = job.readings[0].table
    rows = execute(
        con,
        f"SELECT faults, count(*) FROM {rows_table(table)} WHERE load_id = $load AND faults > 0 GROUP BY faults",
        {"load": load_id},
    )
    found = {name: sum(n for bits, n in rows if bits >> place & 1) for place, name in enumerate(counted(table))}
    late = sum(n for bits, n in rows if bits & LATE_BIT)
    return {name: n for name, n in {**found, "": late}.items() if n}


def fault_note(name: str, count: int) -> str:
    """What is said of a column's unreadable values."""
    return f"{name}: {count} value{'s' * (count != 1)} of the wrong type or out of range, taken as unknown"


def refuse(report: FileReport, limits: Limits, refused: Sequence[Reject]) -> None:
    """Holds a file against --strict and --max-bad.

    Raises:
        DataRefused: it fails; nothing of it is kept.
    """
    where = f" (first: line {refused[0].line}: {refused[0].reason})" if refused else ""
    if limits.strict and (report.rejected or report.faults):
        bad = f"{report.rejected} bad lines{where}, {report.faults} bad values"
        raise DataRefused(f"{report.path}: {bad}; --strict loads nothing of it")
    share = 100 * report.rejected / report.lines if report.lines else 0
    if limits.max_bad is not None and share > limits.max_bad:
        raise DataRefused(
            f"{report.path}: {share:.2f} % of its lines are bad{where}, over --max-bad {limits.max_bad:g};"
            " nothing of it was loaded"
        )
