"""Whether a mix moved: models, features, finish reasons, languages; from counts a day, with the day as evidence.

A category that only one window has is told apart with its count and never tested: a p of 0 for one new row in 900, or
for a hundred categories in a thousand rows, is what tests make of it that take the earlier window for the truth.
"""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from llmscope.stats.daily import Day, Shift, shift
from llmscope.stats.day_counts import BAND, DRAWS, Counted, Table
from llmscope.stats.distances import total_variation
from llmscope.stats.exact import newcombe
from llmscope.stats.families import benjamini_hochberg

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

# A category with fewer rows in both windows together is counted, not tested.
FEWEST_EVENTS = 10
FEWEST_EXPECTED = 5
PERMUTATIONS = 10_000
# Numbers drawn at once: a permutation of this many labels at most is held in memory.
AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Moved:
    """One category: its rows and share in both windows, the shift by days, p and q within the column.

    low, high: 95 % interval of the change of its share; by days where they carry it, else Newcombe's, which takes rows
    to be independent of each other (`shift` is then None, and so are p and q: nothing is claimed).
    """

    category: Hashable
    n: tuple[int, int]
    before: float
    after: float
    low: float | None
    high: float | None
    shift: Shift | None
    p: float | None
    q: float | None

    @property
    def change(self) -> float:
        """Of the share, after less before, at one mix of weekdays where days carry it."""
        return self.shift.effect if self.shift else self.after - self.before


@dataclass(frozen=True, slots=True)
class Mix:
    """How a mix moved.

    tvd: the part of the traffic that changed category, beside what noise alone stays under in 95 of 100 comparisons.
    movers: categories both windows have, the largest change first. new, vanished: (category, rows) of one window only.
    tests: how many categories were tested; the family of q.
    """

    n: tuple[int, int]
    days: tuple[int, int]
    tvd: float
    noise: float
    method: str
    rho: float | None
    cramers_v: float
    movers: tuple[Moved, ...]
    new: tuple[tuple[Hashable, int], ...]
    vanished: tuple[tuple[Hashable, int], ...]
    tests: int

    @property
    def beyond_noise(self) -> bool:
        """More of the traffic moved than noise alone would move."""
        return self.tvd > self.noise


@dataclass(frozen=True, slots=True)
class Contingency:
    """A test of a table of counts, one row a window; only for rows independent of each other."""

    statistic: float
    df: int
    p: float


def mix(
    before: Iterable[Counted], after: Iterable[Counted], *, draws: int = DRAWS, seed: int = 0, rho: float | None = None
) -> Mix | None:
    """How a mix moved between two windows; None where a side has no rows.

    Args:
        before, after: (day, category, rows). rho: the least day correlation to allow for (see daily.shift).
    """
    table = Table.of(*(named(side) for side in (before, after)))
    if table is None:
        return None
    first, last = table.shares
    noise = table.noise(draws, seed)
    found = moved(table, rho)
    totals = table.counts[0].sum(axis=0), table.counts[1].sum(axis=0)
    categories = names_of(table)
    return Mix(
        n=table.n,
        days=table.days,
        tvd=float(total_variation(first, last)),
        noise=quantile(total_variation(noise.before, noise.after)),
        method=noise.method,
        rho=noise.rho,
        cramers_v=cramers_v([list(map(int, totals[0])), list(map(int, totals[1]))]),
        movers=found,
        new=only_there(categories, totals[1], totals[0]),
        vanished=only_there(categories, totals[0], totals[1]),
        tests=sum(one.q is not None for one in found),
    )


def named(side: Iterable[Counted]) -> list[Counted]:
    """Categories with a key that sorts, whatever they are; None last."""
    return [(day, (category is None, category if category is not None else ""), n) for day, category, n in side]


def names_of(table: Table) -> list[Hashable]:
    """The categories again."""
    return [None if missing else category for missing, category in table.cells]


def quantile(drawn: Floats) -> float:
    """Where noise stays under."""
    import numpy as np

    return float(np.quantile(drawn, BAND))


def only_there(categories: Sequence[Any], there: Floats, here: Floats) -> tuple[tuple[Hashable, int], ...]:
    """What one window has and the other has not, most rows first."""
    found = [(c, int(n)) for c, n, other in zip(categories, there, here, strict=True) if n and not other]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0] is None, str(pair[0]))))


