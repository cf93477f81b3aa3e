"""The rows of a comparison as the result has them: the tests counted together, a verdict each."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf
from typing import Any

from llmscope.analyses import _compare_words as words
from llmscope.analyses._compare_rows import FEWEST_ROWS, Compared
from llmscope.result import TOO_FEW, Column
from llmscope.stats.families import benjamini_hochberg
from llmscope.stats.verdicts import DRIFT, STABLE, judged

Row = dict[str, Any]
SAME, SMALL, OPEN = "no difference", "small", "inconclusive"
FEWEST_SESSIONS = 100
ROUNDING = 1e-9
# A tail needs so many rows a side to be judged.
OF_TAIL = {"p50": 30, "p95": 1_000, "p99": 5_000}
COLUMNS = (
    Column("metric", "text", "dimension"),
    Column("a", "text"),
    Column("b", "text"),
    Column("change", "text"),
    Column("interval", "text"),
    Column("verdict", "text"),
    Column("a_requests", "count", "n", optional=True),
    Column("b_requests", "count", "n", optional=True),
    Column("days", "count", "n", optional=True),
    Column("adjusted_change", "text", optional=True),
    Column("method", "text", detail=True),
    Column("unit", "text", detail=True),
    Column("a_value", "rate", detail=True),
    Column("b_value", "rate", detail=True),
    Column("relative", "flag", detail=True),
    Column("effect", "rate", detail=True),
    Column("effect_low", "rate", "low", "effect", detail=True),
    Column("effect_high", "rate", "high", "effect", detail=True),
    Column("adjusted_effect", "rate", detail=True),
    Column("margin", "rate", detail=True),
    Column("detectable", "rate", detail=True),
    Column("day_correlation", "rate", detail=True),
    Column("p", "rate", detail=True),
    Column("q", "rate", detail=True),
)


def verdict(row: Compared, q: float | None) -> str:
    """Better, worse, higher or lower; small; no difference beyond the margin; inconclusive; too few."""
    of = row.crude
    if of is None or min(row.n) < FEWEST_ROWS or q is None:
        return TOO_FEW
    if row.metric.quantile and min(row.n) < OF_TAIL[row.metric.quantile]:
        return TOO_FEW
    if of.method in ("days apart", "same days", "sessions") and min(row.sessions, *row.n) < FEWEST_SESSIONS:
        return OPEN
    if row.of_mix:
        if row.adjusted is None:
            return OPEN
        of, q = row.adjusted, max(q, row.adjusted.p)
    low, high = row.margin
    ruled_out = low < of.equivalence[0] and of.equivalence[1] < high
    said = judged(of.real(q), of.effect, of.equivalence, row.margin)
    if said == STABLE or (said != DRIFT and ruled_out):
        return SAME
    if said != DRIFT:
        return SMALL if of.real(q) else OPEN
    if row.metric.better == 0:
        return "higher" if of.effect > 0 else "lower"
    return "better" if of.effect * row.metric.better > 0 else "worse"


def written(rows: Sequence[Compared]) -> list[Row]:
    """The rows as the result has them, the tests counted together."""
    tested = [row.crude.p for row in rows if row.crude]
    qs = iter(benjamini_hochberg(tested))
    mixed = any(row.metric.word == "latency" and row.of_mix for row in rows)
    return [cells_of(row, next(qs) if row.crude else None, mixed) for row in rows]


def cells_of(row: Compared, q: float | None, mixed: bool) -> Row:
    """One row's cells; `mixed`: latency differs by the mix alone, which a quantile cannot be freed of."""
    said = verdict(row, q)
    metric, crude = row.metric, row.crude
    unit, relative = metric.unit, row.relative
    return {
        "metric": metric.said,
        "a": words.shown(row.values[0], unit),
        "b": words.shown(row.values[1], unit),
        "change": words.change(crude.effect, relative, unit) + of_sessions(row) if crude else None,
        "interval": words.interval(crude, relative, unit) if crude else None,
        "verdict": OPEN if mixed and row.metric.quantile and said != TOO_FEW else said,
        "a_requests": row.n[0],
        "b_requests": row.n[1],
        "days": row.days,
        "adjusted_change": words.both(row.adjusted_effect, row.adjusted, relative, unit),
        "method": crude.method if crude else None,
        "unit": unit,
        "a_value": row.values[0],
        "b_value": row.values[1],
        "relative": relative,
        "effect": plain(crude.effect, relative) if crude else None,
        "effect_low": plain(crude.low, relative) if crude else None,
        "effect_high": plain(crude.high, relative) if crude else None,
        "adjusted_effect": plain(row.adjusted_effect, relative) if row.adjusted_effect is not None else None,
        "margin": plain(row.margin[1], relative),
        "detectable": plain(crude.mde, relative) if crude and crude.mde else None,
        "day_correlation": crude.rho if crude else None,
        "p": crude.p if crude else None,
        "q": q,
    }


def of_sessions(row: Compared) -> str:
    """What a change is of where it is not of the levels beside it: few events are counted by session."""
    if row.crude is None or row.crude.method != "exact" or None in row.values:
        return ""
    levels = (row.values[1] or 0.0) - (row.values[0] or 0.0)
    return "" if abs(row.crude.effect - levels) < ROUNDING else " of sessions"


def plain(effect: float, relative: bool) -> float | None:
    """A relative change as a share, a difference as it is; None where nothing bounds it."""
    if effect in (inf, -inf):
        return None
    return exp(effect) - 1 if relative else effect
