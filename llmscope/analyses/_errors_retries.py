"""Transient or persistent: what became of failed calls, what trying again cost, and what fails again day after day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import CLASS, FAILED, JUDGED, Row, rate, rate_columns
from llmscope.result import TOO_FEW, Column, Part

if TYPE_CHECKING:
    from llmscope.logs import Logs

# Attempts of one call share a trace, a feature and a template; the prompt as well where attempts are not numbered, or
# where each prompt there has its own attempt 1 (calls side by side; elsewhere a retry may change its prompt).
# A call begins with attempt 1, with a number that does not grow, or, unnumbered, after an answer.
SAME = "trace_id, feature, template, prompt"
ORDER = "started_at, attempt, request_id"
FOLLOWED = "(started_at IS NOT NULL AND (attempt IS NOT NULL OR coalesce(prompt_hash, template) IS NOT NULL))"
# A first attempt that was answered belongs to no failed call.
TRIED = "(status <> 'ok' OR attempt IS NULL OR attempt > 1)"
SQL = f"""
WITH troubled AS (
    SELECT trace_id FROM requests WHERE {FAILED} AND {FOLLOWED} GROUP BY trace_id
),
paid AS (
    SELECT request_id AS paid_id, cost_usd FROM priced
    WHERE {FAILED} AND {FOLLOWED} AND coalesce(input_tokens, output_tokens) IS NOT NULL
),
tried AS (
    SELECT request_id, trace_id, feature, template, prompt_hash, attempt, status, fallback, started_at, latency_ms,
        {CLASS} AS class, CASE WHEN {FAILED} THEN 1 ELSE 0 END AS failed
    FROM requests
    WHERE {FOLLOWED} AND {TRIED} AND trace_id IN (SELECT trace_id FROM troubled)
),
begun AS (
    SELECT *, min(attempt) OVER (PARTITION BY trace_id, feature, template, prompt_hash) AS lowest FROM tried
),
keyed AS (
    SELECT *, CASE WHEN attempt IS NULL OR max(lowest) OVER (PARTITION BY trace_id, feature, template) = 1
        THEN prompt_hash END AS prompt
    FROM begun
),
placed AS (
    SELECT *, lag(attempt) OVER same AS attempt_before, lag(status) OVER same AS status_before
    FROM keyed
    WINDOW same AS (PARTITION BY {SAME} ORDER BY {ORDER})
),
opened AS (
    SELECT *, CASE WHEN status_before IS NULL OR attempt = 1 OR attempt <= attempt_before
        OR (attempt IS NULL AND status_before <> 'error') THEN 1 ELSE 0 END AS opens
    FROM placed
),
numbered AS (
    SELECT *, sum(opens) OVER (PARTITION BY {SAME} ORDER BY {ORDER} ROWS UNBOUNDED PRECEDING) AS call FROM opened
),
linked AS (
    SELECT *, lead(started_at) OVER (PARTITION BY {SAME}, call ORDER BY {ORDER}) AS next_at
    FROM numbered
),
calls AS (
    SELECT trace_id, feature, template, prompt, call,
        min_by(class, started_at) FILTER (WHERE failed = 1) AS class,
        sum(failed) AS failed_attempts,
        count(*) FILTER (WHERE failed = 1 AND next_at IS NOT NULL) AS retried_attempts,
        count(*) FILTER (WHERE status = 'ok') AS answers,
        count(*) FILTER (WHERE status = 'ok' AND fallback) AS fallbacks,
        sum(latency_ms) FILTER (WHERE failed = 1) AS failed_ms,
        sum(greatest(date_diff('microsecond', started_at, next_at) / 1000.0 - coalesce(latency_ms, 0), 0))
            FILTER (WHERE failed = 1 AND next_at IS NOT NULL) AS waited_ms,
        sum(cost_usd) FILTER (WHERE failed = 1) AS cost_usd,
        count(cost_usd) FILTER (WHERE failed = 1) AS priced_attempts
    FROM linked
    LEFT JOIN paid ON paid_id = request_id
    GROUP BY trace_id, feature, template, prompt, call
)
SELECT class,
    count(*) AS calls,
    sum(failed_attempts)::BIGINT AS failed_attempts,
    count(*) FILTER (WHERE retried_attempts > 0) AS retried,
    count(*) FILTER (WHERE retried_attempts > 0 AND answers > 0) AS recovered,
    count(*) FILTER (WHERE retried_attempts > 0 AND answers > 0 AND fallbacks > 0) AS by_fallback,
    sum(failed_ms) AS failed_ms,
    sum(waited_ms) AS waited_ms,
    sum(cost_usd) AS cost_usd,
    sum(priced_attempts)::BIGINT AS priced_attempts
