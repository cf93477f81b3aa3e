"""Agreement of raters: published figures, an oracle written out by hand, and intervals that hold what they promise."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.stats import agreement as stats
from llmscope.stats.agreement import Disagreement, Pairs

# D10 of design/statistics.md: R's vcd, statsmodels and sklearn agree on these.
D10 = [[53, 11, 1], [5, 14, 6], [2, 5, 4]]
D12 = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "value", "error"),
    [
        ("none", 0.44198895028, 0.07544229817),
        ("linear", 0.51021307862, 0.07129118286),
        ("quadratic", 0.58775510204, 0.07719374274),
    ],
)
def test_kappa_of_three_classes(weights: str, value: float, error: float) -> None:
    """Cohen's kappa and the standard error of Fleiss, Cohen & Everitt, plain and weighted."""
    found = stats.kappa(D10, weights)

    assert pytest.approx(value, abs=1e-10) == found.value
    assert pytest.approx(error, abs=1e-8) == found.error


def test_interval_of_kappa() -> None:
    """The 95 % interval of the same table."""
    found = stats.kappa(D10)

    assert pytest.approx((0.29412476, 0.58985314), abs=1e-7) == (found.low, found.high)


def test_the_paradox_of_kappa() -> None:
    """D11: 118 of 125 agree and kappa is under 0, since one class is rare; AC1 is not misled."""
    table = [[118, 5], [2, 0]]

    assert pytest.approx(-0.02339181287, abs=1e-10) == stats.kappa(table).value
    assert pytest.approx(0.94077633761, abs=1e-10) == stats.ac1(table).value


def test_the_three_of_a_rare_class() -> None:
    """[[185, 5], [8, 2]]: agreement 187 / 200, kappa about .20, AC1 about .93."""
    table = [[185, 5], [8, 2]]

    assert stats.agreement(table).value == 0.935
    assert pytest.approx(0.20, abs=0.005) == stats.kappa(table).value
    assert pytest.approx(0.93, abs=0.005) == stats.ac1(table).value


def test_fleiss_kappa_of_fourteen_raters() -> None:
    """D12: Fleiss' own example."""
    assert pytest.approx(0.20993070442, abs=1e-10) == stats.fleiss_kappa(D12).value


def test_wilson_around_an_agreement() -> None:
    """D8: 170 of 200."""
    found = stats.share(170, 200)

    assert pytest.approx((0.7939442072, 0.8928640644), abs=1e-9) == (found.low, found.high)


def test_two_classes_weigh_the_same() -> None:
    """With two classes every kind of weight is the plain kappa."""
    table = [[20, 5], [10, 15]]

    assert {0.4} == {round(stats.kappa(table, w).value or 0, 12) for w in stats.WEIGHTS}


def test_one_class_only_has_no_kappa() -> None:
    """Chance alone agrees on everything: kappa and AC1 are undefined, and say why; agreement is 1."""
    table = [[9, 0], [0, 0]]

    assert stats.kappa(table).value is None
    assert "one class only" in stats.kappa(table).why
    assert stats.ac1(table).value is None
    assert stats.agreement(table).value == 1.0
    assert stats.kappa([[0, 0], [0, 0]]).why == "no item"


# Krippendorff's own example (Computing Krippendorff's Alpha-Reliability, 2011, section D): four observers, twelve
# units, gaps; nominal .743, interval .849.
OBSERVED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def spread(unit: list[int], interval: bool) -> Disagreement:
    """What one unit brings, from the definition: the distances of all its ordered pairs."""
    m = len(unit)
    apart = sum(((a - b) ** 2 if interval else float(a != b)) for a in unit for b in unit) / (m - 1)
    classes = () if interval else tuple(float(unit.count(c)) for c in range(1, 6))
    return Disagreement(m, apart, classes, sum(unit), sum(x * x for x in unit))


