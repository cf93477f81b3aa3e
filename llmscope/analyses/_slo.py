"""Budgets of latency and errors: how they are written, and how much of each is spent."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmscope.analyses import _counted, _rolled_latency, _slices
from llmscope.analyses._latency_sql import METRICS, Asked, Metric, measured, name_of, percentage
from llmscope.errors import UsageError, unknown_name
from llmscope.result import TOO_FEW, Column
from llmscope.stats.proportions import chance_of_at_most, clustered
from llmscope.stats.quantiles import DaySums

Row = dict[str, Any]
EVERY_FEATURE, DEFAULT, CONFIG = "*", "default", "config"
QUANTILE = 0.95
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "min": 60_000.0}
AMOUNT = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+) ?(?P<unit>us|ms|s|min|m|%)")
ERRORS = Metric("errors", "CASE WHEN status = 'error' THEN 1.0 ELSE 0.0 END", "failed requests")
# Failures are what is counted; answers from a cache and guessed times neither fail nor succeed by the model's doing.
ERROR_REASONS = ("cached", "embeddings")
SUMS = ("days", "n", "hits", "hits_squared", "hits_by_count", "count_squared")
MET, MISSED = "met", "missed"
# How likely so many misses may be in a service that keeps its budget: what lies outside of an interval at one end.
CHANCE = 0.025
SQL = """
WITH counted AS (
    SELECT *, {value} AS measured FROM {relation} WHERE ({counts}) AND {only}
), sliced AS (
    SELECT {dimensions} measured, date_trunc('day', started_at) AS day_of FROM counted WHERE measured IS NOT NULL
), daily AS (
    SELECT {columns} day_of, count(*) AS requests, count(*) FILTER (WHERE measured <= $limit) AS hits
    FROM sliced
    GROUP BY ALL
)
SELECT {columns} count(*) AS days, sum(requests) AS n, sum(hits) AS hits, sum(hits * hits) AS hits_squared,
    sum(hits * requests) AS hits_by_count, sum(requests * requests) AS count_squared
FROM daily
GROUP BY ALL
"""
MEASURES = (
    Column("verdict", "text"),
    Column("quantile", "text"),
    Column("budget_ms", "ms"),
    Column("target_ratio", "ratio", optional=True),
    Column("requests", "count", "n"),
    Column("measured_ms", "ms", optional=True),
    Column("within_ratio", "ratio"),
    Column("within_low_ratio", "ratio", "low", "within_ratio", optional=True),
    Column("within_high_ratio", "ratio", "high", "within_ratio", optional=True),
    Column("misses", "count", optional=True),
    Column("allowed_misses", "count", optional=True),
    Column("misses_left", "count"),
)


@dataclass(frozen=True, slots=True)
class Budget:
    """At least `share` of a feature's requests take at most `limit_ms` of the metric; or do not fail."""

    feature: str | None
    metric: Metric
    share: float
    limit_ms: float | None
    default: bool = False

    @property
    def quantile(self) -> str | None:
        """p95, as people say it; an error rate has none."""
        return None if self.limit_ms is None else name_of(self.share)


# What is asked of a service about which nothing else was said.
DEFAULTS = (
    Budget(None, METRICS["ttft"], QUANTILE, 500.0, default=True),
    Budget(None, METRICS["total"], QUANTILE, 5000.0, default=True),
    Budget(None, ERRORS, 0.98, None, default=True),
)
# The three at once, as a question about latency shows them unasked: one pass, however large the log.
DEFAULTS_SQL = """
WITH held AS (
    SELECT date_trunc('day', started_at) AS day_of,
        CASE WHEN ({counts}) THEN latency_ms END AS total_ms,
        CASE WHEN ({counts}) AND {streamed_chat} THEN ttft_ms END AS ttft_ms,
        CASE WHEN ({errors_count}) THEN CASE WHEN status = 'error' THEN 1.0 ELSE 0.0 END END AS errors
    FROM requests
), daily AS (
    SELECT day_of, {daily}
    FROM held
    GROUP BY day_of
)
SELECT {summed}
FROM daily
"""
STREAMED_CHAT = "operation IN ('chat', 'generate_content')"


def budgets_of(texts: Sequence[str], config: Mapping[str, Any]) -> tuple[Budget, ...]:
    """The budgets of --slo; its words `config` and `default` stand for [slo] and for ours.

    Raises:
        UsageError: one that cannot be read.
    """
    found: list[Budget] = []
    for text in texts:
        if text == DEFAULT:
            found += DEFAULTS
        elif text == CONFIG:
            found += configured(config)
        else:
            feature, sign, rest = text.rpartition("=")
            if not sign or not feature:
                raise UsageError(
                    f"--slo {text!r}: no budget",
                    hint="chat=2s, chat=p99:30s, chat=ttft:500ms, chat=errors:2%, *=5s, config or default",
                )
            found.append(budget(feature, rest, f"--slo {text!r}"))
    return tuple(dict.fromkeys(found))


