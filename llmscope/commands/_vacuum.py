"""Writes a store in one file anew, beside itself, and puts the copy in its place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.errors import LlmscopeError
from llmscope.load.room import check_rows
from llmscope.sources import literal, quote

if TYPE_CHECKING:
    from llmscope.store import Store


def anew(store: Store) -> Path:
    """Copies a store into a fresh file that takes its place; gives the file.

    Raises:
        LlmscopeError: the disk is short, or the copy is not whole; the store is as it was.
    """
    target = (store.path or Path()).resolve()
    check_rows(target.parent, f"the copy of {target.name}", store.execute("SELECT count(*) FROM requests")[0][0])
    store.execute("CHECKPOINT")
    with fresh_beside(target) as fresh:
        copy(store, fresh)
        same_owner(target, fresh)
        # The lock on the old file is held until it is out of reach: nobody can write into it unseen.
        fresh.replace(target)
    sync_folder(target.parent)
    return target


@contextmanager
def fresh_beside(target: Path) -> Iterator[Path]:
    """A path for a new file in the same folder, taken away again if it was not renamed."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        yield Path(folder) / target.name


def copy(store: Store, path: Path) -> None:
    """Copies every table and view into a new file, in the same order, and compares the counts.

    Raises:
        LlmscopeError: the copy is not whole; the store is as it was.
    """
    own = store.execute("SELECT current_database()")[0][0]
    store.execute("SET preserve_insertion_order = true")
    store.execute(f"ATTACH {literal(str(path))} AS fresh_copy")
    store.execute(f"COPY FROM DATABASE {quote(own)} TO fresh_copy")
    tables = store.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = $own AND schema_name = 'main'", {"own": own}
    )
    for (table,) in tables:
        name = f"main.{quote(table)}"
        counts = f"SELECT (SELECT count(*) FROM {quote(own)}.{name}), (SELECT count(*) FROM fresh_copy.{name})"
        old, new = store.execute(counts)[0]
        if old != new:
            raise LlmscopeError(f"{store.path}: {table} has {old} rows, its copy {new}; the store is as it was")
    store.execute("DETACH fresh_copy")


def same_owner(old: Path, new: Path) -> None:
    """Gives a file the mode and, where that is allowed, the owner of another."""
    shutil.copymode(old, new)
    found = old.stat()
    with suppress(PermissionError):
        os.chown(new, found.st_uid, found.st_gid)


def sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
