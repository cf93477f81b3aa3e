"""One line of a drift report: what was compared, how far it moved, and the test that says whether it is real."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log
from statistics import median
from typing import Any

from llmscope.analyses._daily import AFTER, BEFORE, GRID, TAILS, Slot
from llmscope.stats.daily import FEWEST_ROWS, Day, Shift, block_t, day_correlation, level, rows, shift, usable
from llmscope.stats.exact import at_most, newcombe, two_rates
from llmscope.stats.power import detectable_rate
from llmscope.stats.student import two_sided
from llmscope.stats.verdicts import Margin, Margins, relative
from llmscope.stats.woodruff import quantile_bounds

Row = dict[str, Any]
# Events a window under which a rate is rare, and judged by exact methods.
RARE_EVENTS = 10
# Rows a window that a quantile's line asks for, and days that an exact test does.
FEWEST_FOR_TAIL = {"p50": 100, "p95": 1000, "p99": 5000}
FEWEST_DAYS_EXACT = 3
BY_DAYS, EXACT, COUNTED = "days and weeks", "exact, days taken to be alike", "counted, not tested"
SHORT = "exact, and between single days"
STEPPED = "days and weeks, before and since the day it began"
# Slices from which a median of their day correlations is worth something.
FEWEST_SLICES = 3
Quantiles = Mapping[tuple[str, Slot, str], tuple[float, ...] | None]


@dataclass(frozen=True, slots=True)
class Line:
    """Figures are in `unit`; the change in `change_unit`: ratio (relative), share or points (a difference), moved.

    shift: on the scale of `margin`, which may be that of logarithms. p: what goes into the family of the report.
    units: the smaller window's sessions and requests without one; None where no session is logged. series: the days
    the test rests on; kind: what their values are. shown: the requests counted, where days are worth another number.
    """

    metric: str
    said: str
    unit: str
    slot: Slot
    margin: Margin
    n: tuple[int, int]
    days: tuple[int, int]
    before: float | None = None
    after: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    crude: float | None = None
    detectable: float | None = None
    change_unit: str = "ratio"
    shift: Shift | None = None
    p: float | None = None
    units: int | None = None
    method: str = COUNTED
    effect: float | None = None
    equivalence: tuple[float, float] | None = None
    better: int = 0
    kind: str = ""
    series: tuple[Sequence[Day], Sequence[Day]] = ((), ())
    shown: tuple[int | None, int | None] | None = None
    told: str = ""
    details: tuple[Row, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Windows:
    """What all lines of a report share: the dates of both windows, their sessions, and the margins.

    dates: every day of each window, those without a request too.
    """

    dates: tuple[tuple[datetime.date, ...], tuple[datetime.date, ...]]
    margins: Margins
    sessions: Mapping[tuple[str, Slot], int]


def days_of(found: Sequence[Row], side: str, n: str, total: str) -> list[Day]:
    """One side's days of one figure; days without any are left out."""
    return [Day(row["day_of"].date(), int(row[n]), float(row[total] or 0)) for row in found
            if row["side"] == side and row[n]]  # fmt: skip


def both(found: Sequence[Row], n: str, total: str) -> tuple[list[Day], list[Day]]:
    """Before and after."""
    return days_of(found, BEFORE, n, total), days_of(found, AFTER, n, total)


def units_of(found: Sequence[Row], slot: Slot, windows: Windows) -> tuple[int, int] | None:
    """Sessions, and requests that belong to none, of each window; None where the log knows no sessions."""
    if not any(row["in_sessions"] for row in found):
        return None
    counts = []
    for side in (BEFORE, AFTER):
        lone = sum(row["requests"] - row["in_sessions"] for row in found if row["side"] == side)
        counts.append(int(windows.sessions.get((side, slot), 0) + lone))
    return counts[0], counts[1]


def usual_rho(pairs: Sequence[tuple[Sequence[Day], Sequence[Day]]]) -> float | None:
    """The median day correlation over the slices: what a slice's own estimate is not trusted to be under."""
    known = [rho for one in pairs if (rho := day_correlation(*one)) is not None]
    return median(known) if len(known) >= FEWEST_SLICES else None


