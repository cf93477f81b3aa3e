"""How far two raters, or several, agree: shares, kappas, alpha and correlations, each with an interval.

A table counts items by class: a row is what the first rater said, a column what the second said, both in one order. An
interval's `design` is how many items are worth one independent item: items of one day or session resemble each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh
from typing import TYPE_CHECKING, Any

from llmscope.stats.proportions import wilson
from llmscope.stats.quantiles import t_quantile

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

Table = Sequence[Sequence[float]]
CONFIDENCE = 0.95
# Fewer clusters say nothing of how their items resemble each other.
FEWEST_CLUSTERS = 8
ROUNDING = 1e-12
SPREADLESS = 1e-18  # a variance of rounding only
WEIGHTS = ("none", "linear", "quadratic")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval and standard error; where there is none, `why` says so."""

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    why: str = ""


def agreement(table: Table, design: float = 1.0) -> Estimate:
    """The share of items that both put in the same class, with Wilson's interval."""
    n, same = sum(sum(row) for row in table), sum(row[i] for i, row in enumerate(table))
    return share(float(same), float(n), design)


def share(hits: float, n: float, design: float = 1.0) -> Estimate:
    """A share with Wilson's interval on n / design items."""
    if n <= 0:
        return Estimate(None, why="no item")
    found = wilson(hits / design, n / design)
    value = hits / n
    low, high = found or (None, None)
    return Estimate(value, low, high, sqrt(value * (1 - value) / n * design))


def kappa(table: Table, weights: str = "none", places: Sequence[float] | None = None, design: float = 1.0) -> Estimate:
    """Cohen's kappa (Educ. Psychol. Meas. 20, 1960; weighted: Psychol. Bull. 70, 1968).

    Args:
        weights: none; linear, 1 - |i - j| / range; quadratic, 1 - (i - j)^2 / range^2.
        places: where the classes stand on the scale; 0, 1, 2, … if not given.

    Standard error: Fleiss, Cohen & Everitt, Psychol. Bull. 72, 1969, the large-sample one away from 0. Undefined where
    chance alone would agree on everything: both raters used one class only.
    """
    shares, n = proportions(table)
    if n <= 0:
        return Estimate(None, why="no item")
    like = alike(len(table), weights, places)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float((like * shares).sum()), float(rows @ like @ columns)
    if expected >= 1 - 1e-12:
        return Estimate(None, why="both used one class only: chance alone agrees on everything")
    value = (observed - expected) / (1 - expected)
    means = (like @ columns)[:, None] + (rows @ like)[None, :]
    square = float((shares * (like * (1 - expected) - means * (1 - observed)) ** 2).sum())
    variance = (square - (observed * expected - 2 * expected + observed) ** 2) / (n * (1 - expected) ** 4)
    if variance < SPREADLESS:
        return spreadless(value, observed, expected, n / design)
    return normal(value, sqrt(variance * design), -1.0, 1.0)


def ac1(table: Table, design: float = 1.0) -> Estimate:
    """Gwet's AC1 (Br. J. Math. Stat. Psychol. 61, 2008): chance agreement is that of the hard items only.

    It keeps its sense where nearly all items are of one class, where kappa falls to 0. Standard error: linearised, of
    items drawn at random. The classes are those that either rater used; with one only it is undefined.
    """
    shares, n = proportions(table)
    if n <= 0:
        return Estimate(None, why="no item")
    rates = (shares.sum(axis=1) + shares.sum(axis=0)) / 2
    used = int((rates > 0).sum())
    if used < 2:
        return Estimate(None, why="both used one class only")
    observed = float(shares.trace())
    expected = float((rates * (1 - rates)).sum()) / (used - 1)
    value = (observed - expected) / (1 - expected)
    by_chance = (1 - (rates[:, None] + rates[None, :]) / 2) / (used - 1)
    same = alike(len(table), "none", None)
    each = (same - expected) / (1 - expected) - 2 * (1 - value) * (by_chance - expected) / (1 - expected)
    spread = float((shares * (each - value) ** 2).sum())
    if spread < SPREADLESS:
        return spreadless(value, observed, expected, n / design)
    return normal(value, sqrt(spread / max(n - 1, 1) * design), -1.0, 1.0)


def fleiss_kappa(counts: Table) -> Estimate:
    """Fleiss' kappa (Psychol. Bull. 76, 1971) of items (rows) that equally many raters put into classes (columns).

    Standard error: linearised over the items (Gwet, Handbook of Inter-Rater Reliability, 4th ed., 5.3).
    """
    import numpy as np

    given = np.asarray(counts, dtype=float)
    raters = given.sum(axis=1)
    if not len(given) or raters.min() < 2:
        return Estimate(None, why="an item has fewer than two raters")
    shares = given / raters[:, None]
    rates = shares.mean(axis=0)
    expected = float((rates**2).sum())
    if expected >= 1 - 1e-12:
        return Estimate(None, why="one class only")
    agreed = (given * (given - 1)).sum(axis=1) / (raters * (raters - 1))
    value = (float(agreed.mean()) - expected) / (1 - expected)
    each = (agreed - expected) / (1 - expected) - 2 * (1 - value) * (shares @ rates - expected) / (1 - expected)
    n = len(given)
    return normal(value, sqrt(float(((each - value) ** 2).sum()) / (n * max(n - 1, 1))), -1.0, 1.0)


