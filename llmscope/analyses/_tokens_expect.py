"""Expectations of [tokens] in llmscope.toml: how many tokens a feature's requests may take, and whether they do.

[tokens]
chat = "..4000"                                     # input: 95 % of requests at 4,000 or under
summarise = {input = "..8000", output = "50..1200"}
extract = {output = "p99:..2000"}                   # 99 % of requests
"template:contract-clauses" = {output = "..900"}
"*" = {total = "..20000"}                           # all requests together
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _tokens_counted
from llmscope.analyses._errors_rows import percent
from llmscope.analyses._latency_sql import name_of, percentage
from llmscope.analyses._tokens_counted import many
from llmscope.analyses._tokens_cut_sql import sums_of
from llmscope.errors import UsageError, nearest, unknown_name
from llmscope.result import TOO_FEW, Column, Finding, Part
from llmscope.stats.proportions import chance_of_at_most, clustered

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = dict[str, Any]
EVERY, TEMPLATE = "*", "template:"
QUANTILE = 0.95
KEPT, BREACHED = "kept", "breached"
# How likely so many requests outside may be where the expectation holds: what lies beyond an interval at one end.
CHANCE = 0.025
METRICS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "total": "input_tokens + output_tokens",
    "cached": "cache_read_tokens",
    "reasoning": "reasoning_tokens",
}
RANGE = re.compile(r"(?:(?P<quantile>p[\d.]+)\s*:)?\s*(?P<low>\d[\d_]*)?\s*\.\.\s*(?P<high>\d[\d_]*)?")
HINT = 'a range of tokens: "..8000", "50..1200", "50..", "p99:..8000"'
MOST_FOUND, MOST_NAMED = 10, 5

# {value}: the metric's tokens. {whose}: true, or whose requests. The hits are the requests inside the range.
SQL = """
WITH counted AS (
    SELECT {value} AS measured, date_trunc('day', started_at) AS day_of FROM requests WHERE {counts} AND {whose}
), known AS (
    SELECT * FROM counted WHERE measured IS NOT NULL
), daily AS (
    SELECT day_of, count(*) AS n, count(*) FILTER (WHERE measured >= $low AND measured <= $high) AS hits
    FROM known
    GROUP BY ALL
), summed AS (
    SELECT count(*) AS days, sum(n)::BIGINT AS n, sum(hits)::BIGINT AS hits, sum(hits * hits)::BIGINT AS hits_squared,
        sum(hits * n)::BIGINT AS hits_by_count, sum(n * n)::BIGINT AS count_squared
    FROM daily
), figures AS (
    SELECT quantile_cont(measured, {share}) AS measured_tokens, min(measured) AS min_tokens,
        max(measured) AS max_tokens
    FROM known
)
SELECT summed.*, figures.* FROM summed CROSS JOIN figures
"""
# What the log calls its features or templates, for the nearest name: the commonest.
NAMES_SQL = """
SELECT {column} AS name, count(*) AS requests FROM requests WHERE {column} IS NOT NULL GROUP BY ALL
ORDER BY requests DESC, name LIMIT 1000
"""
HIGHEST = 2**62
COLUMNS = (
    Column("feature", "text", "dimension"),
    Column("metric", "text", "dimension"),
    Column("verdict", "text"),
    Column("quantile", "text"),
    Column("low_tokens", "tokens"),
    Column("high_tokens", "tokens"),
    Column("requests", "count", "n"),
    Column("measured_tokens", "tokens"),
    Column("within_ratio", "ratio"),
    Column("within_low_ratio", "ratio", "low", "within_ratio", optional=True),
    Column("within_high_ratio", "ratio", "high", "within_ratio", optional=True),
    Column("outside", "count", optional=True),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """At least `share` of the requests take from `low` to `high` tokens; None: no end."""

    of: str
    metric: str
    share: float
    low: int | None
    high: int | None

    @property
    def whose(self) -> tuple[str, dict[str, Any]]:
        """Whose requests, as SQL and its values."""
        if self.of == EVERY:
            return "true", {}
        return f"{self.column} = $name", {"name": self.of.removeprefix(TEMPLATE)}

    @property
    def column(self) -> str:
        return "template" if self.of.startswith(TEMPLATE) else "feature"


@dataclass(frozen=True, slots=True)
class Judged:
    """The table of expectations, what is breached, and the small print."""

    part: Part
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def configured(config: Mapping[str, Any]) -> tuple[Expected, ...]:
    """The expectations of [tokens], in the order written.

    Raises:
        UsageError: one that cannot be read.
    """
    found = []
    for of, said in config.items():
        by_metric = said if isinstance(said, Mapping) and said else {"input": said}
        for metric, texts in by_metric.items():
            where = f"llmscope.toml: [tokens] {of}"
            if metric not in METRICS:
                error = unknown_name("metric", str(metric), METRICS)
                raise UsageError(f"{where}: {error.message}", hint=error.hint)
            for text in texts if isinstance(texts, list) and texts else [texts]:
                found.append(expected(of.strip(), metric, text, f"{where} {metric} = {text!r}"))
    return tuple(found)


def expected(of: str, metric: str, text: object, where: str) -> Expected:
    """`[pQ:]LOW..HIGH`, either end left away.

    Raises:
        UsageError: it is none.
    """
    match = RANGE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not (match["low"] or match["high"]):
        raise UsageError(f"{where}: no range", hint=HINT)
    low, high = (int(match[end]) if match[end] else None for end in ("low", "high"))
    if low is not None and high is not None and low > high:
        raise UsageError(f"{where}: {low:,} lies above {high:,}", hint=HINT)
    try:
        share = percentage(match["quantile"].removeprefix("p")) if match["quantile"] else QUANTILE
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", hint=HINT) from None
    return Expected(of, metric, share, low, high)


def judged(logs: Logs, include: Collection[str]) -> Judged:
    """Each expectation of llmscope.toml over all that counts; nothing where there is none."""
    asked = configured(logs.config.tokens)
    rows = tuple(judge(logs, one, include) for one in asked)
    return Judged(Part(COLUMNS, rows), findings(rows), tuple(notes(logs, asked, rows)))


def judge(logs: Logs, one: Expected, include: Collection[str]) -> Row:
    """One expectation's row; without a request there is no verdict, so that a gate on no data does not pass."""
    whose, values = one.whose
    names = {
        "value": METRICS[one.metric], "counts": _tokens_counted.condition(include), "whose": whose,
        "share": repr(one.share if one.high is not None else round(1 - one.share, 12)),
    }  # fmt: skip
    low, high = one.low or 0, HIGHEST if one.high is None else one.high
    row = logs.query(SQL, names=names, low=low, high=high, **values)[0]
    found: Row = {c.name: None for c in COLUMNS} | {
        "feature": one.of, "metric": one.metric, "quantile": name_of(one.share), "low_tokens": one.low,
        "high_tokens": one.high, "requests": 0, "measured_tokens": row["measured_tokens"],
    }  # fmt: skip
    if not row["n"]:
        return found
    sums = sums_of(row)
    ends = clustered(sums) or (0.0, 1.0)
    return found | {
        "requests": sums.n,
        "within_ratio": sums.share,
        "within_low_ratio": ends[0],
        "within_high_ratio": ends[1],
        "outside": sums.n - sums.hits,
        "verdict": verdict(sums.hits, sums.n, ends, one.share),
    }


