"""Rows beside each other: bars, intervals where the answer has them, points where a score is weighed against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscope.charts.lines import axis_of, drawn, spoken, together
from llmscope.charts.tables import KINDS, OTHER, Table, text_of, unlike
from llmscope.render._figures import figure
from llmscope.reported import Axis, Chart, Form, Line
from llmscope.result import Column, Kind, Row

MOST_BARS, MOST_INTERVALS, MOST_POINTS = 20, 24, 60
# One row alone is a figure, no picture.
FEWEST_ROWS = 2
# Money and time before the table's own first figure, how many there were after it.
FIRST = {"usd": 0, "ms": 1, "tokens": 2, "ratio": 2, "rate": 2, "bytes": 2}
# A change whose unit stands beside it in the row, and how that is named on an axis.
UNITS: dict[str, tuple[Kind, str]] = {
    "ratio": ("ratio", "relative change"),
    "share": ("ratio", "difference (percentage points)"),
    "points": ("rate", "difference in points"),
    "moved": ("ratio", "requests moved"),
}


def of_rows(table: Table) -> list[Chart]:
    """One picture of a table: what is weighed against cost, else intervals, else the first figure."""
    if weighed := scatters(table):
        return weighed
    ranged = [c for c in table.columns if c.role == "measure" and c.kind in KINDS and table.ends(c)]
    measures = [c for c in ranged if not c.optional] or ranged
    if unit := next((u for c in measures[:1] if (u := unit_column(table, c))), None):
        return by_unit(table, measures[0], unit)
    if measures:
        return [c for c in [plain(table, [m for m in measures if m.kind == measures[0].kind][:3])] if c]
    lead = min(table.measures, key=lambda c: FIRST.get(c.kind, len(FIRST)), default=None)
    alike = [c for c in table.measures if lead and c.kind == lead.kind]
    found = plain(table, together(table, alike)) if alike else None
    return [found] if found else []


def plain(table: Table, columns: Sequence[Column]) -> Chart | None:
    """Bars from zero, with whiskers; scores and changes are points with intervals, for their zero says nothing."""
    first = columns[0]
    ends = table.ends(first)
    scaled = first.kind == "rate" and ends is not None
    below = ends is not None and any((figure(row.get(ends[0].name)) or 0) < 0 for row in table.rows)
    form: Form = "interval" if scaled or below or (ends is not None and len(columns) > 1) else "bar"
    rows, rest = cut(table, first, MOST_INTERVALS if form == "interval" else MOST_BARS)
    if len(rows) < FEWEST_ROWS:
        return None
    names = tuple(unlike([table.label(row) for row in rows]))
    lines = [line_of(table, column, rows, names) for column in columns]
    title = table.titled(spoken([line.name for line in lines], first.kind))
    if rest and len(columns) == 1 and table.is_sum(first):
        lines = [with_other(lines[0], sum(figure(row.get(first.name)) or 0 for row in rest))]
    elif rest:
        title += f", {len(rows)} of {len(rows) + len(rest)}"
    x = Axis(" and ".join(table.heading(c) for c in table.telling), "category")
    y = Axis(axis_of([line.name for line in lines], first.kind), first.kind, zero=not scaled or below)
    return drawn(title, form, x, lines, y)


def cut(table: Table, column: Column, most: int) -> tuple[list[Row], list[Row]]:
    """The rows that have a figure, in the table's order, and those there is no room for."""
    known = [row for row in table.rows if figure(row.get(column.name)) is not None]
    return known[:most], known[most:]


def line_of(table: Table, column: Column, rows: Sequence[Row], names: tuple[str, ...]) -> Line:
    """One measure of the rows, with its ends."""
    ends = table.ends(column)
    sides = [tuple(figure(row.get(end.name)) for row in rows) for end in ends] if ends else [(), ()]
    return Line(table.heading(column), names, tuple(figure(row.get(column.name)) for row in rows), *sides)


def with_other(line: Line, value: float) -> Line:
    return replace(line, x=(*line.x, OTHER), y=(*line.y, value))


def unit_column(table: Table, column: Column) -> Column | None:
    """The text that says in what unit each row's figure is."""
    name = column.name.removesuffix("_value") + "_unit"
    return next((c for c in table.columns if c.name == name and c.kind == "text"), None)


def by_unit(table: Table, column: Column, unit: Column) -> list[Chart]:
    """A picture a unit, with the row's own words for the change where the table has them."""
    found = []
    for word, (kind, said) in UNITS.items():
        rows = [row for row in table.rows if row.get(unit.name) == word and figure(row.get(column.name)) is not None]
        rest, rows = rows[MOST_INTERVALS:], rows[:MOST_INTERVALS]
        if len(rows) < FEWEST_ROWS:
            continue
        names = tuple(unlike([table.label(row) for row in rows]))
        words = [column.name.removesuffix("_value"), "interval"]
        told = tuple(" ".join(text_of(row[w], table.zone) for w in words if row.get(w)) for row in rows)
        line = replace(line_of(table, column, rows, names), name=said, told=told)
        x = Axis(" and ".join(table.heading(c) for c in table.telling), "category")
        title = table.titled(said.split(" (")[0]) + (f", {len(rows)} of {len(rows) + len(rest)}" if rest else "")
        found.append(drawn(title, "interval", x, [line], Axis(said, kind)))
    return found


def scatters(table: Table) -> list[Chart]:
    """A score against what it costs and how long it takes."""
    score = next((c for c in table.columns if c.role == "measure" and c.kind == "rate" and table.ends(c)), None)
    against = [c for c in table.measures if c.kind in ("usd", "ms") and not table.is_sum(c)]
    if score is None:
        return []
    found = []
    for column in against:
        rows = [row for row in table.rows if None not in (figure(row.get(c.name)) for c in (score, column))]
        if len(rows) > 1:
            found.append(scatter(table, score, column, rows[:MOST_POINTS]))
    return found


def scatter(table: Table, score: Column, against: Column, rows: Sequence[Row]) -> Chart:
    """A point a row."""
    names = unlike([table.label(row) for row in rows])
    whole = line_of(table, score, rows, tuple(names))
    lines = [
        Line(name, (figure(row.get(against.name)),), (whole.y[i],), (whole.low[i],), (whole.high[i],))
        for i, (name, row) in enumerate(zip(names, rows, strict=True))
    ]
    up, across = table.heading(score), table.heading(against)
    y = Axis(up, score.kind, zero=False)
    return drawn(table.titled(f"{up} against {across}"), "scatter", Axis(across, against.kind), lines, y)
