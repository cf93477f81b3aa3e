"""Two slices of scored answers side by side: does the dearer one score better?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

from llmscope.analyses._quality_like import who
from llmscope.stats.changes import shift
from llmscope.stats.quantiles import t_quantile

Row = dict[str, Any]
# A count and a sum a day.
Days = tuple[tuple[float, float], ...]
FEWEST_DAYS = 4
# As for tokens: a difference surely smaller than this part of the scores' standard deviation is none.
MARGIN = 0.2
DEARER = 1.1
BETTER, WORSE, SAME, UNSHOWN = "better", "worse", "no better", "not shown to be better"


@dataclass(frozen=True)
class Daily:
    """One slice under one version of one rater: its days, oldest first."""

    names: Mapping[str, Any]
    n: int
    score: Days
    cost: Days
    squares: float
    p50_ms: float | None
    first_day: Any
    last_day: Any

    @classmethod
    def of(cls, names: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Daily:
        ordered = sorted(rows, key=lambda r: (r["seen_day"] is None, r["seen_day"]))
        days = [r["seen_day"] for r in ordered if r["seen_day"] is not None]
        return cls(
            names, sum(r["n"] for r in ordered),
            tuple((r["n"], r["total"]) for r in ordered),
            tuple((r["costed"], r["cost"]) for r in ordered if r["costed"]),
            sum(r["squares"] for r in ordered), ordered[0]["p50_ms"],
            days[0] if days else None, days[-1] if days else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """The cheaper and the dearer of two slices, with how much more it costs and how much better it scores."""

    cheap: Daily
    dear: Daily
    ratio: tuple[float, float, float]
    difference: tuple[float, float | None, float | None]
    verdict: str

    def row(self, word: str, words: Sequence[str], of: Row) -> Row:
        """The finding's row and sentence."""
        cheap, dear = mean_and_error(self.cheap.score)[0], mean_and_error(self.dear.score)[0]
        costs = [mean_and_error(one.cost)[0] for one in (self.cheap, self.dear)]
        name = " ".join(str(self.dear.names[w]) for w in words if w != word and self.dear.names[w] is not None)
        moved, least, most = self.difference
        ends = f" (95 % interval {least:+.2f} to {most:+.2f})" if least is not None else ""
        more = dearer(self.ratio, str(self.cheap.names[word])).format(cost=f"${costs[1]:.4g} against ${costs[0]:.4g}")
        judge = who({**self.dear.names, "rater_kind": of["rater_kind"]})
        text = (
            f"{name}: {word} {self.dear.names[word]} {more} and is {self.verdict}: {of['score']} {dear:.2f} against "
            f"{cheap:.2f} by {judge}, {moved:+.2f}{ends}, n {self.dear.n:,} and {self.cheap.n:,}"
        )
        found: Row = {w: self.dear.names[w] for w in words}
        found |= {"costs_more_than": self.cheap.names[word], "cost_ratio": self.ratio[0], "difference": moved}
        found |= {"difference_low": least, "difference_high": most, "scores": self.dear.n, "text": text}
        shown = self.verdict in (WORSE, SAME)
        return found | {"severity": "warning" if shown else "info", "rank": 0 if shown else 1}


def dearer(ratio: tuple[float, float, float], than: str) -> str:
    """`costs 14 % more a request than v7 (…, 95 % interval 8 % to 20 %)`, `6.6 times`; {cost} is for the figures."""
    if ratio[0] < 2:
        middle, low, high = (f"{100 * (r - 1):.0f} %" for r in ratio)
        return f"costs {middle} more a request than {than} ({{cost}}; 95 % interval {low} to {high})"
    return f"costs {ratio[0]:.1f} times what {than} does ({{cost}}; 95 % interval {ratio[1]:.1f} to {ratio[2]:.1f})"


