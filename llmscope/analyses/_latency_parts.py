"""Beside the table of latency: the parts of the total, the distribution, and lines over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmscope.analyses import _slices
from llmscope.analyses._latency_sql import AFTER_FIRST, PARTS, Asked, Metric
from llmscope.result import Column, Kind, Part, Series

Row = dict[str, Any]
# Of one part: how many carry it, its figures, and the whole latency of those that carry it.
SHARE_SQL = """count({sql}) AS {name}_requests,
    avg({sql}) AS {name}_mean,
    quantile_cont({sql}, 0.5) AS {name}_p50,
    quantile_cont({sql}, 0.95) AS {name}_p95,
    sum({sql}) FILTER (WHERE latency_ms > 0) AS {name}_sum,
    sum(latency_ms) FILTER (WHERE latency_ms > 0 AND {sql} IS NOT NULL) AS {name}_of,"""
LOGGED = " + ".join(f"coalesce({name}, 0)" for name in PARTS)
REST = f"CASE WHEN coalesce({', '.join(PARTS)}) IS NOT NULL THEN latency_ms - ({LOGGED}) END"
PIECES: dict[str, tuple[str, str]] = {
    "queue": ("queue_ms", "queue"),
    "network": ("network_ms", "network"),
    "inference": ("inference_ms", "inference"),
    "postprocess": ("postprocess_ms", "postprocess"),
    "rest": (REST, "rest (not in a logged part)"),
    "first": ("ttft_ms", "to the first token"),
    "after": (f"CASE WHEN {AFTER_FIRST} THEN latency_ms - ttft_ms END", "after the first token"),
}
BREAKDOWN_SQL = """
WITH counted AS (
    SELECT * FROM {relation} WHERE ({counts}) AND {only} AND latency_ms IS NOT NULL
), sliced AS (
    SELECT {dimensions} latency_ms, ttft_ms, queue_ms, network_ms, inference_ms, postprocess_ms, output_tokens
    FROM counted
)
SELECT {columns}
    {pieces}
    count(*) AS requests
FROM sliced
GROUP BY ALL
"""
# Bins of equal width on a logarithmic axis, {a_decade} of them for each factor of ten.
HISTOGRAM_SQL = """
WITH counted AS (
    SELECT {value} AS measured FROM {relation} WHERE ({counts}) AND {only}
)
SELECT CASE WHEN measured > 0 THEN cast(floor(ln(measured) / ln(10.0) * $a_decade + 1e-9) AS BIGINT) END AS bin,
    count(*) AS requests
