"""Intervals of quantiles: by order statistics where requests stand for themselves, by days where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log, sqrt

# Under as many days the spread between them says nothing; order statistics then assume that requests are alike.
FEWEST_DAYS = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where in the ordered values an interval ends, as probabilities in [0, 1]; None where the sample ends first."""

    low: float | None
    high: float | None
    method: str


@dataclass(frozen=True, slots=True)
class DaySums:
    """Daily counts c and hits b (of them), summed over days: all that a ratio's day-clustered error needs."""

    days: int
    n: int
    hits: int
    hits_squared: int
    hits_by_count: int
    count_squared: int

    @classmethod
    def of(cls, counts: Sequence[int], hits: Sequence[int]) -> DaySums:
        """From a figure a day."""
        pairs = list(zip(hits, counts, strict=True))
        return cls(
            len(counts), sum(counts), sum(hits),
            sum(b * b for b, _ in pairs), sum(b * c for b, c in pairs), sum(c * c for _, c in pairs),
        )  # fmt: skip

    @property
    def share(self) -> float:
        return self.hits / self.n

    @property
    def error(self) -> float:
        """The standard error of hits / n as a ratio of daily sums, days drawn as a whole.

        sqrt(d / (d - 1) x sum of (b - share c)^2) / n: linearised (Deng, Knoblich & Lu, KDD 2018). The sum is worked
        out in whole numbers, as n^2 sum b^2 - 2 n hits sum bc + hits^2 sum c^2 over n^2.
        """
        spread = (
            self.n**2 * self.hits_squared
            - 2 * self.n * self.hits * self.hits_by_count
            + self.hits**2 * self.count_squared
        )
        return sqrt(self.days / (self.days - 1) * spread / self.n**2) / self.n


def fewest(q: float, confidence: float = 0.95) -> int:
    """The least sample for which a quantile has a finite interval on both sides: 72 for p95, 368 for p99.

    Below it the largest value may well be smaller than the quantile. ceil(ln(alpha / 2) / ln(max(q, 1 - q))).
    """
    tail = max(q, 1 - q)
    return ceil(log((1 - confidence) / 2) / log(tail)) if 0 < tail < 1 else 1


def order_bounds(n: int, q: float, confidence: float = 0.95) -> Bounds:
    """Ranks of two order statistics between which the quantile lies, for independent values.

    Method: the binomial's (1 - confidence) / 2 quantiles; rank l = ppf(a) and u = ppf(1 - a) + 1, from 1
    (David & Nagaraja, Order Statistics, 7.1). Given as (rank - 1) / (n - 1), the probability that a type 7 quantile
    takes for that rank.
    """
    alpha = (1 - confidence) / 2
    low, high = binomial_quantile(alpha, n, q), binomial_quantile(1 - alpha, n, q) + 1
    return Bounds(at_rank(low, n), at_rank(high, n), "order statistics")


def binomial_quantile(p: float, n: int, q: float) -> int:
    """The least k with P(X <= k) >= p for X of Binomial(n, q)."""
    from scipy.special import bdtr, bdtrik

    if q <= 0 or q >= 1:
        return 0 if q <= 0 else n
    found = bdtrik(p, n, q)
    k = max(ceil(found), 0) if found == found else 0  # NaN where even k = 0 is likelier than p
    return k - 1 if k >= 1 and bdtr(k - 1, n, q) >= p else k


def at_rank(rank: int, n: int) -> float | None:
    """The type 7 probability of one order statistic; None outside of the sample."""
    if not 1 <= rank <= n:
        return None
    return (rank - 1) / (n - 1) if n > 1 else 0.5


def day_bounds(q: float, sums: DaySums, confidence: float = 0.95) -> Bounds:
    """The same where requests of one day resemble each other.

    Args:
        sums: of the values a day, those at or under the estimated quantile being the hits.

    Method: Woodruff's interval (JASA 47, 1952): the standard error of the share below the quantile, by days, taken as
    q +- t se and turned back into values. Student's t on days - 1.
    """
    margin = t_quantile((1 + confidence) / 2, sums.days - 1) * sums.error
    low, high = q - margin, q + margin
    return Bounds(low if low > 0 else None, high if high < 1 else None, "days")


def bounds(q: float, sums: DaySums, confidence: float = 0.95) -> Bounds:
    """By days where there are enough of them, else by order statistics; no end is given on too small a sample."""
    if sums.n < fewest(q, confidence):
        return Bounds(None, None, "n too small")
    if sums.days >= FEWEST_DAYS:
        return day_bounds(q, sums, confidence)
    return order_bounds(sums.n, q, confidence)


def places(p: float, n: int) -> tuple[int, int, float]:
    """The two places (from 0) in n ordered values between which the type 7 quantile p lies, and how far along."""
    position = p * (n - 1)
    low = min(floor(position), n - 1)
    return low, min(low + 1, n - 1), position - low


def t_quantile(p: float, df: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, p))
