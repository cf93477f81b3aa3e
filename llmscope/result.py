"""Result: the neutral answer every analysis and command returns and every renderer draws."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars

Kind = Literal["text", "time", "ms", "tokens", "usd", "count", "ratio", "flag", "list", "json", "bytes", "rate"]
Role = Literal["dimension", "time", "measure", "low", "high", "n"]
Value = Any
Row = Mapping[str, Value]
# The verdict where the sample is too small for one; a gate on nothing else is not passed.
TOO_FEW = "too few to say"
Severity = Literal["info", "warning", "breach"]


@dataclass(frozen=True)
class Column:
    """A column of a result: `kind` fixes its unit; `of` names the measure a low, high or n belongs to.

    `optional` columns are dropped first on a narrow terminal. `detail` is for programs: it stands in JSON, JSONL
    and CSV, and elsewhere where --columns names it.
    """

    name: str
    kind: Kind
    role: Role = "measure"
    of: str | None = None
    optional: bool = False
    detail: bool = False

    @property
    def unit(self) -> str | None:
        return {"ms": "ms", "tokens": "tokens", "usd": "USD", "ratio": "1", "bytes": "By"}.get(self.kind)


@dataclass(frozen=True)
class Finding:
    """One fact worth a sentence: a breach, a story, a warning. `rows` are the rows that show it."""

    kind: str
    severity: Severity
    text: str
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Window:
    """Half open: since <= started_at < until, UTC, either end may be None. `tz` is the zone shown."""

    since: datetime | None = None
    until: datetime | None = None
    tz: str = "UTC"


@dataclass(frozen=True)
class Series:
    """A line for a plot: `x` times or numbers, `y` figures, both of one length."""

    name: str
    x: tuple[Value, ...]
    y: tuple[Value, ...]
    kind: Kind = "count"


@dataclass(frozen=True)
class Coverage:
    """What the figures rest on. priced_tokens_ratio is None when no request reported tokens.

    ought_to_be_priced: requests that used something a price is asked for; --min-coverage divides by it.
    """

    requests: int = 0
    priced_requests: int | None = None
    priced_tokens_ratio: float | None = None
    rejected_lines: int = 0
    duplicates: int = 0
    ought_to_be_priced: int | None = None


@dataclass(frozen=True)
class Part:
    """One named table of a result that has several."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Row | None = None


@dataclass(frozen=True)
class Result:
    """Rows of typed columns, the totals, what was found, the small print, and the SQL that ran."""

    command: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Row | None = None
    title: str = ""
    window: Window = Window()
    parts: Mapping[str, Part] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    coverage: Coverage | None = None
    sql: tuple[str, ...] = ()
    weighted: bool = False  # figures are estimates of all that rows with a sample_weight stand for

    def with_notes(self, *notes: str) -> Result:
        """This result with more small print under it."""
        return replace(self, notes=self.notes + notes)

    def column(self, name: str) -> Sequence[Value]:
        """One column's values, in row order."""
        return [row.get(name) for row in self.rows]

    def to_polars(self) -> polars.DataFrame:
        """The rows as a Polars frame with one typed column a result column."""
        import polars as pl

        types: dict[str, Any] = {
            "text": pl.String, "time": pl.Datetime("us"), "ms": pl.Float64, "tokens": pl.Int64, "usd": pl.Float64,
            "count": pl.Int64, "ratio": pl.Float64, "flag": pl.Boolean, "bytes": pl.Int64, "rate": pl.Float64,
        }  # fmt: skip
        schema = {c.name: types.get(c.kind, pl.String) for c in self.columns}
        for c in self.columns:
            if c.kind == "time" and any(isinstance(row.get(c.name), str) for row in self.rows):
                schema[c.name] = pl.String
        data = {
            c.name: [_plain(row.get(c.name), schema[c.name] is pl.String) for row in self.rows] for c in self.columns
        }
        return pl.DataFrame(data, schema=schema, strict=False)


def _plain(value: Value, as_text: bool) -> Value:
    """A value Polars can hold in a column of the result's type."""
    if value is None or not as_text or isinstance(value, str):
        return value
    return str(value)


# What the small print counts, and the verbs that follow it: one of them is singular.
COUNTED = re.compile(
    r"(?<![\d.,])(?<!of )1 (?P<noun>requests|answers|errors|rows|lines|files|traces|spans|streams|embeddings|sessions)"
    r"(?P<verb> (?:have|are|were|do|log|report|name|miss))?(?P<more>[^;:]* and (?:are|have))?\b"
)
SINGULAR = {"have": "has", "are": "is", "were": "was", "do": "does", "miss": "misses"}


def in_number(text: str) -> str:
    """A sentence with `1 requests have` as `1 request has`."""

    def one(match: re.Match[str]) -> str:
        verb = (match["verb"] or "").strip()
        said = f"1 {match['noun'].removesuffix('s')}" + (f" {SINGULAR.get(verb, verb + 's')}" if verb else "")
        between, _, last = (match["more"] or "").rpartition(" ")
        return f"{said}{between} {SINGULAR[last]}" if last else said

    return COUNTED.sub(one, text)
