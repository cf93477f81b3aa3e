"""A judge over time: what it gave by day and version, and what it gave the same items again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from llmscope.analyses._judge_asked import Chosen
from llmscope.identifiers import local_time
from llmscope.result import Column
from llmscope.stats.agreement import Estimate, Pairs, mean_difference
from llmscope.stats.corrected import Cluster, clustered_mean

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = Mapping[str, Any]
PERIODS = ("week", "month", "quarter")
# {moment}: the time of judging in the zone asked for. {period}: one of PERIODS.
DAILY = """
SELECT l_version AS version, date_trunc('{period}', {moment}) AS period, date_trunc('day', {moment}) AS day,
    count(*) AS n, sum(l_figure) AS total, sum(l_figure * l_figure) AS squares
FROM sided
WHERE l_side = 'judge' AND l_rater = $judge_name AND l_score = $score AND l_figure IS NOT NULL AND l_at IS NOT NULL
GROUP BY l_version, date_trunc('{period}', {moment}), date_trunc('day', {moment})
"""
# The same judge's figures of one item in one period and version are one; each is held against the one before.
AGAIN = """
WITH repeated AS (
    SELECT l_score AS r_score, l_item AS r_item FROM sided
    WHERE l_side = 'judge' AND l_rater = $judge_name AND l_item IS NOT NULL AND l_figure IS NOT NULL
        AND l_at IS NOT NULL
    GROUP BY l_score, l_item HAVING count(*) > 1
), judged AS (
    SELECT l_score, l_item, l_version, date_trunc('{period}', {moment}) AS l_period, avg(l_figure) AS l_figure,
        min(l_at) AS l_first
    FROM sided JOIN repeated ON l_score = r_score AND l_item = r_item
    WHERE l_side = 'judge' AND l_rater = $judge_name AND l_figure IS NOT NULL AND l_at IS NOT NULL
    GROUP BY l_score, l_item, l_version, date_trunc('{period}', {moment})
), steps AS (
    SELECT l_score, l_version, l_period, l_figure,
        lag(l_figure) OVER (PARTITION BY l_score, l_item ORDER BY l_first, l_version) AS before_figure,
        lag(l_version) OVER (PARTITION BY l_score, l_item ORDER BY l_first, l_version) AS before_version,
        lag(l_period) OVER (PARTITION BY l_score, l_item ORDER BY l_first, l_version) AS before_period
    FROM judged
)
SELECT l_score AS score, before_period, before_version, l_period AS period, l_version AS version, count(*) AS n,
    sum(before_figure) AS x, sum(l_figure) AS y, sum(before_figure * before_figure) AS xx,
    sum(l_figure * l_figure) AS yy, sum(before_figure * l_figure) AS xy
FROM steps WHERE before_figure IS NOT NULL
GROUP BY l_score, before_period, before_version, l_period, l_version
"""
FIXED = (
    Column("score", "text", "dimension"),
    Column("before", "text", "dimension"),
    Column("before_version", "text", "dimension"),
    Column("after", "text", "dimension"),
    Column("after_version", "text", "dimension"),
    Column("items", "count", "n"),
    Column("before_mean", "rate"),
    Column("after_mean", "rate"),
    Column("change", "rate"),
    Column("change_low", "rate", "low", "change"),
    Column("change_high", "rate", "high", "change"),
)
# Fewer items scored again are no fixed set.
FEWEST_AGAIN = 10


def daily(logs: Logs, chosen: Chosen, over: str) -> list[Row]:
    """A row a version, period and day."""
    rows = logs.query(DAILY, names=holes(logs, over), score=chosen.score, judge_name=chosen.judge)
    return sorted(rows, key=lambda r: (r["day"], str(r["version"])))


def holes(logs: Logs, over: str) -> dict[str, str]:
    return {"period": over, "moment": local_time(logs.window.tz, "l_at")}


def together(rows: Sequence[Row]) -> Estimate:
    """The mean of all that these days hold, its interval by days."""
    squares = sum(r["squares"] for r in rows)
    return clustered_mean([Cluster(r["n"], r["total"]) for r in rows], squares)


def again(logs: Logs, judge: str, over: str, score: str | None) -> list[dict[str, Any]]:
    """The paired change of the same items from one time they were judged to the next; of `score` where it is named."""
    rows = logs.query(AGAIN, names=holes(logs, over), judge_name=judge)
    found = []
    for r in rows:
        if r["n"] < FEWEST_AGAIN or (score is not None and r["score"] != score):
            continue
        change = mean_difference(Pairs(r["n"], r["x"], r["y"], r["xx"], r["yy"], r["xy"]))
        found.append({
            "score": r["score"], "before": label(r["before_period"], over), "before_version": r["before_version"],
            "after": label(r["period"], over), "after_version": r["version"], "items": r["n"],
            "before_mean": r["x"] / r["n"], "after_mean": r["y"] / r["n"], "change": change.value,
            "change_low": change.low, "change_high": change.high,
        })  # fmt: skip
    return sorted(found, key=lambda r: (r["score"], r["before"], r["after"], str(r["after_version"])))


def label(moment: datetime | None, over: str) -> str:
    """A period as people write it: 2026-09, 2026-Q3, 2026-W36."""
    if moment is None:
        return ""
    if over == "quarter":
        return f"{moment:%Y}-Q{(moment.month + 2) // 3}"
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02d}" if over == "week" else f"{moment:%Y-%m}"


def period_of(moment: datetime | None, over: str, tz: str) -> str:
    """The period a moment (UTC) falls in."""
    if moment is None:
        return ""
    local = moment if tz == "UTC" else moment.replace(tzinfo=UTC).astimezone(ZoneInfo(tz))
    return label(local, over)
