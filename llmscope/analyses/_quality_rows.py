"""A row a score, rater and slice: n, mean with its interval, distribution, the share below a bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from llmscope.analyses import _quality_weighted
from llmscope.analyses._quality_asked import Asked
from llmscope.analyses._scored import KEYS
from llmscope.result import Column
from llmscope.stats.proportions import clustered, wilson
from llmscope.stats.quantiles import FEWEST_DAYS, DaySums, t_quantile

Row = dict[str, Any]
# Fewer scores than this say next to nothing.
FEWEST = 30
OF = ", ".join(KEYS)
# {cluster}: scored_day, or seen_in (the session): what resembles itself.
SQL = f"""
WITH clusters AS (
    SELECT {{columns}} {OF}, {{cluster}} AS cluster, count(value) AS n, sum(value) AS total, sum(below) AS under
    FROM scored WHERE value IS NOT NULL GROUP BY ALL
), spread AS (
    SELECT {{columns}} {OF}, count(cluster) AS clusters,
        cast(coalesce(sum(n) FILTER (WHERE cluster IS NULL), 0) AS BIGINT) AS unplaced,
        cast(sum(n * n) AS DOUBLE) AS n_n, sum(n * total) AS n_total, sum(total * total) AS total_total,
        cast(sum(n * under) AS DOUBLE) AS n_under, cast(sum(under * under) AS DOUBLE) AS under_under,
        cast(sum(under) AS BIGINT) AS under
    FROM clusters GROUP BY ALL
), whole AS (
    SELECT {{columns}} {OF}, count(*) AS scores, count(value) AS valued, count(DISTINCT about_id) AS requests,
        count(*) FILTER (WHERE answered) AS of_answers,
        avg(value) AS mean, sum(value) AS total, stddev_samp(value) AS sd,
        quantile_cont(value, 0.1) AS p10, quantile_cont(value, 0.5) AS p50, quantile_cont(value, 0.9) AS p90,
        min(value) AS lowest, max(value) AS highest, count(*) FILTER (WHERE value IN (0, 1)) AS binary_values,
        count(DISTINCT CASE WHEN value IS NULL THEN label END) AS labels,
        count(*) FILTER (WHERE about = 'trace') AS of_traces, count(*) FILTER (WHERE about = 'session') AS of_sessions,
        count(*) FILTER (WHERE met_id IS NULL) AS unmet, min(created_at) AS first_at, max(created_at) AS last_at,
        min(scored_day) FILTER (WHERE met_id IS NOT NULL) AS first_day,
        max(scored_day) FILTER (WHERE met_id IS NOT NULL) AS last_day
    FROM scored GROUP BY ALL
)
SELECT whole.*, spread.clusters, spread.unplaced, spread.n_n, spread.n_total, spread.total_total, spread.n_under,
    spread.under_under, spread.under
