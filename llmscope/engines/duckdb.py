"""DuckDB: opens a file or memory, waits for a lock, and says in our words what went wrong."""

from __future__ import annotations

import errno
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.bounds import kept, spill_folder
from llmscope.engines._passes import in_passes
from llmscope.engines._quantiles import sharing_quantiles
from llmscope.errors import LlmscopeError, StoreLocked

if TYPE_CHECKING:
    import duckdb

# The columns and the rows of an answer.
Found = tuple[list[str], list[tuple[Any, ...]]]
LOCK = re.compile(r"Conflicting lock is held in (?P<program>.*?) ?\(PID (?P<pid>\d+)\)")
SPILL_FULL = ("max_temp_directory_size", "duckdb_temp_storage")
DISK_FULL = ("No space left", "File too large", "Disk quota exceeded")
# By a file's suffix, how rows are written.
WRITTEN = {
    ".parquet": "FORMAT parquet, COMPRESSION zstd",
    ".jsonl": "FORMAT json",
    ".jsonl.gz": "FORMAT json, COMPRESSION gzip",
}
ROWS_A_STATEMENT = 500
# What the engine freed and does not count any more goes back to the system soon: measured, a tenth of --memory.
GIVEN_BACK = {"allocator_flush_threshold": "8MB", "allocator_bulk_deallocation_flush_threshold": "16MB"}
SHORT, FAILED = "not enough memory", "the query failed"
FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 0.5
MOST_MENDS = 4
# By a connection's identity: what is asked when a statement failed, and answers whether it may be run again.
_MENDS: dict[int, Callable[[Exception], bool]] = {}


