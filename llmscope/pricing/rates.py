"""From the distinct keys of a store to rate rows: one for each span of time, band of prompt size and hour of the day.

The rows of one key never overlap, so a request finds one at most. What a request costs is written as the rate of
its whole input and output plus, for each part with a price of its own, the difference to its parent's rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from llmscope.pricing.book import PriceBook, Resolution
from llmscope.pricing.entry import Entry, Price, Schedule, iso
from llmscope.pricing.figures import BUCKETS, FEES, RATE_PLACES, Figures, bands, parent_rate, rate, scaled
from llmscope.pricing.names import host_of
from llmscope.pricing.pricefile import Discount

EVER, NEVER = datetime(1900, 1, 1), datetime(9999, 12, 31)
NO_TOKENS, ALL_TOKENS = -1, 2**62
STANDARD_TIERS = ("", "default", "standard", "auto", "on_demand", "standard_only", "unspecified")
# A part of these kinds without a price of its own makes the cost partial; reasoning, images and cache writes are
# by custom billed as what they are part of.
NEEDS_OWN = ("input", "output", "cache_read", "input_audio", "output_audio", "web_search")


@dataclass(frozen=True, slots=True)
class Key:
    """What a store's requests are priced by."""

    provider: str | None
    model: str
    service_tier: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """What a store holds, so that rates and terms no request of it can need are left out; the default holds all.

    first, last: of started_at; undated: some have none. columns: the token columns that are not NULL or 0 throughout.
    """

    first: datetime = EVER
    last: datetime = NEVER
    undated: bool = True
    largest_input: int = ALL_TOKENS
    cache_hits: bool = True
    columns: frozenset[str] | None = None

    def counts(self, column: str) -> bool:
        """Whether some request has a number there."""
        return self.columns is None or not column or column in self.columns


@dataclass(frozen=True, slots=True)
class RateRow:
    """One rate: when it holds and what each kind of token adds, list and net."""

    starts: datetime
    ends: datetime
    over: int
    upto: int
    schedule: Schedule | None
    peak: bool
    listed: tuple[Decimal, ...]
    net: tuple[Decimal, ...]
    lacks: frozenset[str]
    status: str
    known_from: datetime | None
    dated: bool
    price_id: str
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class _Step:
    """The figures of one key from `starts` on."""

    starts: datetime | None
    figures: Figures
    peak: Figures
    schedule: Schedule | None
    variant: str
    multiplier: Decimal


def rate_rows(book: PriceBook, key: Key, found: Resolution, extent: Extent, now: datetime) -> list[RateRow]:
    """Every rate that may apply to the requests of `key`; empty when it cannot be priced."""
    if found.entry is None:
        return []
    steps = _collapsed(_discounted(_steps(found.entry, key), book.discounts, found.entry, key))
    rows = [
        row
        for step, ends in zip(steps, [*(s.starts for s in steps[1:]), None], strict=True)
        if _needed(step.starts, ends, extent, now)
        for row in _rows(step, ends, found.entry, found, len(steps) > 1)
        if row.over < extent.largest_input
    ]
    return _widened(rows)


def _steps(entry: Entry, key: Key) -> Iterator[_Step]:
    """The entry's prices for this key's tier and region."""
    tier = (key.service_tier or "").lower()
    tier = "" if tier in STANDARD_TIERS else tier
    for price in entry.prices:
        variant = "" if tier == "" else tier if tier in price.tiers else "missing"
        figures = {**price.figures, **price.tiers.get(tier, {})}
        peak = {**figures, **_peak_of(price, tier)}
        uplift = _uplift(price, key.region)
        if uplift is not None:
            figures, peak = {**figures, **scaled(figures, uplift)}, {**peak, **scaled(peak, uplift)}
            variant += f"+{(key.region or '').lower()}"
        yield _Step(price.starts, figures, peak, price.schedule, variant, Decimal(1))


def _peak_of(price: Price, tier: str) -> Figures:
    """Peak figures; a tier with its own figures is dearer at peak by the same factor as the standard price."""
    if price.schedule is None or tier not in price.tiers:
        return price.peak
    base, peak = price.figures["input"][0][1], price.peak.get("input", price.figures["input"])[0][1]
    return scaled(price.tiers[tier], peak / base) if base else price.peak


