"""What counts as a failure, and how a share of failures is written: what every table of `errors` shares."""

from __future__ import annotations

from typing import Any

from llmscope.result import Column
from llmscope.stats.proportions import wilson
from llmscope.stats.sampling import worth

Row = dict[str, Any]

# A call given up by the one who asked for it did not fail: it is neither in the errors nor in what they are of.
DROPPED = "(status = 'cancelled' OR (status = 'error' AND coalesce(error_class, '') = 'cancelled'))"
FAILED = "(status = 'error' AND coalesce(error_class, '') <> 'cancelled')"
# The requests of which it is known whether they failed.
JUDGED = f"(status = 'ok' OR {FAILED})"
CLASS = f"CASE WHEN {FAILED} THEN coalesce(error_class, 'other') END"

# What is answered and yet no answer. Each is a share of the answers of which the log can tell it.
GENERATED = "(status = 'ok' AND operation NOT IN ('embeddings', 'rerank', 'image', 'audio'))"
SILENT = {
    "truncated": f"({GENERATED} AND finish_reason = 'length')",
    "refused": f"({GENERATED} AND coalesce(refusal, false))",
    "empty": f"({GENERATED} AND coalesce(finish_reason, '') <> 'tool_calls' AND "
    "(output_tokens = 0 OR output_chars = 0))",
    "content_filter": f"({GENERATED} AND finish_reason = 'content_filter')",
}
TOLD = {
    "truncated": f"({GENERATED} AND finish_reason IS NOT NULL)",
    "refused": GENERATED,
    "empty": f"({GENERATED} AND (output_tokens IS NOT NULL OR output_chars IS NOT NULL))",
    "content_filter": f"({GENERATED} AND finish_reason IS NOT NULL)",
}
ANY_SILENT = "coalesce(" + " OR ".join(SILENT.values()) + ", false)"


def rate_columns(name: str, optional: bool = False) -> tuple[Column, Column, Column]:
    """A share and its interval: name_ratio, name_low_ratio, name_high_ratio."""
    of = f"{name}_ratio"
    return (
        Column(of, "ratio", optional=optional),
        Column(f"{name}_low_ratio", "ratio", "low", of, optional=optional),
        Column(f"{name}_high_ratio", "ratio", "high", of, optional=optional),
    )


def rate(name: str, hits: int, n: int) -> Row:
    """The cells of `rate_columns`: Wilson's 95 % interval; all unknown where there is nothing to be a share of."""
    low, high = wilson(hits, n) or (None, None)
    return {f"{name}_ratio": hits / n if n else None, f"{name}_low_ratio": low, f"{name}_high_ratio": high}


def weighted_rate(name: str, hits: float, n: float, hit_squares: float, squares: float) -> Row:
    """The same of rows that carry weights: as many rows as these are worth stand in Wilson's interval."""
    rows = worth(n, squares, hits, hit_squares)
    share = hits / n if n else None
    low, high = (wilson(share * rows, rows) if share is not None else None) or (None, None)
    return {f"{name}_ratio": share, f"{name}_low_ratio": low, f"{name}_high_ratio": high}


def percent(share: float) -> str:
    """A share in words; what is neither none nor all is not rounded to it."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f} %"


def share_text(hits: int, n: int) -> str:
    """`50 of 60 (83.3 %, 72.0 % to 90.7 %)`."""
    interval = wilson(hits, n)
    if interval is None:
        return f"{hits:,} of {n:,}"
    return f"{hits:,} of {n:,} ({percent(hits / n)}, 95 % interval {percent(interval[0])} to {percent(interval[1])})"
