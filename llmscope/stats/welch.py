"""Two means from counts, sums and sums of squares, of rows that are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from llmscope.stats.quantiles import t_quantile


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and variance (n - 1) of one side."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of(cls, n: int, total: float, squares: float) -> Moments:
        """From sums; the variance is 0 where rounding would put it under."""
        mean = total / n
        return cls(n, mean, max(squares - total * mean, 0.0) / (n - 1) if n > 1 else 0.0)


@dataclass(frozen=True, slots=True)
class Compared:
    """The difference after - before with its interval, and the test of none."""

    difference: float
    low: float
    high: float
    t: float
    df: float
    p: float


def welch(before: Moments, after: Moments, confidence: float = 0.95) -> Compared | None:
    """Welch's t (Biometrika 34, 1947) of after less before; None on fewer than two rows a side, or without any spread.

    Only for rows known to be independent: where days wander it raises false alarms (statistics of `drift`).
    """
    if min(before.n, after.n) < 2 or before.variance + after.variance <= 0:
        return None
    from scipy.special import stdtr

    parts = before.variance / before.n, after.variance / after.n
    error = sqrt(sum(parts))
    df = sum(parts) ** 2 / (parts[0] ** 2 / (before.n - 1) + parts[1] ** 2 / (after.n - 1))
    difference = after.mean - before.mean
    reach = t_quantile((1 + confidence) / 2, df) * error
    t = difference / error
    return Compared(difference, difference - reach, difference + reach, t, df, float(2 * stdtr(df, -abs(t))))
