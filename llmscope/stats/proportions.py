"""Intervals of shares."""

from __future__ import annotations

from math import sqrt

from llmscope.stats.quantiles import FEWEST_DAYS, DaySums, t_quantile


def wilson(hits: float, n: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval of hits / n (JASA 22, 1927); None without any trial.

    Holds its level for small n and for shares near 0 and 1, where the usual one collapses. Neither needs to be whole:
    a sample of requests that resemble each other is worth fewer.
    """
    if n <= 0:
        return None
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (0.0 if hits == 0 else max(middle - reach, 0.0)), (1.0 if hits == n else min(middle + reach, 1.0))


def chance_of_at_most(hits: int, n: int, share: float) -> float:
    """P(X <= hits) for X of Binomial(n, share): exact, where Wilson's ends are too near for few misses."""
    from scipy.special import bdtr

    return float(bdtr(hits, n, share))


def clustered(sums: DaySums, confidence: float = 0.95) -> tuple[float, float] | None:
    """The same where requests of one day resemble each other: Wilson's on as many requests as they are worth.

    Method: n is replaced by the effective size share (1 - share) / se^2, se by days, times (z / t)^2 for the few days
    it rests on, and is never taken for more than n (Korn & Graubard, Survey Methodology 24, 1998, with Wilson's in
    place of the exact interval). On fewer than 8 days, and where all or none hit, plain Wilson.
    """
    if sums.n <= 0:
        return None
    share, error = sums.share, sums.error if sums.days > 1 else 0.0
    if sums.days < FEWEST_DAYS or not 0 < sums.hits < sums.n or error == 0:
        return wilson(sums.hits, sums.n, confidence)
    from scipy.special import ndtri

    z, t = float(ndtri((1 + confidence) / 2)), t_quantile((1 + confidence) / 2, sums.days - 1)
    worth = min(share * (1 - share) / error**2 * (z / t) ** 2, sums.n)
    return wilson(share * worth, worth, confidence)
