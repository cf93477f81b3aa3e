"""`--since` and `--until`: dates, months, spans and words, as a half-open window in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from llmscope.errors import UsageError
from llmscope.result import Window

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MONTHS = 12
WEEK = timedelta(weeks=1)
BASELINES = "for example 12w, 30d, 2026-09, 2026-08-01..2026-08-31"
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


def pair(
    asked: Window, baseline: str | None, first: datetime | None, last: datetime | None, now: datetime | None = None
) -> tuple[Window, Window]:
    """The two windows that a question about change compares: before and after.

    Args:
        asked: the window asked for, which is `after`; without a beginning, the last whole month of the log, else its
            later half.
        baseline: what `before` is, as a person wrote it; without it the month before a whole month, else the window of
            equal length with the same weekdays before `after`.
        first, last: the times of the log's first and last request; without any there is nothing to choose from, and
            both windows are without ends.

    Raises:
        UsageError: the baseline is none, or it does not end before `after` begins.
    """
    place, nothing = zone(asked.tz), Window(tz=asked.tz)
    if first is None or last is None:
        return nothing, nothing
    begins, ends = midnight(first, place), next_day(midnight(last, place))
    if ends - begins < timedelta(days=2):
        begins, ends = here(first, place), here(last, place) + timedelta(microseconds=1)
    if asked.until:
        ends = here(asked.until, place)
    if asked.since:
        start = here(asked.since, place)
        after = (start, max(ends, next_day(start)) if not asked.until else ends)
        before = span_before(after, begins)
    else:
        before, after = last_month(begins, ends) or later_half(begins, ends)
    if baseline:
        before = baseline_span(baseline, after[0], place, now or datetime.now(UTC))
    return tuple(Window(utc(since), utc(until), asked.tz) for since, until in (before, after))  # type: ignore[return-value]


Span = tuple[datetime, datetime]


def here(moment: datetime, place: ZoneInfo) -> datetime:
    """A moment of ours (naive UTC) on the clocks of a zone."""
    return moment.replace(tzinfo=UTC).astimezone(place)


def midnight(moment: datetime, place: ZoneInfo) -> datetime:
    """When the day of a moment of ours began there."""
    return datetime.combine(here(moment, place).date(), time(), place)


def is_month_start(moment: datetime) -> bool:
    return moment.day == 1 and moment.time() == time()


def months_on(moment: datetime, count: int) -> datetime:
    """The same first moment of a month, `count` months on."""
    month = moment.year * MONTHS + moment.month - 1 + count
    return moment.replace(year=month // MONTHS, month=month % MONTHS + 1)


def last_month(begins: datetime, ends: datetime) -> tuple[Span, Span] | None:
    """The last whole month between two moments, and the whole month before it; None without two."""
    until = ends.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since, earlier = months_on(until, -1), months_on(until, -2)
    return ((earlier, since), (since, until)) if earlier >= begins else None


def later_half(begins: datetime, ends: datetime) -> tuple[Span, Span]:
    """The later half in whole weeks and as much before it; in days, or in time, where there are not two weeks."""
    weeks, days = (ends - begins) // (2 * WEEK), (ends - begins) // timedelta(days=2)
    half = weeks * WEEK or timedelta(days=days)
    if not half:
        half = (ends - begins) / 2
        return (begins, ends - half), (ends - half, ends)
    return (ends - 2 * half, ends - half), (ends - half, ends)


def span_before(after: Span, begins: datetime) -> Span:
    """What a window is held against: as many months before whole months, else as long, on the same weekdays.

    Where the log does not reach back as far, the time just before.
    """
    since, until = after
    if is_month_start(since) and is_month_start(until):
        count = (until.year - since.year) * MONTHS + until.month - since.month
        return months_on(since, -count), since
    back = -(-(until - since) // WEEK) * WEEK
    if since - back < begins:
        back = until - since
    return since - back, until - back


def baseline_span(text: str, after: datetime, place: ZoneInfo, now: datetime) -> Span:
    """The window of --baseline: a span that ends where `after` begins, a month, a day, or FROM..TO.

    Raises:
        UsageError: it is none of these, or reaches into `after`.
    """
    if found := re.fullmatch(r"(\d{1,5})([mhdw])", text.strip().lower()):
        if not int(found[1]):
            raise UsageError(f"--baseline {text!r} has no length", hint=BASELINES)
        return after - timedelta(**{UNITS[found[2]]: int(found[1])}), after
    since, dots, until = text.partition("..")
    if dots and not (since.strip() and until.strip()):
        raise UsageError(f"--baseline {text!r} has no two ends", hint=BASELINES)
    try:
        ends = point(since, place, now, end=False), point(until if dots else since, place, now, end=True)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--baseline {text!r} is out of the range of dates", hint=BASELINES) from error
    except UsageError as error:
        raise UsageError(f"--baseline {text!r}: {error.message}", hint=BASELINES) from error
    if ends[1] <= ends[0]:
        raise UsageError(f"--baseline {text!r} ends before it begins")
    if ends[1] > utc(after):
        raise UsageError(
            f"--baseline {text!r} reaches into the window it is compared with, which begins on {after:%Y-%m-%d %H:%M}",
            hint="--since and --until set that window",
        )
    return here(ends[0], place), here(ends[1], place)
