"""Whether a mix moved: known answers, the failures of other tools, and false alarms by simulation."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmscope.stats.categories import (
    Mix,
    by_sessions,
    by_weeks,
    chi_square,
    cramers_v,
    likelihood_ratio,
    mix,
    weekly,
)
from tests.bench.simulate_categories import CALM, WANDER, permuted, rates

FIRST = datetime.date(2026, 3, 2)
AGRESTI = [[762, 327, 468], [484, 239, 477]]
Rows = list[tuple[datetime.date, str | None, int]]


def window(counts: dict[str | None, float], days: int = 28, first: int = 0, seed: int = 1) -> Rows:
    """Poisson counts a day around `counts`."""
    random = np.random.default_rng(seed)
    return [
        (FIRST + datetime.timedelta(days=first + day), name, int(random.poisson(mean)))
        for day in range(days)
        for name, mean in counts.items()
    ]


def real(found: Mix | None) -> list[object]:
    """The categories that both keys call moved."""
    assert found is not None
    return [
        one.category
        for one in found.movers
        if one.q is not None and one.q <= 0.05 and one.shift is not None and (one.shift.p_weeks or 0) <= 0.05
    ]


def test_chi_square() -> None:
    """D6, Agresti's party identification by gender."""
    found = chi_square(AGRESTI)

    assert pytest.approx(30.0701490958, abs=1e-9) == found.statistic
    assert (2, pytest.approx(2.95358918e-07, rel=1e-8)) == (found.df, found.p)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=7))
def test_chi_square_g_and_v_are_scipys(cells: list[tuple[int, int]]) -> None:
    """Without Yates's correction; empty rows and columns are no part of the table."""
    table = [list(row) for row in zip(*cells, strict=True)]
    kept = np.array(table)[:, np.sum(table, axis=0) > 0]
    if min(np.sum(table, axis=1)) == 0 or kept.shape[1] < 2:
        assert 1.0 == chi_square(table).p == likelihood_ratio(table).p
        assert 0.0 == cramers_v(table)
        return
    for ours, which in ((chi_square(table), "pearson"), (likelihood_ratio(table), "log-likelihood")):
        found = stats.chi2_contingency(kept, correction=False, lambda_=which)
        assert (pytest.approx(found.statistic, abs=1e-9), pytest.approx(found.pvalue, abs=1e-9)) == (
            ours.statistic, ours.p,
        )  # fmt: skip


def test_cramers_v_is_corrected() -> None:
    """Of Agresti's: phi^2 = 30.07014910 / 2757 - 2 / 2756 = .0101812; divided by 2 - 1 / 2756 - 1; the root is .10092.

    Uncorrected it would be .1044.
    """
    assert pytest.approx(0.10092, abs=1e-5) == cramers_v(AGRESTI)
    assert pytest.approx(0.1044, abs=1e-4) == stats.contingency.association(np.array(AGRESTI), method="cramer")
    assert 0.0 == cramers_v([[10, 10], [10, 10]])


def test_one_new_category_in_900() -> None:
    """D27: one row of a category that was never seen is told with its count, and is no drift."""
    before, after = window({"a": 20, "b": 10}), window({"a": 20, "b": 10}, first=28, seed=2)
    found = mix(before, [*after, (FIRST + datetime.timedelta(days=40), "new one", 1)])

    assert found is not None
    assert (("new one", 1),) == found.new
    assert () == found.vanished
    assert [] == real(found)
    assert "new one" not in {one.category for one in found.movers}
    assert not found.beyond_noise


def test_vanished_and_nameless() -> None:
    """What was there and is gone, most rows first; a missing name is a category like others."""
    before = window({"a": 20, None: 10, "x": 2, "y": 4})
    found = mix(before, window({"a": 20, None: 10}, first=28, seed=2))

    assert found is not None
    assert ["y", "x"] == [category for category, _ in found.vanished]
    assert {"a", None} == {one.category for one in found.movers}


def test_a_moved_mix() -> None:
    """60 and 40 of 100 become 50 and 50: a tenth of the traffic, both categories mirror each other: one test."""
    found = mix(window({"a": 60, "b": 40}), window({"a": 50, "b": 50}, first=28, seed=2))

    assert found is not None
    assert pytest.approx(0.1, abs=0.02) == found.tvd
    assert found.beyond_noise
    assert {"a", "b"} == set(real(found))
    assert found.movers[0].p == found.movers[0].q
    assert pytest.approx(0, abs=1e-12) == sum(one.change for one in found.movers)


