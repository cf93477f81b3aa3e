"""When a share is said to stand out or to grow: bounds worked by hand, false alarms counted by simulation."""

from __future__ import annotations

from math import comb
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.analyses._errors_scan import Found, hour_text, joined, stands_out
from llmscope.analyses._errors_trend import Trend, halves, trend
from llmscope.result import TOO_FEW
from llmscope.stats.proportions import wilson

DAYS = [f"2026-09-{day:02d}" for day in range(1, 31)]


def test_what_stands_out() -> None:
    """50 of 60 against 260 of 16,000 does, even among 10,000 slices; too few failures, or a little more, do not.

    Against 2 p = 2 x 0.0183: KL(0.8333, 0.0366) = 0.8333 ln 22.77 + 0.1667 ln 0.1730 = 2.604 - 0.292 = 2.31, and
    exp(-60 x 2.31) = 1e-60.
    """
    assert stands_out(50, 60, 260, 16000, 10_000)
    assert not stands_out(9, 9, 260, 16000, 1)
    assert not stands_out(30, 1000, 260, 16000, 1)
    assert not stands_out(50, 60, 0, 0, 1)
    # Three times the usual, surely, and yet less than a point more.
    assert not stands_out(300, 100_000, 1000, 1_000_000, 1)


def test_it_is_corrected_for_the_number_of_slices() -> None:
    """12 of 100 against 2 %: 2 p is 0.0418, KL(0.12, 0.0418) = 0.0517, exp(-5.17) = 0.0057: enough for one alone."""
    assert stands_out(12, 100, 2000, 100_000, 1)
    assert not stands_out(12, 100, 2000, 100_000, 100)


@settings(max_examples=200, deadline=None)
@given(st.integers(10, 300), st.floats(0.001, 0.2), st.integers(1, 1000))
def test_false_alarms_are_bounded(n: int, p: float, looked_at: int) -> None:
    """Where the share is the usual one, an alarm in any slice has a chance below 5 %, by the exact binomial."""
    rest = 1_000_000
    alarms = [k for k in range(10, n + 1) if stands_out(k, n, round(p * rest), rest, looked_at)]
    least = min(alarms, default=n + 1)
    chance = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(least, n + 1))

    assert chance * looked_at < 0.05


def test_hours_that_follow_are_one() -> None:
    """14:00 and 15:00 are one stretch; the rest is what is without both, 1000 - 10 - 10. 17:00 stands alone."""
    hours = [Found(("a",), 10, 9, 990, 20, f"2026-09-01T{h}:00", f"2026-09-01T{h}:00") for h in (14, 15, 17)]

    assert [
        ("2026-09-01T14:00", "2026-09-01T15:00", 20, 18, 980, 11),
        ("2026-09-01T17:00",) * 2 + (10, 9, 990, 20),
    ] == [(f.first, f.last, f.n, f.hits, f.usual_n, f.usual_hits) for f in joined(hours)]


def test_hours_in_words() -> None:
    """To the end of the last one; midnight is the day's 24:00."""
    assert "2026-10-20 14:00 to 15:00" == hour_text("2026-10-20T14:00", "2026-10-20T14:00")
    assert "2026-10-20 22:00 to 24:00" == hour_text("2026-10-20T22:00", "2026-10-20T23:00")
    assert "2026-10-20 22:00 to 2026-10-21 02:00" == hour_text("2026-10-20T22:00", "2026-10-21T01:00")


def test_what_a_trend_compares() -> None:
    """Two weeks where there are two, else the halves."""
    assert (DAYS[16:23], DAYS[23:]) == halves(DAYS, "day")
    assert (DAYS[:4], DAYS[4:9]) == halves(DAYS[:9], "day")
    assert ([], DAYS[:1]) == halves(DAYS[:1], "day")


def told(first: list[int], second: list[int], n: int = 1000) -> Trend:
    """The trend of so many failures a day, of n requests each."""
    days = DAYS[: len(first) + len(second)]
    hits = dict(zip(days, [*first, *second], strict=True))
    return trend(days[: len(first)], days[len(first) :], dict.fromkeys(days, n), hits, 1)


def test_trends_by_hand() -> None:
    """Newcombe's example, 56/70 against 48/80: 0.2 with 0.0524 to 0.3339 (Statistics in Medicine 17, 1998, table II).

    By days, 7 of 10 to 16 in 1000 against 7 of 20 to 26: shares .013 and .023; the spread of 1..7 about its mean is 28,
    se = sqrt(7 / 6 x 28) / 7000 = .000816 each, t(6) = 2.4469: .01 +- 2.4469 x .000816 x sqrt 2 = .007175 to .012825.
    """
    example = trend(["a"], ["b"], {"a": 80, "b": 70}, {"a": 48, "b": 56}, 1)
    weeks = told([10, 11, 12, 13, 14, 15, 16], [20, 21, 22, 23, 24, 25, 26])

    assert ("up", pytest.approx(0.2), pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4)) == (
        example.word, example.change_ratio, example.low_ratio, example.high_ratio,
    )  # fmt: skip
    assert ("up", pytest.approx(0.01), pytest.approx(0.007175, abs=1e-6), pytest.approx(0.012825, abs=1e-6)) == (
        weeks.word, weeks.change_ratio, weeks.low_ratio, weeks.high_ratio,
    )  # fmt: skip


def test_one_bad_day_is_no_trend() -> None:
    """300 failures on one day of seven: days differ too much to say that it grows; where they are alike it is said."""
    assert told([10] * 7, [10, 10, 10, 300, 10, 10, 10]).word == TOO_FEW
    assert told([10, 12, 9, 11, 10, 8, 10], [11, 10, 9, 12, 10, 9, 10]).word == "steady"
    assert told([20, 21, 22, 23, 24, 25, 26], [10, 11, 12, 13, 14, 15, 16]).word == "down"
    assert told([1, 0, 1], [2, 1, 1]).word == TOO_FEW
    assert trend([], [], {}, {}, 1).word == TOO_FEW


def test_false_trends_are_rare() -> None:
    """Days that wander by a quarter, nothing changed: up or down is said in at most 8 % of 300 logs (fixed seed)."""
    rng = Random(4)
    cried = 0
    for _ in range(300):
        rates = [0.02 * rng.lognormvariate(0, 0.25) for _ in range(14)]
        hits = [sum(rng.random() < r for _ in range(300)) for r in rates]
        cried += told(hits[:7], hits[7:], 300).word in ("up", "down")

    assert cried <= 24


def test_the_interval_is_wilsons() -> None:
    """170 of 200: (.7939442072, .8928640644) in R, statsmodels and scipy (statistics.md, D8)."""
    assert (pytest.approx(0.7939442072), pytest.approx(0.8928640644)) == wilson(170, 200)