FROM counted
WHERE measured IS NOT NULL
GROUP BY ALL
"""
A_DECADE, MOST_BINS, MOST_LINES = 10, 200, 5
BREAKDOWN = (
    Column("part", "text", "dimension"),
    Column("requests", "count", "n"),
    Column("carried_ratio", "ratio"),
    Column("mean_ms", "ms"),
    Column("p50_ms", "ms"),
    Column("p95_ms", "ms"),
    Column("time_share_ratio", "ratio"),
)


def breakdown(asked: Asked) -> Part:
    """The total by its logged parts: how many requests carry each, and what share of their time it takes."""
    pieces = "\n    ".join(SHARE_SQL.format(name=name, sql=sql) for name, (sql, _) in PIECES.items())
    rows = asked.query(BREAKDOWN_SQL, {"pieces": pieces})
    listed = [
        {
            **{d.word: row[d.word] for d in asked.groups},
            "part": said,
            "requests": row[f"{name}_requests"],
            "carried_ratio": row[f"{name}_requests"] / row["requests"],
            "mean_ms": row[f"{name}_mean"],
            "p50_ms": row[f"{name}_p50"],
            "p95_ms": row[f"{name}_p95"],
            "time_share_ratio": row[f"{name}_sum"] / row[f"{name}_of"] if row[f"{name}_of"] else None,
        }
        for row in sorted(rows, key=lambda row: tuple((row[d.word] is None, str(row[d.word])) for d in asked.groups))
        for name, (_, said) in PIECES.items()
        if row[f"{name}_requests"]
    ]
    return Part((*_slices.columns_of(asked.groups), *BREAKDOWN), tuple(listed))


def histogram(asked: Asked) -> tuple[Part, Series]:
    """How many requests lie in each bin of a logarithmic axis; empty bins between filled ones stand with 0."""
    metric = asked.metric
    rows = Asked(asked.logs, metric, asked.counts, (), asked.only, asked.values).query(
        HISTOGRAM_SQL, {}, a_decade=A_DECADE
    )
    counts = {row["bin"]: row["requests"] for row in rows}
    none_or_less, total = counts.pop(None, 0), sum(row["requests"] for row in rows)
    first, last = (min(counts), max(counts)) if counts else (0, -1)
    bins = range(first, last + 1) if last - first < MOST_BINS else sorted(counts)
    low, high = metric.column("from"), metric.column("to")
    found: list[Row] = [{low: None, high: 0.0, "requests": none_or_less}] if none_or_less else []
    found += [{low: edge(i), high: edge(i + 1), "requests": counts.get(i, 0)} for i in bins]
    so_far = 0
    for row in found:
        so_far += row["requests"]
        row |= {"requests_share_ratio": row["requests"] / total, "so_far_ratio": so_far / total}
    kind: Kind = metric.kind
    columns = (
        Column(low, kind, "dimension"), Column(high, kind, "dimension"), Column("requests", "count", "n"),
        Column("requests_share_ratio", "ratio"), Column("so_far_ratio", "ratio"),
    )  # fmt: skip
    xs = tuple("0" if row[low] is None else written(row[low], metric) for row in found)
    name = f"requests by {metric.said} (logarithmic)"
    return Part(columns, tuple(found)), Series(name, xs, tuple(row["requests"] for row in found))


def edge(place: int) -> float:
    """The lower end of a bin: 100, 125.89, 158.49, 199.53 and so on."""
    return float(round(10 ** (place / A_DECADE), 10))


def written(value: float, metric: Metric) -> str:
    """A place on the axis for people, to three digits."""
    if metric.unit != "ms":
        return f"{value:.3g}/s"
    return (
        f"{value:.3g} ms"
        if value < 999.5
        else f"{value / 1000:.3g} s"
        if value < 60_000
        else f"{value / 60_000:.3g} min"
    )


def lines(rows: Sequence[Row], asked: Asked, over: str, quantiles: Mapping[str, float]) -> tuple[Series, ...]:
    """A line a quantile over time; where there are slices, a line each for those with most requests."""
    slices = [d.word for d in asked.groups if d.word != over]
    times = tuple(sorted({row[over] for row in rows if row[over] is not None}))
    if len(times) < 2:
        return ()
    wanted = [name for name in quantiles if name in ("p50", "p95", "p99")] or list(quantiles)[:3]
    if slices:
        wanted = [name for name in ("p95", *quantiles) if name in quantiles][:1]
    totals: dict[tuple[Any, ...], int] = {}
    figures: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[word] for word in slices)
        if row[over] is not None and row["requests"]:
            totals[key] = totals.get(key, 0) + row["requests"]
            figures[(*key, row[over])] = row
    largest = sorted(totals, key=lambda key: (-totals[key], str(key)))[:MOST_LINES]
    return tuple(
        Series(
            " ".join([name.replace("_", "."), *("(none)" if value is None else str(value) for value in key)]),
            times,
            tuple(figures.get((*key, t), {}).get(asked.metric.column(name)) for t in times),
            asked.metric.kind,
        )
        for key in largest
        for name in wanted
    )


def said(part: Part) -> list[str]:
    """How to read the breakdown."""
    if not part.rows:
        return ["no request logs a part of its latency: queue_ms, network_ms, inference_ms, postprocess_ms or ttft_ms"]
    return [
        "breakdown: carried is the share of requests that log the part, time share its part of the whole latency of "
        "those; parts may overlap, as to the first token and queue do"
    ]
