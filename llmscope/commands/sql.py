"""Ask in SQL, read-only: over requests, priced, spans, scores, vectors, loads and rejects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.engines import duckdb as engine
from llmscope.errors import LlmscopeError, UsageError, nearest
from llmscope.relations import RELATIONS, named_in, steps
from llmscope.result import Column, Coverage, Kind, Result
from llmscope.schema import PRICED, TABLES
from llmscope.sources import literal, quote

if TYPE_CHECKING:
    import duckdb

    from llmscope.logs import Logs

ENGINE = "duckdb"  # whatever engine is set for questions
OPEN_TO_SQL = (*RELATIONS, "loads", "rejects")
# Files, the network, extensions and Python's own variables are out of reach from here on, and it stays so.
LOCKS = (
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET preserve_insertion_order = true",
    "SET lock_configuration = true",
)
WHOLE_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
NUMBERS = re.compile(r"FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM")
SUFFIXES: dict[str, Kind] = {"usd": "usd", "ms": "ms", "tokens": "tokens", "ratio": "ratio", "bytes": "bytes"}
WORDS = {"PIVOT": "PIVOT without the list of its columns", "MULTI": "PIVOT without the list of its columns"}
ONLY = "llmscope sql takes one SELECT; it changes nothing and reads no file"
FILES = (
    "llmscope sql reads only requests, priced, spans, scores, vectors, loads and rejects;"
    " name log files after the query"
)


def sql(query: Annotated[str, "one SELECT"], logs: Logs) -> Result:
    """The rows of one SELECT over the store, or over the logs named after it."""
    try:
        return asked(query, logs)
    except LlmscopeError as error:
        if not logs.store.renew(error):
            raise
        return asked(query, logs)


def asked(query: str, logs: Logs) -> Result:
    """The answer, from a connection that reaches nothing else."""
    con = logs.con
    statement = checked(con, query)
    with relations_of(con, logs, query):
        requests = engine.execute(con, "SELECT count(*) FROM requests")[0][0]
        columns, rows = answer(con, statement, query)
    logs.ran.append(query)
    return Result("sql", columns, rows, coverage=Coverage(requests=requests))


def checked(con: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    """The one statement of a query, if it is a SELECT.

    Raises:
        UsageError: it is none, several, or another.
    """
    import duckdb

    try:
        found = con.extract_statements(query)
    except duckdb.Error as error:
        raise refused(error, query) from error
    if len(found) != 1:
        what = "no statement in it" if not found else f"{len(found)} statements"
        raise UsageError(f"the query has {what}", hint=ONLY)
    kind = found[0].type.name
    if kind != "SELECT":
        raise UsageError(f"{WORDS.get(kind, kind)} is not allowed", hint=ONLY)
    if found[0].named_parameters:
        raise UsageError("the query has parameters ($1 or ?) that nobody fills in", hint="write the values into it")
    return found[0]


@contextmanager
def relations_of(con: duckdb.DuckDBPyConnection, logs: Logs, query: str) -> Iterator[None]:
    """The relations of the window and --where asked for, in front of the store's own while the query runs."""
    store = engine.execute(con, "SELECT current_database()")[0][0]
    found = steps({"requests", *named_in(query)}, logs, origin=f"{quote(store)}.main")
    for name, body in found:
        engine.execute(con, f"CREATE OR REPLACE TEMP VIEW {name} AS {with_values(body, logs.where_values)}")
    for lock in LOCKS:
        engine.execute(con, lock)
    engine.execute(con, "BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        engine.execute(con, "ROLLBACK")
        for name, _ in reversed(found):
            engine.execute(con, f"DROP VIEW temp.{name}")


def with_values(body: str, values: dict[str, Any]) -> str:
    """A relation's SQL with the values of --where written out: a view cannot have parameters."""
    return re.sub(r"\$(w\d+)\b", lambda found: value_sql(values[found[1]]), body)


def value_sql(value: str | int | float) -> str:
    """A value as SQL writes it."""
    if isinstance(value, str):
        return literal(value)
    return str(value) if isinstance(value, int) else f"'{value!r}'::DOUBLE"


def answer(
    con: duckdb.DuckDBPyConnection, statement: duckdb.Statement, query: str
) -> tuple[tuple[Column, ...], tuple[dict[str, Any], ...]]:
    """The typed columns and the rows of a checked query.

    Raises:
        UsageError: it asks for what is not there, or not allowed.
        LlmscopeError: it failed while it ran.
    """
    import duckdb

    try:
        relation = con.sql(statement)
        types = [str(kind) for kind in relation.types]
        columns = tuple(column_of(n, k) for n, k in zip(once_each(relation.columns), types, strict=True))
        zoned = any("WITH TIME ZONE" in kind for kind in types)
        rows = zoned_rows(relation) if zoned else con.execute(statement).fetchall()
    except duckdb.Error as error:
        raise refused(error, query) from error
    except RecursionError as error:
        raise LlmscopeError("the query is nested too deeply") from error
    names = [column.name for column in columns]
    return columns, tuple(dict(zip(names, map(plain, row), strict=True)) for row in rows)


def zoned_rows(relation: duckdb.DuckDBPyRelation) -> list[tuple[Any, ...]]:
    """Rows with times that bear a zone: DuckDB itself hands these out only where pytz is installed."""
    table: Any = relation.to_arrow_table()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def once_each(names: list[str]) -> list[str]:
    """The columns' names, a repeated one with a number after it."""
    found: dict[str, None] = {}
    for name in names:
        place, free = 2, name
        while free in found:
            free, place = f"{name}_{place}", place + 1
        found[free] = None
    return list(found)


def column_of(name: str, kind: str) -> Column:
    """A column whose unit is told by its name's ending, else its kind by the engine's type."""
    if WHOLE_NUMBERS.fullmatch(kind) or NUMBERS.fullmatch(kind):
        plain_kind: Kind = "count" if WHOLE_NUMBERS.fullmatch(kind) else "rate"
        return Column(name, SUFFIXES.get(name.lower().rpartition("_")[2], plain_kind))
    if kind == "BOOLEAN":
        return Column(name, "flag")
    if kind == "DATE" or (kind.startswith("TIMESTAMP") and not kind.endswith("]")):
        return Column(name, "time", "time")
    if kind.endswith("]"):
        return Column(name, "list")
    nested = kind.startswith(("STRUCT", "MAP", "UNION", "TUPLE"))
    return Column(name, "json" if nested else "text", "measure" if nested else "dimension")


def plain(value: Any) -> Any:
    """A cell as a Result holds it: exact decimals become floats, times are UTC without saying so."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def refused(error: Exception, query: str) -> LlmscopeError:
    """The engine's complaint in our family: what is wrong with the query is a usage error."""
    import duckdb

    text, where = engine.first_line(error), caret(error)
    wrong = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException)
    if isinstance(error, duckdb.PermissionException):
        return UsageError(f"not allowed: {text}", hint=FILES)
    if "read-only mode" in text or "configuration has been locked" in text:
        return UsageError("a query that changes data or settings is not allowed", hint=ONLY)
    if not isinstance(error, wrong):
        return engine.engine_error(error, query)
    return UsageError(text, hint="\n".join(filter(None, (meant(error, text), where))))


def caret(error: Exception) -> str:
    """The engine's own pointer to the place in the query."""
    lines = str(error).rstrip().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("LINE ")), len(lines))
    return "\n".join(lines[start : start + 2])


def meant(error: Exception, text: str) -> str:
    """The nearest relation or column to a name that is not there, or what there is."""
    if table := re.match(r"Table with name (.+) does not exist", text):
        if re.search(r"[/\\.]", table[1]):
            return FILES
        close = nearest(table[1], OPEN_TO_SQL)
        return f"did you mean {close[0]}?" if close else f"there are {', '.join(OPEN_TO_SQL)}"
    if column := re.match(r'Referenced column "(.+)" not found', text):
        close = nearest(column[1], column_names())
        return f"did you mean {' or '.join(close)}?" if close else "llmscope sql 'describe priced' lists the columns"
    return next((line for line in str(error).splitlines() if line.startswith("Did you mean")), "")


def column_names() -> set[str]:
    """Every canonical column, and what prices add."""
    return {c.name for columns in (*TABLES.values(), PRICED) for c in columns}