def verdict(hits: int, n: int, ends: tuple[float, float], share: float) -> str:
    """Kept or breached where the interval says so, and a breach only where it is no chance."""
    if ends[0] >= share:
        return KEPT
    return BREACHED if ends[1] < share and chance_of_at_most(hits, n, share) <= CHANCE else TOO_FEW


def findings(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """The expectations that are breached, as sentences, those furthest off first."""
    broken = sorted((row for row in rows if row["verdict"] == BREACHED), key=lambda row: row["within_ratio"])
    found = [Finding("expectation", "breach", sentence(row), (row,)) for row in broken[:MOST_FOUND]]
    if more := len(broken) - len(found):
        found.append(Finding("expectation", "breach", f"{more:,} more of {len(rows):,} expectations are breached"))
    return tuple(found)


def sentence(row: Row) -> str:
    """An expectation that is breached, in words."""
    name = "all requests" if row["feature"] == EVERY else row["feature"]
    share = float(row["quantile"].removeprefix("p")) / 100
    of = row["quantile"] if row["high_tokens"] is not None else name_of(1 - share)
    within = f"{percent(row['within_ratio'])} of {many(row['requests'])}"
    return (
        f"{name}: {within} take {range_text(row)} {row['metric']} tokens, {100 * share:g} % expected; "
        f"their {of} is {row['measured_tokens']:,.0f}"
    )


def range_text(row: Row) -> str:
    """`at most 8,000`, `50 to 1,200`."""
    low, high = row["low_tokens"], row["high_tokens"]
    if low is None or high is None:
        return f"at most {high:,}" if low is None else f"at least {low:,}"
    return f"{low:,} to {high:,}"


def notes(logs: Logs, asked: Sequence[Expected], rows: Sequence[Row]) -> Iterator[str]:
    """The small print: what a verdict means, and names that the log does not have, with the nearest."""
    if not rows:
        return
    yield (
        "expectations of [tokens] in llmscope.toml: kept where the 95 % interval of the share inside lies at or above "
        "the quantile, breached below it and by more than chance; "
        "--fail-if \"expectations: verdict = 'breached'\" fails a build"
    )
    for column in ("feature", "template"):
        empty = [one for one, row in zip(asked, rows, strict=True) if not row["requests"]]
        lacking = list(dict.fromkeys(one.of for one in empty if one.column == column and one.of != EVERY))
        if not lacking:
            continue
        known = [str(row["name"]) for row in logs.query(NAMES_SQL, names={"column": column})]
        for of in lacking[:MOST_NAMED]:
            name = of.removeprefix(TEMPLATE)
            near = nearest(name, known, 1) if name not in known else []
            meant = f"; did you mean {near[0]}?" if near else ""
            yield f"no request with usage to judge for {column} {name}: no verdict{meant}"
        if len(lacking) > MOST_NAMED:
            yield f"nor for {len(lacking) - MOST_NAMED:,} more of [tokens]"
