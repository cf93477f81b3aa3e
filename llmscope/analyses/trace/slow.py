"""Which requests were the slowest, and what is known of why? Each compared with the usual of its feature and model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _counted
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --where names them.
UNREAD = (
    "response_id", "finish_reason_raw", "error_message", "prompt_hash", "prefix_hashes", "embedding", "tags",
    "metadata", "network_ms", "postprocess_ms", "temperature", "input_chars", "output_chars", "sample_weight",
    "template", "template_version", "language", "item_id", "parent_span_id", "cost_logged_usd",
)  # fmt: skip

# {metric}: one of METRICS; {counted}: which requests count, from _counted.py. Only the groups of the slowest are
# measured; p90 and p10 are where a tenth of the group begins. Tokens a second: of the time after the first token.
# A trace may hold several calls: of each attempt's number the last before the request is its own.
KEPT = "kept_slowest"
SLOWEST_SQL = """
SELECT request_id, trace_id, feature, model, user_id, started_at, attempt, status, error_class,
    {metric} AS took_ms,
    queue_ms, ttft_ms, inference_ms, input_tokens, output_tokens, cache_read_tokens,
    {speed} AS per_second
FROM requests
WHERE {counted} AND {metric} IS NOT NULL
ORDER BY took_ms DESC, request_id
LIMIT $top
"""
SPEED = """CASE WHEN output_tokens >= $fewest_tokens
        THEN output_tokens * 1000.0 / nullif(greatest(latency_ms - coalesce(ttft_ms, 0), 0), 0) END"""
SQL = f"""
WITH alike AS (
    SELECT DISTINCT feature AS its_feature, model AS its_model FROM {KEPT}
),
counted AS (
    SELECT its_feature, its_model, {{metric}} AS took_ms, queue_ms, ttft_ms, input_tokens, output_tokens,
        cache_read_tokens, {{speed}} AS per_second
    FROM requests
    JOIN alike ON feature IS NOT DISTINCT FROM its_feature AND model = its_model
    WHERE {{counted}} AND {{metric}} IS NOT NULL
),
usual AS (
    SELECT its_feature, its_model,
        count(took_ms) AS alike_requests,
        quantile_cont(took_ms, 0.5) AS usual_p50_ms,
        quantile_cont(took_ms, 0.9) AS usual_p90_ms,
        quantile_cont(queue_ms, 0.5) AS queue_p50, quantile_cont(queue_ms, 0.9) AS queue_p90,
        quantile_cont(ttft_ms, 0.5) AS ttft_p50, quantile_cont(ttft_ms, 0.9) AS ttft_p90,
        quantile_cont(input_tokens, 0.5) AS input_p50, quantile_cont(input_tokens, 0.9) AS input_p90,
        quantile_cont(output_tokens, 0.5) AS output_p50, quantile_cont(output_tokens, 0.9) AS output_p90,
        quantile_cont(per_second, 0.5) AS speed_p50, quantile_cont(per_second, 0.1) AS speed_p10,
        count(*) FILTER (WHERE cache_read_tokens > 0) * 1.0 / nullif(count(cache_read_tokens), 0) AS cached_ratio
    FROM counted
    GROUP BY its_feature, its_model
),
before AS (
    SELECT slowest.request_id AS its_request, earlier.latency_ms
    FROM requests AS earlier
    JOIN {KEPT} AS slowest ON earlier.trace_id = slowest.trace_id
    WHERE earlier.attempt < slowest.attempt AND earlier.status IN ('error', 'cancelled')
        AND earlier.started_at <= slowest.started_at AND earlier.feature IS NOT DISTINCT FROM slowest.feature
    QUALIFY row_number() OVER (
        PARTITION BY slowest.request_id, earlier.attempt ORDER BY earlier.started_at DESC, earlier.request_id
    ) = 1
),
tried AS (
    SELECT its_request, count(*) AS failed_before, sum(latency_ms) AS lost_ms FROM before GROUP BY its_request
)
SELECT slowest.*, usual.*, failed_before, lost_ms
FROM {KEPT} AS slowest
JOIN usual ON slowest.feature IS NOT DISTINCT FROM its_feature AND slowest.model = its_model
LEFT JOIN tried ON its_request = request_id
ORDER BY took_ms DESC, request_id
"""
HAVING_SQL = """
SELECT count(*) AS requests, count(*) FILTER (WHERE {counted}) AS counted,
    count({metric}) FILTER (WHERE {counted}) AS timed
