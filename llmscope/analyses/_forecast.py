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


def month_to_date(logs: Logs, chosen: str) -> Outlook:
    """The month of the last request, carried to its end from up to eight weeks of whole days."""
    rows = logs.query(SQL, by=(dimension("day"),), names={"chosen": chosen})
    daily = {date.fromisoformat(row["day"]): float(row["cost_usd"] or 0) for row in rows}
    if not daily:
        return Outlook(notes=("no forecast: no request has a time",))
    today = max(daily)
    length = monthrange(today.year, today.month)[1]
    first = max(min(daily), today - timedelta(days=LONGEST_DAYS))
    past = [first + timedelta(days=i) for i in range((today - first).days)]
    ahead = [today.replace(day=d) for d in range(today.day, length + 1)]
    found = rest_of_month([daily.get(d, 0.0) for d in past], [d.weekday() for d in past], [d.weekday() for d in ahead])
    if found is None:
        return Outlook(
            notes=(f"no forecast: it takes {FEWEST_DAYS} whole days before the last one, there are {len(past)}",)
        )
    before = sum(v for d, v in daily.items() if (d.year, d.month) == (today.year, today.month) and d != today)
    low, high = (max(before + bound, before + daily[today]) for bound in (found.low, found.high))
    row: dict[str, Any] = {
        "month": f"{today:%Y-%m}", "cost_to_date_usd": before + daily[today], "forecast_usd": before + found.mean,
        "forecast_low_usd": low, "forecast_high_usd": high, "days": found.days,
    }  # fmt: skip
    text = (
        f"{today:%Y-%m}: ${before + daily[today]:,.2f} to date (to {today}),"
        f" ${before + found.mean:,.2f} expected by its end"
        f" (95 % interval ${low:,.2f} to ${high:,.2f}), from {found.days} whole days"
    )
    return Outlook((Finding("forecast", "info", text, (row,)),))