@pytest.mark.parametrize(("interval", "expected"), [(False, 0.743), (True, 0.849)])
def test_krippendorffs_example(interval: bool, expected: float) -> None:
    """His figures to the three digits he prints; the unit with one label only is not in them."""
    units = [[v for v in column if v is not None] for column in zip(*OBSERVED, strict=True)]
    groups = [spread(unit, interval) for unit in units if len(unit) > 1]
    found = stats.alpha(groups)

    assert sum(g.labels for g in groups) == 40
    assert expected == round(found.value or 0, 3)
    assert found.low is not None
    assert found.low < expected < (found.high or 0)


def test_alpha_of_one_class() -> None:
    """All labels the same: no disagreement to expect, so none to compare."""
    assert stats.alpha([Disagreement(2, 0.0, (2.0,))] * 20).why == "one class only"
    assert stats.alpha([]).why == "no item has two labels"


def test_correlations_against_scipy() -> None:
    """Pearson with Fisher's interval and Spearman with ties are scipy's."""
    from scipy.stats import pearsonr, spearmanr

    x, y = [1, 2, 2, 3, 5, 6, 8, 8, 9], [2, 1, 3, 3, 6, 5, 9, 7, 7]
    oracle = pearsonr(x, y)
    found = stats.correlation(Pairs.of(x, y))
    ranked = stats.correlation(Pairs.of(stats.mid_ranks(x), stats.mid_ranks(y)), ranks=True)

    assert pytest.approx(oracle.statistic) == found.value
    assert pytest.approx(tuple(oracle.confidence_interval())) == (found.low, found.high)
    assert pytest.approx(spearmanr(x, y).statistic) == ranked.value


def test_a_constant_rater_has_no_correlation() -> None:
    """One gave all items the same; the values are such that sums leave rounding errors behind."""
    assert stats.correlation(Pairs.of([0.1] * 7, [1, 2, 3, 4, 5, 6, 7])).why == "one of them gave all items the same"


def test_mean_difference_by_hand() -> None:
    """7 - 6, 8 - 8, 9 - 7: mean 1, sd 1, se 1 / sqrt 3, t(2) = 4.302653: 1 +- 2.484138."""
    found = stats.mean_difference(Pairs.of([6, 8, 7], [7, 8, 9]))

    assert found.value == 1.0
    assert pytest.approx((1 - 4.3026527 / sqrt(3), 1 + 4.3026527 / sqrt(3)), abs=1e-6) == (found.low, found.high)


@pytest.mark.parametrize(
    ("hits", "verdict"), [(170, "cannot tell"), (186, "above"), (150, "below")], ids=["at", "over", "under"]
)
def test_three_answers_at_a_bar(hits: int, verdict: str) -> None:
    """.85 of 200 is at the bar; .93 has [.886, .958] above it, .75 has [.686, .805] below."""
    assert verdict == stats.verdict(stats.share(hits, 200), 0.85)


def test_labels_that_would_decide() -> None:
    """.88 of 200 reaches down to .828, .0526 away; the bar is .03 away: 200 x (.0526 / .03)^2 = 612."""
    found = stats.share(176, 200)
    reach = (found.value or 0) - (found.low or 0)

    assert int(np.ceil(200 * (reach / 0.03) ** 2)) == stats.labels_to_decide(found, 200, 0.85)
    assert stats.labels_to_decide(stats.share(170, 200), 200, 0.85) is None


tables = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 20), min_size=k, max_size=k), min_size=k, max_size=k)
)


