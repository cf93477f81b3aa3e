"""A sheet's cells as text for people: units, zones and missing values, a whole column at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from llmscope.render._figures import Figure, bare, figure, with_units
from llmscope.render._raw import raw
from llmscope.render._safe import one_line
from llmscope.render._sheets import Sheet
from llmscope.render._times import local
from llmscope.render._words import headings
from llmscope.result import Column

_NUMBERS = frozenset({"ms", "tokens", "usd", "count", "ratio", "bytes", "rate"})
_DEEPEST = 10
_NAMES_ONLY = frozenset({"count", "tokens"})


@dataclass(frozen=True, slots=True)
class Style:
    """How cells are written: with $, ms and %, or bare for awk; in which zone; for which terminal."""

    zone: tzinfo
    units: bool = True
    unicode: bool = True

    @property
    def unknown(self) -> str:
        return "–" if self.unicode and self.units else "-"


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet in words: headings, rows of cells and the totals' cells, all harmless text on one line each."""

    headings: list[str]
    rows: list[list[str]]
    totals: list[str] | None


def is_number(column: Column) -> bool:
    """The column holds figures to compare, which stand to the right."""
    return column.kind in _NUMBERS and column.role != "dimension"


def grid(sheet: Sheet, style: Style) -> Grid:
    """The sheet's text; plain tables keep the columns' names, since the cells bear no units."""
    names = headings(sheet.columns) if style.units else ["_".join(column.name.split()) for column in sheet.columns]
    writers = [_writer(column, sheet, style) for column in sheet.columns]
    columns = list(zip(sheet.columns, writers, strict=True))
    rows = [[write(row.get(column.name)) for column, write in columns] for row in sheet.rows]
    if sheet.columns and sheet.columns[0].kind == "text":
        for cells, row in zip(rows, sheet.rows, strict=True):
            cells[0] = set_in(cells[0], row.get("depth"), style.unicode)
    totals = None if sheet.totals is None else _totals(sheet, sheet.totals, writers)
    return Grid([one_line(name, style.unicode) for name in names], rows, totals)


def set_in(text: str, depth: Any, unicode: bool = True) -> str:
    """A tree's first column: a sign for each step that stands above this one; no format keeps mere spaces."""
    if not isinstance(depth, int) or depth <= 0:
        return text
    sign = "·" if unicode else "."
    return f"{sign} " * min(depth, _DEEPEST) + (f"({depth}) " if depth > _DEEPEST else "") + text


def _totals(sheet: Sheet, totals: Mapping[str, Any], writers: list[Callable[[Any], str]]) -> list[str]:
    """The totals' cells: blank where the totals say nothing, and the word for it in the first free place."""
    cells = []
    for column, write in zip(sheet.columns, writers, strict=True):
        missing = column.name not in totals or (totals[column.name] is None and column.role in ("dimension", "time"))
        cells.append("" if missing else write(totals[column.name]))
    if cells and not cells[0]:
        cells[0] = "total"
    return cells


def _writer(column: Column, sheet: Sheet, style: Style) -> Callable[[Any], str]:
    """What turns this column's values into text."""
    known = [row[column.name] for row in sheet.rows if row.get(column.name) is not None]
    if not known and sheet.totals and sheet.totals.get(column.name) is not None:
        known = [sheet.totals[column.name]]
    write_figure = _figure_writer(column, [f for f in map(figure, known) if f is not None], style)
    moment_format = _moment_format([local(v, style.zone) for v in known if isinstance(v, datetime)], style)
    missing = "(none)" if column.role in ("dimension", "time") else style.unknown

    def write(value: Any) -> str:
        if raw(value) is None:
            return missing
        if (number := figure(value)) is not None:
            return write_figure(number)
        if isinstance(value, datetime):
            return local(value, style.zone).strftime(moment_format)
        return _text(value, style)

    return write


def _figure_writer(column: Column, figures: list[Figure], style: Style) -> Callable[[Figure], str]:
    """A number that is a name, as 429 or attempt 2, is written without separators."""
    if (column.role == "dimension" and column.kind in _NAMES_ONLY) or column.kind not in _NUMBERS:
        return str
    return with_units(column.kind, figures) if style.units else bare(column.kind, figures)


def _text(value: Any, style: Style) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)) and style.units and all(isinstance(item, str) for item in value):
        value = ", ".join(value) or "(empty)"
    text = value if isinstance(value, str) else json.dumps(raw(value), ensure_ascii=False)
    shown = one_line(text, style.unicode)
    return (shown if style.units else " ".join(shown.split())) or "(empty)"


def _moment_format(moments: list[datetime], style: Style) -> str:
    """As much of the time as any row of the column needs; for awk a moment is one word."""
    gap = " " if style.units else "T"
    if any(m.microsecond for m in moments):
        return f"%Y-%m-%d{gap}%H:%M:%S.%f"
    if any(m.second for m in moments):
        return f"%Y-%m-%d{gap}%H:%M:%S"
    if any(m.hour or m.minute for m in moments):
        return f"%Y-%m-%d{gap}%H:%M"
    return "%Y-%m-%d"
