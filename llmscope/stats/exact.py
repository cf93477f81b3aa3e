"""Exact tests and intervals, where events are few, windows short or values a handful: they take rows to be alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from llmscope.stats.proportions import wilson

if TYPE_CHECKING:
    import numpy as np

# Under as many rows in both windows together Boschloo's test is worth its work; above it Fisher's says the same.
BOSCHLOO_ROWS = 200
# Of two probabilities that ought to be equal, one may be larger by as much, through rounding.
ROUNDING = 1e-7


@dataclass(frozen=True, slots=True)
class Tested:
    """What was compared, the two-sided p, and by which method."""

    statistic: float
    p: float
    method: str


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its ends; an end is None where nothing bounds it."""

    value: float | None
    low: float | None
    high: float | None


def two_rates(hits: tuple[int, int], n: tuple[int, int]) -> Tested:
    """Whether two shares of few rows differ: Boschloo's test under 200 rows in all, else Fisher's.

    Args:
        hits: events before and after; count sessions with an event where requests of a session resemble each other.
        n: rows (or sessions) before and after.
    """
    if min(n) <= 0:
        return Tested(0.0, 1.0, "none")
    return boschloo(hits, n) if sum(n) < BOSCHLOO_ROWS else fisher(hits, n)


def fisher(hits: tuple[int, int], n: tuple[int, int]) -> Tested:
    """Fisher's exact test (1935), two-sided: all tables no likelier than this one, margins given.

    The statistic is the sample odds ratio of before to after (infinite where a cell of its denominator is 0).
    """
    first, chances = hypergeometric(hits, n)
    own = chances[hits[0] - first]
    p = float(chances[chances <= own * (1 + ROUNDING)].sum())
    over, under = hits[0] * (n[1] - hits[1]), hits[1] * (n[0] - hits[0])
    odds = over / under if under else float("inf") if over else float("nan")
    return Tested(odds, min(p, 1.0), "Fisher")


def hypergeometric(hits: tuple[int, int], n: tuple[int, int]) -> tuple[int, np.ndarray]:
    """The least number of hits the first window can have of all, and the chance of each number from there on."""
    import numpy as np
    from scipy.special import gammaln

    every = sum(hits)
    low, high = max(0, every - n[1]), min(n[0], every)
    k = np.arange(low, high + 1, dtype=float)
    logs = -(gammaln(k + 1) + gammaln(n[0] - k + 1) + gammaln(every - k + 1) + gammaln(n[1] - every + k + 1))
    chances = np.exp(logs - logs.max())
    return low, chances / chances.sum()


def boschloo(hits: tuple[int, int], n: tuple[int, int]) -> Tested:
    """Boschloo's exact test (Statistica Neerlandica 24, 1970), two-sided as twice the smaller side.

    The chance, at the worst common share, of tables whose one-sided Fisher p is no larger than this one's: never less
    powerful than Fisher's. The statistic is the smaller one-sided Fisher p.
    """
    sides = [one_sided_boschloo(hits, n), one_sided_boschloo((hits[1], hits[0]), (n[1], n[0]))]
    p, statistic = min(sides)
    return Tested(statistic, min(2 * p, 1.0), "Boschloo")


def one_sided_boschloo(hits: tuple[int, int], n: tuple[int, int]) -> tuple[float, float]:
    """The p that the first share is lower, and its Fisher p."""
    import numpy as np
    from scipy.special import bdtrc, gammaln, xlog1py, xlogy

    lower = lower_fisher(n)
    own = lower[hits]
    extreme = lower <= own * (1 + ROUNDING)
    # Given the second count, the extreme first counts run from 0 to some k: their chance is a binomial's tail.
    k = extreme.sum(axis=0) - 1
    second = np.arange(n[1] + 1)
    ways = gammaln(n[1] + 1) - gammaln(second + 1) - gammaln(n[1] - second + 1)

    def chance(shares: np.ndarray) -> np.ndarray:
        s = shares[:, None]
        of_second = np.exp(ways + xlogy(second, s) + xlog1py(n[1] - second, -s))
        of_first = np.where(k >= 0, 1 - bdtrc(np.maximum(k, 0), n[0], s), 0.0)
        return np.asarray((of_second * of_first).sum(axis=1))

    grid = np.linspace(0, 1, 501)
    for _ in range(3):  # finer around the worst share
        best = int(np.argmax(found := chance(grid)))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 101)
    return float(max(found.max(), chance(grid).max())), float(own)


def lower_fisher(n: tuple[int, int]) -> np.ndarray:
    """For every table, the chance of as few or fewer hits in the first window, margins given: rows by columns."""
    import numpy as np
    from scipy.special import gammaln

    first, second = np.arange(n[0] + 1)[:, None], np.arange(n[1] + 1)[None, :]
    logs = -(gammaln(first + 1) + gammaln(n[0] - first + 1) + gammaln(second + 1) + gammaln(n[1] - second + 1))
    chances = np.exp(logs - logs.min() - (logs.max() - logs.min()) / 2)
    found: np.ndarray = np.empty_like(chances)
    for every in range(n[0] + n[1] + 1):
        a = np.arange(max(0, every - n[1]), min(n[0], every) + 1)
        along = chances[a, every - a]
        found[a, every - a] = np.cumsum(along) / along.sum()
    return found


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """The exact interval of hits / n (Biometrika 26, 1934); None without any trial."""
    if n <= 0:
        return None
    from scipy.special import betaincinv

    alpha = (1 - confidence) / 2
    low = float(betaincinv(hits, n - hits + 1, alpha)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - alpha)) if hits < n else 1.0
    return low, high


