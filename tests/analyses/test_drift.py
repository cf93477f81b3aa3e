"""Lines and verdicts of a drift report: by hand, by property, and on data in which nothing changed."""

from __future__ import annotations

import datetime as dt
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.analyses import _drift_mixes, _drift_words
from llmscope.analyses._drift_lines import (
    EXACT,
    STEPPED,
    Line,
    Windows,
    between,
    exact_line,
    level_line,
    mean_line,
    points_line,
    rate_line,
)
from llmscope.analyses._drift_verdicts import judge, odd_days
from llmscope.result import Window
from llmscope.stats.daily import Day
from llmscope.stats.verdicts import Margins
from tests.load.writing import lines, put, request

BEFORE, AFTER = dt.date(2026, 9, 1), dt.date(2026, 10, 1)
BLANK = Line("latency", "latency", "ms", None, Margins().ratio("latency"), (0, 0), (0, 0))
RATE = Line("error_rate", "error rate", "share", None, (0.0, 0.0), (0, 0), (0, 0), change_unit="share")


def days(start: dt.date, values: list[float], n: int = 100) -> list[Day]:
    """A day each, of n rows of that mean."""
    return [Day(start + dt.timedelta(days=i), n, n * value) for i, value in enumerate(values)]


def wandering(random: np.random.Generator, start: dt.date, count: int, rows: int, effect: float = 0.0) -> list[Day]:
    """Scenario C of statistics.md: lognormal requests in sessions of 8, weekends of .45, days of sd 5 %, AR(1) .5."""
    dates = [start + dt.timedelta(days=i) for i in range(count)]
    weight = np.array([0.45 if date.weekday() > 4 else 1.0 for date in dates])
    counts = random.poisson(rows * weight / weight.sum())
    wander, noise = np.zeros(count), random.normal(size=count)
    for i in range(count):
        wander[i] = noise[i] if not i else 0.5 * wander[i - 1] + 0.75**0.5 * noise[i]
    within = (((0.74**2 - 0.35**2) + 8 * 0.35**2) / np.maximum(counts, 1)) ** 0.5
    mean = 7.5 + 0.05 * wander + 0.08 * (weight < 1) + random.normal(size=count) * within + effect
    return [Day(d, int(n), float(n * m)) for d, n, m in zip(dates, counts, mean, strict=True) if n]


def said(*lines: Line) -> list[str]:
    return [one.said for one in judge(lines, dependent=False)[0]]


def test_nothing_changed_is_hardly_ever_called_a_change() -> None:
    """200 unchanged months of 20,000 requests: at most 5 in 100 are DRIFT or SMALL; a step is searched for in each."""
    random = np.random.default_rng(6)
    lines = [
        level_line(BLANK, (wandering(random, BEFORE, 30, 20_000), wandering(random, AFTER, 31, 20_000)), None)
        for _ in range(200)
    ]
    verdicts = [said(line)[0] for line in lines]

    assert sum(v in ("DRIFT", "SMALL") for v in verdicts) <= 10
    assert sum(v == "STABLE" for v in verdicts) >= 80


def test_a_quarter_slower_is_found_also_where_many_tests_are_made() -> None:
    """+25 % at 20,000 requests: all of 40 months by themselves, and in a report of 40 lines of which 4 changed."""
    random = np.random.default_rng(7)

    def line(effect: float) -> Line:
        pair = wandering(random, BEFORE, 30, 20_000), wandering(random, AFTER, 31, 20_000, effect)
        return level_line(BLANK, pair, None)

    alone = [said(line(log(1.25)))[0] for _ in range(40)]
    together = said(*[line(log(1.25) if i < 4 else 0.0) for i in range(40)])

    assert alone.count("DRIFT") >= 38
    assert together[:4].count("DRIFT") >= 3
    assert sum(v in ("DRIFT", "SMALL") for v in together[4:]) <= 1


def test_a_step_inside_the_later_window_is_dated_and_compared_with_all_before() -> None:
    """0 % for 42 days, then 50 % for 20: the windows' means differ by 32 points, the step by 50, from 13 October."""
    random = np.random.default_rng(8)
    first = days(BEFORE, [0.0] * 30, 40)
    last = [Day(AFTER + dt.timedelta(days=i), 40, float(random.binomial(40, 0.5) if i >= 12 else 0)) for i in range(31)]
    line = rate_line(RATE, (first, last), None, Margins(), None, None)
    found = judge([line], dependent=False)[0][0]

    assert ("DRIFT", dt.date(2026, 10, 13), STEPPED) == (found.said, found.began, found.line.method)
    assert found.line.change == pytest.approx(0.5, abs=0.03)
    assert (42 * 40, 19 * 40) == found.line.n


