"""Whether the level of a metric moved between two windows, with the day as the unit of evidence.

Requests of one day resemble each other, and a day resembles the next: tests that take requests for independent alarm in
most months in which nothing changed. Everything here rests on one row a day, and a change is believed when two keys
turn: a t test that allows for the correlation of neighbouring days, and one that only trusts whole weeks.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

from llmscope.stats.student import Key, two_sided, welch_df
from llmscope.stats.wander import between, dependence

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

FEWEST_ROWS = 30
FEWEST_DAYS = 8
FEWEST_WEEKS = 2
# Two weeks have two blocks, and t on 1 degree of freedom proves nothing: half weeks, where days hardly hang together.
HALF_WEEKS_UNDER = 0.3
SLOW_RHO = 0.7
# Days of two windows are alike where those of one have at most so many times the rows of the other's.
ALIKE = 1.5
# Days that differ by less than this part of the level differ by the rounding of sums alone.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Day:
    """One day's rows: how many, and the sum of their value (ln latency, 0 or 1, dollars, points)."""

    date: datetime.date
    n: int
    total: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the level per row moved from one window to the next, on the value's own scale.

    n, days, blocks: rows, days with rows and blocks of days, (before, after). before, after: levels at one and the same
    mix of weekdays; effect: their difference; crude: the difference as it is. low, high: 95 % interval of the effect,
    the wider of both keys'; se, df: of the key it comes from. equivalence_low, equivalence_high: 90 %, for the claim
    that nothing moved. p_ar1, p_weeks: the two keys. rho: correlation of a day with the next, estimated here.
    mde: the smallest effect that 4 of 5 such comparisons would find. slow: days hang together so long that p_ar1 alone
    is not trustworthy.
    """

    n: tuple[int, int]
    days: tuple[int, int]
    blocks: tuple[int, int]
    before: float
    after: float
    effect: float
    crude: float
    low: float
    high: float
    equivalence_low: float
    equivalence_high: float
    se: float
    df: float
    p_ar1: float | None
    p_weeks: float | None
    rho: float | None
    mde: float | None
    slow: bool

    @property
    def p(self) -> float:
        """What goes into a family of tests: the day key, and the larger of both where days hang together for long."""
        ps = [p for p in (self.p_ar1, self.p_weeks if self.slow else None) if p is not None]
        return max(ps, default=1.0)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Daily levels of both windows with the weekdays' pattern taken out, oldest first, before and then after."""

    dates: tuple[datetime.date, ...]
    window: Floats
    weight: Floats
    value: Floats
    before: float
    effect: float
    fitted: int

    def of(self, window: int) -> tuple[Floats, Floats]:
        """(values, weights) of one window's days."""
        chosen = self.window == window
        return self.value[chosen], self.weight[chosen]

    @property
    def residual(self) -> Floats:
        """What is left of each day around its window's level."""
        return self.value - self.before - self.effect * self.window


def shift(
    before: Sequence[Day], after: Sequence[Day], *, rho: float | None = None, adjust: bool = True
) -> Shift | None:
    """The change of level between two windows; None on too little: under 30 rows or two weeks a side.

    Args:
        rho: the least day correlation to allow for, such as the median over the slices of a report; a slice's own is
            used where it is larger.
        adjust: take out the pattern of the weekdays.

    Method: days weighted by their rows, window and weekdays fitted together by least squares. Key (i): t with the
    effective number of days under an AR(1) correlation. Key (ii): t between the means of weeks, df of the shorter
    window (Ibragimov & Mueller, REStat 98, 2016). Interval and p are for the effect of that fit. Days without any noise
    (a constant) are tested by the chance that blocks dealt at random would part so cleanly, 2 / C(q1 + q2, q1), since
    a change nobody could overlook has no standard error; without an effect p is 1.

    A rate of few events is not for this function: no event in 200 rows is a constant here, and is none.
    """
    first, last = usable(before), usable(after)
    if not (enough(first) and enough(last)):
        return None
    fit = weekday_adjusted(first, last, adjust=adjust)
    own = correlation(fit)
    used = max(own, rho or 0.0)
    sizes = block_counts(first, last, used)
    days, weeks = keys(fit, used, sizes)
    wider = max((days, weeks), key=lambda key: key.reach(0.95))
    reach, equal = wider.reach(0.95), max(days.reach(0.90), weeks.reach(0.90))
    return Shift(
        n=(rows(first), rows(last)),
        days=(len(first), len(last)),
        blocks=sizes,
        before=fit.before,
        after=fit.before + fit.effect,
        effect=fit.effect,
        crude=level(last) - level(first),
        low=fit.effect - reach,
        high=fit.effect + reach,
        equivalence_low=fit.effect - equal,
        equivalence_high=fit.effect + equal,
        se=wider.se,
        df=wider.df,
        p_ar1=days.p,
        p_weeks=weeks.p,
        rho=own,
        mde=max(days.detectable, weeks.detectable),
        slow=used > SLOW_RHO,
    )


