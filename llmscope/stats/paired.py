"""Whether two sides that answered side by side differ: by days both had, by sessions within a day, by the same item.

What happens to one side happens to the other: the weather of a day, an hour's load, an item's difficulty. Each method
here takes the difference where both were there, so that what they share cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any

from llmscope.stats.daily import (
    FEWEST_DAYS,
    FEWEST_ROWS,
    ROUNDING,
    SLOW_RHO,
    Day,
    Shift,
    block_means,
)  # fmt: skip
from llmscope.stats.student import Key, two_sided
from llmscope.stats.wander import LARGEST_RHO

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

# Fewer weeks than this say nothing of themselves: half weeks stand for them, from three on.
FEWEST_WEEKS, FEWEST_HALVES = 4, 3


@dataclass(frozen=True, slots=True)
class Difference:
    """B less A on the value's own scale, whichever way it was found.

    low, high: 95 % interval; equivalence: the 90 % one. p: what goes into a family of tests; p_weeks: the second key,
    None where there is none. units: what was counted as independent (days, sessions, pairs) and how many of them.
    mde: the smallest difference that 4 of 5 such comparisons would find.
    """

    effect: float
    low: float
    high: float
    equivalence: tuple[float, float]
    p: float
    p_weeks: float | None
    method: str
    units: int
    rho: float | None = None
    mde: float | None = None
    slow: bool = False

    def real(self, q: float, level: float = 0.05) -> bool:
        """Whether both keys turn, the first after its family was counted in."""
        return q <= level and (self.p_weeks is None or self.p_weeks <= level)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Sessions of one side and one day: how many, rows n and sum x of each, in sums over sessions."""

    sessions: int
    n: int
    total: float
    n_squared: float
    n_by_total: float
    total_squared: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        """Of the mean per row, sessions drawn as a whole: m / (m - 1) x sum of (x - mean n)^2 / n^2 (linearised)."""
        m, mean = self.sessions, self.mean
        spread = self.total_squared - 2 * mean * self.n_by_total + mean * mean * self.n_squared
        return m / (m - 1) * max(spread, 0.0) / self.n**2


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sums over items that both sides answered: a and b are an item's mean on each side."""

    n: int
    a: float
    b: float
    a_squared: float
    b_squared: float
    a_by_b: float


def of_shift(shift: Shift) -> Difference:
    """Two windows at different times, as `drift` compares them."""
    equivalence = shift.equivalence_low, shift.equivalence_high
    return Difference(
        shift.effect, shift.low, shift.high, equivalence, shift.p, shift.p_weeks, "days apart", sum(shift.days),
        shift.rho, shift.mde, shift.slow,
    )  # fmt: skip


def from_key(effect: float, found: Key, method: str, units: int) -> Difference:
    """One test's outcome as a difference."""
    reach, equal = found.reach(0.95), found.reach(0.90)
    return Difference(
        effect, effect - reach, effect + reach, (effect - equal, effect + equal), found.p, None, method, units,
        mde=found.detectable,
    )  # fmt: skip


def by_days(a: Sequence[Day], b: Sequence[Day]) -> Difference | None:
    """Differences of the days on which both sides had rows; None on fewer than 8 of them, or 30 rows a side.

    Method: days weighted by n_a n_b / (n_a + n_b), as Mantel and Haenszel weigh strata. Key (i): one-sample t with
    the effective number of days, var = s^2 / T f, f = (1 + rho) / (1 - rho), T after Kish; key (ii): t of
    the means of weeks, of half weeks where there are not four, on their number less one (Ibragimov & Mueller, REStat
    98, 2016). The interval is the wider of both. tests/bench/simulate_compare.py has its false alarms: at a day
    correlation of .5 at most 4 % (7 % on 8 days); at .7 3 to 7 % from four weeks on, 5 to 9 % under, 13 % on 8 days.
    """
    import numpy as np

    of_b = {day.date: day for day in b if day.n > 0}
    both = sorted(((one, of_b[one.date]) for one in a if one.n > 0 and one.date in of_b), key=lambda two: two[0].date)
    rows = sum(one.n for one, _ in both), sum(other.n for _, other in both)
    if len(both) < FEWEST_DAYS or min(rows) < FEWEST_ROWS:
        return None
    value = np.array([other.total / other.n - one.total / one.n for one, other in both])
    size = max(max(abs(one.total / one.n), abs(other.total / other.n)) for one, other in both)
    weight = np.array([one.n * other.n / (one.n + other.n) for one, other in both])
    effect = float(np.average(value, weights=weight))
    residual = value - effect
    if float(np.abs(residual).max()) <= ROUNDING * max(size, 1e-300):
        # Without any noise the signs alone are left: the chance that all days lean one way.
        p = 2.0 ** (1 - len(both)) if abs(effect) > ROUNDING * size else 1.0
        return Difference(effect, effect, effect, (effect, effect), p, None, "same days", len(both), 0.0, 0.0)
    ordinal = np.array([one.date.toordinal() for one, _ in both])
    rho = correlation(residual * np.sqrt(weight), ordinal)
    days = day_key(effect, residual, weight, rho)
    weeks = week_key(effect, value, weight, int(ordinal[-1] - ordinal[0] + 1))
    every = [key for key in (days, weeks) if key]
    reach, equal = (max(key.reach(confidence) for key in every) for confidence in (0.95, 0.90))
    slow = rho > SLOW_RHO
    return Difference(
        effect, effect - reach, effect + reach, (effect - equal, effect + equal),
        max(key.p for key in every) if slow else days.p, weeks.p if weeks else None, "same days", len(both),
        rho, max(key.detectable for key in every), slow,
    )  # fmt: skip


