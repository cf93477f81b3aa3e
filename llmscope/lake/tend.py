"""Tends a lake: small files of a day become one, what is nobody's goes, and what is too old is forgotten."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines import duckdb as engine
from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.lake.files import CHECKPOINT_EVERY, GATHERED, KEPT_BESIDE, OWN, Change, DataFile, commit_name
from llmscope.lake.gather import gather, loose
from llmscope.lake.lake import Lake, aside
from llmscope.lake.rollup import forgotten, of_removed, roll_made, roller
from llmscope.lake.views import columns_of, rows_sql
from llmscope.lake.write import Writer, write_table, writer
from llmscope.rolled import ROLLED, SUMS
from llmscope.schema import TABLES, Table
from llmscope.store import TIMES

if TYPE_CHECKING:
    import duckdb

    Attempt = Callable[[duckdb.DuckDBPyConnection, Writer], Change]

# Files of this size are left as they are; a compacted one is about as large at most.
TARGET_BYTES = 256 << 20
ORPHAN_AGE = timedelta(hours=24)
COMMIT_AGE = timedelta(days=7)
MOST_TRIES = 30
MEMORY = "512MB"


@dataclass
class Tended:
    """What was done."""

    merged: int = 0
    made: int = 0
    before_bytes: int = 0
    after_bytes: int = 0
    deleted: int = 0


@dataclass
class Forgotten:
    """By table, rows that went."""

    rows: dict[str, int] = field(default_factory=dict)
    removed: list[DataFile] = field(default_factory=list)
    parted: list[DataFile] = field(default_factory=list)
    keys: tuple[tuple[str | None, ...], ...] = ()


@contextmanager
def engine_on(lake: Lake, memory: str | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that reads the lake's files."""
    con = engine.connect(None, memory=memory or MEMORY, spill=Path(tempfile.gettempdir()))
    try:
        lake.place.register(con, {file.path: file.bytes for file in lake.state.files.values()})
        yield con
    finally:
        con.close()


def until_committed(lake: Lake, memory: str | None, attempt: Attempt) -> Change:
    """Makes a change against the latest state, again and again until nobody else was first.

    Raises:
        LlmscopeError: others always were.
    """
    for tries in range(MOST_TRIES):
        with engine_on(lake, memory) as con, writer(lake) as to:
            change = attempt(con, to)
            if to.commit(change):
                return change
        lake.refresh()
        time.sleep(random.uniform(0, min(2.0, 0.05 * 2**tries)))  # noqa: S311
    raise LlmscopeError(f"{lake.shown}: others committed first {MOST_TRIES} times; nothing was changed")


def compact(lake: Lake, grace: timedelta, memory: str | None = None) -> Tended:
    """Merges the small files of each day, and deletes what nobody reads any more."""
    found = Tended()

    def attempt(con: duckdb.DuckDBPyConnection, to: Writer) -> Change:
        removed: list[DataFile] = []
        to.loader = lake.state.loader
        for group in groups(lake):
            removed += group
            files = [(file.columns, lake.url(file)) for file in group]
            write_table(con, to, group[0].table, rows_sql(group[0].table, files, columns_of(group)))
        made = [file for _, file in to.made]
        found.merged, found.made = len(removed), len(made)
        found.before_bytes, found.after_bytes = sum(f.bytes for f in removed), sum(f.bytes for f in made)
        if sum(f.rows for f in removed) != sum(f.rows for f in made):
            raise LlmscopeError(f"{lake.shown}: rows were lost while files were merged; the lake is as it was")
        roll_made(con, to)
        gone = (*(file.path for file in removed), *of_removed(lake, removed))
        gone += gather(con, to, gone)
        return Change("compact", to.place(), gone)

    if groups(lake) or loose(lake):
        until_committed(lake, memory, attempt)
    found.deleted = sweep(lake, grace)
    return found