def at_most(n: int, confidence: float = 0.95) -> float | None:
    """The largest share that no event in n rows leaves possible, one-sided: 1.5 % at 200 rows; None without rows."""
    return 1 - float((1 - confidence) ** (1 / n)) if n > 0 else None


def newcombe(hits: tuple[float, float], n: tuple[float, float], confidence: float = 0.95) -> tuple[float, float] | None:
    """The interval of the share after less the share before; None without any trial on a side.

    Newcombe's method 10 (Statistics in Medicine 17, 1998): from Wilson's interval of each. Neither hits nor n need be
    whole: rows that resemble each other are worth fewer.
    """
    first, second = wilson(hits[0], n[0], confidence), wilson(hits[1], n[1], confidence)
    if first is None or second is None:
        return None
    p1, p2 = hits[0] / n[0], hits[1] / n[1]
    (l1, u1), (l2, u2) = first, second
    return p2 - p1 - sqrt((p2 - l2) ** 2 + (u1 - p1) ** 2), p2 - p1 + sqrt((u2 - p2) ** 2 + (p1 - l1) ** 2)


def risk_ratio(hits: tuple[float, float], n: tuple[float, float], confidence: float = 0.95) -> Interval:
    """How many times the share before the share after is.

    From the same two Wilson intervals as Newcombe's difference (MOVER-R; Donner & Zou, Statistical Methods in Medical
    Research 21, 2012): it holds 1 exactly where the difference holds 0. After no event before, it has no upper end.
    """
    first, second = wilson(hits[0], n[0], confidence), wilson(hits[1], n[1], confidence)
    if first is None or second is None:
        return Interval(None, None, None)
    p1, p2 = hits[0] / n[0], hits[1] / n[1]
    value = p2 / p1 if p1 else None
    low = ratio_end((p2, second[0]), (p1, first[1]), upper=False)
    return Interval(value, low, ratio_end((p2, second[1]), (p1, first[0]), upper=True))


def ratio_end(over: tuple[float, float], under: tuple[float, float], upper: bool) -> float | None:
    """The ratio r at which over - r under, moved to the end of its interval, is 0; None where there is none.

    Args:
        over, under: an estimate and the end of its interval: over moved up and under down for the upper end.
    """
    (a, end_a), (b, end_b) = over, under
    reach_a, reach_b = end_a - a, end_b - b
    # (a - r b)^2 = reach_a^2 + r^2 reach_b^2: the larger root is the upper end
    square, half, rest = b * b - reach_b**2, a * b, a * a - reach_a**2
    root = sqrt(max(half * half - square * rest, 0.0))
    if not upper:
        return max(rest / (half + root), 0.0) if half + root else 0.0
    if square <= 0:
        return None
    return (half + root) / square


def mann_whitney_exact(x: Sequence[float], y: Sequence[float]) -> Tested:
    """Mann & Whitney's U of x over y, exact also where values are tied (mid-ranks, all relabellings counted).

    For some dozens of values: the work grows with their number to the fourth.
    """
    import numpy as np

    pooled = np.concatenate([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    _, place, alike = np.unique(pooled, return_inverse=True, return_counts=True)
    doubled = 2 * np.cumsum(alike) - alike + 1  # mid-ranks, twice, so that they are whole
    ranks = doubled[place]
    ways = np.zeros((len(x) + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        for taken in range(len(x), 0, -1):
            ways[taken, rank:] += ways[taken - 1, : ways.shape[1] - rank]
    chances = ways[len(x)] / ways[len(x)].sum()
    own = int(ranks[: len(x)].sum())
    p = 2 * min(chances[: own + 1].sum(), chances[own:].sum())
    return Tested(own / 2 - len(x) * (len(x) + 1) / 2, min(float(p), 1.0), "Mann-Whitney, exact")


def kolmogorov_smirnov_exact(x: Sequence[float], y: Sequence[float]) -> Tested:
    """The largest distance of two distributions, with its exact two-sided p, ties included.

    Counts the orders of the pooled values that stay nearer than that everywhere (Schröer & Trenkler, Computational
    Statistics & Data Analysis 20, 1995); for some thousand values at most.
    """
    import numpy as np

    pooled = np.concatenate([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    n, m = len(x), len(y)
    alike = np.unique(pooled, return_counts=True)[1]
    ends = np.cumsum(alike)
    of_x = np.searchsorted(np.sort(np.asarray(x, dtype=float)), np.unique(pooled), side="right")
    own = int(np.abs(of_x * m - (ends - of_x) * n).max())  # in units of 1 / (n m), whole
    told = set(ends.tolist())
    # The chance that a random order, followed value by value, has not yet been as far apart, by how many came from x.
    chance = np.zeros(n + 1)
    chance[0] = 1.0
    for step in range(n + m):
        i = np.arange(n + 1)
        left = n + m - step
        from_x = chance * np.clip(n - i, 0, None) / left
        from_y = chance * np.clip(m - (step - i), 0, None) / left
        chance = from_y
        chance[1:] += from_x[:-1]
        if step + 1 in told:
            chance[np.abs(i * m - (step + 1 - i) * n) >= own] = 0.0
    return Tested(own / (n * m), min(max(1 - float(chance.sum()), 0.0), 1.0), "Kolmogorov-Smirnov, exact")
