"""DuckDB: opens a file or memory, waits for a lock, and says in our words what went wrong."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.errors import LlmscopeError, StoreLocked

if TYPE_CHECKING:
    import duckdb

LOCK = re.compile(r"Conflicting lock is held in (?P<program>.*?) ?\(PID (?P<pid>\d+)\)")
DISK_FULL = ("No space left", "File too large", "Disk quota exceeded")
QUANTILE = re.compile(r"\bquantile_cont\((?P<of>[a-z_]+), (?P<q>[0-9.e-]+)\)(?!\s*(?:FILTER|OVER)\b)")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 0.5


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

    config: dict[str, Any] = {"preserve_insertion_order": False}
    if memory:
        config["memory_limit"] = memory
    if spill:
        config["temp_directory"] = str(spill)
    deadline, pause, said = time.monotonic() + wait_s, FIRST_WAIT_S, False
    while True:
        try:
            con = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=config)
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")  # it would write to stdout
            return con
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


def lock_holder(error: Exception) -> str | None:
    """Who holds the file, or None when the error is about something else."""
    if "Could not set lock on file" not in str(error):
        return None
    found = LOCK.search(str(error))
    return f"process {found['pid']}" if found else "another process"


def opening_error(path: Path | None, error: Exception) -> LlmscopeError:
    """Why a store could not be opened, and what to do."""
    text = first_line(error)
    if path is not None and path.is_dir():
        return LlmscopeError(f"{path}: a folder, not a store", hint="--store takes a file")
    if "not a valid DuckDB database" in text or "serialization" in text.lower():
        return LlmscopeError(f"{path}: not an llmscope store", hint="give logs as arguments, a store with --store")
    return LlmscopeError(f"{path}: cannot be opened: {text}")


def first_line(error: Exception) -> str:
    """The first sentence of DuckDB's message, without its class name."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
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
    try:
        return con.execute(sql, named).fetchall() if named else con.execute(sql).fetchall()
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise engine_error(error, sql) from error
    except RecursionError as error:
        raise LlmscopeError("the query is nested too deeply") from error
    except RuntimeError as error:
        if "interrupted" in str(error):  # so the engine calls a Ctrl-C
            raise KeyboardInterrupt from error
        raise


def engine_error(error: Exception, sql: str = "") -> LlmscopeError:
    """An engine's error in our family; a full disk and too little memory are named as such."""
    text = first_line(error)
    if os_errno(error) == errno.ENOSPC or any(words in str(error) for words in DISK_FULL):
        return LlmscopeError(
            "no space left on the disk; the store is as it was", hint="free some space, then load again"
        )
    if "Out of Memory" in type(error).__name__ or "Out of Memory" in str(error):
        return LlmscopeError(f"not enough memory: {text}", hint="raise `memory` in llmscope.toml")
    return LlmscopeError(f"the query failed: {text}", hint=f"SQL: {sql.strip()}" if sql else None)


def sharing_quantiles(sql: str) -> str:
    """The statement with all quantiles of one column worked out together, from one copy of its values.

    Exact as before, in a third of the time and half of the memory. Portable SQL asks for one quantile a column.
    """
    asked: dict[str, dict[str, int]] = {}
    for found in QUANTILE.finditer(sql):
        of = asked.setdefault(found["of"], {})
        of.setdefault(found["q"], len(of) + 1)

    def together(found: re.Match[str]) -> str:
        of = asked[found["of"]]
        return f"quantile_cont({found['of']}, [{', '.join(of)}])[{of[found['q']]}]" if len(of) > 1 else found[0]

    return QUANTILE.sub(together, sql)


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
