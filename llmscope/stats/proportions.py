"""Intervals of shares."""

from __future__ import annotations

from math import sqrt


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval of hits / n (JASA 22, 1927); None without any trial.

    Holds its level for small n and for shares near 0 and 1, where the usual one collapses.
    """
    if n <= 0:
        return None
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (0.0 if hits == 0 else max(middle - reach, 0.0)), (1.0 if hits == n else min(middle + reach, 1.0))
