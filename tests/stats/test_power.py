"""Sizes and the smallest changes seen: the figures of the design, and power by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmscope.stats.power import (
    design_effect,
    design_of_days,
    detectable_mean,
    detectable_rate,
    factor,
    rows_for_means,
    rows_for_rates,
)


def test_factors() -> None:
    """4.16 standard errors between 4 and 4 weeks, 3.26 at 7 degrees of freedom, 2.80 of independent rows."""
    assert [4.16, 3.26, 2.80] == [round(factor(df), 2) for df in (3, 7, float("inf"))]
    assert pytest.approx(stats.t.ppf(0.975, 3) + stats.t.ppf(0.8, 3)) == factor(3)


@pytest.mark.parametrize(("n", "points"), [(100, 5.55), (1_000, 1.754), (10_000, 0.555), (100_000, 0.1754)])
def test_the_floor_of_a_rate(n: int, points: float) -> None:
    """Around 2 % with 80 % power: 2.8016 sqrt(2 x .02 x .98 / n), in points."""
    assert pytest.approx(points, rel=1e-3) == 100 * (detectable_rate(0.02, (n, n)) or 0)


def test_the_judge() -> None:
    """.3 points at sd 1.5: 2 (2.8016 x 1.5 / .3)^2 = 392.4 rows a side, 1,177.3 at a design effect of 3; 200: .42."""
    assert (393, 1178) == (rows_for_means(1.5, 0.3), rows_for_means(1.5, 0.3, design=3))
    assert pytest.approx(0.42, abs=0.001) == detectable_mean(1.5, (200, 200))


def test_two_rates() -> None:
    """2 % against 3 %: m = 2.5 %: (1.95996 sqrt(.04875) + .84162 sqrt(.0196 + .0291))^2 / .0001 = 3,825.4."""
    assert 3826 == rows_for_rates(0.02, 0.03) == rows_for_rates(0.03, 0.02)
    assert rows_for_rates(0.02, 0.02) is None
    assert rows_for_means(1.5, 0) is None
    assert detectable_mean(1.0, (0, 9)) is None


def test_power_is_what_it_says() -> None:
    """Of 2 % against 3 % in as many rows, 4 of 5 samples are told apart."""
    random, n = np.random.default_rng(3), rows_for_rates(0.02, 0.03) or 0
    a, b = random.binomial(n, 0.02, 20_000) / n, random.binomial(n, 0.03, 20_000) / n
    z = (b - a) / np.sqrt((a + b) / 2 * (1 - (a + b) / 2) * 2 / n)

    assert pytest.approx(0.8, abs=0.02) == (z > 1.959964).mean()


def test_design_effects() -> None:
    """Sessions of 8 with correlation .2: 1 + 7 x .2; an error of .02 where .0098995 is plain: 4.08."""
    assert pytest.approx(2.4) == design_effect(8, 0.2)
    assert 1 == design_effect(0.5, 0.9) == design_of_days(0.0, 0.02, 200)
    assert pytest.approx(0.02**2 / (0.02 * 0.98 / 200)) == design_of_days(0.02, 0.02, 200)
    assert 1 == design_of_days(0.1, 0.0, 200)
