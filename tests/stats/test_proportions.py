"""Intervals of shares: known answers, and coverage where days differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscope.stats.proportions import clustered, wilson
from llmscope.stats.quantiles import DaySums


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # R: prop.test(x, n, correct = FALSE)$conf.int
        (15, 148, 0.0624, 0.1605),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 15/148
        (81, 263, 0.2553, 0.3662),  # the same: 81/263
        (0, 20, 0.0, 0.1611),  # the same: 0/20
        (1, 29, 0.0061, 0.1718),  # the same: 1/29
    ],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    """The intervals of the literature, to four places."""
    found = wilson(hits, n)

    assert found is not None
    assert (low, high) == (round(found[0], 4), round(found[1], 4))


def test_nothing_tried() -> None:
    """No interval without a trial."""
    assert wilson(0, 0) is None
    assert clustered(DaySums.of([], [])) is None


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(n: int, data: st.DataObject) -> None:
    """0 <= low <= share <= high <= 1, and the other way round for what did not hit."""
    hits = data.draw(st.integers(0, n))
    low, high = wilson(hits, n) or (1, 0)
    other_low, other_high = wilson(n - hits, n) or (1, 0)

    assert 0 <= low <= hits / n <= high <= 1
    assert (pytest.approx(1 - high), pytest.approx(1 - low)) == (other_low, other_high)


def test_days_alike_are_worth_no_more_than_their_requests() -> None:
    """Where days differ less than chance would have it, Wilson's is the narrowest there is."""
    assert wilson(760, 800) == clustered(DaySums.of([100] * 8, [95, 95, 95, 95, 95, 95, 96, 94]))


def test_few_days_and_all_or_nothing_are_wilsons() -> None:
    """There is no spread of days to speak of."""
    assert wilson(650, 700) == clustered(DaySums.of([100] * 7, [90, 90, 90, 95, 95, 95, 95]))
    assert wilson(800, 800) == clustered(DaySums.of([100] * 8, [100] * 8))


def test_one_bad_day_widens_the_interval() -> None:
    """Eight days of 100, one with 60 within, seven with 100: 760 of 800.

    b - 0.95 c: 7 x 5 and -35: squares 175 + 1225 = 1400; 8/7 x 1400 = 1600; error 40/800 = 0.05.
    Worth 0.95 x 0.05 / 0.0025 = 19, times (1.95996 / 2.36462)^2 = 0.687024: 13.05346 requests.
    """
    low, high = clustered(DaySums.of([100] * 8, [100] * 7 + [60])) or (0, 0)
    by_hand = wilson(0.95 * 13.053457, 13.053457) or (0, 0)

    assert (pytest.approx(by_hand[0], abs=1e-6), pytest.approx(by_hand[1], abs=1e-6)) == (low, high)
    assert low < (wilson(760, 800) or (0, 0))[0]


def test_coverage_of_a_share_on_days_that_differ() -> None:
    """95 of 100 intervals hold the true share; Wilson's alone holds it far less often."""
    random, held, plain = np.random.default_rng(4), 0, 0
    for _ in range(400):
        hits = random.binomial(100, random.beta(18, 2, size=30))
        low, high = clustered(DaySums.of([100] * 30, [int(h) for h in hits])) or (0, 0)
        held += low <= 0.9 <= high
        low, high = wilson(int(hits.sum()), 3000) or (0, 0)
        plain += low <= 0.9 <= high

    assert 0.92 <= held / 400 <= 0.98
    assert plain / 400 < 0.8
