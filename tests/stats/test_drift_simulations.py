"""The rules of drift on logs whose truth is known: small, seeded versions of tests/bench/simulate_drift.py.

Counts, not shares, out of fixed seeds: what is asserted is a bound well above (or below) what the large runs show, as
kept in tests/bench/simulated/.
"""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest

from llmscope.analyses._drift_lines import Line, level_line, rate_line, usual_rho
from llmscope.analyses._drift_verdicts import judge
from llmscope.stats.daily import Shift, shift
from llmscope.stats.verdicts import DRIFT, SMALL, STABLE, Margins, verdict
from tests.bench.simulate_drift import errors, latency, one_report, tails
from tests.bench.simulated_logs import WORLDS, draw, error_days, exceeding_days, latency_days, requests

MONTHS = (31, 28)
LATENCY = Line("latency", "latency", "ms", 0, Margins().ratio("latency"), (0, 0), (0, 0))
ERRORS = Line("error_rate", "error rate", "share", 0, (0.0, 0.0), (0, 0), (0, 0), change_unit="share")
C = WORLDS["C weekdays, days wander 5 %, rho .5"]
PROMISED = [name for name in WORLDS if not name.startswith(("E ", "steps every 7"))]


@pytest.mark.parametrize("name", PROMISED)
def test_nothing_changed(name: str) -> None:
    """At most 5 in 100 months say DRIFT or SMALL, in each world: days that wander, incidents, steps, gaps."""
    rng = np.random.default_rng(21)
    words = [latency(rng, WORLDS[name], n, MONTHS)[1] for n in (1e3, 1e4, 1e5, 1e6) for _ in range(30)]

    assert sum(word in (DRIFT, SMALL) for word in words) <= 0.05 * len(words)


def test_error_rate_unchanged() -> None:
    """The same of a rate of 2 %, whose days wander three times as much."""
    rng = np.random.default_rng(22)
    words = [errors(rng, WORLDS[name], 1e4, MONTHS, (0.02, 0.02))[1] for name in PROMISED for _ in range(25)]

    assert sum(word in (DRIFT, SMALL) for word in words) <= 0.05 * len(words)


def test_a_quarter_slower_is_found() -> None:
    """+25 % at 10,000 requests is DRIFT in at least 95 of 100 months."""
    rng = np.random.default_rng(23)
    words = [latency(rng, C, 1e4, MONTHS, log(1.25))[1] for _ in range(100)]

    assert words.count(DRIFT) >= 95


def test_a_tenth_slower_is_seen_by_the_first_key() -> None:
    """+10 % at 100,000 requests turns the day key in at least 80 of 100 months."""
    rng = np.random.default_rng(24)

    assert sum(latency(rng, C, 1e5, MONTHS, log(1.1))[0].p <= 0.05 for _ in range(100)) >= 80


def test_scenario_c_behaves() -> None:
    """D26, at 20,000 requests and 100 seeds: at most 8 months not STABLE or INCONCLUSIVE, +25 % DRIFT in 95."""
    quiet = [latency(np.random.default_rng(seed), C, 2e4, MONTHS)[1] for seed in range(100)]
    slower = [latency(np.random.default_rng(seed), C, 2e4, MONTHS, log(1.25))[1] for seed in range(100)]

    assert sum(word in (DRIFT, SMALL) for word in quiet) <= 8
    assert slower.count(DRIFT) >= 95
    assert slower.count(STABLE) == 0


def test_latency_halved() -> None:
    """D28: 800 requests against 800, half as slow, is DRIFT, downwards."""
    rng = np.random.default_rng(25)
    found = [latency(rng, WORLDS["A independent"], 870, MONTHS, log(0.5)) for _ in range(50)]

    assert [word for _, word in found] == [DRIFT] * 50
    assert all(isinstance(moved, Shift) and moved.high < 0 for moved, _ in found)


def test_twice_the_errors_are_found() -> None:
    """1 % to 2 % at 200,000 requests is DRIFT."""
    rng = np.random.default_rng(26)
    words = [errors(rng, C, 2e5, MONTHS, (0.01, 0.02))[1] for _ in range(20)]

    assert words == [DRIFT] * 20


