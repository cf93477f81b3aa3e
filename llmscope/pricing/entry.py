"""An entry: one priced model, its names, and its prices through time; and its form in the catalogue's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from llmscope.pricing.figures import Figures, from_plain, to_plain

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of the day, UTC, half open; a window may pass midnight. `days` are ISO weekdays, `exceptions` dates off."""

    windows: tuple[tuple[time, time], ...]
    days: tuple[int, ...] = EVERY_DAY
    exceptions: tuple[date, ...] = ()

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` falls inside."""
        if moment.isoweekday() not in self.days or moment.date() in self.exceptions:
            return False
        clock = moment.time()
        return any(
            start <= clock < end if start < end else clock >= start or clock < end for start, end in self.windows
        )


@dataclass(frozen=True, slots=True)
class Price:
    """The figures of one model from `starts` (UTC, inclusive; None: ever since) until the next price begins.

    `tiers` and `peak` hold only what they change of `figures`; `regions` multiply the token prices.
    """

    figures: Figures
    starts: datetime | None = None
    tiers: Mapping[str, Figures] = field(default_factory=dict)
    regions: Mapping[str, Decimal] = field(default_factory=dict)
    schedule: Schedule | None = None
    peak: Figures = field(default_factory=dict)
    source: str | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of one host (None: any host). `known_from`: earlier requests are priced by extrapolation."""

    host: str | None
    name: str
    prices: tuple[Price, ...]
    aliases: tuple[str, ...] = ()
    known_from: datetime | None = None
    free: bool = False
    inherit: bool = False
    retired: date | None = None
    origin: str = ""

    @property
    def key(self) -> str:
        return f"{self.host}/{self.name}" if self.host else self.name

    def price_at(self, moment: datetime) -> Price:
        """The price in force; the earliest when `moment` is before all of them."""
        in_force = [p for p in self.prices if p.starts is None or p.starts <= moment]
        return in_force[-1] if in_force else self.prices[0]


def moment(text: str | None) -> datetime | None:
    """A naive UTC datetime out of ISO text."""
    if text is None:
        return None
    found = datetime.fromisoformat(text.removesuffix("Z"))
    return found.replace(tzinfo=None)


def iso(value: datetime | None) -> str | None:
    """Midnight as a date, anything else to the second."""
    if value is None:
        return None
    return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")


def schedule_to_plain(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON holds it."""
    return {
        "utc": [f"{start:%H:%M}-{end:%H:%M}" for start, end in schedule.windows],
        "days": list(schedule.days),
        "except": [day.isoformat() for day in schedule.exceptions],
    }


def schedule_from_plain(plain: Mapping[str, Any]) -> Schedule:
    """The inverse of `schedule_to_plain`."""
    windows = tuple(
        (time.fromisoformat(start), time.fromisoformat(end)) for start, end in (w.split("-") for w in plain["utc"])
    )
    return Schedule(windows, tuple(plain["days"]), tuple(date.fromisoformat(day) for day in plain["except"]))


def price_to_plain(price: Price) -> dict[str, Any]:
    """A price as JSON holds it; what is empty is left out."""
    plain = {
        "from": iso(price.starts),
        "figures": to_plain(price.figures),
        "tiers": {tier: to_plain(price.tiers[tier]) for tier in sorted(price.tiers)},
        "regions": {region: str(price.regions[region]) for region in sorted(price.regions)},
        "schedule": schedule_to_plain(price.schedule) if price.schedule else None,
        "peak": to_plain(price.peak),
        "source": price.source,
        "as_of": price.as_of.isoformat() if price.as_of else None,
    }
    return {key: value for key, value in plain.items() if value or key == "figures"}


def price_from_plain(plain: Mapping[str, Any]) -> Price:
    """The inverse of `price_to_plain`."""
    return Price(
        figures=from_plain(plain["figures"]),
        starts=moment(plain.get("from")),
        tiers={tier: from_plain(figures) for tier, figures in plain.get("tiers", {}).items()},
        regions={region: Decimal(value) for region, value in plain.get("regions", {}).items()},
        schedule=schedule_from_plain(plain["schedule"]) if "schedule" in plain else None,
        peak=from_plain(plain.get("peak", {})),
        source=plain.get("source"),
        as_of=date.fromisoformat(plain["as_of"]) if "as_of" in plain else None,
    )


def entry_to_plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON holds it, without its host and name (they are its key)."""
    plain = {
        "prices": [price_to_plain(price) for price in entry.prices],
        "aliases": sorted(entry.aliases),
        "known_from": iso(entry.known_from),
        "retired": entry.retired.isoformat() if entry.retired else None,
    }
    return {key: value for key, value in plain.items() if value or key == "prices"}


def entry_from_plain(host: str, name: str, plain: Mapping[str, Any], origin: str) -> Entry:
    """The inverse of `entry_to_plain`."""
    return Entry(
        host=host,
        name=name,
        prices=tuple(price_from_plain(price) for price in plain["prices"]),
        aliases=tuple(plain.get("aliases", ())),
        known_from=moment(plain.get("known_from")),
        retired=date.fromisoformat(plain["retired"]) if "retired" in plain else None,
        origin=origin,
    )
