"""Small print about prices: which are old, which disagree, what a name that has none may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from llmscope.pricing.book import PriceBook, Resolution


def price_notes(book: PriceBook, resolutions: Iterable[Resolution], today: date | None = None) -> list[str]:
    """One sentence for the stale prices among those used."""
    day = today or datetime.now(UTC).date()
    limit = int(book.default("stale_after_days"))
    stale: dict[str, date] = {}
    for found in resolutions:
        as_of = found.entry.prices[-1].as_of if found.entry else None
        if found.entry and as_of and (day - as_of).days > limit:
            stale[found.entry.key] = as_of
    if not stale:
        return []
    one = len(stale) == 1
    names = ", ".join(f"{key} ({stale[key]})" for key in sorted(stale, key=lambda k: (stale[k], k))[:3])
    more = ", …" if len(stale) > 3 else ""
    return [
        f"{len(stale)} {'price is' if one else 'prices are'} older than {limit} days: {names}{more}; "
        "update them with llmscope pricing sync, or in pricing.toml"
    ]
