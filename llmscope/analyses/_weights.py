"""Counting rows that stand for others: what the SQL of a question counts and adds up by, in a log that was thinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmscope.logs import Logs

WEIGHT = "coalesce(sample_weight, 1)"
# {count}, before a FILTER or an AS; {times}, after what is summed.
PLAIN = {"count": "count(*)", "times": ""}
WEIGHED = {"count": f"sum({WEIGHT})", "times": f" * {WEIGHT}"}


def counting(logs: Logs) -> Mapping[str, str]:
    """The holes {count} and {times}: the exact count and sums, or weighted ones where rows carry weights."""
    return WEIGHED if logs.weights else PLAIN


def tidy(rows: Sequence[dict[str, Any]], counts: Sequence[str]) -> list[dict[str, Any]]:
    """Weighted sums without the last digits, which differ with the order of adding up; nothing counted is 0."""
    found = [{k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    return [row | {k: 0 for k in counts if k in row and row[k] is None} for row in found]
