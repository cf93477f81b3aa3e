"""Rank tests of a trend: known answers, and how often they cry wolf where neighbours resemble each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.stats.families import benjamini_hochberg
from llmscope.stats.trends import autocorrelation, mann_kendall, sen_slope, trend

D19 = [5, 5.2, 4.9, 5.4, 5.6, 5.3, 5.8, 6.1, 5.9, 6.3, 6.2, 6.6]


def ar1(rng: np.random.Generator, series: int, n: int, rho: float) -> np.ndarray:
    """Stationary series whose neighbours correlate by rho, of standard deviation 1."""
    noise = rng.standard_normal((series, n))
    found = np.empty_like(noise)
    found[:, 0] = noise[:, 0]
    for t in range(1, n):
        found[:, t] = rho * found[:, t - 1] + np.sqrt(1 - rho * rho) * noise[:, t]
    return found


def test_known_answer_d19() -> None:
    """statistics.md D19, from pymannkendall and scipy."""
    test, slope = mann_kendall(D19), sen_slope(D19)

    assert 54 == test.s
    assert (212.6666667, 3.634345051, 0.000278687684, 0.8181818) == pytest.approx(
        (test.variance, test.z, test.p, test.tau), rel=1e-7
    )
    assert (0.1436507937, 0.1111111, 0.175) == pytest.approx((slope.step, slope.low, slope.high), abs=1e-7)


def test_ties_take_variance_away() -> None:
    """1 1 2 3 3: 8 pairs rise, 2 are tied. var = (5 x 4 x 15 - 2 x (2 x 1 x 9)) / 18 = 264 / 18; z = 7 / 3.829708."""
    test = mann_kendall([1, 1, 2, 3, 3])

    assert 8 == test.s
    assert (264 / 18, 1.827816, 0.8) == pytest.approx((test.variance, test.z, test.tau), abs=1e-6)


def test_a_constant_series_has_no_trend() -> None:
    """Nothing rises: p 1, slope 0, no correlation."""
    found = trend([7.0] * 10)

    assert found is not None
    assert (1.0, 0.0, 0.0, 0.0, 0.0) == (found.p, found.rho, found.slope.step, found.slope.low, found.slope.high)


def test_fewer_than_eight_periods_say_nothing() -> None:
    """Too few to say, and never a failure."""
    assert [None] * 8 == [trend([float(i) for i in range(n)]) for n in range(8)]
    assert (0, 1.0, 0.0) == (mann_kendall([3.0]).s, mann_kendall([]).p, sen_slope([1.0]).step)


def test_the_slope_is_in_the_unit_of_the_times() -> None:
    """A rise of 2 a day is 14 a week, with a day missing as well."""
    days = [0, 1, 2, 4, 5, 6, 7, 8, 9]
    found = trend([2.0 * day for day in days], [day / 7 for day in days])

    assert found is not None
    assert 14.0 == pytest.approx(found.slope.step)


@pytest.mark.parametrize("n", [8, 12, 16, 30, 60, 100])
def test_no_trend_at_correlation_one_half_is_rarely_called_one(n: int) -> None:
    """At most 7 % of trendless AR(1) series at rho 0.5 are rejected at 5 %."""
    found = [trend(list(row)) for row in ar1(np.random.default_rng(n), 600, n, 0.5)]

    assert sum(f is not None and f.p <= 0.05 for f in found) <= 0.07 * len(found)


def test_the_interval_of_the_slope_holds_zero_where_there_is_none() -> None:
    """At rho 0.5 and 60 days the 95 % interval holds the true slope, 0, in 90 % of series or more."""
    found = [trend(list(row)) for row in ar1(np.random.default_rng(5), 300, 60, 0.5)]

    assert sum(f is not None and f.slope.low <= 0 <= f.slope.high for f in found) >= 0.9 * len(found)


@pytest.mark.parametrize(
    ("n", "rho", "rise", "power"), [(12, 0.0, 4.0, 0.45), (84, 0.0, 1.0, 0.5), (84, 0.5, 2.0, 0.6)]
)
def test_a_real_trend_is_found(n: int, rho: float, rise: float, power: float) -> None:
    """4 sd over 12 weekly medians; over 84 days (12 weeks) 1 sd of independent and 2 sd of correlated days."""
    series = ar1(np.random.default_rng(3), 300, n, rho) + np.linspace(0, rise, n)
    found = [trend(list(row)) for row in series]

    assert sum(f is not None and f.p <= 0.05 and f.slope.step > 0 for f in found) >= power * len(found)


def test_correlation_is_told_without_bias() -> None:
    """Means over 400 series of 60: within .03 of rho around a mean, whatever the rho."""
    for rho in (0.3, 0.5, 0.7):
        found = [autocorrelation(list(row)) for row in ar1(np.random.default_rng(1), 400, 60, rho)]
        assert rho == pytest.approx(float(np.mean(found)), abs=0.03)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=8, max_size=25))
def test_a_series_turned_upside_down_falls_as_it_rose(values: list[int]) -> None:
    """S, z and the slope change their sign and nothing else does."""
    up, down = mann_kendall(values), mann_kendall([-v for v in values])
    rising, falling = sen_slope(values), sen_slope([-v for v in values])

    assert (up.s, up.variance, up.p) == (-down.s, down.variance, down.p)
    assert rising.step == pytest.approx(-falling.step)


def test_known_answer_d9() -> None:
    """statistics.md D9: R's p.adjust (BH)."""
    found = benjamini_hochberg([0.01, 0.02, 0.03, 0.04, 0.05, 0.0002, 0.5, 0.9, 0.0001, 0.2])

    assert [0.0333333, 0.05, 0.06, 0.0666667, 0.0714286, 0.001, 0.5555556, 0.9, 0.001, 0.25] == pytest.approx(
        found, abs=1e-7
    )


def test_tests_that_found_nothing_count() -> None:
    """One p of .01 among ten tests: q = .01 x 10 / 1."""
    assert [0.1] == pytest.approx(benjamini_hochberg([0.01], 10))
    assert [] == benjamini_hochberg([], 10)
