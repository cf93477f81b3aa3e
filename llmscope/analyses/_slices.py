"""What analyses share about slices: sorting, the rest of --top as "other", and buckets in which nothing happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column

if TYPE_CHECKING:  # the vocabulary is read when a question is asked, not to show its options
    from llmscope.schema import Dimension

Row = dict[str, Any]
OTHER = "(other)"
MOST_FILLED = 10_000


def grouping(by: str | None, over: str | None) -> tuple[Dimension, ...]:
    """The dimensions of --by with the bucket of --over in front.

    Raises:
        UsageError: an unknown dimension, or a bucket named twice.
    """
    from llmscope.schema import BUCKETS, dimension, dimensions

    found = dimensions(by) if by else ()
    if over is None:
        return found
    if over not in BUCKETS:
        raise unknown_name("bucket", over, BUCKETS)
    if any(d.word == over for d in found):
        raise UsageError(f"--over {over} and --by {over} say the same twice")
    return (dimension(over), *found)


def columns_of(by: Sequence[Dimension]) -> tuple[Column, ...]:
    """The result's columns for the dimensions."""
    from llmscope.schema import BUCKETS

    return tuple(
        Column(d.word, "time" if d.word in BUCKETS else "text" if d.kind in ("list", "json") else d.kind,
               "time" if d.word in BUCKETS else "dimension")
        for d in by
    )  # fmt: skip


def ordered(rows: Sequence[Row], by: Sequence[Dimension], sort: str, over: str | None) -> list[Row]:
    """By bucket in time, then by `sort`, largest first and the unknown last, then by name: the same every time."""

    def key(row: Row) -> tuple[Any, ...]:
        value = row.get(sort)
        figure = isinstance(value, (int, float)) and not isinstance(value, bool)
        names = tuple((row[d.word] is None, str(row[d.word])) for d in by)
        bucket = (row[over] is None, str(row[over])) if over else ()
        if figure or value is None:
            return (bucket, value is None, -(value or 0), "", names)
        return (bucket, False, 0, str(value), names)

    return sorted(rows, key=key)


def top_keys(rows: Sequence[Row], by: Sequence[Dimension], top: int, weight: str) -> set[tuple[Any, ...]]:
    """The slices with the largest `weight`, over all buckets together."""
    totals: dict[tuple[Any, ...], float] = {}
    for row in rows:
        key = tuple(row[d.word] for d in by)
        totals[key] = totals.get(key, 0) + float(row.get(weight) or 0)
    names = sorted(totals, key=lambda k: (-totals[k], tuple((v is None, str(v)) for v in k)))
    return set(names[:top])


def buckets_between(first: str, last: str, bucket: str) -> list[str]:
    """Every bucket from first to last as people write them, empty ones too."""
    steps: dict[str, Callable[[datetime], datetime]] = {
        "hour": lambda d: d + timedelta(hours=1),
        "day": lambda d: d + timedelta(days=1),
        "week": lambda d: d + timedelta(weeks=1),
        "month": lambda d: (d.replace(day=1) + timedelta(days=32)).replace(day=1),
    }
    moment, end = start_of(first, bucket), start_of(last, bucket)
    found: list[str] = []
    while moment <= end and len(found) <= MOST_FILLED:
        found.append(written(moment, bucket))
        moment = steps[bucket](moment)
    return found


def start_of(text: str, bucket: str) -> datetime:
    """The moment a bucket begins."""
    if bucket == "week":
        year, week = text.split("-W")
        return datetime.combine(date.fromisocalendar(int(year), int(week), 1), datetime.min.time())
    return datetime.fromisoformat(text + "-01" if bucket == "month" else text)


def written(moment: datetime, bucket: str) -> str:
    """A bucket as people write it."""
    year, week, _ = moment.isocalendar()
    return {
        "hour": f"{moment:%Y-%m-%dT%H:00}",
        "day": f"{moment:%Y-%m-%d}",
        "week": f"{year}-W{week:02d}",
        "month": f"{moment:%Y-%m}",
    }[bucket]


def with_empty_buckets(rows: Sequence[Row], by: Sequence[Dimension], over: str, empty: Mapping[str, Any]) -> list[Row]:
    """The rows, and one row for every bucket between the first and the last in which nothing at all happened."""
    times = {row[over] for row in rows if row[over] is not None}
    if not times:
        return list(rows)
    missing = [t for t in buckets_between(min(times), max(times), over) if t not in times]
    unknown = {d.word: None for d in by}
    return [*rows, *({**unknown, over: bucket, **empty} for bucket in missing)]
