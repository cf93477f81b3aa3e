"""Loads many small files of one kind in one transaction: what is planned once is planned for all of them.

A file that is anything but plain (known in part, half-written, with a bad line) is left to be loaded by itself, and so
are all when what they have in common does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load.bring import fill, seen
from llmscope.load.content import Content, head_digest, head_of, read_content
from llmscope.load.job import Again, FileReport, Job
from llmscope.load.one import fingerprint, prepare_session, write_load, write_price_keys
from llmscope.load.plan import Plan, earlier_loads
from llmscope.load.read import empty_record, records_sql
from llmscope.load.rows import LATE_BIT, Origin, insert_of
from llmscope.load.settle import settle
from llmscope.load.stage import BATCH, OF_FILE, UNFOLDED, Staged, stage, staged_sql
from llmscope.load.strangers import strangers
from llmscope.load.tally import aside_note, fault_note, other_records, refuse
from llmscope.load.typed import counted
from llmscope.sources import FILE, FIRST, Reading, quote
from llmscope.sources._usage import prepared_sql
from llmscope.store import Store, rows_table

if TYPE_CHECKING:
    import duckdb

# Of a store each file is a transaction as far as it is worth one; where nothing is kept, larger ones go together too.
LARGEST_BYTES, LARGEST_UNKEPT_BYTES = 8 << 20, 64 << 20
MOST_FILES, MOST_BYTES = 500, 128 << 20


class NotTogether(Exception):
    """These files must be looked at one by one."""


@dataclass
class Member:
    """One file of a batch. lines: of JSON lines all that were ended; of a single object 1."""

    job: Job
    load_id: int
    head: bytes
    content: Content
    before: tuple[int, int]
    lines: int


def batches(jobs: Iterable[Job], kept: bool) -> list[list[Job]]:
    """Jobs that can be loaded together, two or more each."""
    found: list[list[Job]] = []
    for job in (j for j in jobs if suited(j, kept)):
        same = next((g for g in found if alike(g[0], job) and room(g, job)), None)
        if same is None:
            found.append([job])
        else:
            same.append(job)
    return [group for group in found if len(group) > 1]


def suited(job: Job, kept: bool) -> bool:
    """A small plain file of JSON lines or of one object, whose rows can tell the file they come from."""
    file = job.file
    plain = file.container == "jsonl" or (file.container == "json" and file.unwrap == "" and file.single)
    plain = plain and not (file.bom or file.duplicate_keys or any(c in str(file.path) for c in "*?[]{}"))
    told = not job.derived and (job.unfolding is None or job.unfolding.carries)
    apart = len({r.table for r in job.readings}) == len(job.readings) > 0
    most = LARGEST_BYTES if kept else LARGEST_UNKEPT_BYTES
    return plain and told and apart and file.path.stat().st_size <= most


def alike(one: Job, other: Job) -> bool:
    """The same source, keys, mapping and packing."""
    same = (one.file.container, one.file.compression) == (other.file.container, other.file.compression)
    return same and one.mapping == other.mapping and (one.readings, one.unfolding) == (other.readings, other.unfolding)


def room(group: Sequence[Job], job: Job) -> bool:
    """Whether one more does not make the batch too large."""
    sizes = sum(j.file.path.stat().st_size for j in (*group, job))
    return len(group) < MOST_FILES and sizes <= MOST_BYTES


def load_batch(store: Store, jobs: Sequence[Job]) -> dict[str, FileReport]:
    """Loads what of these files can be loaded together; gives the reports of those, by the name shown."""
    keys = frozenset(key for job in jobs for key in job.file.sample.columns)
    prepare_session(store, replace(jobs[0], seen=jobs[0].seen | keys, whole=True))
    for whole in (False, True):
        try:
            with store.transaction() as con:
                return attempt(con, jobs, whole or jobs[0].whole)
        except Again:
            continue
        except (NotTogether, LlmscopeError):
            return {}
    return {}


def attempt(con: duckdb.DuckDBPyConnection, jobs: Sequence[Job], whole: bool) -> dict[str, FileReport]:
    """One try.

    Raises:
        Again: a record has a key that none of the first records had.
        NotTogether: a file changed, records of another source stand among them, or none is left.
    """
    members = chosen(con, jobs)
    if len(members) < 2:
        raise NotTogether
    joint = joined(members, whole)
    put_members(con, members)
    tables = [r.table for r in joint.readings]
    staged = stage(con, joint.file, joint.unfolding, joint.file.path, joint.object_bytes) if joint.unfolding else None
    origin = Origin(0, joint.source, "", "", 0, joint.keep_text, together=True)
    known = seen(joint, staged)
    for reading in joint.readings:
        insert = insert_of(relation(joint, reading, staged), reading, origin, known, surely=staged is not None)
        fill(con, joint, reading.table, insert)
    first = members[0].load_id
    values, records = counts(con, joint, members, staged)
    odd = [m for m in members if values[m.load_id] != m.lines]
    if any(fingerprint(m.job.file.path) != m.before for m in members):
        raise NotTogether
    for table in tables if odd else []:
        gone = ", ".join(str(m.load_id) for m in odd)
        execute(con, f"DELETE FROM {rows_table(table)} WHERE load_id IN ({gone})")
    members = [m for m in members if m not in odd]
    rows = loaded(con, tables[0], first)
    wrong = faults_by_load(con, tables[0], first)
    settled = settle(con, tables, {tables[0]}, first, joint.source)
    reports: dict[str, FileReport] = {}
    for member in members:
        load, file = member.load_id, member.job.file
        report = FileReport(file.shown, joint.source, lines=records[load], loaded=rows[load])
        report.set_aside = records[load] - rows[load]
        report.faults = sum(wrong.get(load, Counter()).values())
        report.notes += aside_note(joint.readings[0], report.set_aside)
        report.notes += [fault_note(name, n) for name, n in wrong.get(load, Counter()).items()]
        report.take(load, settled, notes=not reports)
        report.check()
        refuse(report, joint.limits, ())
        write_load(con, member.job, load, member.head, Plan("loaded"), member.content, report)
        reports[file.shown] = report
    write_price_keys(con, first)
    return reports


def chosen(con: duckdb.DuckDBPyConnection, jobs: Sequence[Job]) -> list[Member]:
    """The files of which nothing is known yet, and which are whole."""
    empty = not execute(con, "SELECT count(*) FROM loads")[0][0]
    load_id = int(execute(con, "SELECT coalesce(max(load_id), 0) + 1 FROM loads")[0][0])
    before = [fingerprint(j.file.path) for j in jobs]
    with ThreadPoolExecutor() as beside:
        contents = list(beside.map(lambda j: read_content(j.file.path, j.file.compression), jobs))
    members: list[Member] = []
    heads: set[str] = set()
    for job, content, state in zip(jobs, contents, before, strict=True):
        head = head_of(job.file.path, job.file.compression)
        digest = head_digest(head)
        lined = job.file.container == "jsonl"
        half = lined and bool(content.rest.strip())
        if half or digest in heads or content.size == 0 or (not empty and earlier_loads(con, head)):
            continue
        heads.add(digest)
        members.append(Member(job, load_id + len(members), head, content, state, content.lines if lined else 1))
    return members


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


def relation(joint: Job, reading: Reading, staged: Staged | None) -> str:
    """The reading's columns of all files, each row with its file."""
    if staged:
        return staged_sql(staged, reading, together=True)
    return prepared_sql(plain(joint, reading), reading.prepare)


