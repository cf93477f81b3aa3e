"""Reads one pricing.toml, strictly: what is not understood is an error that says where, never a price of nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmscope.errors import UsageError, nearest
from llmscope.pricing.entry import Entry
from llmscope.pricing.place import Place
from llmscope.pricing.pricefields import PRICE_KEYS, read_prices

TOP_KEYS = ("schema", "defaults", "models", "alias", "discount")
ENTRY_KEYS = ("aliases", "free", "inherit", "price")
DEFAULTS: dict[str, tuple[object, ...]] = {
    "extends": ("bundled", "none"),
    "stale_after_days": (),
    "missing_cache_read": ("input",),
    "on_unpriced": ("report", "fail"),
}


@dataclass(frozen=True, slots=True)
class Alias:
    """Names only the reader knows: `match` is a glob over logged names, `use` the key it is priced as."""

    match: str
    use: str
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A negotiated multiplier on list price, from `starts` on, for one provider or for all."""

    multiplier: Decimal
    provider: str | None = None
    starts: datetime | None = None


@dataclass(frozen=True, slots=True)
class PriceFile:
    """One layer of the book."""

    path: str
    entries: tuple[Entry, ...] = ()
    aliases: tuple[Alias, ...] = ()
    discounts: tuple[Discount, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extends(self) -> bool:
        """Whether models not listed here fall through to the layers below."""
        return bool(self.defaults.get("extends", "bundled") == "bundled")


def read_pricefile(path: Path) -> PriceFile:
    """Reads a file of prices.

    Raises:
        UsageError: it cannot be read, is not TOML, or says something that is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the price file {path}: {error}") from error
    return parse_pricefile(text, str(path))


def parse_pricefile(text: str, path: str = "pricing.toml") -> PriceFile:
    """Reads the text of a file of prices; figures stay exact decimals."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    place = Place(path, text)
    place.only(document, TOP_KEYS)
    if document.get("schema") != 1:
        place.fail("schema must be 1", key="schema")
    entries = tuple(_entry(key, table, place) for key, table in place.table(document, "models").items())
    _refuse_overlaps(entries, place)
    return PriceFile(
        path=path,
        entries=entries,
        aliases=tuple(_alias(table, place.within("alias")) for table in place.tables(document, "alias")),
        discounts=tuple(_discount(table, place.within("discount")) for table in place.tables(document, "discount")),
        defaults=_defaults(place.table(document, "defaults"), place.within("defaults")),
    )


def split_key(key: str) -> tuple[str | None, str]:
    """("host", "name") of a key; a key without a slash is a model on any host."""
    host, slash, name = key.partition("/")
    return (host.lower(), name) if slash else (None, key)


def _entry(key: str, table: Any, place: Place) -> Entry:
    place = place.within(f'models."{key}"')
    if not isinstance(table, dict):
        place.fail("must be a table of prices")
    place.only(table, (*ENTRY_KEYS, *PRICE_KEYS))
    free, inherit = place.flag(table, "free"), place.flag(table, "inherit")
    host, name = split_key(key)
    if not name or (name == "*" and not free):
        place.fail("a key that ends in /* means every model of that host, and needs free = true")
    return Entry(
        host=host,
        name=name.lower(),
        prices=read_prices(table, place, free, inherit),
        aliases=_aliases(table, place),
        free=free,
        inherit=inherit,
        origin=place.path,
    )


def _aliases(table: Mapping[str, Any], place: Place) -> tuple[str, ...]:
    names = place.texts(table, "aliases")
    for name in names:
        if "*" in name or "?" in name:
            place.fail(
                f"alias {name!r} is a pattern, and would price names it was never meant for",
                key="aliases",
                hint="list the names one by one, or write an [[alias]] with match and use",
            )
    return tuple(name.lower() for name in names)


def _refuse_overlaps(entries: tuple[Entry, ...], place: Place) -> None:
    """One name belongs to one model of a host."""
    owner: dict[tuple[str | None, str], str] = {}
    for entry in entries:
        for name in dict.fromkeys((entry.name, *entry.aliases)):
            other = owner.setdefault((entry.host, name), entry.key)
            if other != entry.key:
                place.within(f'models."{entry.key}"').fail(f"{name!r} is a name of {other} and of {entry.key}")


def _alias(table: Mapping[str, Any], place: Place) -> Alias:
    place.only(table, ("match", "provider", "use"))
    return Alias(place.text(table, "match"), place.text(table, "use"), place.maybe_text(table, "provider"))


def _discount(table: Mapping[str, Any], place: Place) -> Discount:
    place.only(table, ("provider", "multiplier", "from"))
    multiplier = place.number(table, "multiplier")
    if not 0 < multiplier <= 2:
        place.fail(f"multiplier = {multiplier} is not a factor on list price", key="multiplier", hint="8 % off is 0.92")
    return Discount(multiplier, place.maybe_text(table, "provider"), place.moment(table, "from"))


def _defaults(table: Mapping[str, Any], place: Place) -> dict[str, Any]:
    place.only(table, tuple(DEFAULTS))
    for key, value in table.items():
        allowed = DEFAULTS[key]
        if allowed and value not in allowed:
            close = nearest(str(value), [str(word) for word in allowed], 1)
            words = " or ".join(f'"{word}"' for word in allowed)
            place.fail(f"{key} must be {words}", key=key, hint=f"did you mean {close[0]!r}?" if close else None)
        if not allowed and (type(value) is not int or value < 1):
            place.fail(f"{key} must be a whole number of days", key=key)
    return dict(table)
