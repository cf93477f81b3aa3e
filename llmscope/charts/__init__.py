"""Which pictures an answer gives: chosen by its columns' roles and kinds, so that a new question is drawn as it is."""

from __future__ import annotations

from llmscope.charts import bars, lines
from llmscope.charts.tables import Table, tables
from llmscope.reported import Chart
from llmscope.result import Result


def charts_of(
    result: Result, parts: tuple[str, ...] | None = None, columns: tuple[str, ...] | None = None
) -> tuple[Chart, ...]:
    """The pictures of these parts ("" is the main table; None: all), of these columns where any are named."""
    found: list[Chart] = []
    for table in tables(result, parts, columns):
        own = [chart for chart in lines.of_series(table) if chart.y.kind not in table.summed]
        of_rows = of_table(table, {chart.y.kind for chart in own})
        found += [*own, *of_rows]
    return tuple(found)


def of_table(table: Table, drawn: set[str]) -> list[Chart]:
    """A table over time is lines or stacks, another is bars; what the answer's own series show is not repeated."""
    if table.over is not None:
        return lines.over_time(table, table.over, drawn)
    is_drawn = any(len(series.x) == len(table.rows) for series in table.series)
    return [] if is_drawn or not table.groups else bars.of_rows(table)