FROM requests
"""
METRICS = {"latency": "latency_ms", "ttft": "ttft_ms"}
# Under as many alike, there is no usual; output shorter than this has no speed worth comparing.
FEWEST_ALIKE, FEWEST_TOKENS = 20, 20
# A figure is a reason when it lies in the group's outer tenth and is this many times the median.
TIMES_USUAL = 2.0
# A queue is a reason when it is this much of the time.
QUEUE_SHARE = 0.1
MOSTLY_CACHED = 0.5
MOST_JUDGED = 10_000

COLUMNS = (
    Column("request_id", "text", "dimension"),
    Column("latency_ms", "ms"),
    Column("times_usual", "rate"),
    Column("why", "text"),
    # A time is wide: where it does not fit, the reasons have the room.
    Column("started_at", "time", optional=True),
    Column("trace_id", "text", optional=True),
    Column("usual_p50_ms", "ms", optional=True),
    Column("usual_p90_ms", "ms", optional=True),
    Column("feature", "text", optional=True),
    Column("model", "text", optional=True),
    Column("alike_requests", "count", optional=True),
    Column("output_tokens", "tokens", optional=True),
    Column("input_tokens", "tokens", optional=True),
    Column("queue_ms", "ms", optional=True),
    Column("attempt", "count", optional=True),
    Column("user", "text", optional=True),
)
Row = dict[str, Any]


def slow(
    logs: Logs,
    metric: Annotated[str, "latency, or ttft: the time to the first token"] = "latency",
    top: Annotated[int | None, "how many"] = 20,
    include: Annotated[str | None, "count these too: failed, cached, embeddings, inferred or all"] = None,
) -> Result:
    """The slowest requests of the window, each with what sets it apart from those of its feature and model."""
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    include_words = _counted.included(include)
    names = {"metric": METRICS[metric], "counted": _counted.condition(include_words), "speed": SPEED}
    most = min(top or MOST_JUDGED, MOST_JUDGED)
    logs.keep(KEPT, SLOWEST_SQL, names=names, top=most, fewest_tokens=FEWEST_TOKENS)
    found = logs.query(SQL, names=names, fewest_tokens=FEWEST_TOKENS)
    shown = METRICS[metric]
    columns = tuple(Column(shown, c.kind) if c.name == "latency_ms" else c for c in COLUMNS)
    counted = logs.query(HAVING_SQL, names=names)[0]
    return Result(
        "trace slow",
        columns,
        tuple(finish(row, shown) for row in found),
        notes=tuple(notes(logs, found, counted, shown, _counted.notes(_counted.left_out(logs, include_words)))),
        coverage=Coverage(requests=counted["requests"]),
    )


def finish(row: Row, shown: str) -> Row:
    """One request: how far from the usual it is, and why."""
    enough = row["alike_requests"] >= FEWEST_ALIKE
    usual = row["usual_p50_ms"] if enough else None
    return {
        "request_id": row["request_id"],
        shown: row["took_ms"],
        "times_usual": row["took_ms"] / usual if usual else None,
        "why": "; ".join(reasons(row, shown)),
        "usual_p50_ms": usual,
        "usual_p90_ms": row["usual_p90_ms"] if enough else None,
        "user": row["user_id"],
    } | {
        name: row[name]
        for name in ("feature", "model", "started_at", "trace_id", "alike_requests", "output_tokens", "input_tokens",
                     "queue_ms", "attempt")
    }  # fmt: skip


def reasons(row: Row, shown: str) -> list[str]:
    """What sets the request apart; tries before it always count."""
    failed = [f"failed: {row['error_class'] or row['status']}"] if row["status"] in ("error", "cancelled") else []
    before = [*failed, *retried(row)]
    if row["alike_requests"] < FEWEST_ALIKE:
        n = row["alike_requests"]
        return [*before, f"too few to compare ({n} request{'s' * (n != 1)} of its feature and model)"]
    found = [*failed, *queued(row), *(long_output(row) if shown == "latency_ms" else []), *late_start(row, shown)]
    found += [*big_prompt(row), *cold(row), *(sluggish(row) if shown == "latency_ms" else []), *retried(row)]
    if found:
        return found
    usual = row["usual_p90_ms"]
    return ["not unusual for its feature and model" if row["took_ms"] <= usual else "nothing logged explains it"]


def above(value: Any, p50: Any, p90: Any) -> float | None:
    """How many times the usual; None where the value is not out of the ordinary, or nothing is known."""
    if value is None or p50 is None or p90 is None or value < p90 or value < TIMES_USUAL * p50 or not value:
        return None
    return float(value / p50) if p50 else float("inf")


def times(ratio: float) -> str:
    return f"{ratio:,.1f}x the usual" if ratio != float("inf") else "usually none"


def duration(ms: float) -> str:
    return f"{ms / 1000:,.1f} s" if ms >= 1000 else f"{ms:,.0f} ms"


def queued(row: Row) -> list[str]:
    """The wait before the model began, where it is much of the whole."""
    ratio = above(row["queue_ms"], row["queue_p50"], row["queue_p90"])
    if ratio is None or row["queue_ms"] < QUEUE_SHARE * row["took_ms"]:
        return []
    return [f"waited {duration(row['queue_ms'])} in the queue, {times(ratio)}"]


def long_output(row: Row) -> list[str]:
    ratio = above(row["output_tokens"], row["output_p50"], row["output_p90"])
    return [f"output {row['output_tokens']:,} tokens, {times(ratio)}"] if ratio else []


def late_start(row: Row, shown: str) -> list[str]:
    """A late first token, where that is not the question itself."""
    ratio = above(row["ttft_ms"], row["ttft_p50"], row["ttft_p90"])
    if not ratio or shown == "ttft_ms" or row["ttft_ms"] < QUEUE_SHARE * row["took_ms"]:
        return []
    return [f"first token after {duration(row['ttft_ms'])}, {times(ratio)}"]


def big_prompt(row: Row) -> list[str]:
    ratio = above(row["input_tokens"], row["input_p50"], row["input_p90"])
    return [f"prompt of {row['input_tokens']:,} tokens, {times(ratio)}"] if ratio else []


def cold(row: Row) -> list[str]:
    """Nothing read from the cache where most of its group read some."""
    share = row["cached_ratio"]
    if row["cache_read_tokens"] != 0 or share is None or share < MOSTLY_CACHED:
        return []
    return [f"nothing read from the cache, where {100 * share:.0f} % of its group read some"]


def sluggish(row: Row) -> list[str]:
    """Few tokens a second, among the slowest tenth and at most half of the usual."""
    speed, usual, slowest = row["per_second"], row["speed_p50"], row["speed_p10"]
    if speed is None or not usual or speed > slowest or speed * TIMES_USUAL > usual:
        return []
    return [f"{speed:,.{0 if speed >= 10 else 1}f} tokens/s, usually {usual:,.0f}"]


def retried(row: Row) -> list[str]:
    """Failed tries of the same trace before it; their time comes on top."""
    tries = row["failed_before"]
    if not tries:
        return [f"attempt {row['attempt']}"] if (row["attempt"] or 1) > 1 else []
    lost = f", {duration(row['lost_ms'])} more" if row["lost_ms"] is not None else ""
    return [f"attempt {row['attempt']}: {tries} failed before it{lost}"]


def notes(logs: Logs, found: list[Row], counted: Row, shown: str, left_out: list[str]) -> list[str]:
    """The small print: what a reason is, what was compared, what was left out."""
    said = []
    if counted["counted"] > counted["timed"]:
        n = counted["counted"] - counted["timed"]
        remedy = "" if counted["timed"] else f"; --map {shown}=KEY if one is logged"
        said.append(f"{n:,} requests have no {shown}{remedy}")
    if found:
        said.append(
            f"usual: the median of the requests of the same feature and model, {FEWEST_ALIKE} at least; a reason is a "
            f"figure in the outer tenth of them and {TIMES_USUAL:g} times the median or more (speed: half or less)"
        )
        if logs.where:
            said.append("--where narrows the usual too: only requests that it lets through are compared")
        said.append(f"{len(found):,} of {counted['timed']:,} requests; llmscope trace show REQUEST shows one whole")
    return [*said, *left_out]