def configured(config: Mapping[str, Any]) -> tuple[Budget, ...]:
    """The budgets of [slo] in llmscope.toml: FEATURE = "2s" or a list of them.

    Raises:
        UsageError: one that cannot be read.
    """
    found = []
    for feature, said in config.items():
        for text in said if isinstance(said, list) else [said]:
            where = f"llmscope.toml: [slo] {feature} = {text!r}"
            if not isinstance(text, str):
                raise UsageError(f'{where}: a budget is a text with its unit, as in "2s" or "ttft:500ms"')
            found.append(budget(feature, text, where))
    return tuple(found)


def budget(feature: str, text: str, where: str) -> Budget:
    """`[METRIC:][pQ:]AMOUNT`, as in 2s, p99:30s, ttft:500ms, errors:2%.

    Raises:
        UsageError: it is none.
    """
    *words, amount = [word.strip() for word in text.split(":")]
    found = AMOUNT.fullmatch(amount)
    if found is None:
        raise UsageError(
            f"{where}: {amount!r} is no amount", hint="a number and its unit: 500ms, 2s, 1.5min; 2% of errors"
        )
    share, metric = QUANTILE, ERRORS if found["unit"] == "%" else METRICS["total"]
    for word in words:
        if re.fullmatch(r"p\d.*", word):
            share = quantile_of(word, where)
        else:
            metric = metric_of(word, where)
    of = None if feature.strip() == EVERY_FEATURE else feature.strip()
    if (metric is ERRORS) != (found["unit"] == "%"):
        raise UsageError(f"{where}: errors are a share, as in errors:2%, and times have a unit of time")
    if metric is ERRORS:
        rate = float(found["number"]) / 100
        if not 0 <= rate < 1:
            raise UsageError(f"{where}: {amount!r} of errors allows everything")
        return Budget(of, metric, round(1 - rate, 12), None)
    return Budget(of, metric, share, float(found["number"]) * UNITS_MS[found["unit"]])


def quantile_of(word: str, where: str) -> float:
    """`p99` as 0.99."""
    try:
        return percentage(word.removeprefix("p"))
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}") from None


def metric_of(word: str, where: str) -> Metric:
    """What is held to a budget: a time, or errors."""
    known = {name: metric for name, metric in METRICS.items() if metric.unit == "ms"} | {"errors": ERRORS}
    if word not in known:
        error = unknown_name("metric", word, known)
        raise UsageError(f"{where}: {error.message}", hint=error.hint)
    return known[word]


def columns_of(asked: Asked, budgets: Sequence[Budget]) -> tuple[Column, ...]:
    """A row a budget and slice; figures that none of the budgets has are left away."""
    shown: tuple[Column, ...] = MEASURES
    if all(b.limit_ms is None for b in budgets):
        shown = tuple(c for c in shown if c.name not in ("quantile", "budget_ms", "measured_ms"))
    slices = [c for c in _slices.columns_of(asked.groups) if c.name != "feature"]
    return (Column("feature", "text", "dimension"), Column("metric", "text", "dimension"), *slices, *shown)


def judged(asked: Asked, budgets: Sequence[Budget], include: frozenset[str]) -> list[Row]:
    """Each budget over each slice of its feature.

    One without a request stands with 0 and no verdict, so that a gate on no data does not pass.
    """
    found: list[Row] = []
    for one in budgets:
        # --by feature is what budgets are by already; those of every feature are then shown by feature.
        groups = tuple(d for d in asked.groups if d.word != "feature" or one.feature is None)
        counts = _counted.condition(include, ERROR_REASONS) if one.metric is ERRORS else asked.counts
        only, values = condition(one)
        of = replace(asked, metric=one.metric, groups=groups, counts=counts, only=only, values=values)
        rows = of.query(SQL, {}, limit=0.5 if one.limit_ms is None else one.limit_ms)
        quantile = {"figure": one.share}
        figures = measured(of, quantile) if one.limit_ms is not None and rows else []
        at = {tuple(row[d.word] for d in groups): row["figure"] for row in figures}
        judged_rows = [row_of(one, row, at.get(tuple(row[d.word] for d in groups))) for row in rows if row["n"]]
        judged_rows.sort(key=lambda row: tuple((row.get(d.word) is None, str(row.get(d.word))) for d in groups))
        blank = {d.word: None for d in asked.groups}
        found += [{**blank, **row} for row in judged_rows] or [{**blank, **row_of(one, None, None)}]
    return found


