"""Brings one run of records of one source into the tables, and accounts for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load.content import Content, read_content
from llmscope.load.derive import derive
from llmscope.load.job import Again, Job
from llmscope.load.labelled import EMPTY_CELLS, dropped_comments
from llmscope.load.logfile import LogFile
from llmscope.load.numbers import with_numbers
from llmscope.load.plan import Plan, complete
from llmscope.load.read import LONGEST_OBJECT_BYTES, raw_sql
from llmscope.load.readable import readable
from llmscope.load.rows import Insert, Origin, insert_of
from llmscope.load.stage import Staged, stage, staged_sql
from llmscope.load.strangers import strangers
from llmscope.load.tally import WAITS, Counts, other_records, tally
from llmscope.sources import Reading
from llmscope.store import add_columns

if TYPE_CHECKING:
    import duckdb

MOST_ROOM = 16


@dataclass
class Piece:
    """What one run of records became: rows of each reading's table, in the readings' order, and the other counts."""

    job: Job
    counts: Counts
    rows: list[int]
    path: Path
    inserts: list[Insert] = field(default_factory=list)


def pieces(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    origin: Origin,
    folder: Path,
    size: int | None,
    counting: Future[Content],
) -> list[Piece]:
    """The file, or the parts it is made of, in the tables.

    Raises:
        Again: it must be read in another way.
        LlmscopeError: it is damaged.
    """
    if not job.derived:
        return [bring(con, job, plan, replace(origin, source=job.source), folder, size, counting)]
    content = counting.result()
    lined = job.file.container == "jsonl"
    whole = not lined or complete(job.file, content.rest)
    made = derive(job, folder, content.size if whole else content.end)
    counts = Counts(made.blank + made.rejected + made.beyond, made.beyond, made.rejected, made.blank)
    counts.refused = tuple(made.refused)
    counts.notes += made.notes
    if lined and content.rest.strip() and not whole:
        counts.notes.append(WAITS)
    found = [Piece(job, counts, [], job.file.path)]
    for part in made.parts:
        counts.notes += [note for r in part.readings for note in r.notes if job.mixed]
        part = replace(part, object_bytes=job.object_bytes, room=job.room)
        with ThreadPoolExecutor(1) as beside:
            inner = beside.submit(read_content, part.file.path, part.file.compression)
            found += pieces(con, part, Plan("loaded"), origin, folder, None, inner)
    return found


def bring(
    con: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    origin: Origin,
    folder: Path,
    size: int | None,
    counting: Future[Content],
) -> Piece:
    """Runs a file's INSERTs; gives what became of its lines."""
    path = readable(job, folder, plan.start, size)
    file, staged = job.file, None
    if job.unfolding:
        with reading_errors(job):
            staged = stage(con, file, job.unfolding, path, job.object_bytes)
    readings = job.readings if job.as_text else (with_numbers(file, job.readings[0]), *job.readings[1:])
    known, surely = seen(job, staged), staged is not None
    inserts = [insert_of(relation(job, r, path, staged), r, origin, known, surely) for r in readings]
    rows = [fill(con, job, r.table, i) for r, i in zip(readings, inserts, strict=True)]
    content = counting.result()
    if file.container == "csv" and job.end is None and content.rest.strip() and not complete(file, content.rest):
        raise Again(copy=True, end=content.end)
    counts = tally(con, job, plan, path, content, rows, staged)
    if job.source in EMPTY_CELLS and not job.keep_text and job.options.tables is None:
        counts.notes += dropped_comments(con, readings[0], relation(job, readings[0], path, staged))
    if has_strangers(con, job, path, counts, staged):
        raise Again(mixed=True, derived=True, anew=True)
    return Piece(job, counts, rows, path, inserts)


def has_strangers(con: duckdb.DuckDBPyConnection, job: Job, path: Path, counts: Counts, staged: Staged | None) -> bool:
    """Whether records that became nothing are another source's: those that first appear far down in a file."""
    if job.file.container != "jsonl" or job.part or job.mixed or job.options.source:
        return False
    if not counts.unknown and not (staged and strange_records(con, job, staged)):
        return False
    return bool(strangers(job.file.sample, other_records(con, job, path), job.source))


