"""The arithmetic of quality on what SQL summed: by hand, by properties, by simulation."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.analyses._quality_like import compared
from llmscope.analyses._quality_pairs import Daily, mean_and_error, score_difference
from llmscope.analyses._quality_rows import Spread, interval

SAMPLE = Path(__file__).parents[2] / "sample_logs"
DAYS = st.lists(st.lists(st.integers(1, 10), min_size=1, max_size=6), min_size=2, max_size=12)


def row_of(days: list[list[int]], share: bool = False) -> dict[str, float]:
    """What SQL gives of scores by day."""
    n, totals = [len(d) for d in days], [sum(d) for d in days]
    return {
        "clusters": len(days), "valued": sum(n), "total": float(sum(totals)), "mean": sum(totals) / sum(n),
        "n_n": float(sum(a * a for a in n)), "n_total": float(sum(a * b for a, b in zip(n, totals, strict=True))),
        "total_total": float(sum(b * b for b in totals)), "share": share,
    }  # fmt: skip


@given(DAYS)
@settings(max_examples=80, deadline=None)
def test_the_error_of_a_mean_is_that_of_the_day_sums(days: list[list[int]]) -> None:
    """sqrt(d / (d - 1) sum (b - m c)^2) / n, from sums alone."""
    row = row_of(days)
    by_hand = (
        sqrt(len(days) / (len(days) - 1) * sum((sum(d) - row["mean"] * len(d)) ** 2 for d in days)) / row["valued"]
    )
    spread = Spread(len(days), int(row["valued"]), row["total"], row["n_n"], row["n_total"], row["total_total"])

    assert pytest.approx(by_hand, abs=1e-6) == spread.error


@given(DAYS, st.integers(-5, 5))
@settings(max_examples=50, deadline=None)
def test_adding_a_constant_moves_the_interval_and_no_more(days: list[list[int]], more: int) -> None:
    """The width of an interval does not depend on where the scale begins."""
    low, high = interval(row_of(days))
    moved = interval(row_of([[v + more for v in d] for d in days]))

    if low is None or high is None or moved[0] is None:
        return
    assert (pytest.approx(low + more, abs=1e-5), pytest.approx(high + more, abs=1e-5)) == moved


@given(DAYS, DAYS)
@settings(max_examples=50, deadline=None)
def test_swapping_two_slices_flips_the_sign(one: list[list[int]], other: list[list[int]]) -> None:
    """Quality of b over a is minus that of a over b, and so is its interval."""
    a, b = daily(one), daily(other)
    there, back = score_difference(a, b), score_difference(b, a)

    assert pytest.approx(there[0]) == -back[0]
    if there[1] is not None and back[1] is not None and back[2] is not None:
        assert (pytest.approx(there[1]), pytest.approx(there[2])) == (-back[2], -back[1])


def daily(days: list[list[int]]) -> Daily:
    """A slice of scores by day, from one day on."""
    rows = [
        {"seen_day": place, "n": len(d), "total": float(sum(d)), "squares": float(sum(v * v for v in d)),
         "costed": len(d), "cost": float(len(d)), "p50_ms": None}
        for place, d in enumerate(days)
    ]  # fmt: skip
    return Daily.of({}, rows)


def test_intervals_cover_the_true_mean() -> None:
    """Days that differ (sd 0.5) and sessions that do not matter: 92 to 98 of 100 intervals hold the truth."""
    import numpy as np

    random_ = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        level = 7 + random_.normal(0, 0.5, 30)
        n = random_.integers(5, 40, 30)
        totals = level * n + random_.normal(0, 1.5, 30) * np.sqrt(n)
        row = {"clusters": 30, "valued": int(n.sum()), "total": float(totals.sum()),
               "mean": float(totals.sum() / n.sum()), "n_n": float((n * n).sum()),
               "n_total": float((n * totals).sum()), "total_total": float((totals**2).sum()),
               "share": False}  # fmt: skip
        low, high = interval(row)
        assert low is not None
        assert high is not None
        held += low <= 7 <= high

    assert 920 <= held <= 980


def test_a_random_sample_is_rarely_unlike_the_rest() -> None:
    """A tenth of answers at random, mixes that wander by day: at most 5 in 100 samples have any value beyond noise."""
    import numpy as np

    random_ = np.random.default_rng(11)
    found = 0
    for _ in range(400):
        share = np.clip(0.4 + random_.normal(0, 0.05, 60), 0.05, 0.95)
        answers = random_.integers(100, 400, 60)
        of = random_.binomial(answers, share)
        n, hits = random_.binomial(answers, 0.1), random_.binomial(of, 0.1)
        n = np.maximum(n, hits)
        row = {"n": int(n.sum()), "days": 60, "hits": int(hits.sum()), "answers": int(of.sum()),
               "every_answer": int(answers.sum()), "squared": float((hits**2).sum()),
               "by_count": float((hits * n).sum()), "n_n": float((n**2).sum())}  # fmt: skip
        found += compared(row, 2)["reading"] in ("more than its share", "less than its share")

    assert found <= 20


@pytest.mark.parametrize("words", [(), ("feature", "month")])
def test_the_sql_is_understood_by_other_engines(words: tuple[str, ...]) -> None:
    """Every statement, as it runs, is parsed and written for Spark."""
    sqlglot = pytest.importorskip("sqlglot")
    import llmscope

    with llmscope.open(str(SAMPLE / "scores.jsonl.gz"), str(SAMPLE / "nightly-2026-11-10.jsonl")) as logs:
        logs.quality(by="feature" if words else None, over="month" if words else None, below="7")

        for text in logs.ran:
            assert sqlglot.transpile(text, read="duckdb", write="spark")


def test_mean_and_error_of_one_day_is_no_interval() -> None:
    """One day says nothing of how days differ."""
    assert (7.0, 0.0, 1) == mean_and_error(((2, 14.0),))
