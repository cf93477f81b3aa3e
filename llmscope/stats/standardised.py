"""Two sides at one and the same mix: what is left of a difference once both are given the same kinds of requests."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from llmscope.stats.daily import Day

# A stratum with fewer rows on a side has no level of its own to speak of.
FEWEST_IN_STRATUM = 5
# (date, stratum) -> the rows of one side.
Key = Hashable


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one side in one stratum on one day: how many, and the sum of their value."""

    date: datetime.date
    stratum: Key
    n: int
    total: float


@dataclass(frozen=True, slots=True)
class Standardised:
    """Both levels at one mix, what share of each side's rows lies in strata that both have, and the days behind it.

    The means of the rows of days_a and days_b are a and b; the days' differences carry their error.
    """

    a: float
    b: float
    kept: tuple[float, float]
    strata: int
    days_a: tuple[Day, ...]
    days_b: tuple[Day, ...]


def standardised(
    a: Sequence[Cell], b: Sequence[Cell], mantel_haenszel: bool = False, fewest: int = FEWEST_IN_STRATUM
) -> Standardised | None:
    """Direct standardisation over the strata that both sides have; None where they share none.

    Args:
        mantel_haenszel: weigh a stratum by n_a n_b / (n_a + n_b), which makes the difference of two rates Mantel and
            Haenszel's (JNCI 22, 1959; Greenland & Robins, Biometrics 41, 1985) and holds for thin strata; else by its
            rows on both sides, the mix of all requests together.
        fewest: rows a stratum needs on each side.

    Method: sum of W_k mean_k, W_k adding up to 1. A day's part in it, sum of W_k (total_kt - mean_k n_kt) / n_k, is
    laid over the level (linearised), so that any method by days gives the interval.
    """
    sums_a, sums_b = by_stratum(a), by_stratum(b)
    shared = [k for k in sums_a if k in sums_b and min(sums_a[k][0], sums_b[k][0]) >= fewest]
    if not shared:
        return None
    sizes = {k: (sums_a[k][0], sums_b[k][0]) for k in shared}
    raw = {k: n * m / (n + m) if mantel_haenszel else float(n + m) for k, (n, m) in sizes.items()}
    weights = {k: weight / sum(raw.values()) for k, weight in raw.items()}
    level_a, days_a = linearised(a, sums_a, weights)
    level_b, days_b = linearised(b, sums_b, weights)
    kept = tuple(sum(sums[k][0] for k in shared) / sum(n for n, _ in sums.values()) for sums in (sums_a, sums_b))
    return Standardised(level_a, level_b, (kept[0], kept[1]), len(shared), days_a, days_b)


def by_stratum(cells: Sequence[Cell]) -> dict[Key, tuple[int, float]]:
    """Rows and total of each stratum that has any."""
    found: dict[Key, tuple[int, float]] = {}
    for cell in cells:
        if cell.n:
            n, total = found.get(cell.stratum, (0, 0.0))
            found[cell.stratum] = n + cell.n, total + cell.total
    return found


def linearised(
    cells: Sequence[Cell], sums: Mapping[Key, tuple[int, float]], weights: Mapping[Key, float]
) -> tuple[float, tuple[Day, ...]]:
    """The level at that mix, and each day's part in it."""
    level = sum(weight * sums[k][1] / sums[k][0] for k, weight in weights.items())
    rows = sum(sums[k][0] for k in weights)
    days: dict[datetime.date, tuple[int, float]] = {}
    for cell in cells:
        if cell.n and cell.stratum in weights:
            n, total = sums[cell.stratum]
            part = weights[cell.stratum] * (cell.total - total / n * cell.n) / n
            before, so_far = days.get(cell.date, (0, 0.0))
            days[cell.date] = before + cell.n, so_far + part
    found = (Day(date, n, n * level + rows * part) for date, (n, part) in sorted(days.items()))
    return level, tuple(found)