def spreadless(value: float, observed: float, expected: float, n: float) -> Estimate:
    """A figure of error 0, as all items agree or none: its ends are those of Wilson's share, chance as it is."""
    low, high = ((end - expected) / (1 - expected) for end in wilson(observed * n, n) or (observed, observed))
    value = value if abs(value) > ROUNDING else 0.0
    return Estimate(value, max(min(low, value), -1.0), min(max(high, value), 1.0), 0.0)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What Krippendorff's alpha is made of, summed over items: those with fewer than two labels are not in it.

    labels: how many. within: over items of m labels, the sum of the distances of their ordered pairs over m - 1.
    classes: labels by class, for the nominal distance (0 or 1). total, squares: of the figures, for the interval
    distance (x - y)^2. Sums of two are those of their items together.
    """

    labels: float
    within: float
    classes: tuple[float, ...] = ()
    total: float = 0.0
    squares: float = 0.0


def alpha_of(one: Disagreement) -> float | None:
    """Krippendorff's alpha (Content Analysis, 4th ed., 12.3): 1 - observed over expected distance; None without any."""
    n = one.labels
    pairs = n * n - sum(c * c for c in one.classes) if one.classes else 2 * (n * one.squares - one.total**2)
    if n < 2 or pairs <= 1e-9 * max(abs(one.squares) * n, 1.0):
        return None
    return 1 - (n - 1) * one.within / pairs


def alpha(groups: Sequence[Disagreement]) -> Estimate:
    """Alpha of several raters, gaps allowed; its interval by leaving out a group of items at a time."""
    whole = alpha_of(joined(groups))
    if whole is None:
        labels = sum(g.labels for g in groups)
        return Estimate(None, why="one class only" if labels >= 2 else "no item has two labels")
    error = jackknife(groups, lambda left: alpha_of(joined(left)))
    if error is None:
        return Estimate(whole, why=f"too few items for an interval ({len(groups)})")
    if error < SPREADLESS**0.5 and whole > 1 - ROUNDING:
        if not (sums := joined(groups)).classes:
            return Estimate(whole, why="no item was scored differently: no interval")
        return spreadless(whole, 1.0, sum((c / sums.labels) ** 2 for c in sums.classes), len(groups))
    reach = t_quantile((1 + CONFIDENCE) / 2, len(groups) - 1) * error
    return Estimate(whole, max(whole - reach, -1.0), min(whole + reach, 1.0), error)


def joined(groups: Sequence[Disagreement]) -> Disagreement:
    """The sums over all groups."""
    classes = tuple(map(sum, zip(*(g.classes for g in groups if g.classes), strict=True)))
    parts = ((g.labels, g.within, g.total, g.squares) for g in groups)
    labels, within, total, squares = (sum(column) for column in zip(*parts, strict=True)) if groups else (0, 0, 0, 0)
    return Disagreement(labels, within, classes, total, squares)


def jackknife(groups: Sequence[Any], statistic: Callable[[Sequence[Any]], float | None]) -> float | None:
    """The standard error of a statistic by leaving out one group at a time (Shao & Tu, The Jackknife, 1995).

    sqrt((g - 1) / g x sum of squares around the mean); None on fewer than 8 groups, or where one left out leaves none.
    """
    g = len(groups)
    if g < FEWEST_CLUSTERS:
        return None
    found = [statistic([*groups[:i], *groups[i + 1 :]]) for i in range(g)]
    known = [value for value in found if value is not None]
    if len(known) < g:
        return None
    middle = sum(known) / g
    return sqrt((g - 1) / g * sum((value - middle) ** 2 for value in known))


def design_of(clusters: Sequence[Any], statistic: Callable[[Any], Estimate]) -> float:
    """How many items are worth one: the squared error between clusters over that of independent items; at least 1.

    Args:
        clusters: the counts or sums of each day or session, numbers that add up. statistic: of such sums.

    The error between clusters is that of leaving out one at a time; the few it rests on widen it as Student's t does.
    """
    import numpy as np

    sums = np.asarray(clusters, dtype=float)
    if len(sums) < FEWEST_CLUSTERS:
        return 1.0
    total = sums.sum(axis=0)
    plain = statistic(total)
    if plain.value is None or not plain.error:
        return 1.0
    known = [value for one in sums if (value := statistic(total - one).value) is not None]
    g = len(sums)
    if len(known) < g:
        return 1.0
    error = float(np.std(known)) * sqrt(g - 1)
    few = t_quantile((1 + CONFIDENCE) / 2, g - 1) / z()
    return max((error / plain.error * few) ** 2, 1.0)


