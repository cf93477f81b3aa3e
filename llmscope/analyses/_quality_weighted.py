"""Scores of items that were drawn with unlike chances (llmscope sample --how stratified): means by their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from llmscope.analyses._quality_asked import Asked
from llmscope.analyses._scored import EVERY, KEYS
from llmscope.stats.proportions import wilson
from llmscope.stats.quantiles import t_quantile
from llmscope.stats.sampling import worth

Row = dict[str, Any]
OF = ", ".join(KEYS)
ANY_SQL = f"SELECT count(DISTINCT sample_weight) AS weights FROM {EVERY} WHERE sample_weight > 0"
# a, b: sums of w and of w^2.
SUMS = ", ".join(
    f"sum({power}) AS {name}, sum({power} * value) AS {name}y, sum({power} * value * value) AS {name}yy, "
    f"sum({power} * below) AS {name}_under"
    for name, power in (("a", "w_weight"), ("b", "w_weight * w_weight"))
)
SQL = f"""
WITH weighed AS (
    SELECT *, CASE WHEN sample_weight > 0 THEN sample_weight END AS w_weight FROM scored
)
SELECT {{columns}} {OF}, count(w_weight) AS weighed, min(w_weight) AS least, max(w_weight) AS most, {SUMS}
FROM weighed WHERE value IS NOT NULL GROUP BY ALL
"""


def weights(asked: Asked) -> dict[tuple[Any, ...], Row]:
    """The weighted sums of each row that holds unlike weights, by its slice and rater."""
    if asked.logs.query(ANY_SQL)[0]["weights"] < 2:
        return {}
    rows = asked.query(SQL)
    return {
        tuple(row[name] for name in (*asked.words, *KEYS)): row
        for row in rows if row["weighed"] and row["least"] != row["most"]
    }  # fmt: skip


def counts(row: Mapping[str, Any]) -> bool:
    """Whether a row is weighted: all its figures bear a weight."""
    sums = row.get("by_weight")
    return sums is not None and bool(sums["weighed"] == row["valued"])


def figures(row: Row, bar: bool) -> Row:
    """The cells that weights change: the mean and the share below, with their intervals; what is unweighted is unknown.

    Each score came in by itself with its chance: stats.sampling.weighted_mean, here from sums. Of a share Wilson's
    interval on as many as it is worth.
    """
    sums = row["by_weight"]
    mean = sums["ay"] / sums["a"]
    low, high = share(sums, sums["ay"], sums["by"]) if row["share"] else around(sums, mean, row["valued"])
    done: Row = {"mean": mean, "mean_low": low, "mean_high": high, "interval_by": "weight",
                 **dict.fromkeys(("sd", "p10", "p50", "p90"))}  # fmt: skip
    if bar:
        ends = share(sums, sums["a_under"], sums["b_under"])
        done |= {"below_ratio": sums["a_under"] / sums["a"], "below_low_ratio": ends[0], "below_high_ratio": ends[1]}
    return done


def around(sums: Row, mean: float, n: int) -> tuple[float | None, float | None]:
    """The interval of a weighted mean: sum(w (w - 1) (y - mean)^2) / sum(w)^2, times n / (n - 1)."""
    c, cy, cyy = (sums[f"b{of}"] - sums[f"a{of}"] for of in ("", "y", "yy"))
    left = cyy - 2 * mean * cy + mean * mean * c
    if n < 2 or left <= 1e-12 * abs(cyy):
        return None, None
    reach = t_quantile(0.975, n - 1) * sqrt(left / sums["a"] ** 2 * n / (n - 1))
    return mean - reach, mean + reach


def share(sums: Row, hits: float, squares: float) -> tuple[float | None, float | None]:
    n = worth(sums["a"], sums["b"], hits, squares)
    return wilson(hits / sums["a"] * n, n) or (None, None)


def small_print(rows: Sequence[Row]) -> list[str]:
    """What was weighted, and what bears weights in part only."""
    weighed = sum(row["valued"] for row in rows if counts(row))
    torn = [row for row in rows if row.get("by_weight") and not counts(row)]
    found = []
    if weighed:
        found.append(
            f"{weighed:,} scores bear unlike sample_weights: mean and share below are weighted by them, and stand for "
            "all they were drawn from; sd and quantiles are left out, the other parts count scores as they are"
        )
    if torn:
        n, of = sum(row["by_weight"]["weighed"] for row in torn), sum(row["valued"] for row in torn)
        found.append(
            f"{n:,} of {of:,} scores bear unlike sample_weights and the others of their rater none: their means are "
            "not weighted; score those drawn under a name of their own"
        )
    return found
