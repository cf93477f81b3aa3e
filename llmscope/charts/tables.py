"""A table as a picture sees it: what its rows are named by, whether they are buckets of time, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from math import isclose

from llmscope.render._figures import figure
from llmscope.render._safe import one_line
from llmscope.render._times import local, zone_of
from llmscope.render._words import begun, headings
from llmscope.result import Column, Result, Row, Series, Value

# Money first, then time, rates and sizes: of several kinds the first ones are drawn.
KINDS = ("usd", "ms", "ratio", "rate", "tokens", "bytes", "count")
ADDITIVE = ("usd", "tokens", "bytes", "count")
# A name is cut to what stands beside an axis; the table has it whole.
LONGEST = 48
FEWEST_POINTS, MOST_LINES = 2, 8
OTHER = "other"


@dataclass(frozen=True)
class Table:
    """The main table of a result, whose name is "", or one part of it."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Row | None
    zone: tzinfo
    series: tuple[Series, ...] = ()
    chosen: bool = False  # its columns were named: no other is looked at, and none is too small

    @cached_property
    def over(self) -> Column | None:
        """The first column, where it holds days, weeks or hours: texts that sort as they follow each other."""
        first = self.columns[0] if self.columns else None
        if first is None or first.role != "time" or first.kind != "time":
            return None
        seen = {row[first.name] for row in self.rows if row.get(first.name) is not None}
        return first if len(seen) >= FEWEST_POINTS and all(isinstance(value, str) for value in seen) else None

    @cached_property
    def groups(self) -> tuple[Column, ...]:
        """What rows are named by beside the time."""
        return tuple(c for c in self.columns if c.role == "dimension" and c is not self.over)

    @cached_property
    def measures(self) -> list[Column]:
        """The figures worth a picture: those that a table shows first; a share repeats its figure."""
        found = [
            c for c in self.columns
            if c.role == "measure" and c.kind in KINDS and not c.name.endswith("share_ratio")
            and (self.chosen or not (c.optional or c.detail)) and any(self.known(c))
        ]  # fmt: skip
        counted = [c for c in self.columns if c.role == "n" and c.of is None and c.kind == "count"]
        return found or [c for c in counted if any(self.known(c))]

    def known(self, column: Column) -> list[bool]:
        return [figure(row.get(column.name)) is not None for row in self.rows]

    def ends(self, column: Column) -> tuple[Column, Column] | None:
        """The columns that hold the low and the high of a measure."""
        of = {c.role: c for c in self.columns if c.of == column.name and c.role in ("low", "high")}
        return (of["low"], of["high"]) if len(of) == 2 else None

    def is_sum(self, column: Column) -> bool:
        """The rows add up to the total, so that they may stand upon each other."""
        total = figure(self.totals.get(column.name)) if self.totals else None
        if total is None or column.kind not in ADDITIVE or self.ends(column):
            return False
        figures = [figure(row.get(column.name)) or 0 for row in self.rows]
        return min(figures, default=0) >= 0 and isclose(sum(figures), total, rel_tol=1e-6)

    @cached_property
    def summed(self) -> set[str]:
        """The kinds of figure whose first measure adds up over time: the table's own picture shows the parts of it."""
        if self.over is None:
            return set()
        firsts = {c.kind: c for c in reversed(self.measures)}
        return {kind for kind, column in firsts.items() if self.is_sum(column)}

    def heading(self, column: Column) -> str:
        return headings([column])[0]

    def label(self, row: Row, groups: Sequence[Column] | None = None) -> str:
        """What a row is called: the values it is named by, those that all rows share left out."""
        wanted = self.telling if groups is None else groups
        return " · ".join(text_of(row.get(c.name), self.zone) for c in wanted) or "all"

    @cached_property
    def telling(self) -> tuple[Column, ...]:
        """The dimensions in which rows differ."""
        differing = [c for c in self.groups if len({str(row.get(c.name)) for row in self.rows}) > 1]
        return tuple(differing) or self.groups[:1]

    @property
    def by(self) -> str:
        """`by feature and model`."""
        words = [word for word in map(self.heading, self.telling) if word != "by"][:3]
        return f"by {' and '.join(filter(None, (', '.join(words[:-1]), words[-1])))}" if words else ""

    def titled(self, what: str) -> str:
        """`Cost by feature per week`."""
        over = f"per {self.heading(self.over)}" if self.over else ""
        text = " ".join(filter(None, (what, self.by, over)))
        text = f"{self.name.replace('_', ' ')}: {text}" if self.name else text
        return begun(text)


def tables(result: Result, parts: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> list[Table]:
    """The tables asked for that have rows, each with the series that are its own."""
    zone = zone_of(result)
    whole = {"": (result.columns, result.rows, result.totals)}
    whole |= {name: (part.columns, part.rows, part.totals) for name, part in result.parts.items()}
    home = home_of(result)
    found = []
    for name, (cols, rows, totals) in whole.items():
        if parts is not None and name not in parts:
            continue
        kept = chosen(cols, columns)
        own = result.series if name == home else ()
        if rows or own:
            found.append(Table(name, kept, rows, totals, zone, own, columns is not None and kept != cols))
    return found


def home_of(result: Result) -> str:
    """The table whose figures the series draw: the part that has a row a point, else the main one."""
    points = {len(series.x) for series in result.series}
    if any(c.role == "time" for c in result.columns[:1]):
        return ""
    return next((name for name, part in result.parts.items() if {len(part.rows)} == points), "")


def chosen(columns: tuple[Column, ...], names: tuple[str, ...] | None) -> tuple[Column, ...]:
    """The columns named, with their ends; a table in which they name no figure stays whole."""
    if not names:
        return columns
    found = tuple(c for c in columns if c.name in names or c.of in names or c.role in ("dimension", "time"))
    return found if any(c.kind in KINDS and c.role not in ("dimension", "time") for c in found) else columns


def text_of(value: Value, zone: tzinfo) -> str:
    """A value on an axis: short, on one line, harmless."""
    if value is None:
        return "(none)"
    if isinstance(value, datetime):
        return f"{local(value, zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    text = one_line(str(value)[: 4 * LONGEST]) or "(empty)"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def unlike(names: Sequence[str]) -> list[str]:
    """The names, those that came before with a number, since a place on an axis has one name."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
