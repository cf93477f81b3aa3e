"""What moved, day by day: a line each for a plot, over both windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import exp

from llmscope.analyses._drift_asked import Seen
from llmscope.analyses._drift_verdicts import Judged
from llmscope.analyses._drift_words import of
from llmscope.result import Kind, Series
from llmscope.stats.verdicts import DRIFT

MOST_LINES, FEWEST_DAYS = 5, 3
KINDS: dict[str, Kind] = {"ms": "ms", "usd": "usd", "usd_per_day": "usd", "tokens": "tokens", "share": "ratio"}
# What a day's mean is on the figure's own scale; a quantile's days hold shares above a limit, and are left out.
SCALES: dict[str, Callable[[float], float]] = {"level": exp, "mean": float, "points": float}


def series(found: Sequence[Judged], seen: Seen) -> tuple[Series, ...]:
    """The first few that moved, as they stand in the table."""
    dates = [date for window in seen.windows.dates for date in window]
    moved = [one for one in found if one.said == DRIFT and one.line.kind in SCALES and "_p" not in one.line.metric]
    return tuple(line_of(one, seen, dates) for one in moved[:MOST_LINES]) if len(dates) >= FEWEST_DAYS else ()


def line_of(one: Judged, seen: Seen, dates: Sequence[object]) -> Series:
    """One figure's days; a day without a row is a gap."""
    line, key = one.line, seen.key(one.line.slot)
    scale = SCALES[line.kind]
    known = {day.date: scale(day.total / day.n) for day in chain(*line.series) if day.n}
    name = line.said + of(key)
    xs = tuple(dict.fromkeys(str(date) for date in dates))
    ys = {str(date): value for date, value in known.items()}
    return Series(name, xs, tuple(ys.get(x) for x in xs), KINDS.get(line.unit, "rate"))
