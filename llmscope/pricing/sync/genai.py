"""genai-prices as entries: exact names only, every dated price, tier, context band and hour of the day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from llmscope.pricing.entry import Entry, Price, Schedule
from llmscope.pricing.figures import Figure, Figures

# The first change genai-prices dates; a price it does not date is taken to hold from here on.
HISTORY_STARTS = datetime(2025, 5, 22)

Owner = Callable[[str, str], str | None]

BUCKET_OF = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "reasoning",
    "web_searches_kcount": "web_search",
    "requests_kcount": "request",
}
TIER_OF = {("processing", "batch"): "batch", ("speed", "fast"): "fast"} | {
    ("service_tier", tier): tier for tier in ("flex", "priority", "fast", "batch")
}


def entries() -> tuple[list[Entry], date, Owner]:
    """Every model of every provider, the day the list was last checked, and whose pattern a name fits.

    The patterns serve to compare the two lists; no logged name is ever priced by one.
    """
    from importlib.metadata import version

    from genai_prices.data import providers

    as_of = last_checked(providers)
    source = f"genai-prices {version('genai-prices')}"
    found = [_entry(provider.id, model, source, as_of) for provider in providers for model in provider.models]

    def owner(host: str, name: str) -> str | None:
        provider = next((p for p in providers if p.id == host), None)
        model = provider.find_model(name) if provider else None
        return model.id.lower() if model else None

    return _without_doubled_names(found), as_of, owner


def last_checked(providers: Iterable[Any]) -> date:
    """The latest day that a comment of the list says something was verified on."""
    days = {
        day
        for provider in providers
        for model in provider.models
        for day in re.findall(r"(?:verified|checked) on (\d{4}-\d{2}-\d{2})", model.price_comments or "")
    }
    return date.fromisoformat(max(days))


def _entry(host: str, model: Any, source: str, as_of: date) -> Entry:
    prices = tuple(replace(price, source=source, as_of=as_of) for price in _prices(model))
    if not any(price.figures for price in prices) and _said_free(model):
        nothing = {"input": ((0, Decimal(0)),), "output": ((0, Decimal(0)),)}
        prices = tuple(replace(price, figures=nothing) for price in prices)
    known_from = min([HISTORY_STARTS, *(p.starts for p in prices if p.starts is not None)])
    names = tuple(sorted(name for name in _exact_names(model.match) | _stems(model.match) if name != model.id))
    return Entry(host, model.id.lower(), prices, names, known_from, origin="genai-prices")


def _said_free(model: Any) -> bool:
    """No figures, and the list says that is because it costs nothing."""
    return model.id.endswith(":free") or "free" in (model.price_comments or "").lower()


def _prices(model: Any) -> list[Price]:
    """One price for each span in which neither the standard price nor a tier's changes."""
    conditions = model.prices if isinstance(model.prices, list) else None
    if conditions is None:
        standard: list[tuple[datetime | None, Any]] = [(None, model.prices)]
        timed = []
    else:
        standard = [(_start(c), c.prices) for c in conditions if not hasattr(c.constraint, "start_time")]
        timed = [c for c in conditions if hasattr(c.constraint, "start_time")]
    variants = [(_tier(v), _start(v), v.prices) for v in model.price_variants or () if _tier(v)]
    starts = sorted({s for s, _ in standard} | {s for _, s, _ in variants}, key=lambda s: s or datetime.min)
    return [_price(start, standard, variants, timed) for start in starts]


def _price(
    start: datetime | None,
    standard: list[tuple[datetime | None, Any]],
    variants: list[tuple[str | None, datetime | None, Any]],
    timed: list[Any],
) -> Price:
    in_force = [prices for begins, prices in standard if _begun(begins, start)]
    tiers: dict[str, dict[str, Figure]] = {}
    for tier, begins, prices in variants:
        if tier and _begun(begins, start):
            tiers[tier] = figures(prices) | tiers.get(tier, {})
    windows = tuple((_utc(c.constraint.start_time), _utc(c.constraint.end_time)) for c in timed)
    return Price(
        figures=figures(in_force[-1] if in_force else standard[0][1]),
        starts=start,
        tiers={tier: found for tier, found in tiers.items() if found},
        schedule=Schedule(windows) if windows else None,
        peak=figures(timed[-1].prices) if timed else {},
    )


def figures(prices: Any) -> dict[str, Figure]:
    """A ModelPrice's figures under our bucket names; units that are not tokens keep their own."""
    found: dict[str, Figure] = {}
    for key, value in prices.__dict__.items():
        if value is None or key.startswith("_"):
            continue
        bucket = BUCKET_OF.get(key, key)
        if hasattr(value, "tiers"):
            found[bucket] = ((0, tidy(value.base)), *((tier.start, tidy(tier.price)) for tier in value.tiers))
        else:
            found[bucket] = ((0, tidy(value)),)
    if "cache_write_5m" in found:
        found.setdefault("cache_write", found.pop("cache_write_5m"))
    return found


def tidy(price: Decimal) -> Decimal:
    """Without the tail that binary floating point left behind: nine places of a dollar per million tokens."""
    return price.quantize(Decimal("1e-9")).normalize()


def _start(condition: Any) -> datetime | None:
    day = getattr(condition.constraint, "start_date", None)
    return datetime.combine(day, time()) if day else None


def _begun(start: datetime | None, moment: datetime | None) -> bool:
    return start is None or (moment is not None and start <= moment)


def _utc(clock: time) -> time:
    return clock.replace(tzinfo=None)


def _tier(variant: Any) -> str | None:
    return TIER_OF.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None


def _exact_names(clause: Any) -> set[str]:
    """Names the match rule spells out whole."""
    if hasattr(clause, "equals"):
        return {clause.equals.lower()}
    return set().union(*(_exact_names(part) for part in getattr(clause, "or_", ())))


def _stems(clause: Any) -> set[str]:
    """What a rule says a name begins with, ends with or contains, taken as a name itself and never as a pattern."""
    for kind in ("starts_with", "contains", "ends_with"):
        stem = getattr(clause, kind, None)
        if stem is not None:
            return {stem.lower()} if re.fullmatch(r"[\w.:/@-]*\w", stem) else set()
    parts = (*getattr(clause, "or_", ()), *getattr(clause, "and_", ()))
    return set().union(*(_stems(part) for part in parts))


def _without_doubled_names(found: list[Entry]) -> list[Entry]:
    """A name belongs to one entry of a host: to the one it is the id of, else to the first that lists it."""
    owner: dict[tuple[str | None, str], str] = {(e.host, e.name): e.name for e in found}
    for entry in found:
        for alias in entry.aliases:
            owner.setdefault((entry.host, alias), entry.name)
    return [replace(e, aliases=tuple(a for a in e.aliases if owner[e.host, a] == e.name)) for e in found]


def same_figures(one: Figures, other: Figures, buckets: Mapping[str, object] | Iterable[str]) -> bool:
    """Whether both lists give one base price to each bucket they both price."""
    return all(one[b][0][1] == other[b][0][1] for b in buckets if b in one and b in other)