def default_rows(asked: Asked, include: frozenset[str]) -> list[Row]:
    """The default budgets over all that counts, each that has a request to judge."""
    held = {"total": "total_ms", "ttft": "ttft_ms", "errors": "errors"}
    daily, summed = [], []
    for one in DEFAULTS:
        word, limit = one.metric.word, 0.5 if one.limit_ms is None else one.limit_ms
        column = held[word]
        if asked.rolled:
            daily += [f"coalesce(sum({name}), 0)::BIGINT AS {name}" for name in (f"{word}_n", f"{word}_hits")]
        else:
            daily += [f"count({column}) AS {word}_n", f"count(*) FILTER (WHERE {column} <= {limit!r}) AS {word}_hits"]
        n, hits = f"{word}_n", f"{word}_hits"
        summed += [
            f"count(*) FILTER (WHERE {n} > 0) AS {word}_days", f"sum({n}) AS {n}", f"sum({hits}) AS {hits}",
            f"sum({hits} * {hits}) AS {hits}_squared", f"sum({hits} * {n}) AS {word}_hits_by_count",
            f"sum({n} * {n}) AS {word}_count_squared",
        ]  # fmt: skip
    names = {
        "counts": asked.counts, "errors_count": _counted.condition(include, ERROR_REASONS),
        "streamed_chat": STREAMED_CHAT, "daily": ", ".join(daily), "summed": ", ".join(summed),
    }  # fmt: skip
    figures = asked.logs.query(_rolled_latency.DEFAULTS_SQL if asked.rolled else DEFAULTS_SQL, names=names)[0]
    found = []
    for one in DEFAULTS:
        own = {name: figures[f"{one.metric.word}_{name}"] for name in SUMS}
        if own["n"]:
            found.append(row_of(one, own, None))
    return found


def condition(one: Budget) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """Whose requests a budget is about."""
    if one.default and one.metric.word == "ttft":
        return STREAMED_CHAT, ()
    return ("true", ()) if one.feature is None else ("feature = $feature", (("feature", one.feature),))


def row_of(one: Budget, row: Row | None, measured_ms: float | None) -> Row:
    """One budget's row: the share within it and its interval, the verdict, and what is left of the misses allowed."""
    name = one.feature or (row["feature"] if row and "feature" in row else EVERY_FEATURE)
    found: Row = {c.name: None for c in MEASURES} | {
        "feature": name, "metric": one.metric.word, "quantile": one.quantile, "budget_ms": one.limit_ms,
        "target_ratio": one.share, "requests": 0, "measured_ms": measured_ms,
    }  # fmt: skip
    if row is None:
        return found
    sums = DaySums(*(int(row[n]) for n in SUMS))
    low, high = clustered(sums) or (0.0, 1.0)
    allowed = math.floor(sums.n * (1 - one.share) + 1e-9)
    return {
        **{word: value for word, value in row.items() if word not in SUMS},
        **found,
        "requests": sums.n,
        "within_ratio": sums.share,
        "within_low_ratio": low,
        "within_high_ratio": high,
        "verdict": verdict(sums, low, high, one.share),
        "misses": sums.n - sums.hits,
        "allowed_misses": allowed,
        "misses_left": allowed - (sums.n - sums.hits),
    }


def verdict(sums: DaySums, low: float, high: float, share: float) -> str:
    """Met or missed where the interval says so, and a miss only where it is no chance.

    One miss of three lies below 95 % by Wilson's interval, and is had of one service in seven that keeps its budget.
    """
    if low >= share:
        return MET
    return MISSED if high < share and chance_of_at_most(sums.hits, sums.n, share) <= CHANCE else TOO_FEW


def sentence(row: Row, slices: Sequence[str] = ()) -> str:
    """A budget that is missed, in words; of which slice, where it is judged by slices."""
    name = "all requests" if row["feature"] == EVERY_FEATURE else row["feature"] or "(none)"
    what = f"within {row['budget_ms']:,g} ms of {row['metric']}" if row["budget_ms"] is not None else "without an error"
    share, target = 100 * row["within_ratio"], 100 * row["target_ratio"]
    n = row["requests"]
    name = ", ".join([name, *("(none)" if row[word] is None else str(row[word]) for word in slices)])
    return f"{name}: {share:.4g} % of {n:,} requests {what}, {target:g} % asked; {-row['misses_left']:,} too many"


def said(budgets: Sequence[Budget], rows: Sequence[Row], part: str = "") -> list[str]:
    """The small print: what a verdict means, what no request was found for, and that some budgets are ours."""
    found = [
        "met: the 95 % interval of the share within the budget lies at or above the target; missed: below it, "
        f"and by more than chance; --fail-if \"{part}verdict = 'missed'\" fails a build"
    ]
    unmet = sorted({str(row["feature"]) for row in rows if not row["requests"]})
    if unmet:
        found.append(f"no request to judge for {', '.join(unmet)}: no verdict")
    if any(b.default for b in budgets):
        found.append(
            "default budgets, for want of others: 500 ms to the first token of streamed chat and 5 s in all, both at "
            "p95, and 2 % of errors; --slo FEATURE=2s or [slo] in llmscope.toml sets your own"
        )
    return found
