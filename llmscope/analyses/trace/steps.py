"""Which steps take the time? Each step across many traces: how often, how long, and its share of the critical path."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses._trace_steps import NODES, TRACED, grouped
from llmscope.analyses._trace_tree import Step, tree_of
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result
from llmscope.stats.quantiles import fewest

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests", "spans")
# Columns it never looks at: of log files they are not read unless --where names them.
UNREAD = (
    "response_id", "finish_reason_raw", "error_message", "prompt_hash", "prefix_hashes", "embedding", "tags",
    "metadata", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "temperature", "input_chars",
    "output_chars", "sample_weight", "template", "template_version", "language", "item_id", "user_id", "session_id",
    "feature", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_logged_usd",
)  # fmt: skip

# Own time: the duration less the union of the children's times, each cut to the parent's (a sweep by start, in which
# `reached` is how far the children before have come).
SQL = (
    NODES
    + """,
inside AS (
    SELECT child.trace_id, child.parent_span_id, child.span_id,
        greatest(child.started_at, parent.started_at) AS low,
        least(child.ended_at, parent.ended_at) AS high
    FROM nodes AS child
    JOIN nodes AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
    WHERE child.ended_at > parent.started_at AND child.started_at < parent.ended_at AND child.span_id <> parent.span_id
),
swept AS (
    SELECT *, max(high) OVER (
        PARTITION BY trace_id, parent_span_id ORDER BY low, high, span_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS reached
    FROM inside
),
covered AS (
    SELECT trace_id, parent_span_id AS span_id,
        sum(date_diff('microsecond', greatest(low, coalesce(reached, low)), high)) / 1000.0 AS covered_ms
    FROM swept
    WHERE reached IS NULL OR high > reached
    GROUP BY trace_id, parent_span_id
),
timed AS (
    SELECT nodes.*, duration_ms - coalesce(covered_ms, 0) AS self_ms
    FROM nodes
    LEFT JOIN covered ON covered.trace_id = nodes.trace_id AND covered.span_id = nodes.span_id
)
SELECT name, kind,
    count(*) AS spans,
    count(duration_ms) AS timed_spans,
    count(DISTINCT trace_id) AS in_traces,
    quantile_cont(duration_ms, 0.5) AS p50_ms,
    quantile_cont(duration_ms, 0.95) AS p95_ms,
    sum(greatest(self_ms, 0)) AS self_ms,
    count(*) FILTER (WHERE status = 'error') AS errors,
    (SELECT count(DISTINCT trace_id) FROM nodes) AS traces,
    sum(sum(greatest(self_ms, 0))) OVER () AS every_self_ms,
    sum(count(*)) OVER () AS every_span,
    count(*) OVER () AS every_step
FROM timed
GROUP BY name, kind
ORDER BY {order} DESC NULLS LAST, self_ms DESC NULLS LAST, name, kind
LIMIT $top
"""
)
# Whole traces, drawn by the hash of their ids, until there are as many steps as may come to Python.
SAMPLE_SQL = (
    NODES
    + """,
sized AS (
    SELECT trace_id, count(*) AS steps FROM nodes GROUP BY trace_id
),
drawn AS (
    SELECT trace_id, sum(steps) OVER (ORDER BY md5(trace_id), trace_id ROWS UNBOUNDED PRECEDING) AS so_far
    FROM sized
    WHERE steps <= $most / 10
)
SELECT nodes.trace_id, span_id, parent_span_id, name, kind, service, started_at, ended_at, call
FROM nodes
JOIN drawn ON drawn.trace_id = nodes.trace_id
WHERE so_far <= $most
ORDER BY nodes.trace_id, started_at, span_id
"""
)
MOST_SAMPLED = 20_000
DRAWN, EVERY = "md5(trace_id) < $below", "g"
MOST_JUDGED = 10_000

COLUMNS = (
    Column("name", "text", "dimension"),
    Column("kind", "text", "dimension"),
    Column("spans", "count"),
    Column("p50_ms", "ms"),
    Column("p95_ms", "ms"),
    Column("critical_share_ratio", "ratio"),
    Column("self_share_ratio", "ratio", optional=True),
    Column("error_ratio", "ratio", optional=True),
    Column("traces_ratio", "ratio", optional=True),
    Column("self_ms", "ms", optional=True),
    Column("errors", "count", optional=True),
)
# What may be sorted by, and by what the first --top are then chosen; the critical path is known of a sample only.
SORTS = {
    "critical_share_ratio": "self_ms",
    "self_share_ratio": "self_ms",
    "spans": "spans",
    "p50_ms": "p50_ms",
    "p95_ms": "p95_ms",
    "error_ratio": "1.0 * count(*) FILTER (WHERE status = 'error') / count(*)",
    "traces_ratio": "in_traces",
}
Row = dict[str, Any]
Key = tuple[str, str]


def steps(
    logs: Logs,
    sort: Annotated[str, "column to sort by"] = "self_share_ratio",
    top: Annotated[int | None, "the first N steps in the order of --sort"] = 30,
) -> Result:
    """Steps by name and kind across the traces of the window."""
    if sort not in SORTS:
        raise unknown_name("column", sort, SORTS)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    names = {"traced": TRACED if logs.where else "true", "drawn": "true"}
    found = logs.query(SQL, names=names | {"order": SORTS[sort]}, top=min(top or MOST_JUDGED, MOST_JUDGED))
    below = fraction(found[0]["every_span"]) if found else EVERY
    sample = logs.query(SAMPLE_SQL, names=names | {"drawn": DRAWN}, most=MOST_SAMPLED, below=below)
    paths, drawn, single = on_paths(sample)
    rows = [finish(row, paths, drawn) for row in found]
    rows.sort(key=lambda row: (row[sort] is None, -(row[sort] or 0), row["name"], row["kind"]))
    return Result(
        "trace steps",
        COLUMNS,
        tuple(rows),
        notes=tuple(notes(logs, found, drawn, single)),
        coverage=Coverage(requests=requests(logs)),
    )


def fraction(spans: int) -> str:
    """The hash below which ids are drawn: twice as many steps as may come, so that the bound is what cuts."""
    share = 2 * MOST_SAMPLED / spans if spans else 1.0
    return f"{int(share * 16**8):08x}" if share < 1 else EVERY


def requests(logs: Logs) -> int:
    return int(logs.query("SELECT count(*) AS n FROM requests")[0]["n"])


def on_paths(sample: list[Row]) -> tuple[dict[Key, float], int, int]:
    """Each step's share of the critical paths of whole traces; how many traces that rests on, and those of one step."""
    critical: dict[Key, int] = defaultdict(int)
    whole, traces = 0, grouped(sample, "trace_id")
    single = sum(len(rows) == 1 for rows in traces.values())
    for rows in traces.values():
        tree = tree_of([node(row) for row in rows])
        whole += tree.whole_us
        for step in tree.steps:
            critical[step.row["name"], step.row["kind"]] += step.critical_us
    return ({key: us / whole for key, us in critical.items()} if whole else {}), len(traces), single


def node(row: Row) -> Step:
    known = {"name": row["name"], "kind": row["kind"], "service": row["service"]}
    return Step(row["span_id"], row["parent_span_id"], row["started_at"], row["ended_at"], known, row["call"])


def finish(row: Row, paths: dict[Key, float], drawn: int) -> Row:
    """Shares and rates of one step; one that no drawn trace has is unknown, not 0."""
    complete = drawn >= row["traces"]
    return {
        "name": row["name"],
        "kind": row["kind"],
        "spans": row["spans"],
        "p50_ms": row["p50_ms"],
        "p95_ms": row["p95_ms"],
        "critical_share_ratio": paths.get((row["name"], row["kind"]), 0.0 if complete and paths else None),
        "self_share_ratio": row["self_ms"] / row["every_self_ms"] if row["every_self_ms"] and row["self_ms"] else None,
        "error_ratio": row["errors"] / row["spans"],
        "traces_ratio": row["in_traces"] / row["traces"],
        "self_ms": row["self_ms"],
        "errors": row["errors"],
    }


def notes(logs: Logs, found: list[Row], drawn: int, single: int) -> list[str]:
    """The small print: what shares are of, on how many traces they rest, and what is too few."""
    if not found:
        return ["no request and no span names a trace; --map trace_id=KEY if one is logged"]
    every, traces = found[0]["every_step"], found[0]["traces"]
    said = [
        f"{traces:,} traces; self share: own time (the duration less the union of the children's) of all own time; "
        "traces: share of them that have the step"
    ]
    if drawn < traces:
        said.append(
            f"critical share: of the paths of {drawn:,} of {traces:,} whole traces, drawn by the hash of their ids; "
            f"no more than {MOST_SAMPLED:,} steps, and no trace of more than {MOST_SAMPLED // 10:,}"
        )
    else:
        said.append("critical share: of the chains of steps that determine when each trace ends")
    if 2 * single > drawn:
        said.append(
            f"{single:,} of these {drawn:,} traces are one step alone; --where 'span_id IS NOT NULL' leaves the "
            "requests that were logged with their place in a trace"
        )
    few = sum(row["timed_spans"] < fewest(0.95) for row in found)
    if few:
        said.append(f"p95 of {few:,} steps rests on fewer than {fewest(0.95)} times: n too small to trust its tail")
    timeless = sum(row["spans"] - row["timed_spans"] for row in found)
    if timeless:
        said.append(f"{timeless:,} steps have no logged duration: counted, but in no quantile")
    if every > len(found):
        said.append(f"{len(found):,} of {every:,} steps, the first by --sort; --top shows more")
    if logs.where:
        said.append("steps of every trace of which --where lets a request through")
    return said
