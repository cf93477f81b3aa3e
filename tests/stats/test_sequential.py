"""Comparisons looked at at any time: known answers, and how often a hundred looks stop falsely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscope.stats.sequential import difference_sequence, error_evidence, sequence_reach
from llmscope.stats.welch import Moments


def test_e_values() -> None:
    """D18: 10 errors against 30, and 10 against 10, at equal traffic."""
    assert pytest.approx(23.4439865607, abs=1e-9) == error_evidence((10, 30)).e
    assert pytest.approx(0.1761970521, abs=1e-10) == error_evidence((10, 10)).e
    assert error_evidence((10, 30)).stop
    assert 1.0 == error_evidence((0, 0)).p


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.05, 0.95))
def test_the_order_of_the_arms(a: int, b: int, share: float) -> None:
    """Naming the arms the other way round changes nothing."""
    assert pytest.approx(error_evidence((a, b), share).log_e) == error_evidence((b, a), 1 - share).log_e


def test_errors_in_step_with_the_traffic() -> None:
    """100 of 1,000 errors on an arm with a tenth of the traffic are what was to be expected; at equal shares not."""
    assert not error_evidence((900, 100), share=0.1).stop
    assert error_evidence((900, 100)).stop


@pytest.mark.parametrize(("share", "rates", "low", "high"), [
    (0.5, (0.02, 0.02), 0.0, 0.05), (0.1, (0.02, 0.02), 0.0, 0.05), (0.5, (0.02, 0.04), 0.95, 1.0),
])  # fmt: skip
def test_a_hundred_looks_at_errors(share: float, rates: tuple[float, float], low: float, high: float) -> None:
    """Alike, at most 5 of 100 stop at any of 100 looks at 10,000 requests; 2 % against 4 % nearly all do."""
    random, repeats, looks = np.random.default_rng(5), 300, 100
    stopped = 0
    for _ in range(repeats):
        of_b = random.binomial(100, share, looks)
        b = np.cumsum(random.binomial(of_b, rates[1]))
        a = np.cumsum(random.binomial(100 - of_b, rates[0]))
        stopped += any(error_evidence((int(x), int(y)), share).stop for x, y in zip(a, b, strict=True))

    assert low <= stopped / repeats <= high


def test_the_reach_by_hand() -> None:
    """n 500, r^2 1/500, sd 2: 2 sqrt(2 x 2 / (500 x 1) ln(sqrt(2) / .05)) = 2 sqrt(.008 x 3.342306) = .327038."""
    assert pytest.approx(0.327038, abs=1e-6) == sequence_reach(500, 2.0)


def test_fewer_than_fifty() -> None:
    """The interval is asymptotic: nothing on 49 rows."""
    assert difference_sequence(Moments(49, 1.0, 1.0), Moments(900, 1.0, 1.0)) is None


def looks(effect: float, ratio: float, repeats: int = 200) -> float:
    """How often any of 100 looks stops, after 50 more rows on the one side and `ratio` times as many on the other."""
    random, stopped = np.random.default_rng(8), 0
    for _ in range(repeats):
        sides = []
        for level, step in ((0.0, 50), (effect, int(50 * ratio))):
            x = level + 0.74 * random.standard_normal((100, step))
            sides.append((step * np.arange(1, 101), np.cumsum(x.sum(axis=1)), np.cumsum((x**2).sum(axis=1))))
        for one, other in zip(zip(*sides[0], strict=True), zip(*sides[1], strict=True), strict=True):
            peek = difference_sequence(*(Moments.of(int(n), t, s) for n, t, s in (one, other)))
            if peek and peek.stop:
                stopped += 1
                break
    return stopped / repeats


def test_a_hundred_looks_at_means() -> None:
    """Alike, at most 5 of 100 stop, at equal and at a quarter of the traffic; 15 % slower is always found."""
    assert 0.05 >= looks(0.0, 1.0)
    assert 0.05 >= looks(0.0, 0.25)
    assert 1.0 == looks(float(np.log(1.15)), 1.0, 60)