def test_two_odd_days_are_an_incident_and_no_drift() -> None:
    """Two days of twice the volume in 61 are named, and the level has not moved."""
    random = np.random.default_rng(9)
    values = [400 + float(x) for x in random.normal(0, 10, 61)]
    values[50] = values[51] = 950.0
    first, last = days(BEFORE, values[:30], 400), days(AFTER, values[30:], 400)
    line = mean_line(BLANK, (first, last), None)

    assert "DRIFT" not in said(line)
    assert [dt.date(2026, 10, 21), dt.date(2026, 10, 22)] == [day for day, _, _ in odd_days([*first, *last])]


def test_halved_is_drift_and_better() -> None:
    """D28: what takes half as long is a change, to the better, by -50 %."""
    random = np.random.default_rng(10)
    line = level_line(BLANK, (wandering(random, BEFORE, 30, 800), wandering(random, AFTER, 31, 800, log(0.5))), None)

    assert ["DRIFT"] == said(line)
    assert line.change == pytest.approx(-0.5, abs=0.06)


def test_few_rows_and_short_windows_are_too_few() -> None:
    """Under 30 rows, or under two weeks of a level: figures, no test."""
    few = level_line(BLANK, (days(BEFORE, [7.0] * 20, 1), days(AFTER, [7.5] * 20, 1)), None)
    short = level_line(BLANK, (days(BEFORE, [7.0] * 7), days(AFTER, [7.5] * 7)), None)
    empty = level_line(BLANK, ([], days(AFTER, [7.5] * 30)), None)

    assert ["too few to say"] * 3 == said(few, short, empty)
    assert [None] * 3 == [line.p for line in (few, short, empty)]
    assert exp(0.5) - 1 == pytest.approx(short.change)
    assert (None, exp(7.5)) == (empty.before, pytest.approx(empty.after))


def test_rare_events_are_exact_on_sessions() -> None:
    """1 event of 1,000 rows against 8, in 500 sessions of which 1 and 4 have one: Fisher's p of 1/500 v 4/500.

    Given 5 events in all, P(X = k) = C(5, k) / 32 nearly; P(1) + P(0) + P(4) + P(5) = 0.3736 exactly
    (hypergeometric, both sides as likely).
    """
    line = points_line(RATE, (days(BEFORE, [0.001]), days(AFTER, [0.008])), None)
    found = exact_line(line, (1, 8), (500, 500), (1, 4))

    assert EXACT == found.method
    assert found.p == pytest.approx(0.3736, abs=2e-3)


def test_no_events_at_all_is_stable_on_enough_rows() -> None:
    """0 of 3,000 and 0 of 3,100: more than half a point is ruled out; of 100 and 100 it is not."""
    many = rate_line(RATE, (days(BEFORE, [0.0] * 30), days(AFTER, [0.0] * 31)), None, Margins(), None, None)
    few = rate_line(RATE, (days(BEFORE, [0.0] * 30, 4), days(AFTER, [0.0] * 31, 4)), None, Margins(), None, None)

    assert ["STABLE", "INCONCLUSIVE"] == said(many, few)
    assert (0.0, 1.0) == (many.change, many.p)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_swapped_windows_flip_the_sign_and_a_constant_changes_nothing(seed: int, constant: float) -> None:
    """The change of a score swapped is its negative with the ends exchanged, and adding points to all keeps it."""
    random = np.random.default_rng(seed)
    first = days(BEFORE, [float(x) for x in random.normal(7, 0.2, 28)], 20)
    last = days(dt.date(2026, 9, 29), [float(x) for x in random.normal(7.1, 0.2, 28)], 20)
    blank = Line("score", "score", "points", None, Margins().points("score"), (0, 0), (0, 0), change_unit="points")
    there, back = points_line(blank, (first, last), None), points_line(blank, (last, first), None)
    raised = points_line(blank, tuple([Day(d.date, d.n, d.total + d.n * constant) for d in side]
                                      for side in (first, last)), None)  # type: ignore[arg-type]  # fmt: skip

    assert there.change is not None
    assert -there.change == pytest.approx(back.change)
    assert (-there.high, -there.low) == pytest.approx((back.low, back.high))  # type: ignore[operator]
    assert (there.change, there.p) == pytest.approx((raised.change, raised.p))
    assert said(there) == said(back)


