"""Intervals of quantiles: by order statistics where requests stand for themselves, by days where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

# Under as many days the spread between them says nothing; order statistics then assume that requests are alike.
FEWEST_DAYS = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where in the ordered values an interval ends, as probabilities in [0, 1]; None where the sample ends first."""

    low: float | None
    high: float | None
    method: str


def fewest(q: float, confidence: float = 0.95) -> int:
    """The least sample for which a quantile has a finite interval on both sides: 72 for p95, 368 for p99.

    Below it the largest value may well be smaller than the quantile. ceil(ln(alpha / 2) / ln(max(q, 1 - q))).
    """
    tail = max(q, 1 - q)
    return ceil(log((1 - confidence) / 2) / log(tail)) if 0 < tail < 1 else 1


def order_bounds(n: int, q: float, confidence: float = 0.95) -> Bounds:
    """Ranks of two order statistics between which the quantile lies, for independent values.

    Method: the binomial's (1 - confidence) / 2 quantiles; rank l = ppf(a) and u = ppf(1 - a) + 1, from 1
    (David & Nagaraja, Order Statistics, 7.1). Given as (rank - 1) / (n - 1), the probability that a type 7 quantile
    takes for that rank.
    """
    from scipy.stats import binom

    alpha = (1 - confidence) / 2
    low, high = int(binom.ppf(alpha, n, q)), int(binom.ppf(1 - alpha, n, q)) + 1
    return Bounds(at_rank(low, n), at_rank(high, n), "order statistics")


def at_rank(rank: int, n: int) -> float | None:
    """The type 7 probability of one order statistic; None outside of the sample."""
    if not 1 <= rank <= n:
        return None
    return (rank - 1) / (n - 1) if n > 1 else 0.5


def day_bounds(q: float, counts: Sequence[int], below: Sequence[int], confidence: float = 0.95) -> Bounds:
    """The same where requests of one day resemble each other: the share below the quantile, a figure a day.

    Args:
        counts: values a day; below: how many of them are at or under the estimated quantile.

    Method: Woodruff's interval (1952): the standard error of the share, as a ratio of daily sums (linearised, days
    drawn as a whole; Deng, Knoblich & Lu, KDD 2018), taken as q +- t se and turned back into values. Student's t on
    days - 1.
    """
    days, n = len(counts), sum(counts)
    share = sum(below) / n
    spread = sum((b - share * c) ** 2 for b, c in zip(below, counts, strict=True))
    error = sqrt(days / (days - 1) * spread) / n
    margin = t_quantile((1 + confidence) / 2, days - 1) * error
    low, high = q - margin, q + margin
    return Bounds(low if low > 0 else None, high if high < 1 else None, "days")


def t_quantile(p: float, df: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, p))
