"""Latency from daily rollups: counts, means and maxima from sums, quantiles within 1 % from bins."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, sqrt
from typing import TYPE_CHECKING, Any

from llmscope.identifiers import quoted
from llmscope.rolled import METRICS, TIMES, middle_ms

if TYPE_CHECKING:
    from llmscope.analyses._latency_sql import Asked

Row = dict[str, Any]
# What is left of equal values' squares after rounding, as a share of them.
ALIKE = 1e-13

# {of}: the metric's columns. {columns}: the dimensions by name. {others}: true, or what keeps the kept slices out.
FIGURES_SQL = """
WITH sliced AS (
    SELECT {dimensions} {of}_requests AS n, {of}_sum_ms AS total, {of}_squares AS squares,
        {of}_max_ms AS most, ttft_requests AS beside_n, ttft_sum_ms AS beside_total
    FROM rollups
    WHERE ({counts})
)
SELECT {columns}
    coalesce(sum(n), 0)::BIGINT AS counted,
    sum(total) / nullif(sum(n), 0) AS mean_figure,
    sum(squares) AS within,
    sum(total * total / nullif(n, 0)) AS of_means,
    max(most) AS max_figure,
    coalesce(sum(beside_n), 0)::BIGINT AS beside_requests,
    sum(beside_total) / nullif(sum(beside_n), 0) AS beside_mean
FROM sliced
WHERE {others}
GROUP BY ALL
"""
# {places}: of each quantile the bins of the two values it lies between.
BINS_SQL = """
WITH sliced AS (
    SELECT {dimensions} metric, bin, requests AS n FROM rollup_bins WHERE ({counts}) AND metric IN ({metrics})
), kept AS (
    SELECT {columns} metric, bin, sum(n)::BIGINT AS n FROM sliced WHERE {others} GROUP BY ALL
), ranked AS (
    SELECT *,
        sum(n) OVER (
            PARTITION BY {columns} metric ORDER BY bin ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS up_to,
        sum(n) OVER (PARTITION BY {columns} metric) AS every
    FROM kept
)
SELECT {columns} metric,
    {places}
    max(every)::BIGINT AS n
FROM ranked
GROUP BY ALL
"""
PLACE = (
    "min(bin) FILTER (WHERE up_to > floor((every - 1) * cast({q!r} AS DOUBLE))) AS {name}_low, "
    "min(bin) FILTER (WHERE up_to > ceil((every - 1) * cast({q!r} AS DOUBLE))) AS {name}_high,"
)
OVERVIEW_SQL = """
WITH judged AS (
    SELECT *, {reason} AS reason FROM rollups
)
SELECT reason,
    sum(requests)::BIGINT AS requests,
    sum({of}_requests)::BIGINT AS measured,
    sum(ttft_requests)::BIGINT AS first_tokens,
    sum({of}_negative)::BIGINT AS negative,
    coalesce(sum(requests) FILTER (WHERE started_at IS NULL), 0)::BIGINT AS timeless,
    0 AS whole
FROM judged
GROUP BY reason
"""
# The budgets by default; see _slo.
DEFAULTS_SQL = f"""
WITH held AS (
    SELECT started_at AS day_of,
        CASE WHEN ({{counts}}) THEN latency_requests END AS total_n,
        CASE WHEN ({{counts}}) THEN latency_within_{TIMES["latency"][1]}_ms END AS total_hits,
        CASE WHEN ({{counts}}) AND {{streamed_chat}} THEN ttft_requests END AS ttft_n,
        CASE WHEN ({{counts}}) AND {{streamed_chat}} THEN ttft_within_{TIMES["ttft"][1]}_ms END AS ttft_hits,
        CASE WHEN ({{errors_count}}) THEN requests END AS errors_n,
        CASE WHEN ({{errors_count}}) THEN CASE WHEN status = 'error' THEN 0 ELSE requests END END AS errors_hits
    FROM rollups
), daily AS (
    SELECT day_of, {{daily}}
    FROM held
    GROUP BY day_of
)
SELECT {{summed}}
FROM daily
"""


def can_answer(metric: str) -> bool:
    """Whether a metric is in the rollups."""
    return metric in METRICS


def overview(asked: Asked, reason: str) -> list[Row]:
    """What there is, by why it is left out."""
    return asked.logs.query(OVERVIEW_SQL, names={"reason": reason, "of": METRICS[asked.metric.word]})


def measured(
    asked: Asked, quantiles: Mapping[str, float], beside: bool, others: str, columns: str, values: Mapping[str, Any]
) -> list[Row]:
    """One row a slice, with the names of _latency_sql.measured."""
    words = ["total", "ttft"] if beside else [asked.metric.word]
    names = {
        "of": METRICS[asked.metric.word], "counts": asked.counts, "columns": columns, "others": others,
        "metrics": ", ".join(f"'{word}'" for word in words),
        "places": "\n    ".join(PLACE.format(q=q, name=name) for name, q in quantiles.items()),
    }  # fmt: skip
    figures = asked.logs.query(FIGURES_SQL, by=asked.groups, names=names, **values)
    places = asked.logs.query(BINS_SQL, by=asked.groups, names=names, **values)
    keys = [d.word for d in asked.groups if quoted(d.word) in columns]
    by_slice = {(row["metric"], *(row[key] for key in keys)): row for row in places}
    return [one(row, by_slice, keys, quantiles, asked.metric.word, beside) for row in figures]


def one(
    row: Row, places: Mapping[Any, Row], keys: list[str], quantiles: Mapping[str, float], metric: str, beside: bool
) -> Row:
    """The figures of one slice."""
    key = tuple(row[word] for word in keys)
    found = {**row, "requests": row["counted"], "stddev_figure": deviation(row)}
    found |= {name: between(places.get((metric, *key)), name, q, row["max_figure"]) for name, q in quantiles.items()}
    if beside:
        first = places.get(("ttft", *key))
        found |= {f"beside_{name}": between(first, name, q, None) for name, q in quantiles.items()}
    else:
        del found["beside_requests"], found["beside_mean"]
    return found


def deviation(row: Row) -> float | None:
    """The standard deviation, from the squares inside each rollup and those between their means."""
    n, mean = row["counted"], row["mean_figure"]
    if n < 2:
        return None
    squares = row["within"] + row["of_means"] - n * mean * mean
    return 0.0 if squares <= ALIKE * n * mean * mean else sqrt(squares / (n - 1))


def between(row: Row | None, name: str, q: float, most: float | None) -> float | None:
    """A quantile, interpolated between the middles of two bins; never above the largest value."""
    if row is None:
        return None
    place: float = (row["n"] - 1) * q
    low, high = middle_ms(row[f"{name}_low"]), middle_ms(row[f"{name}_high"])
    value = low + (high - low) * (place - floor(place))
    return value if most is None else min(value, most)
