"""How many rows a comparison takes, and the smallest change that so many rows would show."""

from __future__ import annotations

from math import ceil, inf, sqrt

from llmscope.stats.quantiles import t_quantile

ALPHA = 0.05
POWER = 0.8


def factor(df: float = inf, alpha: float = ALPHA, power: float = POWER) -> float:
    """How many standard errors a change must be to be seen: t(1 - alpha / 2) + t(power).

    4.16 between 4 and 4 weeks (3 degrees of freedom), 2.80 for many independent rows.
    """
    if df == inf:
        return normal(1 - alpha / 2) + normal(power)
    return t_quantile(1 - alpha / 2, df) + t_quantile(power, df)


def detectable(se: float, df: float = inf, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest change seen with that power, in the unit of the standard error."""
    return factor(df, alpha, power) * se


def detectable_mean(
    sd: float, n: tuple[float, float], design: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest difference of two means seen, in the unit of sd; None without rows on a side.

    Args:
        n: rows before and after. design: the design effect, how many rows are worth one independent row.
    """
    if min(n) <= 0:
        return None
    return detectable(sd * sqrt(design * (1 / n[0] + 1 / n[1])), inf, alpha, power)


def detectable_rate(
    rate: float, n: tuple[float, float], design: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest difference from `rate` seen, as a share, on the spread that `rate` itself has.

    Around 2 %: 5.5 points at 100 rows a side, 1.8 at 1,000, .55 at 10,000, .18 at 100,000.
    """
    return detectable_mean(sqrt(rate * (1 - rate)), n, design, alpha, power)


def rows_for_means(
    sd: float, difference: float, design: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Rows a side to see a difference of two means: 2 (z + z)^2 sd^2 / difference^2; None for no difference."""
    if difference == 0:
        return None
    return ceil(design * 2 * (factor(inf, alpha, power) * sd / difference) ** 2)


def rows_for_rates(
    before: float, after: float, design: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Rows a side to tell two rates apart; None where they are equal.

    (z(1 - alpha / 2) sqrt(2 m (1 - m)) + z(power) sqrt(p (1 - p) + q (1 - q)))^2 / (p - q)^2, m their middle (Fleiss,
    Statistical Methods for Rates and Proportions, 3rd ed., 4.14), without a correction for continuity.
    """
    if before == after:
        return None
    middle = (before + after) / 2
    same = normal(1 - alpha / 2) * sqrt(2 * middle * (1 - middle))
    other = normal(power) * sqrt(before * (1 - before) + after * (1 - after))
    return ceil(design * ((same + other) / (before - after)) ** 2)


def design_effect(size: float, alike: float) -> float:
    """How many rows are worth one: 1 + (size - 1) alike (Kish, Survey Sampling, 1965).

    Args:
        size: rows a session (or day); weighted by themselves where sessions differ in size.
        alike: the correlation of two rows of one session, in [0, 1].
    """
    return 1 + max(size - 1, 0.0) * min(max(alike, 0.0), 1.0)


def design_of_days(error: float, rate: float, n: float) -> float:
    """The design effect that a rate's day-clustered standard error shows; at least 1."""
    plain = rate * (1 - rate) / n if n > 0 else 0.0
    return max(error**2 / plain, 1.0) if plain > 0 else 1.0


def normal(p: float) -> float:
    """The standard normal's quantile."""
    from scipy.special import ndtri

    return float(ndtri(p))
