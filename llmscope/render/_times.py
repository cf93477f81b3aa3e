"""Moments: UTC inside, in the zone asked for when people read them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from llmscope.errors import UsageError
from llmscope.result import Result


def zone_of(result: Result) -> tzinfo:
    """The zone that times are shown in.

    Raises:
        UsageError: there is no such zone.
    """
    return zone_named(result.window.tz)


def zone_named(name: str) -> tzinfo:
    """The zone of an IANA name.

    Raises:
        UsageError: there is no such zone.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as missing:
        hint = "use an IANA name, as Europe/Zurich"
        raise UsageError(f"unknown time zone {name!r}", hint=hint) from missing


def local(moment: datetime, zone: tzinfo) -> datetime:
    """`moment` in `zone`; without a zone of its own it is UTC, and at the end of the calendar it stays so."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(zone)
    except OverflowError:
        return aware


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, with a Z."""
    return local(moment, UTC).replace(tzinfo=None).isoformat() + "Z"