def moved(table: Table, rho: float | None) -> tuple[Moved, ...]:
    """Every category that both windows have; q under Benjamini-Hochberg over those that could be tested."""
    totals = table.counts[0].sum(axis=0), table.counts[1].sum(axis=0)
    sizes = [counts.sum(axis=1) for counts in table.counts]
    chances = by_chance(table)
    found = []
    for i, category in enumerate(names_of(table)):
        n = int(totals[0][i]), int(totals[1][i])
        if not min(n):
            continue
        days = [days_of(*side, i) for side in zip(table.dates, table.counts, sizes, strict=True)]
        by_days = shift(days[0], days[1], rho=rho) if sum(n) >= FEWEST_EVENTS else None
        exact = newcombe((n[0], n[1]), (table.n[0], table.n[1]))
        low, high = (by_days.low, by_days.high) if by_days else exact or (None, None)
        shares = n[0] / table.n[0], n[1] / table.n[1]
        p = max(by_days.p, float(chances[i])) if by_days else None
        found.append(Moved(category, n, *shares, low, high, by_days, p, None))
    return tuple(sorted(with_q(found), key=lambda one: (-abs(one.change), one.category is None, str(one.category))))


def by_chance(table: Table) -> Floats:
    """The p of each category's change at the spread that no change would have: a guard where rows are few.

    A category that came by chance on few days shows little spread of its own, and would seem to have fallen for sure.
    Method: score test on the pooled share; a window's design effect is the largest of its own, the mean of all
    categories' and the other window's (less where that has more rows a day: what days share grows with them); t on
    days - 2.
    """
    import numpy as np
    from scipy.special import stdtr

    middle, days = table.pooled, sum(table.days)
    if days <= FEWEST_EVENTS:
        return np.zeros(len(middle))
    plain, variance = np.maximum(middle * (1 - middle), 1e-300), np.zeros(len(middle))
    own = [table.designs(side) for side in (0, 1)]
    a_day = [n / count for n, count in zip(table.n, table.days, strict=True)]
    for side, other in ((0, 1), (1, 0)):
        borrowed = own[other] * min(1.0, a_day[side] / a_day[other])
        least = max(float((own[side] * (1 - middle)).sum() / max(len(middle) - 1, 1)), 1.0)
        variance += plain * np.maximum(np.maximum(own[side], borrowed), least) / table.n[side]
    return np.asarray(2 * stdtr(days - 2, -np.abs(table.shares[1] - table.shares[0]) / np.sqrt(variance)))


def days_of(dates: Sequence[datetime.date], counts: Floats, sizes: Floats, place: int) -> list[Day]:
    """A window's days, one category being what counts."""
    return [Day(d, int(n), float(c)) for d, n, c in zip(dates, sizes, counts[:, place], strict=True)]


def with_q(found: Sequence[Moved]) -> list[Moved]:
    """The same with q, over the column's own family.

    Of two categories one mirrors the other: their p is one test's.
    """
    tested = [one for one in found if one.p is not None]
    if len(found) == 2 and len(tested) == 2:
        return [replace(one, q=one.p) for one in found]
    qs = dict(zip((id(one) for one in tested), benjamini_hochberg([one.p or 0.0 for one in tested]), strict=True))
    return [replace(one, q=qs.get(id(one))) for one in found]


def chi_square(table: Sequence[Sequence[int]]) -> Contingency:
    """Pearson's chi-square of the observed table of both windows; rows independent of each other."""
    return contingency(table, likelihood=False)


def likelihood_ratio(table: Sequence[Sequence[int]]) -> Contingency:
    """The G test of the same."""
    return contingency(table, likelihood=True)


def contingency(table: Sequence[Sequence[int]], likelihood: bool) -> Contingency:
    """Either, without Yates's correction; p 1 on a table of one row or column."""
    import numpy as np
    from scipy.special import chdtrc, xlogy

    observed, expected = margins(table)
    df = max((observed.shape[0] - 1) * (observed.shape[1] - 1), 0)
    if not df:
        return Contingency(0.0, 0, 1.0)
    if likelihood:
        statistic = float(2 * xlogy(observed, observed / expected).sum())
    else:
        statistic = float(((observed - expected) ** 2 / expected).sum())
    return Contingency(statistic, df, float(np.clip(chdtrc(df, statistic), 0, 1)))


