"""Spark: runs an analysis's own SQL over the files of a lake; only what an answer needs comes back."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from llmscope.engines._quantiles import sharing_quantiles
from llmscope.engines._spark_files import NANOS, Kinds, frame_of
from llmscope.engines._spark_session import LOCAL, quiet_warnings, session, shown, why
from llmscope.errors import LlmscopeError, UsageError
from llmscope.rolled import ROLLED
from llmscope.schema import TABLES, Table

# A JSON path of one key: $."the key", $.key, or the key alone.
KEY = re.compile(r'\$\."(?P<quoted>(?:[^"\\]|\\.)*)"|\$\.(?P<plain>[A-Za-z_]\w*)|(?P<bare>[^$/].*)', re.DOTALL)
WRITTEN = {".parquet": ("parquet", "zstd"), ".jsonl": ("json", "none"), ".jsonl.gz": ("json", "gzip")}
GONE = (
    "UNAVAILABLE", "Connection refused", "SparkContext was shut down", "SparkContext has been shutdown",
    "stopped SparkContext", "has been closed", "INVALID_HANDLE", "SESSION_NOT_FOUND", "Answer from Java side is empty",
)  # fmt: skip
# Spark's words for a file that is not what the commits say, or none of Parquet's.
UNREADABLE = ("FAILED_READ_FILE", "PARQUET_COLUMN_DATA_TYPE_MISMATCH", "PARQUET_TYPE_ILLEGAL", "PARQUET_TYPE_NOT")
_NUMBERS = itertools.count(1)

Files = Callable[[Table, datetime | None, datetime | None], Sequence[str]]
Inside = Callable[[], Mapping[str, Kinds]]
T = TypeVar("T")


class Spark:
    """One lake as Spark sees it."""

    def __init__(
        self, files: Files, url: str | None = None, wait_s: float = 30.0, inside: Inside | None = None
    ) -> None:
        """`files`: the committed files of a table that a window needs. `inside`: what is really in each of the files,
        asked when one of them cannot be read as its commit says."""
        self.url, self.files, self.inside = url or LOCAL, files, inside
        self.session = session(self.url, wait_s)
        self.prefix = f"llmscope_{next(_NUMBERS)}_"
        self.put_names: frozenset[str] = frozenset()
        self._windows: dict[str, tuple[Table, datetime | None, datetime | None]] = {t: (t, None, None) for t in TABLES}
        self._made: dict[str, tuple[Mapping[str, str], Sequence[str]]] = {}
        self._kept: dict[str, tuple[str, Mapping[str, Any], Any]] = {}
        self._inside: Mapping[str, Kinds] | None = None

    def view(self, table: Table, since: datetime | None, until: datetime | None) -> str:
        """The name of a table's rows in the files that a window needs."""
        ends = [f"{end:%Y%m%d%H%M%S%f}" if end else "" for end in (since, until)]
        name = f"{table}_{'_'.join(ends)}" if any(ends) else table
        self._windows.setdefault(name, (table, since, until))
        return name

    def show(self, name: str, table: str, files: Sequence[tuple[Any, str]]) -> None:
        """Makes a relation of chosen files of the lake."""
        types = ROLLED.get(table) or {column.name: column.sql_type for column in TABLES[cast(Table, table)]}
        self.read(name, types, [url for _, url in files])

    def rows(self, sql: str, values: Mapping[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows of one SELECT.

        Raises:
            LlmscopeError: Spark refused, or went away.
        """

        def ask() -> tuple[list[str], list[tuple[Any, ...]]]:
            frame = self.frame(sql, values)
            found = self.asking(sql, frame.collect)
            return list(frame.columns), [tuple(map(plain, row)) for row in found]

        return self.mending(ask)

    def mending(self, ask: Callable[[], T]) -> T:
        """What `ask` gives; where a file is not what its commit says, all are looked into, and it is asked again."""
        try:
            return ask()
        except LlmscopeError as error:
            unread = any(words in f"{error.message} {error.__cause__}" for words in UNREADABLE)
            if not unread or self._inside is not None or self.inside is None:
                raise
            self._inside = self.inside()
        self.asking(NANOS, lambda: self.session.conf.set(NANOS, "true"))
        for name, (types, urls) in list(self._made.items()):
            self.read(name, types, urls)
        for name, (sql, values, _) in list(self._kept.items()):
            self.keep(name, sql, values)
        return ask()

    def frame(self, sql: str, values: Mapping[str, Any]) -> Any:
        """One SELECT as Spark has understood it."""
        from llmscope.engines._spark_dialect import spelled

        said = spelled(sharing_quantiles(sql), self.prefix, self.put_names)
        for name in said.relations - self._made.keys():
            self.make_view(name)
        named = {k: v for k, v in values.items() if re.search(rf"\${k}\b", sql)}
        bound = {k: literal(key_of(v) if k in said.paths else v) for k, v in named.items()}
        return self.asking(sql, lambda: self.session.sql(said.text, args=bound))

    def make_view(self, name: str) -> None:
        """The relation over its files, read by the canonical columns: one that a file has not is unknown."""
        table, since, until = self._windows[name]
        self.read(name, {column.name: column.sql_type for column in TABLES[table]}, self.files(table, since, until))

    def read(self, name: str, types: Mapping[str, str], urls: Sequence[str]) -> None:
        """Makes a view of files with these columns."""

        def make() -> None:
            frame = frame_of(self.session, types, urls, self._inside or {})
            frame.createOrReplaceTempView(self.prefix + name)

        self.asking(f"the files of {name}", make)
        self._made[name] = types, urls

    def put(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a temporary table of a few rows of our own."""
        import pyarrow as pa

        listed = list(zip(*rows, strict=True)) or [() for _ in columns]
        arrays = [pa.array(values, arrow_type(kind)) for (_, kind), values in zip(columns, listed, strict=True)]
        table = pa.table(arrays, names=[column for column, _ in columns])

        def make() -> None:
            with quiet_warnings():
                self.session.createDataFrame(table).createOrReplaceTempView(self.prefix + name)

        self.asking(f"the table {name}", make)
        self.put_names |= {name}

    def keep(self, name: str, sql: str, values: Mapping[str, Any]) -> None:
        """Makes a table of what one SELECT gives; Spark holds its rows, in memory or on disk, until `close`."""
        if earlier := self._kept.pop(name, None):
            earlier[2].unpersist()
        frame = self.frame(sql, values).persist()
        self.asking(sql, lambda: frame.createOrReplaceTempView(self.prefix + name))
        self._kept[name] = sql, values, frame
        self.put_names |= {name}

    def write(self, path: Path, suffix: str, sql: str, values: Mapping[str, Any]) -> None:
        """Writes what a SELECT gives to one file, by Spark itself, beside it and renamed.

        Raises:
            LlmscopeError: Spark's workers do not see the folder, or cannot write there.
        """
        self.mending(lambda: self._written(path, suffix, sql, values))

    def _written(self, path: Path, suffix: str, sql: str, values: Mapping[str, Any]) -> None:
        """Writes it, once."""
        form, packed = WRITTEN[suffix]
        frame = self.frame(sql, values).coalesce(1)
        with tempfile.TemporaryDirectory(prefix=".llmscope-", dir=path.parent) as folder:
            beside = Path(folder) / "rows"
            self.asking(sql, lambda: frame.write.option("compression", packed).format(form).save(beside.as_uri()))
            parts = sorted(beside.glob("part-*"))
            if len(parts) != 1:
                raise LlmscopeError(
                    f"{path}: Spark wrote the rows where this machine does not see them",
                    hint="name a folder that every worker shares with this machine",
                )
            parts[0].replace(path)

    def asking(self, sql: str, ask: Callable[[], Any]) -> Any:
        """What Spark answers; its errors are ours."""
        try:
            with quiet_warnings():
                return ask()
        except LlmscopeError:
            raise
        except RecursionError as error:
            raise LlmscopeError("the query is nested too deeply") from error
        except Exception as error:
            raise self.failure(error, sql) from error

    def failure(self, error: Exception, sql: str) -> LlmscopeError:
        """Spark's error in our family: what it says of the question, or that it has gone away."""
        said = why(error)
        if is_gone(error):
            session.cache_clear()
            self._made, self._kept, self.put_names = {}, {}, frozenset()
            return LlmscopeError(
                f"{shown(self.url)}: Spark went away before it had answered: {said}",
                hint="nothing was changed; ask again once it is up",
            )
        if "PATH_NOT_FOUND" in said or "FileNotFound" in str(error) or "FILE_NOT_EXIST" in str(error):
            return LlmscopeError(
                f"{shown(self.url)}: Spark does not find the lake's files: {said}",
                hint="every worker must see the lake under the same path",
            )
        return LlmscopeError(f"the query failed on Spark: {said}", hint=f"SQL: {sql.strip()}")

    def close(self) -> None:
        """Forgets this lake's views; the session stays for the next question of this process."""
        import contextlib

        with contextlib.suppress(Exception), quiet_warnings():
            for name in (*self._made, *self.put_names):
                self.session.catalog.dropTempView(self.prefix + name)
            for _, _, frame in self._kept.values():
                frame.unpersist()


def plain(value: Any) -> Any:
    """A value as DuckDB hands it out: a row within a row is a dict."""
    as_dict = getattr(value, "asDict", None)
    if as_dict:
        return {name: plain(inner) for name, inner in as_dict().items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def literal(value: Any) -> Any:
    """A bound value; a list as the column of its literals."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        return value
    from pyspark.sql import functions

    return functions.array(*(functions.lit(one) for one in value))


def key_of(path: Any) -> str:
    """The one key that a JSON path names.

    Raises:
        UsageError: it names more than one.
    """
    found = KEY.fullmatch(str(path))
    if not found:
        raise UsageError(f"{path!r}: --engine spark looks up one key of a JSON column", hint="metadata ->> 'key'")
    quoted = found["quoted"]
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else str(found["plain"] or found["bare"])


def arrow_type(kind: str) -> Any:
    """A SQL type as Arrow has it."""
    import pyarrow as pa

    decimal = re.fullmatch(r"DECIMAL\((\d+), ?(\d+)\)", kind)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    known = {
        "VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us"), "DOUBLE": pa.float64(), "BIGINT": pa.int64(),
        "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(),
    }  # fmt: skip
    return known[kind]


def is_gone(error: BaseException) -> bool:
    """Whether the other side is no longer there, as against an answer that is an error."""
    if isinstance(error, (ConnectionError, EOFError)):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    return "Py4JNetworkError" in names or any(words in str(error) for words in GONE)
