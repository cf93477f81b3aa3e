"""Brings what a loader gathered into the lake: joined with it, written, and committed by whoever is first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmscope.engines.duckdb import execute
from llmscope.errors import LlmscopeError
from llmscope.lake.files import Change, DataFile
from llmscope.lake.gather import FEW, gather
from llmscope.lake.lake import Lake
from llmscope.lake.merge import Merged, by_load, merge
from llmscope.lake.rollup import of_removed, roll_made
from llmscope.lake.session import MISSING
from llmscope.lake.staging import FRESH, catch_up, gone_rows, has_news, kept_number, loads_now
from llmscope.lake.views import LOAD, columns_of, rows_sql, types_of
from llmscope.lake.write import Writer, write_table, writer
from llmscope.schema import TABLES
from llmscope.store import Store, present_columns, rows_table

if TYPE_CHECKING:
    import duckdb

MOST_TRIES, LONGEST_PAUSE_S = 60, 2.0


class ReadAgain(Exception):
    """Another loader has committed files that this one read as well: they have to be looked at anew."""


@dataclass
class Brought:
    """What became of a load's rows when they met the lake's: rows that went again, by the file they came from."""

    gone: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    version: int = 0


def bring(store: Store, lake: Lake, kind: str = "load", say: Callable[[str], None] | None = None) -> Brought:
    """Commits what the stage holds; nothing where there is nothing new.

    Raises:
        ReadAgain: files of it were loaded by another meanwhile.
        LlmscopeError: the lake cannot be written, or others were first too often.
    """
    if not has_news(store):
        return Brought(version=lake.state.version)
    loader = lake.loader()
    catch_up(store, lake)
    for attempt in range(MOST_TRIES):
        done = attempt_once(store, lake, kind, loader)
        if done is not None:
            return done
        before = lake.state.version
        lake.refresh()
        catch_up(store, lake)
        if attempt == 4 and say:
            say(f"{lake.shown}: other loaders keep committing first; trying on")
        look_for_others(store, lake, before)
        time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 0.05 * 2**attempt)))  # noqa: S311
    raise LlmscopeError(
        f"{lake.shown}: others committed first {MOST_TRIES} times; nothing was loaded", hint="try again when fewer load"
    )


def attempt_once(store: Store, lake: Lake, kind: str, loader: int) -> Brought | None:
    """One try; None where another commit came first. The stage is as it was in either case."""
    con = store.con
    execute(con, "BEGIN")
    try:
        with writer(lake) as to:
            to.loader = loader
            merged = merge(con, lake)
            change = written(con, lake, to, merged, kind, loader)
            return told(con, merged, lake) if to.commit(change) else None
    except LlmscopeError as error:
        if any(words in error.message for words in MISSING) and newer(lake):
            return None
        raise
    finally:
        store._roll_back()


def newer(lake: Lake) -> bool:
    """Whether a commit came that put files aside which this one meant to read."""
    before = lake.state.version
    return lake.refresh().version > before


def look_for_others(store: Store, lake: Lake, before: int) -> None:
    """Whether a commit made since brought a file that stands in the stage too.

    Raises:
        ReadAgain: one did.
    """
    files = [(f.columns, lake.url(f)) for f in lake.state.of("loads")]
    if not files:
        return
    theirs = rows_sql("loads", files, {"load_id", "path", "head"})
    known = "SELECT load_id FROM earlier_loads"
    rows = store.execute(f"SELECT path, head FROM ({theirs}) WHERE load_id NOT IN ({known})")
    paths, heads = {path for path, _ in rows}, {head for _, head in rows}
    if any(path in paths or (head and head in heads) for path, head in loads_now(store)):
        raise ReadAgain


def written(con: duckdb.DuckDBPyConnection, lake: Lake, to: Writer, merged: Merged, kind: str, loader: int) -> Change:
    """Writes the files of a commit and puts them in place."""
    removed: list[DataFile] = []
    for table in TABLES:
        removed += merged.losing[table]
        rows = table_rows(con, lake, table, merged, loader)
        if rows:
            write_table(con, to, table, rows)
    removed += write_beside(con, lake, to, loader)
    roll_made(con, to)
    paths = (*(file.path for file in removed), *of_removed(lake, removed))
    gone = (*paths, *gather(con, to, paths, FEW))
    added = to.place()
    brought = "SELECT DISTINCT provider, model, service_tier, region FROM requests WHERE load_id > $fresh"
    keys = {tuple(row) for row in execute(con, brought, {"fresh": FRESH})}
    new = tuple(sorted(keys - lake.state.price_keys, key=repr))
    return Change(kind, added, gone, new, loader=loader)


def table_rows(con: duckdb.DuckDBPyConnection, lake: Lake, table: Any, merged: Merged, loader: int) -> str:
    """The SELECT of what goes out of a table: fresh and changed rows, and what else stood in the files they leave."""
    present = {*present_columns(con, table), LOAD}
    names = [name for name in types_of(table) if name in present]
    own = ", ".join(f"{kept_number(loader)} AS {LOAD}" if n == LOAD else n for n in names)
    out = f"SELECT {own} FROM {rows_table(table)} WHERE {merged.outgoing[table]}"
    losing = merged.losing[table]
    if not losing:
        found = execute(con, f"SELECT EXISTS ({out})")[0][0]
        return out if found else ""
    every = columns_of(losing) | set(names)
    files = [(file.columns, lake.url(file)) for file in losing]
    rest = rows_sql(table, files, every, "filename file_row_number")
    anti = f"({rest}) ANTI JOIN changed_{table} USING (filename, file_row_number)"
    return f"{out} UNION ALL BY NAME SELECT * EXCLUDE (filename, file_row_number) FROM {anti}"


def write_beside(con: duckdb.DuckDBPyConnection, lake: Lake, to: Writer, loader: int) -> list[DataFile]:
    """Writes the fresh loads and rejects; files that hold loads taken back are written anew without them."""
    removed = []
    number = kept_number(loader)
    gone = gone_rows(con)
    for table in ("loads", "rejects"):
        fresh = f"SELECT * REPLACE ({number} AS load_id) FROM {table} WHERE load_id > {FRESH}"
        if gone and (files := lake.files(table)):
            kept = rows_sql(table, [(f.columns, lake.url(f)) for f in files], types_of(table))
            fresh += f" UNION ALL BY NAME SELECT * FROM ({kept}) WHERE load_id NOT IN ({gone})"
            removed += files
        if execute(con, f"SELECT EXISTS ({fresh})")[0][0]:
            write_table(con, to, table, fresh)
    return removed


def told(con: duckdb.DuckDBPyConnection, merged: Merged, lake: Lake) -> Brought:
    """What became of the rows, by file."""
    names = dict(execute(con, f"SELECT load_id, path FROM loads WHERE load_id > {FRESH}"))
    gone: dict[str, int] = {}
    for load, n in by_load(merged.settled).items():
        if load in names:
            gone[names[load]] = gone.get(names[load], 0) + n
    return Brought(gone, merged.settled.notes, lake.state.version)
