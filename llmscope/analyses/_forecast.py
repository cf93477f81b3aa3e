"""The month to date carried to its end."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from llmscope.result import Finding
from llmscope.schema import dimension
from llmscope.stats.forecast import FEWEST_DAYS, rest_of_month

if TYPE_CHECKING:
    from llmscope.logs import Logs

SQL = """
SELECT {dimensions} sum({chosen}) AS cost_usd
FROM priced
WHERE started_at IS NOT NULL
GROUP BY ALL
"""
LONGEST_DAYS = 56


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is said of the month's end."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def month_to_date(logs: Logs, sql: str, chosen: str) -> Outlook:
    """The month of the last request, carried to its end from up to eight weeks of whole days.

    `sql` gives the cost of each day.
    """
    rows = logs.query(sql, by=(dimension("day"),), names={"chosen": chosen})
    if not any(row["cost_usd"] is not None for row in rows):
        return Outlook(notes=("no forecast: no request with a time has a known cost",))
    daily = {date.fromisoformat(row["day"]): float(row["cost_usd"] or 0) for row in rows}
    today = max(daily)
    length = monthrange(today.year, today.month)[1]
    first = max(min(daily), today - timedelta(days=LONGEST_DAYS))
    past = [first + timedelta(days=i) for i in range((today - first).days)]
    known = ([daily.get(d, 0.0) for d in past], [d.weekday() for d in past])
    found = rest_of_month(*known, [today.replace(day=d).weekday() for d in range(today.day + 1, length + 1)])
    last = rest_of_month(*known, [today.weekday()])
    if found is None or last is None:
        need = f"no forecast: it takes {FEWEST_DAYS} whole days before the last one, there are {len(past)}"
        return Outlook(notes=(need,))
    before = sum(v for d, v in daily.items() if (d.year, d.month) == (today.year, today.month) and d != today)
    # The last day may still be running: it ends at what it has, or at a usual day's cost if that is more.
    if logs.window.until and logs.window.until.date() > today:
        last = rest_of_month(*known, [])
    usual, most = (last.mean, last.high) if last else (0.0, 0.0)
    low, mean, high = (
        before + max(daily[today], day) + rest
        for day, rest in ((0.0, found.low), (usual, found.mean), (most, found.high))
    )
    row: dict[str, Any] = {
        "month": f"{today:%Y-%m}", "cost_to_date_usd": before + daily[today], "forecast_usd": mean,
        "forecast_low_usd": low, "forecast_high_usd": high, "days": found.days,
    }  # fmt: skip
    text = (
        f"{today:%Y-%m}: ${before + daily[today]:,.2f} to date (to {today}),"
        f" ${mean:,.2f} expected by its end"
        f" (95 % interval ${low:,.2f} to ${high:,.2f}), from {found.days} whole days"
    )
    return Outlook((Finding("forecast", "info", text, (row,)),))
