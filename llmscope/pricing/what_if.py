"""What a request would cost under a mistake or another price: one row of rates a price and hypothesis.

Every hypothesis is again a rate for each kind of token, so that one join tries them all. `rank` is how plausible one
is: of two that explain a gap alike, the lower rank is the reason. Rates are what a kind of token adds to its parent's
rate, as in rates.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from llmscope.pricing.book import PriceBook, Resolution
from llmscope.pricing.figures import BUCKETS, FEES
from llmscope.pricing.rates import ALL_TOKENS, EVER, NO_TOKENS, STANDARD_TIERS, Extent, Key, RateRow, rate_rows

NAME = "what_if"
CACHED, WRITES = ("cache_read", "cache_write"), ("cache_write", "cache_write_30m", "cache_write_1h", "cache_write_12h")
AUDIO = ("input_audio", "output_audio")
COLUMNS = (
    ("price_id", "VARCHAR"), ("hypothesis", "VARCHAR"), ("detail", "VARCHAR"), ("rank", "INTEGER"),
    ("over", "BIGINT"), ("upto", "BIGINT"), ("step_usd", "DOUBLE"), *((f"{b}_usd", "DOUBLE") for b in BUCKETS),
)  # fmt: skip
Rates = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One hypothesis about requests of one price; `step_usd`: rounded to a multiple of it."""

    hypothesis: str
    rates: tuple[Decimal, ...]
    detail: str = ""
    over: int = NO_TOKENS
    upto: int = ALL_TOKENS
    step_usd: float | None = None


def what_if_rows(
    book: PriceBook,
    keys: Iterable[tuple[str, str | None, str, str | None, str | None]],
    fits: Mapping[str, Sequence[tuple[float, float]]],
) -> list[tuple[Any, ...]]:
    """Every hypothesis for the given (price_id, provider, model, service_tier, region).

    `fits`: for a price_id, the USD per 1M input and output tokens that its logged costs themselves suggest.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for price_id, provider, model, service_tier, region in keys:
        key = Key(provider, model, service_tier, region)
        found = book.resolve(key.provider, key.model)
        base = next((r for r in rate_rows(book, key, found, Extent(), now) if r.price_id == price_id), None)
        if base is None or price_id in rows:
            continue
        tried = _hypotheses(book, key, found, base, fits.get(price_id, ()), now)
        rows[price_id] = [
            (price_id, h.hypothesis, h.detail, rank, h.over, h.upto, h.step_usd, *map(float, h.rates))
            for rank, h in _distinct(base, tried)
        ]
    return [row for group in rows.values() for row in group]


def _distinct(base: RateRow, tried: Iterable[WhatIf]) -> list[tuple[int, WhatIf]]:
    """Ranked, without a hypothesis that charges what an earlier one or the price itself does."""
    seen: dict[tuple[Any, ...], tuple[int, WhatIf]] = {}
    for rank, h in enumerate(tried):
        if h.rates != base.net or h.step_usd is not None or h.hypothesis == GATEWAY:
            seen.setdefault((h.rates, h.over, h.upto, h.step_usd, h.hypothesis == GATEWAY), (rank, h))
    return list(seen.values())


GATEWAY = "charged, though the gateway's own cache answered"


def _hypotheses(
    book: PriceBook,
    key: Key,
    found: Resolution,
    base: RateRow,
    fits: Sequence[tuple[float, float]],
    now: datetime,
) -> Iterator[WhatIf]:
    """The most plausible first: mistakes with parts, other prices of the book, scales, a price of nobody's book."""
    yield WhatIf(GATEWAY, base.net)
    yield from _of_parts(base.net)
    yield from _of_book(book, key, found, base, now)
    yield from _of_scale(base.net, key)
    for step, words in ((0.01, "whole cents"), (0.0001, "hundredths of a cent")):
        yield WhatIf("rounded", base.net, f"to {words}", step_usd=step)
    for input_usd, output_usd in fits:
        per_token = {"input": _per_token(input_usd), "output": _per_token(output_usd)}
        detail = f"{input_usd:g} USD in, {output_usd:g} USD out per 1M tokens"
        fitted = tuple(per_token.get(bucket, Decimal(0)) for bucket in BUCKETS)
        yield WhatIf("a price not in the book, perhaps another date's", fitted, detail)


def _per_token(usd_per_1m: float) -> Decimal:
    return Decimal(repr(usd_per_1m)) / 1_000_000


