"""Shifts between two windows of days: known answers, what holds for any days, and odd histories."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from llmscope.stats.daily import (
    Day,
    Shift,
    block_t,
    day_correlation,
    day_key,
    shift,
    weekday_adjusted,
)
from llmscope.stats.wander import between, variance_of_mean
from llmscope.stats.woodruff import quantile_bounds

MONDAY = datetime.date(2026, 1, 5)
Days = list[Day]


def days(values: Sequence[float], start: int = 0, n: int | Sequence[int] = 100) -> Days:
    """One day a value, from a Monday on."""
    sizes = [n] * len(values) if isinstance(n, int) else n
    dates = (MONDAY + datetime.timedelta(days=start + i) for i in range(len(values)))
    return [Day(date, size, size * value) for date, size, value in zip(dates, sizes, values, strict=True)]


def noise(length: int, seed: int, sd: float = 0.1) -> list[float]:
    """Independent days."""
    return [float(v) for v in np.random.default_rng(seed).normal(1, sd, length)]


def of(before: Days, after: Days, rho: float | None = None) -> Shift:
    """A shift that is there."""
    found = shift(before, after, rho=rho)
    assert found is not None
    return found


def test_blocks_known_answer() -> None:
    """D17: R's t.test on four weeks against four, with 3 degrees of freedom."""
    key = block_t([1.00, 1.04, 0.98, 1.02], [1.12, 1.09, 1.15, 1.10])

    assert key.df == 3
    assert 0.105 / key.se == pytest.approx(5.6805186984)
    assert key.p == pytest.approx(0.0108108222717)
    assert (0.105 - key.reach(0.95), 0.105 + key.reach(0.95)) == pytest.approx((0.0461749385, 0.1638250615))


def test_day_key_without_correlation_is_students() -> None:
    """At rho 0, equal days and no weekdays, scipy's pooled t test says the same."""
    before, after = noise(31, 1), noise(28, 2)
    key = day_key(weekday_adjusted(days(before), days(after, 31), adjust=False), 0.0)
    oracle = ttest_ind(before, after)

    assert key.df == pytest.approx(31 + 28 - 2)
    assert key.p == pytest.approx(oracle.pvalue)


def test_windows_of_unlike_days_have_a_spread_each() -> None:
    """Days of 1,000 rows against days of 100: scipy's Welch test says the same."""
    before, after = noise(31, 1), [4 * value for value in noise(28, 2)]
    many = days(before, n=1000)
    key = day_key(weekday_adjusted(many, days(after, 31), adjust=False), 0.0)
    oracle = ttest_ind(before, after, equal_var=False)

    assert key.df == pytest.approx(oracle.df)
    assert key.p == pytest.approx(oracle.pvalue)


def test_correlation_widens_as_worked_out() -> None:
    """At rho 1/2 the variance is (1 + 1/2) / (1 - 1/2) = 3 times as large, and 56 days are worth 56 / 3."""
    fit = weekday_adjusted(days(noise(28, 1)), days(noise(28, 2), 28), adjust=False)

    assert day_key(fit, 0.5).se == pytest.approx(3**0.5 * day_key(fit, 0.0).se)
    assert day_key(fit, 0.5).df == pytest.approx(56 / 3 - 2)


def test_weekdays_are_taken_out() -> None:
    """A month of five weekends is not slower for it: weekends are 1 slower, nothing moved, the crude mean did."""
    weekday = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    before = days([weekday[i % 7] for i in range(26)])
    after = days([weekday[(26 + i) % 7] for i in range(30)], 26)
    found = of(before, after)

    # before: 3 whole weeks and Monday to Friday, 6 weekend days of 26; after: 10 of 30 (26 is a Saturday)
    assert found.crude == pytest.approx(10 / 30 - 6 / 26)
    assert found.effect == pytest.approx(0, abs=1e-12)
    # both at the mix of all 56 days, 16 of them weekend days
    assert (found.before, found.after) == pytest.approx((16 / 56, 16 / 56))
    assert (found.p_ar1, found.p_weeks) == (1.0, 1.0)


def test_weights_are_rows() -> None:
    """Levels are means per row: 10 rows at 1 and 30 at 2 are 1.75, whatever the days."""
    before = days([1.0, 2.0] * 7, n=[10, 30] * 7)
    after = days([2.0, 3.0] * 7, 14, n=[10, 30] * 7)
    found = shift(before, after, adjust=False)

    assert found is not None
    assert (found.before, found.after, found.effect) == pytest.approx((1.75, 2.75, 1.0))
    assert (found.n, found.days) == ((280, 280), (14, 14))


