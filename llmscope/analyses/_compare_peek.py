"""--peek: a comparison that may be looked at at any time and stopped then, by intervals that hold at all times at once.

Sessions are what is counted: the mean of each, and whether any of its requests failed. What is asked is whether B
differs from A, while both get a fixed share of the traffic at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import Any

from llmscope.analyses._compare_sql import METRICS, SIDED, Asked
from llmscope.analyses._compare_words import figure, percent
from llmscope.result import Column, Part
from llmscope.stats.sequential import FEWEST, difference_sequence, error_evidence
from llmscope.stats.welch import Moments

Row = dict[str, Any]
COLUMNS = (
    Column("metric", "text", "dimension"),
    Column("change", "text"),
    Column("answer", "text"),
    Column("a_sessions", "count", "n", optional=True),
    Column("b_sessions", "count", "n", optional=True),
    Column("effect_ratio", "ratio", detail=True),
    Column("effect_low_ratio", "ratio", "low", "effect_ratio", detail=True),
    Column("effect_high_ratio", "ratio", "high", "effect_ratio", detail=True),
    Column("e_value", "rate", detail=True),
    Column("stop", "flag", detail=True),
)
TIMED = {metric.word: metric for metric in METRICS if metric.word in ("latency", "ttft")}
SQL = (
    SIDED
    + """,
valued AS (
    SELECT side, coalesce(session_id, request_id) AS unit, {latency_sql} AS latency, {ttft_sql} AS ttft,
        ln(CASE WHEN cost_usd > 0 THEN cast(cost_usd AS DOUBLE) END) AS cost, {errors_sql} AS error
    FROM sided WHERE side IN ('a', 'b') AND {within}
),
by_session AS (
    SELECT side, unit, avg(latency) AS latency, avg(ttft) AS ttft, avg(cost) AS cost, max(error) AS error
    FROM valued GROUP BY side, unit
)
SELECT side, count(*) AS sessions, sum(error) AS errors, count(error) AS judged,
    count(latency) AS latency_n, avg(latency) AS latency_mean, var_samp(latency) AS latency_variance,
    count(ttft) AS ttft_n, avg(ttft) AS ttft_mean, var_samp(ttft) AS ttft_variance,
    count(cost) AS cost_n, avg(cost) AS cost_mean, var_samp(cost) AS cost_variance
FROM by_session
GROUP BY side
"""
)
SAID = {"latency": "latency", "ttft": "time to first token", "cost": "cost of a request"}


def peeked(asked: Asked, share: float | None) -> tuple[Part, list[str]]:
    """The rows of --peek and what they take for granted; `share`: what part of the traffic B was to get."""
    errors = next(metric for metric in METRICS if metric.word == "error_rate")
    names = {f"{word}_sql": metric.sql for word, metric in TIMED.items()} | {"errors_sql": errors.sql}
    sides = {row["side"]: row for row in asked.query(SQL, names)}
    if len(sides) < 2:
        return Part(COLUMNS, ()), ["--peek needs requests of both sides"]
    a, b = sides["a"], sides["b"]
    rows = [row for word in SAID if (row := of_mean(word, a, b))]
    seen = b["sessions"] / (a["sessions"] + b["sessions"])
    rows.append(of_errors(a, b, share if share is not None else seen))
    notes = [
        "--peek: the answers hold however often one looks, at 5 % in all for each row; sessions are taken for "
        "independent, and both sides for served at the same time in shares that stay the same",
        "the change is of the mean of the logarithm over sessions, before the mix of requests is made alike",
    ]
    if share is None:
        notes.append(
            f"errors are held against the share of sessions that B has had, {100 * seen:.1f} %; --share states the one "
            "that was set"
        )
    return Part(COLUMNS, tuple(rows)), notes


def of_mean(word: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Row | None:
    """One figure's row; None where neither side logs it."""
    n = int(a[f"{word}_n"]), int(b[f"{word}_n"])
    if not any(n):
        return None
    row: Row = {"metric": SAID[word], "a_sessions": n[0], "b_sessions": n[1], "e_value": None}
    peek = None
    if min(n) >= FEWEST:
        sides = [Moments(c, s[f"{word}_mean"], s[f"{word}_variance"]) for c, s in zip(n, (a, b), strict=True)]
        peek = difference_sequence(sides[0], sides[1])
    if peek is None:
        return {**row, "change": None, "answer": f"too few to say: {FEWEST} sessions a side at least", "stop": None}
    low, high = percent(peek.low), percent(peek.high)
    return {
        **row,
        "change": f"{percent(peek.difference)} % [{low}, {high}]",
        "answer": stopped("higher" if peek.low > 0 else "lower") if peek.stop else "go on: not told apart yet",
        "effect_ratio": exp(peek.difference) - 1,
        "effect_low_ratio": exp(peek.low) - 1,
        "effect_high_ratio": exp(peek.high) - 1,
        "stop": peek.stop,
    }


def of_errors(a: Mapping[str, Any], b: Mapping[str, Any], share: float) -> Row:
    """The row of failed sessions."""
    errors = int(a["errors"] or 0), int(b["errors"] or 0)
    row: Row = {"metric": "sessions with an error", "a_sessions": int(a["judged"]), "b_sessions": int(b["judged"])}
    found = error_evidence(errors, share)
    more = errors[1] * (1 - share) > errors[0] * share
    times = figure(found.e) if found.log_e < 30 else "over 1e13"
    return {
        **row,
        "change": f"{errors[0]:,} against {errors[1]:,}; e {times}",
        "answer": stopped("higher" if more else "lower") if found.stop else "go on: not told apart yet",
        "effect_ratio": None,
        "effect_low_ratio": None,
        "effect_high_ratio": None,
        "e_value": found.e,
        "stop": found.stop,
    }


def stopped(way: str) -> str:
    return f"stop: B is {way}"
