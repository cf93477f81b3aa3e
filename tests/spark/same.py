"""Whether two answers are the same: every cell, every word, figures to 1e-9."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

CLOSE = 1e-9
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
# Which SQL ran is each engine's own.
NOT_COMPARED = ("sql",)


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where two answers differ."""
    if is_dataclass(one) and type(one) is type(other):
        for field in (f.name for f in fields(one) if f.name not in NOT_COMPARED):
            yield from differences(getattr(one, field), getattr(other, field), f"{where}.{field}")
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        if list(one) != list(other):
            yield f"{where}: {list(one)} != {list(other)}"
        for key in (k for k in one if k in other):
            yield from differences(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            yield f"{where}: {len(one)} items != {len(other)}"
        for at, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from differences(left, right, f"{where}[{at}]")
    elif not alike(one, other):
        yield f"{where}: {one!r} != {other!r}"


def alike(one: Any, other: Any) -> bool:
    """Two cells: numbers of any kind to 1e-9, everything else exactly."""
    if is_number(one) and is_number(other):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=1e-12)
    if isinstance(one, str) and isinstance(other, str):
        return one == other or same_words(one, other)
    return type(one) is type(other) and bool(one == other)


def same_words(one: str, other: str) -> bool:
    """Two sentences: a figure on the edge between two roundings may be shown as either."""
    if NUMBER.split(one) != NUMBER.split(other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(
        "." in left and abs(Decimal(left) - Decimal(right)) <= last_digit(left)
        for left, right in pairs
        if left != right
    )


def last_digit(shown: str) -> Decimal:
    """What the last digit of a figure is worth."""
    return Decimal(1).scaleb(int(Decimal(shown).as_tuple().exponent))


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
