"""The SQL that turns a reading's text fields into typed canonical columns, and counts what would not cast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmscope.schema import TABLES, Column, Table
from llmscope.sources import Field, quote

# A million dollars a request is a mistake; below it a logged cost fits the 64 bits that sums are exact and quick in.
MOST_TOKENS, MOST_MS, MOST_USD = 10**12, 10**11, 999_999
EARLIEST, LATEST = "TIMESTAMP '2000-01-01'", "TIMESTAMP '2100-01-01'"
TO_MS = {"s": "1000", "us": "0.001", "ns": "0.000001", "min": "60000"}
TO_US = {"s": "1000000", "ms": "1000", "us": "1", "ns": "0.001"}
TO_USD = {"cents": "0.01", "nano_usd": "0.000000001"}
UNCOUNTED = ("text", "json")
VECTOR = "FLOAT[]"
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
TICKS_TO_1970 = 621_355_968_000_000_000


@dataclass(frozen=True, slots=True)
class Typed:
    """One canonical column in three steps, each a projection of its own so that no cast runs twice.

    text: SQL over the raw columns, named t_NAME. cast: SQL over t_NAME, named n_NAME. value: SQL over both, the
    column's value. fault: true where text was there and no value came of it (over t_NAME and v_NAME).
    """

    name: str
    text: str
    cast: str
    value: str
    fault: str | None


def typed(table: Table, fields: Mapping[str, Field], columns: Mapping[str, str]) -> list[Typed]:
    """The typed expression of every field, in the order of the schema; `columns` tells which keys come as numbers."""
    wanted = (column for column in TABLES[table] if column.name in fields)
    return [typed_column(c, fields[c.name], is_number(fields[c.name], columns)) for c in wanted]


def is_number(field: Field, columns: Mapping[str, str]) -> bool:
    """Whether the reader gives this field as a number, or a list of them, already."""
    return bool(field.keys) and columns.get(field.keys[0]) in ("DOUBLE", VECTOR) and field.sql == quote(field.keys[0])


def typed_column(column: Column, field: Field, numeric: bool) -> Typed:
    """One field as its column's type."""
    text, number = f"t_{column.name}", f"n_{column.name}"
    fault = None if column.kind in UNCOUNTED else f"({text} IS NOT NULL AND v_{column.name} IS NULL)"
    value = check(column, text, number, field.unit, numeric)
    own = numeric and column.kind == "list"
    return Typed(column.name, field.sql, text if own else cast(column, text, field.unit), value, fault)


def cast(column: Column, text: str, unit: str | None) -> str:
    """SQL of a column's type from its text; NULL where the text says nothing of that type."""
    match column.kind:
        case "time":
            return time_sql(text, unit)
        case "ms":
            return f"try_cast({text} AS DOUBLE)" + scale(TO_MS, unit)
        case "usd":
            return f"try_cast({text} AS DOUBLE)" + scale(TO_USD, unit)
        case "tokens" | "count":
            return f"try_cast({text} AS BIGINT)"
        case "ratio":
            return f"try_cast({text} AS DOUBLE)"
        case "flag":
            return f"try_cast({text} AS BOOLEAN)"
        case "list":
            one = f"CASE WHEN {text} <> '' THEN try_cast(list_value({text}) AS {column.sql_type}) END"
            many = f"try_cast(try_cast({text} AS JSON) AS {column.sql_type})"
            return f"CASE WHEN {text} LIKE '[%' THEN {many} ELSE {one} END"
        case "json":
            return f"try_cast({text} AS JSON)"
        case _:
            return f"nullif({text}, '')"