def test_a_rate_of_a_short_window_is_no_surer_than_its_days() -> None:
    """60 errors more on one day of a week: 67 of 7,000 against 7, Fisher's p is under 1e-12; the days' is .3559.

    Daily shares .061 and six of .001: mean .0095714, variance (.0514286^2 + 6 x .0085714^2) / 6 = .00051429, so that
    se = sqrt(.00051429 / 7) = .0085714 and t = (.0095714 - .001) / .0085714 = 1 on 6 degrees of freedom.
    """
    first = [Day(BEFORE + dt.timedelta(days=i), 1000, 1.0) for i in range(7)]
    last = [Day(AFTER + dt.timedelta(days=i), 1000, 61.0 if i == 3 else 1.0) for i in range(7)]
    blank = Line("error_rate", "error rate", "share", None, (0.0, 0.0), (0, 0), (0, 0), change_unit="share")
    found = rate_line(blank, (first, last), None, Margins(), None, None)

    assert found.change == pytest.approx(0.0085714, abs=1e-7)
    assert found.p == pytest.approx(0.355918, abs=1e-6)
    assert (found.low or 0) < 0 < (found.high or 0)
    assert said(found)[0] == "INCONCLUSIVE"


WINDOWS = Windows(((), ()), Margins(), {})
MIX = Line("model_mix", "model mix", "moved", None, (0.0, 0.0), (0, 0), (0, 0), change_unit="moved")


def test_one_row_of_a_new_category_is_listed_and_no_drift() -> None:
    """D27: one row in 900 of a category never seen before: counted as new, not tested, no p of 0."""
    before = [(BEFORE + dt.timedelta(days=i), name, 15) for i in range(30) for name in ("a", "b")]
    after = [(AFTER + dt.timedelta(days=i), name, 15) for i in range(30) for name in ("a", "b")]
    after[7] = (*after[7][:2], 14)
    line = _drift_mixes.line_of(MIX, {"before": before, "after": [*after, (AFTER, "c", 1)]}, WINDOWS, None)

    assert line is not None
    assert "DRIFT" not in said(line)
    new = [row for row in line.details if row["status"] == "new"]
    assert [("c", (0, 1), None)] == [(row["category"], row["n"], row["p"]) for row in new]


def test_a_hundred_categories_in_a_large_and_a_small_window_are_no_drift() -> None:
    """100 categories of 100,000 requests against 1,000 of the same shares: the rare ones that lack are no change."""
    random = np.random.default_rng(11)
    shares = random.dirichlet(np.ones(100))
    both = []
    for start, n in ((BEFORE, 100_000), (AFTER, 1_000)):
        counts = random.multinomial(n // 30, shares, size=30)
        both.append([(start + dt.timedelta(days=i), f"c{j:02}", int(counts[i, j]))
                     for i in range(30) for j in range(100) if counts[i, j]])  # fmt: skip
    line = _drift_mixes.line_of(MIX, {"before": both[0], "after": both[1]}, WINDOWS, None)

    assert line is not None
    assert said(line)[0] in ("INCONCLUSIVE", "STABLE")


def test_all_traffic_to_a_new_model_is_drift() -> None:
    """Where no category is common to both windows, what is new is tested by its days."""
    random = np.random.default_rng(12)
    sides = {
        side: [(start + dt.timedelta(days=i), name, int(random.poisson(40))) for i in range(30)]
        for side, start, name in (("before", BEFORE, "old"), ("after", AFTER, "new"))
    }
    line = _drift_mixes.line_of(MIX, sides, WINDOWS, None)

    assert line is not None
    assert (["DRIFT"], 1.0) == (said(line), line.change)


def test_relabelled_categories_give_the_same() -> None:
    """Names mean nothing."""
    random = np.random.default_rng(13)
    rows = {side: [(start + dt.timedelta(days=i), name, int(random.poisson(20))) for i in range(30) for name in "abc"]
            for side, start in (("before", BEFORE), ("after", AFTER))}  # fmt: skip
    other = {side: [(day, {"a": "z", "b": "y", "c": "x"}[name], n) for day, name, n in found]
             for side, found in rows.items()}  # fmt: skip
    one, two = (_drift_mixes.line_of(MIX, found, WINDOWS, None) for found in (rows, other))

    assert one is not None
    assert two is not None
    assert (one.change, one.p) == pytest.approx((two.change, two.p))


def test_a_quantile_between_two_of_the_grid_is_geometric() -> None:
    """Half way between p95 and p96, of 1 s and 4 s: 2 s; outside of the grid there is none."""
    from llmscope.analyses._daily import GRID

    figures = [4000.0 if p >= 0.96 else 1000.0 for p in GRID]

    assert between(figures, 0.955) == pytest.approx(2000.0)
    assert between(figures, 0.9999) is None
    assert between(figures, 0.95) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4100.0, "ms", "4.10 s"), (412.4, "ms", "412 ms"), (0.00898, "usd", "$0.00898"), (0.012, "share", "1.2 %"),
        (0.0004, "share", "0.04 %"), (7.074, "points", "7.07"), (3284.9, "tokens", "3,285"),
        (372.4, "requests_per_day", "372/day"), (None, "ms", None), (0.0, "usd", "$0"),
    ],
)  # fmt: skip
def test_figures_in_words(value: float | None, unit: str, text: str | None) -> None:
    """Three digits that matter, with the unit."""
    assert text == _drift_words.figure(value, unit)


