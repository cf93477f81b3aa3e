"""`tokens --trend`: tokens a request over time, the day a level changed, its cause, quality beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices, _tokens_counted
from llmscope.analyses._tokens_asked import Asked
from llmscope.analyses._tokens_counted import many
from llmscope.analyses._tokens_trend_cause import Candidate, Search, Told, search, step_cells, told
from llmscope.analyses._tokens_trend_days import FEWEST_DAYS, FEWEST_REQUESTS, Days, Slope, Step, slope, steps
from llmscope.analyses._tokens_trend_read import MOST_SLICES, Key, Metric, Reading, metric_of
from llmscope.analyses._tokens_trend_words import MARGIN_RATIO, finding_of, named, real, verdict
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Finding, Result, Series
from llmscope.stats.families import benjamini_hochberg

if TYPE_CHECKING:
    from llmscope.schema import Dimension

OVER = ("day", "week")
# The slope of a log of as many days or more is that of its weekly medians.
WEEKLY_FROM_DAYS = 182
MOST_LINES = MOST_FINDINGS = 5
MEASURES = (
    Column("requests", "count", "n"),
    Column("tokens_per_request", "tokens"),
    Column("verdict", "text"),
    Column("weekly_slope_ratio", "ratio"),
    Column("weekly_slope_low_ratio", "ratio", "low", "weekly_slope_ratio", optional=True),
    Column("weekly_slope_high_ratio", "ratio", "high", "weekly_slope_ratio", optional=True),
    Column("changed_on", "time"),
    Column("change_ratio", "ratio"),
    Column("change_low_ratio", "ratio", "low", "change_ratio", optional=True),
    Column("change_high_ratio", "ratio", "high", "change_ratio", optional=True),
    Column("before_tokens", "tokens", optional=True),
    Column("after_tokens", "tokens", optional=True),
    Column("days", "count", "n", optional=True),
    Column("changed_on_low", "time", optional=True),
    Column("changed_on_high", "time", optional=True),
    Column("slope_p", "rate", optional=True),
    Column("slope_q", "rate", optional=True),
    Column("change_q", "rate", optional=True),
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Tested:
    """What was tested, all of it one family: the slope of each slice, and its level for changes; q of each."""

    slopes: Mapping[Key, Slope | None]
    steps: Mapping[Key, tuple[Step, ...]]
    inner: Mapping[Key, tuple[Step, ...]]
    tests: int
    slope_q: Mapping[Key, float]
    step_q: Mapping[int, float]

    def changes(self, key: Key) -> list[Candidate]:
        """The real changes of one slice."""
        return self.real(key, self.steps[key])

    def real(self, key: Key, found: Sequence[Step]) -> list[Candidate]:
        return [Candidate(key, s, self.step_q[id(s)]) for s in found if real(s, self.step_q[id(s)])]

    @property
    def every(self) -> list[Candidate]:
        """Of all requests, features and templates; the widest last, so that the narrowest explains."""
        inner = [c for key in sorted(self.inner, key=lambda k: (-len(k), repr(k))) for c in
                 self.real(key, self.inner[key])]  # fmt: skip
        return [*inner, *(c for key in self.steps for c in self.changes(key))]


def answer(asked: Asked) -> Result:
    """A row a slice with slope, verdict and the largest change of its level; without --by also where and why."""
    metric, groups = metric_of(asked.metric), grouped(asked)
    columns = (*_slices.columns_of(groups), *MEASURES)
    if asked.sort and asked.sort not in {c.name for c in columns}:
        raise unknown_name("column", asked.sort, [c.name for c in columns])
    back = _counted.included(asked.include)
    seen = _tokens_counted.overview(asked.logs, back)
    reading = Reading(asked.logs, metric, _tokens_counted.condition(back))
    daily, beyond = reading.slices(groups, "day")
    over = asked.over or (
        "week" if max((len(d.days) for d in daily.values()), default=0) >= WEEKLY_FROM_DAYS else "day"
    )
    periods = daily if over == "day" else reading.slices(groups, over)[0]
    inner = search(reading, daily[()]) if daily and not groups else Search()
    tested = family(daily, periods, over, inner)
    rows = [row_of(key, groups, daily[key], tested) for key in daily]
    rows = _slices.ordered(rows, groups, asked.sort or "requests", None)
    kept = rows[: asked.top] if asked.top and groups else rows
    said = (
        told(reading, inner, tested.every) if not groups else Told({}, sliced_findings(daily, groups, metric, tested))
    )
    small = [
        *method(over, tested, daily, len(said.findings)),
        *unseen(daily, groups, beyond + inner.beyond, len(rows) - len(kept)),
        *missing(seen, daily, metric, groups),
        *_tokens_counted.notes(seen),
    ]
    return Result(
        "tokens",
        columns,
        tuple(kept),
        parts=said.parts,
        series=lines(periods, metric, groups, kept),
        findings=said.findings,
        notes=tuple(small),
        coverage=Coverage(requests=_tokens_counted.requests_of(seen)),
    )


def grouped(asked: Asked) -> tuple[Dimension, ...]:
    """The dimensions of --by.

    Raises:
        UsageError: --over is neither day nor week, or --by names a bucket of time.
    """
    from llmscope.schema import BUCKETS

    if asked.over is not None and asked.over not in OVER:
        if asked.over in BUCKETS:
            raise UsageError(f"--trend goes by day or week, not by {asked.over}")
        raise unknown_name("bucket", asked.over, OVER)
    groups = _slices.grouping(asked.by, None)
    for one in groups:
        if one.word in BUCKETS:
            raise UsageError(f"--trend and --by {one.word} are both over time", hint="--over day or --over week")
    return groups


def family(daily: Mapping[Key, Days], periods: Mapping[Key, Days], over: str, inner: Search) -> Tested:
    """Every test of the answer, and Benjamini & Hochberg's q of each; a slice without a change counts as tested."""
    slopes = {key: slope(periods[key], over) if key in periods else None for key in daily}
    found = {key: steps(days) for key, days in daily.items()}
    moved = [step for of in (*found.values(), *inner.steps.values()) for step in of]
    sloped = [key for key, one in slopes.items() if one is not None]
    ps = [one.p for one in slopes.values() if one is not None] + [step.p for step in moved]
    tests = max(len(sloped) + sum(days.enough for days in daily.values()) + inner.searched, len(ps))
    qs = benjamini_hochberg(ps, tests)
    return Tested(
        slopes, found, inner.steps, tests, dict(zip(sloped, qs, strict=False)),
        {id(step): q for step, q in zip(moved, qs[len(sloped) :], strict=True)},
    )  # fmt: skip


