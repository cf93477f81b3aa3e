"""Log formats: one file a format, found by file name, each saying "this looks like mine" and how its keys become
canonical columns. A source writes no table and opens no file: it hands SQL expressions to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from llmscope.errors import unknown_name
from llmscope.plugins import plugins
from llmscope.schema import Table

Container = Literal["jsonl", "json", "csv", "parquet"]
RECORDS_TO_TELL = 24


@dataclass(frozen=True, slots=True)
class Sample:
    """What a source sees of a file before it is read: the first records, parsed, and the keys seen in them.

    `columns` is every top-level key seen (JSON) or every column (CSV, Parquet) and its type as DuckDB names it
    ("VARCHAR", "STRUCT(...)", ...; for JSON and CSV always "JSON" and "VARCHAR").
    """

    path: str
    container: Container
    records: tuple[Mapping[str, Any], ...]
    columns: Mapping[str, str]

    def thinned(self) -> Sample:
        """A few of the records, spread over all of them: enough to tell whose they are."""
        step = -(-len(self.records) // RECORDS_TO_TELL) or 1
        return replace(self, records=self.records[::step])


@dataclass(frozen=True, slots=True)
class Field:
    """How one canonical column is read: a SQL expression, giving text (VARCHAR), over the reading's columns.

    Load casts it to the column's type and counts what would not cast. `unit` says what a number means:
    "s", "ms", "us", "ns" for a duration or an epoch, "ticks" (.NET), "offset_s", "offset_ms" (from zero),
    "cents", "nano_usd" for money; None is the column's own unit, and for a time ISO text or an epoch told by its size.
    `keys` are the raw keys it reads, for `sources detect`.
    """

    sql: str
    unit: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How the records of one file become rows of one table, in one SELECT.

    columns: raw top-level key -> "VARCHAR" or "JSON"; all the keys the source knows, so that a key which first
        appears late is not lost. In SQL a column is named by its key, quoted with `quote`.
    prepare: name -> SQL over the raw columns, computed once a row, for the fields to use.
    fields: canonical column -> Field.
    keep: SQL predicate over columns and prepare; a record that fails it is set aside and counted.
    """

    table: Table
    columns: Mapping[str, str]
    fields: Mapping[str, Field]
    prepare: Mapping[str, str] = field(default_factory=dict)
    keep: str = "true"
    notes: tuple[str, ...] = ()


def quote(name: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def json_path(*keys: str) -> str:
    """A JSON path through these keys, as a SQL string literal."""
    steps = "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
    return literal("$" + steps)


def names() -> list[str]:
    """The names of all sources: one per file in this folder, plus those of installed plug-ins."""
    own = [p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")]
    return sorted({*own, *plugins("llmscope.sources")})


def load_source(name: str) -> ModuleType:
    """The module of one source.

    Raises:
        UsageError: no source has that name.
    """
    if name not in names():
        raise unknown_name("source", name, names())
    plugin = plugins("llmscope.sources").get(name)
    return plugin.load() if plugin else import_module(f"llmscope.sources.{name}")


def in_order() -> Iterator[tuple[str, ModuleType]]:
    """Every source, in the order in which they are asked whether a file is theirs."""
    modules = [(name, load_source(name)) for name in names()]
    yield from sorted(modules, key=lambda pair: (pair[1].RANK, pair[0]))


def detect(sample: Sample) -> str | None:
    """The name of the first source that knows this sample as its own."""
    few = sample.thinned()
    return next((name for name, module in in_order() if module.detect(few)), None)