def correlation(left: Floats, ordinal: Floats) -> float:
    """Lag-one correlation of the days' differences, of days that follow each other; corrected, within [0, 0.95].

    (T r + 1) / (T - 3): the bias of T days around one mean, -(1 + 3 rho) / T (Marriott & Pope, Biometrika 41, 1954).
    """
    import numpy as np

    together = np.diff(ordinal) == 1
    pairs, count = int(together.sum()), len(left)
    if pairs < FEWEST_DAYS - 1:
        return 0.0
    r = float((left[1:] * left[:-1])[together].sum()) / float(left @ left) * (count - 1) / pairs
    return min(max((count * r + 1) / (count - 3), 0.0), LARGEST_RHO)


def day_key(effect: float, residual: Floats, weight: Floats, rho: float) -> Key:
    """The test by days."""
    import numpy as np

    inflation, count = (1 + rho) / (1 - rho), len(residual)
    spread = float(np.average(residual**2, weights=weight)) * count / (count - 1)
    worth = float(weight.sum() ** 2 / (weight @ weight))
    se = sqrt(spread / worth * inflation)
    df = max(worth / inflation - 1, 2.0)
    return Key(se, df, two_sided(effect / se, df))


def week_key(effect: float, value: Floats, weight: Floats, span: int) -> Key | None:
    """The test by weeks or half weeks; None on too few of both."""
    from statistics import variance

    blocks = round(span / 7) if round(span / 7) >= FEWEST_WEEKS else round(span / 3.5)
    blocks = min(blocks, len(value) // 2)
    if blocks < FEWEST_HALVES:
        return None
    se = sqrt(variance(block_means(value, weight, blocks)) / blocks)
    df = float(blocks - 1)
    return Key(se, df, two_sided(effect / se, df) if se > 0 else float(effect == 0))


def by_sessions(strata: Sequence[tuple[Clusters, Clusters]], ratio: bool = False) -> Difference | None:
    """Differences within each stratum (a day), sessions being independent; None without 30 rows and sessions a side.

    Args:
        ratio: the difference of the logarithms of the two levels rather than of the levels.

    Method: strata weighted by n_a n_b / (n_a + n_b); the variance of each mean by sessions; t on the sessions of the
    smaller side less the strata. A stratum with fewer than two sessions on a side has no variance and is left out.
    """
    kept = [(a, b) for a, b in strata if min(a.sessions, b.sessions) >= 2]
    sessions = sum(a.sessions for a, _ in kept), sum(b.sessions for _, b in kept)
    rows = sum(a.n for a, _ in kept), sum(b.n for _, b in kept)
    if not kept or min(*sessions, *rows) < FEWEST_ROWS:
        return None
    weights = [a.n * b.n / (a.n + b.n) for a, b in kept]
    parts = [weight / sum(weights) for weight in weights]
    levels = [sum(w * side.mean for w, side in zip(parts, sides, strict=True)) for sides in zip(*kept, strict=True)]
    if ratio and min(levels) <= 0:
        return None
    of = levels if ratio else [1.0, 1.0]
    effect = log(levels[1] / levels[0]) if ratio else levels[1] - levels[0]
    pairs = zip(parts, kept, strict=True)
    se = sqrt(sum(w * w * (a.variance / of[0] ** 2 + b.variance / of[1] ** 2) for w, (a, b) in pairs))
    if se <= 0:
        return None
    df = float(max(min(sessions) - len(kept), 1))
    return from_key(effect, Key(se, df, two_sided(effect / se, df)), "sessions", sum(sessions))


def by_pairs(sums: Pairs, ratio: bool = False) -> Difference | None:
    """Differences of the items that both sides answered, one figure an item; None on fewer than 30 pairs.

    Args:
        ratio: the difference of the logarithms of the two means: each side is linearised as value / mean.

    Method: paired t (Student 1908); what one item is harder than another cancels.
    """
    n = sums.n
    if n < FEWEST_ROWS:
        return None
    a, b = sums.a / n, sums.b / n
    if ratio and min(a, b) <= 0:
        return None
    of_a, of_b = (a, b) if ratio else (1.0, 1.0)
    var_a, var_b = (sums.a_squared / n - a * a) / of_a**2, (sums.b_squared / n - b * b) / of_b**2
    together = (sums.a_by_b / n - a * b) / (of_a * of_b)
    effect = log(b / a) if ratio else b - a
    variance = (var_a + var_b - 2 * together) * n / (n - 1)
    if variance <= ROUNDING**2 * max(var_a, var_b, 1e-300):
        return Difference(effect, effect, effect, (effect, effect), float(effect == 0), None, "pairs", n, mde=0.0)
    se = sqrt(variance / n)
    return from_key(effect, Key(se, float(n - 1), two_sided(effect / se, n - 1)), "pairs", n)


def as_ratio(a: Sequence[Day], b: Sequence[Day]) -> tuple[list[Day], list[Day]] | None:
    """Days whose difference of levels is the logarithm of the ratio of the two sides' means; None where one is not > 0.

    Each day's total is divided by its side's mean, and ln(mean_b / mean_a) is added to each row of b: to first order
    a day's share in the logarithm of its side's mean (the delta method), so that any test of a difference of daily
    means tests the ratio.
    """
    means = [sum(d.total for d in days) / n if (n := sum(d.n for d in days)) else 0.0 for days in (a, b)]
    if min(means) <= 0:
        return None
    along = log(means[1] / means[0])
    return (
        [Day(d.date, d.n, d.total / means[0]) for d in a],
        [Day(d.date, d.n, d.total / means[1] + along * d.n) for d in b],
    )
