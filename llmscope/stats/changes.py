"""On which day did a level change, from what to what: change points of a series, with how sure each date is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from typing import TYPE_CHECKING

from llmscope.stats.quantiles import t_quantile
from llmscope.stats.trends import autocorrelation

if TYPE_CHECKING:
    import numpy as np

# A level that did not last as long is an episode.
SHORTEST = 7
# Levels of correlation beyond it cannot be told from a series that never comes back.
LARGEST_RHO = 0.9
NORMAL_MAD = 1.4826
# The penalty of statistics.md, section 2, in units of log T and of the long-run variance.
PENALTY = 3.0
# The standard error of rho_of_steps, times the root of n: simulated, 1.3 to 1.7 for rho 0 to .7.
ERROR_OF_STEPS = 1.6
# A change that is not this sure on its own is taken back: it would only cut the levels of others short.
SURE = 0.05
# Weekdays are told apart from this many periods on.
WEEKDAYS_FROM = 21


@dataclass(frozen=True, slots=True)
class Shift:
    """The difference of two levels, after less before, with its interval and the p of none."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    rho: float


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level.

    place: index of the first value of the new level; first, last: between which it lies (95 %).
    begins, ends: the two levels are those of values[begins:place] and values[place:ends].
    p: of shift, times the places searched (Bonferroni), at most 1, and 1 where a few odd values make the level.
    gradual: a straight line fits these values at least as well as two levels: it has no date.
    """

    place: int
    first: int
    last: int
    begins: int
    ends: int
    shift: Shift
    p: float
    gradual: bool = False


def changes(
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    shortest: int = SHORTEST,
    quiet: Sequence[float] | None = None,
) -> tuple[Change, ...]:
    """Where the level of a series changed, oldest first; () where it did not, or for fewer than 2 x shortest values.

    Args:
        values: one figure a period, oldest first, none of them NaN; weekdays taken out.
        weights: how much each is worth, 1 each if not given.
        quiet: the same without spikes (`without_spikes`), where places are sought: a spike makes no change, and
            since what is found is measured on the values themselves, to leave it out makes none surer.

    Method: PELT with the l2 cost and a penalty of 3 log T long-run variances. The long-run variance is
    s^2 (1 + rho) / (1 - rho)^2, s from the MAD of differences: these have the variance 2 (1 - rho) sigma^2, so that
    the factor (1 + rho) / (1 - rho) of an uncorrelated s alone would find a change in 6-13 % of unchanged series at
    rho .5 and in 20 % at rho .7; with the square it is 1-8 %. rho is that of what is left beside the best split in
    two, so that a change is not taken for correlation; several changes are, and so it is bounded by what the steps
    from one value to the next say of it, two standard errors up. Each must then stand on its own, at 5 %: `shift`.
    """
    import numpy as np

    n = len(values)
    if n < 2 * shortest:
        return ()
    x, w = np.asarray(values, dtype=float), normalised(weights, n)
    calm = x if quiet is None else np.asarray(quiet, dtype=float)
    rho = min(rho_of(calm, w, (0, best_split(calm, w, shortest), n)), rho_of_steps(calm) + 2 * ERROR_OF_STEPS / sqrt(n))
    variance = max(noise(list(calm)) ** 2, smallest_variance(calm)) * (1 + rho) / (1 - rho) ** 2
    places = [0, *pelt(list(calm), PENALTY * log(n) * variance, shortest, weights), n]
    while len(places) > 2:
        inner = zip(places, places[1:], places[2:], strict=False)
        found = tuple(change(x, w, at, n - 2 * shortest + 1) for at in inner)
        worst = max(found, key=lambda c: c.p)
        if worst.p <= SURE:
            return found
        places.remove(worst.place)
    return ()


def change(x: np.ndarray, w: np.ndarray, at: tuple[int, int, int], searched: int) -> Change:
    """The change at the middle one of three places, the levels lasting from the first and to the last."""
    begins, place, ends = at
    moved = shift(list(x), begins, place, ends, list(w))
    first, last = dates(x[begins:ends], w[begins:ends], place - begins, moved.rho)
    gradual = is_line(x[begins:ends], w[begins:ends], place - begins)
    p = min(moved.p * searched, 1.0) if lasts(x, at, moved.difference) else 1.0
    return Change(place, begins + first, begins + last, begins, ends, moved, p, gradual)


def lasts(x: np.ndarray, at: tuple[int, int, int], difference: float) -> bool:
    """Whether most values of the two levels tell them apart: their medians by half of what their means do."""
    import numpy as np

    begins, place, ends = at
    apart = float(np.median(x[place:ends]) - np.median(x[begins:place]))
    return apart * difference >= difference**2 / 2


def is_line(x: np.ndarray, w: np.ndarray, place: int) -> bool:
    """Whether a straight line leaves no larger sum of squares than two levels."""
    import numpy as np

    t = np.arange(len(x), dtype=float)
    t -= np.average(t, weights=w)
    y = x - np.average(x, weights=w)
    line = float((w * t * y).sum()) ** 2 / float((w * t * t).sum())
    left, right = (float((w[part] * y[part]).sum()) ** 2 / float(w[part].sum()) for part in
                   (slice(0, place), slice(place, len(x))))  # fmt: skip
    return line >= left + right


def pelt(
    values: Sequence[float], penalty: float, shortest: int = 3, weights: Sequence[float] | None = None
) -> tuple[int, ...]:
    """The first index of each new level, for the least sum of squares around levels plus a penalty a change.

    Method: optimal partitioning with pruning (Killick, Fearnhead & Eckley, JASA 107, 2012): exact.
    """
    import numpy as np

    n = len(values)
    if n < 2 * shortest:
        return ()
    x, w = np.asarray(values, dtype=float), normalised(weights, n)
    x = x - x.mean()
    weight, total, square = (np.concatenate(([0.0], np.cumsum(part))) for part in (w, w * x, w * x * x))
    least, useless_from = np.full(n + 1, np.inf), np.full(n + 1, n + 1)
    least[0], origin, starts = -penalty, np.zeros(n + 1, dtype=int), np.array([0])
    for end in range(shortest, n + 1):
        usable = starts[(end - starts >= shortest) & (useless_from[starts] > end)]
        cost = square[end] - square[usable] - (total[end] - total[usable]) ** 2 / (weight[end] - weight[usable])
        whole = least[usable] + np.maximum(cost, 0.0)
        # Of equals the earliest start is taken: no change is made that saves nothing.
        best = int(np.argmin(whole + np.arange(len(whole)) * 1e-12 * square[n]))
        least[end], origin[end] = whole[best] + penalty, usable[best]
        # A start that is worse than a change here is of no use any more, once a level can be as long from here on.
        worse = usable[whole > least[end]]
        useless_from[worse] = np.minimum(useless_from[worse], end + shortest)
        new = end - shortest + 1
        starts = np.concatenate((usable, starts[end - starts < shortest], [new] if np.isfinite(least[new]) else []))
        starts = starts.astype(int)
    found, at = [], n
    while (at := int(origin[at])) > 0:
        found.append(at)
    return tuple(reversed(found))


def normalised(weights: Sequence[float] | None, n: int) -> np.ndarray:
    """Weights whose mean is 1."""
    import numpy as np

    given = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    return np.asarray(given / given.mean())


def noise(values: Sequence[float]) -> float:
    """The standard deviation of the steps from one value to the next, over the root of 2.

    By the MAD around 0, so that a few changes of level do not raise it.
    """
    import numpy as np

    steps = np.diff(np.asarray(values, dtype=float))
    return float(NORMAL_MAD * np.median(np.abs(steps)) / sqrt(2)) if len(steps) else 0.0


def smallest_variance(x: np.ndarray) -> float:
    """What is added where the MAD is 0, so that a change is still asked to be larger than rounding."""
    return float((1e-6 * (x.max() - x.min())) ** 2 + (1e-12 * abs(x).max()) ** 2)


def best_split(x: np.ndarray, w: np.ndarray, shortest: int) -> int:
    """Where two levels leave the least sum of squares."""
    import numpy as np

    weight, total = np.cumsum(w), np.cumsum(w * x)
    at = np.arange(shortest, len(x) - shortest + 1)
    left, right = total[at - 1] / weight[at - 1], (total[-1] - total[at - 1]) / (weight[-1] - weight[at - 1])
    gain = (left - right) ** 2 * weight[at - 1] * (weight[-1] - weight[at - 1])
    return int(at[int(np.argmax(gain))])


def rho_of(x: np.ndarray, w: np.ndarray, places: Sequence[int]) -> float:
    """Correlation of neighbours around the levels between these places."""
    import numpy as np

    left = np.concatenate([x[a:b] - np.average(x[a:b], weights=w[a:b]) for a, b in pairwise(places)])
    return min(autocorrelation(list(left * np.sqrt(w)), fitted=2), LARGEST_RHO)


def rho_of_steps(x: np.ndarray) -> float:
    """Correlation of neighbours from that of the steps between them, -(1 - rho) / 2, the largest steps drawn in.

    A change of level is one large step; it disturbs this less than anything else, but the error is twice as large.
    """
    import numpy as np

    steps = np.diff(x)
    reach = 3 * NORMAL_MAD * float(np.median(np.abs(steps)))
    steps = np.clip(steps, -reach, reach)
    square = float((steps * steps).sum())
    return min(max(1 + 2 * float((steps[1:] * steps[:-1]).sum()) / square, 0.0), LARGEST_RHO) if square else 0.0


def shift(
    values: Sequence[float], begins: int, place: int, ends: int, weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> Shift:  # fmt: skip
    """The level of values[place:ends] less that of values[begins:place], neighbours being alike.

    Method (statistics.md, 3b): weighted means; residual variance times f (1/W1 + 1/W2), f = (1 + rho) / (1 - rho);
    Student's t on (T / f - 2) degrees of freedom, 2 at least.
    """
    import numpy as np
    from scipy.special import stdtr

    x = np.asarray(values[begins:ends], dtype=float)
    w = normalised(None if weights is None else weights[begins:ends], len(x))
    cut, n = place - begins, len(x)
    before, after = (float(np.average(x[part], weights=w[part])) for part in (slice(0, cut), slice(cut, n)))
    rho = rho_of(x, w, (0, cut, n))
    around = np.concatenate((x[:cut] - before, x[cut:] - after))
    variance = float((w * around**2).sum()) / max(n - 2, 1)
    inflation = (1 + rho) / (1 - rho)
    error = sqrt(variance * inflation * (1 / float(w[:cut].sum()) + 1 / float(w[cut:].sum())))
    df = max(n / inflation - 2, 2.0)
    difference = after - before
    reach = t_quantile((1 + confidence) / 2, df) * error
    p = float(2 * stdtr(df, -abs(difference) / error)) if error else float(difference == 0)
    return Shift(before, after, difference, difference - reach, difference + reach, p, rho)


def dates(x: np.ndarray, w: np.ndarray, place: int, rho: float, confidence: float = 0.95) -> tuple[int, int]:
    """Between which places a change lies.

    Method: all places whose sum of squares is within c long-run variances of the least, c being -2 log(1 -
    sqrt(confidence)) = 7.35, the quantile of the likelihood ratio of a break's place (Hansen, Econometrica 68, 2000).
    """
    import numpy as np

    n = len(x)
    at = np.arange(1, n)
    weight, total = np.cumsum(w), np.cumsum(w * x)
    gain = total[at - 1] ** 2 / weight[at - 1] + (total[-1] - total[at - 1]) ** 2 / (weight[-1] - weight[at - 1])
    best = gain[place - 1]
    around = np.concatenate([part - np.average(part, weights=v) for part, v in
                             ((x[:place], w[:place]), (x[place:], w[place:]))])  # fmt: skip
    variance = float((w * around**2).sum()) / max(n - 2, 1) * (1 + rho) / (1 - rho)
    within = at[best - gain <= -2 * log(1 - sqrt(confidence)) * variance]
    return (int(min(within.min(), place)), int(max(within.max(), place))) if len(within) else (place, place)


def without_spikes(values: Sequence[float], window: int = 7, widest: float = 4.0) -> tuple[list[float], list[int]]:
    """The series without lone odd values, and their places: a spike of two or three days is no new level.

    Method: a value further than `widest` standard deviations (1.4826 MAD of all such distances) from the median of
    the `window` values around it is taken to be that median (Hampel's filter).
    """
    import numpy as np

    x, half = np.asarray(values, dtype=float), window // 2
    if len(x) < window:
        return list(values), []
    starts = np.clip(np.arange(len(x)) - half, 0, len(x) - window)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(x, window), axis=1)[starts]
    apart = x - medians
    reach = widest * NORMAL_MAD * float(np.median(np.abs(apart)))
    odd = np.flatnonzero(np.abs(apart) > reach) if reach else np.array([], dtype=int)
    drawn = x.copy()
    drawn[odd] = medians[odd]
    return [float(v) for v in drawn], [int(i) for i in odd]


def weekday_adjusted(values: Sequence[float], weekdays: Sequence[int], weights: Sequence[float]) -> list[float]:
    """The values less what their weekday adds to its week; as they are on fewer than 21.

    Args:
        values: one a day, oldest first; days may be missing. weekdays: 0..6. weights: how much each day is worth.

    Method: weighted least squares on weekday and week together, so that a new level is not taken for a weekday; only
    the weekdays' part is taken away, whose weighted mean is 0.
    """
    import numpy as np

    if len(values) < WEEKDAYS_FROM:
        return list(values)
    y, w, day = np.asarray(values, dtype=float), np.asarray(weights, dtype=float), np.asarray(weekdays)
    week = np.concatenate(([0], np.cumsum(np.diff(day) <= 0)))
    known = np.unique(day)
    columns = np.concatenate(
        (day[:, None] == known[None, 1:], week[:, None] == np.arange(week[-1] + 1)[None, :]), axis=1
    ).astype(float)
    root = np.sqrt(w)[:, None]
    fitted = np.linalg.lstsq(columns * root, y * root[:, 0], rcond=None)[0]
    effect = np.concatenate(([0.0], fitted[: len(known) - 1]))[np.searchsorted(known, day)]
    return [float(v) for v in y - effect + np.average(effect, weights=w)]


def precision(values: Sequence[float], counts: Sequence[int], within: float) -> list[float]:
    """What each period's mean is worth: 1 / (what periods differ by + within / count), their mean 1.

    Args:
        values: a mean a period. counts: of how many. within: the variance of one, inside a period.

    A period of few requests is the less sure, but no number of them makes a day worth more than a day.
    """
    own = [within / max(n, 1) for n in counts]
    between = max(noise(values) ** 2 - sum(own) / max(len(own), 1), 0.25 * noise(values) ** 2)
    raw = [1 / (between + part) if between + part > 0 else 1.0 for part in own]
    middle = sum(raw) / max(len(raw), 1)
    return [weight / middle for weight in raw]
