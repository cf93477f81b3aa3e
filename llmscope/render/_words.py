"""What columns are called for people: short headings made from the names, which stay unlike one another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from llmscope.result import Column

# The cells of these columns bear their unit, so the heading need not.
_UNITS_SHOWN_IN_CELLS = re.compile(r"_(usd|ms|ratio)$")
_QUANTILE = re.compile(r"\bp(\d+)(?:_(\d+))?(?=_|$)")
_RATE = re.compile(r"_per_(second|minute|hour|day)$")
_SHORT = {"second": "s", "minute": "min", "hour": "h", "day": "day"}


def headings(columns: Sequence[Column]) -> list[str]:
    """One heading a column; where two would be the same, the longer wording is taken for both."""
    wordings = [_wordings(column) for column in columns]
    chosen = [shortest for shortest, *_ in wordings]
    for level in range(1, 3):
        seen = Counter(chosen)
        chosen = [w[level] if seen[text] > 1 else text for w, text in zip(wordings, chosen, strict=True)]
    return chosen


def _wordings(column: Column) -> tuple[str, str, str]:
    """The shortest heading, a longer one, and the name itself."""
    if "." in column.name:
        return (column.name,) * 3
    bare = _UNITS_SHOWN_IN_CELLS.sub("", column.name)
    if column.kind == "ratio" and bare.endswith("_share"):
        return "share", _spoken(bare), _spoken(column.name)
    return _spoken(bare), _spoken(column.name), column.name


def _spoken(name: str) -> str:
    """`p99_9_low` is `p99.9 low`, `tokens_per_second` is `tokens/s`."""
    name = _QUANTILE.sub(lambda m: f"p{m[1]}.{m[2]}" if m[2] else m[0], name)
    name = _RATE.sub(lambda m: f"/{_SHORT[m[1]]}", name)
    return name.replace("_", " ").strip() or name


def begun(text: str) -> str:
    """A capital at the beginning, save of a quantile's name: `p95` stays so."""
    return text if re.match(r"p\d", text) else text[:1].upper() + text[1:]
