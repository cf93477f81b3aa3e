"""Change points: known answers, an exhaustive search beside PELT, and how often nothing is called a change."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.stats.changes import changes, pelt, precision, shift, weekday_adjusted, without_spikes
from tests.stats.test_trends import ar1

D20 = [level + (0.1 if i % 2 else -0.1) for i, level in enumerate([0.0] * 20 + [3.0] * 20 + [1.0] * 20)]


def test_known_answer_d20() -> None:
    """statistics.md D20, from ruptures: breaks at 20 and 40."""
    assert (20, 40) == pelt(D20, penalty=3, shortest=3)


def test_the_same_series_without_a_penalty_given() -> None:
    """The penalty comes from the series; levels 0, 3 and 1, each date exact."""
    found = changes(D20)

    assert [(20, 20, 20), (40, 40, 40)] == [(c.place, c.first, c.last) for c in found]
    assert [(0, 3), (3, 1)] == [(round(c.shift.before, 9), round(c.shift.after, 9)) for c in found]
    assert all(c.p < 1e-9 and not c.gradual for c in found)


def cost(values: list[float]) -> float:
    return float(((np.array(values) - np.mean(values)) ** 2).sum())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=12), st.sampled_from([1.0, 5.0, 20.0]))
def test_pelt_is_as_good_as_trying_everything(values: list[int], penalty: float) -> None:
    """Of all ways to cut the series into pieces of 2 or more, none costs less."""
    series, n = [float(v) for v in values], len(values)

    def total(cuts: tuple[int, ...]) -> float:
        ends = (0, *cuts, n)
        return sum(cost(series[a:b]) for a, b in pairwise(ends)) + penalty * len(cuts)

    every = [c for k in range(n // 2) for c in combinations(range(2, n - 1), k)]
    fitting = [c for c in every if all(b - a >= 2 for a, b in zip((0, *c), (*c, n), strict=True))]

    assert min(map(total, fitting)) == pytest.approx(total(pelt(series, penalty, shortest=2)), abs=1e-6)


@pytest.mark.parametrize("series", [[], [1.0], [1.0] * 13, [0.0] * 40, [5e6] * 40])
def test_short_and_constant_series_do_not_change(series: list[float]) -> None:
    """Nothing to find, and never a failure."""
    assert () == changes(series)
    assert () == pelt(series, 1.0)


def test_a_step_without_noise_is_found() -> None:
    """0 for 20 days, then 3: the interval of the difference is the difference."""
    found = changes([0.0] * 20 + [3.0] * 20)

    assert [(20, 20, 20, 3.0, 3.0, 3.0)] == [
        (c.place, c.first, c.last, c.shift.difference, c.shift.low, c.shift.high) for c in found
    ]


def test_shift_by_hand() -> None:
    """1 3 against 5 7: difference 4, variance (1 + 1 + 1 + 1) / 2 = 2, error sqrt(2 (1/2 + 1/2)) = 1.414214, t 2.828.

    Two degrees of freedom: t.975 = 4.302653, reach 6.084870; p of a pooled t test .105573 (scipy ttest_ind).
    """
    found = shift([1, 3, 5, 7], 0, 2, 4)

    assert (2, 6, 4, 0) == (found.before, found.after, found.difference, found.rho)
    assert (4 - 6.084870, 4 + 6.084870, 0.105573) == pytest.approx((found.low, found.high, found.p), abs=1e-5)


@pytest.mark.parametrize(("n", "rho"), [(21, 0.5), (30, 0.5), (60, 0.5), (100, 0.5), (60, 0.7)])
def test_an_unchanged_series_rarely_changes(n: int, rho: float) -> None:
    """At most 10 % of correlated series without a change have any."""
    series = ar1(np.random.default_rng(n), 150, n, rho)

    assert sum(bool(changes(list(row))) for row in series) <= 0.10 * len(series)


@pytest.mark.parametrize(("n", "rho", "power"), [(30, 0.0, 0.8), (60, 0.0, 0.95), (100, 0.5, 0.9)])
def test_a_change_of_three_deviations_is_found_and_its_dates_hold_it(n: int, rho: float, power: float) -> None:
    """Found in most series, once, and between its dates in 90 % or more of them."""
    place, series = int(0.45 * n), ar1(np.random.default_rng(7), 150, n, rho)
    series[:, place:] += 3
    found = [min(c, key=lambda one: abs(one.place - place)) for row in series if (c := changes(list(row)))]

    assert len(found) >= power * len(series)
    assert sum(c.first <= place <= c.last for c in found) >= 0.9 * len(found)


def test_two_odd_days_make_no_level() -> None:
    """Two days at 3 among thirty around 0, not taken out as spikes: a mean of a week is moved, its median is not."""
    series = [0.2 * (i * 7 % 5 - 2) for i in range(30)]
    series[14], series[15] = 3.0, 3.0

    assert () == changes(series)


def test_a_slow_rise_has_no_date() -> None:
    """A straight line fits better than two levels: said to be gradual."""
    rng = np.random.default_rng(4)
    found = changes(list(np.linspace(0, 3, 60) + 0.3 * rng.standard_normal(60)))

    assert all(c.gradual for c in found)


def test_weekdays_are_taken_out_and_a_level_is_not() -> None:
    """Weekends 3 lower, from the 15th day on 10 more: what is left is two flat levels 10 apart, the mean as before."""
    weekdays = [i % 7 for i in range(42)]
    values = [100.0 - 3 * (day >= 5) + 10 * (i >= 14) for i, day in enumerate(weekdays)]
    found = weekday_adjusted(values, weekdays, [1.0] * 42)

    assert sum(values) == pytest.approx(sum(found))
    assert [found[0]] * 14 + [found[0] + 10] * 28 == pytest.approx(found)


def test_three_weeks_are_needed_to_know_a_weekday() -> None:
    """On 20 days the values are left alone."""
    values = [float(i % 7) for i in range(20)]

    assert values == weekday_adjusted(values, [i % 7 for i in range(20)], [1.0] * 20)


def test_days_without_requests_do_not_shift_the_weekdays() -> None:
    """The same weekend with every Wednesday missing."""
    weekdays = [i % 7 for i in range(42) if i % 7 != 2]
    found = weekday_adjusted([5.0 - (day >= 5) for day in weekdays], weekdays, [1.0] * len(weekdays))

    assert [found[0]] * len(weekdays) == pytest.approx(found)


def test_a_spike_of_two_days_is_taken_out_and_a_level_is_not() -> None:
    """Two days at 9 among alternating 0 and 1 become the median around them; ten days at 9 stay."""
    quiet = [float(i % 2) for i in range(30)]
    spiked = [*quiet[:12], 9.0, 9.0, *quiet[14:]]
    level = [*quiet[:15], *(9.0 + q for q in quiet[15:])]

    drawn, odd = without_spikes(spiked)
    assert ([12, 13], True) == (odd, max(drawn) <= 1)
    assert (level, []) == without_spikes(level)


def test_a_day_of_few_requests_is_worth_less() -> None:
    """Days that differ by nothing but chance inside them: worth as much as they have requests, up to the floor."""
    worth = precision([0.0, 1.0] * 10, [1, 100] * 10, within=0.5)

    assert worth[0] < worth[1]
    assert 1.0 == pytest.approx(sum(worth) / len(worth))
    assert [1.0] * 4 == precision([2.0] * 4, [1, 2, 3, 4], within=0.0)
