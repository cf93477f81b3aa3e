"""One slice's tokens a request by day: their slope, and the days on which their level changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, expm1, log1p
from typing import Any

from llmscope.analyses._slices import start_of
from llmscope.stats.changes import Change, changes, precision, weekday_adjusted, without_spikes
from llmscope.stats.trends import Trend, trend

Row = Mapping[str, Any]
# Nothing is tested on fewer requests or days.
FEWEST_REQUESTS, FEWEST_DAYS = 30, 14
# Logarithms make nothing of a figure that is often 0: from this share on, the daily mean itself is followed.
OFTEN = 0.05
# Nor are they of use among requests as unlike as this (a variance of logarithms): one kind's share moves their mean
# by more than all that any of them grows.
UNLIKE = 1.0


@dataclass(frozen=True, slots=True)
class Days:
    """A figure a day on which there was a request, oldest first; logs: sums of log(1 + tokens), and of its square."""

    days: tuple[str, ...]
    requests: tuple[int, ...]
    tokens: tuple[int, ...]
    logs: tuple[float, ...]
    squares: tuple[float, ...]
    token_squares: tuple[float, ...]
    medians: tuple[float | None, ...]
    zeros: int

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Days:
        """From rows of the SQL, several of a day added up; a median is kept where a day has one row."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row["day"], []).append(row)
        days = sorted(found)
        sums = [[sum(row[name] for row in found[day]) for day in days] for name in
                ("requests", "tokens", "log_tokens", "log_squares", "token_squares", "zeros")]  # fmt: skip
        medians = [found[day][0].get("median_tokens") if len(found[day]) == 1 else None for day in days]
        return cls(
            tuple(days), tuple(sums[0]), tuple(int(t) for t in sums[1]), tuple(map(float, sums[2])),
            tuple(map(float, sums[3])), tuple(map(float, sums[4])), tuple(medians), int(sum(sums[5])),
        )  # fmt: skip

    @property
    def n(self) -> int:
        return sum(self.requests)

    @property
    def mean(self) -> float | None:
        return sum(self.tokens) / self.n if self.n else None

    @property
    def log_variance(self) -> float:
        """The variance of log(1 + tokens) of requests of one day."""
        return pooled(self, self.logs, self.squares)

    @property
    def linear(self) -> bool:
        """Followed by its daily means, not by logarithms."""
        return self.zeros > OFTEN * self.n or self.log_variance > UNLIKE

    @property
    def enough(self) -> bool:
        return self.n >= FEWEST_REQUESTS and len(self.days) >= FEWEST_DAYS and bool(sum(self.tokens))

    def mean_of(self, begins: int, ends: int) -> float:
        """Tokens a request of these days."""
        return sum(self.tokens[begins:ends]) / sum(self.requests[begins:ends])


@dataclass(frozen=True, slots=True)
class Step:
    """A change of level: since when (between which days), its ratio with an interval, and the days of both levels."""

    since: str
    first: str
    last: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    before_tokens: float
    after_tokens: float
    ratio: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Slope:
    """Change a week as a share, with its interval; p of none."""

    ratio: float
    low: float
    high: float
    p: float
    periods: int


def weekdays(days: Sequence[str]) -> list[int]:
    """0, Monday, to 6."""
    return [date.fromisoformat(day).weekday() for day in days]


def steps(days: Days) -> tuple[Step, ...]:
    """The days on which the level changed; () where none did, or on too few days to say.

    Of the daily means of log(1 + tokens), weighted by what each day is worth, weekdays and spikes taken out.
    """
    if not days.enough:
        return ()
    level, weights = levels(days)
    found = sought(level, level, days, weights)
    if found:  # once more, the weekdays told apart from levels that begin in the middle of a week
        ends = [*(c.place for c in found), len(level)]
        of = [found[0].shift.before, *(c.shift.after for c in found)]
        flat = [v - of[sum(i >= end for end in ends)] for i, v in enumerate(level)]
        found = sought(level, flat, days, weights)
    return tuple(step(days, one) for one in found if not one.gradual)


def levels(days: Days) -> tuple[list[float], list[float]]:
    """The daily level that is followed, and what each day's is worth."""
    whole = days.mean or 1.0
    if days.linear:
        level = [t / n / whole for t, n in zip(days.tokens, days.requests, strict=True)]
        within = pooled(days, [t / whole for t in days.tokens], [q / whole**2 for q in days.token_squares])
    else:
        level = [s / n for s, n in zip(days.logs, days.requests, strict=True)]
        within = days.log_variance
    return level, precision(level, days.requests, within)


def sought(level: Sequence[float], flat: Sequence[float], days: Days, weights: Sequence[float]) -> tuple[Change, ...]:
    """The changes, with what the weekdays add to `flat` (the level without its changes) taken out."""
    adjusted = weekday_adjusted(flat, weekdays(days.days), weights)
    values = [v + a - f for v, a, f in zip(level, adjusted, flat, strict=True)]
    return changes(values, weights, quiet=without_spikes(values)[0])


def pooled(days: Days, sums: Sequence[float], squares: Sequence[float]) -> float:
    """The variance of requests of one day, from daily sums and sums of squares."""
    spread = sum(q - s * s / n for q, s, n in zip(squares, sums, days.requests, strict=True))
    return max(spread, 0.0) / max(days.n - len(days.days), 1)


def step(days: Days, found: Change) -> Step:
    """A change in days and in shares of the level before; of a level of 0 there is no share: infinite."""
    moved = found.shift
    # Not moved.before: what a weekday adds would make something of nothing.
    before = days.mean_of(found.begins, found.place)

    def share(difference: float) -> float:
        if not days.linear:
            return expm1(min(difference, 700.0))
        return difference * (days.mean or 1.0) / before if before > 0 else float("inf")

    return Step(
        days.days[found.place], days.days[found.first], days.days[found.last],
        days.days[found.begins : found.place], days.days[found.place : found.ends],
        before, days.mean_of(found.place, found.ends),
        share(moved.difference), share(moved.low), share(moved.high), found.p,
    )  # fmt: skip


def slope(days: Days, over: str) -> Slope | None:
    """The slope of daily or weekly medians, as a share a week; None on too few.

    Args:
        days: by `over`. Of days, what their weekday adds is taken out.
    """
    if days.n < FEWEST_REQUESTS or not sum(days.tokens):
        return None
    whole = days.mean or 1.0
    if days.linear:
        figures = [t / n / whole for t, n in zip(days.tokens, days.requests, strict=True)]
    else:
        figures = [log1p(m) for m in days.medians if m is not None]
    starts = [start_of(day, over).toordinal() for day in days.days]
    if over == "day":
        figures = weekday_adjusted(figures, weekdays(days.days), [1.0] * len(figures))
    found: Trend | None = trend(figures, [(start - starts[0]) / 7 for start in starts])
    if found is None:
        return None
    share = (lambda x: x) if days.linear else (lambda x: exp(min(x, 700.0)) - 1)
    line = found.slope
    return Slope(share(line.step), share(line.low), share(line.high), found.p, found.periods)
