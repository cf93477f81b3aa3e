"""Whether a kind of failure grows: its share in the last week against the week before, or in two halves of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from llmscope.result import TOO_FEW
from llmscope.stats.exact import newcombe
from llmscope.stats.quantiles import DaySums, t_quantile

WEEK = 7
# Under as many failures in both spans together nothing is said.
FEWEST = 10
# From as many buckets a side on, the spread between buckets is measured; under it they are taken to be alike.
FEWEST_BUCKETS = 7
# A change that is surely smaller than both of these is none worth naming: points of share, and part of the first share.
MARGIN_RATIO, MARGIN_OF_FIRST = 0.005, 0.2
SHORT_DAYS = 4
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Trend:
    """Up, down, steady or too few to say; the difference of the two shares with its interval."""

    word: str
    change_ratio: float | None = None
    low_ratio: float | None = None
    high_ratio: float | None = None


def bucket_for(first: datetime | None, last: datetime | None) -> str:
    """Days, or hours for a log of few days."""
    return "hour" if first and last and (last - first).days < SHORT_DAYS else "day"


def halves(buckets: Sequence[str], bucket: str) -> tuple[Sequence[str], Sequence[str]]:
    """The earlier and the later span compared: two weeks where there are two, else all there is, cut in the middle."""
    if bucket == "day" and len(buckets) >= 2 * WEEK:
        return buckets[-2 * WEEK : -WEEK], buckets[-WEEK:]
    middle = len(buckets) // 2
    return buckets[:middle], buckets[middle:]


def spans_text(earlier: Sequence[str], later: Sequence[str], bucket: str) -> str:
    """What was compared, for the small print."""
    if bucket == "day" and len(later) == len(earlier) == WEEK:
        return f"the last 7 days ({later[0]} to {later[-1]}) against the 7 before"
    unit = "hours" if bucket == "hour" else "days"
    return f"the later {len(later)} {unit} (from {later[0]}) against the earlier {len(earlier)}"


def trend(
    earlier: Sequence[str], later: Sequence[str], counts: Mapping[str, int], hits: Mapping[str, int], tests: int
) -> Trend:
    """The change between two spans.

    Args:
        counts, hits: requests judged and failures a bucket; tests: how many trends are told, for which the interval
            is widened (Bonferroni).

    Method: with 7 buckets a side or more, the difference of two ratios of sums with buckets drawn as a whole
    (linearised), Student's t on the smaller number of buckets - 1; else Newcombe's interval of two Wilson intervals
    (Statistics in Medicine 17, 1998, method 10), which takes buckets to be alike.
    """
    first, second = (sums_of(span, counts, hits) for span in (earlier, later))
    if not first.n or not second.n or first.hits + second.hits < FEWEST:
        return Trend(TOO_FEW)
    confidence = 1 - (1 - CONFIDENCE) / max(tests, 1)
    change = second.hits / second.n - first.hits / first.n
    if min(first.days, second.days) >= FEWEST_BUCKETS:
        reach = t_quantile((1 + confidence) / 2, min(first.days, second.days) - 1)
        reach *= sqrt(first.error**2 + second.error**2)
        low, high = change - reach, change + reach
    else:
        low, high = newcombe((first.hits, second.hits), (first.n, second.n), confidence) or (-1.0, 1.0)
    return Trend(word(first.hits / first.n, low, high), change, low, high)


def sums_of(span: Sequence[str], counts: Mapping[str, int], hits: Mapping[str, int]) -> DaySums:
    """The buckets of one span in which anything was asked."""
    used = [b for b in span if counts.get(b)]
    return DaySums.of([counts[b] for b in used], [hits.get(b, 0) for b in used])


def word(before: float, low: float, high: float) -> str:
    """What an interval of a change says."""
    if low > 0 or high < 0:
        return "up" if low > 0 else "down"
    margin = max(MARGIN_RATIO, MARGIN_OF_FIRST * before)
    return "steady" if -margin <= low and high <= margin else TOO_FEW
