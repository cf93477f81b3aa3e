"""Reads the log tables of SQLite databases that are known, and leaves the database as it is.

A database at rest is opened as a file that cannot change: no lock, nothing written beside it. Where a journal lies
beside it, a program has it open or was cut off: what counts is in both, so a copy of both is read.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from llmscope.errors import LlmscopeError

JOURNALS = ("-wal", "-journal")
MOST_TRIES = 5


def opencode_message(row: Mapping[str, Any]) -> dict[str, Any]:
    """OpenCode's table `message`: what its message files hold, less the ids, which have columns of their own."""
    try:
        data = json.loads(row["data"])
    except (TypeError, ValueError, RecursionError):
        data = None
    held = data if isinstance(data, dict) else {}
    return held | {"id": row["id"], "sessionID": row["session_id"]}


def as_it_is(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, its binary values left out: they are no part of a log."""
    return {name: value for name, value in row.items() if not isinstance(value, bytes)}


# Table -> the columns that tell it from another of that name, and the record a row makes.
KNOWN: Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "responses": (frozenset({"id", "model", "datetime_utc", "duration_ms", "conversation_id"}), as_it_is),
    "message": (frozenset({"id", "session_id", "data"}), opencode_message),
}


def tables(path: Path) -> dict[str, list[str]]:
    """The tables of a database and their columns.

    Raises:
        LlmscopeError: it is damaged, encrypted or no database.
    """
    with opened(path) as con:
        return described(con)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The records of the tables that are known, in the order in which they were written.

    Raises:
        LlmscopeError: the database is damaged or changed while it was read, or it has no such table.
    """
    with opened(path) as con:
        known = [name for name, columns in described(con).items() if is_known(name, columns)]
        if not known:
            raise LlmscopeError(
                f"{path}: a SQLite database without a table of requests that llmscope knows",
                hint=f"it reads the tables {' and '.join(KNOWN)} of llm's logs.db and opencode.db; for others,"
                " write the rows as JSON lines: sqlite3 -json FILE 'SELECT ...'",
            )
        for name in known:
            make = KNOWN[name][1]
            for row in con.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):
                yield make(dict(row))


def described(con: sqlite3.Connection) -> dict[str, list[str]]:
    """Table -> columns."""
    names = [row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {n: [r[0] for r in con.execute("SELECT name FROM pragma_table_info(?)", (n,))] for n in names}


def is_known(name: str, columns: list[str]) -> bool:
    return name in KNOWN and KNOWN[name][0] <= set(columns)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that neither locks nor writes; SQLite's complaints are ours."""
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        copied = any(size_of(beside(path, ending)) for ending in JOURNALS)
        target = copy(path, Path(folder)) if copied else path
        before = fingerprint(path)
        try:
            # A copy may be written, as SQLite does to bring its journal in.
            mode = "mode=rw" if copied else "mode=ro&immutable=1"
            with closing(sqlite3.connect(f"{target.resolve().as_uri()}?{mode}", uri=True)) as con:
                con.row_factory = sqlite3.Row
                con.text_factory = lambda data: data.decode("utf-8", "replace")
                yield con
        except sqlite3.Error as error:
            if not copied and fingerprint(path) != before:
                raise changed(path) from error
            raise LlmscopeError(
                f"{path}: a SQLite database that cannot be read ({error})",
                hint="is it damaged or encrypted? sqlite3 FILE .recover writes what is left of it",
            ) from error
        if not copied and fingerprint(path) != before:
            raise changed(path)


def copy(path: Path, folder: Path) -> Path:
    """A copy of a database and its journals, all of one moment.

    Raises:
        LlmscopeError: they do not stop changing.
    """
    files = [path, *(beside(path, ending) for ending in JOURNALS)]
    target = folder / "copy.db"
    for _ in range(MOST_TRIES):
        before = [fingerprint(file) for file in files]
        for file, ending in zip(files, ("", *JOURNALS), strict=True):
            copied = beside(target, ending)
            copied.unlink(missing_ok=True)
            if file.exists():
                shutil.copyfile(file, copied)
        if [fingerprint(file) for file in files] == before:
            return target
    raise changed(path)


def changed(path: Path) -> LlmscopeError:
    """A program writes to the database."""
    return LlmscopeError(f"{path}: it changed while it was read", hint="load it again when nothing writes to it")


def beside(path: Path, ending: str) -> Path:
    """A journal's path."""
    return path.with_name(path.name + ending)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def fingerprint(path: Path) -> tuple[int, int]:
    """Changes when a file does."""
    if not path.exists():
        return 0, 0
    found = path.stat()
    return found.st_size, found.st_mtime_ns
