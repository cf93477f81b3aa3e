"""Which time a report is of: what was asked, else the last whole month, week or day of the log, else all of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from llmscope.errors import UsageError
from llmscope.report.template import Frame
from llmscope.result import Window
from llmscope.windows import MONTHS, midnight, months_on, next_day, utc, window_of, zone

Span = tuple[datetime, datetime]


def asked_window(month: str | None, since: str | None, until: str | None, tz: str) -> Window:
    """The window of --month, or of --since and --until; without ends where none is asked for.

    Raises:
        UsageError: a month beside other ends, or what is no month.
    """
    if month is None:
        return window_of(since, until, tz)
    if since or until:
        raise UsageError("--month does not go with --since and --until")
    parts = month.strip().split("-")
    if len(parts) != 2 or not all(part.isdigit() for part in parts) or len(parts[0]) != 4:
        raise UsageError(f"--month {month!r} is not a month", hint="for example --month 2026-10")
    if not 1 <= int(parts[1]) <= MONTHS:
        raise UsageError(f"--month {month!r} is not a month", hint="01 to 12")
    return window_of(month.strip(), month.strip(), tz)


def whole(frame: Frame, first: datetime | None, last: datetime | None, tz: str) -> Window:
    """The last whole month, week or day between the first and the last request; all days where there is none."""
    if first is None or last is None:
        return Window(tz=tz)
    place = zone(tz)
    begins, ends = midnight(first, place), next_day(midnight(last, place))
    found = last_of(frame, begins, ends)
    since, until = found if found and found[0] >= begins else (begins, ends)
    return Window(utc(since), utc(until), tz)


def last_of(frame: Frame, begins: datetime, ends: datetime) -> Span | None:
    """The last month, ISO week or day that ends by `ends`, wherever it begins."""
    if frame == "month":
        until = ends.replace(day=1)
        return months_on(until, -1), until
    if frame == "week":
        until = ends - timedelta(days=ends.weekday())
        return until - timedelta(weeks=1), until
    return (ends - timedelta(days=1), ends) if frame == "day" else None
