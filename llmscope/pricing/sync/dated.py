"""model-prices as dated prices of the makers' own interfaces, each with its source, and their hours of the day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from llmscope.pricing.entry import EVERY_DAY, Price, Schedule, moment
from llmscope.pricing.figures import TIERS, Figure, scaled
from llmscope.pricing.sync.genai import tidy

HOST_OF = {"xai": "x-ai", "amazon-bedrock": "aws", "nova": "amazon-nova"}


@dataclass(frozen=True, slots=True)
class DatedModel:
    """One model's prices, oldest first; `known_from` is the day the first of them was seen."""

    host: str
    name: str
    prices: tuple[Price, ...]
    known_from: datetime
    documented: frozenset[datetime | None]
    aliases: tuple[str, ...] = ()
    retired: bool = False


def models() -> tuple[list[DatedModel], date]:
    """Every model of the snapshot, and the day the snapshot was made."""
    from importlib.metadata import version
    from importlib.resources import files

    snapshot = json.loads(files("model_prices").joinpath("snapshot.json").read_bytes())
    as_of = date.fromisoformat(snapshot["updated_at"][:10])
    label = f"model-prices {version('model-prices')}"
    found = []
    for provider, timelines in snapshot["prices"].items():
        aliases = _aliases(snapshot, provider)
        for name, modes in timelines.items():
            model = _model(provider, name, modes, snapshot, f"{label}", as_of)
            if model is not None:
                status = snapshot["status"].get(provider, {}).get(name)
                found.append(_with(model, tuple(aliases.get(name, ())), status == "removed"))
    return found, as_of


def _with(model: DatedModel, aliases: tuple[str, ...], retired: bool) -> DatedModel:
    return DatedModel(model.host, model.name, model.prices, model.known_from, model.documented, aliases, retired)


def _aliases(snapshot: Mapping[str, Any], provider: str) -> dict[str, list[str]]:
    """Other names of a provider's models: its own, and the harness names that point at it."""
    found: dict[str, list[str]] = {}
    for alias, name in snapshot["bases"].get(provider, {}).items():
        found.setdefault(name, []).append(alias.lower())
    for alias, target in snapshot["aliases"]["models"].items():
        host, _, name = target.partition("/")
        if host == provider:
            found.setdefault(name, []).append(alias.lower())
    return found


def _model(
    provider: str, name: str, modes: Mapping[str, Any], snapshot: Mapping[str, Any], label: str, as_of: date
) -> DatedModel | None:
    standard = [item for item in modes["standard"] if item["rates"]]
    if not standard:
        return None
    known_from = moment(standard[0]["rates"]["valid_from"]) or datetime.min
    schedules = [s for s in snapshot["schedules"]["schedule"] if _applies(s, provider, name)]
    edges = {moment(item["start"]) for mode in modes.values() for item in mode if mode and item["start"]}
    edges = {edge for edge in edges if edge is not None and edge > known_from}
    edges |= {moment(s[edge]) for s in schedules for edge in ("valid_from", "valid_until") if edge in s}
    starts = [None, *sorted(edge for edge in edges if edge is not None)]
    prices = [_price(start, modes, schedules, snapshot, name, label, as_of) for start in starts]
    documented = frozenset(
        moment(item["start"]) for item in standard if item["rates"]["valid_from_basis"] == "documented"
    )
    return DatedModel(HOST_OF.get(provider, provider), name.lower(), tuple(_changes(prices)), known_from, documented)


def _price(
    start: datetime | None,
    modes: Mapping[str, Any],
    schedules: Iterable[Mapping[str, Any]],
    snapshot: Mapping[str, Any],
    name: str,
    label: str,
    as_of: date,
) -> Price:
    item = _in_force(modes["standard"], start) or next(i for i in modes["standard"] if i["rates"])
    base = figures(item["rates"])
    tiers = {
        mode: {b: f for b, f in figures(found["rates"]).items() if base.get(b) != f}
        for mode in TIERS
        if mode in modes and (found := _in_force(modes[mode], start)) and found["rates"]
    }
    schedule, multiplier = None, Decimal(1)
    for plain in schedules:
        if start is not None and _within(plain, start):
            schedule, multiplier = _schedule(plain, snapshot, name)
    return Price(
        figures=base,
        starts=start,
        tiers={tier: found for tier, found in tiers.items() if found},
        schedule=schedule,
        peak=scaled(base, multiplier) if schedule else {},
        source=f"{label}: {item['rates']['source']}",
        as_of=as_of,
    )


def figures(rates: Mapping[str, Any]) -> dict[str, Figure]:
    """Rates with their context bands; a one-hour cache write is given as a multiple of input."""
    found: dict[str, Figure] = {}
    for bucket in ("input", "output", "cache_read", "cache_write"):
        if rates.get(bucket) is not None:
            rest = [(t["above"], _money(t[bucket])) for t in rates.get("tiers", ()) if t.get(bucket) is not None]
            found[bucket] = ((0, _money(rates[bucket])), *rest)
    multiple = rates.get("cache_write_1h_multiple")
    if multiple is not None and "cache_write" in found:
        found["cache_write_1h"] = tuple((over, tidy(p * _money(multiple))) for over, p in found["input"])
    return found


def _money(value: float) -> Decimal:
    return tidy(Decimal(str(value)))


def _in_force(timeline: list[dict[str, Any]], at: datetime | None) -> dict[str, Any] | None:
    begun = [item for item in timeline if item["start"] is None or (at and (moment(item["start"]) or at) <= at)]
    return begun[-1] if begun and begun[-1]["rates"] else None


def _applies(schedule: Mapping[str, Any], provider: str, name: str) -> bool:
    return schedule["provider"] == provider and name in schedule.get("off_peak_multiplier", {name: 1})


def _within(schedule: Mapping[str, Any], at: datetime) -> bool:
    begins, ends = moment(schedule["valid_from"]), moment(schedule.get("valid_until"))
    return begins is not None and begins <= at and (ends is None or at < ends)


def _schedule(plain: Mapping[str, Any], snapshot: Mapping[str, Any], name: str) -> tuple[Schedule, Decimal]:
    """The hours whose price is not the recorded one, and what it is multiplied by."""
    off_peak = "off_peak_hours_utc" in plain
    hours = plain["off_peak_hours_utc" if off_peak else "peak_hours_utc"]
    windows = tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in hours)
    calendar = snapshot["schedules"]["holidays"].get(plain.get("holidays", ""), {})
    days = (1, 2, 3, 4, 5) if plain.get("weekdays_only") else EVERY_DAY
    multiplier = plain["off_peak_multiplier"][name] if off_peak else plain["peak_multiplier"]
    dates = tuple(date.fromisoformat(day) for day in calendar.get("dates", ()))
    return Schedule(windows, days, dates), _money(multiplier)


def _changes(prices: list[Price]) -> list[Price]:
    """Prices that differ from the one before them in more than their source."""

    def shape(price: Price) -> object:
        return price.figures, price.tiers, price.schedule, price.peak

    return [p for i, p in enumerate(prices) if i == 0 or shape(p) != shape(prices[i - 1])]
