"""Loads many small files of one kind in one transaction: what is planned once is planned for all of them.

A file that is anything but plain (known in part, half-written, with a bad line) is left to be loaded by itself, and so
are all when what they have in common does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load.bring import fill, seen, strange_records
from llmscope.load.content import HEAD_BYTES, Content, digest_with, head_digest, head_of, read_content
from llmscope.load.job import Again, FileReport, Job
from llmscope.load.labelled import EMPTY_CELLS
from llmscope.load.logfile import LogFile
from llmscope.load.one import fingerprint, prepare_session, write_load, write_price_keys
from llmscope.load.plan import Earlier, Plan, complete, earlier_loads_of, plan_read
from llmscope.load.read import empty_record, records_sql
from llmscope.load.readable import is_pattern
from llmscope.load.rows import LATE_BIT, Origin, insert_of
from llmscope.load.settle import settle
from llmscope.load.stage import BATCH, OF_FILE, UNFOLDED, Staged, stage, staged_sql
from llmscope.load.strangers import strangers
from llmscope.load.tally import aside_note, fault_note, other_records, refuse
from llmscope.load.typed import counted
from llmscope.sources import FILE, FIRST, Reading, quote
from llmscope.sources._usage import prepared_sql
from llmscope.store import Store, next_load, rows_table

if TYPE_CHECKING:
    import duckdb

# Of a store each file is a transaction as far as it is worth one; where nothing is kept, larger ones go together too.
LARGEST_BYTES, LARGEST_UNKEPT_BYTES = 8 << 20, 64 << 20
MOST_FILES, MOST_BYTES = 500, 128 << 20
GATHERED, FEW_LINES = "gathered", 500
Bytes = tuple[bytes, Content | None, tuple[int, int]]


@dataclass
class Member:
    """One file of a batch. lines: of JSON lines all of them; of a single object 1."""

    job: Job
    load_id: int
    head: bytes
    content: Content
    before: tuple[int, int]
    lines: int


def batches(jobs: Sequence[Job]) -> list[list[int]]:
    """Places of suited jobs that can be loaded together, two or more each."""
    found: list[list[int]] = []
    sizes: list[int] = []
    for place, job in enumerate(jobs):
        size = size_of(job.file.path)
        fitting = (i for i, group in enumerate(found) if len(group) < MOST_FILES and sizes[i] + size <= MOST_BYTES)
        into = next((i for i in fitting if alike(jobs[found[i][0]], job)), None)
        if into is None:
            found.append([place])
            sizes.append(size)
        else:
            found[into].append(place)
            sizes[into] += size
    return [group for group in found if len(group) > 1]


def size_of(path: Path) -> int:
    """A file's bytes; of one that is gone 0."""
    return path.stat().st_size if path.exists() else 0


def suited(job: Job, kept: bool) -> bool:
    """A small plain file of JSON lines or of one object, whose rows can tell the file they come from."""
    file = job.file
    plain = file.container == "jsonl" or (file.container == "json" and file.unwrap == "" and file.single)
    # A label file may be an edited one, which is looked at by itself.
    plain = plain and job.source not in EMPTY_CELLS and not (file.bom or file.duplicate_keys or is_pattern(file.path))
    told = not job.derived and (job.unfolding is None or job.unfolding.carries)
    apart = len({r.table for r in job.readings}) == len(job.readings) > 0
    most = LARGEST_BYTES if kept else LARGEST_UNKEPT_BYTES
    return plain and told and apart and 0 < size_of(file.path) <= most


def alike(one: Job, other: Job) -> bool:
    """The same source, keys, mapping and packing."""
    same = (one.file.container, one.file.compression) == (other.file.container, other.file.compression)
    return same and one.mapping == other.mapping and (one.readings, one.unfolding) == (other.readings, other.unfolding)


def load_batch(store: Store, jobs: Sequence[Job], contents: Sequence[Future[Bytes]]) -> dict[str, FileReport]:
    """Loads what of these files can be loaded together; gives the reports of those, by the name shown.

    `contents` give what `content_of` finds of each.
    """
    keys = frozenset(key for job in jobs for key in job.file.sample.columns)
    prepare_session(store, replace(jobs[0], seen=jobs[0].seen | keys, whole=True))
    for whole in (False, True):
        try:
            with store.transaction() as con:
                return attempt(con, jobs, contents, whole or jobs[0].whole)
        except Again:
            continue
        except LlmscopeError:
            return {}
    return {}


