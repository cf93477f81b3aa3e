"""Figures: what each kind of token costs, in bands of prompt size. USD per 1,000,000 tokens, fees per 1,000 uses.

A figure is a tuple of bands `((over, price), ...)`: the last band whose `over` is strictly below the request's input
tokens prices the whole request. Band 0 always stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Figure = tuple[tuple[int, Decimal], ...]
Figures = Mapping[str, Figure]

# A kind of token and the kind it is part of: without its own price a part is billed at its parent's.
PARENT: dict[str, str | None] = {
    "input": None,
    "output": None,
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_30m": "cache_write",
    "cache_write_1h": "cache_write",
    "cache_write_12h": "cache_write",
    "input_audio": "input",
    "input_image": "input",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
}
FEES = ("web_search", "request")
BUCKETS = (*PARENT, *FEES)
TIERS = ("batch", "flex", "priority", "fast", "ultrafast", "thinking")

RATE_PLACES = Decimal("1e-15")
PER_TOKENS = Decimal(1_000_000)
PER_USES = Decimal(1000)


def flat(price: Decimal) -> Figure:
    """One price whatever the size of the prompt."""
    return ((0, price),)


def at(figure: Figure, over: int) -> Decimal:
    """The price in the band that begins above `over` input tokens."""
    return next(price for start, price in reversed(figure) if start <= over)


def bands(figures: Figures) -> tuple[int, ...]:
    """Every prompt size above which some figure changes, 0 first."""
    return tuple(sorted({0} | {start for figure in figures.values() for start, _ in figure}))


def scaled(figures: Figures, multiplier: Decimal) -> dict[str, Figure]:
    """Every token price times `multiplier`; fees per use are left out, so they stay at list."""
    return {
        bucket: tuple((start, price * multiplier) for start, price in figure)
        for bucket, figure in figures.items()
        if bucket not in FEES
    }


def rate(figures: Figures, bucket: str, over: int) -> Decimal | None:
    """USD for one token (or one use), to 15 places; None when the bucket has no price of its own."""
    figure = figures.get(bucket)
    if figure is None:
        return None
    per = PER_USES if bucket in FEES else PER_TOKENS
    return (at(figure, over) / per).quantize(RATE_PLACES)


def parent_rate(figures: Figures, bucket: str, over: int) -> Decimal:
    """The rate of the nearest priced ancestor; 0 when there is none."""
    parent = PARENT.get(bucket)
    while parent is not None:
        found = rate(figures, parent, over)
        if found is not None:
            return found
        parent = PARENT[parent]
    return Decimal(0)


def is_free(figures: Figures) -> bool:
    """Every price in every band is zero."""
    return bool(figures) and all(price == 0 for figure in figures.values() for _, price in figure)


def to_plain(figures: Figures) -> dict[str, Any]:
    """Figures as JSON holds them: a string, or a list of a string and [over, string] pairs."""

    def text(price: Decimal) -> str:
        return format(price.normalize(), "f")

    plain: dict[str, Any] = {}
    for bucket in sorted(figures):
        (_, base), *rest = figures[bucket]
        plain[bucket] = [text(base), *([start, text(price)] for start, price in rest)] if rest else text(base)
    return plain


def from_plain(plain: Mapping[str, Any], number: Callable[[str], Decimal] = Decimal) -> dict[str, Figure]:
    """The inverse of `to_plain`."""
    figures: dict[str, Figure] = {}
    for bucket, value in plain.items():
        if isinstance(value, str):
            figures[bucket] = flat(number(value))
        else:
            figures[bucket] = ((0, number(value[0])), *((start, number(price)) for start, price in value[1:]))
    return figures
