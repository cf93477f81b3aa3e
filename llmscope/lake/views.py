"""The SQL by which a lake's files stand as the tables of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from llmscope.engines.duckdb import text_literal
from llmscope.lake.files import GATHERED, DataFile
from llmscope.rolled import ROLLED
from llmscope.schema import TABLES, Table
from llmscope.sources import quote
from llmscope.store import LOADS, REJECTS

LOAD, FAULTS, ROLLUP = "load_id", "faults", "rollup_file"


def declared(ddl: str) -> dict[str, str]:
    """The columns and types of a CREATE TABLE of store.py."""
    parts = ddl.partition("(")[2].rpartition(")")[0].split(",")
    return {part.split()[0]: part.split()[1] for part in parts}


TYPES_GATHERED = {name: ROLLED[table] | {ROLLUP: "VARCHAR"} for table, name in GATHERED.items()}
BESIDE = {"loads": declared(LOADS), "rejects": declared(REJECTS)}


def types_of(table: str) -> dict[str, str]:
    """Every column that a table's files may have, and its type."""
    if table in BESIDE:
        return BESIDE[table]
    if table in ROLLED:
        return ROLLED[table]
    if table in TYPES_GATHERED:
        return TYPES_GATHERED[table]
    known: Table = table  # type: ignore[assignment]
    return {column.name: column.sql_type for column in TABLES[known]} | {LOAD: "BIGINT"}


def reading(urls: Iterable[str], more: str = "") -> str:
    """The reader over listed files; what their paths say is not looked at."""
    return f"read_parquet([{', '.join(map(text_literal, urls))}], hive_partitioning = false{more})"


def rows_sql(table: str, files: Sequence[tuple[Collection[str], str]], wanted: Collection[str], more: str = "") -> str:
    """The SELECT of the wanted columns of listed files, each (its columns, its URL).

    Files of the same columns are one scan: no footer has to be read to know what is in them. `more`: further columns
    that the reader gives, such as the file's name.
    """
    types = types_of(table)
    names = [name for name in types if name in wanted]
    groups: dict[frozenset[str], list[str]] = {}
    for columns, url in files:
        groups.setdefault(frozenset(columns).intersection(types), []).append(url)
    extra = "".join(f", {name}" for name in more.split())
    option = "".join(f", {name} = true" for name in more.split())
    scans = [f"SELECT {listed(names, types, own)}{extra} FROM {reading(urls, option)}" for own, urls in groups.items()]
    if not scans:
        return f"SELECT {listed(names, types, ())} WHERE false"
    return "\nUNION ALL\n".join(scans)


def listed(names: Iterable[str], types: Mapping[str, str], own: Collection[str]) -> str:
    """The columns of one scan, those that its files have not as unknown."""
    found = (f"{quote(n)}::{types[n]} AS {quote(n)}" if n in own else f"NULL::{types[n]} AS {quote(n)}" for n in names)
    return ", ".join(found)


def columns_of(files: Iterable[DataFile]) -> frozenset[str]:
    """The columns that any of the files has."""
    return frozenset().union(*(file.columns for file in files))
