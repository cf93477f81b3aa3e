"""Numbers for people: as many digits as a column's smallest figure needs, the same number in all its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

Figure = int | float

_EXACT_PLACES = 10
_ALL_DIGITS = 30
_HUGE = 1e15


def figure(value: Any) -> Figure | None:
    """`value` as an int or a finite float; None when it is no number, or not a finite one."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def decimals(figures: Iterable[Figure], least: int, digits: int = 5, of_smallest: int = 3) -> int:
    """Digits after the point that show `of_smallest` digits of the smallest figure, `digits` of the largest at most."""
    sizes = [abs(x) for x in figures if x]
    if not sizes:
        return least
    needed = of_smallest - 1 - math.floor(math.log10(min(sizes)))
    allowed = digits - 1 - math.floor(math.log10(max(sizes)))
    places = max(least, min(needed, allowed, _EXACT_PLACES))
    while places > least and all(_is_zero_at(x, places) for x in sizes):
        places -= 1
    return places


def _is_zero_at(size: Figure, places: int) -> bool:
    """The last of `places` digits is a zero."""
    return size < _HUGE and f"{size:.{places}f}".endswith("0")


def fixed(number: Figure, places: int, separator: str = ",") -> str:
    """`number` with `places` digits; a float beyond all sense is written with an exponent."""
    if isinstance(number, float) and abs(number) >= _HUGE:
        return f"{number:.4g}"
    if isinstance(number, int) and not places:
        return f"{number:{separator}d}"
    text = f"{number:{separator}.{places}f}"
    return text.removeprefix("-") if not float(text.replace(",", "")) else text


def signed(number: Figure, places: int, before: str = "", after: str = "") -> str:
    """`number` between its unit signs; what would round to zero is said to be less than the last digit."""
    smallest = 10.0**-places
    if number and abs(number) < smallest / 2:
        sign = "<" if number > 0 else ">-"
        return f"{sign}{before}{fixed(smallest, places)}{after}"
    text = fixed(number, places)
    return f"-{before}{text[1:]}{after}" if text.startswith("-") else f"{before}{text}{after}"


def duration(ms: Figure) -> str:
    """Milliseconds below one second, else seconds, minutes or hours: three digits are enough to compare."""
    size = abs(ms)
    if size < 999.5:
        places = 0 if size >= 10 or isinstance(ms, int) else decimals([ms], 1)
        return signed(ms, places, after=" ms")
    if size < 599_950:
        return f"{fixed(ms / 1000, 2 if size < 9_995 else 1)} s"
    return f"{fixed(ms / 60_000, 1)} min" if size < 7_200_000 else f"{fixed(ms / 3_600_000, 1)} h"


def storage(size: Figure) -> str:
    """Bytes in the unit of a thousand that fits."""
    for power, unit in enumerate(("B", "kB", "MB", "GB", "TB")):
        scaled = size / 1000**power
        if abs(scaled) < 999.95 or unit == "TB":
            return f"{fixed(scaled, 1 if power else 0)} {unit}"
    raise AssertionError


def with_units(kind: str, figures: list[Figure]) -> Callable[[Figure], str]:
    """How a column of `kind` is written for people: `figures` are its rows, which set the digits."""
    if kind == "usd":
        places = decimals(figures, 2)
        return lambda x: signed(x, places, before="$")
    if kind == "ratio":
        places = decimals([x * 100 for x in figures], 1, digits=3)
        return lambda x: signed(x * 100, places, after=" %")
    if kind == "ms":
        return duration
    if kind == "bytes":
        return storage
    if all(isinstance(x, int) or x.is_integer() for x in figures):
        return lambda x: fixed(x, 0) if isinstance(x, int) or x.is_integer() else fixed(x, decimals([x], 1))
    places = decimals(figures, 1)
    return lambda x: signed(x, places)


def bare(kind: str, figures: list[Figure]) -> Callable[[Figure], str]:
    """How a column is written for awk: digits and a point, and six digits of the smallest figure."""
    if all(isinstance(x, int) for x in figures) and kind != "usd":
        return lambda x: fixed(x, 0, "") if isinstance(x, int) else f"{x:.15g}"
    places = decimals(figures, {"usd": 2, "ratio": 4}.get(kind, 1), _ALL_DIGITS, of_smallest=6)
    return lambda x: fixed(x, places, "")
