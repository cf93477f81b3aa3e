"""Carries a running month to its end from daily totals, with a prediction interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

FEWEST_DAYS = 7
WEEKDAY_DAYS = 21
LARGEST_RHO = 0.9


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the remaining days will add: mean and interval, and the days it rests on."""

    mean: float
    low: float
    high: float
    days: int


def rest_of_month(
    daily: Sequence[float], weekdays: Sequence[int], ahead: Sequence[int], confidence: float = 0.95
) -> Forecast | None:
    """The sum over the days ahead, from complete past days.

    Args:
        daily: one total a day, USD, oldest first. weekdays: their weekdays, 0..6.
        ahead: the weekdays of the days to come.

    Method: the mean of the past days, by weekday once there are three weeks; the spread of the residuals, widened for
    the correlation of one day with the next (AR(1), estimated, bounded at 0.9) and for the uncertainty of the mean
    itself; Student's t with the effective number of days less one. None on fewer than 7 days.
    """
    n = len(daily)
    if n < FEWEST_DAYS:
        return None
    level = weekday_means(daily, weekdays) if n >= WEEKDAY_DAYS else dict.fromkeys(range(7), sum(daily) / n)
    overall = sum(daily) / n
    residuals = [value - level.get(day, overall) for value, day in zip(daily, weekdays, strict=True)]
    free = n - (len(level) if n >= WEEKDAY_DAYS else 1)
    spread = sqrt(sum(r * r for r in residuals) / max(free, 1))
    rho = lag_one(residuals)
    wider = (1 + rho) / (1 - rho)
    effective = max(n / wider, 2.0)
    count = len(ahead)
    mean = sum(level.get(day, overall) for day in ahead)
    error = spread * sqrt(count * wider + count * count / effective) if count else 0.0
    margin = t_quantile((1 + confidence) / 2, effective - 1) * error
    return Forecast(mean, max(mean - margin, 0.0), mean + margin, n)


def weekday_means(daily: Sequence[float], weekdays: Sequence[int]) -> dict[int, float]:
    """Mean total of each weekday."""
    found: dict[int, list[float]] = {}
    for value, day in zip(daily, weekdays, strict=True):
        found.setdefault(day, []).append(value)
    return {day: sum(values) / len(values) for day, values in found.items()}


def lag_one(residuals: Sequence[float]) -> float:
    """Correlation of a day with the next, corrected for the bias of short series ((1 + 3 rho) / n), in [0, 0.9]."""
    n, square = len(residuals), sum(r * r for r in residuals)
    if not square:
        return 0.0
    rho = sum(a * b for a, b in pairwise(residuals)) / square
    return min(max(rho + (1 + 3 * rho) / n, 0.0), LARGEST_RHO)


def t_quantile(p: float, df: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, p))
