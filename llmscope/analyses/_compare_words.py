"""The figures of a comparison in the words and units people use."""

from __future__ import annotations

from math import exp, floor, inf, isfinite, log10

from llmscope.stats.paired import Difference

DIGITS = 3


def shown(value: float | None, unit: str) -> str | None:
    """A level: 3.61 s, $0.00898, 1.23 %, 7.07."""
    if value is None:
        return None
    if unit == "ms":
        return f"{value:.0f} ms" if value < 999.5 else f"{figure(value / 1000)} s"
    if unit == "usd":
        return f"${figure(value)}"
    if unit == "ratio":
        return f"{figure(100 * value)} %"
    return f"{value:,.0f}" if unit == "tokens" and value >= 100 else f"{value:.2f}"


def figure(value: float) -> str:
    """Three digits, never fewer than the whole number has."""
    if not value:
        return "0"
    return f"{value:,.{max(DIGITS - 1 - floor(log10(abs(value))), 0)}f}"


def change(effect: float, relative: bool, unit: str) -> str:
    """-84.8 %; +0.8 pt of a rate; -0.02 points of a score."""
    if relative:
        return f"{percent(effect)} %"
    return f"{signed(100 * effect, places(effect))} pt" if unit == "ratio" else signed(effect, 2)


def interval(found: Difference, relative: bool, unit: str) -> str:
    """[-86.1, -83.2], in the unit of the change."""
    ends = found.low, found.high
    if relative:
        low, high = (percent(end) for end in ends)
    elif unit == "ratio":
        low, high = (signed(100 * end, places(found.effect)) for end in ends)
    else:
        low, high = (signed(end, 2) for end in ends)
    return f"[{low}, {high}]"


def both(effect: float | None, found: Difference | None, relative: bool, unit: str) -> str | None:
    """The change and, where there is one, its interval."""
    if effect is None:
        return None
    return change(effect, relative, unit) + (f" {interval(found, relative, unit)}" if found else "")


def places(effect: float) -> int:
    """Digits of percentage points."""
    return 2 if abs(effect) < 0.01 else 1


def percent(effect: float) -> str:
    """A difference of logarithms as a relative change."""
    if effect == inf:
        return "?"
    share = 100 * (exp(effect) - 1) if effect > -inf else -100.0
    if share >= 1000:
        return f"+{share:,.0f}"
    return signed(share, 1 if abs(share) < 100 else 0)


def signed(value: float, places: int) -> str:
    """With its sign; what rounds to zero has none."""
    if not isfinite(value):
        return "?"
    text = f"{value:+,.{places}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text


def within(margin: tuple[float, float], relative: bool, unit: str) -> str:
    """A margin: 10 %, 0.5 points."""
    reach = margin[1]
    if relative:
        return f"{100 * (exp(reach) - 1):.3g} %"
    return f"{100 * reach:.2g} percentage points" if unit == "ratio" else f"{reach:.2g} points"