def usable(days: Sequence[Day]) -> list[Day]:
    """The days that have rows, oldest first."""
    return sorted((day for day in days if day.n > 0), key=lambda day: day.date)


def rows(days: Sequence[Day]) -> int:
    """Rows of all days."""
    return sum(day.n for day in days)


def level(days: Sequence[Day]) -> float:
    """Mean per row of all days."""
    return sum(day.total for day in days) / rows(days)


def span(days: Sequence[Day]) -> int:
    """Days from the first to the last, both counted, those without rows too."""
    return (days[-1].date - days[0].date).days + 1


def enough(days: Sequence[Day]) -> bool:
    """Whether one window carries the daily method."""
    return rows(days) >= FEWEST_ROWS and len(days) >= FEWEST_DAYS and round(span(days) / 7) >= FEWEST_WEEKS


def weekday_adjusted(before: Sequence[Day], after: Sequence[Day], *, adjust: bool = True) -> Adjusted:
    """Daily means less their weekday's part, by weighted least squares on window and weekdays, weights the rows a day.

    A window that shares no weekday with the other is left as it is: its weekdays cannot be told from its change.
    """
    import numpy as np

    first, last = usable(before), usable(after)
    days = [*first, *last]
    weight = np.array([day.n for day in days], dtype=float)
    value = np.array([day.total / day.n for day in days], dtype=float)
    window = np.repeat([0.0, 1.0], [len(first), len(last)])
    weekday = np.array([day.date.weekday() for day in days])
    shared = set(weekday[window == 0]) & set(weekday[window == 1])
    kept = sorted(set(weekday))[1:] if adjust and shared else []
    dummies = [(weekday == one).astype(float) for one in kept]
    if dummies:
        columns = np.column_stack([np.ones_like(value), window, *dummies])
        root = np.sqrt(weight)
        middle = float(np.average(value, weights=weight))
        found = np.linalg.lstsq(columns * root[:, None], (value - middle) * root, rcond=None)[0]
        part = np.column_stack(dummies) @ found[2:]
        value = value - part + np.average(part, weights=weight)
    base = float(np.average(value[window == 0], weights=weight[window == 0]))
    effect = float(np.average(value[window == 1], weights=weight[window == 1])) - base
    return Adjusted(tuple(day.date for day in days), window, weight, value, base, effect, 2 + len(dummies))


def day_correlation(before: Sequence[Day], after: Sequence[Day]) -> float | None:
    """Correlation of a day's level with the next day's, within [0, 0.95]; None on too few days."""
    first, last = usable(before), usable(after)
    if min(len(first), len(last)) < FEWEST_DAYS:
        return None
    return correlation(weekday_adjusted(first, last))


def correlation(fit: Adjusted) -> float:
    """Of the residuals, weighted by rows; 0 for a constant."""
    import numpy as np

    if noiseless(fit):
        return 0.0
    sides = [fit.window == side for side in (0, 1)]
    ordinal = np.array([date.toordinal() for date in fit.dates])
    left = fit.residual * np.sqrt(fit.weight)
    return dependence([(ordinal[side] - ordinal[side][0], left[side]) for side in sides])


def noiseless(fit: Adjusted) -> bool:
    """Whether days differ within their window by no more than the rounding of their sums."""
    import numpy as np

    return bool(np.abs(fit.residual).max() <= ROUNDING * max(float(np.abs(fit.value).max()), 1e-300))


