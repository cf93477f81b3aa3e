"""The four verdicts, and the margins they are held against."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from llmscope.errors import UsageError
from llmscope.result import TOO_FEW
from llmscope.stats.daily import Shift
from llmscope.stats.verdicts import (
    DRIFT,
    INCONCLUSIVE,
    SMALL,
    STABLE,
    Margins,
    judged,
    relative,
    verdict,
)

MARGIN = (-0.1, 0.1)
# Both keys turn: +20 points in [10, 30].
MOVED = Shift(
    n=(3000, 2800), days=(31, 28), blocks=(4, 4), before=1.0, after=1.2, effect=0.2, crude=0.2, low=0.1, high=0.3,
    equivalence_low=0.13, equivalence_high=0.27, se=0.03, df=3.0, p_ar1=0.001, p_weeks=0.02, rho=0.2, mde=0.13,
    slow=False,
)  # fmt: skip
QUIET = replace(MOVED, after=1.01, effect=0.01, equivalence_low=-0.06, equivalence_high=0.08, p_ar1=0.7, p_weeks=0.8)


def test_both_keys_and_the_margin() -> None:
    """Real and no smaller than the margin is DRIFT, real and smaller SMALL, whichever way it goes."""
    assert verdict(MOVED, 0.001, MARGIN) == DRIFT
    assert verdict(replace(MOVED, effect=-0.2), 0.001, MARGIN) == DRIFT
    assert verdict(replace(MOVED, effect=0.1), 0.001, MARGIN) == DRIFT
    assert verdict(replace(MOVED, effect=0.099), 0.001, MARGIN) == SMALL


@pytest.mark.parametrize(("q", "p_weeks"), [(0.051, 0.02), (0.001, 0.051), (None, 0.02), (0.001, None)])
def test_one_key_is_none(q: float | None, p_weeks: float | None) -> None:
    """Either key alone leaves the question open."""
    assert verdict(replace(MOVED, p_weeks=p_weeks), q, MARGIN) == INCONCLUSIVE


def test_stable_is_a_claim() -> None:
    """STABLE only where the 90 % interval lies inside the margin."""
    assert verdict(QUIET, 0.7, MARGIN) == STABLE
    assert verdict(replace(QUIET, equivalence_high=0.1), 0.7, MARGIN) == INCONCLUSIVE
    assert verdict(replace(QUIET, equivalence_low=-0.2), 0.7, MARGIN) == INCONCLUSIVE


def test_few_rows_say_little() -> None:
    """Nothing under 30 rows a side or without a shift; no word but INCONCLUSIVE under 100 sessions."""
    assert verdict(None, None, MARGIN) == TOO_FEW
    assert verdict(replace(MOVED, n=(3000, 29)), 0.001, MARGIN) == TOO_FEW
    assert verdict(replace(MOVED, n=(3000, 99)), 0.001, MARGIN) == INCONCLUSIVE
    assert verdict(MOVED, 0.001, MARGIN, sessions=99) == INCONCLUSIVE
    assert verdict(MOVED, 0.001, MARGIN, sessions=100) == DRIFT


def test_slow_days_take_the_larger_p() -> None:
    """Where days hang together for long the day key is no smaller than the week key."""
    assert (0.001, 0.02) == (MOVED.p, replace(MOVED, slow=True).p)


def test_any_test_may_be_judged() -> None:
    """An exact test's outcome gets the same words."""
    assert [DRIFT, SMALL, STABLE, INCONCLUSIVE] == [
        judged(True, 0.2, (0.1, 0.3), MARGIN),
        judged(True, 0.05, (0.01, 0.09), MARGIN),
        judged(False, 0.0, (-0.05, 0.05), MARGIN),
        judged(False, 0.0, (-0.15, 0.15), MARGIN),
    ]


def test_defaults() -> None:
    """The margins of statistics.md, section 2."""
    margins = Margins.of({})

    assert margins.ratio("latency") == (log(0.9), log(1.1))
    assert margins.ratio("tokens") == margins.ratio("cost") == (log(0.95), log(1.05))
    assert margins.points("score") == (-0.3, 0.3)
    assert margins.points("mix") == (-0.05, 0.05)
    assert margins.points("category") == (-0.02, 0.02)


def test_a_rate_has_two_margins() -> None:
    """Half a point of a rare rate, a fifth of a frequent one: 20 % of 1 % is .2 points, of 10 % it is 2."""
    assert Margins().rate(0.01) == (-0.005, 0.005)
    assert Margins().rate(0.10) == pytest.approx((-0.02, 0.02))


def test_a_pass_rate_is_held_to_the_margin_of_its_failures() -> None:
    """90 % passed is 10 % failed: 20 % of the latter are 2 points, of the former they would be 18."""
    assert Margins().rate(0.90) == pytest.approx((-0.02, 0.02))
    assert Margins().rate(1.0) == (-0.005, 0.005)


def test_a_score_from_0_to_1_has_a_tenth_of_the_margin() -> None:
    """Of the 0.3 points of a score from 1 to 5, 0.03; and it follows the setting."""
    assert Margins().scored(unit=True) == pytest.approx((-0.03, 0.03))
    assert Margins.of({"score": 0.5}).scored(unit=True) == pytest.approx((-0.05, 0.05))
    assert Margins().scored(unit=False) == (-0.3, 0.3)


def test_settings_lie_over_the_defaults() -> None:
    """What [drift] names changes, and nothing else; - and _ are one."""
    assert Margins(latency=0.2, rate_points=0.01) == Margins.of({"latency": 0.2, "rate-points": 0.01})


def test_an_unknown_setting_names_the_nearest() -> None:
    """A slip is not taken in silence."""
    with pytest.raises(UsageError, match="'latancy'") as caught:
        Margins.of({"latancy": 0.2})

    assert caught.value.hint == "did you mean latency?"


@pytest.mark.parametrize("value", [0, -0.1, 1.0, 10, "10%", True, None, float("nan"), float("inf")])
def test_a_margin_is_a_share(value: object) -> None:
    """10 for 10 % is refused, and so is what is no number."""
    with pytest.raises(UsageError, match="latency"):
        Margins.of({"latency": value})


def test_points_may_be_whole() -> None:
    """A judge's score has points, not shares."""
    assert Margins.of({"score": 2}).points("score") == (-2.0, 2.0)


def test_a_difference_of_logarithms_is_a_change() -> None:
    """ln 1.1 is +10 %, ln .9 is -10 %."""
    assert (0.1, -0.1) == (pytest.approx(relative(log(1.1))), pytest.approx(relative(log(0.9))))
