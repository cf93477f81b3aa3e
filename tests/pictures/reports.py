"""Reports made by hand, for a browser: figures whose order is known, and texts that mean harm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from llmscope.charts import charts_of
from llmscope.reported import Headline, Report, Section, Told
from llmscope.result import Column, Finding, Result, Window

WINDOW = Window(datetime(2026, 10, 1), datetime(2026, 11, 1))
BEFORE = Window(datetime(2026, 9, 1), datetime(2026, 10, 1))
HOSTILE = (
    "</script><script>window.harmed = 1</script>",
    "<img src=x onerror='window.harmed = 1'>",
    "'+window.harmed++ + datum['x']+'",
    '"];window.harmed=1;//',
    "\x1b[31mred\x1b[0m\u202e gnp.exe",
    "\u05d0\u05d1\u05d2 مرحبا",
    "x" * 10_000,
    "{{constructor.constructor('window.harmed=1')()}}",
)


def section(name: str, result: Result, **more: Any) -> Section:
    """A section with the charts its answer gives."""
    return Section(name, name.replace("-", " ").capitalize(), "What it shows.", result, page="Money", **more,
                   charts=charts_of(result), again=f"llmscope {result.command}")  # fmt: skip


def spend() -> Result:
    """Money and durations of very different sizes, one of them unknown."""
    columns = (
        Column("feature", "text", "dimension"), Column("cost_usd", "usd"), Column("p95_ms", "ms"),
        Column("seen", "text"),
    )  # fmt: skip
    rows = (
        {"feature": "chat", "cost_usd": 20.0, "p95_ms": 1200.0, "seen": "b10"},
        {"feature": "agent", "cost_usd": 1234.5, "p95_ms": 950.0, "seen": "b9"},
        {"feature": "search", "cost_usd": None, "p95_ms": 61_000.0, "seen": None},
        {"feature": "extract", "cost_usd": 0.25, "p95_ms": 8.0, "seen": "a"},
    )
    return Result("cost", columns, rows, {"cost_usd": 1254.75}, window=WINDOW)


def days(names: tuple[str, ...] = ("chat", "agent")) -> Result:
    """A row a day and feature, with a day that has no figure."""
    columns = (
        Column("day", "time", "time"), Column("feature", "text", "dimension"), Column("requests", "count", "n"),
        Column("p95_ms", "ms"), Column("cost_usd", "usd"),
    )  # fmt: skip
    rows = tuple(
        {"day": f"2026-10-{day:02d}", "feature": name, "requests": 10 + day, "cost_usd": float(day + at),
         "p95_ms": None if day == 4 else 1000.0 + 50 * day * at}
        for day in range(1, 21) for at, name in enumerate(names)
    )  # fmt: skip
    total = sum(row["cost_usd"] for row in rows)
    return Result("latency", columns, rows, {"cost_usd": total, "requests": 1}, window=WINDOW)


def changes() -> Result:
    """Changes with their intervals."""
    columns = (
        Column("metric", "text", "dimension"), Column("change_ratio", "ratio"),
        Column("change_low_ratio", "ratio", "low", "change_ratio"),
        Column("change_high_ratio", "ratio", "high", "change_ratio"),
    )  # fmt: skip
    rows = (
        {"metric": "cost", "change_ratio": 0.12, "change_low_ratio": 0.05, "change_high_ratio": 0.2},
        {"metric": "latency", "change_ratio": -0.02, "change_low_ratio": -0.1, "change_high_ratio": None},
    )
    return Result("drift", columns, rows, findings=(Finding("drift", "warning", "cost rose 12 %"),), window=WINDOW)


def value() -> Result:
    """A score against what it costs."""
    columns = (
        Column("model", "text", "dimension"), Column("mean", "rate"), Column("mean_low", "rate", "low", "mean"),
        Column("mean_high", "rate", "high", "mean"), Column("cost_per_request_usd", "usd"),
    )  # fmt: skip
    rows = tuple(
        {"model": f"m{i}", "mean": 7 + i / 10, "mean_low": 6.8 + i / 10, "mean_high": 7.2 + i / 10,
         "cost_per_request_usd": 0.001 * (i + 1)}
        for i in range(4)
    )  # fmt: skip
    return Result("quality", columns, rows, window=WINDOW)


def made(*sections: Section, title: str = "Monthly report, 2026-10", finding: str = "cost rose 12 %") -> Report:
    """A whole report of these sections."""
    headlines = (
        Headline("Spend", "usd", 1254.75, 900.0, "+12 % [+5, +20]", "DRIFT", False),
        Headline("p95 latency", "ms", 1200.0, 1300.0, "-8 % [-12, -3]", "SMALL", True),
        Headline("Requests", "count", 1, None, "no window before"),
    )
    told = (Told("drift", "warning", finding, (), sections[0].name), Told("note", "info", "Nothing else moved."))
    return Report(title, "monthly", WINDOW, BEFORE, headlines, told, sections, ("Prices of 2026-10-31.",))


def plain() -> Report:
    """Every form of chart, a long table, and a section without an answer."""
    absent = Section("scores", "Scores", "", None, absent="no scores are logged", page="Quality")
    return made(section("spend", spend()), section("days", days()), section("changes", changes()),
                section("value", value()), absent)  # fmt: skip


def hostile() -> Report:
    """Texts that mean harm in every place a log's text can reach."""
    columns = (Column(f"metadata.{HOSTILE[0]}", "text", "dimension"), Column("cost_usd", "usd"))
    rows = tuple({columns[0].name: text, "cost_usd": 1.0 + i} for i, text in enumerate(HOSTILE))
    named = Result("cost", columns, rows, title=HOSTILE[1], window=WINDOW, notes=HOSTILE[:2], sql=(HOSTILE[0],))
    return made(section("spend", named), section("days", days(HOSTILE)), title=HOSTILE[0], finding=HOSTILE[1])
