"""How a drift report is written for people: figures with their units, changes with intervals, sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import floor, isinf, log10
from typing import Any
from zoneinfo import ZoneInfo

from llmscope.result import Window

Row = dict[str, Any]


def figure(value: float | None, unit: str) -> str | None:
    """A level with its unit: `4.10 s`, `3,285 tokens`, `$0.00898`, `1.2 %`, `412 a day`."""
    if value is None:
        return None
    if unit == "ms":
        return f"{digits(value)} ms" if value < 999.5 else f"{digits(value / 1000)} s"
    if unit == "usd":
        return f"${digits(value)}"
    if unit == "usd_per_day":
        return f"${digits(value)}/day"
    if unit == "requests_per_day":
        return f"{digits(value)}/day"
    if unit == "share":
        return percent(value)
    return f"{value:.2f}" if unit == "points" else f"{value:,.0f}" if value >= 100 else digits(value)


def digits(value: float) -> str:
    """Three digits that matter, and no fewer than stand before the point."""
    if not value:
        return "0"
    places = 2 - floor(log10(abs(value)))
    return f"{value:,.{max(places, 0)}f}"


def percent(share: float) -> str:
    """A share; a small one keeps a digit that is not 0."""
    size = abs(100 * share)
    return f"{100 * share:.0f} %" if size in (0, 100) else f"{100 * share:.{2 if size < 1 else 1}f} %"


def change(row: Row) -> str | None:
    """`+22 %`, `+1.0 pt`, `-0.21`, `4.1 % moved`."""
    value = row["change_value"]
    if value is None:
        return None
    if row["change_unit"] == "moved":
        return f"{percent(value)} moved"
    factor, sign, places = scale(row)
    return f"{signed(factor * value, places)}{sign}"


def points(share: float | None) -> str | None:
    """A change of a share: `-16.3 pt`."""
    return None if share is None else f"{signed(100 * share, 2 if abs(share) < 0.01 else 1)} pt"


def interval(row: Row) -> str | None:
    """`[+12, +33]`, in the unit of the change; `?` for an end that the sample does not reach."""
    ends = row["change_low_value"], row["change_high_value"]
    if row["change_value"] is None or ends == (None, None):
        return None
    factor, _, places = scale(row)
    low, high = ("?" if end is None or isinf(end) else signed(factor * end, places) for end in ends)
    return f"[{low}, {high}]"


def scale(row: Row) -> tuple[int, str, int]:
    """By what a change is multiplied for people, its sign, and the digits after its point."""
    unit = row["change_unit"]
    if unit == "points":
        return 1, "", 2
    known = [row[name] for name in ("change_value", "change_low_value", "change_high_value") if row[name] is not None]
    return 100, " pt" if unit == "share" else " %", finest(known, 100)


def signed(number: float, places: int) -> str:
    """A number with its sign; what rounds to nothing has none."""
    text = f"{number:+,.{places}f}"
    return text.lstrip("+-") if not float(text.replace(",", "")) else text


def finest(values: Sequence[float], factor: float) -> int:
    """Digits after the point: none where the interval is wide, two where all is small."""
    largest = max(abs(factor * value) for value in values)
    return 0 if largest >= 10 else 1 if largest >= 1 else 2


def detectable(row: Row) -> str | None:
    """The smallest change that four of five such comparisons would have found."""
    value, unit = row["smallest_change_value"], row["change_unit"]
    if value is None or isinf(value):
        return None
    if unit == "points":
        return f"{value:.2f}"
    return f"{100 * value:.{finest([value], 100)}f} {'%' if unit == 'ratio' else 'pt'}"


def of(key: Sequence[Any] | None) -> str:
    """` of chat, gpt-4o`; nothing for the whole."""
    return "" if key is None else " of " + ", ".join("(none)" if value is None else str(value) for value in key)


def sentence(row: Row, said: str, told: str, key: Sequence[Any] | None) -> str:
    """`p95 latency of chat rose 22 % [+12, +33], from 4.10 s to 5.00 s, since about 2026-10-14.`"""
    began = row["began"] or ""
    since = f", {began}" if began.startswith("by ") else f", since about {began}" if began else ""
    if row["change_unit"] == "moved":
        return f"{said}{of(key)}: {percent(row['change_value'])} of requests moved ({told}){since}."
    verb = "rose" if row["change_value"] > 0 else "fell"
    text = " ".join(filter(None, [(change(row) or "").lstrip("+-"), interval(row)]))
    return f"{said}{of(key)} {verb} {text}, from {row['before']} to {row['after']}{since}."


def window_text(window: Window) -> str:
    """`2026-10`, `2026-09-01 to 2026-09-28`, `2026-10-20 14:00 to 15:00`, in the zone asked for."""
    if window.since is None or window.until is None:
        return "all times"
    since, until = (local(moment, window.tz) for moment in (window.since, window.until))
    if any(moment.time() != datetime.min.time() for moment in (since, until)):
        same = since.date() == until.date()
        return f"{since:%Y-%m-%d %H:%M} to {until:{'%H:%M' if same else '%Y-%m-%d %H:%M'}}"
    last = until - timedelta(days=1)
    if since.day == 1 and until.day == 1:
        first, end = f"{since:%Y-%m}", f"{last:%Y-%m}"
        return first if first == end else f"{first} to {end}"
    return f"{since:%Y-%m-%d} to {last:%Y-%m-%d}" if last > since else f"{since:%Y-%m-%d}"


def local(moment: datetime, tz: str) -> datetime:
    """A moment of ours on the clocks of a zone, without the zone."""
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(tz)).replace(tzinfo=None)