@dataclass(frozen=True, slots=True)
class Pairs:
    """n pairs of figures, their sums, sums of squares and of products."""

    n: float
    x: float
    y: float
    xx: float
    yy: float
    xy: float

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> Pairs:
        both = list(zip(x, y, strict=True))
        return cls(len(both), sum(x), sum(y), sum(a * a for a in x), sum(b * b for b in y), sum(a * b for a, b in both))

    @property
    def spread(self) -> tuple[float, float, float]:
        """Variance of x, of y, and their covariance, over n - 1; what rounding leaves of a constant is 0."""
        if self.n < 2:
            return 0.0, 0.0, 0.0
        return (within(self.xx, self.x, self.x, self.n), within(self.yy, self.y, self.y, self.n),
                (self.xy - self.x * self.y / self.n) / (self.n - 1))  # fmt: skip


def within(squares: float, a: float, b: float, n: float) -> float:
    left = squares - a * b / n
    return left / (n - 1) if left > 1e-12 * abs(squares) else 0.0


def correlation(sums: Pairs, ranks: bool = False, design: float = 1.0) -> Estimate:
    """Pearson's r by Fisher's z, error 1 / sqrt(n - 3); of ranks (mid-ranks for ties) it is Spearman's.

    Spearman's error is sqrt((1 + r^2 / 2) / (n - 3)) (Bonett & Wright, Psychometrika 65, 2000).
    """
    one, other, both = sums.spread
    if sums.n < 2 or one <= 0 or other <= 0:
        return Estimate(None, why="too few items" if sums.n < 2 else "one of them gave all items the same")
    r = max(-1.0, min(1.0, both / sqrt(one * other)))
    if sums.n < 4:
        return Estimate(r, why="too few items for an interval")
    error = sqrt((1 + r * r / 2 if ranks else 1) / (sums.n - 3) * design)
    if abs(r) >= 1 - 1e-12:
        return Estimate(r, why="all items lie on one line: no interval")
    return Estimate(r, tanh(atanh(r) - z() * error), tanh(atanh(r) + z() * error), (1 - r * r) * error)


def mean_difference(sums: Pairs, design: float = 1.0) -> Estimate:
    """The mean of y - x over the same items, Student's t on n - 1."""
    if sums.n <= 0:
        return Estimate(None, why="no item")
    mean = (sums.y - sums.x) / sums.n
    if sums.n < 2:
        return Estimate(mean, why="1 item has no spread")
    squares = max(sums.xx + sums.yy - 2 * sums.xy - sums.n * mean * mean, 0.0)
    error = sqrt(squares / (sums.n - 1) / sums.n * design)
    reach = t_quantile((1 + CONFIDENCE) / 2, sums.n - 1) * error
    return Estimate(mean, mean - reach, mean + reach, error)


def mid_ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in order, from 1; equal ones share the middle of theirs."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values), 1):
        places.setdefault(value, [place, place])[1] = place
    return [sum(places[value]) / 2 for value in values]


def normal(value: float, error: float, least: float, most: float) -> Estimate:
    """A figure with its normal interval, inside what it can be; what rounding leaves of 0 is 0."""
    value = 0.0 if abs(value) < ROUNDING else value
    reach = z() * error
    return Estimate(value, max(value - reach, least), min(value + reach, most), error)


def z() -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + CONFIDENCE) / 2))


def proportions(table: Table) -> tuple[Floats, float]:
    """The table as shares of all items, and how many items there are."""
    import numpy as np

    counts = np.asarray(table, dtype=float)
    n = float(counts.sum())
    return (counts / n if n > 0 else counts), n


def alike(classes: int, weights: str, places: Sequence[float] | None) -> Floats:
    """How much two classes count as the same: 1 on the diagonal."""
    import numpy as np

    if weights == "none" or classes < 2:
        return np.eye(classes)
    at = np.asarray(places if places is not None else range(classes), dtype=float)
    apart = np.abs(at[:, None] - at[None, :]) / (at.max() - at.min())
    return np.asarray(1 - (apart if weights == "linear" else apart**2))


def verdict(found: Estimate, bar: float) -> str:
    """above, below or cannot tell: on which side of the bar the whole interval lies."""
    if found.low is None or found.high is None:
        return "cannot tell"
    return "above" if found.low > bar else "below" if found.high < bar else "cannot tell"


def labels_to_decide(found: Estimate, n: float, bar: float) -> int | None:
    """How many items in all would put the interval on one side of the bar, if the figure stays as it is.

    The interval narrows as 1 / sqrt(n). None where the figure is at the bar, or has no interval.
    """
    from math import ceil

    if found.value is None or found.low is None or found.high is None or abs(found.value - bar) < 1e-12:
        return None
    reach = found.value - found.low if found.value > bar else found.high - found.value
    return max(ceil(n * (reach / (found.value - bar)) ** 2), ceil(n))