def test_a_constant_that_stays() -> None:
    """Days without noise and without a change: nothing to find, and no division by zero."""
    found = of(days([2.0] * 28), days([2.0] * 28, 28))

    assert (found.effect, found.low, found.high, found.p_ar1, found.p_weeks) == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_a_constant_that_changes() -> None:
    """A change no day contradicts: p is the chance that as many days, or weeks, would part so cleanly."""
    found = of(days([2.0] * 28), days([2.5] * 28, 28))

    assert found.effect == pytest.approx(0.5)
    assert found.p_ar1 == pytest.approx(2 / comb(56, 28))
    assert found.p_weeks == pytest.approx(2 / 70)  # 4 weeks of 8 can be chosen in 70 ways


def test_rounding_of_sums_is_no_noise() -> None:
    """A third a row does not sum to the same last bit every day."""
    before = [Day(d.date, d.n, d.total + 1e-13 * i) for i, d in enumerate(days([1 / 3] * 28))]

    assert of(before, days([1 / 3] * 28, 28)).p_ar1 == 1.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (days([1.0] * 28), []),
        ([], []),
        (days([1.0] * 28), days([1.0] * 7, 28)),  # one week
        (days([1.0, 2.0] * 14, n=1), days([1.0] * 28, 28)),  # 28 rows
        (days([1.0] * 28), [Day(MONDAY + datetime.timedelta(days=d), 50, 50.0) for d in (30, 40, 50)]),  # 3 days
        (days([1.0] * 28), days([0.0] * 28, 28, n=0)),
    ],
)
def test_too_little(before: Days, after: Days) -> None:
    """Under 30 rows or two weeks a side there is no shift by days."""
    assert shift(before, after) is None


def test_two_weeks_have_two_blocks_or_four() -> None:
    """Half weeks where days hardly hang together, whole weeks and so no proof where they do."""
    before, after = days(noise(14, 3)), days(noise(14, 4), 14)

    assert of(before, after, rho=0.0).blocks == (4, 4)
    assert of(before, after, rho=0.5).blocks == (2, 2)
    assert (of(before, after, rho=0.5).mde or 0) > 2 * (of(before, after, rho=0.0).mde or 1)


def test_weeks_of_other_windows() -> None:
    """Twelve weeks against four have 12 and 4 blocks and 3 degrees of freedom; work days alone make weeks too."""
    assert of(days(noise(84, 1)), days(noise(28, 2), 84)).blocks == (12, 4)
    work = [d for d in days(noise(28, 1)) if d.date.weekday() < 5]
    assert of(work, days(noise(28, 2), 28)).blocks == (4, 4)


def test_one_huge_day_is_one_day() -> None:
    """A day of half of all rows at another level moves the mean and proves nothing; spread over all days it does."""
    sizes = [100] * 27 + [2700]
    found = of(days(noise(28, 5, 0.01)), days([*noise(27, 6, 0.01), 2.0], 28, n=sizes))

    assert found.effect > 0.1
    assert min(found.p_ar1 or 0, found.p_weeks or 0) > 0.05
    assert of(days(noise(28, 5, 0.01)), days([v + 0.5 for v in noise(28, 6, 0.01)], 28)).p < 1e-6


def test_missing_days_are_no_neighbours() -> None:
    """Every other day is missing: neighbours cannot be seen to resemble each other."""
    wave = [1 + 0.1 * np.sin(i / 3) for i in range(112)]
    every = days([float(v) for v in wave])

    assert (day_correlation(every[:56], every[56:]) or 0) > 0.8
    assert day_correlation(every[:56:2], every[56::2]) == 0.0


def test_too_few_days_have_no_correlation() -> None:
    """None, not 0."""
    assert day_correlation(days([1.0, 2.0] * 3), days([1.0] * 28, 28)) is None


@pytest.mark.parametrize(("rho", "low", "high"), [(0.0, 0.0, 0.2), (0.5, 0.45, 0.65), (0.7, 0.65, 0.8)])
def test_correlation_is_near_the_truth(rho: float, low: float, high: float) -> None:
    """The mean estimate over 100 months of AR(1) days; it errs to the careful side."""
    rng, found = np.random.default_rng(11), []
    for _ in range(100):
        series = [float(rng.normal(0, 1))]
        for step in rng.normal(0, np.sqrt(1 - rho**2), 58):
            series.append(rho * series[-1] + float(step))
        found.append(day_correlation(days(series[:31]), days(series[31:], 31)) or 0.0)

    assert low < np.mean(found) < high


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.7, 0.9])
def test_the_spread_of_weeks_by_matrices(rho: float) -> None:
    """What four weeks' spread misses of the variance of their mean, from the whole correlation matrix."""
    place = np.arange(28)
    weeks = np.kron(np.eye(4), np.ones(7) / 7)
    matrix = weeks @ rho ** np.abs(place[:, None] - place[None]) @ weeks.T if rho else np.eye(4) / 7
    whole = matrix.mean()
    spread = (np.trace(matrix) - 4 * whole) / 3

    assert variance_of_mean(rho, 28) == pytest.approx(whole)
    assert between(rho, 4, 7) == pytest.approx(whole / (spread / 4))


