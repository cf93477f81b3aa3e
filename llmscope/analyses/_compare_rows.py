"""One row a metric: both levels, the difference found in the way the log allows, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log
from typing import Any

from llmscope.analyses import _compare_sql as sql
from llmscope.analyses._compare_evidence import (
    NO_DAY,
    Evidence,
    ScoreKey,
    days_of,
    is_share,
    score_metric,
    strata_of,
)
from llmscope.analyses._compare_sql import Metric
from llmscope.stats.daily import Day, shift
from llmscope.stats.exact import newcombe, two_rates
from llmscope.stats.paired import Difference, Pairs, as_ratio, by_days, by_sessions, of_shift
from llmscope.stats.quantiles import fewest
from llmscope.stats.standardised import Cell, standardised
from llmscope.stats.verdicts import Margin, Margins

Row = dict[str, Any]
FEWEST_ROWS, RARE = 30, 10


@dataclass(frozen=True)
class Compared:
    """One metric of both sides, before the other tests of the report are counted in."""

    metric: Metric
    n: tuple[int, int]
    days: int
    values: tuple[float | None, float | None]
    margin: Margin
    crude: Difference | None = None
    adjusted: Difference | None = None
    adjusted_effect: float | None = None
    kept: tuple[float, float] | None = None
    sessions: int = 0

    @property
    def relative(self) -> bool:
        return self.metric.scale != "points" or self.metric.quantile is not None

    @property
    def of_mix(self) -> bool:
        """Whether the kinds of requests make the difference: among those alike it turns, or is ruled out."""
        if self.flips or self.crude is None or self.adjusted is None or self.crude.p > 0.05:
            return self.flips
        low, high = self.margin
        ends = self.adjusted.equivalence
        return not low < self.crude.effect < high and low < ends[0] and ends[1] < high

    @property
    def flips(self) -> bool:
        """Whether the sign turns once both sides have the same kinds of requests, and neither sign is mere noise."""
        if self.crude is None or self.adjusted_effect is None or self.crude.effect * self.adjusted_effect >= 0:
            return False
        return min(self.crude.p, self.adjusted.p if self.adjusted else 1.0) <= 0.05


def compared_metrics(found: Evidence, margins: Margins, adjust: bool) -> list[Compared]:
    """Every metric that the log has of either side."""
    ends = tail_ends(found)
    rows = []
    for metric in sql.METRICS:
        if not is_known(found, metric):
            continue
        cells = found.cells(metric)
        if cells["a"] or cells["b"]:
            rows.append(compared(found, metric, cells, margins, adjust, ends))
    return rows


def is_known(found: Evidence, metric: Metric) -> bool:
    """Whether the log has a flag at all: what is never logged is not a rate of 0."""
    return not metric.told or any(row[f"{metric.word}_told"] for row in found.whole.values())


def compared(
    found: Evidence, metric: Metric, cells: Mapping[str, Sequence[Cell]], margins: Margins, adjust: bool,
    ends: Mapping[str, Any], score: ScoreKey | None = None, unit_share: bool = False,
) -> Compared:  # fmt: skip
    """One metric, by the way its rows allow."""
    a, b = days_of(cells["a"]), days_of(cells["b"])
    n = sum(day.n for day in a), sum(day.n for day in b)
    values = level(found, metric, a, "a"), level(found, metric, b, "b")
    both = len({day.date for day in a} & {day.date for day in b} - {NO_DAY})
    days = both if found.design != "apart" else len({day.date for day in (*a, *b)} - {NO_DAY})
    margin = margin_of(metric, margins, values[0], unit_share)
    row = Compared(metric, n, days, values, margin, sessions=fewest_sessions(found))
    if min(n) < FEWEST_ROWS or (metric.quantile and min(n) < fewest(sql.QUANTILES[metric.quantile])):
        return row
    if metric.margin == "rate" and is_rare(n, values):
        row = replace(row, crude=rare(found, metric, n, values))
        return like_for_like(found, row, cells) if adjust and row.crude else row
    crude = difference(found, metric, a, b, score)
    if metric.quantile:
        return replace(row, crude=of_quantile(metric, crude, values, ends) if crude else None)
    row = replace(row, crude=crude)
    return like_for_like(found, row, cells) if adjust and crude else row


def level(found: Evidence, metric: Metric, days: Sequence[Day], side: str) -> float | None:
    """A side's figure as people know it."""
    if metric.quantile:
        return found.whole[side][metric.quantile] if side in found.whole else None
    n = sum(day.n for day in days)
    if not n:
        return None
    mean = sum(day.total for day in days) / n
    return exp(mean) if metric.scale == "log" else mean


