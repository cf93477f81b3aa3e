"""The store: one DuckDB file of requests, spans, scores and vectors, what was loaded, and what was refused."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.bounds import kept
from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError
from llmscope.schema import TABLES, Table

if TYPE_CHECKING:
    import duckdb

SCHEMA_VERSION = 3
HOLD_S = 1.0
MOST_THREADS, BYTES_A_CHARACTER = 8, 3_000

# Beside the canonical columns each row knows its load, and which of its fields could not be read as their type
# (a bit a column, in load's order): that is how wrong types are counted without a second pass.
OWN_COLUMNS = {"load_id": "BIGINT", "faults": "BIGINT"}

LOADS = """
CREATE TABLE IF NOT EXISTS loads (
    load_id BIGINT, path VARCHAR, format VARCHAR, mapping VARCHAR,
    head VARCHAR, start_byte BIGINT, end_byte BIGINT, digest VARCHAR, ends_in_newline BOOLEAN,
    lines BIGINT, loaded BIGINT, set_aside BIGINT, duplicates BIGINT, rejected BIGINT, blank BIGINT,
    notes VARCHAR[], loaded_at TIMESTAMP
)
"""
REJECTS = """
CREATE TABLE IF NOT EXISTS rejects (
    load_id BIGINT, file VARCHAR, line BIGINT, byte BIGINT, reason VARCHAR, head VARCHAR
)
"""
# The distinct keys a price depends on: pricing resolves these few instead of scanning the requests.
PRICE_KEYS = """
CREATE TABLE IF NOT EXISTS price_keys (provider VARCHAR, model VARCHAR, service_tier VARCHAR, region VARCHAR)
"""
META = "CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value VARCHAR)"


def rows_table(table: Table) -> str:
    """The physical table behind the relation of that name."""
    return f"{table}_rows"


def ddl() -> list[str]:
    """The statements that make an empty store."""
    tables = [table_sql(t) for t in TABLES]
    return [META, LOADS, REJECTS, PRICE_KEYS, *tables, *(view_sql(t, required(t)) for t in TABLES)]


def table_sql(table: Table) -> str:
    """The statement that makes one physical table, with the columns every store has."""
    own = ", ".join(f"{c.name} {c.sql_type}" for c in TABLES[table] if c.required)
    return f"CREATE TABLE {rows_table(table)} ({own}, {', '.join(f'{n} {kind}' for n, kind in OWN_COLUMNS.items())})"


def required(table: Table) -> set[str]:
    """The columns that every store has from the start."""
    return {c.name for c in TABLES[table] if c.required}


def view_sql(table: Table, present: Collection[str]) -> str:
    """The relation: every canonical column, NULL where no log has brought it yet."""
    columns = ", ".join(c.name if c.name in present else f"NULL::{c.sql_type} AS {c.name}" for c in TABLES[table])
    return f"CREATE OR REPLACE VIEW {table} AS SELECT {columns}, {', '.join(OWN_COLUMNS)} FROM {rows_table(table)}"


def present_columns(con: duckdb.DuckDBPyConnection, table: Table) -> set[str]:
    """The columns that the physical table has."""
    rows = engine.execute(con, f"PRAGMA table_info('{rows_table(table)}')")
    return {name for _, name, *_ in rows}


def add_columns(con: duckdb.DuckDBPyConnection, table: Table, wanted: Iterable[str]) -> None:
    """Makes the columns that a log is the first to bring: 40 empty ones would cost a load a third of its speed."""
    present = present_columns(con, table)
    new = [c for c in TABLES[table] if c.name in set(wanted) - present]
    for column in new:
        engine.execute(con, f"ALTER TABLE {rows_table(table)} ADD COLUMN {column.name} {column.sql_type}")
    if new:
        engine.execute(con, view_sql(table, present | {c.name for c in new}))


@dataclass
class Store:
    """One store, in a file or (path None) in memory. The file is open only inside `session`.

    A file is locked by one process at a time, so a writer lets go of it between log files once it has held it for
    `HOLD_S` seconds.
    """

    path: Path | None
    wait_s: float = 30.0
    read_only: bool = False
    memory: str | None = None
    elastic: bool = False
    spill: Path | None = None
    on_wait: Callable[[str], None] | None = None
    _con: duckdb.DuckDBPyConnection | None = field(default=None, repr=False)
    _since: float = 0.0
    _functions: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The open connection; opened and its tables made or checked if it was closed."""
        with self._lock:  # one thread may make the engine ready while another looks at files
            if self._con is None:
                self._con = self._open()
                self._since = time.monotonic()
                self._functions = set()
            return self._con

    def function(self, name: str, function: Callable[[str], str]) -> None:
        """Makes a Python function of one text callable from SQL; outside of a transaction."""
        con = self.con
        if name not in self._functions:
            engine.register_text(con, name, function)
            self._functions.add(name)

    def _open(self) -> duckdb.DuckDBPyConnection:
        con = engine.connect(
            self.path,
            read_only=self.read_only,
            wait_s=self.wait_s,
            on_wait=self.on_wait,
            memory=self.memory,
            spill=self.spill,
        )
        try:
            prepare(con, self.path, self.read_only)
            if self.read_only:
                stand_in(con)
        except LlmscopeError:
            con.close()
            raise
        return con

    def twin(self) -> Store | None:
        """The same file on a connection of its own, for a second thread; None where questions are asked one by one.

        What is temporary is each connection's own. Two statements at once take the memory of two.
        """
        if self.path is None or not self.read_only or kept().memory_bytes or kept().threads == 1:
            return None
        con = engine.settled(self.con.cursor())
        stand_in(con)
        return replace(self, _con=con, _lock=threading.Lock())

    def make_room(self, sql_length: int) -> None:
        """Lets the engine hold what the expressions of one statement need, where nobody said how much it may.

        It keeps vectors of 2,048 values for every step of every expression, once a thread, and counts them whether
        they are filled or not: measured, 2.5 KB for a character of our SQL. More threads than 8 gain a load nothing.
        """
        if self.elastic and self.memory and not kept().memory_bytes:
            threads = int(self.execute("SELECT current_setting('threads')")[0][0])
            if threads > MOST_THREADS and not kept().threads:
                self.execute(f"SET threads = {MOST_THREADS}")
            room = (sql_length * BYTES_A_CHARACTER * min(threads, MOST_THREADS)) >> 20
            self.execute(f"SET memory_limit = '{int(self.memory.removesuffix('MB')) + room}MB'")

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.path or "")

    def view(self, table: str, since: datetime | None = None, until: datetime | None = None) -> str:
        """The relation that holds a table's rows of a window, and maybe others'."""
        return table

    def undated(self) -> int | None:
        """Requests without a time, where that is known without a look."""
        return None

    def renew(self, error: LlmscopeError) -> bool:
        """Whether what made a question fail has passed, so that it may be asked again of a new connection."""
        return False

    def execute(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Runs one statement; see engines.duckdb.execute."""
        return engine.execute(self.con, sql, values)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All that happens inside is committed together, or not at all."""
        con = self.con
        engine.execute(con, "BEGIN")
        try:
            yield con
            engine.execute(con, "COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self.con.execute("ROLLBACK")
        except Exception:
            self.close()  # a failed commit leaves a connection that can only be closed

    def breathe(self) -> None:
        """Lets others at the file when this process has held it for long."""
        if self.path is not None and self._con is not None and time.monotonic() - self._since > HOLD_S:
            self.close()

    def close(self) -> None:
        """Lets go of the file. A store in memory is gone with it."""
        if self._con is not None:
            self._con.close()
            self._con = None


TIMES: dict[Table, str] = {
    "requests": "started_at", "spans": "started_at", "scores": "created_at", "traces": "started_at",
}  # fmt: skip
# Vectors have no time of their own: they are forgotten with their requests.
FORGOTTEN = "forgotten_before"


# Where a store's own numbering of loads begins: a lake's loader leaves room for what others loaded.
FIRST_LOAD = "first_load"


def next_load(con: duckdb.DuckDBPyConnection) -> int:
    """The number of the next load."""
    first = f"SELECT max(value::BIGINT) FROM meta WHERE key = '{FIRST_LOAD}'"
    return int(engine.execute(con, f"SELECT greatest(coalesce(max(load_id), 0) + 1, ({first})) FROM loads")[0][0])


def remember_forgotten(con: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Writes down from before when nothing is kept: what is read again later does not come back."""
    latest = max(moment, forgotten_before(con) or moment)
    engine.execute(con, f"DELETE FROM meta WHERE key = '{FORGOTTEN}'")
    engine.execute(con, f"INSERT INTO meta VALUES ('{FORGOTTEN}', $moment)", {"moment": latest.isoformat()})


def forgotten_before(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """The moment of the latest `store forget`; None where nothing was forgotten."""
    rows = engine.execute(con, f"SELECT value FROM meta WHERE key = '{FORGOTTEN}'")
    return datetime.fromisoformat(rows[0][0]) if rows else None


def drop_forgotten(con: duckdb.DuckDBPyConnection, table: Table, load_id: int) -> Counter[int]:
    """Takes out the rows of new loads, from `load_id` on, that are from before what was forgotten; counts by load."""
    moment, column = forgotten_before(con), TIMES.get(table)
    if moment is None or column is None or column not in present_columns(con, table):
        return Counter()
    values = {"load": load_id, "moment": moment}
    old = f"FROM {rows_table(table)} WHERE load_id >= $load AND {column} < $moment"
    rows = engine.execute(con, f"SELECT load_id, count(*) {old} GROUP BY load_id", values)
    if rows:
        engine.execute(con, f"DELETE {old}", values)
    return Counter(dict(rows))


def prepare(con: duckdb.DuckDBPyConnection, path: Path | None, read_only: bool) -> None:
    """Makes the tables of a new store, or checks the version of an old one.

    Raises:
        LlmscopeError: the store is a newer version's, or no store of ours.
    """
    found = {name for (name,) in engine.execute(con, "SELECT table_name FROM duckdb_tables() WHERE NOT temporary")}
    if "meta" in found:
        rows = engine.execute(con, "SELECT max(value::BIGINT) FROM meta WHERE key = 'schema_version'")
        version = int(rows[0][0] or 0)
        if version > SCHEMA_VERSION:
            raise LlmscopeError(
                f"{path}: written by a newer llmscope (store version {version}, this program knows {SCHEMA_VERSION})",
                hint="pip install --upgrade llmscope-toolkit",
            )
        lacking = [table for table in TABLES if rows_table(table) not in found]
        if lacking and not read_only:  # version 1 had no traces, version 2 no vectors
            engine.execute(con, "BEGIN")
            for table in lacking:
                engine.execute(con, table_sql(table))
                engine.execute(con, view_sql(table, required(table)))
            engine.execute(con, f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}')")
            engine.execute(con, "COMMIT")
        return
    if found or read_only:
        raise LlmscopeError(f"{path}: a DuckDB file, but not an llmscope store", hint="name another file with --store")
    engine.execute(con, "BEGIN")
    for statement in ddl():
        engine.execute(con, statement)
    engine.execute(con, f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}')")
    engine.execute(con, "COMMIT")


def lacking(con: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    """The columns of schema.py that the views of a store do not show, by table; none of a store of this version."""
    rows = engine.execute(
        con, "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE NOT internal GROUP BY table_name"
    )
    shown = {name: set(columns) for name, columns in rows}
    found = {t: frozenset(c.name for c in TABLES[t]) - shown[t] for t in TABLES if t in shown}
    return {table: columns for table, columns in found.items() if columns}


def stand_in(con: duckdb.DuckDBPyConnection) -> None:
    """Lets an older store that is only read answer of a table it has not: there is nothing in it."""
    found = {name for (name,) in engine.execute(con, "SELECT view_name FROM duckdb_views() WHERE NOT internal")}
    for table in (table for table in TABLES if table not in found):
        columns = ", ".join(f"NULL::{c.sql_type} AS {c.name}" for c in TABLES[table])
        engine.execute(con, f"CREATE TEMP VIEW {table} AS SELECT {columns} WHERE false")
