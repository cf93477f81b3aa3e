"""How long days hang together, and what that leaves of the evidence of many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Whole = np.ndarray[Any, np.dtype[np.int64]]
    # Which day of its window each is, from 0, and what is left of it around the window's level.
    Window = tuple[Whole, Floats]

LARGEST_RHO = 0.95
LARGEST_DECAY = 0.9
FEWEST_PAIRS = 8


def dependence(windows: Sequence[Window]) -> float:
    """Correlation of a day with the next, as far as it matters to a mean of many days, within [0, 0.95].

    The larger of two: the lag-one correlation itself, and that of the AR(1) series whose mean is as uncertain as this
    one's if the days are a slow series under the noise of their samples. Such noise hides the slow part from lag one
    (days that wander 10 % at rho 0.7 show 0.4 at 10,000 requests), but not its decay: correlations c d, c d^2, c d^3
    have sum c d / (1 - d), with d = (r2 + r3) / (r1 + r2) and c at most 1.
    """
    count = sum(len(value) for _, value in windows)
    r1, r2, r3 = (lagged(windows, lag) for lag in (1, 2, 3))
    r1 = min(max(r1, 0.0), LARGEST_RHO)
    inflation = (1 + r1) / (1 - r1)
    if r1 > 1 / count**0.5 and r2 > 0:
        decay = min(max((r2 + r3) / (r1 + r2), 0.0), LARGEST_DECAY)
        inflation = max(inflation, 1 + 2 * min(r1, decay) / (1 - decay))
    return min((inflation - 1) / (inflation + 1), LARGEST_RHO)


def lagged(windows: Sequence[Window], lag: int) -> float:
    """Correlation of residuals `lag` days apart in the same window; 0 on fewer than 8 such pairs.

    Days without rows are left out of both sums. Corrected for the bias of T days around two levels:
    (T r + 4 + 3 r) / (T - 4).
    """
    import numpy as np

    together, square, pairs, count = 0.0, 0.0, 0, 0
    for place, left in windows:
        value, there = np.zeros(place[-1] + 1), np.zeros(place[-1] + 1)
        value[place], there[place] = left, 1
        together += float(value[lag:] @ value[:-lag])
        pairs += int(there[lag:] @ there[:-lag])
        square, count = square + float(left @ left), count + len(left)
    if pairs < FEWEST_PAIRS or square == 0:
        return 0.0
    r = together / square * (count - len(windows) * lag) / pairs
    return (count * r + 4 + 3 * r) / (count - 4)


def between(rho: float, blocks: int, days: float) -> float:
    """How much larger the variance of a window's mean is than its blocks' spread says, under AR(1): 1 at rho 0.

    Neighbouring weeks resemble each other where days hang together for long, and their spread cannot show it.
    """
    whole, one = variance_of_mean(rho, blocks * days), variance_of_mean(rho, days)
    return (blocks - 1) * whole / (one - whole)


def variance_of_mean(rho: float, days: float) -> float:
    """Of the mean of n AR(1) days of variance 1: ((1 + rho) / (1 - rho) - 2 rho (1 - rho^n) / (n (1 - rho)^2)) / n."""
    edge = 2 * rho * (1 - rho**days) / (days * (1 - rho) ** 2)
    return float((1 + rho) / (1 - rho) - edge) / days
