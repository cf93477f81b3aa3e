"""What a drift report asks of the log, and what it found there before anything is judged."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _drift_mixes
from llmscope.analyses._daily import TAILS, Sides, Slot, metrics_of
from llmscope.analyses._drift_lines import Quantiles, Windows
from llmscope.errors import unknown_name
from llmscope.result import Window

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
LEVELS = ("latency", "ttft")
PLAIN = ("input_tokens", "output_tokens", "cost_per_request", "cost", "requests",
         "error_rate", "truncation_rate", "refusal_rate", "fallback_rate")  # fmt: skip
NAMES = (*(name for word in LEVELS for name in (word, *(f"{word}_{tail}" for tail in TAILS))), *PLAIN,
         "score", *_drift_mixes.MIXES)  # fmt: skip
# A name of several: --metric rates.
GROUPS: dict[str, tuple[str, ...]] = {
    "tokens": ("input_tokens", "output_tokens"),
    "costs": ("cost_per_request", "cost"),
    "rates": ("error_rate", "truncation_rate", "refusal_rate", "fallback_rate"),
    "mixes": tuple(_drift_mixes.MIXES),
    **{word: tuple(name for name in NAMES if name == word or name.startswith(f"{word}_p")) for word in LEVELS},
}
# In a window there is a request that began in it; what holds for neither is in no window.
SIDE = """CASE WHEN started_at >= $after_since AND started_at < $after_until THEN 'after'
    WHEN started_at >= $before_since AND started_at < $before_until THEN 'before' END"""
EXTENT_SQL = """
SELECT min(started_at) AS first_at, max(started_at) AS last_at, count(*) FILTER (WHERE started_at IS NULL) AS timeless
FROM requests
"""
# How far the log reaches, whatever --where leaves of it: a day without a request that it lets through is a day of 0.
REACH_SQL = "SELECT min(started_at) AS first_at, max(started_at) AS last_at FROM all_requests"
LEFT_SQL = """
WITH judged AS (
    SELECT {side} AS side, {reason} AS reason FROM requests
)
SELECT reason, count(*) AS requests FROM judged WHERE side IS NOT NULL GROUP BY reason
"""


@dataclass(frozen=True)
class Asked:
    """The question: two windows, slices, metrics by name, and how many tests are corrected for."""

    logs: Logs
    windows: tuple[Window, Window]
    groups: tuple[Dimension, ...]
    wanted: tuple[str, ...]
    back: frozenset[str]
    most: int
    dependent: bool
    distances: bool

    @property
    def both(self) -> Window:
        """From the beginning of the earlier window to the end of the later."""
        before, after = self.windows
        return Window(before.since, after.until, after.tz)

    @property
    def of_days(self) -> bool:
        """Whether both windows are a day long or more: what a part of a day adds up to is no figure a day."""
        lengths = [w.until - w.since for w in self.windows if w.since and w.until]
        return min(lengths) >= datetime.timedelta(hours=23)

    @property
    def sides(self) -> Sides:
        """The two windows as sides of one scan, with the metrics asked for."""
        before, after = self.windows
        ends = {"before_since": before.since, "before_until": before.until,
                "after_since": after.since, "after_until": after.until}  # fmt: skip
        needed = set(self.wanted) | {name.rsplit("_p", 1)[0] for name in self.wanted}
        needed |= {"cost_per_request"} if "cost" in needed else set()
        metrics = tuple(m for m in metrics_of(self.back) if m.word in needed)
        return Sides(self.logs, SIDE, self.both, metrics, ends, self.groups)


@dataclass(frozen=True)
class Seen:
    """What was found: the slices, rows a day of each, and the extent of the log."""

    sides: Sides
    slices: int
    rest: int
    days: Mapping[Slot, Sequence[Row]]
    quantiles: Quantiles
    windows: Windows
    extent: Row

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (None, *range(len(self.sides.keys)))

    def key(self, slot: Slot) -> tuple[Any, ...] | None:
        """A slice's values; None for the whole."""
        return None if slot is None else self.sides.keys[slot]

    def requests(self, side: str, slot: Slot = None) -> int:
        return sum(row["requests"] for row in self.days.get(slot, ()) if row["side"] == side)


def wanted(text: str | None) -> tuple[str, ...]:
    """The names of --metric, groups opened; all without it.

    Raises:
        UsageError: an unknown one; the nearest is named.
    """
    found: list[str] = []
    for word in (w.strip() for w in (text or "").split(",")):
        if not word:
            continue
        if word not in GROUPS and word not in NAMES:
            raise unknown_name("metric", word, [*NAMES, *(g for g in GROUPS if g not in NAMES)])
        found += GROUPS.get(word, (word,))
    return tuple(dict.fromkeys(found)) or NAMES
