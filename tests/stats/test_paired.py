"""Differences of two sides that answered side by side, against figures worked out by hand and scipy's own tests."""

from __future__ import annotations

from datetime import date, timedelta
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmscope.stats.daily import Day
from llmscope.stats.paired import Clusters, Pairs, as_ratio, by_days, by_pairs, by_sessions

MONDAY = date(2026, 8, 3)


def days(values: list[float], n: int = 10) -> list[Day]:
    return [Day(MONDAY + timedelta(days=i), n, value * n) for i, value in enumerate(values)]


def clusters(*sessions: tuple[int, float]) -> Clusters:
    """From (rows, sum) of each session."""
    return Clusters(
        len(sessions), sum(n for n, _ in sessions), sum(x for _, x in sessions), sum(n * n for n, _ in sessions),
        sum(n * x for n, x in sessions), sum(x * x for _, x in sessions),
    )  # fmt: skip


def test_by_days_by_hand() -> None:
    """Eight days, differences 1 3 1 3 1 3 1 3: mean 2, rho 0 (they alternate), s^2 = 8 / 7, se sqrt(1 / 7).

    t = 2 sqrt(7) = 5.2915 on 7 degrees of freedom. Half weeks: a span of 8 days has round(8 / 3.5) = 2, too few.
    """
    found = by_days(days([5.0] * 8), days([6.0, 8.0] * 4))

    assert found is not None
    assert (2.0, 8, 0.0, None) == (found.effect, found.units, found.rho, found.p_weeks)
    assert pytest.approx(2 * stats.t.sf(2 * 7**0.5, 7)) == found.p
    assert pytest.approx(2 - stats.t.ppf(0.975, 7) / 7**0.5) == found.low
    assert "same days" == found.method


