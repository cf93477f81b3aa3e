"""Reads several clean logs of one kind in one statement: for a question asked of files, where nothing is kept.

The engine then works on them side by side, and plans once. Only when every file is clean (each line a row, no value
unreadable, no request twice) does the result stand; otherwise nothing has happened, and each file is loaded by itself,
with all its lines accounted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.load.bring import fill, relation, seen
from llmscope.load.content import Content, read_content
from llmscope.load.dedupe import drop_duplicates
from llmscope.load.job import FileReport, Job
from llmscope.load.links import link
from llmscope.load.one import prepare_session, write_price_keys
from llmscope.load.plan import complete
from llmscope.load.rows import Origin, insert_of
from llmscope.load.tally import faults
from llmscope.schema import KEYS
from llmscope.sources import Field, literal
from llmscope.store import Store, rows_table

if TYPE_CHECKING:
    import duckdb

LARGEST_BYTES = 64 << 20


class NotCleanError(Exception):
    """Some line, value or request needs to be looked at file by file."""


def groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that can be read in one statement, two or more each."""
    found: list[list[Job]] = []
    for job in (j for j in jobs if suited(j)):
        same = next((g for g in found if alike(g[0], job)), None)
        if same is None:
            found.append([job])
        else:
            same.append(job)
    return [group for group in found if len(group) > 1]


def suited(job: Job) -> bool:
    """A small JSONL file of one table, whose records bring ids."""
    file = job.file
    plain = file.container == "jsonl" and not file.bom and not any(c in str(file.path) for c in "*?[]{}")
    own_ids = len(job.readings) == 1 and KEYS[job.readings[0].table] in job.readings[0].fields
    own_ids = own_ids and job.unfolding is None and not job.derived
    return plain and own_ids and job.whole and file.path.stat().st_size <= LARGEST_BYTES and not file.duplicate_keys


def alike(one: Job, other: Job) -> bool:
    """The same source, keys, mapping and compression."""
    same_file = one.file.compression == other.file.compression
    return same_file and (one.source, one.readings, one.mapping) == (other.source, other.readings, other.mapping)


def load_together(store: Store, jobs: Sequence[Job], load_id: int) -> list[FileReport] | None:
    """Loads all these files, or (None) none of them."""
    joint = joined(jobs)
    prepare_session(store, joint)
    try:
        with ThreadPoolExecutor(1) as beside, store.transaction() as con:
            counting = [beside.submit(read_content, j.file.path, j.file.compression) for j in jobs]
            origin = Origin(load_id, joint.source, "", "", 0, joint.keep_text)
            raw = relation(joint, joint.readings[0], joint.file.path, None)
            insert = insert_of(raw, joint.readings[0], origin, seen(joint))
            fill(con, joint, joint.readings[0].table, insert)
            lines = [lines_of(job, count.result()) for job, count in zip(jobs, counting, strict=True)]
            check(con, joint, jobs, lines, load_id)
            write_price_keys(con, load_id)
    except (NotCleanError, LlmscopeError):
        return None
    return [FileReport(j.file.shown, j.source, lines=n, loaded=n) for j, n in zip(jobs, lines, strict=True)]


def joined(jobs: Sequence[Job]) -> Job:
    """One job for all files, in which each row knows its own."""
    first = jobs[0]
    names = " ".join(f"WHEN {literal(str(j.file.path))} THEN {literal(j.file.shown)}" for j in jobs)
    fields = {**first.readings[0].fields, "source_file": Field(f"CASE filename {names} END")}
    file = replace(first.file, together=tuple(j.file.path for j in jobs))
    return replace(first, file=file, readings=(replace(first.readings[0], fields=fields),))


def lines_of(job: Job, content: Content) -> int:
    """The lines of one file, an unterminated last one included.

    Raises:
        NotCleanError: that one is half-written.
    """
    if content.rest.strip() and not complete(job.file, content.rest):
        raise NotCleanError
    return content.lines + bool(content.rest.strip())


def check(con: duckdb.DuckDBPyConnection, joint: Job, jobs: Sequence[Job], lines: Iterable[int], load_id: int) -> None:
    """Every line of every file is a row, whole and once.

    Raises:
        NotCleanError: one is not.
    """
    table = joint.readings[0].table
    rows = execute(con, f"SELECT source_file, count(*) FROM {rows_table(table)} WHERE load_id = {load_id} GROUP BY ALL")
    counted = dict(rows)
    expected = {job.file.shown: n for job, n in zip(jobs, lines, strict=True)}
    if counted != {name: n for name, n in expected.items() if n} or faults(con, [table], load_id):
        raise NotCleanError
    merged = FileReport("", joint.source)
    link(con, [table], load_id, merged)
    if drop_duplicates(con, table, load_id) or merged.notes:
        raise NotCleanError
