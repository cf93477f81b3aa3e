"""A line for each class of failure, and for each silent one: how many, how often, since when, whether it grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _slices
from llmscope.analyses._errors_rows import CLASS, JUDGED, SILENT, TOLD, Row, rate, rate_columns
from llmscope.analyses._errors_trend import bucket_for, halves, spans_text, trend
from llmscope.result import Column, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

SQL = f"""
SELECT {{dimensions}}
    {CLASS} AS class,
    count(*) FILTER (WHERE {JUDGED}) AS judged,
    min(started_at) FILTER (WHERE {JUDGED}) AS first_at,
    max(started_at) FILTER (WHERE {JUDGED}) AS last_at
FROM requests
GROUP BY ALL
"""
_COUNTED = ",\n    ".join(
    f"count(*) FILTER (WHERE {TOLD[kind]}) AS {kind}_told, count(*) FILTER (WHERE {hit}) AS {kind}_hits, "
    f"min(started_at) FILTER (WHERE {hit}) AS {kind}_first, max(started_at) FILTER (WHERE {hit}) AS {kind}_last"
    for kind, hit in SILENT.items()
)
SILENT_SQL = f"""
SELECT {{dimensions}}
    {_COUNTED}
FROM requests
GROUP BY ALL
"""
SEEN = (
    Column("trend", "text"),
    Column("first_seen", "time", "time"),
    Column("last_seen", "time", "time"),
    Column("change_ratio", "ratio", optional=True),
    Column("change_low_ratio", "ratio", "low", "change_ratio", optional=True),
    Column("change_high_ratio", "ratio", "high", "change_ratio", optional=True),
)
CLASS_COLUMNS = (
    Column("class", "text", "dimension"), Column("errors", "count"), Column("share_ratio", "ratio"),
    *rate_columns("error_rate"), *SEEN,
)  # fmt: skip
SILENT_COLUMNS = (
    Column("failure", "text", "dimension"), Column("answers", "count"), Column("failures", "count"),
    *rate_columns("failure_rate"), *SEEN,
)  # fmt: skip


@dataclass
class Tally:
    """One kind of failure over time: of how many, how many, by bucket; when first and last."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    hits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    n: int = 0
    total: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, bucket: str | None, hits: int, first: datetime | None, last: datetime | None) -> None:
        self.total += hits
        if bucket is not None:
            self.hits[bucket] += hits
        self.first = min(filter(None, (self.first, first)), default=None)
        self.last = max(filter(None, (self.last, last)), default=None)


@dataclass(frozen=True)
class Classes:
    """The two tables, and what their trends compare."""

    parts: Mapping[str, Part]
    notes: tuple[str, ...]


def classes(logs: Logs, first: datetime | None, last: datetime | None, silent: bool) -> Classes:
    """The classes of failure, most frequent first; with `silent` also what failed under a status of ok."""
    from llmscope.schema import dimension

    bucket = bucket_for(first, last)
    by = (dimension(bucket),)
    rows = logs.query(SQL, by=by)
    buckets = sorted({row[bucket] for row in rows if row[bucket] is not None})
    every = _slices.buckets_between(buckets[0], buckets[-1], bucket) if buckets else []
    earlier, later = halves(every, bucket)
    found = failures(rows, bucket)
    parts = {"classes": class_part(found, earlier, later)}
    if silent:
        kinds = silent_tallies(logs.query(SILENT_SQL, by=by), bucket)
        parts["silent"] = Part(SILENT_COLUMNS, tuple(
            {"failure": kind, "answers": t.n, "failures": t.total, **rate("failure_rate", t.total, t.n),
             **seen(t, earlier, later, len(kinds))}
            for kind, t in kinds.items()
        ))  # fmt: skip
    told = bool(found or silent) and bool(earlier)
    notes = (f"trend: {spans_text(earlier, later, bucket)}, 95 % for all lines of a table together",) if told else ()
    return Classes(parts, notes)


def class_part(found: Mapping[str, Tally], earlier: Sequence[str], later: Sequence[str]) -> Part:
    """The classes, most frequent first, and all of them together."""
    errors = sum(tally.total for tally in found.values())
    rows = [
        {"class": name, "errors": tally.total, "share_ratio": tally.total / errors,
         **rate("error_rate", tally.total, tally.n), **seen(tally, earlier, later, len(found))}
        for name, tally in sorted(found.items(), key=lambda pair: (-pair[1].total, pair[0]))
    ]  # fmt: skip
    if len(rows) < 2:
        return Part(CLASS_COLUMNS, tuple(rows))
    whole = together(list(found.values()))
    totals = {"errors": errors, **rate("error_rate", errors, whole.n), **seen(whole, earlier, later, 1)}
    return Part(CLASS_COLUMNS, tuple(rows), totals)


def together(tallies: Sequence[Tally]) -> Tally:
    """All classes as one: a request has one class, so they add up."""
    whole = Tally(counts=tallies[0].counts, n=tallies[0].n)
    for tally in tallies:
        whole.add(None, tally.total, tally.first, tally.last)
        for bucket, hits in tally.hits.items():
            whole.hits[bucket] += hits
    return whole


def failures(rows: Sequence[Row], bucket: str) -> dict[str, Tally]:
    """The classes there are; each is a share of all requests of which it is known whether they failed."""
    counts: dict[str, int] = defaultdict(int)
    found: dict[str, Tally] = {}
    for row in rows:
        if row[bucket] is not None:
            counts[row[bucket]] += row["judged"]
        if row["class"] is not None:
            found.setdefault(row["class"], Tally()).add(row[bucket], row["judged"], row["first_at"], row["last_at"])
    judged = sum(row["judged"] for row in rows)
    for tally in found.values():
        tally.counts, tally.n = counts, judged
    return found


def silent_tallies(rows: Sequence[Row], bucket: str) -> dict[str, Tally]:
    """The kinds of silent failure, each a share of the answers that can tell it."""
    found = {kind: Tally() for kind in SILENT}
    for row in rows:
        for kind, tally in found.items():
            tally.n += row[f"{kind}_told"]
            if row[bucket] is not None:
                tally.counts[row[bucket]] += row[f"{kind}_told"]
            tally.add(row[bucket], row[f"{kind}_hits"], row[f"{kind}_first"], row[f"{kind}_last"])
    return found


def seen(tally: Tally, earlier: Sequence[str], later: Sequence[str], tests: int) -> dict[str, Any]:
    """When first, when last, and whether it grows."""
    moved = trend(earlier, later, tally.counts, tally.hits, tests)
    return {
        "first_seen": whole_second(tally.first), "last_seen": whole_second(tally.last), "trend": moved.word,
        "change_ratio": moved.change_ratio, "change_low_ratio": moved.low_ratio, "change_high_ratio": moved.high_ratio,
    }  # fmt: skip


def whole_second(moment: datetime | None) -> datetime | None:
    """A time to be read, not to be looked up."""
    return moment.replace(microsecond=0) if moment else None
