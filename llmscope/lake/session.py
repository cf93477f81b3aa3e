"""A lake as a store that is only read: the same relations, over the files of one commit."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError
from llmscope.lake.files import GATHERED, KEPT_BESIDE, DataFile, State, between
from llmscope.lake.lake import Lake, aside
from llmscope.lake.views import BESIDE, FAULTS, LOAD, columns_of, rows_sql, types_of
from llmscope.rolled import ROLLED
from llmscope.schema import TABLES, Table
from llmscope.sources import quote
from llmscope.store import FORGOTTEN, META, PRICE_KEYS, SCHEMA_VERSION, Store, rows_table

if TYPE_CHECKING:
    import duckdb

MISSING = ("No files found", "No such file", "Could not open", "FileNotFoundError", "Cannot open file")
UNLIKE_OTHERS = ("schema mismatch", "failed to cast")
UNLIKE = (*UNLIKE_OTHERS, "Conversion Error", "Binder Error", "not found in FROM", "Mismatch Type")
DAMAGED = ("No magic bytes", "too small to be a Parquet", "Parquet", "snappy", "ZSTD", "thrift", "TProtocol")
PATH = re.compile(r"[\"']([^\"']+\.parquet)[\"']")


@dataclass
class LakeStore(Store):
    """The store's place in every question, taken by a lake: one snapshot of it, which later commits do not change."""

    lake: Lake | None = None
    _snapshot: State = field(default_factory=State, repr=False)
    _views: dict[str, tuple[str, list[DataFile]]] = field(default_factory=dict, repr=False)
    _moved: dict[str, str] = field(default_factory=dict, repr=False)
    _own: dict[str, frozenset[str]] | None = field(default=None, repr=False)
    _within: str = ""
    _scratch: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The lake's name as people write it."""
        return self.held.shown

    @property
    def held(self) -> Lake:
        """The lake."""
        assert self.lake is not None  # noqa: S101
        return self.lake

    @property
    def snapshot(self) -> State:
        """What of the lake is read: its state when it was opened."""
        return self.held.state if self._con is None else self._snapshot

    def undated(self) -> int | None:
        """Requests without a time, by the commits."""
        return sum(file.rows for file in self.snapshot.of("requests") if file.day is None)

    def _open(self) -> duckdb.DuckDBPyConnection:
        con = engine.connect(None, memory=self.memory, spill=self.spill or self.scratch())
        try:
            self.fill(con)
        except BaseException:
            con.close()
            raise
        return con

    def scratch(self) -> Path:
        """A folder for what does not fit into memory and nothing else: a locked engine may still read in it."""
        self._scratch = self._scratch or tempfile.TemporaryDirectory(prefix="llmscope-", ignore_cleanup_errors=True)
        return Path(self._scratch.name)

    def fill(self, con: duckdb.DuckDBPyConnection) -> None:
        """Makes the tables and views of this lake in the connection's current database."""
        self._snapshot = state = self.held.state
        self._views.clear()
        sizes = {name: f.bytes for f in state.files.values() for name in (f.path, aside(f.path))}
        self.held.place.register(con, sizes)
        # Of all files, only those under the lake stay in reach where a question shuts the others out.
        engine.execute(con, f"SET allowed_directories = [{engine.text_literal(self.held.place.url(''))}]")
        for statement in (META, PRICE_KEYS, f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}')"):
            engine.execute(con, statement)
        if state.forgotten_before:
            values = {"moment": state.forgotten_before}
            engine.execute(con, f"INSERT INTO meta VALUES ('{FORGOTTEN}', $moment)", values)
        put_price_keys(con, state.price_keys)
        engine.when_failing(con, lambda error: self.mend(con, error))
        for beside in KEPT_BESIDE:
            self.put_view(con, beside, beside, state.of(beside), BESIDE[beside])
        for table in TABLES:
            files = state.of(table)
            self.put_view(con, rows_table(table), table, files, required(table) | columns_of(files))
            self.put_view(con, table, table, files, types_of(table))

    def put_view(
        self, con: duckdb.DuckDBPyConnection, name: str, table: str, files: list[DataFile], wanted: Collection[str]
    ) -> None:
        """One view over listed files."""
        self._views[name] = (table, files)
        known = self._own, len(self._moved)
        try:
            engine.execute(con, self.view_sql(name, table, files, wanted))
        except LlmscopeError:
            if known == (self._own, len(self._moved)):
                raise
            engine.execute(con, self.view_sql(name, table, files, wanted))  # as the files are known since

    def view_sql(self, name: str, table: str, files: list[DataFile], wanted: Collection[str]) -> str:
        """The statement that makes a view."""
        places = [(self.own(file), self.opened(file)) for file in files]
        faults = f", NULL::BIGINT AS {FAULTS}" if table in TABLES else ""
        sql = self.rolled_sql(table, files) if table in ROLLED else rows_sql(table, places, {*wanted, LOAD})
        return f"CREATE OR REPLACE VIEW {self._within}{quote(name)} AS SELECT *{faults} FROM ({sql})"

    def rolled_sql(self, table: str, files: list[DataFile]) -> str:
        """The SELECT of chosen rollups."""
        from llmscope.lake.gather import rolled_sql

        known = [*files, *self.snapshot.of(GATHERED[table])]
        return rolled_sql(self.snapshot, table, files, {f.path: (self.own(f), self.opened(f)) for f in known})

    def opened(self, file: DataFile) -> str:
        """What the engine opens to read a file, wherever it is by now."""
        return self._moved.get(file.path) or self.held.url(file)

    def seen(self) -> dict[str, DataFile]:
        """Every file that a view may read, by path."""
        found = {file.path: file for _, files in self._views.values() for file in files}
        gathered = [GATHERED[table] for table in ROLLED if any(table == of for of, _ in self._views.values())]
        return found | {file.path: file for name in gathered for file in self.snapshot.of(name)}

    def own(self, file: DataFile) -> Collection[str]:
        """The columns a file has: by its commit, or once that has failed by the file itself."""
        return file.columns if self._own is None else self._own.get(file.path, frozenset(file.columns))

    def view(self, table: str, since: datetime | None = None, until: datetime | None = None) -> str:
        """The relation of a table's rows in a window: a view over the files of its days alone."""
        every = self.snapshot.of(table)
        files = between(every, since, until)
        if len(files) == len(every) or table == "vectors":
            return table
        days = f"{since:%Y%m%d}" if since else "", f"{until:%Y%m%d}" if until else ""
        name = f"{table}_of_{'_to_'.join(days)}"
        con = self.con
        if name not in self._views:
            self.put_view(con, name, table, files, types_of(table))
        return name

    def put_files(self, name: str, table: str, files: list[DataFile]) -> None:
        """One view over listed files of a table, with all its columns."""
        con = self.con
        if self._views.get(name) != (table, files):
            self.put_view(con, name, table, files, types_of(table))

    def mend(self, con: duckdb.DuckDBPyConnection, error: Exception) -> bool:
        """Whether a failed statement can be run again: its files have been moved, or are not what the commits say.

        Raises:
            LlmscopeError: the storage failed, or a file is damaged, or of another type.
        """
        text = str(error)
        explained = self.held.place.explained(error)
        if explained is not None and not isinstance(explained.__cause__, FileNotFoundError):
            raise explained from error
        if explained is not None or any(words in text for words in MISSING):
            return self.find_moved(con, error)
        found = PATH.search(text)
        if found and not any(words in text for words in UNLIKE) and any(words in text for words in DAMAGED):
            raise damaged(found[1]) from error
        if self._own is None and any(words in text for words in UNLIKE):
            return self.look_inside(con)
        return False

    def renew(self, error: LlmscopeError) -> bool:
        """Whether a question whose connection was locked against mending can be asked of a new one."""
        text = f"{error.message} {error.__cause__}"
        if self._own is not None or not any(words in text for words in (*MISSING, *UNLIKE_OTHERS)):
            return False
        self.close()
        self.held.refresh()
        self.look_inside(self.con)
        return True

    def find_moved(self, con: duckdb.DuckDBPyConnection, error: Exception) -> bool:
        """Whether files of this snapshot were put aside since; the views then name them where they are."""
        place = self.held.place
        found = self.seen().keys() - self._moved.keys()
        standing = self.held.refresh().files
        gone = {path for path in found if path not in standing and place.exists(aside(path))}
        lost = next((path for path in sorted(found - gone) if not place.exists(path)), None)
        if lost is not None:
            raise LlmscopeError(
                f"{place.url(lost)}: this file of the lake is gone",
                hint="ask again: a question that took longer than `store compact --grace` lost its files"
                if lost not in standing
                else "put it back from a backup",
            ) from error
        self._moved |= {path: place.url(aside(path)) for path in gone}
        self.put_views_again(con)
        return bool(gone)

    def look_inside(self, con: duckdb.DuckDBPyConnection) -> bool:
        """Whether a file has other columns than its commit says: another tool wrote it anew."""
        files, kinds = self.looked_into(con)
        self._own = {path: frozenset(found) for path, found in kinds.items()}
        self.put_views_again(con)
        return any(self._own[path] != frozenset(file.columns) for path, file in files.items())

    def looked_into(self, con: duckdb.DuckDBPyConnection) -> tuple[dict[str, DataFile], dict[str, dict[str, str]]]:
        """The files of all views, and the columns and types that are in them, by path."""
        from llmscope.lake.strangers import kinds_inside

        files = self.seen()
        return files, kinds_inside(con, {path: (file, self.opened(file)) for path, file in files.items()})

    def kinds_inside(self) -> dict[str, dict[str, str]]:
        """The columns and types that are in each file, by what an engine opens.

        Raises:
            LlmscopeError: a file is damaged, or a value in it is not of our type.
        """
        con = self.con
        try:
            files, kinds = self.looked_into(con)
        except LlmscopeError as error:
            if error.__cause__ is not None:
                self.mend(con, error.__cause__)  # type: ignore[arg-type]
            raise
        return {self.held.url(files[path]): found for path, found in kinds.items()}

    def put_views_again(self, con: duckdb.DuckDBPyConnection) -> None:
        """Makes every view over the files as they are known now."""
        for name, (table, files) in list(self._views.items()):
            is_rows = name.endswith("_rows")
            wanted = required(table) | columns_of(files) if is_rows and table in TABLES else types_of(table)
            self.put_view(con, name, table, files, wanted)

    def close(self) -> None:
        """Lets go of the connection."""
        if self._con is not None:
            engine.when_failing(self._con, None)
        super().close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def lake_store(name: str, memory: str | None = None) -> LakeStore:
    """The lake of that name as a store to be read.

    Raises:
        LlmscopeError: there is none.
    """
    return LakeStore(None, read_only=True, memory=memory, lake=Lake.open(name))


def attach_lake(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Lays a lake's tables beside those of a connection, as database `stored`.

    Raises:
        LlmscopeError: there is none.
    """
    lake = lake_store(name)
    engine.execute(con, "ATTACH ':memory:' AS stored")
    own = engine.own_database(con)
    engine.execute(con, "USE stored")
    try:
        lake._within = "stored.main."
        lake.fill(con)
    finally:
        engine.execute(con, f"USE {own}")


def required(table: str) -> frozenset[str]:
    """The columns that every store has from the start."""
    known: Table = table  # type: ignore[assignment]
    return frozenset(column.name for column in TABLES[known] if column.required)


def put_price_keys(con: duckdb.DuckDBPyConnection, keys: Iterable[tuple[Any, ...]]) -> None:
    """Fills price_keys."""
    rows = [list(column) for column in zip(*keys, strict=True)]
    if rows:
        con.execute("INSERT INTO price_keys SELECT unnest($1), unnest($2), unnest($3), unnest($4)", rows)


def damaged(path: str) -> LlmscopeError:
    """A file of the lake that is no whole Parquet file."""
    return LlmscopeError(
        f"{path}: not a whole Parquet file: damaged or cut short",
        hint="put it back from a backup, or load its logs anew",
    )