@given(tables, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_names_and_sides_do_not_matter(table: list[list[int]], random: object) -> None:
    """Classes in another order, or the raters exchanged: the same kappa and AC1; weighted ones in reverse order."""
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    renamed = [[table[i][j] for j in order] for i in order]
    turned = [list(row) for row in zip(*table, strict=True)]
    reversed_ = [row[::-1] for row in table[::-1]]

    for one in (stats.kappa, stats.ac1):
        for other in (renamed, turned):
            same(one(table), one(other))  # type: ignore[operator]
    same(stats.kappa(table, "quadratic"), stats.kappa(reversed_, "quadratic"))


def same(one: stats.Estimate, other: stats.Estimate) -> None:
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert pytest.approx((one.value, one.error), abs=1e-7) == (other.value, other.error)


def coverage(statistic: str, n: int, seed: int) -> float:
    """How often the interval holds the truth of a joint distribution of three classes, over 1,000 samples."""
    truth = np.array([[0.40, 0.08, 0.02], [0.05, 0.20, 0.05], [0.01, 0.04, 0.15]])
    function = {"kappa": stats.kappa, "ac1": stats.ac1, "agreement": stats.agreement,
                "quadratic": lambda t: stats.kappa(t, "quadratic")}[statistic]  # fmt: skip
    true = function(truth * 1e9).value or 0.0  # type: ignore[operator]
    draws = np.random.default_rng(seed).multinomial(n, truth.ravel(), size=1000).reshape(-1, 3, 3)
    found = [function(t) for t in draws]  # type: ignore[operator]
    return float(np.mean([(f.low or 0) <= true <= (f.high or 0) for f in found]))


@pytest.mark.parametrize("statistic", ["kappa", "quadratic", "ac1", "agreement"])
def test_intervals_cover(statistic: str) -> None:
    """95 % intervals hold the truth in 92 to 98 of 100 samples of 200 items."""
    assert 0.92 <= coverage(statistic, 200, 7) <= 0.98


def test_alpha_interval_covers() -> None:
    """400 samples of 150 items, two raters who agree on 80 % of two classes: alpha = kappa in the long run, .6."""
    rng, hits = np.random.default_rng(11), 0
    for _ in range(400):
        a = rng.integers(0, 2, 150)
        b = np.where(rng.random(150) < 0.8, a, 1 - a)
        groups = []
        for part in range(50):
            one, other = a[part::50], b[part::50]
            labels = np.bincount(np.concatenate([one, other]), minlength=2)
            groups.append(Disagreement(2 * len(one), float(2 * (one != other).sum()), tuple(map(float, labels))))
        found = stats.alpha(groups)
        hits += (found.low or 0) <= 0.6 <= (found.high or 0)

    assert 0.92 <= hits / 400 <= 0.98


def test_items_of_one_day_widen_the_interval() -> None:
    """Days on which judge and people agree on all or on half of the items: far fewer independent items than items."""
    good, bad = [[10, 0], [0, 10]], [[5, 5], [5, 5]]
    days = [good, bad] * 8
    alike = [[[8, 2], [2, 8]], [[7, 3], [3, 7]]] * 8

    assert stats.design_of(days, stats.agreement) > 5
    assert stats.design_of(alike, stats.agreement) == 1.0
    assert stats.design_of(days[:7], stats.agreement) == 1.0


def test_two_items_that_agree_are_no_certainty() -> None:
    """All agree: the large-sample error is 0. Wilson's low end of 2 of 2 is 2 / (2 + 1.96^2) = .342380.

    Kappa with chance .5: (.342380 - .5) / .5 = -.315240; so does AC1. Of 100 in two equal classes .963007 -> .926013.
    All apart, 2 items: high end .657620, kappa from -1 to (.657620 - .5) / .5 = .315240.
    """
    for of in (stats.kappa, stats.ac1):
        found = of([[1, 0], [0, 1]])
        assert (1.0, pytest.approx(-0.315240, abs=1e-6), 1.0) == (found.value, found.low, found.high)
        assert "cannot tell" == stats.verdict(found, 0.85)
        many = of([[50, 0], [0, 50]])
        assert (1.0, pytest.approx(0.926013, abs=1e-6)) == (many.value, many.low)
    apart = stats.kappa([[0, 1], [1, 0]])
    assert (-1.0, -1.0, pytest.approx(0.315240, abs=1e-6)) == (apart.value, apart.low, apart.high)
    line = stats.correlation(Pairs.of([1, 2, 3, 4], [1, 2, 3, 4]))
    assert (1.0, None) == (line.value, line.low)
    same = stats.alpha([Disagreement(2, 0.0, (2.0, 0.0)), Disagreement(2, 0.0, (0.0, 2.0))] * 4)
    assert same.low is not None
    assert 0 < same.low < 0.85