def _of_parts(net: Sequence[Decimal]) -> Iterator[WhatIf]:
    """Cached, reasoning and audio tokens counted twice, not at all, or without a price of their own."""
    rates = dict(zip(BUCKETS, net, strict=True))
    fresh, answer = rates["input"], rates["output"]

    def given(hypothesis: str, changes: Rates) -> WhatIf:
        return WhatIf(hypothesis, tuple({**rates, **changes}[b] for b in BUCKETS))

    more = {b: rates[b] + fresh for b in CACHED}
    yield given("cached tokens charged twice", more)
    yield given("cache reads charged twice", {"cache_read": more["cache_read"]})
    yield given("cache writes charged twice", {"cache_write": more["cache_write"]})
    own, nothing = dict.fromkeys(("cache_read", *WRITES), Decimal(0)), dict.fromkeys(WRITES, Decimal(0))
    yield given("cached tokens charged as fresh input", own)
    yield given("cache discount not applied", {"cache_read": Decimal(0)})
    yield given("cache writes charged as fresh input", nothing)
    yield given("cached tokens not charged", {**nothing, "cache_read": -fresh, "cache_write": -fresh})
    yield given("cache reads not charged", {"cache_read": -fresh})
    yield given("cache writes not charged", {**nothing, "cache_write": -fresh})
    yield given("reasoning tokens charged twice", {"reasoning": answer + 2 * rates["reasoning"]})
    yield given("reasoning tokens not charged", {"reasoning": -answer})
    yield given("audio charged as text", dict.fromkeys(AUDIO, Decimal(0)))
    yield given("fees for searches not charged", dict.fromkeys(FEES, Decimal(0)))
    yield given("input and output swapped", {"input": answer, "output": fresh})


def _of_book(book: PriceBook, key: Key, found: Resolution, base: RateRow, now: datetime) -> Iterator[WhatIf]:
    """Other prices of the same model: tier, region, prompt size, hour, discount, date."""

    def rows(other: Key) -> list[RateRow]:
        return rate_rows(book, other, found, Extent(), now)

    def beside(other: Key) -> Iterator[RateRow]:
        return (r for r in rows(other) if (r.starts, r.over, r.peak) == (base.starts, base.over, base.peak))

    prices = found.entry.prices if found.entry else ()
    own_tier = (key.service_tier or "").lower()
    for tier in sorted({tier for price in prices for tier in price.tiers} - {own_tier}):
        yield from (WhatIf(f"priced as {tier}", r.net) for r in beside(replace(key, service_tier=tier)))
    if own_tier not in STANDARD_TIERS:
        yield from (WhatIf(f"{own_tier} price not applied", r.net) for r in beside(replace(key, service_tier=None)))
    if key.region:
        yield from (WhatIf("regional price not applied", r.net) for r in beside(replace(key, region=None)))
    for region in sorted({region for price in prices for region in price.regions} - {(key.region or "").lower()}):
        yield from (WhatIf(f"priced as in region {region}", r.net) for r in beside(replace(key, region=region)))
    yield WhatIf("discount of pricing.toml not applied", base.listed)
    for row in rows(key):
        yield from _of_row(base, row)


def _of_row(base: RateRow, row: RateRow) -> Iterator[WhatIf]:
    """Another rate of the same key."""
    if row.starts != base.starts:
        detail = f"that until {row.ends:%Y-%m-%d}" if row.starts == EVER else f"that from {row.starts:%Y-%m-%d}"
        yield WhatIf("another date's price", row.net, detail, row.over, row.upto)
    elif row.over != base.over and row.peak == base.peak:
        yield WhatIf("price of long prompts " + ("not applied" if row.over < base.over else "applied"), row.net)
    elif row.peak != base.peak and row.over == base.over:
        yield WhatIf("peak price" if row.peak else "off-peak price", row.net)


def _of_scale(net: Sequence[Decimal], key: Key) -> Iterator[WhatIf]:
    """One factor on every token price, fees as they are."""
    tier = (key.service_tier or "").lower()
    factors = [
        ("half price, as batch is", Decimal("0.5") if tier in STANDARD_TIERS else None),
        ("full price, batch or flex not applied", None if tier in STANDARD_TIERS else Decimal(2)),
        ("another host's price (OpenRouter's 5.5 % fee added)", Decimal("1.055")),
        ("another host's price (OpenRouter's 5.5 % fee left out)", 1 / Decimal("1.055")),
        ("regional uplift of 10 % added", Decimal("1.1")),
        ("regional uplift of 10 % left out", 1 / Decimal("1.1")),
        ("price per 1M tokens taken as per 1K", Decimal(1000)),
        ("price per 1K tokens taken as per 1M", Decimal("0.001")),
        ("price per 1M tokens taken as per token", Decimal(1_000_000)),
        ("price per token taken as per 1M", Decimal("0.000001")),
    ]
    for hypothesis, factor in factors:
        if factor is not None:
            yield WhatIf(hypothesis, tuple(
                rate if bucket in FEES else rate * factor for bucket, rate in zip(BUCKETS, net, strict=True)
            ))  # fmt: skip