def plain(joint: Job, reading: Reading) -> str:
    """The raw records of files that are read as they stand."""
    raw = records_sql(joint.file, reading.columns, joint.file.path, joint.object_bytes)
    return f"SELECT * EXCLUDE (filename, load_id, shown, head), {OF_FILE} FROM ({raw}) JOIN {BATCH} USING (filename)"


def counts(
    con: duckdb.DuckDBPyConnection, joint: Job, members: Sequence[Member], staged: Staged | None
) -> tuple[Counter[int], Counter[int]]:
    """By load: the values that were read, which should be all its lines, and the records they hold.

    Raises:
        NotTogether: records that no reading took may be another source's.
    """
    first = members[0].load_id
    if staged:
        rows = execute(
            con, f"SELECT {FILE}, count(*) FILTER (WHERE {quote(FIRST)}), count(*) FROM {UNFOLDED} GROUP BY 1"
        )
        return Counter({load: n for load, n, _ in rows}), Counter({load: n for load, _, n in rows})
    most: Counter[int] = Counter()
    for reading in joint.readings:
        most |= loaded(con, reading.table, first)
    if all(most[m.load_id] == m.lines for m in members):
        return most, most
    filled = f"NOT ({empty_record(joint.readings[0].columns)})"
    rows = execute(con, f"SELECT _load, count(*) FROM ({plain(joint, joint.readings[0])}) WHERE {filled} GROUP BY 1")
    values = Counter(dict(rows))
    unseen = any(m.lines > len(m.job.file.sample.records) for m in members if most[m.load_id] < m.lines)
    if unseen and strangers(joint.file.sample, other_records(con, joint, joint.file.path), joint.source):
        raise NotTogether
    return values, values


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
