"""Intervals of quantiles: known ranks, figures by hand, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from llmscope.stats.quantiles import (
    Bounds,
    DaySums,
    binomial_quantile,
    bounds,
    day_bounds,
    fewest,
    order_bounds,
    places,
)


@pytest.mark.parametrize(("q", "n"), [(0.95, 72), (0.99, 368), (0.999, 3688), (0.05, 72), (0.5, 6)])
def test_the_least_sample_for_a_finite_interval(q: float, n: int) -> None:
    """ceil(ln 0.025 / ln q); below, the largest value is too often smaller than the quantile."""
    assert n == fewest(q)
    assert None not in (order_bounds(n, q).low, order_bounds(n, q).high)
    assert None in (order_bounds(n - 1, q).low, order_bounds(n - 1, q).high)


@pytest.mark.parametrize(("n", "q", "low", "high"), [(100, 0.5, 40, 61), (1000, 0.99, 983, 997)])
def test_ranks_of_order_statistics(n: int, q: float, low: int, high: int) -> None:
    """Known answers: l = ppf(.025), u = ppf(.975) + 1, counted from 1."""
    found = order_bounds(n, q)

    assert (low - 1) / (n - 1) == found.low
    assert (high - 1) / (n - 1) == found.high


@given(st.integers(1, 100_000), st.floats(0.001, 0.999), st.sampled_from([0.005, 0.025, 0.975, 0.995]))
def test_binomial_quantiles_are_scipys(n: int, q: float, p: float) -> None:
    """scipy.stats is not imported by the program: it takes most of a second."""
    assert int(binom.ppf(p, n, q)) == binomial_quantile(p, n, q)


def test_the_error_of_a_share_by_days() -> None:
    """Days of 10, 10 and 20 values, 9, 10 and 17 of them hits: the share is 36/40 = 0.9.

    b - 0.9 c: 0, 1, -1; squares sum to 2; 3/2 x 2 = 3; error sqrt(3)/40.
    """
    sums = DaySums.of([10, 10, 20], [9, 10, 17])

    assert DaySums(3, 40, 36, 81 + 100 + 289, 90 + 100 + 340, 100 + 100 + 400) == sums
    assert pytest.approx(math.sqrt(3) / 40, rel=1e-14) == sums.error


def test_an_interval_by_days() -> None:
    """Eight days of 100 values, 94 or 96 of them at or under p95: each is 1 off, so 8/7 x 8 = 64/7.

    Error sqrt(64/7)/800 = 0.00377964; t(0.975; 7 df) = 2.36462425; 0.95 -+ 0.00893744.
    """
    found = day_bounds(0.95, DaySums.of([100] * 8, [94, 96] * 4))

    assert found.low is not None
    assert found.high is not None
    assert (pytest.approx(0.94106256, abs=1e-8), pytest.approx(0.95893744, abs=1e-8)) == (found.low, found.high)


def test_which_method() -> None:
    """Days where there are 8 of them, order statistics on 7, nothing on 71 values."""
    assert "days" == bounds(0.95, DaySums.of([100] * 8, [95, 96] * 4)).method
    assert "order statistics" == bounds(0.95, DaySums.of([100] * 7, [95] * 7)).method
    assert Bounds(None, None, "n too small") == bounds(0.95, DaySums.of([71], [68]))


def test_an_end_beyond_the_sample_is_none() -> None:
    """All that is over p99 stands on one of eight days: the upper end would lie above 1."""
    found = bounds(0.99, DaySums.of([50] * 8, [50] * 7 + [46]))

    assert found.high is None
    assert found.low is not None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_places_are_numpys_linear_interpolation(n: int, p: float) -> None:
    """Type 7 on the values 0, 1, 2, ... is the position itself."""
    low, high, along = places(p, n)

    assert 0 <= low <= high <= n - 1
    assert pytest.approx(np.quantile(np.arange(n), p), rel=1e-9, abs=1e-9) == low + (high - low) * along


def coverage(days: int, a_day: int, day_sd: float, seed: int, by_days: bool = True) -> float:
    """How often the interval of p95 holds the true p95 of lognormal values whose days differ."""
    random, repeats, held = np.random.default_rng(seed), 400, 0
    true = math.exp(1.6448536269514722 * math.hypot(day_sd, 0.6))
    for _ in range(repeats):
        logs = day_sd * random.standard_normal((days, 1)) + 0.6 * random.standard_normal((days, a_day))
        values = np.exp(logs)
        below = (values <= np.quantile(values, 0.95)).sum(axis=1)
        sums = DaySums.of([a_day] * days, [int(b) for b in below])
        found = bounds(0.95, sums) if by_days else order_bounds(days * a_day, 0.95)
        low = -math.inf if found.low is None else np.quantile(values, found.low)
        high = math.inf if found.high is None else np.quantile(values, found.high)
        held += bool(low <= true <= high)
    return held / repeats


@pytest.mark.parametrize(("days", "a_day", "day_sd"), [(30, 100, 0.2), (60, 50, 0.3), (20, 60, 0.3), (30, 100, 0.0)])
def test_coverage_on_days_that_differ(days: int, a_day: int, day_sd: float) -> None:
    """The interval of p95 holds the truth in 92 to 98 of 100 samples, whether days differ or not."""
    assert 0.92 <= coverage(days, a_day, day_sd, seed=4) <= 0.98


def test_order_statistics_would_not_do_on_days_that_differ() -> None:
    """Why days are drawn as a whole: taken for independent, the same samples cover less than 80 of 100."""
    assert 0.80 > coverage(30, 100, 0.2, seed=4, by_days=False)


def test_coverage_of_order_statistics() -> None:
    """On values that are independent of each other."""
    assert 0.92 <= coverage(5, 200, 0.0, seed=4) <= 0.98
