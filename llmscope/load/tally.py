"""Counts what became of a file's lines, and holds the counts against what the person allows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import DataRefused
from llmscope.load import rejects
from llmscope.load.content import Content, chunks
from llmscope.load.job import FileReport, Job, Limits
from llmscope.load.logfile import LogFile
from llmscope.load.plan import Plan, complete
from llmscope.load.read import header_line, lines_sql, records_sql
from llmscope.load.rejects import Reject
from llmscope.load.rows import LATE_BIT
from llmscope.load.stage import Staged
from llmscope.load.typed import counted
from llmscope.schema import Table
from llmscope.sources import Reading
from llmscope.store import rows_table

if TYPE_CHECKING:
    import duckdb

WAITS = "its last line is half-written: it waits for the next load"
MOST_KINDS = 500
# What tells records of the same keys apart.
SHAPES = (
    "json_extract_string(json, ['$.type', '$.object', '$.response.type', '$.response.object', '$.response.body.object',"
    " '$.result.type', '$.response_body.type', '$.response_body.object']), json_keys(json_extract(json, '$.response'))"
)


@dataclass
class Counts:
    """What became of the lines, or of the records a value unfolds to; `unknown` of those set aside are nobody's yet."""

    lines: int = 0
    set_aside: int = 0
    rejected: int = 0
    blank: int = 0
    refused: tuple[Reject, ...] = ()
    notes: list[str] = field(default_factory=list)
    unknown: int = 0


def tally(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    path: Path,
    content: Content,
    rows: Sequence[int],
    staged: Staged | None,
) -> Counts:
    """Counts what the file holds beside the rows each reading made of it."""
    if job.file.container == "jsonl":
        return tally_lines(con, job, plan, path, content, rows, staged)
    counts = Counts(refused=csv_refused(con, job.file, plan.start) if job.file.container == "csv" else ())
    if job.end is not None:
        counts.notes.append(WAITS)
    columns = job.unfolding.columns if job.unfolding else job.readings[0].columns
    found = int(execute(con, f"SELECT count(*) FROM ({records_sql(job.file, columns, path, job.object_bytes)})")[0][0])
    records = found + (staged.records - staged.values if staged else 0)
    counts.rejected = len(counts.refused)
    counts.lines = records + counts.rejected
    if job.file.container == "json" and job.file.unwrap == "[]" and rows[0] < records:
        counts.rejected = rejects.count_others(con, job.file, path, job.object_bytes)
        counts.refused = (Reject(None, None, "not an object", ""),) * counts.rejected
    counts.set_aside = counts.lines - counts.rejected - rows[0]
    return counts


def tally_lines(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    path: Path,
    content: Content,
    rows: Sequence[int],
    staged: Staged | None,
) -> Counts:
    """JSON lines: counted by newlines beside the reader, so that the two must agree."""
    continues = plan.start > 0 and starts_with_newline(job.file, plan.start)
    whole = complete(job.file, content.rest)
    unfinished = bool(content.rest.strip()) and not whole
    counts = Counts(content.lines - continues + whole, notes=[WAITS] if unfinished else [])
    known = staged.values if staged else max(rows)
    inside = staged.records - staged.values if staged else 0
    if known != counts.lines:
        end, start = content.size if whole else content.end, plan.start + continues
        first_line = lines_before(job.file, start)
        found = rejects.account(con, job.file, path, start, end, first_line, job.object_bytes, unfinished)
        counts.blank, counts.rejected, counts.refused = found.blank, found.malformed, found.rejects
        counts.unknown = found.records - known
    counts.lines += inside
    counts.set_aside = counts.lines - counts.blank - counts.rejected - rows[0]
    return counts


def other_records(con: duckdb.DuckDBPyConnection, job: Job, path: Path) -> list[dict[str, Any]]:
    """One object of each set of keys that stands in the file."""
    lines = lines_sql(job.file, path, job.object_bytes)
    objects = f"SELECT json FROM ({lines}) WHERE json_type(json) = 'OBJECT'"
    kinds = f"SELECT any_value(json)::VARCHAR FROM ({objects}) GROUP BY json_keys(json), {SHAPES}"
    found = [json.loads(text) for (text,) in execute(con, f"{kinds} LIMIT {MOST_KINDS}")]
    return [record for record in found if isinstance(record, dict)]


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


def faults(con: duckdb.DuckDBPyConnection, tables: Iterable[Table], load_id: int) -> dict[str, int]:
    """Column -> values of a wrong type or out of range, NULL now; under "" the rows that have an unexpected key."""
    found: dict[str, int] = {}
    for table in dict.fromkeys(tables):
        rows = execute(
            con,
            f"SELECT faults, count(*) FROM {rows_table(table)} WHERE load_id = $load AND faults > 0 GROUP BY faults",
            {"load": load_id},
        )
        for place, name in enumerate(counted(table)):
            found[name] = found.get(name, 0) + sum(n for bits, n in rows if bits >> place & 1)
        found[""] = found.get("", 0) + sum(n for bits, n in rows if bits & LATE_BIT)
    return {name: n for name, n in found.items() if n}


def fault_note(name: str, count: int) -> str:
    """What is said of a column's unreadable values."""
    return f"{name}: {count} value{'s' * (count != 1)} of the wrong type or out of range, taken as unknown"


def aside_note(reading: Reading, count: int) -> list[str]:
    """What the records are that were set aside, where the source says it."""
    return [f"{count:,} set aside: {reading.aside}"] if reading.aside and count else []


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