def row_of(key: Key, groups: Sequence[Dimension], days: Days, tested: Tested) -> Row:
    """A slice's row; of several changes of level the largest, the others stand in the findings or under --over."""
    line, q, found = tested.slopes[key], tested.slope_q.get(key), tested.changes(key)
    largest = max(found, key=lambda c: abs(c.step.ratio), default=None)
    return {
        **{d.word: value for d, value in zip(groups, key, strict=True)},
        "requests": days.n, "days": len(days.days), "tokens_per_request": days.mean,
        "verdict": verdict(line, 1.0 if q is None else q, [c.step for c in found]),
        "weekly_slope_ratio": line and line.ratio, "weekly_slope_low_ratio": line and line.low,
        "weekly_slope_high_ratio": line and line.high, "slope_p": line and line.p, "slope_q": q,
        **step_cells(largest.step if largest else None), "change_q": largest.q if largest else None,
    }  # fmt: skip


def sliced_findings(
    daily: Mapping[Key, Days], groups: Sequence[Dimension], metric: Metric, tested: Tested
) -> tuple[Finding, ...]:
    """With --by: the changes that moved the most tokens."""
    found = [c for key in daily for c in tested.changes(key)]

    def size(c: Candidate) -> float:
        days = daily[c.key]
        after = sum(n for day, n in zip(days.days, days.requests, strict=True) if day in set(c.step.after))
        return abs(c.step.after_tokens - c.step.before_tokens) * after

    def name(key: Key) -> str:
        return ", ".join(f"{d.word} {named(value)}" for d, value in zip(groups, key, strict=True))

    largest = sorted(found, key=size, reverse=True)[:MOST_FINDINGS]
    words = [d.word for d in groups]
    return tuple(finding_of(name(c.key), metric, c.step, dict(zip(words, c.key, strict=True))) for c in largest)


def lines(
    periods: Mapping[Key, Days], metric: Metric, groups: Sequence[Dimension], rows: Sequence[Row]
) -> tuple[Series, ...]:
    """Tokens a request over time: of all, or of the first slices; a period without requests is a gap."""
    xs = tuple(sorted({day for days in periods.values() for day in days.days}))
    found = []
    for row in rows[:MOST_LINES]:
        days = periods.get(tuple(row[d.word] for d in groups))
        if days is None or len(xs) < 2:
            continue
        known = {d: t / n for d, t, n in zip(days.days, days.tokens, days.requests, strict=True)}
        name = ", ".join(named(row[d.word]) for d in groups) or f"{metric.title.lower()} a request"
        found.append(Series(name, xs, tuple(known.get(x) for x in xs), "tokens"))
    return tuple(found)


def method(over: str, tested: Tested, daily: Mapping[Key, Days], found: int) -> list[str]:
    """How the figures were come by, and what they cannot show."""
    if not daily or not tested.tests:
        return []
    weekday = ", weekdays taken out" if over == "day" else ""
    notes = [
        f"slope: Theil-Sen of {'daily' if over == 'day' else 'weekly'} medians{weekday}, p by Mann-Kendall on the "
        "pre-whitened series; change of level: PELT on daily means, a level lasting a week or more; of logarithms, "
        "except where requests are very unlike each other; 95 % intervals",
        f"{many(tested.tests, 'test')} in one family: q by Benjamini & Hochberg, a change is named at q <= 0.05 and "
        f"{100 * MARGIN_RATIO:.0f} % or more",
    ]
    if not found:
        notes.append("no change of level was found")
    return notes


def unseen(daily: Mapping[Key, Days], groups: Sequence[Dimension], beyond: int, cut: int) -> list[str]:
    """Slices of which nothing can be said, or nothing is shown."""
    few = sum(not days.enough for days in daily.values())
    notes = []
    if few:
        who = f"{many(few, 'slice')} of {len(daily):,} have" if groups else "there are"
        notes.append(f"{who} fewer than {FEWEST_REQUESTS} requests or {FEWEST_DAYS} days: no change of level is sought")
    if beyond:
        notes.append(f"the largest {MOST_SLICES} slices are looked at; {many(beyond, 'smaller one')} are not: --where")
    if cut:
        notes.append(f"{many(cut, 'more slice')} not shown (--top)")
    return notes


def missing(
    seen: Mapping[str | None, Row], daily: Mapping[Key, Days], metric: Metric, groups: Sequence[Dimension]
) -> list[str]:
    """Requests with usage that do not report these tokens, or have no time."""
    counted = seen.get(None)
    if not counted:
        return []
    notes = []
    if counted["timeless"]:
        notes.append(f"{many(counted['timeless'])} have no time and are in no trend; --map started_at=KEY")
    lacking = counted["with_usage"] - counted["timeless"] - sum(days.n for days in daily.values())
    if lacking > 0 and not groups:
        notes.append(f"{many(lacking)} with usage do not report {metric.title.lower()}: unknown, not 0")
    return notes
