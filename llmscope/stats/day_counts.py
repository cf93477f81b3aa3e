"""Counts by day and cell of two windows, and what both would look like if nothing but chance parted them.

Rows of one day resemble each other and a day resembles the next, so that chance is measured by how days differ.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

# (day, value or category, rows): as SQL's GROUP BY gives them.
Counted = tuple[datetime.date, Any, int]
LARGEST_RHO = 0.95
# Under as many days a side their spread says little: rows are then taken to be independent, and the method says so.
FEWEST_DAYS = 8
WEEKDAY_DAYS = 21
DRAWS = 400
BAND = 0.95


def shares(counts: Any) -> Floats:
    """Counts over their sum along the last axis; what noise drew under 0 counts as 0."""
    import numpy as np

    known = np.clip(np.asarray(counts, dtype=float), 0.0, None)
    return np.asarray(known / known.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares as noise would draw them with nothing changed: a row a draw; and how the days were found to wander."""

    before: Floats
    after: Floats
    rho: float | None
    method: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by day and cell of both windows, over the same cells in order."""

    cells: tuple[Any, ...]
    dates: tuple[tuple[datetime.date, ...], tuple[datetime.date, ...]]
    counts: tuple[Floats, Floats]

    @classmethod
    def of(cls, before: Iterable[Counted], after: Iterable[Counted]) -> Table | None:
        """From (day, cell, rows); None where a side has no rows."""
        import numpy as np

        sides = [[one for one in side if one[2] > 0] for side in (before, after)]
        if not all(sides):
            return None
        cells = sorted({cell for side in sides for _, cell, _ in side})
        place = {cell: i for i, cell in enumerate(cells)}
        dates, counts = [], []
        for side in sides:
            days = sorted({day for day, _, _ in side})
            row = {day: i for i, day in enumerate(days)}
            table = np.zeros((len(days), len(cells)))
            for day, cell, n in side:
                table[row[day], place[cell]] += n
            dates.append(tuple(days))
            counts.append(table)
        return cls(tuple(cells), (dates[0], dates[1]), (counts[0], counts[1]))

    @property
    def n(self) -> tuple[int, int]:
        return int(self.counts[0].sum()), int(self.counts[1].sum())

    @property
    def days(self) -> tuple[int, int]:
        return len(self.dates[0]), len(self.dates[1])

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """By cell, of each window."""
        return shares(self.counts[0].sum(axis=0)), shares(self.counts[1].sum(axis=0))

    @property
    def pooled(self) -> Floats:
        """By cell, of both windows together."""
        return shares(self.counts[0].sum(axis=0) + self.counts[1].sum(axis=0))

    def noise(self, draws: int = DRAWS, seed: int = 0, scores: Floats | None = None) -> Noise:
        """Shares of both windows as they would come out if both were the same but for chance.

        Args:
            scores: of the cells, where one direction matters more than others (the places of ordered values); the
                correlation of a day with the next is taken of their mean.

        Method, around the shares of both windows together: of ordered cells, each day's departures from its window's
        shares, less the weekdays' pattern, times independent normal numbers (wild bootstrap: whole days stand for
        whatever makes their rows alike); of others, which may be many and rare, multinomial draws of as many rows as
        the window is worth by its days. Both widened by f = (1 + rho) / (1 - rho) for days that resemble the next and,
        as Student's t is, for the T / f - 2 degrees of freedom that days leave. On fewer than 8 days a side,
        multinomial draws of all rows. Simulated in tests/bench/simulate_distances.py and simulate_categories.py.
        """
        import numpy as np

        random, middle = np.random.default_rng(seed), self.pooled
        if min(self.days) < FEWEST_DAYS:
            drawn = [random.multinomial(n, middle, size=draws) / n for n in self.n]
            return Noise(drawn[0], drawn[1], None, "rows taken to be independent")
        left = self.departures()
        rho = day_correlation(left, self.dates, middle, scores)
        inflation = (1 + rho) / (1 - rho)
        df = max(sum(self.days) / inflation - 2, 2.0)
        wider = inflation * df / random.chisquare(df, size=(draws, 1))
        if scores is None:
            both = [shares(random.multinomial(self.worth(side, wider[:, 0]), middle)) for side in (0, 1)]
        else:
            both = [
                shares(middle + wider**0.5 * random.standard_normal((draws, len(one))) @ one / n)
                for one, n in zip(left, self.n, strict=True)
            ]
        return Noise(both[0], both[1], rho, "days drawn as a whole")

    def worth(self, side: int, wider: Floats) -> Any:
        """How many independent rows a window is worth: n over its mean design effect by days (Rao & Scott)."""
        import numpy as np

        design = float((self.designs(side) * (1 - self.pooled)).sum()) / max(len(self.cells) - 1, 1)
        n = self.n[side]
        return np.clip(n / (max(design, 1e-9) * wider), 1, n).round().astype(int)

    def designs(self, side: int) -> Floats:
        """A window's design effect of each cell's share by days: its variance over that of independent rows."""
        import numpy as np

        plain = self.pooled * (1 - self.pooled)
        return np.asarray((self.departures()[side] ** 2).sum(axis=0) / np.where(plain > 0, plain, 1) / self.n[side])

    def departures(self) -> tuple[Floats, Floats]:
        """Rows by day and cell over what window and weekday would have, scaled for what was fitted."""
        import numpy as np

        sizes = [table.sum(axis=1, keepdims=True) for table in self.counts]
        left = [table - size * share for table, size, share in zip(self.counts, sizes, self.shares, strict=True)]
        fitted = 2
        if min(self.days) >= WEEKDAY_DAYS:
            weekdays = [np.array([day.weekday() for day in days]) for days in self.dates]
            for weekday in range(7):
                chosen = [one == weekday for one in weekdays]
                rows = sum(float(size[c].sum()) for size, c in zip(sizes, chosen, strict=True))
                if rows:
                    part = sum(one[c].sum(axis=0) for one, c in zip(left, chosen, strict=True)) / rows
                    for one, size, c in zip(left, sizes, chosen, strict=True):
                        one[c] -= size[c] * part
            fitted += 6
        scale = (sum(self.days) / (sum(self.days) - fitted)) ** 0.5
        return left[0] * scale, left[1] * scale


def day_correlation(
    left: tuple[Floats, Floats],
    dates: tuple[Sequence[datetime.date], Sequence[datetime.date]],
    middle: Floats,
    scores: Floats | None,
) -> float:
    """Correlation of a day's departures with the next day's, of the mean score or (no scores) over all cells at once.

    Lag one, only of days that follow each other, corrected for two levels as (T r + 4 + 3 r) / (T - 4), in [0, 0.95].
    """
    import numpy as np

    if scores is None:
        weight = 1 / np.sqrt(np.where(middle > 0, middle, 1))
        series = [one * weight for one in left]
    else:
        series = [(one @ scores)[:, None] for one in left]
    square = sum(float((one * one).sum()) for one in series)
    days = sum(len(one) for one in series)
    product, pairs = 0.0, 0
    for one, when in zip(series, dates, strict=True):
        next_ = np.diff(np.array([day.toordinal() for day in when])) == 1
        product += float((one[1:] * one[:-1]).sum(axis=1)[next_].sum())
        pairs += int(next_.sum())
    if square <= 0 or pairs < FEWEST_DAYS:
        return 0.0
    r = product / square * days / pairs
    return min(max((days * r + 4 + 3 * r) / (days - 4), 0.0), LARGEST_RHO)