def test_sentences() -> None:
    """As the issue has it."""
    row = {
        "change_value": 0.22, "change_low_value": 0.12, "change_high_value": 0.33, "change_unit": "ratio",
        "before": "4.10 s", "after": "5.00 s", "began": "2026-10-14",
    }  # fmt: skip

    expected = "p95 latency of chat rose 22 % [+12, +33], from 4.10 s to 5.00 s, since about 2026-10-14."
    assert expected == _drift_words.sentence(row, "p95 latency", "", ("chat",))


@pytest.mark.parametrize(
    ("since", "until", "tz", "text"),
    [
        (dt.datetime(2026, 9, 1), dt.datetime(2026, 10, 1), "UTC", "2026-09"),
        (dt.datetime(2026, 8, 1), dt.datetime(2026, 10, 1), "UTC", "2026-08 to 2026-09"),
        (dt.datetime(2026, 9, 7), dt.datetime(2026, 9, 21), "UTC", "2026-09-07 to 2026-09-20"),
        (dt.datetime(2026, 8, 31, 22), dt.datetime(2026, 9, 30, 22), "Europe/Berlin", "2026-09"),
        (dt.datetime(2026, 9, 7, 14), dt.datetime(2026, 9, 7, 15), "UTC", "2026-09-07 14:00 to 15:00"),
    ],
)
def test_windows_in_words(since: dt.datetime, until: dt.datetime, tz: str, text: str) -> None:
    """In the zone asked for."""
    assert text == _drift_words.window_text(Window(since, until, tz))


def stopping(here: Path) -> Path:
    """March and April: chat 20 a day, search 10 a day until 9 April and none since."""
    days = [dt.date(2026, 3, 1) + dt.timedelta(days=i) for i in range(61)]
    records = [
        {
            "feature": feature,
            "started_at": f"{day}T{i % 24:02}:00:00Z",
            "latency_ms": 1000 + i,
            "session_id": f"{day}{i}",
        }
        for day in days
        for feature, n in (("chat", 20), ("search", 10 if day < dt.date(2026, 4, 10) else 0))
        for i in range(n)
    ]
    return put(here / "stopping.jsonl", lines(request(i, status="ok", **r) for i, r in enumerate(records)))


def test_a_feature_that_stopped_is_found_with_where_as_with_by(here: Path) -> None:
    """Days on which the log goes on and --where leaves nothing are days of 0: 10 a day, and 0 since 10 April."""
    path = stopping(here)
    with llmscope.open(str(path), since="2026-04", until="2026-04") as logs:
        by = [r for r in logs.drift(by="feature", metric="requests").rows if r["feature"] == "search"]
    with llmscope.open(str(path), since="2026-04", until="2026-04", where="feature = 'search'") as logs:
        alone = logs.drift(metric="requests").rows

    for row in (by[0], alone[0]):
        assert ("DRIFT", 10.0, 0.0, "2026-04-10") == (
            row["verdict"], row["before_value"], row["after_value"], str(row["began"])[-10:],
        )  # fmt: skip


def test_requests_of_a_volume_are_those_counted(here: Path) -> None:
    """Of chat, 31 x 20 and 30 x 20; nothing moved."""
    with llmscope.open(str(stopping(here)), since="2026-04", until="2026-04", where="feature = 'chat'") as logs:
        row = logs.drift(metric="requests").rows[0]

    assert (620, 600, 20.0, 20.0) == tuple(
        row[n] for n in ("requests_before", "requests_after", "before_value", "after_value")
    )