def groups(lake: Lake) -> list[list[DataFile]]:
    """The small files that become one, two or more each: of one table and day."""
    days: dict[tuple[str, str | None], list[DataFile]] = {}
    for table in (*TABLES, *KEPT_BESIDE, *ROLLED):
        for file in lake.files(table):
            # A rollup goes with its data file; one whose rows are forgotten with others of its day.
            if file.bytes < TARGET_BYTES // 2 and (table not in ROLLED or forgotten(lake, file)):
                days.setdefault((table, file.day), []).append(file)
    return [group for files in days.values() for group in portions(files) if len(group) > 1]


def portions(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Files in the order of their times, together as large as one should be."""
    found: list[list[DataFile]] = [[]]
    for file in sorted(files, key=lambda f: (f.since or "", f.path)):
        if found[-1] and sum(f.bytes for f in found[-1]) + file.bytes > TARGET_BYTES:
            found.append([])
        found[-1].append(file)
    return found


def sweep(lake: Lake, grace: timedelta) -> int:
    """Deletes files that stopped to count longer than `grace` ago, and what dead loaders left; gives their number."""
    place, now = lake.place, datetime.now(UTC).replace(tzinfo=None)
    old = [name for name, at in lake.state.removed.items() if now - datetime.fromisoformat(at) >= grace]
    for name in old:
        place.delete(aside(name))
        place.delete(name)
    lake.put_aside(name for name in lake.state.removed if name not in old and place.exists(name))
    left = list(orphans(lake, max(grace, ORPHAN_AGE)))
    for name in (*left, *old_records(lake)):
        place.delete(name)
    for _ in range(MOST_TRIES if old else 0):
        if lake.commit(Change("sweep", swept=tuple(old))):
            break
        lake.refresh()
    return len(old) + len(left)


def orphans(lake: Lake, age: timedelta) -> Iterator[str]:
    """Files of ours that no commit names and that nobody can be about to commit any more."""
    latest = datetime.now(UTC).timestamp() - age.total_seconds()
    known = lake.state.files.keys() | lake.state.removed.keys()
    for folder in (*TABLES, *ROLLED, *(f"{OWN}/{table}" for table in (*KEPT_BESIDE, *GATHERED.values())), f"{OWN}/new"):
        for name, written in list(lake.place.names(folder)):
            own = name.rpartition("/")[2].startswith("llmscope-") or folder.endswith("/new")
            if own and name not in known and written < latest:
                yield name


def strangers(lake: Lake) -> list[str]:
    """Parquet files that lie among the lake's and that no loader of ours wrote."""
    known = lake.state.files.keys() | lake.state.removed.keys()
    names = (name for table in TABLES for name, _ in lake.place.names(table))
    return [n for n in names if n.endswith(".parquet") and n not in known and "/llmscope-" not in n]


def old_records(lake: Lake) -> Iterator[str]:
    """Numbers that loaders took, and commits that a checkpoint long stands for."""
    now = datetime.now(UTC).timestamp()
    kept = commit_name(max(0, lake.checkpointed() - CHECKPOINT_EVERY))
    for name, written in list(lake.place.names(f"{OWN}/loaders")):
        number = name.rpartition("/")[2].removesuffix(".json")
        if number.isdigit() and int(number) < lake.state.loader and now - written > ORPHAN_AGE.total_seconds():
            yield name
    for name, written in list(lake.place.names(f"{OWN}/commits")):
        if name < kept and now - written > COMMIT_AGE.total_seconds():
            yield name


def forget(lake: Lake, moment: datetime, memory: str | None = None) -> tuple[dict[str, Any], ...]:
    """Takes out what is from before a moment: whole days at once, of the day it falls in the rows before it."""
    found = Forgotten()

    def attempt(con: duckdb.DuckDBPyConnection, to: Writer) -> Change:
        nonlocal found
        found = Forgotten(dict.fromkeys((*TIMES, "vectors"), 0))
        to.loader = lake.state.loader
        forget_vectors(con, lake, to, moment, found)
        for table in TIMES:
            forget_rows(con, lake, to, table, moment, found)
        found.keys = price_keys(con, lake, moment)
        parted = roll_parts(con, to, found.parted, moment)
        gone = (*(file.path for file in found.removed), *of_removed(lake, parted))
        added = to.place()
        return Change("forget", added, gone, found.keys, True, moment.isoformat())

    until_committed(lake, memory, attempt)
    return tuple(told(lake, table, n) for table, n in found.rows.items())


def told(lake: Lake, table: str, gone: int) -> dict[str, Any]:
    """What of a table went and what is kept."""
    files = lake.files(table)
    without = sum(file.waiting if table == "vectors" else file.rows * (file.day is None) for file in files)
    return {"table": table, "forgotten": gone, "kept": sum(file.rows for file in files), "kept_without_time": without}


def before(file: DataFile, moment: datetime) -> bool:
    """Whether any row of a file is from before a moment."""
    return file.since is not None and datetime.fromisoformat(file.since) < moment


def forget_rows(
    con: duckdb.DuckDBPyConnection, lake: Lake, to: Writer, table: Table, moment: datetime, found: Forgotten
) -> None:
    """A table's rows from before a moment."""
    for file in lake.files(table):
        if not before(file, moment):
            continue
        found.removed.append(file)
        found.rows[table] += file.rows
        if file.until and datetime.fromisoformat(file.until) >= moment:
            made = len(to.made)
            rows = rows_sql(table, [(file.columns, lake.url(file))], file.columns)
            write_table(con, to, table, f"SELECT * FROM ({rows}) WHERE {TIMES[table]} >= {literal(moment)}")
            found.rows[table] -= sum(kept.rows for _, kept in to.made[made:])
            found.parted.append(file)


def roll_parts(
    con: duckdb.DuckDBPyConnection, to: Writer, parted: Sequence[DataFile], moment: datetime
) -> list[DataFile]:
    """The rollups of what is forgotten and of what is kept of files that have both; gives those whose own go."""
    lake = to.lake
    known = {file.of for file in lake.files(SUMS)}
    rolled = [file for file in parted if file.path in known]
    roll_made(con, to)
    if rolled:
        before_it = f"started_at < {literal(moment)}"
        roller(con, lake).roll(to, [(file, lake.url(file)) for file in rolled], before_it)
    return rolled


def forget_vectors(con: duckdb.DuckDBPyConnection, lake: Lake, to: Writer, moment: datetime, found: Forgotten) -> None:
    """The vectors of requests that go: they have no time of their own."""
    asked = [file for file in lake.files("requests") if before(file, moment)]
    if not asked or not lake.files("vectors"):
        return
    requests = rows_sql("requests", [(f.columns, lake.url(f)) for f in asked], {"request_id", "started_at"})
    ids = f"SELECT request_id FROM ({requests}) WHERE started_at < {literal(moment)}"
    for file in lake.files("vectors"):
        rows = rows_sql("vectors", [(file.columns, lake.url(file))], {*file.columns, "request_id"})
        gone = f"coalesce(request_id, vector_id) IN ({ids})"
        n = execute(con, f"SELECT count(*) FROM ({rows}) WHERE {gone}")[0][0]
        if n:
            found.removed.append(file)
            found.rows["vectors"] += n
            write_table(con, to, "vectors", f"SELECT * FROM ({rows}) WHERE NOT {gone}")


def price_keys(con: duckdb.DuckDBPyConnection, lake: Lake, moment: datetime) -> tuple[tuple[str | None, ...], ...]:
    """The price keys of what is kept."""
    names = ("provider", "model", "service_tier", "region")
    kept = [file for file in lake.files("requests") if not file.until or datetime.fromisoformat(file.until) >= moment]
    rows = rows_sql("requests", [(f.columns, lake.url(f)) for f in kept], {*names, "started_at"})
    still = f"started_at IS NULL OR started_at >= {literal(moment)}"
    return tuple(map(tuple, execute(con, f"SELECT DISTINCT {', '.join(names)} FROM ({rows}) WHERE {still}")))


def literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"
