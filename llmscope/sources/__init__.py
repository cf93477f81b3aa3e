"""Log formats: one file a format, found by file name, each saying "this looks like mine" and how its keys become
canonical columns. A source writes no table and opens no file: it hands SQL expressions to load.

A source is a module with

- ABOUT, what it reads, and RANK, its place among those asked whether a file is theirs;
- NEEDS, top-level keys of which a file must have one to be asked about at all: written out as a tuple of texts, since
  RANK and NEEDS are read from the file's text, so that no source is imported in vain;
- detect(sample) -> bool, which also holds for a sample of one single record of the format;
- readings(sample, mapping) -> tuple[Reading, ...], the first of them the one whose rows are counted as loaded;
- where one value of the file is not one record, either unfolding(sample) -> Unfolding | None, in SQL, or
  unfold(values) -> Iterator[dict], in Python: the readings are then of the records these give;
- WHOLE = True, where a file that has grown must be read anew, because its lines explain each other.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from llmscope.errors import LlmscopeError, unknown_name
from llmscope.identifiers import quoted
from llmscope.plugins import plugins
from llmscope.schema import Table

Container = Literal["jsonl", "json", "csv", "parquet", "sse", "sqlite"]
RECORDS_TO_TELL = 24
RANK_LINE = re.compile(r"^RANK = (\d+)$", re.MULTILINE)
NEEDS_LINE = re.compile(r"^NEEDS = (\([^)]*\))", re.MULTILINE)
# Sources that go by the names of columns alone: their word counts where no other source knows a record.
GENERAL = ("canonical", "flat", "labels", "wide_labels")

# Identifiers and strings as SQL writes them.
quote = quoted


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

    columns: raw top-level key -> "VARCHAR", "JSON", or "FLOAT[]" where a field is a vector as it stands; all the keys
        the source knows, so that a key which first appears late is not lost. In SQL a column is named by its key,
        quoted with `quote`.
    prepare: name -> SQL over the raw columns, computed once a row, for the fields to use.
    fields: canonical column -> Field.
    keep: SQL predicate over columns and prepare; a record that fails it is set aside and counted.
    mine: SQL predicate that holds for every record of this format, kept or not; where it fails, another format's
        records stand in the file, and load gives each to its own source.
    aside: what is set aside, for the small print after its count, whether one or many: "no call to a model".
    """

    table: Table
    columns: Mapping[str, str]
    fields: Mapping[str, Field]
    prepare: Mapping[str, str] = field(default_factory=dict)
    keep: str = "true"
    notes: tuple[str, ...] = ()
    mine: str = "true"
    aside: str = ""


FIRST, FILE = "_first", "_file"
# The data_type of a row of `scores` that is an empty cell: it is never kept, and takes back what stood in the cell.
CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Unfolding:
    """How the values of a file (its lines, the items of its array, its one object) become records, in SQL.

    columns: raw top-level key -> the DuckDB type it is read as ("VARCHAR", "JSON", "STRUCT(...)[]", ...).
    sql: a SELECT over {values}, the relation of these columns, that gives a row a record; readings name its columns as
        theirs. One of them is BOOLEAN "_first": true in one row of every value, so that each is accounted for. A value
        in which there is no record gives a row that no reading keeps.
    carries: the rows also bear BIGINT "_file" of the value they come from, so that many small files can be unfolded at
        once: a folder of a thousand is planned once and not a thousand times.
    """

    columns: Mapping[str, str]
    sql: str
    carries: bool = False


def spliced(sql: str, parts: Mapping[str, str]) -> str:
    """The SQL of an Unfolding from one that has <PART>s and <values> in it, and braces of its own."""
    for name, part in parts.items():
        sql = sql.replace(f"<{name}>", part)
    return sql.replace("{", "{{").replace("}", "}}").replace("<values>", "{values}")


def require(sample: Sample, what: str, *keys: str) -> None:
    """What a format must have; `a|b` is either.

    Raises:
        LlmscopeError: a key is not in the file; it is named.
    """
    for key in keys:
        if not any(one in sample.columns for one in key.split("|")):
            raise LlmscopeError(
                f"{sample.path}: {what} without {' or '.join(key.split('|'))!r}, so it cannot be read as one",
                hint="export it again with that field, or see llmscope sources detect",
            )


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def json_path(*keys: str) -> str:
    """A JSON path through these keys, as a SQL string literal."""
    steps = "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
    return literal("$" + steps)


@cache
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


def in_order(sample: Sample | None = None) -> Iterator[tuple[str, ModuleType]]:
    """Every source, in the order in which they are asked whether a file is theirs; of a sample, those it may be of."""
    for name, (_, needs) in sorted(heads().items(), key=lambda pair: (pair[1][0], pair[0])):
        if sample is None or not needs or any(key in sample.columns for key in needs):
            yield name, load_source(name)


@lru_cache(maxsize=1)
def heads() -> dict[str, tuple[int, tuple[str, ...]]]:
    """Each source's RANK and NEEDS, read from the head of its file: a log of one format imports no other's."""
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    for name in names():
        path = Path(__file__).parent / f"{name}.py"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        rank, needs = RANK_LINE.search(text), NEEDS_LINE.search(text)
        if rank:
            found[name] = (int(rank[1]), tuple(literal_eval(needs[1])) if needs else ())
        else:
            module = load_source(name)
            found[name] = (module.RANK, tuple(getattr(module, "NEEDS", ())))
    return found


def detect(sample: Sample, general: bool = True) -> str | None:
    """The name of the first source that knows this sample as its own; `general` ones take nearly anything."""
    few = sample.thinned()
    asked = (pair for pair in in_order(few) if general or pair[0] not in GENERAL)
    return next((name for name, module in asked if module.detect(few)), None)