def mean_and_error(days: Days) -> tuple[float, float, int]:
    """The mean over all, its standard error with days drawn as a whole (as in DaySums), and the days."""
    n, total = sum(d[0] for d in days), sum(d[1] for d in days)
    mean = total / n
    around = sum((d[1] - mean * d[0]) ** 2 for d in days)
    error = sqrt(len(days) / (len(days) - 1) * around) / n if len(days) > 1 else 0.0
    return mean, error, len(days)


def welch_df(first: float, n1: int, second: float, n2: int) -> float:
    """Welch-Satterthwaite's degrees of freedom for two standard errors over n1 and n2 days."""
    below = first**4 / (n1 - 1) + second**4 / (n2 - 1)
    return (first**2 + second**2) ** 2 / below if below else float(min(n1, n2) - 1)


def compared(one: Daily, other: Daily) -> Pair | None:
    """The dearer of two slices if it costs surely more (by a tenth or more) and does not surely score better."""
    if min(len(one.cost), len(other.cost)) < FEWEST_DAYS:
        return None
    cheap, dear = sorted((one, other), key=lambda s: mean_and_error(s.cost)[0])
    ratio = cost_ratio(cheap, dear)
    if ratio is None or ratio[0] < DEARER or ratio[1] <= 1:
        return None
    difference = score_difference(cheap, dear)
    verdict = reading(difference, MARGIN * deviation(cheap, dear))
    return None if verdict == BETTER else Pair(cheap, dear, ratio, difference, verdict)


def cost_ratio(cheap: Daily, dear: Daily) -> tuple[float, float, float] | None:
    """Mean cost over mean cost with its 95 % interval: by days, the logarithm's error by the delta method."""
    (a, a_error, a_days), (b, b_error, b_days) = mean_and_error(cheap.cost), mean_and_error(dear.cost)
    if a <= 0 or b <= 0:
        return None
    left, right = a_error / a, b_error / b
    error = sqrt(left**2 + right**2)
    reach = t_quantile(0.975, welch_df(left, a_days, right, b_days)) * error
    return b / a, exp(log(b / a) - reach), exp(log(b / a) + reach)


def score_difference(cheap: Daily, dear: Daily) -> tuple[float, float | None, float | None]:
    """Mean of the dearer less mean of the cheaper, with its 95 % interval.

    Where one began when the other had ended, neighbouring days being alike (stats.changes.shift); else Welch's over
    days, which takes days that both share for independent: too wide then rather than too narrow.
    """
    (a, a_error, a_days), (b, b_error, b_days) = mean_and_error(cheap.score), mean_and_error(dear.score)
    if min(a_days, b_days) < FEWEST_DAYS:
        return b - a, None, None
    if cheap.last_day < dear.first_day or dear.last_day < cheap.first_day:
        early, late = (cheap, dear) if cheap.last_day < dear.first_day else (dear, cheap)
        both = [*early.score, *late.score]
        moved = shift([d[1] / d[0] for d in both], 0, len(early.score), len(both), [d[0] for d in both])
        return (b - a, moved.low, moved.high) if late is dear else (b - a, -moved.high, -moved.low)
    error = sqrt(a_error**2 + b_error**2)
    reach = t_quantile(0.975, welch_df(a_error, a_days, b_error, b_days)) * error
    return b - a, b - a - reach, b - a + reach


def deviation(one: Daily, other: Daily) -> float:
    """The standard deviation of the scores of both about their own means."""
    left = sum(s.squares - s.n * mean_and_error(s.score)[0] ** 2 for s in (one, other))
    return sqrt(max(left, 0.0) / max(one.n + other.n - 2, 1))


def reading(difference: tuple[float, float | None, float | None], margin: float) -> str:
    """Whether the dearer scores better, as a word."""
    _, low, high = difference
    if low is None or high is None:
        return UNSHOWN
    if low > 0:
        return BETTER
    if high < 0:
        return WORSE
    return SAME if high <= margin else UNSHOWN
