"""Buckets of --over that are slower than a slice usually is: told by those around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from statistics import median
from typing import Any

from llmscope.analyses._latency_sql import Asked
from llmscope.result import Finding

Row = dict[str, Any]
# A bucket stands out by this factor at least, and by so many robust standard deviations of the logarithm; a slice needs
# so many buckets for a spread, and a bucket so many requests for a figure. Usual is the median of so many on each side.
FACTOR, DEVIATIONS, FEWEST_BUCKETS, FEWEST_REQUESTS, AROUND, MOST = 1.25, 4.5, 8, 30, 7, 5
# The median absolute deviation of a normal distribution is its standard deviation over this.
MAD = 1.482602218505602


def slow_buckets(rows: Sequence[Row], asked: Asked, over: str, quantiles: Mapping[str, float]) -> tuple[Finding, ...]:
    """The buckets that stand out most, of each slice by its median and by its p95."""
    if asked.metric.unit != "ms":
        return ()
    slices = [d.word for d in asked.groups if d.word != over]
    by_slice: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row[over] is not None and row["requests"] >= FEWEST_REQUESTS:
            by_slice.setdefault(tuple(row[word] for word in slices), []).append(row)
    found: dict[tuple[Any, ...], tuple[float, str, Row]] = {}
    for key, buckets in by_slice.items():
        for name in (n for n in ("p50", "p95") if n in quantiles):
            column = asked.metric.column(name)
            for row, factor, usual in standing_out([r for r in buckets if (r[column] or 0) > 0], column):
                who = " ".join("(none)" if value is None else str(value) for value in key)
                text = (
                    f"{row[over]}{', ' if who else ''}{who}: {asked.metric.said} {name} {row[column]:,.0f} ms over "
                    f"{row['requests']:,} requests, {factor:.1f} times the {usual:,.0f} ms of the {over}s around it"
                )
                place = (*key, row[over])
                if place not in found or factor > found[place][0]:
                    found[place] = (factor, text, row)
    worst = sorted(found.values(), key=lambda one: (-one[0], one[1]))[:MOST]
    return tuple(Finding("slow", "warning", text, (row,)) for _, text, row in worst)


def standing_out(buckets: Sequence[Row], column: str) -> list[tuple[Row, float, float]]:
    """Each bucket far above the median of those around it, by what factor, and that median.

    Around it, as the mix of requests changes over time: a model that is switched off is no slow month.
    """
    if len(buckets) < FEWEST_BUCKETS:
        return []
    logs = [log(row[column]) for row in buckets]
    usual = [median([*logs[max(0, i - AROUND) : i], *logs[i + 1 : i + 1 + AROUND]]) for i in range(len(logs))]
    apart = [value - middle for value, middle in zip(logs, usual, strict=True)]
    least = max(log(FACTOR), DEVIATIONS * MAD * median(abs(value) for value in apart))
    triples = zip(buckets, apart, usual, strict=True)
    return [(row, exp(value), exp(middle)) for row, value, middle in triples if value > least]