def test_a_rare_category_is_counted_only() -> None:
    """Nine rows in both windows together carry no test."""
    before = [*window({"a": 50, "b": 50}), *((FIRST + datetime.timedelta(days=i), "rare", 1) for i in range(8))]
    after = [*window({"a": 50, "b": 50}, first=28), (FIRST + datetime.timedelta(days=30), "rare", 1)]
    found = mix(before, after)

    assert found is not None
    rare = next(one for one in found.movers if one.category == "rare")
    assert ((8, 1), None, None) == (rare.n, rare.p, rare.q)
    assert rare.low is not None


def test_three_days() -> None:
    """Too short for days: shares with intervals, and no p."""
    found = mix(window({"a": 60, "b": 40}, days=3), window({"a": 50, "b": 50}, days=3, first=3))

    assert found is not None
    assert 0 == found.tests
    assert all(one.p is None and one.low is not None for one in found.movers)
    assert "rows taken to be independent" == found.method
    assert mix([], window({"a": 1})) is None
    assert by_weeks(window({"a": 9, "b": 9}, days=3), window({"a": 9, "b": 9}, days=3, first=3)) is None


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_swapping_and_relabelling(seed: int) -> None:
    """Swapping the windows turns every change round; other names for the categories change no figure."""
    before, after = (
        window({"a": 30, "b": 20, "c": 5}, seed=seed),
        window({"a": 30, "b": 24, "c": 5}, first=28, seed=seed + 1),
    )
    renamed = {"a": "z", "b": "a", "c": "m"}
    found, turned = mix(before, after), mix(after, before)
    other = mix(*([(day, renamed[str(name)], n) for day, name, n in side] for side in (before, after)))

    assert found is not None
    assert turned is not None
    assert other is not None
    assert pytest.approx(found.tvd) == turned.tvd == pytest.approx(other.tvd)
    by_name = {one.category: one for one in turned.movers}
    renamed_back = {one.category: one for one in other.movers}
    for one in found.movers:
        assert pytest.approx(-one.change, abs=1e-12) == by_name[one.category].change
        assert pytest.approx(one.p) == by_name[one.category].p
        assert pytest.approx(one.p) == renamed_back[renamed[str(one.category)]].p


def test_weeks_of_a_month() -> None:
    """30 days are four runs of 7 or 8 days."""
    dates = [FIRST + datetime.timedelta(days=i) for i in range(30)]

    assert [8, 7, 8, 7] == [int(x) for x in weekly(dates, np.ones((30, 1)))[:, 0]]


@pytest.mark.parametrize("n", [(2_000, 2_000), (20_000, 20_000), (20_000, 2_000)])
def test_nothing_changed(n: tuple[int, int]) -> None:
    """Sessions of 8, days that wander: few of 60 months are called moved; chi-square calls 9 of 10."""
    found = rates(n, [0.4, 0.3, 0.15, 0.1, 0.05], WANDER, 60, seed=11)

    assert 0.85 <= found["chi2"]
    assert 0.1 >= max(found["keys"], found["q"])
    assert 0.12 >= max(found["noise"], found["weeks"])


def test_a_hundred_categories() -> None:
    """100,000 rows against 1,000, where a fixed Jensen-Shannon threshold alarms in 99 of 100."""
    found = rates((100_000, 1_000), [1 / (i + 1) for i in range(100)], CALM, 10)

    assert 0.0 == found["keys"] == found["noise"]


def test_points_moved_are_found() -> None:
    """Three points of 20,000 rows in half of the months and more; ten points always."""
    five = [0.4, 0.3, 0.15, 0.1, 0.05]

    assert 0.3 <= rates((20_000, 20_000), five, WANDER, 30, moved=0.03)["keys"]
    assert 0.95 <= rates((20_000, 20_000), five, WANDER, 20, moved=0.10)["keys"]


def test_sessions_relabelled() -> None:
    """Whole sessions: two of one kind each side against each other are one of 6 deals, mirrored two: p 1/3."""
    found = by_sessions([{"a": 5}, {"a": 5}], [{"b": 5}, {"b": 5}], permutations=20_000)

    assert found is not None
    assert 1.0 == found.tvd
    assert pytest.approx(1 / 3, abs=0.02) == found.p
    assert by_sessions([], [{"a": 1}]) is None


def test_sessions_relabelled_hold_their_level() -> None:
    """Five days against five that are alike; where days wander it does not, and days alike is what it assumes."""
    assert 0.09 >= permuted(30, CALM, 150)
