"""Distances from counts: what they are on the rows themselves, and the band that noise alone stays under."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from llmscope.stats.distances import (
    bin_middle,
    bin_of,
    cliff_delta,
    distances,
    jensen_shannon,
    kolmogorov_smirnov,
    mann_whitney,
    psi,
    tenths,
    total_variation,
    wasserstein,
)
from tests.bench.simulate_distances import beyond

FIRST = datetime.date(2026, 3, 2)
# D5: ref {1: 3, 2: 5, 4: 2}, cur {1: 1, 2: 4, 3: 2, 4: 3}.
VALUES, REF, CUR = [1, 2, 3, 4], [3, 5, 0, 2], [1, 4, 2, 3]
COUNTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8).filter(
    lambda cells: sum(a for a, _ in cells) > 0 and sum(b for _, b in cells) > 0
)
Rows = list[tuple[datetime.date, int, int]]


def expanded(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def test_psi() -> None:
    """D21."""
    cur = [0.08, 0.09, 0.10, 0.11, 0.12, 0.12, 0.11, 0.10, 0.09, 0.08]

    assert pytest.approx(0.0202320182336, abs=1e-13) == psi([0.1] * 10, cur)


def test_a_cell_that_one_lacks() -> None:
    """8 and 2 against 10 and 0: .5 to both sides of the second: 8, 2.5 of 10.5 against 10, .5 of 10.5.

    (10 - 8) / 10.5 ln(10 / 8) + (.5 - 2.5) / 10.5 ln(.5 / 2.5) = .042504 + .306559.
    """
    assert pytest.approx(0.349063, abs=1e-6) == psi([8, 2, 0], [10, 0, 0])


def test_wasserstein() -> None:
    """D4: [0, 1, 3] against [5, 6, 8] is 5."""
    assert pytest.approx(5.0) == wasserstein([0, 1, 3, 5, 6, 8], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])


def test_from_counts() -> None:
    """D5."""
    found = mann_whitney(REF, CUR)

    assert pytest.approx(0.3) == kolmogorov_smirnov(REF, CUR)
    assert pytest.approx(0.6) == wasserstein(VALUES, REF, CUR)
    assert (66.5, pytest.approx(0.33)) == (found.u, found.delta)
    assert pytest.approx(0.33) == cliff_delta(REF, CUR)
    # The design prints .198930071216; scipy on the rows gives .198930073216.
    assert pytest.approx(0.198930073216, abs=1e-12) == found.p


@given(COUNTS)
@settings(deadline=None)
def test_what_they_are_on_the_rows(cells: list[tuple[int, int]]) -> None:
    """scipy on one value a row."""
    a, b = [x for x, _ in cells], [y for _, y in cells]
    x, y = expanded(a), expanded(b)

    assert pytest.approx(stats.ks_2samp(x, y).statistic) == kolmogorov_smirnov(a, b)
    assert pytest.approx(stats.wasserstein_distance(x, y)) == wasserstein(list(range(len(a))), a, b)
    assert pytest.approx(distance.jensenshannon(a, b, base=2), abs=1e-7) == jensen_shannon(a, b)
    if len({*x, *y}) > 1:
        whole = stats.mannwhitneyu(y, x, method="asymptotic")
        assert (pytest.approx(whole.statistic), pytest.approx(whole.pvalue)) == (
            mann_whitney(a, b).u, mann_whitney(a, b).p,
        )  # fmt: skip


@given(COUNTS)
def test_swapping_the_windows(cells: list[tuple[int, int]]) -> None:
    """Distances stay, the sign of Cliff's delta turns; none is below 0, shares and roots not above 1."""
    a, b = [x for x, _ in cells], [y for _, y in cells]

    for measure in (psi, jensen_shannon, total_variation, kolmogorov_smirnov):
        assert pytest.approx(measure(a, b), abs=1e-12) == measure(b, a)
        assert -1e-12 <= measure(a, b)
        assert measure is psi or measure(a, b) <= 1 + 1e-12
    assert pytest.approx(-cliff_delta(a, b), abs=1e-12) == cliff_delta(b, a)


def test_bins_hold_their_promise() -> None:
    """A value's bin stands for it within 1 %, whatever its size."""
    for value in (1e-3, 0.99, 1.0, 1.0001, 7.5, 4321.0, 1e9):
        assert pytest.approx(value, rel=0.01) == bin_middle(bin_of(value))


def test_tenths_of_few_values() -> None:
    """Four values of .1, .1, .5 and .3: the tenths end after the first, the second and the third."""
    assert [0, 1, 2, 3] == tenths(np.array([0.1, 0.1, 0.5, 0.3]))
    assert [0] == tenths(np.array([1.0]))


def days(counts: list[dict[int, int]], first: datetime.date = FIRST) -> Rows:
    return [(first + datetime.timedelta(days=i), v, n) for i, day in enumerate(counts) for v, n in day.items()]


def test_all_of_a_metric() -> None:
    """28 days of D5's reference against 28 of its current: the distances of the whole, and days that never differ."""
    before = days([{1: 3, 2: 5, 4: 2}] * 28)
    after = days([{1: 1, 2: 4, 3: 2, 4: 3}] * 28, FIRST + datetime.timedelta(days=28))
    found = distances(before, after)

    assert found is not None
    assert ((280, 280), (28, 28)) == (found.n, found.days)
    by_name = {one.name: one for one in found.found}
    assert pytest.approx(0.3) == by_name["ks"].value
    assert pytest.approx(0.6) == by_name["wasserstein"].value
    assert pytest.approx(0.6) == by_name["wasserstein_iqr"].value  # quarters at 1 and 2: a range of 1
    assert all(one.beyond_noise for one in found.found)
    assert "days drawn as a whole" == found.method


def test_nothing_and_little() -> None:
    """No rows on a side: nothing. Three days: rows are taken to be independent. One value: no distance, no range."""
    few = days([{1: 5, 2: 5}] * 3)
    found = distances(few, few)
    same = distances(days([{7: 5}] * 30), days([{7: 5}] * 30))

    assert distances([], few) is None
    assert distances(few, [(FIRST, 1, 0)]) is None
    assert found is not None
    assert "rows taken to be independent" == found.method
    assert [0.0] * 6 == [one.value for one in found.found]
    assert same is not None
    assert not any(one.beyond_noise for one in same.found)
    assert math.isnan(next(one.value for one in same.found if one.name == "wasserstein_iqr"))


def test_the_same_answer_each_time() -> None:
    """The draws are seeded, and the order of the rows is no matter."""
    rows = days([{1: i % 3 + 1, 2: 5} for i in range(30)])
    other = days([{1: 2, 2: i % 4 + 3} for i in range(30)], FIRST + datetime.timedelta(days=30))

    assert distances(rows, other) == distances(rows[::-1], other[::-1])


@pytest.mark.parametrize(("scenario", "n"), [("A", 5_000), ("B", 5_000), ("C", 5_000), ("C", 50_000)])
def test_noise_stays_in_its_band(scenario: str, n: int) -> None:
    """With nothing changed some 5 of 100 distances lie beyond the band (60 months here: up to 13 by chance)."""
    assert 0.14 >= max(beyond(scenario, n, 60, seed=2).values())


def test_a_quarter_slower_is_beyond_noise() -> None:
    """25 % at 10,000 rows, which PSI's usual threshold never sees."""
    found = beyond("C", 10_000, 20, shift=math.log(1.25))

    assert 0.95 <= min(found["psi"], found["ks"], found["cliff_delta"])