def test_the_weather_of_a_day_cancels() -> None:
    """Days that go up and down by 50 % on both sides alike, B always .1 above and .01 to and fro."""
    weather = [0.5 * (-1) ** (i // 2) for i in range(28)]
    found = by_days(days(weather), days([w + 0.1 + 0.01 * (-1) ** i for i, w in enumerate(weather)]))

    assert found is not None
    assert pytest.approx(0.1) == found.effect
    assert found.real(found.p)
    assert pytest.approx(0.1, abs=0.01) == found.low


def test_days_weigh_as_mantel_and_haenszel() -> None:
    """Seven days of 10 and 10 rows (weight 5) without a difference, one of 30 and 10 (weight 7.5) with one of 1.

    1 x 7.5 / (7 x 5 + 7.5) = 0.176471.
    """
    a = [*days([0.0] * 7), Day(MONDAY + timedelta(days=7), 30, 0.0)]
    b = [*days([0.0] * 7), Day(MONDAY + timedelta(days=7), 10, 10.0)]
    found = by_days(a, b)

    assert found is not None
    assert pytest.approx(7.5 / 42.5) == found.effect


def test_only_days_of_both_count() -> None:
    """Days of one side are no evidence; seven of both are too few."""
    a, b = days([1.0, 2.0] * 10), days([2.0, 3.5] * 10)

    assert by_days(a, b[:7]) is None
    assert 8 == getattr(by_days(a, b[:8]), "units", None)
    assert by_days([], []) is None


def test_without_noise_the_signs_are_left() -> None:
    """A constant difference has no standard error: 2 / 2^8 that all eight days lean one way; none at all is none."""
    some, none = by_days(days([1.0] * 8), days([2.0] * 8)), by_days(days([1.0] * 8), days([1.0] * 8))

    assert some is not None
    assert none is not None
    assert (2 / 256, 1.0) == (some.p, none.p)


def test_by_sessions_by_hand() -> None:
    """Sessions of one row are Welch's test on equal variances' df of the smaller side.

    30 rows of 0 1 2 and 30 of 1 2 3, thrice ten: variance 0.689655 each, se sqrt(2 x 0.689655 / 30) = 0.214422.
    """
    a, b = clusters(*[(1, x) for x in (0, 1, 2)] * 10), clusters(*[(1, x) for x in (1, 2, 3)] * 10)
    found = by_sessions([(a, b)])

    assert found is not None
    assert pytest.approx(1.0) == found.effect
    assert pytest.approx(2 * stats.t.sf(1 / (2 * 0.6896552 / 30) ** 0.5, 29), rel=1e-6) == found.p


def test_sessions_of_equal_rows_are_worth_one() -> None:
    """Thirty sessions of four equal rows say as much as thirty rows."""
    one = [clusters(*[(1, x) for x in values] * 10) for values in ((0, 1, 2), (1, 2, 3))]
    four = [clusters(*[(4, 4 * x) for x in values] * 10) for values in ((0, 1, 2), (1, 2, 3))]
    plain, repeated = by_sessions([(one[0], one[1])]), by_sessions([(four[0], four[1])])

    assert plain is not None
    assert repeated is not None
    assert pytest.approx((plain.effect, plain.low, plain.p)) == (repeated.effect, repeated.low, repeated.p)


def test_sessions_within_a_day() -> None:
    """A day on which both sides are slower changes nothing: the difference is within days."""
    a, b = clusters(*[(1, x) for x in (0, 1, 2)] * 10), clusters(*[(1, x) for x in (1, 2, 3)] * 10)
    slow_a, slow_b = (clusters(*[(1, x) for x in values] * 10) for values in ((10, 11, 12), (11, 12, 13)))
    found, alone = by_sessions([(a, b), (slow_a, slow_b)]), by_sessions([(a, b)])

    assert found is not None
    assert alone is not None
    assert pytest.approx(1.0) == found.effect
    assert pytest.approx((alone.high - alone.low) / 2**0.5, rel=0.03) == found.high - found.low


def test_too_few_sessions() -> None:
    """29 sessions of a thousand rows are 29."""
    side = clusters(*[(1000, 1.0 * i) for i in range(29)])

    assert by_sessions([(side, side)]) is None
    assert by_sessions([]) is None


def test_by_pairs_is_the_paired_t() -> None:
    """scipy's paired t on the same 40 items."""
    rng = np.random.default_rng(5)
    a = rng.normal(5, 2, 40)
    b = a + rng.normal(0.3, 1, 40)
    found = by_pairs(Pairs(40, a.sum(), b.sum(), a @ a, b @ b, a @ b))
    oracle = stats.ttest_rel(b, a)
    ends = oracle.confidence_interval()

    assert found is not None
    assert pytest.approx((oracle.pvalue, ends.low, ends.high)) == (found.p, found.low, found.high)


def test_pairs_as_a_ratio() -> None:
    """B always costs 1.5 times A: the logarithm of 1.5, without noise; 29 pairs are too few; 0 has no ratio."""
    a = np.arange(1.0, 41.0)
    b = 1.5 * a
    found = by_pairs(Pairs(40, a.sum(), b.sum(), a @ a, b @ b, a @ b), ratio=True)

    assert found is not None
    assert pytest.approx(log(1.5)) == found.effect
    assert found.p < 1e-6
    assert by_pairs(Pairs(29, 1, 2, 1, 4, 2)) is None
    assert by_pairs(Pairs(40, 0.0, 2.0, 0.0, 4.0, 0.0), ratio=True) is None


def test_as_ratio_tests_the_ratio_of_means() -> None:
    """Daily dollars 1 2 1 2 ... against 2 4 2 4 ...: twice as much, on every day alike."""
    along = as_ratio(days([1.0, 2.0] * 4), days([2.0, 4.0] * 4))
    assert along is not None
    found = by_days(*along)

    assert found is not None
    assert pytest.approx(2.0) == exp(found.effect)
    assert as_ratio(days([0.0] * 8), days([1.0] * 8)) is None
    assert as_ratio([], days([1.0] * 8)) is None


values = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=30, max_size=40)


@given(values, values)
def test_swapping_the_sides_flips_the_sign(first: list[float], second: list[float]) -> None:
    """And nothing else."""
    n = min(len(first), len(second))
    one, other = by_days(days(first[:n]), days(second[:n])), by_days(days(second[:n]), days(first[:n]))

    assert one is not None
    assert other is not None
    assert pytest.approx((one.effect, one.low, one.p), abs=1e-9) == (-other.effect, -other.high, other.p)


@given(values, st.floats(-5, 5))
def test_a_constant_on_both_sides_changes_nothing(first: list[float], constant: float) -> None:
    """Only differences count."""
    second = [x * 0.5 + i % 3 for i, x in enumerate(first)]
    one = by_days(days(first), days(second))
    other = by_days(days([x + constant for x in first]), days([x + constant for x in second]))

    assert one is not None
    assert other is not None
    assert pytest.approx((one.effect, one.high), abs=1e-6) == (other.effect, other.high)


def wandering(rng: np.random.Generator, count: int, sd: float, rho: float) -> np.ndarray:
    """Days' AR(1) wander."""
    found, value = [], rng.normal() * sd
    for _ in range(count):
        found.append(value)
        value = rho * value + rng.normal() * sd * (1 - rho * rho) ** 0.5
    return np.array(found)


@pytest.mark.parametrize(("own", "rho", "effect", "least", "most"), [
    (0.0, 0.0, 0.0, 0.0, 0.05), (0.03, 0.5, 0.0, 0.0, 0.07), (0.03, 0.5, log(1.1), 0.75, 1.0),
])  # fmt: skip
def test_false_alarms_and_power(own: float, rho: float, effect: float, least: float, most: float) -> None:
    """59 days of 170 and 170 rows under weather of 10 % that both share, each side wandering by 3 % besides.

    The whole of it is tests/bench/simulate_compare.py; 150 draws here.
    """
    rng, real = np.random.default_rng(11), 0
    for _ in range(150):
        weather = wandering(rng, 59, 0.1, 0.5)
        sides = [weather + wandering(rng, 59, own, rho) + rng.normal(0, 0.057, 59) + add for add in (0.0, effect)]
        found = by_days(days(list(sides[0]), 170), days(list(sides[1]), 170))
        assert found is not None
        real += found.real(found.p)

    assert least <= real / 150 <= most
