"""Estimates from a sample whose rows were not all equally likely to be in it: inverse-probability weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

from llmscope.stats.quantiles import t_quantile


@dataclass(frozen=True)
class Estimate:
    """A weighted mean and its interval; low and high are None where the rows cannot tell.

    n: rows it rests on. of: what they stand for, the sum of their weights.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    of: float


def weighted_mean(
    values: Sequence[float],
    weights: Sequence[float],
    strata: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Estimate | None:
    """The mean of all that a sample stands for (Hajek's ratio sum(w y) / sum(w)); None of no rows.

    Args:
        weights: 1/probability of each row to be in the sample.
        strata: of each row, where a fixed number was drawn at random from each stratum; without, every row came in by
            itself with its probability (a log that was thinned).
    Method: Cochran, Sampling Techniques (1977), 5.25 with 5.9 (Satterthwaite's degrees of freedom) of strata;
        Sarndal, Swensson & Wretman, Model Assisted Survey Sampling (1992), 5.7 and 3.2 (Poisson) of single rows. What
        is there in full (weight 1) adds nothing to the width.
    """
    if not values:
        return None
    of = float(sum(weights))
    mean = sum(w * y for w, y in zip(weights, values, strict=True)) / of
    variance, freedom = (
        of_single_rows(values, weights, mean, of) if strata is None else of_strata(values, weights, strata, of)
    )
    if variance is None or (variance == 0 and of > len(values) * (1 + 1e-9)):
        return Estimate(mean, None, None, len(values), of)
    reach = t_quantile((1 + confidence) / 2, freedom) * sqrt(variance) if variance else 0.0
    return Estimate(mean, mean - reach, mean + reach, len(values), of)


def of_single_rows(
    values: Sequence[float], weights: Sequence[float], mean: float, of: float
) -> tuple[float | None, float]:
    """Variance where each row came in by itself: sum(w (w - 1) (y - mean)^2) / sum(w)^2, n / (n - 1) for few."""
    n = len(values)
    if n < 2:
        return (0.0, 1.0) if weights[0] == 1 else (None, 1.0)
    total = sum(w * (w - 1) * (y - mean) ** 2 for w, y in zip(weights, values, strict=True))
    return total / of**2 * n / (n - 1), n - 1


def of_strata(
    values: Sequence[float], weights: Sequence[float], strata: Sequence[Hashable], of: float
) -> tuple[float | None, float]:
    """Variance of a stratified mean: sum((N_h / N)^2 (1 - n_h / N_h) s_h^2 / n_h), and its degrees of freedom.

    A stratum's size is the sum of its weights. Strata of which one row was taken are put together for their s^2.
    """
    rows: dict[Hashable, list[tuple[float, float]]] = {}
    for value, weight, stratum in zip(values, weights, strata, strict=True):
        rows.setdefault(stratum, []).append((value, weight))
    lone = [one for group in rows.values() if len(group) == 1 for one in group if one[1] > 1]
    spread = squared_sd([y for y, _ in lone] if len(lone) > 1 else list(values))
    variance, among = 0.0, 0.0
    for group in rows.values():
        n, size = len(group), sum(w for _, w in group)
        own = squared_sd([y for y, _ in group]) if n > 1 else spread
        if size <= n * (1 + 1e-12):
            continue
        if own is None:
            return None, 1.0
        part = (size / of) ** 2 * (1 - n / size) * own / n
        variance += part
        among += part**2 / max(n - 1, 1)
    return variance, variance**2 / among if among else 1.0


def squared_sd(values: Sequence[float]) -> float | None:
    """The sample variance; None of fewer than two."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sum((y - mean) ** 2 for y in values) / (len(values) - 1)


def worth(weight: float, squares: float, hits: float, hit_squares: float) -> float:
    """How many equally weighted rows a weighted share is worth: p (1 - p) over its variance by linearisation.

    Args:
        weight, squares: sum of the weights, and of their squares, of all rows the share is of.
        hits, hit_squares: the same of those that hit.
    Method: Korn & Graubard, Survey Methodology 24 (1998): this many trials in Wilson's interval. Where none or all
        hit, Kish's sum(w)^2 / sum(w^2).
    """
    if weight <= 0 or squares <= 0:
        return 0.0
    share = hits / weight
    variance = ((1 - share) ** 2 * hit_squares + share**2 * (squares - hit_squares)) / weight**2
    if not 0 < hits < weight or variance <= 0:
        return weight**2 / squares
    return share * (1 - share) / variance