def attempt(
    con: duckdb.DuckDBPyConnection, jobs: Sequence[Job], contents: Sequence[Future[Bytes]], whole: bool
) -> dict[str, FileReport]:
    """One try.

    Raises:
        Again: a record has a key that none of the first records had.
    """
    members, reports = chosen(con, jobs, contents)
    if len(members) < 2:
        return reports
    joint = joined(members, whole)
    put_members(con, members)
    tables = [r.table for r in joint.readings]
    staged = stage(con, joint.file, joint.unfolding, joint.file.path, joint.object_bytes) if joint.unfolding else None
    origin = Origin(0, joint.source, "", "", 0, joint.keep_text, together=True)
    known = seen(joint, staged)
    for reading in joint.readings:
        raw = staged_sql(staged, reading, together=True) if staged else gathered(con, joint, reading, members)
        insert = insert_of(raw, reading, origin, known, surely=staged is not None)
        fill(con, joint, reading.table, insert)
    first = members[0].load_id
    values, records = counts(con, joint, members, staged)
    odd = [m for m in members if values[m.load_id] != m.lines or fingerprint(m.job.file.path) != m.before]
    for table in tables if odd else []:
        gone = ", ".join(str(m.load_id) for m in odd)
        execute(con, f"DELETE FROM {rows_table(table)} WHERE load_id IN ({gone})")
    members = [m for m in members if m not in odd]
    rows = loaded(con, tables[0], first)
    wrong = faults_by_load(con, tables[0], first)
    settled = settle(con, tables, {tables[0]}, first, joint.source)
    for place, member in enumerate(members):
        load = member.load_id
        report = FileReport(member.job.file.shown, joint.source, lines=records[load], loaded=rows[load])
        told(report, joint.readings[0], wrong.get(load, Counter()))
        report.take(load, settled, notes=not place)
        report.check()
        refuse(report, joint.limits, ())
        write_load(con, member.job, load, member.head, Plan("loaded"), member.content, report)
        reports[report.path] = report
    write_price_keys(con, first)
    return reports


def told(report: FileReport, reading: Reading, wrong: Counter[str]) -> None:
    """What of a file was set aside, and which of its values could not be read."""
    report.set_aside = report.lines - report.loaded
    report.faults = wrong.total()
    report.notes += aside_note(reading, report.set_aside) + [fault_note(name, n) for name, n in wrong.items()]


def chosen(
    con: duckdb.DuckDBPyConnection, jobs: Sequence[Job], contents: Sequence[Future[Bytes]]
) -> tuple[list[Member], dict[str, FileReport]]:
    """The files of which nothing is known yet, which are whole and no other's beginning; and those known already."""
    load_id = next_load(con)
    found = [one.result() for one in contents]
    known = earlier_loads_of(con, [head for head, _, _ in found])
    members: list[Member] = []
    skipped: dict[str, FileReport] = {}
    heads: set[bytes] = set()
    short: list[bytes] = []
    for job, (head, content, state), earlier in zip(jobs, found, known, strict=True):
        lines = whole_lines(job.file, content) if content else 0
        if content is None or not lines or head in heads or any(map(head.startswith, short)):
            continue
        if earlier:
            if is_known(job, earlier, content):
                skipped[job.file.shown] = FileReport(job.file.shown, job.source, "skipped")
            continue
        heads.add(head)
        short += [head] if content.size <= HEAD_BYTES else []
        members.append(Member(job, load_id + len(members), head, content, state, lines))
    return members, skipped


def is_known(job: Job, earlier: Sequence[Earlier], content: Content) -> bool:
    """Whether a file stands in the store as it is; one read under another mapping is looked at by itself."""
    digests = {content.end: content.digest, content.size: digest_with(content, job.file.path, job.file.compression)}
    same = all(e.mapping == job.mapping for e in earlier)
    return same and plan_read(job, earlier, replace(content, digests=digests)).outcome == "skipped"


def content_of(job: Job) -> Bytes:
    """A file's first bytes, what it holds, and what would tell that it changed since.

    A damaged one holds None: its own load tells of it.
    """
    state = (0, 0)
    try:
        path, packing = job.file.path, job.file.compression
        state = fingerprint(path)
        return head_of(path, packing), read_content(path, packing), state
    except LlmscopeError:
        return b"", None, state


def whole_lines(file: LogFile, content: Content) -> int:
    """The lines of a file, or 1 for its one object; 0 where the last line is half-written or nothing is there."""
    if file.container != "jsonl":
        return int(content.size > 0)
    last = complete(file, content.rest)
    return 0 if content.rest.strip() and not last else content.lines + last


def joined(members: Sequence[Member], whole: bool) -> Job:
    """One job for all files."""
    first = members[0].job
    keys: dict[str, str] = {}
    for member in members:
        keys |= member.job.file.sample.columns
    sample = replace(first.file.sample, columns=keys)
    size = max(m.job.file.size for m in members)
    paths = tuple(m.job.file.path for m in members)
    return replace(first, file=replace(first.file, together=paths, sample=sample, size=size), whole=whole)