@pytest.mark.parametrize("change", [0.0, log(1.25)])
def test_the_interval_of_p95_holds_the_truth(change: float) -> None:
    """In at least 95 of 100 months with days that wander and hang together."""
    rng = np.random.default_rng(27)
    world = WORLDS["D days wander 10 %, rho .7"]

    assert sum(bool(tails(rng, world, 1e4, MONTHS, change)[1]) for _ in range(100)) >= 95


def test_reports_of_48_slices() -> None:
    """Under 1 line in 100 is false with six of 48 moved, at most 2 of 240 with none; half of what moved is found."""
    rng = np.random.default_rng(28)
    found = [one_report(rng, C, 3e5, 48, 6, log(1.5)) for _ in range(5)]
    false, true = sum(r["false"] for r in found), sum(r["true"] for r in found)

    assert false < 0.01 * 5 * 42
    assert true >= 15
    assert sum(one_report(rng, C, 3e5, 48, 0, 0.0)["false"] for _ in range(5)) <= 2


def test_a_day_at_once_is_a_request_at_a_time() -> None:
    """The sums drawn a day at once have the spread of those drawn a request at a time, in all and of one day."""
    rng, spreads = np.random.default_rng(29), []
    still = WORLDS["B sessions of 8"]
    for at_once in (True, False):
        means = []
        for _ in range(400):
            made = draw(rng, still, 310, (31, 28))
            if at_once:
                days = [day for side in latency_days(rng, made) for day in side]
                means.append(sum(d.total for d in days) / sum(d.n for d in days))
            else:
                means.append(float(requests(rng, made)[1].mean()))
        spreads.append(float(np.std(means)))

    assert spreads[0] == pytest.approx(spreads[1], rel=0.12)


def test_swapped_days_of_events_are_the_rest() -> None:
    """A rate's fall is the rise of what is left: the same p for errors and for answers."""
    rng = np.random.default_rng(30)
    made = draw(rng, C, 1e4)
    before, after = error_days(rng, made, 0.02, 0.03)
    rest = [[type(d)(d.date, d.n, d.n - d.total) for d in side] for side in (before, after)]
    one, other = shift(before, after), shift(*rest)

    assert one is not None
    assert other is not None
    assert (one.p_ar1, one.p_weeks, one.effect) == pytest.approx((other.p_ar1, other.p_weeks, -other.effect))


def test_exceeding_its_own_p95() -> None:
    """One request in twenty is over p95, by count: 5 % before."""
    rng = np.random.default_rng(31)
    made = draw(rng, C, 1e4)
    day, value = requests(rng, made)
    over = value > np.quantile(value[day < 31], 0.95)
    moved = shift(*exceeding_days(made, day, over.astype(float)), adjust=False)

    assert moved is not None
    assert moved.before == pytest.approx(0.05, abs=0.0005)
    assert verdict(moved, moved.p, Margins().rate(moved.before), 500) != DRIFT


@pytest.mark.parametrize("name", ["C with incident days", "D days wander 10 %, rho .7"])
def test_a_report_that_looks_for_steps(name: str) -> None:
    """Reports of 48 slices in which nothing changed, through drift's own judge: at most 5 % of the lines are real."""
    rng, said = np.random.default_rng(31), []
    for _ in range(4):
        logs = [draw(rng, WORLDS[name], 20_000 * float(rng.lognormal(0, 1)), MONTHS) for _ in range(48)]
        pairs = [latency_days(rng, one) for one in logs]
        rho = usual_rho(pairs)
        lines = [level_line(replace(LATENCY, units=one.fewest_sessions), pair, rho)
                 for one, pair in zip(logs, pairs, strict=True)]  # fmt: skip
        said += [one.said for one in judge(lines, dependent=False)[0]]

    assert sum(word in (DRIFT, SMALL) for word in said) <= 0.05 * len(said)


def test_an_incident_in_a_short_window_is_no_drift() -> None:
    """Reports of a week against a week, error rate 2 %, incident days: the exact test alone says DRIFT of 1 in 4."""
    rng, said = np.random.default_rng(32), []
    for _ in range(2):
        lines = []
        for _ in range(24):
            log_of = draw(rng, WORLDS["C with incident days"], 130_000, (7, 7))
            before, after = error_days(rng, log_of, 0.02)
            lines.append(rate_line(ERRORS, (before, after), None, Margins(), None, None))
        said += [one.said for one in judge(lines, dependent=False)[0]]

    assert sum(word in (DRIFT, SMALL) for word in said) <= 0.05 * len(said)
