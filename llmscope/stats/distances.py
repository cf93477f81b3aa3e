"""Distances between two distributions from counts a day, each beside what noise alone would give: never a verdict.

A distance grows with nothing but few rows, and thresholds that are the same for every size misjudge small logs and
large ones alike. What is said here of a distance is whether it is more than days that wander as these do would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING, Any

from llmscope.stats.day_counts import BAND, DRAWS, Counted, Table, shares

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

# Cells of PSI and of Jensen-Shannon for numbers: tenths of the earlier window.
CELLS = 10
# Added to both sides of a cell that one of them lacks, so that no logarithm is infinite.
ZERO_CELL = 0.5
# The normal's standard deviation is as many median absolute deviations.
NORMAL_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Distance:
    """One distance, and the value that noise alone stays under in 95 of 100 such comparisons."""

    name: str
    value: float
    noise: float

    @property
    def beyond_noise(self) -> bool:
        """More than noise alone would give; no verdict on whether it matters."""
        return abs(self.value) > self.noise


@dataclass(frozen=True, slots=True)
class Distances:
    """All distances of one metric; `rho`: correlation of a day with the next; `method`: what noise was taken to be."""

    n: tuple[int, int]
    days: tuple[int, int]
    rho: float | None
    method: str
    found: tuple[Distance, ...]


def distances(
    before: Iterable[Counted], after: Iterable[Counted], *, draws: int = DRAWS, seed: int = 0
) -> Distances | None:
    """PSI, Jensen-Shannon, KS, Wasserstein and Cliff's delta of a number; None where a side has no rows.

    Args:
        before, after: (day, value, rows): whole values, or the middles of bins (see `bin_middle`).

    PSI and Jensen-Shannon (a distance, base 2, in [0, 1]) are over the tenths of the earlier window; Wasserstein's is
    in the value's unit and once more in units of the earlier window's interquartile range.
    """
    import numpy as np

    table = Table.of(before, after)
    if table is None:
        return None
    values = np.array([float(v) for v in table.cells])
    first, last = table.shares
    measured = measures(values, first, (first, last), table.n)
    noise = table.noise(draws, seed, scores=ridits(table.pooled))
    drawn = measures(values, first, (noise.before, noise.after), table.n)
    found = tuple(
        Distance(name, float(value), float(np.quantile(np.abs(drawn[name]), BAND))) for name, value in measured.items()
    )
    return Distances(table.n, table.days, noise.rho, noise.method, found)


def measures(values: Floats, reference: Floats, windows: tuple[Floats, Floats], n: tuple[int, int]) -> dict[str, Any]:
    """Every distance of shares over ordered values; the last axis is the values', others are draws.

    Args:
        reference: the shares whose tenths and interquartile range are used. windows, n: shares and rows of both.
    """
    import numpy as np

    before, after = windows
    starts = tenths(reference)
    coarse = tuple(np.add.reduceat(side, starts, axis=-1) * rows for side, rows in zip(windows, n, strict=True))
    range_ = interquartile(values, reference)
    apart = wasserstein(values, before, after)
    return {
        "psi": psi(*coarse),
        "js_distance": jensen_shannon(*coarse),
        "ks": kolmogorov_smirnov(before, after),
        "wasserstein": apart,
        "wasserstein_iqr": apart / range_ if range_ > 0 else np.full(np.shape(apart), np.nan),
        "cliff_delta": cliff_delta(before, after),
    }


def psi(before: Any, after: Any) -> Any:
    """Population stability index: the sum of (b - a) ln(b / a) over cells; no unit, 0 for equal distributions.

    Args:
        before, after: counts by cell, along the last axis. Where one of them lacks a cell, .5 is added to both.
    """
    import numpy as np

    a, b = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    some = a + b > 0
    lacking = some & ((a <= 0) | (b <= 0))
    a, b = shares(a + ZERO_CELL * lacking), shares(b + ZERO_CELL * lacking)
    return ((b - a) * np.log(np.where(some, b, 1) / np.where(some, a, 1))).sum(axis=-1)


def jensen_shannon(before: Any, after: Any) -> Any:
    """Jensen-Shannon distance, base 2: the root of the divergence; 0 for equal, 1 for separate distributions."""
    import numpy as np
    from scipy.special import rel_entr

    a, b = shares(before), shares(after)
    middle = (a + b) / 2
    divergence = (rel_entr(a, middle) + rel_entr(b, middle)).sum(axis=-1) / (2 * log(2))
    return np.sqrt(np.maximum(divergence, 0.0))


def total_variation(before: Any, after: Any) -> Any:
    """The part of the rows that would have to change cell for both to be equal: half the sum of differences."""
    import numpy as np

    return np.abs(shares(before) - shares(after)).sum(axis=-1) / 2


def kolmogorov_smirnov(before: Any, after: Any) -> Any:
    """The largest difference of the shares at or under a value; of bins, at most the largest bin's share too small."""
    import numpy as np

    return np.abs(np.cumsum(shares(after) - shares(before), axis=-1)).max(axis=-1)