def put_members(con: duckdb.DuckDBPyConnection, members: Sequence[Member]) -> None:
    """The table that tells a row's file by its name."""
    execute(
        con, f"CREATE OR REPLACE TEMP TABLE {BATCH} (filename VARCHAR, load_id BIGINT, shown VARCHAR, head VARCHAR)"
    )
    rows = [(str(m.job.file.path), m.load_id, m.job.file.shown, head_digest(m.head)) for m in members]
    columns = [list(column) for column in zip(*rows, strict=True)]
    con.execute(f"INSERT INTO {BATCH} SELECT unnest($1), unnest($2), unnest($3), unnest($4)", columns)


def gathered(con: duckdb.DuckDBPyConnection, joint: Job, reading: Reading, members: Sequence[Member]) -> str:
    """The reading's columns of all files, each row with its file.

    The reader hands on every file's records by themselves, and what a long expression costs it costs for one record as
    for two thousand: of tiny files they are first put into one table.
    """
    raw = plain(joint, reading)
    if sum(m.lines for m in members) < len(members) * FEW_LINES:
        execute(con, f"CREATE OR REPLACE TEMP TABLE {GATHERED} AS {raw}")
        raw = f"SELECT * FROM {GATHERED}"
    return prepared_sql(raw, reading.prepare)


def plain(joint: Job, reading: Reading) -> str:
    """The raw records of files that are read as they stand."""
    raw = records_sql(joint.file, reading.columns, joint.file.path, joint.object_bytes)
    return f"SELECT * EXCLUDE (filename, load_id, shown, head), {OF_FILE} FROM ({raw}) JOIN {BATCH} USING (filename)"


def counts(
    con: duckdb.DuckDBPyConnection, joint: Job, members: Sequence[Member], staged: Staged | None
) -> tuple[Counter[int], Counter[int]]:
    """By load: the values that were read, which should be all its lines, and the records they hold.

    Of a file that may hold another source's records nothing is said, so that it is loaded by itself.
    """
    first = members[0].load_id
    if staged:
        rows = execute(
            con, f"SELECT {FILE}, count(*) FILTER (WHERE {quote(FIRST)}), count(*) FROM {UNFOLDED} GROUP BY 1"
        )
        values, records = Counter({load: n for load, n, _ in rows}), Counter({load: n for load, _, n in rows})
        return less_mixed(con, joint, members, values, staged), records
    most: Counter[int] = Counter()
    for reading in joint.readings:
        most |= loaded(con, reading.table, first)
    if all(most[m.load_id] == m.lines for m in members):
        return most, most
    filled = f"NOT ({empty_record(joint.readings[0].columns)})"
    rows = execute(con, f"SELECT _load, count(*) FROM ({plain(joint, joint.readings[0])}) WHERE {filled} GROUP BY 1")
    values = Counter(dict(rows))
    return less_mixed(con, joint, [m for m in members if most[m.load_id] < m.lines], values), values


def less_mixed(
    con: duckdb.DuckDBPyConnection,
    joint: Job,
    members: Sequence[Member],
    values: Counter[int],
    staged: Staged | None = None,
) -> Counter[int]:
    """The counts without those of files whose later records may be another source's."""
    unseen = [m.load_id for m in members if m.lines > len(m.job.file.sample.records)]
    if not unseen or (staged and not strange_records(con, joint, staged)):
        return values
    if strangers(joint.file.sample, other_records(con, joint, joint.file.path), joint.source):
        return Counter({load: n for load, n in values.items() if load not in unseen})
    return values


def loaded(con: duckdb.DuckDBPyConnection, table: Any, first: int) -> Counter[int]:
    """The rows of a table, by load."""
    rows = execute(con, f"SELECT load_id, count(*) FROM {rows_table(table)} WHERE load_id >= {first} GROUP BY 1")
    return Counter(dict(rows))


def faults_by_load(con: duckdb.DuckDBPyConnection, table: Any, first: int) -> dict[int, Counter[str]]:
    """By load: column -> values of a wrong type or out of range.

    Raises:
        Again: a row has an unexpected key.
    """
    wrong = f"load_id >= {first} AND faults > 0"
    sql = f"SELECT load_id, faults, count(*) FROM {rows_table(table)} WHERE {wrong} GROUP BY ALL"
    found: dict[int, Counter[str]] = {}
    for load, bits, n in execute(con, sql):
        if bits & LATE_BIT:
            raise Again
        for place, name in enumerate(counted(table)):
            if bits >> place & 1:
                found.setdefault(load, Counter())[name] += n
    return found