FROM calls
WHERE failed_attempts > 0
GROUP BY class
ORDER BY calls DESC, class
"""
COLUMNS = (
    Column("class", "text", "dimension"),
    Column("calls", "count"),
    Column("retried", "count"),
    Column("recovered", "count"),
    Column("nature", "text"),
    Column("gave_up", "count"),
    Column("not_retried", "count"),
    *rate_columns("recovered", optional=True),
    Column("by_fallback", "count", optional=True),
    Column("failed_ms", "ms"),
    Column("waited_ms", "ms"),
    Column("cost_usd", "usd"),
)
SUMMED = ("calls", "retried", "recovered", "by_fallback", "failed_ms", "waited_ms", "cost_usd", "priced_attempts")
# Surely more, or less, than half of the retried calls got their answer.
HALF = 0.5

REPEATED_SQL = f"""
WITH counted AS (
    SELECT model, feature, template, {CLASS} AS class,
        count(*) FILTER (WHERE {JUDGED}) AS judged,
        count(DISTINCT date_trunc('day', started_at)) FILTER (WHERE {FAILED}) AS days_failed,
        min(started_at) AS first_seen, max(started_at) AS last_seen
    FROM requests
    GROUP BY ALL
),
weighed AS (
    SELECT *, sum(judged) OVER (PARTITION BY model, feature, template) AS requests FROM counted
)
SELECT model, feature, template, class, judged AS errors, requests::BIGINT AS requests, days_failed,
    first_seen, last_seen, count(*) OVER () AS groups
FROM weighed
WHERE class IS NOT NULL AND judged >= $errors AND days_failed >= $days
ORDER BY judged * 1.0 / requests DESC, judged DESC, model, feature, template, class
LIMIT {{most}}
"""
FEWEST_ERRORS, FEWEST_DAYS, MOST_SHOWN = 10, 3, 5
REPEATED_COLUMNS = (
    Column("model", "text", "dimension"),
    Column("feature", "text", "dimension"),
    Column("template", "text", "dimension"),
    Column("class", "text", "dimension"),
    Column("errors", "count"),
    Column("requests", "count"),
    *rate_columns("error_rate"),
    Column("days_failed", "count"),
    Column("first_seen", "time", "time", optional=True),
    Column("last_seen", "time", "time", optional=True),
)


def retries(logs: Logs, errors: int) -> tuple[Part, list[str]]:
    """The table and its small print.

    Args:
        errors: all failed requests, so that those that cannot be followed are counted.
    """
    rows = logs.query(SQL)
    whole = {name: total([row[name] for row in rows]) for name in SUMMED}
    part = Part(
        COLUMNS, tuple(finish(row) for row in rows), finish({"class": None, **whole}) if len(rows) > 1 else None
    )
    followed = sum(row["failed_attempts"] for row in rows)
    notes = []
    if errors > followed:
        notes.append(
            f"{errors - followed:,} failed requests cannot be followed (no trace, time, or attempt and prompt): "
            "whether they were tried again is not known; --map trace_id=KEY, --map attempt=KEY"
        )
    if rows:
        notes.append(
            "nature: transient if surely more than half of the retried calls got an answer, persistent if less"
        )
        priced = whole["priced_attempts"] or 0
        if priced < followed:
            notes.append(f"cost of failed attempts: {priced:,} of {followed:,} report usage that can be priced")
    return part, notes


def finish(row: Row) -> Row:
    """One class; money leaves its exact decimals here."""
    money = None if row["cost_usd"] is None else float(row["cost_usd"])
    shares = rate("recovered", row["recovered"], row["retried"]) if row["calls"] else {}
    done = {
        **row, **shares, "cost_usd": money, "gave_up": row["retried"] - row["recovered"],
        "not_retried": row["calls"] - row["retried"], "nature": nature(shares),
    }  # fmt: skip
    return {column.name: done.get(column.name) for column in COLUMNS}


def nature(shares: Row) -> str:
    """Whether a class passes by itself, by how often trying again helped."""
    low, high = shares["recovered_low_ratio"], shares["recovered_high_ratio"]
    if low is None:
        return "never retried"
    return "transient" if low > HALF else "persistent" if high < HALF else TOO_FEW


def total(values: Sequence[Any]) -> Any:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def repeated(logs: Logs) -> tuple[Part, list[str]]:
    """What fails of the same on several days for one (model, feature, template), surest first."""
    names = {"most": str(MOST_SHOWN)}
    rows = logs.query(REPEATED_SQL, names=names, errors=FEWEST_ERRORS, days=FEWEST_DAYS)
    finished = [{**row, **rate("error_rate", row["errors"], row["requests"])} for row in rows]
    found = tuple({column.name: row[column.name] for column in REPEATED_COLUMNS} for row in finished)
    groups = rows[0]["groups"] if rows else 0
    more = [f"{groups - len(rows):,} more groups failed of the same on {FEWEST_DAYS} days or more"]
    return Part(REPEATED_COLUMNS, found), more if groups > len(rows) else []