def block_counts(before: Sequence[Day], after: Sequence[Day], rho: float) -> tuple[int, int]:
    """Blocks a window: its weeks; half weeks where one has only two of them and days hardly hang together."""
    weeks = round(span(before) / 7), round(span(after) / 7)
    if min(weeks) <= FEWEST_WEEKS and rho < HALF_WEEKS_UNDER:
        weeks = round(span(before) / 3.5), round(span(after) / 3.5)
    return min(weeks[0], len(before) // 2), min(weeks[1], len(after) // 2)


def keys(fit: Adjusted, rho: float, sizes: tuple[int, int]) -> tuple[Key, Key]:
    """The test by days and the test by weeks."""
    if noiseless(fit):
        some = abs(fit.effect) > ROUNDING * max(abs(fit.before), abs(fit.before + fit.effect))
        counts = int((fit.window == 0).sum()), int((fit.window == 1).sum())
        return clean_cut(counts, some), clean_cut(sizes, some)
    return day_key(fit, rho), week_key(fit, rho, sizes)


def clean_cut(counts: tuple[int, int], some: bool) -> Key:
    """The test of days without noise: the chance that as many dealt at random all fall on their own side."""
    return Key(0.0, float(min(counts) - 1), 2 / comb(sum(counts), counts[0]) if some else 1.0)


def day_key(fit: Adjusted, rho: float) -> Key:
    """t with the effective number of days: var = f (s1^2 / T1 + s2^2 / T2), f = (1 + rho) / (1 - rho).

    T1, T2 are the days that the weights leave (Kish: the square of their sum over the sum of their squares), so that
    one day of a million rows counts as the one day it is. Windows whose days have about as many rows share one spread,
    df = T / f - 2. Elsewhere each has its own, with Welch's df: days of a hundred rows wander more than days of ten
    thousand, which one spread, weighted by rows, would not show (mixes of 100,000 against 1,000 rows: .84 of nothing
    would be q <= .05; so .05).
    """
    import numpy as np

    inflation = (1 + rho) / (1 - rho)
    sides = [(fit.weight[fit.window == side], fit.residual[fit.window == side]) for side in (0, 1)]
    worth = [float(weight.sum() ** 2 / (weight @ weight)) for weight, _ in sides]
    spreads = [float(np.average(left**2, weights=weight)) for weight, left in sides]
    sizes = [float(weight.mean()) for weight, _ in sides]
    if max(sizes) <= ALIKE * min(sizes):
        count = len(fit.value)
        spread = float(np.average(fit.residual**2, weights=fit.weight)) * count / (count - fit.fitted)
        variance, df = spread * (1 / worth[0] + 1 / worth[1]) * inflation, max(sum(worth) / inflation - 2, 2.0)
    else:
        free = [len(left) / max(len(left) - fit.fitted / 2, 1.0) for _, left in sides]
        errors = [s * each / t * inflation for s, each, t in zip(spreads, free, worth, strict=True)]
        df = welch_df(errors, [t / inflation - 1 for t in worth])
        variance = sum(errors)
    return Key(variance**0.5, df, two_sided(fit.effect / variance**0.5, df))


def week_key(fit: Adjusted, rho: float, sizes: tuple[int, int]) -> Key:
    """t of the effect by the spread of the blocks' means, df = min(q1, q2) - 1.

    Widened for what days that hang together leave between neighbouring weeks, which the spread of the weeks within one
    window does not show (at rho 0.9 the t of four weeks rejects 11 % of nothing, widened 5 %).
    """
    (first, last), (days, later) = sizes, (len(fit.of(side)[0]) for side in (0, 1))
    widening = between(rho, first, days / first), between(rho, last, later / last)
    found = block_t(block_means(*fit.of(0), first), block_means(*fit.of(1), last), widening)
    p = two_sided(fit.effect / found.se, found.df) if found.se > 0 else clean_cut(sizes, fit.effect != 0).p
    return Key(found.se, found.df, p)


def block_means(value: Floats, weight: Floats, size: int) -> list[float]:
    """Means of `size` nearly equal runs of days, weighted by rows."""
    import numpy as np

    parts = zip(np.array_split(value, size), np.array_split(weight, size), strict=True)
    return [float(np.average(v, weights=w)) for v, w in parts]


def block_t(before: Sequence[float], after: Sequence[float], widening: Sequence[float] = (1.0, 1.0)) -> Key:
    """Two-sample t of block means with the smaller window's degrees of freedom.

    Args:
        widening: of each window's variance.

    Welch's statistic on min(q1, q2) - 1, which holds its level for any unequal variances of the blocks (Ibragimov &
    Mueller, REStat 98, 2016, after Bakirov & Szekely).
    """
    from statistics import fmean, variance

    se = (widening[0] * variance(before) / len(before) + widening[1] * variance(after) / len(after)) ** 0.5
    df = float(min(len(before), len(after)) - 1)
    effect = fmean(after) - fmean(before)
    sizes = (len(before), len(after))
    return Key(se, df, two_sided(effect / se, df) if se > 0 else clean_cut(sizes, effect != 0).p)
