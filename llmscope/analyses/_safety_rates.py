"""How often a check was met: shares with their intervals by day, and whether they are above an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from llmscope.analyses._errors_rows import percent
from llmscope.result import Column
from llmscope.stats.proportions import clustered, wilson
from llmscope.stats.quantiles import FEWEST_DAYS, DaySums

Row = dict[str, Any]
ABOVE, BELOW, UNSURE, NONE_SEEN = "above", "below", "cannot tell", "none seen"
CHECK = (
    Column("kind", "text", "dimension"),
    Column("source", "text", "dimension"),
    Column("name", "text", "dimension"),
    Column("rater", "text", "dimension", optional=True),
)
MEASURES = (
    Column("flagged", "count"),
    Column("judged", "count", "n"),
    Column("rate_ratio", "ratio"),
    Column("verdict", "text"),
    Column("rate_low_ratio", "ratio", "low", "rate_ratio"),
    Column("rate_high_ratio", "ratio", "high", "rate_ratio"),
    Column("alarm_ratio", "ratio", optional=True),
    Column("first_seen", "time", optional=True),
    Column("last_seen", "time", optional=True),
)
# More judgements than this are not asked for: the share is as good as the alarm.
MOST_ASKED = 10_000_000


@dataclass(frozen=True)
class Tally:
    """One check in one slice: daily sums of the judged and the flagged, and when it was first and last flagged."""

    kind: str
    source: str
    name: str
    rater: str | None
    sums: DaySums
    key: Row = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    untold: int = 0
    looked_at: int = 0

    @property
    def check(self) -> tuple[str, str, str, str | None]:
        return self.kind, self.source, self.name, self.rater

    @property
    def interval(self) -> tuple[float, float] | None:
        return clustered(self.sums)

    @property
    def worth(self) -> float:
        """The share of its judgements that they are worth, as those of one day resemble each other; 1 where unknown."""
        plain, wide = wilson(self.sums.hits, self.sums.n), self.interval
        if plain is None or wide is None or self.sums.days < FEWEST_DAYS or not 0 < self.sums.hits < self.sums.n:
            return 1.0
        return min(((plain[1] - plain[0]) / (wide[1] - wide[0])) ** 2, 1.0)


def tally_of(row: Mapping[str, Any], words: Sequence[str]) -> Tally:
    """A row of _safety_sql.SUMMED."""
    sums = DaySums(*(int(row[n] or 0) for n in ("days", "n", "hits", "hits_squared", "hits_by_count", "count_squared")))
    return Tally(
        row["kind"], row["source"], row["name"], row["rater"], sums, {word: row[word] for word in words},
        row["first_seen"], row["last_seen"], int(row["untold"] or 0), int(row["looked_at"] or 0),
    )  # fmt: skip


def row_of(tally: Tally, alarm: float | None) -> Row:
    """The cells of CHECK and MEASURES, after those of the slice."""
    low, high = tally.interval or (None, None)
    sums = tally.sums
    return {
        **tally.key,
        "kind": tally.kind,
        "source": tally.source,
        "name": tally.name,
        "rater": tally.rater,
        "flagged": sums.hits,
        "judged": sums.n,
        "rate_ratio": sums.share if sums.n else None,
        "rate_low_ratio": low,
        "rate_high_ratio": high,
        "alarm_ratio": alarm,
        "verdict": verdict(sums.hits, tally.interval, alarm),
        "first_seen": tally.first,
        "last_seen": tally.last,
    }


def verdict(hits: int, interval: tuple[float, float] | None, alarm: float | None) -> str | None:
    """Whether a share is surely above its alarm, surely below it, or neither; with an alarm of 0, whether any was."""
    if alarm is None or interval is None:
        return None
    if alarm == 0:
        return ABOVE if hits else NONE_SEEN
    return ABOVE if interval[0] > alarm else BELOW if interval[1] < alarm else UNSURE


def needed(tally: Tally, alarm: float) -> int | None:
    """How many judgements in all would decide, should the share stay what it is; None for too many.

    z^2 p (1 - p) / (p - alarm)^2: the half width of a 95 % interval is then the distance; over what one is worth.
    """
    share = tally.sums.share
    if share in (0.0, 1.0) or share == alarm:
        return None
    n = ceil(1.959964**2 * share * (1 - share) / (share - alarm) ** 2 / tally.worth)
    return n if tally.sums.n < n <= MOST_ASKED else None


def share_text(tally: Tally) -> str:
    """`33 of 1,314 (2.5 %, 95 % interval 1.8 % to 3.5 %)`."""
    sums, interval = tally.sums, tally.interval
    if interval is None:
        return f"{sums.hits:,} of {sums.n:,}"
    low, high = (percent(end) for end in interval)
    return f"{sums.hits:,} of {sums.n:,} ({percent(sums.share)}, 95 % interval {low} to {high})"


def check_text(tally: Tally) -> str:
    """`hallucination (safety.hallucination, judge gpt-judge)`."""
    by = f"{tally.source} {tally.rater}" if tally.rater else tally.source
    return f"{tally.kind} ({by if tally.source == 'scan' else f'{tally.name}, {by}'})"
