"""Exact tests and intervals: known answers of R and of the literature, and scipy's own as an oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmscope.stats.distances import mad
from llmscope.stats.exact import (
    Interval,
    at_most,
    boschloo,
    clopper_pearson,
    fisher,
    kolmogorov_smirnov_exact,
    mann_whitney_exact,
    newcombe,
    risk_ratio,
    two_rates,
)
from llmscope.stats.proportions import wilson
from llmscope.stats.quantiles import places
from llmscope.stats.welch import Moments, welch

# R's data set `sleep`, and its example of wilcox.test.
ONE, OTHER = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
X, Y = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46], [1.15, 0.88, 0.90, 0.74, 1.21]
TABLES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda n: st.tuples(st.just(n), st.tuples(st.integers(0, n[0]), st.integers(0, n[1])))
)
FIGURES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9)


def moments(values: list[float]) -> Moments:
    return Moments.of(len(values), sum(values), sum(v * v for v in values))


def test_welch() -> None:
    """D1, R's t.test(extra ~ group, sleep); R gives group 1 less group 2."""
    found = welch(moments(OTHER), moments(ONE))

    assert found is not None
    assert pytest.approx(-1.8608134675, abs=1e-10) == found.t
    assert pytest.approx(17.7764735162, abs=1e-9) == found.df
    assert pytest.approx(0.0793941401874, abs=1e-12) == found.p
    assert (pytest.approx(-3.3654832307), pytest.approx(0.2054832307)) == (found.low, found.high)


def test_welch_on_nothing() -> None:
    """One row, or no spread at all, has no test."""
    assert welch(Moments(1, 3.0, 0.0), Moments(9, 3.0, 1.0)) is None
    assert welch(Moments(9, 3.0, 0.0), Moments(9, 4.0, 0.0)) is None


def test_mann_whitney_exact() -> None:
    """D2, R's wilcox.test."""
    found = mann_whitney_exact(X, Y)

    assert 35 == found.statistic
    assert pytest.approx(0.254412254412, abs=1e-12) == found.p


def test_kolmogorov_smirnov_exact() -> None:
    """D3, R's ks.test of the same."""
    found = kolmogorov_smirnov_exact(X, Y)

    assert pytest.approx(0.6) == found.statistic
    assert pytest.approx(0.165834165834, abs=1e-12) == found.p


@given(FIGURES, FIGURES)
@settings(max_examples=40, deadline=None)
def test_tied_values_are_every_relabelling(x: list[float], y: list[float]) -> None:
    """The exact tests with ties are those of all ways to deal the pooled values, counted one by one."""
    from itertools import combinations

    x, y = x[:5], y[:5]
    pooled, size = np.array([*x, *y]), len(x)
    us, ds = [], []
    for chosen in combinations(range(len(pooled)), size):
        one = pooled[list(chosen)]
        other = np.delete(pooled, chosen)
        us.append((np.sign(one[:, None] - other[None, :]) / 2 + 0.5).sum())
        ds.append(max(abs((one <= v).mean() - (other <= v).mean()) for v in pooled))
    own_u = (np.sign(np.array(x)[:, None] - np.array(y)[None, :]) / 2 + 0.5).sum()
    own_d = max(abs((np.array(x) <= v).mean() - (np.array(y) <= v).mean()) for v in pooled)
    p = min(1.0, 2 * min(np.mean(np.array(us) <= own_u + 1e-9), np.mean(np.array(us) >= own_u - 1e-9)))

    assert (own_u, pytest.approx(p)) == (mann_whitney_exact(x, y).statistic, mann_whitney_exact(x, y).p)
    assert pytest.approx(np.mean(np.array(ds) >= own_d - 1e-9)) == kolmogorov_smirnov_exact(x, y).p