def difference(
    found: Evidence, metric: Metric, a: Sequence[Day], b: Sequence[Day], score: ScoreKey | None = None
) -> Difference | None:
    """By days where there are enough of them, else by sessions."""
    by_day = of_days(found, metric, a, b)
    if by_day:
        return by_day
    if metric.scale == "ratio" and min(sum(day.total for day in days) for days in (a, b)) <= 0:
        return None
    rows = found.score_sessions.get(score, {}) if score else found.sessions
    word = "value" if score else metric.word
    return by_sessions(strata_of(rows, word), ratio=metric.scale == "ratio")


def of_days(found: Evidence, metric: Metric, a: Sequence[Day], b: Sequence[Day]) -> Difference | None:
    """By days alone; None on too few of them."""
    timed = [[day for day in days if day.date != NO_DAY] for days in (a, b)]
    if metric.scale == "ratio":
        along = as_ratio(*timed)
        if along is None:
            return None
        timed = list(along)
    if found.design == "days":
        return by_days(*timed)
    apart = shift(*timed) if found.design == "apart" else None
    return of_shift(apart) if apart else None


def like_for_like(found: Evidence, row: Compared, cells: Mapping[str, Sequence[Cell]]) -> Compared:
    """The same at one mix of kinds of requests."""
    metric = row.metric
    at_one_mix = standardised(cells["a"], cells["b"], mantel_haenszel=metric.margin == "rate")
    if at_one_mix is None or min(at_one_mix.kept) < 0.5:
        return replace(row, kept=at_one_mix.kept if at_one_mix else (0.0, 0.0))
    a, b = at_one_mix.a, at_one_mix.b
    effect = b - a
    if metric.scale == "ratio":
        effect = log(b / a) if min(a, b) > 0 else 0.0
    adjusted = of_days(found, metric, at_one_mix.days_a, at_one_mix.days_b)
    if adjusted:
        effect = adjusted.effect
    return replace(row, adjusted=adjusted, adjusted_effect=effect, kept=at_one_mix.kept)


def is_rare(n: tuple[int, int], values: tuple[float | None, float | None]) -> bool:
    """Fewer than ten events, or non-events, on a side."""
    hits = [round((value or 0) * count) for value, count in zip(values, n, strict=True)]
    return any(min(hit, count - hit) < RARE for hit, count in zip(hits, n, strict=True))


def rare(
    found: Evidence, metric: Metric, n: tuple[int, int], values: tuple[float | None, float | None]
) -> Difference | None:
    """Few events: exact, on sessions with at least one where the log has sessions."""
    name = f"{metric.word}_hits"
    hits = [round((value or 0) * count) for value, count in zip(values, n, strict=True)]
    units = list(n)
    if all(name in side for side in found.whole.values()):
        hits = [int(found.whole[side][name]) for side in "ab"]
        units = [min(count, int(found.whole[side]["sessions"])) for side, count in zip("ab", n, strict=True)]
        hits = [min(hit, unit) for hit, unit in zip(hits, units, strict=True)]
    of, among = (hits[0], hits[1]), (units[0], units[1])
    wide, narrow = newcombe(of, among), newcombe(of, among, 0.90)
    if wide is None or narrow is None:
        return None
    effect = of[1] / among[1] - of[0] / among[0]
    return Difference(effect, *wide, narrow, two_rates(of, among).p, None, "exact", sum(among))