def wasserstein(values: Any, before: Any, after: Any) -> Any:
    """Wasserstein-1: how far, in the value's unit, a row must move on average; exact for whole values.

    Of bins of relative half width a it is off by at most a times the sum of both means.
    """
    import numpy as np

    between = np.cumsum(shares(after) - shares(before), axis=-1)[..., :-1]
    return (np.abs(between) * np.diff(np.asarray(values, dtype=float))).sum(axis=-1)


def cliff_delta(before: Any, after: Any) -> Any:
    """P(after > before) - P(after < before), in [-1, 1]; ties count for neither (2 U / (n1 n2) - 1)."""
    import numpy as np

    a, b = shares(before), shares(after)
    under = np.cumsum(a, axis=-1) - a
    return (b * (2 * under + a - 1)).sum(axis=-1)


@dataclass(frozen=True, slots=True)
class MannWhitney:
    """U: pairs in which the later row is larger, ties half; delta: Cliff's; p: asymptotic, of independent rows."""

    u: float
    delta: float
    p: float


def mann_whitney(before: Sequence[int], after: Sequence[int]) -> MannWhitney:
    """Mann & Whitney's test from counts over ordered values, by mid-ranks, corrected for ties and continuity.

    Only for rows known to be independent; equal to the test on the rows themselves.
    """
    import numpy as np
    from scipy.special import ndtr

    a, b = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    n1, n2, tied = a.sum(), b.sum(), a + b
    under = np.cumsum(a) - a
    u = float((b * (under + a / 2)).sum())
    n = n1 + n2
    variance = n1 * n2 / 12 * (n + 1 - (tied**3 - tied).sum() / (n * (n - 1)))
    z = (abs(u - n1 * n2 / 2) - 0.5) / variance**0.5 if variance > 0 else 0.0
    return MannWhitney(u, float(2 * u / (n1 * n2) - 1), min(float(2 * ndtr(-max(z, 0.0))), 1.0))


def tenths(reference: Floats) -> list[int]:
    """Where the cells of a tenth of the reference begin among its values; fewer where one value has more than that."""
    import numpy as np

    upto = np.cumsum(reference)
    ends = np.searchsorted(upto, np.arange(1, CELLS) / CELLS - 1e-12) + 1
    return [0, *sorted({int(e) for e in ends if e < len(reference)})]


def interquartile(values: Floats, reference: Floats) -> float:
    """The range of the middle half of the reference: between the values that reach a quarter and three quarters."""
    import numpy as np

    low, high = np.searchsorted(np.cumsum(reference), [0.25 - 1e-12, 0.75 - 1e-12])
    return float(values[min(high, len(values) - 1)] - values[low])


def ridits(pooled: Floats) -> Floats:
    """Each value's place among all rows, in [0, 1]: the share under it and half its own."""
    import numpy as np

    return np.asarray(np.cumsum(pooled) - pooled / 2)


def bin_of(value: float, accuracy: float = 0.01) -> int:
    """The logarithmic bin of a positive value: ceil(ln x / ln gamma), gamma = (1 + a) / (1 - a) (DDSketch, 2019)."""
    return ceil(log(value) / log((1 + accuracy) / (1 - accuracy)))


def bin_middle(place: int, accuracy: float = 0.01) -> float:
    """The value that stands for a bin, at most `accuracy` (relative) from all within: 2 gamma^i / (gamma + 1)."""
    gamma = (1 + accuracy) / (1 - accuracy)
    return float(2 * gamma**place / (gamma + 1))


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation times 1.4826: the standard deviation, if normal, that one odd value does not turn."""
    import numpy as np

    known = np.asarray(values, dtype=float)
    return float(NORMAL_MAD * np.median(np.abs(known - np.median(known)))) if len(known) else 0.0
