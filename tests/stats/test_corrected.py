"""Judge means and pass rates corrected by labels: by hand, and over samples whose truth is known."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from llmscope.stats import corrected as stats
from llmscope.stats.corrected import Cluster, Labelled, Unlabelled


def labelled(y: np.ndarray, f: np.ndarray, w: np.ndarray | None = None) -> Labelled:
    """The sums of these items."""
    w = np.ones(len(y)) if w is None else w
    v = w * w
    parts = (w, w * y, w * f, v, v * y, v * f, v * y * y, v * f * f, v * y * f)
    return Labelled(len(y), *(float(p.sum()) for p in parts))


def unlabelled(f: np.ndarray) -> Unlabelled:
    return Unlabelled(len(f), float(f.sum()), float((f * f).sum()))


def test_ppi_by_the_formula() -> None:
    """l = cov(y, f) / ((1 + n / N) var f); mean l f_N + mean(y - l f); variance l^2 var / N + var(y - l f) / n."""
    rng = np.random.default_rng(3)
    f, rest = rng.normal(6, 1, 40), rng.normal(6, 1, 400)
    y = f - 0.5 + rng.normal(0, 0.7, 40)
    found = stats.ppi_mean(labelled(y, f), unlabelled(rest))
    part = np.cov(y, f, ddof=0)[0, 1] / ((1 + 40 / 400) * np.var(f))
    error = sqrt(part**2 * np.var(rest, ddof=1) / 400 + np.var(y - part * f, ddof=1) / 40)

    assert pytest.approx(part) == found.part
    assert pytest.approx(part * rest.mean() + (y - part * f).mean()) == found.estimate.value
    assert pytest.approx(error) == found.estimate.error


def test_a_judge_of_noise_is_not_used() -> None:
    """A judge who gives everybody the same adds nothing: the labels alone."""
    y = np.arange(20.0)
    found = stats.ppi_mean(labelled(y, np.full(20, 7.0)), unlabelled(np.full(100, 7.0)))

    assert found.part == 0.0
    assert pytest.approx(9.5) == found.estimate.value


def test_too_few_labels_say_so() -> None:
    """Nine labels correct nothing."""
    found = stats.ppi_mean(labelled(np.arange(9.0), np.arange(9.0)), unlabelled(np.arange(50.0))).estimate

    assert (None, "9 labels; 10 are the least") == (found.value, found.why)


def test_ppi_covers_where_the_judge_does_not() -> None:
    """A judge half a point too high, 200 labels, 20,000 judged, as in exp 7: the naive interval never holds the truth,
    PPI++ does in 92 to 98 of 100, and is narrower than the labels alone."""
    rng, inside, naive, narrower, runs = np.random.default_rng(5), 0, 0, 0, 600
    for _ in range(runs):
        y = rng.normal(7, 1.5, 4000)
        f = y + 0.5 + rng.normal(0, 0.9, 4000)
        one = stats.ppi_mean(labelled(y[:200], f[:200]), unlabelled(f[200:])).estimate
        alone = stats.labels_mean(labelled(y[:200], f[:200]))
        inside += (one.low or 0) <= 7 <= (one.high or 0)
        reach = 1.96 * f.std() / sqrt(4000)
        naive += abs(f.mean() - 7) <= reach
        narrower += (one.error or 9) < (alone.error or 0)

    assert 0.92 <= inside / runs <= 0.98
    assert naive == 0
    assert narrower > 0.98 * runs


def test_weighted_labels_cover() -> None:
    """Low scores labelled ten times as often as high ones: weights put it right, without them it is off."""
    rng, inside, plain, runs = np.random.default_rng(8), 0, 0, 600
    for _ in range(runs):
        y = rng.normal(7, 1.5, 5000)
        f = y + 0.5 + rng.normal(0, 0.9, 5000)
        chance = np.where(f < 6, 0.2, 0.02)
        picked = rng.random(5000) < chance
        some = (y[picked], f[picked])
        # The judge's mean is of all that it judged: those labelled weigh 1 / chance, the others stand as they are.
        one = stats.ppi_mean(labelled(*some, 1 / chance[picked]), unlabelled(f)).estimate
        off = stats.ppi_mean(labelled(*some), unlabelled(f)).estimate
        inside += (one.low or 0) <= 7 <= (one.high or 0)
        plain += (off.low or 0) <= 7 <= (off.high or 0)

    assert 0.92 <= inside / runs <= 0.98
    assert plain / runs < 0.9


def test_rogan_gladen_by_hand() -> None:
    """Passes 60 of 100; right on 45 of 50 passes and 40 of 50 failures: (.6 + .8 - 1) / (.9 + .8 - 1) = .4 / .7."""
    found = stats.rogan_gladen((60, 100), (45, 50), (40, 50))

    assert pytest.approx(4 / 7) == found.value
    assert found.low is not None
    assert 0 <= found.low < 4 / 7 < (found.high or 0) <= 1


def test_a_judge_no_better_than_chance() -> None:
    """Sensitivity and specificity of a half each, or no failure among the labels: nothing to correct by."""
    assert "no better than chance" in stats.rogan_gladen((60, 100), (25, 50), (25, 50)).why
    assert stats.rogan_gladen((60, 100), (45, 50), (0, 0)).why == "people passed all of them"


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_rogan_gladen_covers(rate: float) -> None:
    """2,000 judged at sensitivity .9 and specificity .8, 300 of them labelled: 92 to 98 of 100 intervals hold."""
    rng, inside, runs = np.random.default_rng(13), 0, 1000
    for _ in range(runs):
        truth = rng.random(2000) < rate
        judge = np.where(truth, rng.random(2000) < 0.9, rng.random(2000) >= 0.8)
        y, f = truth[:300], judge[:300]
        found = stats.rogan_gladen(
            (judge.sum(), 2000), ((y & f).sum(), y.sum()), ((~y & ~f).sum(), (~y).sum())
        )  # fmt: skip
        inside += (found.low or 0) <= rate <= (found.high or 0)

    assert 0.92 <= inside / runs <= 0.985


def test_strata_by_size() -> None:
    """300 of mean 7 and 100 of mean 5: 6.5; errors .1 and .2: sqrt((.75 x .1)^2 + (.25 x .2)^2) = .0901."""
    parts = [(300.0, stats.Estimate(7.0, 6.8, 7.2, 0.1)), (100.0, stats.Estimate(5.0, 4.6, 5.4, 0.2))]
    found = stats.stratified(parts)

    assert found.value == 6.5
    assert pytest.approx(sqrt(0.075**2 + 0.05**2)) == found.error


def test_a_mean_of_days() -> None:
    """Ten days of ten rows, five days at 1 and five at 0: se = sqrt(10 / 9 x 250) / 100 = 1 / 6, t(9) = 2.262157."""
    found = stats.clustered_mean([Cluster(10, 10 * (i % 2)) for i in range(10)], 50)

    assert found.value == 0.5
    assert pytest.approx(0.5 + 2.2621572 / 6, abs=1e-6) == found.high
    few = stats.clustered_mean([Cluster(10, 10 * (i % 2)) for i in range(2)], 10)
    assert pytest.approx(sqrt(0.25 * 20 / 19 / 20)) == few.error
