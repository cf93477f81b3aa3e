"""How many requests are in flight, from their starts and ends: a sweep in SQL, exact on ties, a row a level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _counted, _slices
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
Key = tuple[Any, ...]
# Whole microseconds since 1970: sums of them are exact, and the window's ends can be clipped to.
EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
FOREVER_US = 1 << 62
# What the concurrency of a request rests on: it reached a model, and its start and end are known.
REACHED = _counted.condition((), only=("cached",))
START = "date_diff('microsecond', TIMESTAMP '1970-01-01', started_at)"
# An end before its start is none; the latency is then asked. 1e12 ms are 31 years: more is no duration.
END = f"""CASE
            WHEN ended_at >= started_at THEN date_diff('microsecond', TIMESTAMP '1970-01-01', ended_at)
            WHEN latency_ms >= 0 AND latency_ms < 1e12 THEN {START} + CAST(round(1000 * latency_ms) AS BIGINT)
        END"""
# Slices are numbered: a running sum over twenty million moments sorts numbers in half the time of names.
# A request is in flight from its start until before its end, so that one ending as another starts does not overlap.
# One of no length is in flight at its own instant only: `still` adds it to the level there, and to no time.
# {words}: the dimensions' columns. {named}: their values. {same}: that two rows have the same.
# {relation}: requests, or priced.
MOMENTS = f"""
WITH every_one AS (
    SELECT {{dimensions}} {START} AS start_us,
        {END} AS end_us
    FROM {{relation}}
    WHERE started_at IS NOT NULL AND {REACHED}
), timed AS (
    SELECT {{words}} start_us, least(end_us, $until_us) AS end_us FROM every_one WHERE end_us IS NOT NULL
), named AS (
    {{named}}
), slices AS (
    SELECT *, CAST(row_number() OVER (ORDER BY {{words}} nothing) AS INTEGER) AS slice FROM named
), flying AS (
    SELECT slices.slice, timed.start_us, timed.end_us FROM timed JOIN slices ON {{same}}
), steps AS (
    SELECT 1 AS step UNION ALL SELECT -1 AS step
), moments AS (
    SELECT flying.slice,
        CASE WHEN steps.step = 1 THEN flying.start_us ELSE flying.end_us END AS at_us,
        CASE WHEN flying.end_us > flying.start_us THEN steps.step ELSE 0 END AS step,
        CASE WHEN flying.end_us > flying.start_us THEN 0 ELSE 1 END AS alone
    FROM flying CROSS JOIN steps
    WHERE flying.end_us > flying.start_us OR steps.step = 1
), levels AS (
    SELECT slice, at_us,
        sum(alone) OVER ({{partition}} ORDER BY at_us RANGE BETWEEN CURRENT ROW AND CURRENT ROW) AS still,
        sum(step) OVER ({{partition}} ORDER BY at_us RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS level,
        lead(at_us) OVER ({{partition}} ORDER BY at_us) AS next_us
    FROM moments
)"""
SQL = (
    MOMENTS
    + """, held AS (
    SELECT slice, level, still, sum(coalesce(next_us, at_us) - at_us) AS held_us, min(at_us) AS first_us
    FROM levels
    GROUP BY slice, level, still
)
SELECT {words} level, still, held_us, first_us FROM held JOIN slices ON held.slice = slices.slice
"""
)
# By bucket, in two steps: what stays inside a minute is added up first, since every bucket is made of whole minutes.
# A stretch that reaches from one bucket into a later one comes back as it is, at most one a bucket and slice.
# {bucket}, {later}: the bucket of a minute and of the minute in which its stretch ends.
OVER_SQL = (
    MOMENTS
    + """, stretches AS (
    SELECT slice, level, still, at_us, coalesce(next_us, at_us) AS next_us,
        coalesce(next_us, at_us) // 60000000 > at_us // 60000000 AS beyond
    FROM levels
), minutes AS (
    SELECT slice, at_us // 60000000 AS minute,
        CASE WHEN beyond THEN at_us END AS from_us,
        CASE WHEN beyond THEN next_us END AS to_us,
        CASE WHEN beyond THEN level END AS level,
        sum(level * (next_us - at_us)) AS busy_us,
        max(level + still) AS peak
    FROM stretches
    GROUP BY ALL
), placed AS (
    SELECT *,
        TIMESTAMP '1970-01-01' + INTERVAL 1 MINUTE * CAST(minute AS INTEGER) AS started_at,
        TIMESTAMP '1970-01-01' + INTERVAL 1 MINUTE * CAST(coalesce(to_us // 60000000, minute) AS INTEGER) AS ended_at
    FROM minutes
), bucketed AS (
    SELECT *, {bucket} AS bucket, {later} AS later FROM placed
), added AS (
    SELECT slice, bucket, later,
        CASE WHEN later <> bucket THEN from_us END AS from_us,
        CASE WHEN later <> bucket THEN to_us END AS to_us,
        CASE WHEN later <> bucket THEN level END AS level,
        sum(busy_us) AS busy_us, max(peak) AS peak
    FROM bucketed
    GROUP BY ALL
)
SELECT {words} bucket, later, from_us, to_us, level, busy_us, peak
FROM added JOIN slices ON added.slice = slices.slice
"""
)


@dataclass
class InFlight:
    """One slice's concurrency: microseconds at each level, their sum over requests, the peak and its first moment."""

    held_us: dict[int, int] = field(default_factory=dict)
    busy_us: int = 0
    peak: int = 0
    peak_us: int | None = None

    def reached(self, level: int, at_us: int | None) -> None:
        """The level was this high; the first moment of the highest is kept."""
        if level > self.peak:
            self.peak, self.peak_us = level, at_us
        elif level == self.peak and at_us is not None and (self.peak_us is None or at_us < self.peak_us):
            self.peak_us = at_us

    def mean(self, span_us: int) -> float | None:
        """Time-weighted over the span, idle time included."""
        return self.busy_us / span_us if span_us > 0 else None

    def quantile(self, q: float, span_us: int) -> int | None:
        """The least level that is not exceeded for at least a share q of the span's time."""
        if span_us <= 0:
            return None
        idle = span_us - sum(us for level, us in self.held_us.items() if level > 0)
        below = 0
        for level, us in sorted({**self.held_us, 0: max(idle, 0)}.items()):
            below += us
            if below >= q * span_us:
                return level
        return max(self.held_us, default=0)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a moment in UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(us: int | None) -> datetime | None:
    """The moment, naive UTC as everywhere; None beyond the calendar."""
    try:
        return None if us is None else EPOCH + timedelta(microseconds=int(us))
    except OverflowError:
        return None


def holes(by: Sequence[Dimension]) -> dict[str, str]:
    """What the SQL here says of the dimensions: their columns, that two rows have the same, and the partition."""
    words = [quoted(d.word) for d in by]
    return {
        "words": "".join(f"{word}, " for word in words),
        "same": " AND ".join(f"timed.{w} IS NOT DISTINCT FROM slices.{w}" for w in words) or "true",
        "partition": "PARTITION BY slice" if by else "",
        "relation": relation(by),
        "named": f"SELECT DISTINCT {', '.join(words)}, 0 AS nothing FROM timed" if by else "SELECT 0 AS nothing",
    }


def relation(by: Sequence[Dimension]) -> str:
    """Where the dimensions are: prices are looked up only where they are grouped by."""
    return "priced" if any(d.priced for d in by) else "requests"


def until_us(logs: Logs) -> int:
    """Where the window asked for ends; beyond everything where it does not."""
    return micros(logs.window.until) if logs.window.until else FOREVER_US


def key_of(row: Mapping[str, Any], by: Sequence[Dimension]) -> Key:
    return tuple(row[d.word] for d in by)


def in_flight(logs: Logs, by: Sequence[Dimension] = ()) -> dict[Key, InFlight]:
    """The concurrency of each slice; slices without any request of known end are not in it."""
    found: dict[Key, InFlight] = {}
    for row in logs.query(SQL, by=by, names=holes(by), until_us=until_us(logs)):
        one = found.setdefault(key_of(row, by), InFlight())
        level, held = int(row["level"]), int(row["held_us"])
        one.held_us[level] = one.held_us.get(level, 0) + held
        one.busy_us += level * held
        one.reached(level + int(row["still"]), int(row["first_us"]))
    return found


def in_flight_over(logs: Logs, by: Sequence[Dimension], bucket: Dimension) -> dict[Key, InFlight]:
    """The same inside each bucket: keys are (bucket, *slice). Time by level is not kept, nor when the peak was."""
    text = logs.dimension_sql(bucket, 0)
    names = {**holes(by), "bucket": text, "later": text.replace("started_at", "ended_at")}
    found: dict[Key, InFlight] = {}
    for row in logs.query(OVER_SQL, by=by, names=names, until_us=until_us(logs)):
        key = key_of(row, by)
        one = found.setdefault((row["bucket"], *key), InFlight())
        one.reached(int(row["peak"]), None)
        if row["level"] is None:
            one.busy_us += int(row["busy_us"])
            continue
        level, from_us, to_us = int(row["level"]), int(row["from_us"]), int(row["to_us"])
        for name, held in shared_out(row["bucket"], row["later"], from_us, to_us, bucket.word, logs.window.tz):
            if held and level:
                part = found.setdefault((name, *key), InFlight())
                part.busy_us += level * held
                part.reached(level, None)
    return found


def shared_out(first: str, last: str, from_us: int, to_us: int, bucket: str, tz: str) -> Iterable[tuple[str, int]]:
    """How much of one stretch lies in each bucket that it touches."""
    for name in _slices.buckets_between(first, last, bucket):
        start, end = bounds(name, bucket, tz)
        yield name, max(0, min(end, to_us) - max(start, from_us))


def bounds(name: str, bucket: str, tz: str) -> tuple[int, int]:
    """Where a bucket begins and ends, in microseconds UTC; a day of 25 hours is that long."""
    start = _slices.start_of(name, bucket)
    return utc_us(start, tz), utc_us(next_start(start, bucket), tz)


def next_start(start: datetime, bucket: str) -> datetime:
    """The wall-clock time at which the bucket after this one begins."""
    if bucket == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[bucket]


def utc_us(local: datetime, tz: str) -> int:
    """A wall-clock time of a zone."""
    if tz == "UTC":
        return micros(local)
    from zoneinfo import ZoneInfo

    return micros(local.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).replace(tzinfo=None))
