"""What is said of each line: q over the whole report, one of the verdicts, which way it went, and since when."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmscope.analyses._drift_lines import EXACT, SHORT, STEPPED, Line, level_line, mean_line, points_line
from llmscope.result import TOO_FEW
from llmscope.stats.changes import Change, changes, weekday_adjusted, without_spikes
from llmscope.stats.daily import FEWEST_ROWS, Day, Shift, shift
from llmscope.stats.families import benjamini_hochberg, benjamini_yekutieli
from llmscope.stats.verdicts import DRIFT, FEWEST_SESSIONS, INCONCLUSIVE, LEVEL, SMALL, judged, verdict

# Days in both windows together from which a change of level can be dated.
FEWEST_DAYS_FOR_CHANGE = 15
# An odd day is one by this factor at least.
ODD_FACTOR = 1.5
# q under which a step counts: its week test is of a day that was searched for, and so no test of its own any more.
LEVEL_OF_STEP = 0.01
BUILD = {"level": level_line, "mean": mean_line, "points": points_line}


@dataclass(frozen=True, slots=True)
class Step:
    """A new level that began on `date` in the later window and lasts to its end; p allows for the search for that day.

    split: the shift between all days before that day and all since. p: the larger of the two tests' of it.
    """

    date: datetime.date
    pair: tuple[list[Day], list[Day]]
    split: Shift
    p: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with what is said of it; the line is that of the step where the verdict is."""

    line: Line
    said: str
    q: float | None
    began: datetime.date | None = None


def judge(lines: Sequence[Line], dependent: bool) -> tuple[list[Judged], int]:
    """Each line with its verdict, and how many tests there were: the windows' and the steps'.

    The level of the windows is tested first. A level that changed late in the later window has little part in its mean,
    and makes its weeks unlike each other; so the days are searched for one such step as well, under the same family.
    """
    dated = [(line, found_changes(line)) for line in lines]
    steps = [step_of(line, found) for line, found in dated]
    ps = [line.p for line in lines if line.p is not None]
    of_steps = [step.p if step else 1.0 for line, step in zip(lines, steps, strict=True) if searched(line)]
    family = benjamini_yekutieli if dependent else benjamini_hochberg
    qs = family([*ps, *of_steps])
    q_windows, q_steps = iter(qs[: len(ps)]), iter(qs[len(ps) :])
    made = []
    for (line, found), step in zip(dated, steps, strict=True):
        q = next(q_windows) if line.p is not None else None
        q_step = next(q_steps) if searched(line) else None
        made.append(judged_line(line, q, found, step, q_step))
    return made, len(qs)


def judged_line(
    line: Line, q: float | None, found: Sequence[tuple[datetime.date, Change]], step: Step | None, q_step: float | None
) -> Judged:
    """By the windows; where these say nothing real, by a step that is surely there and beyond the margin."""
    said = verdict_of(line, q)
    if said in (DRIFT, SMALL):
        return Judged(line, said, q, began(line, found))
    if step is None or q_step is None or q_step > LEVEL_OF_STEP or said == TOO_FEW:
        return Judged(line, said, q)
    stepped = at_step(line, step)
    if verdict_of(stepped, q_step) == DRIFT:
        return Judged(stepped, DRIFT, q_step, step.date)
    return Judged(line, said, q)


def verdict_of(line: Line, q: float | None) -> str:
    """By both keys; of a rare rate the exact test is the first, and weeks are the second where there are enough."""
    if min(line.n) < FEWEST_ROWS or line.p is None:
        return TOO_FEW
    if line.method not in (EXACT, SHORT):
        return verdict(line.shift, q, line.margin, line.units)
    fewest = min(line.n) if line.units is None else min(line.units, *line.n)
    if fewest < FEWEST_SESSIONS or line.effect is None or line.equivalence is None:
        return INCONCLUSIVE
    weeks = line.shift.p_weeks if line.shift else None
    real = q is not None and q <= LEVEL and (weeks is None or weeks <= LEVEL)
    return judged(real, line.effect, line.equivalence, line.margin)


def searched(line: Line) -> bool:
    """Whether a line's days are looked through for a step; a quantile's are not, as its typical level's are."""
    return line.shift is not None and bool(line.kind)


def found_changes(line: Line) -> list[tuple[datetime.date, Change]]:
    """When the daily level changed, over both windows together, odd days and weekdays taken out."""
    days = sorted((day for side in line.series for day in side if day.n), key=lambda day: day.date)
    if line.shift is None or len(days) < FEWEST_DAYS_FOR_CHANGE:
        return []
    values, counts = [day.total / day.n for day in days], [day.n for day in days]
    flat = weekday_adjusted(values, [day.date.weekday() for day in days], counts)
    level, _ = without_spikes(flat)
    return [(days[one.place].date, one) for one in changes(level, counts)]


def began(line: Line, found: Sequence[tuple[datetime.date, Change]]) -> datetime.date | None:
    """The day from which the level was another; None where no one day can be named, as for a slow rise."""
    if line.shift is None:
        return None
    first, last = (sum(d.total for d in side) / max(sum(d.n for d in side), 1) for side in line.series)
    same = [(date, one) for date, one in found if (one.shift.difference > 0) == (last > first) and not one.gradual]
    return max(same, key=lambda pair: abs(pair[1].shift.difference))[0] if same else None


def step_of(line: Line, found: Sequence[tuple[datetime.date, Change]]) -> Step | None:
    """The last change, where it lies in the later window and both tests can be made of the days before and since."""
    days = sorted((day for side in line.series for day in side if day.n), key=lambda day: day.date)
    later = {day.date for day in line.series[1]}
    if not searched(line) or not found or found[-1][0] not in later or found[-1][1].gradual:
        return None
    date, change = found[-1]
    pair = [day for day in days if day.date < date], [day for day in days if day.date >= date]
    split = shift(*pair)
    if split is None or split.p_weeks is None:
        return None
    return Step(date, pair, split, max(split.p, change.p))


def at_step(line: Line, step: Step) -> Line:
    """The line with the figures of the days before and since the step."""
    moved = replace(line, method=STEPPED, p=step.p)
    if line.kind in BUILD:
        built = BUILD[line.kind](replace(line, change_unit=line.change_unit), step.pair, None)
        unknown = (None, None) if line.shown else None
        return replace(built, method=STEPPED, p=step.p, effect=None, shown=unknown)
    # Of a mix, the category that moved most; how much of the traffic moved is what the windows say.
    large = max(abs(step.split.effect), 0.0)
    return replace(moved, shift=replace(step.split, effect=large), units=line.units)


def direction(line: Line, said: str) -> str | None:
    """Better or worse where a metric has a good end; of what is real only."""
    if said not in (DRIFT, SMALL) or line.change is None or line.change_unit == "moved" or not line.change:
        return None
    if not line.better:
        return "neither"
    return "better" if (line.change > 0) == (line.better > 0) else "worse"


def odd_days(days: Sequence[Day]) -> list[tuple[datetime.date, float, float]]:
    """Days far above those around them: the day, its figure and what is usual on such a day."""
    known = sorted((day for day in days if day.n), key=lambda day: day.date)
    if len(known) < FEWEST_DAYS_FOR_CHANGE:
        return []
    values = [day.total / day.n for day in known]
    flat = weekday_adjusted(values, [day.date.weekday() for day in known], [1.0] * len(known))
    level, odd = without_spikes(flat)
    found = []
    for place in odd:
        usual = values[place] - flat[place] + level[place]
        if usual > 0 and values[place] / usual >= ODD_FACTOR:
            found.append((known[place].date, values[place], usual))
    return found