def test_fishers_tea() -> None:
    """D7: 3 of 4 against 1 of 4."""
    found = fisher((3, 1), (4, 4))

    assert pytest.approx(0.485714285714, abs=1e-12) == found.p
    assert 9 == found.statistic


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_fisher_is_scipys(table: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """scipy.stats is not imported by the program: it takes a second."""
    n, hits = table
    p = stats.fisher_exact([[hits[0], hits[1]], [n[0] - hits[0], n[1] - hits[1]]])[1]

    assert pytest.approx(p, abs=1e-9) == fisher(hits, n).p


@pytest.mark.parametrize(
    ("hits", "n"),
    [((7, 12), (15, 17)), ((0, 5), (40, 60)), ((1, 9), (99, 100)), ((3, 3), (30, 90)), ((20, 0), (50, 9))],
)
def test_boschloo_is_scipys(hits: tuple[int, int], n: tuple[int, int]) -> None:
    """And it is never larger than Fisher's."""
    table = [[hits[0], hits[1]], [n[0] - hits[0], n[1] - hits[1]]]
    p = stats.boschloo_exact(table, n=64).pvalue

    assert pytest.approx(p, abs=1e-6) == boschloo(hits, n).p
    assert boschloo(hits, n).p <= 2 * min(stats.fisher_exact(table, alternative=a)[1] for a in ("less", "greater"))


@given(TABLES)
@settings(max_examples=30, deadline=None)
def test_swapping_the_windows_keeps_p(table: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Which window comes first does not matter to whether they differ."""
    n, hits = table

    assert pytest.approx(two_rates(hits, n).p) == two_rates((hits[1], hits[0]), (n[1], n[0])).p


def test_which_exact_test() -> None:
    """Boschloo under 200 rows in all, Fisher from there on, none without rows."""
    assert ["Boschloo", "Fisher", "none"] == [
        two_rates(h, n).method for h, n in (((1, 5), (99, 100)), ((1, 5), (100, 100)), ((0, 1), (0, 9)))
    ]


def test_boschloo_holds_its_level() -> None:
    """At no common share are more than 5 % of tables rejected, worked out over all tables of 12 against 15."""
    n = (12, 15)
    ps = np.array([[boschloo((a, b), n).p for b in range(n[1] + 1)] for a in range(n[0] + 1)])
    for share in (0.02, 0.1, 0.3, 0.5):
        chance = np.outer(stats.binom.pmf(range(13), 12, share), stats.binom.pmf(range(16), 15, share))

        assert 0.05 >= chance[ps <= 0.05].sum()


def test_wilson_and_clopper_pearson() -> None:
    """D8: 170 of 200."""
    low, high = wilson(170, 200) or (0, 0)
    exact = clopper_pearson(170, 200) or (0, 0)

    assert (pytest.approx(0.7939442072, abs=1e-10), pytest.approx(0.8928640644, abs=1e-10)) == (low, high)
    assert (pytest.approx(0.7928412963, abs=1e-10), pytest.approx(0.8964504765, abs=1e-10)) == exact
    assert clopper_pearson(0, 0) is None


def test_no_event() -> None:
    """In 200 rows without one, 1.5 % are possible: .985^200 = .049; in 3 rows, 63 %: 1 - .05^(1/3)."""
    assert pytest.approx(0.014867, abs=1e-6) == at_most(200)
    assert pytest.approx(1 - 0.05 ** (1 / 3)) == at_most(3)
    assert at_most(0) is None
    assert 0.0 == (clopper_pearson(0, 200) or (1, 1))[0]


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
        ((48, 56), (80, 70), 0.0524, 0.3339),
        ((3, 9), (10, 10), 0.1705, 0.8090),
        ((0, 5), (29, 56), -0.0381, 0.1926),
        ((0, 10), (20, 10), 0.6791, 1.0),
    ],
)
def test_newcombe(hits: tuple[int, int], n: tuple[int, int], low: float, high: float) -> None:
    """The published intervals to four places."""
    assert (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4)) == newcombe(hits, n)


@given(TABLES)
@settings(deadline=None)
def test_ratio_and_difference_agree(table: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """The ratio's interval holds 1 exactly where the difference's holds 0, and it holds the ratio."""
    n, hits = table
    difference = newcombe(hits, n) or (0.0, 0.0)
    ratio = risk_ratio(hits, n)
    high = math.inf if ratio.high is None else ratio.high
    if min(abs(x) for x in difference) > 1e-9:
        assert (difference[0] <= 0 <= difference[1]) == ((ratio.low or 0) <= 1 <= high)
    if ratio.value is not None:
        assert (ratio.low or 0) <= ratio.value + 1e-9
        assert ratio.value <= high + 1e-9


def test_ratio_after_nothing() -> None:
    """5 of 100 after 0 of 100: no ratio, no upper end, but surely more than the same; nothing at all: nothing."""
    found = risk_ratio((0, 5), (100, 100))

    assert (None, None) == (found.value, found.high)
    assert (found.low or 0) > 1
    assert Interval(None, None, None) == risk_ratio((0, 1), (0, 9))
    assert 0.0 == risk_ratio((0, 0), (9, 9)).low


def test_quantiles_are_type_7() -> None:
    """D16 at .1, .5, .9 and .95."""
    values = sorted([1.2, 3.4, 2.2, 8.9, 5.5, 4.1, 7.7, 0.3, 9.1, 6.0])
    found = []
    for q in (0.1, 0.5, 0.9, 0.95):
        low, high, along = places(q, len(values))
        found.append(values[low] + along * (values[high] - values[low]))

    assert [pytest.approx(x) for x in (1.11, 4.8, 8.92, 9.01)] == found


def test_median_absolute_deviation() -> None:
    """D24, R's mad(mtcars$mpg)."""
    mpg = [21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4,
           30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4]  # fmt: skip

    assert 19.2 == np.median(mpg)
    assert pytest.approx(5.41149) == mad(mpg)
