"""`--since` and `--until`: dates, months, spans and words, as a half-open window in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from llmscope.errors import UsageError
from llmscope.result import Window

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MONTHS = 12
EXAMPLES = "for example 2026-09-14, 2026-09, 2026-09-14T13:00, 7d, 12h, yesterday"


def zone(name: str) -> ZoneInfo:
    """An IANA time zone.

    Raises:
        UsageError: there is none of that name; the nearest is in the hint.
    """
    from zoneinfo import available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        from llmscope.errors import nearest

        close = nearest(name, available_timezones())
        raise UsageError(f"unknown time zone {name!r}", hint=f"did you mean {close[0]}?" if close else None) from error


def window_of(since: str | None, until: str | None, tz: str = "UTC", now: datetime | None = None) -> Window:
    """The window between two points as people write them.

    A month or a day as `until` means to its end. Spans count back from now.

    Raises:
        UsageError: a text is no time, or the window ends before it begins.
    """
    place, moment = zone(tz), now or datetime.now(UTC)
    try:
        start = point(since, place, moment, end=False) if since else None
        end = point(until, place, moment, end=True) if until else None
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since {since}, --until {until}: out of the range of dates", hint=EXAMPLES) from error
    if start and end and end <= start:
        raise UsageError(f"--until {until} is not after --since {since}")
    return Window(start, end, tz)


def point(text: str, place: ZoneInfo, now: datetime, end: bool) -> datetime:
    """One end of the window: naive UTC."""
    word = text.strip().lower()
    local = now.astimezone(place)
    today = datetime.combine(local.date(), time(), place)
    if span := re.fullmatch(r"(\d{1,5})([mhdw])", word):
        return utc(now - timedelta(**{UNITS[span[2]]: int(span[1])}))
    if word in ("today", "yesterday", "now"):
        day = {"today": today, "yesterday": today - timedelta(days=1), "now": local}[word]
        return utc(next_day(day) if end and word != "now" else day)
    if month := re.fullmatch(r"(\d{4})-(\d{2})", word):
        if not 1 <= int(month[2]) <= MONTHS:
            raise UsageError(f"{text!r} is not a month", hint=EXAMPLES)
        return utc(month_start(int(month[1]), int(month[2]) + end, place))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time", hint=EXAMPLES) from error
    whole_day = bool(re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", word))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=place)
    return utc(next_day(moment) if end and whole_day else moment)


def month_start(year: int, month: int, place: ZoneInfo) -> datetime:
    """The first moment of a month; month 13 is next January."""
    return datetime(year + (month - 1) // MONTHS, (month - 1) % MONTHS + 1, 1, tzinfo=place)


def next_day(moment: datetime) -> datetime:
    """The same wall-clock time a day later: a day of 23 or 25 hours counts as one."""
    return datetime.combine(moment.date() + timedelta(days=1), moment.timetz())


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