def check(column: Column, text: str, number: str, unit: str | None, numeric: bool = False) -> str:
    """SQL of the value if it can be true: no negative tokens, no NaN, no infinity, no date out of range.

    A whole number is `12.0` and not `12.7`, which the engine's own cast would round.
    """
    match column.kind:
        case "time" if not (unit or "").startswith("offset_"):
            return f"CASE WHEN {number} BETWEEN {EARLIEST} AND {LATEST} THEN {number} END"
        case "ms" | "usd":
            most = MOST_MS if column.kind == "ms" else MOST_USD
            return f"CASE WHEN {number} BETWEEN 0 AND {most} THEN {number} END"
        case "ratio":
            return f"CASE WHEN {number} BETWEEN -{MOST_TOKENS} AND {MOST_TOKENS} THEN {number} END"
        case "tokens" | "count":
            whole = f"(NOT contains({text}, '.') OR try_cast({text} AS DOUBLE) = {number})"
            exact = f"{text} = {number}" if numeric else whole
            return f"CASE WHEN {number} BETWEEN 0 AND {MOST_TOKENS} AND {exact} THEN {number} END"
        case "list" if column.sql_type == VECTOR:  # what is no number has become NULL in it
            return f"CASE WHEN list_count({number}) = array_length({number}) THEN {number} END"
        case _:
            return number


def scale(factors: Mapping[str, str], unit: str | None) -> str:
    return f" * {factors[unit]}" if unit is not None and unit in factors else ""


def time_sql(text: str, unit: str | None) -> str:
    """A UTC timestamp from ISO text, or from a number whose size or stated unit says since when it counts."""
    if unit and unit.startswith("offset_"):
        factor = TO_US[unit.removeprefix("offset_")]
        number = f"try_cast({text} AS DOUBLE) * {factor}"
        return f"CASE WHEN {number} BETWEEN 0 AND 1e15 THEN make_timestamp(({number})::BIGINT) END"
    if unit == "ticks":
        return f"make_timestamp((try_cast({text} AS BIGINT) - {TICKS_TO_1970}) // 10)"
    if unit in TO_US:
        return epoch(text, unit)
    by_size = (
        f"CASE WHEN try_cast({text} AS DOUBLE) IS NULL THEN NULL"
        f" WHEN try_cast({text} AS DOUBLE) < 1e11 THEN {epoch(text, 's')}"
        f" WHEN try_cast({text} AS DOUBLE) < 1e14 THEN {epoch(text, 'ms')}"
        f" WHEN try_cast({text} AS DOUBLE) < 1e17 THEN {epoch(text, 'us')}"
        f" WHEN try_cast({text} AS DOUBLE) < 7e17 AND try_cast({text} AS DOUBLE) >= 6e17"
        f" THEN make_timestamp((try_cast({text} AS BIGINT) - {TICKS_TO_1970}) // 10)"
        f" ELSE {epoch(text, 'ns')} END"
    )
    quick = f"CASE WHEN right({text}, 1) = 'Z' THEN try_cast({text} AS TIMESTAMP) END"
    http = f"try_strptime({text}, '{HTTP_DATE}')"
    return f"coalesce({quick}, timezone('UTC', try_cast({text} AS TIMESTAMPTZ)), {by_size}, {http})"


def epoch(text: str, unit: str) -> str:
    """A timestamp from a number of `unit` since 1970; nanoseconds never pass through a float, which rounds them."""
    if unit == "ns":
        return f"make_timestamp(try_cast({text} AS BIGINT) // 1000)"
    number = f"try_cast({text} AS DOUBLE) * {TO_US[unit]}"
    return f"CASE WHEN abs({number}) < 9e15 THEN make_timestamp(round({number})::BIGINT) END"


def counted(table: Table) -> list[str]:
    """The columns whose faults are counted; the place in this list is the bit."""
    return [column.name for column in TABLES[table] if column.kind not in UNCOUNTED]


def faults_sql(columns: list[Typed], table: Table) -> str:
    """One number a row: a bit for each column whose text would not cast."""
    order = counted(table)
    bits = [f"{c.fault}::BIGINT * {1 << order.index(c.name)}" for c in columns if c.fault]
    return " + ".join(bits) or "0"