FROM whole LEFT JOIN spread ON {{same}}
"""
# Two counts of different ids cost twice as much as one: asked only where some scores are not of an answer.
ANSWERED_SQL = f"""
SELECT {{columns}} {OF}, count(DISTINCT met_id) AS answered FROM scored WHERE answered GROUP BY ALL
"""
SCORE = (
    Column("score", "text", "dimension"),
    Column("rater_kind", "text", "dimension", optional=True),
    Column("rater", "text", "dimension"),
    Column("rater_version", "text", "dimension"),
)
MEASURES = (
    Column("scale", "text", optional=True),
    Column("scores", "count", "n"),
    Column("requests", "count", optional=True),
    Column("coverage_ratio", "ratio"),
    Column("mean", "rate"),
    Column("mean_low", "rate", "low", "mean"),
    Column("mean_high", "rate", "high", "mean"),
    Column("sd", "rate", optional=True),
    Column("p10", "rate", optional=True),
    Column("p50", "rate", optional=True),
    Column("p90", "rate", optional=True),
)
BELOW = (
    Column("below_ratio", "ratio"),
    Column("below_low_ratio", "ratio", "low", "below_ratio", optional=True),
    Column("below_high_ratio", "ratio", "high", "below_ratio", optional=True),
)
LAST = (Column("interval_by", "text", optional=True),)


@dataclass(frozen=True)
class Spread:
    """Sums over clusters (days or sessions) of their scores: what a mean's and a share's error need."""

    clusters: int
    n: int
    total: float
    n_n: float
    n_total: float
    total_total: float

    @property
    def error(self) -> float:
        """The standard error of total / n, clusters drawn as a whole; linearised, as in DaySums."""
        mean = self.total / self.n
        around = max(self.total_total - 2 * mean * self.n_total + mean * mean * self.n_n, 0.0)
        # What is left of rounding where all scores are alike is no spread.
        if around <= 1e-12 * max(self.total_total, 1e-300):
            return 0.0
        return sqrt(self.clusters / (self.clusters - 1) * around) / self.n


def measured(asked: Asked) -> list[Row]:
    """A row a slice and rater; its error by days, or by sessions where there are fewer than 8 days."""
    asked.put_scored()
    rows = asked.query(SQL, {"cluster": "scored_day"})
    short = [row for row in rows if row["valued"] and too_short(row)]
    if short:
        found = {key_of(row, asked.words): row for row in asked.query(SQL, {"cluster": "seen_in"})}
        for row in short:
            own = found[key_of(row, asked.words)]
            row |= {name: own[name] for name in ("clusters", "n_n", "n_total", "total_total", "n_under", "under_under")}
    if any(row["of_answers"] < row["scores"] for row in rows):
        answered = {key_of(row, asked.words): row["answered"] for row in asked.query(ANSWERED_SQL)}
    else:
        answered = {key_of(row, asked.words): row["requests"] for row in rows}
    for row in rows:
        row["answered"] = answered.get(key_of(row, asked.words), 0)
        row["interval_by"] = None if not row["valued"] else "session" if too_short_was(row, short) else "day"
        row["scale"] = scale(row)
        row["share"] = is_share(row)
    weighed = _quality_weighted.weights(asked)
    for row in rows:
        row["by_weight"] = weighed.get(key_of(row, asked.words))
    return rows


def too_short(row: Row) -> bool:
    return row["clusters"] is None or row["clusters"] < FEWEST_DAYS or row["unplaced"] > 0


def too_short_was(row: Row, short: Sequence[Row]) -> bool:
    return any(row is one for one in short)


def key_of(row: Mapping[str, Any], words: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*words, *KEYS))


def is_share(row: Row) -> bool:
    """Its mean is a share of yes: a boolean, or a number that is never anything but 0 and 1."""
    return bool(row["valued"]) and row["valued"] == row["binary_values"]


def scale(row: Row) -> str:
    """What was taken for what."""
    if row["data_type"] == "boolean":
        return "yes or no"
    if not row["valued"]:
        return f"{row['labels']} label{'s' * (row['labels'] != 1)}" if row["data_type"] != "text" else "text"
    if is_share(row):
        return "0 or 1"
    return f"{row['lowest']:g} to {row['highest']:g}"


def interval(row: Row) -> tuple[float | None, float | None]:
    """Of a mean: Student's t over clusters; of a share: Wilson's on as many scores as they are worth."""
    n, clusters = row["valued"], row["clusters"] or 0
    if not n:
        return None, None
    if row["share"]:
        return share_interval(row, row["total"], row["total_total"], row["n_total"])
    if clusters < 2:
        return None, None
    error = Spread(clusters, n, row["total"], row["n_n"], row["n_total"], row["total_total"]).error
    if not error:
        return None, None
    reach = t_quantile(0.975, clusters - 1) * error
    return row["mean"] - reach, row["mean"] + reach


def share_interval(row: Row, hits: float, squared: float, by_count: float) -> tuple[float | None, float | None]:
    """Of a share, from its sums over clusters; where every score is its own cluster they are independent."""
    if row["clusters"] == row["valued"]:
        return wilson(hits, row["valued"]) or (None, None)
    counts = (row["clusters"] or 0, row["valued"], hits, squared, by_count, row["n_n"])
    return clustered(DaySums(*(round(count) for count in counts))) or (None, None)


def finish(row: Row, asked: Asked, answers: int | None) -> Row:
    """The cells of one row; what cannot be said is unknown.

    Args:
        answers: those of the slice between the rater's first and last scored day, None if not known.
    """
    low, high = interval(row)
    alike = row["share"]
    done = {**row, "mean_low": low, "mean_high": high}
    done["coverage_ratio"] = min(row["answered"] / answers, 1.0) if answers and row["answered"] else None
    for name in ("sd", "p10", "p50", "p90"):
        done[name] = None if alike or not row["valued"] else row[name]
    bar = asked.bar_of(row["score"])
    barred = not (bar is None or alike or not row["valued"])
    done |= below(row) if barred else dict.fromkeys((c.name for c in BELOW), None)
    return done | _quality_weighted.figures(row, barred) if _quality_weighted.counts(row) else done


def below(row: Row) -> Row:
    """The share below the bar."""
    under = row["under"] or 0
    ends = share_interval(row, under, row["under_under"], row["n_under"])
    return {"below_ratio": under / row["valued"], "below_low_ratio": ends[0], "below_high_ratio": ends[1]}
