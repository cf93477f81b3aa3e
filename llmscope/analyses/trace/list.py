"""Which traces are there? A row a trace: when, how long, how many steps, what it cost, what failed, whose it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses._errors_rows import FAILED
from llmscope.analyses._trace_steps import TRACED
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "spans")
# Columns it never looks at: of log files they are not read unless --where names them.
UNREAD = (
    "response_id", "finish_reason_raw", "error_message", "prompt_hash", "prefix_hashes", "embedding", "tags",
    "metadata", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "temperature", "input_chars",
    "output_chars", "sample_weight", "template", "template_version", "language", "item_id",
)  # fmt: skip

# {order}: one of SORTS. {traced}: true, or that --where lets a request of the trace through.
SQL = f"""
WITH calls AS (
    SELECT trace_id,
        min(started_at) AS started_at,
        max(coalesce(ended_at, started_at + latency_ms * INTERVAL 1 MILLISECOND, started_at)) AS ended_at,
        count(*) AS requests,
        count(*) FILTER (WHERE {FAILED}) AS errors,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens,
        sum(cost_usd) AS cost_usd,
        count(*) FILTER (WHERE cost_usd IS NULL AND price_status <> 'no_usage') AS unpriced,
        min(user_id) AS user_id,
        min(feature) AS feature,
        min(session_id) AS session_id,
        min(operation || ' ' || model) AS name
    FROM priced
    WHERE trace_id IS NOT NULL
    GROUP BY trace_id
),
steps AS (
    SELECT trace_id,
        min(started_at) AS started_at,
        max(coalesce(ended_at, started_at + duration_ms * INTERVAL 1 MILLISECOND, started_at)) AS ended_at,
        count(*) AS spans,
        count(*) FILTER (WHERE status = 'error' AND request_id IS NULL) AS errors,
        arg_min(name, started_at) FILTER (WHERE parent_span_id IS NULL) AS name
    FROM spans
    WHERE trace_id IS NOT NULL AND {{traced}}
    GROUP BY trace_id
),
traces AS (
    SELECT coalesce(calls.trace_id, steps.trace_id) AS trace,
        least(calls.started_at, steps.started_at) AS started_at,
        date_diff('microsecond', least(calls.started_at, steps.started_at),
            greatest(calls.ended_at, steps.ended_at)) / 1000.0 AS duration_ms,
        coalesce(calls.requests, 0) AS requests,
        coalesce(steps.spans, 0) AS spans,
        input_tokens, output_tokens, cost_usd, unpriced,
        coalesce(calls.errors, 0) + coalesce(steps.errors, 0) AS errors,
        user_id, feature, session_id,
        coalesce(steps.name, CASE WHEN calls.requests = 1 AND steps.trace_id IS NULL THEN calls.name END) AS name
    FROM calls
    FULL JOIN steps ON steps.trace_id = calls.trace_id
)
SELECT *, count(*) OVER () AS every, sum(unpriced) OVER () AS every_unpriced
FROM traces
ORDER BY {{order}}, trace
LIMIT $top
"""
ALONE_SQL = "SELECT count(*) FILTER (WHERE trace_id IS NULL) AS alone, count(*) AS requests FROM requests"
SORTS = {
    "start": "started_at DESC NULLS LAST",
    "duration": "duration_ms DESC NULLS LAST",
    "cost": "cost_usd DESC NULLS LAST",
    "errors": "errors DESC NULLS LAST, duration_ms DESC NULLS LAST",
    "tokens": "coalesce(input_tokens, 0) + coalesce(output_tokens, 0) DESC NULLS LAST",
}
# A gate is judged without --top; what comes to Python is bounded all the same.
MOST_JUDGED = 10_000

COLUMNS = (
    Column("trace", "text", "dimension"),
    Column("started_at", "time", "time"),
    Column("duration_ms", "ms"),
    Column("name", "text", optional=True),
    Column("requests", "count"),
    Column("errors", "count"),
    Column("cost_usd", "usd", optional=True),
    Column("spans", "count", optional=True),
    Column("input_tokens", "tokens", optional=True),
    Column("output_tokens", "tokens", optional=True),
    Column("user", "text", optional=True),
    Column("feature", "text", optional=True),
    Column("session", "text", optional=True),
)
# What each --sort goes by: shown at any width, rather than the time.
SORTED_BY = {
    "duration": ("duration_ms",), "cost": ("cost_usd",), "errors": ("errors",),
    "tokens": ("input_tokens", "output_tokens"),
}  # fmt: skip
Row = dict[str, Any]


def list_(
    logs: Logs,
    sort: Annotated[str, "start (the latest first), duration, cost, errors or tokens"] = "start",
    top: Annotated[int | None, "how many"] = 20,
) -> Result:
    """The traces of the window, the first --top by --sort."""
    if sort not in SORTS:
        raise unknown_name("sort", sort, SORTS)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    most = min(top or MOST_JUDGED, MOST_JUDGED)
    names = {"order": SORTS[sort], "traced": TRACED if logs.where else "true"}
    found = logs.query(SQL, names=names, top=most)
    counted = logs.query(ALONE_SQL)[0]
    return Result(
        "trace list",
        shown(sort),
        tuple(finish(row) for row in found),
        notes=tuple(notes(logs, found, counted, sort)),
        coverage=Coverage(requests=counted["requests"]),
    )


def shown(sort: str) -> tuple[Column, ...]:
    """What is sorted by is never hidden for want of room."""
    by = SORTED_BY.get(sort)
    if by is None:
        return COLUMNS
    yields = {c.name for c in COLUMNS if c.optional or c.name in ("started_at", "requests")} - set(by)
    return tuple(Column(c.name, c.kind, c.role, optional=c.name in yields) for c in COLUMNS)


def finish(row: Row) -> Row:
    """One trace under the words people use; money leaves its exact decimals here."""
    found = {c.name: row.get(c.name) for c in COLUMNS}
    cost = row["cost_usd"]
    return found | {
        "user": row["user_id"],
        "session": row["session_id"],
        "cost_usd": None if cost is None else float(cost),
    }


def notes(logs: Logs, found: list[Row], counted: Row, sort: str) -> list[str]:
    """The small print: how many there are, what is in none of them, what has no price."""
    said = []
    every = found[0]["every"] if found else 0
    if every > len(found):
        said.append(f"{len(found):,} of {every:,} traces, by {sort}; --top shows more")
    if counted["alone"]:
        said.append(
            f"{counted['alone']:,} requests name no trace and are not listed; --map trace_id=KEY if one is logged"
        )
    unpriced = int(found[0]["every_unpriced"] or 0) if found else 0
    if unpriced:
        said.append(f"{unpriced:,} requests have no known price: their traces cost at least what is shown")
    if logs.where:
        said.append("requests, tokens and cost are those that --where lets through, spans are the whole trace's")
    if found:
        said.append("llmscope trace show TRACE (its beginning is enough) shows one")
    return said + logs.price_notes()
