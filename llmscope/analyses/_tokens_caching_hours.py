"""Hit share over the hours of the day, and the templates whose cache is cold at some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._tokens_caching_found import Found, named
from llmscope.result import Column, Finding, Part
from llmscope.stats.proportions import wilson

if TYPE_CHECKING:
    from llmscope.logs import Logs

# {dimensions} is the hour as written, in the zone asked for: 2026-09-14T08:00.
SQL = """
WITH bucketed AS (
    SELECT {dimensions} template, model,
        count(cache_read_tokens) AS requests,
        sum(input_tokens) FILTER (WHERE cache_read_tokens IS NOT NULL) AS input_tokens,
        sum(cache_read_tokens) AS cache_read_tokens,
        count(*) FILTER (WHERE cache_read_tokens > 0) AS reading_requests
    FROM requests
    WHERE {counts} AND started_at IS NOT NULL
    GROUP BY ALL
)
SELECT cast(substr(hour, 12, 2) AS INTEGER) AS hour_of_day, template, model,
    sum(requests)::BIGINT AS requests,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(reading_requests)::BIGINT AS reading_requests
FROM bucketed
GROUP BY ALL
"""
COLUMNS = (
    Column("hour_of_day", "text", "dimension"),
    Column("requests", "count"),
    Column("input_tokens", "tokens", optional=True),
    Column("cache_read_tokens", "tokens", optional=True),
    Column("hit_ratio", "ratio"),
    Column("reading_requests_ratio", "ratio"),
)
# Cold: surely less than half as many requests read as in the other hours, where enough do.
COLD, USUAL_RATIO, FEWEST = 0.5, 0.2, 30
FALSE_ALARMS, MOST_FOUND = 0.05, 3
Row = dict[str, Any]


def hours(logs: Logs, counts: str, whole: Row) -> Found:
    """A row an hour of the day over all templates, and a sentence for each template with cold hours."""
    from llmscope.schema import dimension

    if not whole["reading_requests"] or whole["first_at"] is None:
        return Found()
    rows = logs.query(SQL, by=(dimension("hour"),), names={"counts": counts})
    shown = [summed(hour, [r for r in rows if r["hour_of_day"] == hour]) for hour in range(24)]
    return Found({"hours": Part(COLUMNS, tuple(r for r in shown if r["requests"]))}, cold(rows))


def summed(hour: int, rows: Sequence[Row]) -> Row:
    """All templates of one hour."""
    total = {n: sum(r[n] or 0 for r in rows) for n in ("requests", "input_tokens", "cache_read_tokens")}
    reading = sum(r["reading_requests"] for r in rows)
    n, tokens = total["requests"], total["input_tokens"]
    return {
        "hour_of_day": f"{hour:02d}:00",
        **total,
        "hit_ratio": total["cache_read_tokens"] / tokens if tokens else None,
        "reading_requests_ratio": reading / n if n else None,
    }


def cold(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Templates with hours in which surely far fewer requests read; Bonferroni over all hours looked at."""
    groups: dict[tuple[Any, Any], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["template"], row["model"]), []).append(row)
    warm = {key: group for key, group in groups.items() if share(group) >= USUAL_RATIO}
    looked_at = sum(row["requests"] >= FEWEST for group in warm.values() for row in group) or 1
    found = []
    for _, group in sorted(warm.items(), key=lambda item: (-sum(r["requests"] for r in item[1]), str(item[0]))):
        colder = [row for row in group if is_cold(row, group, FALSE_ALARMS / looked_at)]
        others = [row for row in group if row not in colder]
        if colder and others:
            found.append(Finding("cold_hours", "info", sentence(colder, others)))
    return tuple(found[:MOST_FOUND])


def share(rows: Sequence[Row]) -> float:
    """Requests that read, of those that say."""
    n = sum(r["requests"] for r in rows)
    return float(sum(r["reading_requests"] for r in rows) / n) if n else 0.0


def is_cold(row: Row, group: Sequence[Row], chance: float) -> bool:
    """Whether Wilson's upper end for this hour is below half the share of the other hours."""
    others = [r for r in group if r is not row]
    interval = wilson(row["reading_requests"], row["requests"], 1 - chance)
    return bool(row["requests"] >= FEWEST and interval and interval[1] < COLD * share(others))


def sentence(colder: Sequence[Row], others: Sequence[Row]) -> str:
    """When, how cold, how many."""
    n, every = sum(r["requests"] for r in colder), sum(r["requests"] for r in others)
    when = spans([r["hour_of_day"] for r in colder])
    return (
        f"{named(colder[0])}: the cache is cold at {when}: {100 * share(colder):.0f} % of {n:,} requests read from "
        f"it, against {100 * share(others):.0f} % of {every:,} at other hours"
    )


def spans(hours_cold: Sequence[int]) -> str:
    """`00:00 to 06:00 and 22:00 to 24:00`."""
    found: list[list[int]] = []
    for hour in sorted(hours_cold):
        if found and found[-1][1] == hour:
            found[-1][1] = hour + 1
        else:
            found.append([hour, hour + 1])
    texts = [f"{first:02d}:00 to {last:02d}:00" for first, last in found]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
