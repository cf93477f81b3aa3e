"""What `tokens --trend` asks of the log: one row a slice and day (or week), of the largest slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses._slices import written
from llmscope.analyses._tokens_trend_days import Days
from llmscope.errors import unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
Key = tuple[Any, ...]
# The largest slices, by their tokens, that a question looks at; a day of each comes to Python.
MOST_SLICES = 200
# {tokens}: the tokens of a request. {words}: the slice's dimensions. {bucket}: when its day or week began.
# {median}: one column more.
SQL = """
WITH counted AS (
    SELECT {dimensions} {bucket} AS starts_at, 0 AS whole, {tokens} AS tokens, ln(1 + {tokens}) AS log_of
    FROM {relation}
    WHERE {counts} AND started_at IS NOT NULL AND {tokens} >= 0
), daily AS (
    SELECT {words}, starts_at, count(*) AS requests, sum(tokens) AS tokens,
        sum(log_of) AS log_tokens, sum(log_of * log_of) AS log_squares,
        sum(CAST(tokens AS DOUBLE) * tokens) AS token_squares, count(*) FILTER (WHERE tokens = 0) AS zeros{median}
    FROM counted GROUP BY {words}, starts_at
), sized AS (
    SELECT *, sum(tokens) OVER (PARTITION BY {words}) AS slice_tokens FROM daily
), placed AS (
    SELECT *, dense_rank() OVER (ORDER BY slice_tokens DESC, {words}) AS place FROM sized
), numbered AS (
    SELECT *, max(place) OVER () AS slices FROM placed
)
SELECT * FROM numbered WHERE place <= $most
"""
# A request's wall clock in the zone asked for; written out as text for every request it would take most of the time.
LOCAL = "timezone($tz, timezone('UTC', started_at))"
MEDIAN = ", quantile_cont(tokens, 0.5) AS median_tokens"


@dataclass(frozen=True, slots=True)
class Metric:
    """Tokens of one kind: as SQL of a request, in words, and of what they are the length.

    judged: that more of them ought to make for better answers.
    """

    word: str
    sql: str
    title: str
    length: str
    judged: bool = True


METRICS = {
    m.word: m
    for m in (
        Metric("input", "input_tokens", "Input tokens", "prompts"),
        Metric("output", "output_tokens", "Output tokens", "answers"),
        Metric("total", "(input_tokens + output_tokens)", "Tokens", "prompts and answers"),
        Metric("cached", "cache_read_tokens", "Cached input tokens", "cached prefixes", judged=False),
        # Of those that reasoned: models that never do log a 0 or nothing, as they like.
        Metric("reasoning", "nullif(reasoning_tokens, 0)", "Reasoning tokens", "reasoning"),
    )
}


def metric_of(word: str | None) -> Metric:
    """The metric asked for, input by default.

    Raises:
        UsageError: there is none of that name.
    """
    if word is not None and word not in METRICS:
        raise unknown_name("metric", word, METRICS)
    return METRICS[word or "input"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which log, which tokens, which requests (as SQL)."""

    logs: Logs
    metric: Metric
    counts: str

    def rows(self, groups: Sequence[Dimension], bucket: str, median: bool = False) -> tuple[list[Row], int]:
        """A row a slice and bucket under "day", and how many slices are beyond the largest."""
        from llmscope.schema import bucket_sql

        names = {
            "relation": "priced" if any(d.priced for d in groups) else "requests",
            "tokens": self.metric.sql,
            "counts": self.counts,
            "words": ", ".join(["whole", *(quoted(d.word) for d in groups)]),
            "bucket": bucket_sql(bucket, "started_at" if self.logs.window.tz == "UTC" else LOCAL),
            "median": MEDIAN if median else "",
        }
        found = self.logs.query(SQL, by=groups, names=names, most=MOST_SLICES)
        beyond = max((row["slices"] for row in found), default=0) - MOST_SLICES
        return [{**row, "day": written(row["starts_at"], bucket)} for row in found], max(beyond, 0)

    def slices(self, groups: Sequence[Dimension], bucket: str) -> tuple[dict[Key, Days], int]:
        """The same with medians, a slice at a time."""
        rows, beyond = self.rows(groups, bucket, median=True)
        return by_key(rows, [d.word for d in groups]), beyond


def by_key(rows: Sequence[Row], words: Sequence[str]) -> dict[Key, Days]:
    """The rows of each slice as days."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[word] for word in words), []).append(row)
    return {key: Days.of(found[key]) for key in sorted(found, key=repr)}
