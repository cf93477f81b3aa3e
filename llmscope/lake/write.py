"""Writes rows as a lake's data files: one a table and day, sorted by time, each put in its place whole."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute, text_literal
from llmscope.errors import LlmscopeError
from llmscope.lake.files import GATHERED, Change, DataFile, data_name
from llmscope.lake.lake import AT_ONCE, Lake
from llmscope.lake.views import LOAD, types_of
from llmscope.rolled import ROLLED
from llmscope.schema import KEYS, TABLES, Table
from llmscope.sources import quote
from llmscope.store import TIMES

if TYPE_CHECKING:
    import duckdb

# Large enough that a column of a row group is worth a request, small enough to be written in little memory.
ROW_GROUP, FEWER_WITH_TEXT = 245_760, 20_480
# A day of more rows is written by the hour.
MOST_ROWS = 8_000_000
BULKY = ("input_text", "output_text", "embedding", "prefix_hashes")


@dataclass
class Writer:
    """What one commit writes: files first made in a workplace, then put where readers list them."""

    lake: Lake
    work: Path
    made: list[tuple[Path, DataFile]] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)
    loader: int = 0

    def place(self) -> tuple[DataFile, ...]:
        """Puts every file in its place."""
        self.placed += [file.path for _, file in self.made]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda one: self.lake.place.put(one[0], one[1].path), self.made))
        return tuple(file for _, file in self.made)

    def commit(self, change: Change) -> bool:
        """Commits; where another was first the files are taken away again.

        A commit of which nobody can say whether it was made keeps its files; `store compact` sweeps up in the end.
        """
        placed, self.placed = self.placed, []
        if self.lake.commit(change):
            return True
        self.placed = placed
        self.take_back()
        return False

    def take_back(self) -> None:
        """Takes the files away again: another committed first."""
        for name in self.placed:
            self.lake.place.delete(name)
        self.placed.clear()
        for path, _ in self.made:
            path.unlink(missing_ok=True)
        self.made.clear()


@contextmanager
def writer(lake: Lake) -> Iterator[Writer]:
    """A writer whose files are gone if nothing came of them."""
    work = lake.place.workplace()
    found = Writer(lake, work)
    try:
        yield found
    except BaseException:
        with suppress(LlmscopeError):
            found.take_back()
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_table(con: duckdb.DuckDBPyConnection, to: Writer, table: str, rows: str) -> None:
    """Writes what a SELECT gives, a file a day; columns that are NULL in all of its rows are left out."""
    every = {name for name, *_ in execute(con, f"DESCRIBE {rows}")}
    known = [name for name in types_of(table) if name in every]
    counts = execute(con, f"SELECT {', '.join(f'count({quote(n)})' for n in known)} FROM ({rows})")[0]
    names = [name for name, n in zip(known, counts, strict=True) if n or name in always(table)]
    for day, condition in parts(con, table, rows, names):
        write_file(con, to, table, day, f"SELECT * FROM ({rows}) WHERE {condition}", names)


def parts(
    con: duckdb.DuckDBPyConnection, table: str, rows: str, names: Sequence[str]
) -> Iterator[tuple[str | None, str]]:
    """The days of a SELECT, or the hours of very full ones, and the condition that finds the rows of each."""
    time = time_of(table)
    if time is None or time not in names:
        yield from [(None, "true")] * bool(execute(con, f"SELECT EXISTS ({rows})")[0][0])
        return
    days = execute(con, f"SELECT {time}::DATE, count(*) FROM ({rows}) GROUP BY 1 ORDER BY 1")
    for day, count in days:
        if day is None:
            yield None, f"{time} IS NULL"
        elif count <= MOST_ROWS:
            yield str(day), within(time, day, 0, 24)
        else:
            yield from ((str(day), within(time, day, hour, hour + 1)) for hour in range(24))


def within(time: str, day: date, first: int, last: int) -> str:
    """The hours of a day, as a condition."""
    start = f"TIMESTAMP '{day} {first:02d}:00:00'"
    end = f"TIMESTAMP '{day} {last:02d}:00:00'" if last < 24 else f"TIMESTAMP '{day + timedelta(days=1)} 00:00:00'"
    return f"{time} >= {start} AND {time} < {end}"


def time_of(table: str) -> str | None:
    """The column by which a table lies by day."""
    return "started_at" if "started_at" in types_of(table) and table not in TABLES else TIMES.get(table)  # type: ignore[call-overload]


def write_file(
    con: duckdb.DuckDBPyConnection, to: Writer, table: str, day: str | None, rows: str, names: Sequence[str]
) -> None:
    """Writes one file into the workplace and notes what is in it."""
    name = f"llmscope-{to.loader:06d}-{uuid.uuid4().hex[:12]}"
    path = to.work / f"{table}-{name}.parquet"
    listed = ", ".join(f"{quote(n)}::{stored_type(table, n)} AS {quote(n)}" for n in names)
    group = FEWER_WITH_TEXT if set(names) & set(BULKY) else ROW_GROUP
    order = ", ".join(quote(n) for n in order_of(table) if n in names) or "1"
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}, RETURN_STATS"
    copied = f"COPY (SELECT {listed} FROM ({rows}) ORDER BY {order}) TO {text_literal(str(path))} ({options})"
    for _, count, size, _, about, *_ in execute(con, copied):
        if count:
            ends = about.get(quote(time_of(table) or ""), {})
            waits = waiting(table, count, about)
            file = DataFile(
                table,
                data_name(table, day, name),
                day,
                count,
                size,
                tuple(names),
                ends.get("min"),
                ends.get("max"),
                waits,
            )
            to.made.append((path, file))


def waiting(table: str, count: int, about: Mapping[str, Mapping[str, str]]) -> int:
    """How many scores or vectors of a file have no request yet."""
    if table not in ("scores", "vectors"):
        return 0
    return int(about.get(quote("request_id"), {}).get("null_count", count))


def always(table: str) -> set[str]:
    """The columns every file has, so that who lists a folder finds the same ones in each."""
    if table not in TABLES:
        return set(types_of(table))
    known: Table = table
    return {c.name for c in TABLES[known] if c.required} | {LOAD, *filter(None, [time_of(table)])}


def stored_type(table: str, name: str) -> str:
    """A column's type in the file: JSON is text, which every reader knows."""
    kind = types_of(table)[name]
    return "VARCHAR" if kind == "JSON" else kind


def order_of(table: str) -> tuple[str, ...]:
    """What a file is sorted by."""
    if table in GATHERED.values():
        return ("started_at", "feature", "model", "metric", "bin")
    if table in ROLLED:
        return ("feature", "model", "metric", "bin")
    if table not in TABLES:
        return (LOAD, "line", "byte")
    known: Table = table
    return (*filter(None, [time_of(table)]), KEYS[known])
