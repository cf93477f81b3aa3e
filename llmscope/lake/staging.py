"""Where a loader gathers what it read before the lake hears of it: a store of its own on this machine's disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.lake.lake import Lake
from llmscope.lake.views import BESIDE, rows_sql
from llmscope.store import FIRST_LOAD, Store, remember_forgotten

if TYPE_CHECKING:
    import duckdb

# New loads are numbered from here on until they are written: every row of the lake is older, whoever loaded it.
FRESH = 1 << 40
MEMORY = "320MB"
# A loader's own number and its loads' places make the numbers they keep.
LOADS_EACH = 10_000_000
STAGE, LOCK = "llmscope-stage-", "lock"
YOUNG_S = 60


@contextmanager
def staging(
    lake: Lake, memory: str | None = None, on_wait: Callable[[str], None] | None = None, spill: Path | None = None
) -> Iterator[Store]:
    """A store that knows what the lake's loads were, and nothing of its rows."""
    with stage(spill or Path(tempfile.gettempdir())) as path:
        store = Store(
            path / "stage.duckdb", memory=memory or MEMORY, elastic=memory is None, spill=path, on_wait=on_wait
        )
        try:
            catch_up(store, lake)
            tell(store, lake)
            yield store
        finally:
            store.close()


@contextmanager
def stage(parent: Path) -> Iterator[Path]:
    """A folder of this loader's own; those of loaders that were killed are taken away first."""
    sweep(parent)
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=parent) as folder, (Path(folder) / LOCK).open("wb") as lock:
        with suppress(OSError):  # a disk without locks: nobody sweeps it up
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(folder)


def sweep(parent: Path) -> None:
    """Takes away the stages of this user's that no loader holds any more."""
    for held in parent.glob(f"{STAGE}*/{LOCK}"):
        with suppress(OSError):
            about = held.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > YOUNG_S:
                with held.open("rb") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(held.parent, ignore_errors=True)


def tell(store: Store, lake: Lake) -> None:
    """Writes down what the loader has to know: the loads there were, and what was forgotten."""
    store.execute(f"INSERT INTO meta VALUES ('{FIRST_LOAD}', '{FRESH + 1}')")
    files = [(file.columns, lake.url(file)) for file in lake.files("loads")]
    if files:
        store.execute(f"INSERT INTO loads BY NAME {rows_sql('loads', files, BESIDE['loads'])}")
    store.execute("CREATE TABLE earlier_loads AS SELECT load_id FROM loads")


def catch_up(store: Store, lake: Lake) -> None:
    """Lets the stage read the lake's files, and know what was forgotten; both may have changed since."""
    lake.place.register(store.con, {file.path: file.bytes for file in lake.state.files.values()})
    if lake.state.forgotten_before:
        remember_forgotten(store.con, datetime.fromisoformat(lake.state.forgotten_before))


def kept_number(loader: int) -> str:
    """SQL of the number a row's load keeps in the lake."""
    return f"CASE WHEN load_id > {FRESH} THEN load_id - {FRESH} + {loader * LOADS_EACH} ELSE load_id END"


def has_news(store: Store) -> bool:
    """Whether anything was loaded, or taken back out."""
    fresh = f"EXISTS (SELECT 1 FROM loads WHERE load_id > {FRESH})"
    gone = "EXISTS (SELECT load_id FROM earlier_loads EXCEPT SELECT load_id FROM loads)"
    return bool(store.execute(f"SELECT {fresh} OR {gone}")[0][0])


def loads_now(store: Store) -> list[tuple[str, ...]]:
    """What tells each fresh load's file: its name and its first bytes' digest."""
    return execute(store.con, f"SELECT path, head FROM loads WHERE load_id > {FRESH}")


def gone_rows(con: duckdb.DuckDBPyConnection) -> str:
    """The numbers of loads that were taken back, as SQL lists them; empty where none was."""
    rows = execute(con, "SELECT load_id FROM earlier_loads EXCEPT SELECT load_id FROM loads ORDER BY 1")
    return ", ".join(str(load) for (load,) in rows)
