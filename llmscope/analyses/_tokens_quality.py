"""Whether answers got better or worse when their tokens changed: scores before and after, each rater by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

from llmscope.analyses._tokens_trend_days import Step
from llmscope.result import TOO_FEW, Column
from llmscope.stats.changes import shift

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = Mapping[str, Any]
MOST_SERIES = 50
# A day a row; people score alike, but one judge is not another: a change of judge is no change of quality.
SQL = """
WITH answered AS (
    SELECT {dimensions} request_id FROM requests WHERE {counts} AND started_at IS NOT NULL AND {same}
), scored AS (
    SELECT scores.name AS score, scores.rater_kind AS rater_kind,
        CASE WHEN scores.rater_kind IN ('human', 'user') THEN NULL ELSE scores.rater END AS rater,
        scores.rater_version AS rater_version, answered."day" AS scored_day, scores.value AS value
    FROM scores JOIN answered ON scores.request_id = answered.request_id
    WHERE scores.data_type = 'numeric' AND scores.value IS NOT NULL
), daily AS (
    SELECT score, rater_kind, rater, rater_version, scored_day, count(*) AS n, sum(value) AS total,
        sum(value * value) AS squares
    FROM scored GROUP BY score, rater_kind, rater, rater_version, scored_day
), sized AS (
    SELECT *, sum(n) OVER (PARTITION BY score, rater_kind, rater, rater_version) AS size FROM daily
), placed AS (
    SELECT *, dense_rank() OVER (ORDER BY size DESC, score, rater_kind, rater, rater_version) AS place FROM sized
)
SELECT score, rater_kind, rater, rater_version, scored_day, n, total, squares FROM placed WHERE place <= $most
"""
# Fewer scores or days a side say nothing.
FEWEST_SCORES, FEWEST_DAYS = 10, 4
# A change surely smaller than this part of the scores' standard deviation is none (0.3 points at a deviation of 1.5).
MARGIN = 0.2
COLUMNS = (
    Column("slice", "text", "dimension"),
    Column("score", "text", "dimension"),
    Column("rater_kind", "text", "dimension"),
    Column("rater", "text", "dimension", optional=True),
    Column("rater_version", "text", "dimension"),
    Column("before_scores", "count", "n"),
    Column("after_scores", "count", "n"),
    Column("before_score", "rate", optional=True),
    Column("after_score", "rate", optional=True),
    Column("change", "rate"),
    Column("change_low", "rate", "low", "change", optional=True),
    Column("change_high", "rate", "high", "change", optional=True),
    Column("quality", "text"),
)


def quality(
    logs: Logs, day: Dimension, counts: str, same: str, values: Mapping[str, Any], name: str, step: Step
) -> list[dict[str, Any]]:
    """A row a score and rater of the slice's requests that scored both before and after.

    Args:
        counts, same: which requests count, and which are the slice's, as SQL; its values are bound.
    """
    rows = logs.query(SQL, by=(day,), names={"counts": counts, "same": same}, most=MOST_SERIES, **values)
    series: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        series.setdefault((row["score"], row["rater_kind"], row["rater"], row["rater_version"]), []).append(row)
    found = [
        {"slice": name, "score": key[0], "rater_kind": key[1], "rater": key[2], "rater_version": key[3], **compared}
        for key, of in series.items()
        if (compared := before_and_after(of, step)) is not None
    ]
    return sorted(found, key=lambda r: (-min(r["before_scores"], r["after_scores"]), repr(list(r.values())[:5])))


def before_and_after(rows: Sequence[Row], step: Step) -> dict[str, Any] | None:
    """The mean score before and after, the difference with an interval over days; None if one side has no score."""
    known = {row["scored_day"]: row for row in rows}
    before, after = ([known[d] for d in days if d in known] for days in (step.before, step.after))
    n1, n2 = sum(r["n"] for r in before), sum(r["n"] for r in after)
    if not n1 or not n2:
        return None
    first, last = sum(r["total"] for r in before) / n1, sum(r["total"] for r in after) / n2
    found = {"before_scores": n1, "after_scores": n2, "before_score": first, "after_score": last,
             "change": last - first, "change_low": None, "change_high": None, "quality": TOO_FEW}  # fmt: skip
    if min(n1, n2) < FEWEST_SCORES or min(len(before), len(after)) < FEWEST_DAYS:
        return found
    both = [*before, *after]
    moved = shift([r["total"] / r["n"] for r in both], 0, len(before), len(both), [r["n"] for r in both])
    spread = sum(r["squares"] for r in both) / (n1 + n2) - (sum(r["total"] for r in both) / (n1 + n2)) ** 2
    return {**found, "change_low": moved.low, "change_high": moved.high,
            "quality": word(moved.low, moved.high, MARGIN * sqrt(max(spread, 0.0)))}  # fmt: skip


def word(low: float, high: float, margin: float) -> str:
    """What an interval of a change says of quality."""
    if low > 0 or high < 0:
        return "higher" if low > 0 else "lower"
    return "unchanged" if -margin <= low and high <= margin else "no change shown"