def counted(line: Line, first: Sequence[Day], last: Sequence[Day]) -> Line:
    """The line with its rows and days, and the days themselves."""
    return replace(line, n=(rows(first), rows(last)), days=(len(usable(first)), len(usable(last))),
                   series=(first, last))  # fmt: skip


def level_line(line: Line, pair: tuple[list[Day], list[Day]], rho: float | None) -> Line:
    """The typical level: a ratio of geometric means, from sums of logarithms."""
    first, last = pair
    line = counted(replace(line, kind="level"), first, last)
    if not (line.n[0] and line.n[1]):
        return replace(line, before=exp_of(first), after=exp_of(last))
    found = shift(first, last, rho=rho)
    line = replace(line, before=exp_of(first), after=exp_of(last), crude=relative(level(last) - level(first)))
    if found is None:
        return replace(line, change=line.crude)
    return replace(
        line, change=relative(found.effect), low=relative(found.low), high=relative(found.high), shift=found,
        p=found.p, detectable=relative(found.mde) if found.mde is not None else None, method=BY_DAYS,
    )  # fmt: skip


def exp_of(days: Sequence[Day]) -> float | None:
    """The geometric mean of days of logarithms, to as many digits as these were summed with."""
    return float(f"{relative(level(days)) + 1:.9g}") if rows(days) else None


def mean_line(line: Line, pair: tuple[list[Day], list[Day]], rho: float | None) -> Line:
    """A mean as a relative change: dollars a request, or requests a day."""
    first, last = pair
    line = counted(replace(line, kind="mean"), first, last)
    before, after = (level(side) if rows(side) else None for side in pair)
    line = replace(line, before=before, after=after)
    if not before or after is None:
        return line
    line = replace(line, change=after / before - 1, crude=after / before - 1)
    found = shift(first, last, rho=rho)
    if found is None or found.before <= 0:
        return line

    def ratio(difference: float) -> float:
        """A difference of means as one of logarithms, the earlier mean taken as it is."""
        return log(1 + difference / found.before) if difference > -found.before else -inf

    scaled = replace(found, effect=ratio(found.effect), equivalence_low=ratio(found.equivalence_low),
                     equivalence_high=ratio(found.equivalence_high))  # fmt: skip
    mde = None if found.mde is None else found.mde / found.before
    return replace(
        line, change=found.effect / found.before, low=max(found.low / found.before, -1), high=found.high / found.before,
        shift=scaled, p=found.p, detectable=mde, method=BY_DAYS,
    )  # fmt: skip


def points_line(line: Line, pair: tuple[list[Day], list[Day]], rho: float | None) -> Line:
    """A plain difference of means: points of a score."""
    first, last = pair
    line = counted(replace(line, kind="points"), first, last)
    before, after = (level(side) if rows(side) else None for side in pair)
    line = replace(line, before=before, after=after)
    if before is None or after is None:
        return line
    found = shift(first, last, rho=rho)
    line = replace(line, change=after - before, crude=after - before)
    if found is None:
        return line
    return replace(line, change=found.effect, low=found.low, high=found.high, shift=found, p=found.p,
                   detectable=found.mde, method=BY_DAYS)  # fmt: skip


def rate_line(
    line: Line, pair: tuple[list[Day], list[Day]], rho: float | None, margins: Margins,
    units: tuple[int, int] | None, hit: tuple[int, int] | None,
) -> Line:  # fmt: skip
    """A share of requests: by days, or exact on sessions where events are few or windows short.

    Args:
        units: sessions and lone requests of each window; hit: those of them in which something happened.
    """
    line = points_line(replace(line, change_unit="share"), pair, rho)
    if line.before is None or line.after is None:
        return line
    line = replace(line, margin=margins.rate(line.before))
    events = [int(sum(day.total for day in side)) for side in pair]
    if line.shift is not None and min(events) >= RARE_EVENTS:
        return line
    if min(line.days) < FEWEST_DAYS_EXACT or min(line.n) < FEWEST_ROWS:
        return line
    exact = exact_line(line, (events[0], events[1]), units, hit)
    return exact if exact.shift else unlike_days(exact)