def test_bounds_of_a_quantile() -> None:
    """p95 with 5 % to 8.3 % over the old one, +- 1 point: between the later window's p94 and p96."""
    found = of(days(noise(28, 1)), days(noise(28, 2), 28))
    half = (found.high - found.low) / 2

    assert quantile_bounds(0.5, found) == pytest.approx((0.5 - half, 0.5 + half))
    assert quantile_bounds(1 - half / 2, found)[1] is None
    assert quantile_bounds(half / 2, found)[0] is None


def test_a_given_correlation_only_widens() -> None:
    """The median over the slices is used where it is larger than a slice's own, and the own is what is shown."""
    before, after = days(noise(28, 7)), days(noise(28, 8), 28)
    plain, wide = of(before, after), of(before, after, rho=0.8)

    assert plain == of(before, after, rho=0.0)
    assert plain.rho == wide.rho
    assert (wide.p_ar1 or 0) > (plain.p_ar1 or 1)
    assert (wide.p_weeks or 0) > (plain.p_weeks or 1)
    assert (plain.slow, wide.slow) == (False, True)
    assert wide.p == max(wide.p_ar1 or 0, wide.p_weeks or 0)


windows = st.lists(
    st.tuples(st.integers(1, 500), st.integers(-1000, 1000)).map(lambda pair: (pair[0], pair[1] / 100)),
    min_size=14,
    max_size=40,
)


def made(window: list[tuple[int, float]], start: int, plus: float = 0.0, times: int = 1) -> Days:
    """Days of drawn rows and levels."""
    return days([level + plus for _, level in window], start, n=[times * n for n, _ in window])


@settings(deadline=None, max_examples=60)
@given(windows, windows)
def test_swapping_the_windows_flips_the_sign(first: list[tuple[int, float]], last: list[tuple[int, float]]) -> None:
    """The same evidence the other way round."""
    # the swapped windows keep their dates, so that weekdays and neighbours stay what they are
    there = shift(made(first, 0), made(last, 42))
    back = shift(made(last, 42), made(first, 0))
    if there is None or back is None:
        assert there is back is None
        return

    assert (there.effect, there.low, there.high) == pytest.approx((-back.effect, -back.high, -back.low), abs=1e-9)
    assert (there.p_ar1, there.p_weeks) == pytest.approx((back.p_ar1, back.p_weeks), abs=1e-6)
    assert (there.before, there.after) == pytest.approx((back.after, back.before), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(windows, windows, st.integers(-50, 50))
def test_a_constant_added_changes_levels_alone(
    first: list[tuple[int, float]], last: list[tuple[int, float]], plus: int
) -> None:
    """The zero of the scale is of no matter."""
    found, moved = shift(made(first, 0), made(last, 42)), shift(made(first, 0, plus), made(last, 42, plus))
    if found is None or moved is None:
        assert found is moved is None
        return

    assert (found.effect, found.low, found.high) == pytest.approx((moved.effect, moved.low, moved.high), abs=1e-6)
    assert found.before + plus == pytest.approx(moved.before, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(windows, windows, st.integers(2, 50))
def test_rows_said_twice_prove_no_more(
    first: list[tuple[int, float]], last: list[tuple[int, float]], times: int
) -> None:
    """A day of twice the rows at the same level is the same evidence: the day is the unit."""
    found, more = shift(made(first, 0), made(last, 42)), shift(made(first, 0, 0, times), made(last, 42, 0, times))
    if found is None:  # under 30 rows
        return

    assert more is not None
    assert (found.effect, found.low, found.high, found.rho) == pytest.approx(
        (more.effect, more.low, more.high, more.rho)
    )


@settings(deadline=None, max_examples=60)
@given(windows, windows, st.randoms())
def test_the_order_of_days_is_of_no_matter(
    first: list[tuple[int, float]], last: list[tuple[int, float]], chance: object
) -> None:
    """Rows come in any order; days without rows are no days."""
    before, after = made(first, 0), made(last, 42)
    mixed = [*before, Day(MONDAY - datetime.timedelta(days=9), 0, 0.0)]
    chance.shuffle(mixed)  # type: ignore[attr-defined]

    assert shift(before, after) == shift(mixed, after[::-1])


@settings(deadline=None, max_examples=100)
@given(windows, windows)
def test_the_interval_and_the_keys_agree(first: list[tuple[int, float]], last: list[tuple[int, float]]) -> None:
    """The 95 % interval misses 0 exactly where both keys turn, and holds the 90 % one."""
    found = shift(made(first, 0), made(last, 42))
    if found is None or found.se == 0 or abs(max(found.p_ar1 or 0, found.p_weeks or 0) - 0.05) < 1e-6:
        return

    both = max(found.p_ar1 or 0, found.p_weeks or 0) <= 0.05
    assert both == (found.low > 0 or found.high < 0)
    assert found.low <= found.equivalence_low <= found.effect <= found.equivalence_high <= found.high
