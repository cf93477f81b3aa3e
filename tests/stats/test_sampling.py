"""Weighted estimates: by hand, and their coverage in simulations."""

from __future__ import annotations

import numpy as np
import pytest

from llmscope.stats.sampling import weighted_mean, worth


def test_a_stratified_mean_by_hand() -> None:
    """Two strata of 10 and 20 requests, 2 drawn of each: values 1, 3 (weight 5) and 4, 8 (weight 10).

    Mean (10 x 2 + 20 x 6) / 30 = 140 / 30 = 4.6667. Variance (1/3)^2 (1 - 2/10) 2/2 + (2/3)^2 (1 - 2/20) 8/2
    = 0.088889 + 1.6 = 1.688889; df 1.688889^2 / (0.088889^2 + 1.6^2) = 1.110782; t(.975, 1.110782) = 10.247346.
    """
    from scipy.stats import t

    found = weighted_mean([1, 3, 4, 8], [5, 5, 10, 10], ["a", "a", "b", "b"])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    reach = t.ppf(0.975, 1.688889**2 / (0.0888889**2 + 1.6**2)) * 1.688889**0.5

    assert (pytest.approx(140 / 30), 4, 30.0) == (found.mean, found.n, found.of)
    assert [pytest.approx(140 / 30 - reach, rel=1e-5), pytest.approx(140 / 30 + reach, rel=1e-5)] == [
        found.low, found.high,
    ]  # fmt: skip


def test_rows_kept_one_by_one_by_hand() -> None:
    """An error kept for sure (1, weight 1) and two of ten successes at a tenth (0, weight 10): mean 1/21.

    Variance (1 x 0 x .. + 2 x 10 x 9 x (1/21)^2) / 21^2 x 3/2 = 0.408163 / 441 x 1.5 = 0.00138829.
    """
    from scipy.stats import t

    found = weighted_mean([1, 0, 0], [1, 10, 10])
    assert found is not None
    assert found.high is not None
    assert pytest.approx(1 / 21) == found.mean
    assert pytest.approx(1 / 21 + t.ppf(0.975, 2) * 0.00138829**0.5, rel=1e-5) == found.high


def test_what_is_there_in_full_is_known() -> None:
    """All weights 1: no width. One row of many, or none: no interval. Nothing varies in a sample: nothing is known."""
    assert weighted_mean([], []) is None
    full = weighted_mean([1, 2, 3], [1, 1, 1])
    assert full is not None
    assert (2.0, 2.0, 2.0) == (full.mean, full.low, full.high)
    one = weighted_mean([5], [4])
    assert one is not None
    assert (5.0, None, None) == (one.mean, one.low, one.high)
    same = weighted_mean([1, 1], [4, 4], ["a", "a"])
    assert same is not None
    assert (1.0, None) == (same.mean, same.low)


def test_equal_weights_are_worth_as_many_rows() -> None:
    """20 of 100 with weight 1 are worth 100; with weight 10 no more; none of 50 at weights 1 and 3: Kish."""
    assert pytest.approx(100) == worth(100, 100, 20, 20)
    assert pytest.approx(100) == worth(1000, 10_000, 200, 2000)
    assert pytest.approx((25 + 75) ** 2 / (25 + 225)) == worth(100, 250, 0, 0)


def test_stratified_samples_keep_their_coverage() -> None:
    """Three strata of unlike sizes and means, 200 of 20,000 drawn: the interval holds the true mean 92 to 98 of 100."""
    random = np.random.default_rng(1)
    sizes, taken = (15_000, 4_000, 1_000), (120, 50, 30)
    strata = [random.gamma(2 + 2 * i, 2, size) for i, size in enumerate(sizes)]
    truth, rounds = float(np.concatenate(strata).mean()), 500
    labels = [i for i, n in enumerate(taken) for _ in range(n)]
    weights = [sizes[i] / taken[i] for i in labels]
    hits = 0
    for _ in range(rounds):
        drawn = np.concatenate([random.choice(s, n, replace=False) for s, n in zip(strata, taken, strict=True)])
        found = weighted_mean(drawn.tolist(), weights, labels)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high

    assert 0.92 <= hits / rounds <= 0.98


def test_a_thinned_log_keeps_its_coverage() -> None:
    """All errors and a tenth of 5,000 successes, each row by itself: mean latency and error rate hold 92 to 98."""
    random = np.random.default_rng(2)
    failed = random.random(5_000) < 0.05
    latency = np.where(failed, random.gamma(2, 200, 5_000), random.gamma(3, 500, 5_000))
    rate = np.where(failed, 1.0, 0.1)
    rounds, hits = 500, np.zeros(2)
    for _ in range(rounds):
        kept = random.random(5_000) < rate
        for i, values in enumerate((latency, failed.astype(float))):
            found = weighted_mean(values[kept].tolist(), (1 / rate[kept]).tolist())
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            hits[i] += found.low <= values.mean() <= found.high

    assert ((hits / rounds >= 0.92) & (hits / rounds <= 0.98)).all(), hits / rounds


def test_the_share_of_a_thinned_log_keeps_its_coverage() -> None:
    """Wilson's interval on what the rows are worth holds the rate that made the log, half of the errors kept."""
    from llmscope.stats.proportions import wilson

    random = np.random.default_rng(3)
    rounds, hits, chance = 1000, 0, 0.06
    for _ in range(rounds):
        failed = random.random(2_000) < chance
        rate = np.where(failed, 0.5, 0.2)
        kept = random.random(2_000) < rate
        weights, hit = 1 / rate[kept], failed[kept]
        rows = worth(weights.sum(), (weights**2).sum(), weights[hit].sum(), (weights[hit] ** 2).sum())
        low, high = wilson(weights[hit].sum() / weights.sum() * rows, rows) or (1.0, 0.0)
        hits += low <= chance <= high

    assert 0.92 <= hits / rounds <= 0.98
