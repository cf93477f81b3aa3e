"""Distances between the two windows' distributions, each beside what noise alone would give; never a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmscope.analyses import _drift_mixes
from llmscope.analyses._daily import AFTER, BEFORE, HUGE, PLACED, Row, Sides
from llmscope.result import Column, Part
from llmscope.stats.categories import mix
from llmscope.stats.distances import bin_middle, distances

# Figures are counted in bins of 1 % of their value: the width of a bin, as a difference of logarithms.
BIN = "0.02000066670667"
COLUMNS = (
    Column("metric", "text", "dimension"),
    Column("distance", "text", "dimension"),
    Column("value", "rate"),
    Column("noise_value", "rate"),
    Column("beyond_noise", "flag"),
    Column("requests_before", "count", "n", optional=True),
    Column("requests_after", "count", "n", optional=True),
    Column("method", "text", optional=True),
)
NOTE = (
    "distances: noise is what 95 of 100 comparisons without a change stay under; no fixed threshold is right for every "
    "size of log, and none is a verdict"
)
# A bin is 1 % of its value wide, so a day has some hundreds of them however many requests it has.
SQL = (
    PLACED
    + """
SELECT side, day_of, CAST(ceil(ln({value}) / {width}) AS BIGINT) AS place, count(*) AS requests
FROM placed
WHERE {value} > 0 AND {value} < {huge}
GROUP BY ALL
"""
)


def part(sides: Sides, mixes: Sequence[str]) -> Part:
    """Of every figure and mix of the whole, its distances."""
    whole = replace(sides, by=(), keys=())
    rows: list[Row] = []
    for metric in (m for m in whole.metrics if m.kind != "rate"):
        found: dict[str, list[tuple[Any, Any, int]]] = defaultdict(list)
        of = replace(whole, metrics=(metric,))
        for row in of.query(SQL, {"value": metric.column, "width": BIN, "huge": HUGE}):
            found[row["side"]].append((row["day_of"].date(), bin_middle(row["place"]), row["requests"]))
        measured = distances(found[BEFORE], found[AFTER])
        if measured is None:
            continue
        for one in measured.found:
            rows.append({
                "metric": metric.word, "distance": one.name, "value": one.value, "noise_value": one.noise,
                "beyond_noise": one.beyond_noise, "requests_before": measured.n[0], "requests_after": measured.n[1],
                "method": measured.method,
            })  # fmt: skip
    return Part(COLUMNS, (*rows, *of_mixes(whole, mixes)))


def of_mixes(whole: Sides, mixes: Sequence[str]) -> list[Row]:
    """Of each mix, how much of the traffic moved."""
    if not mixes:
        return []
    rows = []
    for (word, _), found in sorted(_drift_mixes.counts(whole, mixes).items()):
        moved = mix(found[BEFORE], found[AFTER])
        if moved is not None and len(moved.movers) + len(moved.new) + len(moved.vanished) > 1:
            rows.append({
                "metric": word, "distance": "total_variation", "value": moved.tvd, "noise_value": moved.noise,
                "beyond_noise": moved.beyond_noise, "requests_before": moved.n[0], "requests_after": moved.n[1],
                "method": moved.method,
            })  # fmt: skip
    return rows
