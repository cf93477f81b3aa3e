"""Axes with units: by what figures are divided so that an axis reads well, and how the unit is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmscope.render._figures import Figure
from llmscope.render._words import begun
from llmscope.reported import Axis


@dataclass(frozen=True, slots=True)
class Scale:
    """`figure * factor` is drawn, and the axis bears `title`."""

    factor: float
    title: str


def scale(axis: Axis, figures: Sequence[Figure]) -> Scale:
    """Seconds where milliseconds would be thousands, per cent of ratios, millions of what is many."""
    largest = max((abs(x) for x in figures), default=0)
    factor, unit = _unit(axis.kind, largest)
    title = begun(axis.title)
    return Scale(factor, f"{title} ({unit})" if unit and not title.endswith(")") else title)


def _unit(kind: str, largest: Figure) -> tuple[float, str]:
    if kind == "usd":
        return 1, "US$"
    if kind == "ratio":
        return 100, "%"
    if kind == "ms":
        return (1, "ms") if largest < 999.5 else (1 / 1000, "s") if largest < 599_950 else (1 / 60_000, "min")
    if kind == "bytes":
        return next(((1 / 1000**n, u) for n, u in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")) if largest >= 1000**n),
                    (1, "B"))  # fmt: skip
    if kind in ("tokens", "count") and largest >= 2e6:
        return (1e-9, "billions") if largest >= 2e9 else (1e-6, "millions")
    return 1, ""