def strange_records(con: duckdb.DuckDBPyConnection, job: Job, staged: Staged) -> bool:
    """Whether a staged record is none of the source's own."""
    first = job.readings[0]
    if first.mine == "true":
        return False
    rows = execute(con, f"SELECT count(*) FROM ({staged_sql(staged, first)}) WHERE NOT coalesce({first.mine}, false)")
    return bool(rows[0][0])


def relation(job: Job, reading: Reading, path: Path, staged: Staged | None) -> str:
    """The SELECT that a reading's INSERT is made of."""
    return staged_sql(staged, reading) if staged else raw_sql(job.file, reading, path, job.object_bytes)


def seen(job: Job, staged: Staged | None = None) -> frozenset[str]:
    """The keys held to be in the file: those of the first records, and those a first try found later on."""
    known = (key for r in job.readings for f in r.fields.values() for key in f.keys) if job.whole else ()
    found = job.seen | frozenset(job.file.sample.columns) | frozenset(known)
    return found - staged.empty if staged else found


@contextmanager
def reading_errors(job: Job) -> Iterator[None]:
    """Turns what the engine says of a file into words about it, or into another try."""
    try:
        yield
    except LlmscopeError as error:
        raise_for(job, error)


def fill(con: duckdb.DuckDBPyConnection, job: Job, table: Any, insert: Insert) -> int:
    """Runs one INSERT; gives the number of rows.

    Raises:
        Again: a record is larger than the reader's buffer.
        LlmscopeError: the file is damaged.
    """
    add_columns(con, table, insert.columns)
    with reading_errors(job):
        return int(execute(con, insert.sql)[0][0])


def raise_for(job: Job, error: LlmscopeError) -> NoReturn:
    """Another try where one can help, else the error in words about the file.

    Raises:
        Again: a record is larger than the reader's buffer, or a CSV mixes its line ends.
        LlmscopeError: the file is damaged.
    """
    if "CSV Parser state machine" in error.message and not job.file.mixed_line_ends:
        raise Again(file=replace(job.file, mixed_line_ends=True)) from error
    if error.message.startswith("not enough memory") and job.room < MOST_ROOM:
        raise Again(room=job.room * 4) from error
    if "maximum_object_size" not in error.message and "maximum_object_size" not in str(error.__cause__):
        raise in_file(job.file, error) from error
    if job.object_bytes < LONGEST_OBJECT_BYTES:
        raise Again(object_bytes=LONGEST_OBJECT_BYTES) from error
    raise LlmscopeError(
        f"{job.file.shown}: a record of more than {LONGEST_OBJECT_BYTES >> 20} MB", hint="split or shorten it"
    )


def late_keys(con: duckdb.DuckDBPyConnection, piece: Piece) -> frozenset[str]:
    """The keys that the first records lack and later ones have."""
    job = piece.job
    reading, late = job.readings[0], piece.inserts[0].late
    counts = ", ".join(f"count({reading.fields[name].sql})" for name in late)
    found = execute(con, f"SELECT {counts} FROM ({raw_sql(job.file, reading, piece.path, job.object_bytes)})")[0]
    return frozenset(key for name, n in zip(late, found, strict=True) if n for key in reading.fields[name].keys)


def in_file(file: LogFile, error: LlmscopeError) -> LlmscopeError:
    """The engine's complaint about a file, with the file's name in front."""
    if error.message.startswith(("no space left", "not enough memory")):
        return error
    packed = file.compression != "none" and any(w in error.message.lower() for w in ("gzip", "zstd", "decompress"))
    if packed:
        return LlmscopeError(
            f"{file.shown}: the {file.compression} data is damaged or cut short; nothing of it was loaded",
            hint="copy the file again, or decompress what is left of it by hand",
        )
    text = error.message.removeprefix("the query failed: ").replace(str(file.path), file.shown)
    return LlmscopeError(f"{file.shown}: {text}; nothing of it was loaded", hint="is the file damaged or cut short?")