def _uplift(price: Price, region: str | None) -> Decimal | None:
    """The multiplier of a region: by its own name, or by the part of the world it begins with."""
    if not region or not price.regions:
        return None
    word = region.lower()
    short = {"europe": "eu"}.get(word.split("-")[0], word.split("-")[0])
    return price.regions.get(word, price.regions.get(short))


def _discounted(steps: Iterable[_Step], discounts: Sequence[Discount], entry: Entry, key: Key) -> list[_Step]:
    """The steps, split where a discount begins."""
    hosts = {host_of(key.provider), entry.host}
    fitting = [d for d in discounts if d.provider is None or host_of(d.provider) in hosts]
    result = list(steps)
    for discount in sorted(fitting, key=lambda d: d.starts or EVER):
        result = list(_split(result, discount))
    return result


def _split(steps: list[_Step], discount: Discount) -> Iterator[_Step]:
    begins = discount.starts or EVER
    for step, ends in zip(steps, [*(s.starts for s in steps[1:]), None], strict=True):
        if (ends or NEVER) <= begins:
            yield step
            continue
        if (step.starts or EVER) < begins:
            yield step
            step = replace(step, starts=discount.starts)
        yield replace(step, multiplier=discount.multiplier)


def _collapsed(steps: list[_Step]) -> list[_Step]:
    """Without a step that charges what the one before it did."""
    kept = steps[:1]
    for step in steps[1:]:
        if replace(step, starts=None) != replace(kept[-1], starts=None):
            kept.append(step)
    return kept


def _needed(starts: datetime | None, ends: datetime | None, extent: Extent, now: datetime) -> bool:
    """Whether some request can fall between; one without a time is priced as of now, one too early by the first."""
    begins, closes = starts or EVER, ends or NEVER
    inside = begins <= extent.last and closes > extent.first
    return inside or (extent.undated and begins <= now < closes)


def _rows(step: _Step, ends: datetime | None, entry: Entry, found: Resolution, several: bool) -> Iterator[RateRow]:
    """The step's bands of prompt size, at peak and off it."""
    known_from = entry.known_from or entry.prices[0].starts
    for peak in (False, True) if step.schedule else (False,):
        figures = step.peak if peak else step.figures
        starts = bands(figures)
        for over, upto in pairwise((*starts, ALL_TOKENS)):
            listed = deltas(figures, over)
            yield RateRow(
                starts=step.starts or EVER,
                ends=ends or NEVER,
                over=over if over else NO_TOKENS,
                upto=upto,
                schedule=step.schedule,
                peak=peak,
                listed=listed,
                net=tuple((part * step.multiplier).quantize(RATE_PLACES) for part in listed),
                lacks=frozenset(bucket for bucket in NEEDS_OWN if bucket not in figures),
                status=_status(found, step),
                known_from=known_from,
                dated=several,
                price_id=_price_id(entry.key, step, over, peak),
            )


def _widened(rows: list[RateRow]) -> list[RateRow]:
    """The earliest row also holds before its day: earlier requests are priced by it, and said to be extrapolated."""
    if not rows:
        return rows
    first = min(row.starts for row in rows)
    return [replace(row, starts=EVER) if row.starts == first else row for row in rows]


def deltas(figures: Figures, over: int) -> tuple[Decimal, ...]:
    """For each bucket, what one of its tokens costs beyond its parent's rate; 0 where it has no price of its own."""
    found = []
    for bucket in BUCKETS:
        own = rate(figures, bucket, over)
        parent = Decimal(0) if bucket in FEES else parent_rate(figures, bucket, over)
        found.append(Decimal(0) if own is None else own - parent)
    return tuple(found)


def _status(found: Resolution, step: _Step) -> str:
    if found.price_status in ("free", "local"):
        return found.price_status
    return "variant_missing" if step.variant.startswith("missing") else found.price_status


def _price_id(key: str, step: _Step, over: int, peak: bool) -> str:
    """Readable and stable: model@date:tier+region>tokens/peak, each part where it says something."""
    variant = step.variant.removeprefix("missing")
    parts = [
        key,
        f"@{iso(step.starts)}" if step.starts else "",
        variant if variant.startswith("+") or not variant else f":{variant}",
        f">{over}" if over else "",
        "/peak" if peak else "",
        f"*{step.multiplier}" if step.multiplier != 1 else "",
    ]
    return "".join(parts)
