"""Which pictures an answer gives, by its columns alone, and what is said of them to who cannot see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from llmscope.charts import charts_of
from llmscope.charts.tables import LONGEST, MOST_LINES
from llmscope.reported import Chart
from llmscope.result import Column, Part, Result, Row, Series
from tests.pictures.reports import changes, days, spend, value

DAY = Column("day", "time", "time")
FEATURE = Column("feature", "text", "dimension")
COST = Column("cost_usd", "usd")


def only(result: Result) -> Chart:
    found = charts_of(result)

    assert 1 == len(found)
    return found[0]


def test_what_adds_up_is_stacked_the_rest_is_lines() -> None:
    """Costs of the days' features add up to the total, so they stand upon each other; latencies do not."""
    found = {chart.y.kind: chart for chart in charts_of(days())}

    assert {"usd": "stacked", "ms": "line"} == {kind: found[kind].form for kind in ("usd", "ms")}
    assert ["agent", "chat"] == sorted(line.name for line in found["ms"].series)
    assert {line.name for line in found["usd"].series} == {line.name for line in found["ms"].series}


def test_a_gap_stays_a_gap() -> None:
    """A day without a figure has no figure in the picture."""
    line = next(chart for chart in charts_of(days()) if chart.y.kind == "ms").series[0]

    assert [None] == [y for x, y in zip(line.x, line.y, strict=True) if x == "2026-10-04"]


def test_few_lines_and_the_rest_together() -> None:
    """Eight slices by themselves, the others as one, and nothing of the sum is lost."""
    chart = next(c for c in charts_of(days(tuple("abcdefghijkl"))) if c.y.kind == "usd")
    total = sum(y for line in chart.series for y in line.y)

    assert MOST_LINES + 1 == len(chart.series)
    assert "other" == chart.series[-1].name
    assert total == days(tuple("abcdefghijkl")).totals["cost_usd"]  # type: ignore[index]


def test_rows_are_bars_of_the_money_first() -> None:
    """Of a table by feature the cost is drawn; a row without a figure has no bar."""
    chart = only(spend())

    assert ("bar", "usd", ("chat", "agent", "extract")) == (chart.form, chart.y.kind, chart.series[0].x)
    assert "Cost by feature: highest $1,234.50 (agent), lowest $0.25 (extract), of 3." == chart.text


def test_intervals_are_drawn_about_nothing() -> None:
    """A change is a point with its interval, and an end that is not known is said to be unknown."""
    chart = only(changes())

    assert ("interval", True) == (chart.form, chart.y.zero)
    assert (0.05, -0.1) == chart.series[0].low
    assert chart.text.startswith("Change by metric: cost 12.0 % [5.0 %, 20.0 %]; latency -2.0 % [-10.0 %, ?]")


def test_a_score_is_weighed_against_its_cost() -> None:
    """A point a model: what it costs across, what it scores up, whose axis need not begin at zero."""
    chart = only(value())

    assert ("scatter", "usd", "rate", False) == (chart.form, chart.x.kind, chart.y.kind, chart.y.zero)
    assert ((0.001,), (7.0,), (6.8,), (7.2,)) == tuple(getattr(chart.series[0], n) for n in ("x", "y", "low", "high"))


def test_series_of_the_answer_come_first() -> None:
    """What an analysis draws of one unit is not drawn again from its table; lines of other sizes are apart."""
    xs = tuple(f"2026-10-{d:02d}" for d in range(1, 4))
    rows: tuple[Row, ...] = tuple({"day": x, "p50_ms": 1.0, "p95_ms": 2.0} for x in xs)
    columns = (DAY, Column("p50_ms", "ms"), Column("p95_ms", "ms"))
    series = (
        Series("p50", xs, (1, 2, 3), "ms"),
        Series("p95", xs, (2, 3, 4), "ms"),
        Series("far", xs, (1e6,) * 3, "ms"),
    )
    found = charts_of(Result("latency", columns, rows, series=series))

    assert [["p50", "p95"], ["far"]] == [[line.name for line in chart.series] for chart in found]
    assert "p50, p95 per day: p50 from 1 ms (2026-10-01) to 3 ms (2026-10-03)" in found[0].text


def test_a_change_is_drawn_with_others_of_its_unit() -> None:
    """Relative changes and differences of shares stand apart, in the row's own words."""
    columns = (
        Column("metric", "text", "dimension"), Column("change", "text"), Column("interval", "text"),
        Column("change_unit", "text", detail=True), Column("change_value", "rate", detail=True),
        Column("change_low_value", "rate", "low", "change_value", detail=True),
        Column("change_high_value", "rate", "high", "change_value", detail=True),
    )  # fmt: skip
    rows = tuple(
        {"metric": f"{unit} {i}", "change": "+2 %", "interval": "[+1, +3]", "change_unit": unit, "change_value": 0.02,
         "change_low_value": 0.01, "change_high_value": float("inf")}
        for unit in ("share", "ratio") for i in range(2)
    )  # fmt: skip
    found = charts_of(Result("drift", columns, rows))

    assert ["Relative change by metric", "Difference by metric"] == [chart.title for chart in found]
    assert ("+2 % [+1, +3]", "+2 % [+1, +3]") == found[0].series[0].told
    assert (None, None) == found[0].series[0].high


@pytest.mark.parametrize("parts", [("more",), ("",), None])
def test_parts_and_columns_choose(parts: tuple[str, ...] | None) -> None:
    """Only the parts asked for; of several measures the one that --columns names."""
    more = Part((FEATURE, COST), ({"feature": "a", "cost_usd": 1.0}, {"feature": "b", "cost_usd": 2.0}))
    result = replace(spend(), parts={"more": more})
    found = [chart.title for chart in charts_of(result, parts, ("feature", "p95_ms"))]

    expected = {"": "p95 by feature", "more": "More: cost by feature"}
    assert [expected[name] for name in (parts or ("", "more"))] == found


def test_nothing_to_draw_gives_nothing() -> None:
    """One row, no rows, no figures, times that are moments and no buckets."""
    one = ({"feature": "a", "cost_usd": 1.0},)
    moments = tuple({"day": datetime(2026, 10, d), "cost_usd": 1.0} for d in (3, 1))

    assert () == charts_of(Result("cost", (FEATURE, COST), one))
    assert () == charts_of(Result("cost", (FEATURE, COST), ()))
    assert () == charts_of(Result("cost", (FEATURE,), (*one, *one)))
    assert () == charts_of(Result("cost", (DAY, COST), moments))


def test_names_are_harmless_and_unlike() -> None:
    """Escapes are visible, long names cut, and two that look alike are told apart."""
    texts = ("x" * 10_000, "x" * 10_001, "\x1b[31mred", None, "(none)")
    rows = tuple({"feature": text, "cost_usd": 1.0} for text in texts)
    names = only(Result("cost", (FEATURE, COST), rows)).series[0].x

    assert ("x" * (LONGEST - 1) + "…", "x" * (LONGEST - 1) + "… (2)", "\\x1b[31mred", "(none)", "(none) (2)") == names


def test_ten_thousand_rows_are_twenty_bars() -> None:
    """The first of them in the table's order; the others as one bar where they add up."""
    rows = tuple({"feature": f"f{i}", "cost_usd": 1.0} for i in range(10_000))
    line = only(Result("cost", (FEATURE, COST), rows, {"cost_usd": 10_000.0})).series[0]

    assert ("f19", "other") == line.x[-2:]
    assert 9_980.0 == line.y[-1]