def exact_line(line: Line, events: tuple[int, int], units: tuple[int, int] | None, hit: tuple[int, int] | None) -> Line:
    """A share by exact methods, on sessions with an event where the log has sessions."""
    of, n = (hit, units) if units is not None and hit is not None else (events, line.n)
    hits = min(of[0], n[0]), min(of[1], n[1])
    shares = line.before or 0.0, line.after or 0.0
    worth = tuple(min(a, b) for a, b in zip(n, line.n, strict=True))
    scaled = (shares[0] * worth[0], shares[1] * worth[1])
    seen = detectable_rate(shares[0] or at_most(worth[0]) or 0.0, (worth[0], worth[1]))
    wide, equal = newcombe(scaled, (worth[0], worth[1])), newcombe(scaled, (worth[0], worth[1]), 0.90)
    return replace(
        line, p=two_rates(hits, n).p, method=EXACT, change=shares[1] - shares[0], effect=shares[1] - shares[0],
        low=wide[0] if wide else None, high=wide[1] if wide else None, equivalence=equal, detectable=seen,
    )  # fmt: skip


def unlike_days(line: Line) -> Line:
    """A share of a window too short for weeks, no surer than its days are alike: the larger p, the wider interval.

    An incident makes many events of one cause: of sessions alone, 24 to 45 of 100 rates of two weeks in which nothing
    changed would have (30,000 requests a week, incident days). Method: t between the daily shares, df of the shorter
    window, so that whole days are what is independent.
    """
    first, last = ([day.total / day.n for day in usable(side)] for side in line.series)
    days = block_t(first, last)
    if days.se <= 0 or line.effect is None or line.p is None:
        return line
    (reach, equal), at = (days.reach(0.95), days.reach(0.90)), line.effect
    return replace(
        line, p=max(line.p, two_sided(at / days.se, days.df)), method=SHORT,
        low=None if line.low is None else max(min(line.low, at - reach), -1.0),
        high=None if line.high is None else min(max(line.high, at + reach), 1.0),
        equivalence=line.equivalence and (min(line.equivalence[0], at - equal), max(line.equivalence[1], at + equal)),
        detectable=max(line.detectable or 0.0, days.detectable),
    )  # fmt: skip


def tail_line(
    line: Line, tail: str, pair: tuple[list[Day], list[Day]], rho: float | None, quantiles: Quantiles, word: str
) -> Line:
    """A quantile: the share of requests over the earlier one is what is tested, its change is what is shown."""
    first, last = pair
    q = TAILS[tail]
    line = counted(line, first, last)
    old, new = quantiles.get((BEFORE, line.slot, word)), quantiles.get((AFTER, line.slot, word))
    at = GRID.index(q)
    line = replace(line, before=old[at] if old else None, after=new[at] if new else None)
    if old is None or new is None or old[at] <= 0 or new[at] <= 0 or min(line.n) < FEWEST_FOR_TAIL[tail]:
        return line
    line = replace(line, change=new[at] / old[at] - 1, crude=new[at] / old[at] - 1)
    found = shift(first, last, rho=rho)
    if found is None:
        return line
    low, high = (between(new, p) for p in quantile_bounds(q, found))
    equal = (found.equivalence_high - found.equivalence_low) / 2
    ends = between(new, q - equal), between(new, q + equal)
    mde = between(new, min(q + (found.mde or 0), 1.0))
    on_logs = [log(end / old[at]) if end else (-inf, inf)[i] for i, end in enumerate(ends)]
    scaled = replace(found, effect=log(new[at] / old[at]), equivalence_low=on_logs[0], equivalence_high=on_logs[1])
    return replace(
        line, low=low / old[at] - 1 if low else None, high=high / old[at] - 1 if high else None, shift=scaled,
        p=found.p, detectable=mde / new[at] - 1 if mde else None, method=BY_DAYS,
    )  # fmt: skip


def between(figures: Sequence[float], p: float | None) -> float | None:
    """The quantile p from those of GRID, linear in the logarithm; None outside of it."""
    if p is None or not GRID[0] <= p <= GRID[-1]:
        return None
    i = max(j for j in range(len(GRID)) if GRID[j] <= p)
    if i == len(GRID) - 1 or figures[i] <= 0:
        return figures[i]
    along = (p - GRID[i]) / (GRID[i + 1] - GRID[i])
    return float(figures[i] ** (1 - along) * figures[i + 1] ** along)
