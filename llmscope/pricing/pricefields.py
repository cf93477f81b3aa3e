"""The price part of a model in pricing.toml: figures, dated prices, context bands, tiers, regions, peak hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Any

from llmscope.pricing.entry import EVERY_DAY, Price, Schedule
from llmscope.pricing.figures import BUCKETS, FEES, TIERS, Figure, flat, scaled
from llmscope.pricing.place import Place

FIGURE_KEYS = (*BUCKETS, "cache_write_5m")
VARIANTS = tuple(tier for tier in TIERS if tier != "thinking")
SINGLE_KEYS = ("source", "as_of")
PRICE_KEYS = (*FIGURE_KEYS, "above", *VARIANTS, "regions", "peak", *SINGLE_KEYS)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

LOWEST, HIGHEST = Decimal("0.0001"), Decimal(1000)
# No model costs less than this for input and output both; USD per 1,000 tokens always do.
LOWEST_PAIR = Decimal("0.005")
HIGHEST_FEE = Decimal(1000)


def read_prices(table: Mapping[str, Any], place: Place, free: bool, inherit: bool) -> tuple[Price, ...]:
    """The prices of one model: one written inline, or a dated list; `inherit` may leave figures out."""
    if "price" not in table:
        return (_price(table, place, free, inherit),)
    if inherit:
        place.fail("inherit = true goes with one price, not with dated ones", key="inherit")
    inline = [key for key in table if key in PRICE_KEYS]
    if inline:
        place.fail(f"{inline[0]} stands beside a list of dated prices; move it into one of them", key=inline[0])
    tables = place.tables(table, "price")
    if not tables:
        place.fail("price must be a list of tables", key="price")
    for item in tables:
        place.only(item, (*PRICE_KEYS, "from"))
    prices = tuple(_price(item, place, free, inherit) for item in tables)
    for before, after in pairwise(prices):
        if after.starts is None:
            place.fail("every price after the first needs a from date", key="price")
        if before.starts is not None and before.starts >= after.starts:
            place.fail(f"prices must be in order of date: {after.starts:%Y-%m-%d} follows {before.starts:%Y-%m-%d}")
    return prices


def _price(table: Mapping[str, Any], place: Place, free: bool, inherit: bool) -> Price:
    figures = _figures(table, place)
    if free:
        if any(price for figure in figures.values() for _, price in figure):
            place.fail("free = true, and yet a price", key="free")
        figures = {"input": flat(Decimal(0)), "output": flat(Decimal(0))}
    if not inherit:
        _require_both(figures, place)
    figures = _with_bands(figures, table, place)
    schedule, peak = _peak(table, place, figures)
    return Price(
        figures=figures,
        starts=place.moment(table, "from"),
        tiers={tier: _variant(table, tier, place, figures) for tier in VARIANTS if tier in table},
        regions=_regions(table, place),
        schedule=schedule,
        peak=peak,
        source=place.maybe_text(table, "source"),
        as_of=place.day(table, "as_of"),
    )


def _figures(table: Mapping[str, Any], place: Place) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for key in FIGURE_KEYS:
        if key not in table:
            continue
        bucket = "cache_write" if key == "cache_write_5m" else key
        if bucket in found:
            place.fail("cache_write and cache_write_5m are the same price; give one", key=key)
        found[bucket] = flat(_plausible(place.number(table, key), key, place))
    return found


def _plausible(value: Decimal, key: str, place: Place) -> Decimal:
    """A figure within the band of what is charged; outside it somebody wrote another unit."""
    if value == 0 or (key in FEES and value <= HIGHEST_FEE):
        return value
    if key in FEES:
        place.fail(f"{key} = {value} is not plausible in USD per 1,000 uses", key=key)
    if value < LOWEST:
        hint = f"it looks like USD per token; did you mean {format((value * 1_000_000).normalize(), 'f')}?"
        place.fail(f"{key} = {format(value, 'f')} is not plausible in USD per 1,000,000 tokens", key=key, hint=hint)
    if value > HIGHEST:
        hint = "prices are USD per 1,000,000 tokens"
        place.fail(f"{key} = {value} is not plausible in USD per 1,000,000 tokens", key=key, hint=hint)
    return value


def _require_both(figures: Mapping[str, Figure], place: Place) -> None:
    for key in ("input", "output"):
        if key not in figures:
            hint = "a model that only reads, such as an embedding, says output = 0" if key == "output" else None
            place.fail(f"{key} is missing", hint=hint)
    price_in, price_out = figures["input"][0][1], figures["output"][0][1]
    if 0 < price_in < LOWEST_PAIR and 0 < price_out < LOWEST_PAIR * 4:
        ours = ", ".join(f"{k} = {format((figures[k][0][1] * 1000).normalize(), 'f')}" for k in ("input", "output"))
        place.fail(
            f"input = {price_in}, output = {price_out} is not plausible in USD per 1,000,000 tokens",
            key="input",
            hint=f"it looks like USD per 1,000 tokens; did you mean {ours}?",
        )


def _with_bands(figures: dict[str, Figure], table: Mapping[str, Any], place: Place) -> dict[str, Figure]:
    """Adds the prices of requests whose input is over a size."""
    for band in place.tables(table, "above"):
        place.only(band, ("input_tokens", *FIGURE_KEYS))
        over = band.get("input_tokens")
        if type(over) is not int or over < 1:
            place.fail("above needs input_tokens, a whole number", key="above")
        for bucket, figure in _figures(band, place).items():
            base = figures.get(bucket, figures["input"])
            if base[-1][0] >= over:
                place.fail(f"above must go from small to large: {over} follows {base[-1][0]}", key="above")
            figures[bucket] = (*base, (over, figure[0][1]))
    return figures


def _variant(table: Mapping[str, Any], tier: str, place: Place, figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """A service tier: a multiplier on every token price, or figures of its own."""
    variant = place.table(table, tier)
    place.only(variant, ("multiplier", "above", *FIGURE_KEYS))
    if "multiplier" not in variant:
        own = _figures(variant, place)
        if not own:
            place.fail(f"{tier} needs a multiplier or figures", key=tier)
        return _with_bands({**({"input": figures["input"]} if "above" in variant else {}), **own}, variant, place)
    if len(variant) > 1:
        place.fail(f"{tier} has a multiplier and figures; give one", key=tier)
    return scaled(figures, _multiplier(variant, place, tier))


def _multiplier(table: Mapping[str, Any], place: Place, key: str) -> Decimal:
    value = place.number(table, "multiplier")
    if not 0 < value <= 100:
        place.fail(f"{key} multiplier = {value} must be over 0 and at most 100", key=key)
    return value


def _regions(table: Mapping[str, Any], place: Place) -> dict[str, Decimal]:
    found = {}
    for region, uplift in place.table(table, "regions").items():
        if not isinstance(uplift, dict):
            place.fail(f"regions.{region} must be {{ multiplier = … }}", key="regions")
        place.only(uplift, ("multiplier",))
        found[region.lower()] = _multiplier(uplift, place, "regions")
    return found


def _peak(
    table: Mapping[str, Any], place: Place, figures: Mapping[str, Figure]
) -> tuple[Schedule | None, dict[str, Figure]]:
    """Hours in which every token price is multiplied."""
    if "peak" not in table:
        return None, {}
    peak = place.table(table, "peak")
    place.only(peak, ("multiplier", "utc", "weekdays", "except"))
    windows = tuple(_window(text, place) for text in place.texts(peak, "utc"))
    if not windows:
        place.fail('peak needs utc = ["01:00-04:00"]', key="peak")
    days = _days(place.maybe_text(peak, "weekdays"), place)
    exceptions = tuple(_date(day, place) for day in peak.get("except", ()))
    return Schedule(windows, days, exceptions), scaled(figures, _multiplier(peak, place, "peak"))


def _window(text: str, place: Place) -> tuple[time, time]:
    try:
        start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        place.fail(f"peak utc {text!r} is not two times like 01:00-04:00", key="peak")
    if start == end:
        place.fail(f"peak utc {text!r} is empty", key="peak")
    return start, end


def _days(text: str | None, place: Place) -> tuple[int, ...]:
    """ISO weekdays of "mon-fri" or "sat,sun"."""
    if text is None:
        return EVERY_DAY
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (last and last not in DAYS):
            place.fail(f"peak weekdays {text!r} is not like mon-fri or sat,sun", key="peak")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 + 1 for day in range(start, end + 1 if end >= start else end + 8)}
    return tuple(sorted(found))


def _date(value: Any, place: Place) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        place.fail(f"peak except {value!r} is not a date", key="peak")