def margins(table: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
    """The table without empty rows and columns, and what independence would expect."""
    import numpy as np

    observed = np.asarray(table, dtype=float)
    observed = observed[observed.sum(axis=1) > 0][:, observed.sum(axis=0) > 0]
    total = max(float(observed.sum()), 1.0)
    return observed, observed.sum(axis=1, keepdims=True) @ observed.sum(axis=0, keepdims=True) / total


def cramers_v(table: Sequence[Sequence[int]]) -> float:
    """Cramer's V corrected for its bias (Bergsma, Journal of the Korean Statistical Society 42, 2013), in [0, 1]."""
    observed, _ = margins(table)
    n, (rows, columns) = float(observed.sum()), observed.shape
    if n <= 1 or min(rows, columns) < 2:
        return 0.0
    phi = max(chi_square(table).statistic / n - (rows - 1) * (columns - 1) / (n - 1), 0.0)
    corrected = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    return sqrt(phi / max(min(corrected) - 1, 1e-12))


@dataclass(frozen=True, slots=True)
class Omnibus:
    """Whether the mix as a whole moved, by weeks: first-order Rao-Scott. design: rows that are worth one."""

    statistic: float
    df: tuple[float, float]
    p: float
    design: float


def by_weeks(before: Iterable[Counted], after: Iterable[Counted]) -> Omnibus | None:
    """One test of the whole mix with the week as the unit; None on fewer than two weeks a side or two categories.

    Rao & Scott's first-order corrected chi-square by weeks (Annals of Statistics 12, 1984), as F on categories - 1 and
    (weeks - 1)(categories - 1) (Thomas & Rao, JASA 82, 1987). No verdict rests on it: it rejects .02-.07 of unchanged
    months to 20,000 rows, but .10 at 200,000 and .11-.16 on 100 categories of 100,000 rows against 1,000.
    """
    import numpy as np
    from scipy.special import fdtrc

    table = Table.of(*(named(side) for side in (before, after)))
    if table is None or len(table.cells) < 2:
        return None
    weeks = [weekly(*side) for side in zip(table.dates, table.counts, strict=True)]
    if min(len(side) for side in weeks) < 2:
        return None
    middle, n, free = table.pooled, table.n, len(table.cells) - 1
    sizes = [side.sum(axis=1, keepdims=True) for side in weeks]
    left = [w - size * share for w, size, share in zip(weeks, sizes, table.shares, strict=True)]
    spread = [len(one) / (len(one) - 1) * (one**2).sum(axis=0) / size**2 for one, size in zip(left, n, strict=True)]
    plain = 1 / n[0] + 1 / n[1]
    design = float(((spread[0] + spread[1]) / middle).sum() / (free * plain))
    statistic = float(((table.shares[1] - table.shares[0]) ** 2 / middle).sum() / plain)
    if design <= 0:
        return None
    low = min(len(side) for side in weeks) - 1
    df = float(free), float(low * free)
    return Omnibus(statistic, df, float(np.clip(fdtrc(*df, statistic / design / free), 0, 1)), design)


def weekly(dates: Sequence[datetime.date], counts: Floats) -> Floats:
    """Nearly equal runs of days of about a week each, summed."""
    import numpy as np

    days = (dates[-1] - dates[0]).days + 1
    runs = max(round(days / 7), 1)
    place = np.array([min((d - dates[0]).days * runs // days, runs - 1) for d in dates])
    found = np.zeros((runs, counts.shape[1]))
    np.add.at(found, place, counts)
    return np.asarray(found[found.sum(axis=1) > 0])


@dataclass(frozen=True, slots=True)
class Permuted:
    """The share of relabellings of whole sessions that move as much of the traffic or more."""

    tvd: float
    p: float
    sessions: tuple[int, int]


def by_sessions(
    before: Sequence[Mapping[Hashable, int]],
    after: Sequence[Mapping[Hashable, int]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Permuted | None:
    """For windows too short for days: sessions dealt to the windows at random, as whole ones; None without a session.

    Args:
        before, after: counts by category, one mapping a session.

    Takes days to be alike. Method: total variation of the shares, (1 + as large) / (1 + permutations).
    """
    import numpy as np

    if not before or not after:
        return None
    cells = {c: i for i, c in enumerate(sorted({c for one in (*before, *after) for c in one}, key=str))}
    table = np.zeros((len(before) + len(after), len(cells)))
    for row, one in enumerate((*before, *after)):
        for category, n in one.items():
            table[row, cells[category]] = n
    first = table[: len(before)].sum(axis=0)
    every = table.sum(axis=0)
    own = float(total_variation(first, every - first))
    random, left, as_large = np.random.default_rng(seed), permutations, 0
    while left > 0:
        size = max(min(left, AT_ONCE // len(table)), 1)
        order = np.argsort(random.random((size, len(table))), axis=1)
        dealt = (order < len(before)).astype(float) @ table
        as_large += int((total_variation(dealt, every - dealt) >= own - 1e-12).sum())
        left -= size
    return Permuted(own, (1 + as_large) / (1 + permutations), (len(before), len(after)))