def tail_ends(found: Evidence) -> dict[str, Any]:
    """B's quantiles at which the intervals of the tails end."""
    wanted: dict[str, float] = {}
    for metric in (m for m in sql.METRICS if m.quantile):
        cells = found.cells(metric)
        a, b = days_of(cells["a"]), days_of(cells["b"])
        if min(sum(d.n for d in days) for days in (a, b)) < fewest(sql.QUANTILES[metric.quantile or ""]):
            continue
        if crude := difference(found, metric, a, b):
            for name, p in ends_of(metric, crude).items():
                wanted[name] = p
    if not wanted:
        return {}
    listed = ", ".join(f"quantile_cont(slow, {p!r}) AS {name}" for name, p in wanted.items())
    return found.asked.query(sql.ENDS_SQL, {"ends": listed}, priced=False)[0]


def ends_of(metric: Metric, crude: Difference) -> dict[str, float]:
    """Where in B's values the interval ends, 95 % and 90 %; an end outside of the sample is left out."""
    q = sql.QUANTILES[metric.quantile or ""]
    found: dict[str, float] = {}
    for name, (low, high) in {"wide": (crude.low, crude.high), "narrow": crude.equivalence}.items():
        reach = (high - low) / 2
        found |= {f"{metric.quantile}_{name}_low": q - reach, f"{metric.quantile}_{name}_high": q + reach}
    return {name: p for name, p in found.items() if 0 < p < 1}


def of_quantile(
    metric: Metric, crude: Difference, values: tuple[float | None, float | None], ends: Mapping[str, Any]
) -> Difference | None:
    """A share over A's quantile as the change of the quantile itself (Woodruff); the test stays the share's."""
    a, b = values
    if not a or not b:
        return None
    name = metric.quantile
    found = {
        end: log(value / a) if (value := ends.get(f"{name}_{end}")) else inf if end.endswith("high") else -inf
        for end in ("wide_low", "wide_high", "narrow_low", "narrow_high")
    }
    effect = log(b / a)
    return replace(
        crude, effect=effect, low=found["wide_low"], high=found["wide_high"],
        equivalence=(found["narrow_low"], found["narrow_high"]), mde=None,
    )  # fmt: skip


def margin_of(metric: Metric, margins: Margins, before: float | None, unit_share: bool) -> Margin:
    """The least difference worth a word, on the effect's scale."""
    if metric.margin == "rate":
        return margins.rate(before or 0.0)
    if metric.margin == "score":
        return margins.scored(unit_share)
    return margins.ratio(metric.margin)


def fewest_sessions(found: Evidence) -> int:
    """Of the smaller side."""
    return min((int(row["sessions"]) for row in found.whole.values()), default=0)


def compared_scores(found: Evidence, margins: Margins, adjust: bool) -> list[Compared]:
    """Every score by name and rater, the most frequent first."""
    ranked = sorted(found.scores.items(), key=lambda item: (-sum(r["value_n"] for r in item[1]), str(item[0])))
    rows = []
    for key, of_key in ranked[: sql.MOST_KINDS]:
        metric = score_metric(key, of_key)
        cells = found.cells(metric, of_key, "value")
        share = metric.unit == "points" and is_share(of_key)
        rows.append(compared(found, metric, cells, margins, adjust, {}, key, share))
    return rows


def of_pairs(
    metric: Metric, known: Pairs, crude: Difference | None, margins: Margins, unit_share: bool = False
) -> Compared:
    """A metric of the items both sides answered."""
    means = known.a / known.n, known.b / known.n
    values = (exp(means[0]), exp(means[1])) if metric.scale == "log" else means
    margin = margin_of(metric, margins, values[0], unit_share)
    if metric.margin == "rate" and is_rare((known.n, known.n), values):
        crude = None
    return Compared(metric, (known.n, known.n), 0, values, margin, crude)