def connect(
    path: Path | None = None,
    *,
    read_only: bool = False,
    wait_s: float = 30.0,
    on_wait: Callable[[str], None] | None = None,
    memory: str | None = None,
    spill: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection to the file at `path`, or to memory, with times in UTC.

    Raises:
        StoreLocked: another process held the file for longer than `wait_s` seconds.
        LlmscopeError: the file is not a store, or cannot be opened.
    """
    import duckdb

    config = settings(path, memory, spill)
    deadline, pause, said = time.monotonic() + wait_s, FIRST_WAIT_S, False
    while True:
        try:
            return settled(duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=config))
        except duckdb.Error as error:
            holder = lock_holder(error)
            if holder is None:
                raise opening_error(path, error) from error
            if time.monotonic() >= deadline:
                raise StoreLocked(
                    f"{path}: locked by {holder}; waited {wait_s:g} s", hint="try again later, or raise --wait"
                ) from error
            if on_wait and not said:
                on_wait(f"{path}: waiting for {holder}")
                said = True
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT_S)


def settled(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A new connection with times in UTC, and nothing of its own on stdout."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    return con


def settings(path: Path | None, memory: str | None, spill: Path | None) -> dict[str, Any]:
    """What a connection is opened with; what was asked of the process goes before what a caller thinks enough."""
    config: dict[str, Any] = {"preserve_insertion_order": False, "temp_directory": str(spill_folder(path, spill))}
    if limit := kept().engine_memory or memory:
        config["memory_limit"] = limit
    if kept().engine_memory:
        config |= GIVEN_BACK
    if threads := kept().threads:
        config["threads"] = threads
    return config


def limit_memory(con: duckdb.DuckDBPyConnection, memory: str) -> None:
    """Lets an open engine hold no more than this, or what was asked of the process."""
    execute(con, f"SET memory_limit = '{kept().engine_memory or memory}'")


def lock_holder(error: Exception) -> str | None:
    """Who holds the file, or None when the error is about something else."""
    if "Could not set lock on file" not in str(error):
        return None
    found = LOCK.search(str(error))
    return f"process {found['pid']}" if found else "another process"


def opening_error(path: Path | None, error: Exception) -> LlmscopeError:
    """Why a store could not be opened, and what to do."""
    text = first_line(error)
    if "not a valid DuckDB database" in text or "serialization" in text.lower():
        return LlmscopeError(f"{path}: not an llmscope store", hint="give logs as arguments, a store with --store")
    return LlmscopeError(f"{path}: cannot be opened: {text}")


def first_line(error: Exception) -> str:
    """The first sentence of DuckDB's message, without its class name."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    if lines[0].startswith("Traceback"):  # of a filesystem in Python: its own words come last
        lines = [line for line in lines[1:] if not line.startswith((" ", "LINE"))] or lines
    text = lines[0]
    return re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", text)


def execute(con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Runs one statement and fetches all it returns.

    Only the values the statement names are bound, so that shared ones need not be used by all.

    Raises:
        LlmscopeError: the engine refused; its words, and the SQL that caused it.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    import duckdb

    named = {k: v for k, v in (values or {}).items() if re.search(rf"\${k}\b", sql)}
    for _ in range(MOST_MENDS):
        try:
            return con.execute(sql, named).fetchall() if named else con.execute(sql).fetchall()
        except duckdb.InterruptException as error:
            raise KeyboardInterrupt from error
        except duckdb.Error as error:
            failed = error
            if not mended(con, error):
                break
        except RecursionError as error:
            raise LlmscopeError("the query is nested too deeply") from error
        except RuntimeError as error:
            if "interrupted" in str(error):  # so the engine calls a Ctrl-C
                raise KeyboardInterrupt from error
            raise
    raise engine_error(failed, sql) from failed


def when_failing(con: duckdb.DuckDBPyConnection, mend: Callable[[Exception], bool] | None) -> None:
    """Says who is asked when a statement of this connection fails; None when it is closed."""
    _MENDS.pop(id(con), None)
    if mend:
        _MENDS[id(con)] = mend


def mended(con: duckdb.DuckDBPyConnection, error: Exception) -> bool:
    """Whether what made a statement fail is mended, so that it may be run again.

    Raises:
        LlmscopeError: what lies behind the engine's error, in our words.
    """
    mend = _MENDS.get(id(con))
    return mend is not None and mend(error)


def engine_error(error: Exception, sql: str = "") -> LlmscopeError:
    """An engine's error in our family; a full disk and too little memory are named as such."""
    text = first_line(error)
    if any(words in str(error) for words in SPILL_FULL):
        return LlmscopeError(
            f"no room left to spill: {text}", hint="--temp FOLDER on a larger disk, a larger --memory, or less at once"
        )
    if os_errno(error) == errno.ENOSPC or any(words in str(error) for words in DISK_FULL):
        return LlmscopeError(
            "no space left on the disk; the store is as it was", hint="free some space, then load again"
        )
    if gone := re.match(r"No files found that match the pattern \"(.+)\"", text):
        return LlmscopeError(f"{gone[1]}: this file is gone", hint="of a lake it may have been replaced: ask again")
    if "Out of Memory" in type(error).__name__ or "Out of Memory" in str(error):
        return LlmscopeError(f"{SHORT}: {text}", hint="a larger --memory, or a shorter --since")
    return LlmscopeError(f"{FAILED}: {text}", hint=f"SQL: {sql.strip()}" if sql else None)


def sparing(
    con: duckdb.DuckDBPyConnection, into: str, sql: str, values: Mapping[str, Any], short: LlmscopeError
) -> Found:
    """Runs a SELECT again that was short of memory: its quantiles in passes, then on one thread too.

    Raises:
        LlmscopeError: memory is short all the same.
    """
    try:
        found = exact_in_passes(con, sql, values, into)
    except LlmscopeError as error:
        if not error.message.startswith(SHORT):
            raise
        found = None
    if found:
        return found
    with one_thread(con, short):
        return exact_in_passes(con, sql, values, into) or asked(con, into + sharing_quantiles(sql), values)


def exact_in_passes(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any], into: str = ""
) -> Found | None:
    """A SELECT whose quantiles are worked out in passes that can spill; None of one they are no way for.

    `into`: what is written before the SELECT to keep what it gives.
    """

    def ask(statement: str, /, **bound: Any) -> list[tuple[Any, ...]]:
        return execute(con, statement, bound or values)

    try:
        with in_passes(ask, sql) as other:
            return asked(con, into + other, values) if other else None
    except LlmscopeError as error:
        if error.message.startswith(FAILED):
            return None
        raise


def asked(con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> Found:
    """The columns and rows of one SELECT."""
    rows = execute(con, sql, values)
    return columns_of(con), rows


@contextmanager
def one_thread(con: duckdb.DuckDBPyConnection, short: LlmscopeError) -> Iterator[None]:
    """Has the engine work on one thread: each keeps values of its own.

    Raises:
        LlmscopeError: it does already.
    """
    threads = int(execute(con, "SELECT current_setting('threads')")[0][0])
    if threads == 1:
        raise short
    execute(con, "SET threads = 1")
    try:
        yield
    finally:
        execute(con, f"SET threads = {threads}")


def register_text(con: duckdb.DuckDBPyConnection, name: str, function: Callable[[str], str]) -> None:
    """Makes a Python function of one text callable from SQL; once a connection."""
    import numpy  # noqa: F401  # the engine imports it here, and takes a Ctrl-C meanwhile for its being absent

    con.create_function(name, function, ["VARCHAR"], "VARCHAR")


def text_literal(text: str) -> str:
    """A string as SQL writes it, where no value can be bound."""
    return "'" + text.replace("'", "''") + "'"


def own_database(con: duckdb.DuckDBPyConnection) -> str:
    """The database a connection was opened on, whatever was attached since."""
    rows = execute(con, "SELECT database_name FROM duckdb_databases() WHERE NOT internal ORDER BY database_oid LIMIT 1")
    return '"' + str(rows[0][0]).replace('"', '""') + '"'


def os_errno(error: Exception) -> int | None:
    """The operating system's number behind an error, if it carries one."""
    return getattr(error, "errno", None)


def columns_of(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The column names of the last result."""
    return [d[0] for d in con.description or []]


class DuckDB:
    """The engine of a store and of logs read for one question."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def view(self, table: Any, since: datetime | None, until: datetime | None) -> str:
        """The relation of a table's rows of a window."""
        name: str = self.store.view(table, since, until)
        return name

    def show(self, name: str, table: str, files: Sequence[tuple[Any, str]]) -> None:
        """Makes a relation of chosen files of a lake."""
        self.store.put_files(name, table, [file for file, _ in files])

    def rows(self, sql: str, values: Mapping[str, Any]) -> Found:
        """The columns and rows of one SELECT."""
        return self.answered("", sql, values)

    def answered(self, into: str, sql: str, values: Mapping[str, Any]) -> Found:
        """The same, in the way that is quick, or where memory is short in one that spares it."""
        con = self.store.con
        try:
            return asked(con, into + sharing_quantiles(sql), values)
        except LlmscopeError as error:
            if not error.message.startswith(SHORT):
                raise
            return sparing(con, into, sql, values, error)

    def put(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a temporary table of a few rows of our own."""
        con = self.store.con
        execute(con, f"CREATE OR REPLACE TEMP TABLE {name} ({', '.join(f'{n} {kind}' for n, kind in columns)})")
        marks = f"({', '.join('?' * len(columns))})"
        for at in range(0, len(rows), ROWS_A_STATEMENT):
            part = rows[at : at + ROWS_A_STATEMENT]
            con.execute(f"INSERT INTO {name} VALUES {', '.join([marks] * len(part))}", [v for row in part for v in row])

    def keep(self, name: str, sql: str, values: Mapping[str, Any]) -> None:
        """Makes a temporary table of what one SELECT gives."""
        self.answered(f"CREATE OR REPLACE TEMP TABLE {name} AS\n", sql, values)

    def write(self, path: Path, suffix: str, sql: str, values: Mapping[str, Any]) -> None:
        """Writes what a SELECT gives to a file, beside itself and renamed; the rows do not come by here."""
        with tempfile.TemporaryDirectory(prefix=".llmscope-", dir=path.parent) as folder:
            beside = Path(folder) / "rows"
            execute(self.store.con, f"COPY ({sql}) TO {text_literal(str(beside))} ({WRITTEN[suffix]})", values)
            beside.replace(path)

    def close(self) -> None:
        """The store lets go of its own connection."""
