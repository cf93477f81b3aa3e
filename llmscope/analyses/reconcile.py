"""Does what was logged agree with what it should have cost? Logged against computed, and why they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _gaps, _slices
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Finding, Part, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "ended_at", "latency_ms", "ttft_ms", "queue_ms",
    "network_ms", "inference_ms", "postprocess_ms", "temperature", "input_chars", "output_chars", "sample_weight",
)  # fmt: skip

SQL = (
    _gaps.COMPARED
    + """
SELECT {dimensions}
    count(agrees) AS requests,
    sum(cast(logged_usd AS DECIMAL(38, 15))) FILTER (WHERE agrees IS NOT NULL) AS cost_logged_usd,
    sum(cost_usd) FILTER (WHERE agrees IS NOT NULL) AS cost_usd,
    count(*) FILTER (WHERE agrees) AS agreeing,
    count(*) FILTER (WHERE cost_usd IS NULL AND logged_usd IS NOT NULL) AS only_logged_requests,
    sum(cast(logged_usd AS DECIMAL(38, 15))) FILTER (WHERE cost_usd IS NULL) AS only_logged_usd,
    count(*) FILTER (WHERE cost_logged_usd IS NULL AND cost_usd IS NOT NULL) AS only_computed_requests,
    sum(cost_usd) FILTER (WHERE cost_logged_usd IS NULL) AS only_computed_usd,
    count(*) FILTER (WHERE logged_zero) AS logged_zero_requests,
    sum(cost_usd) FILTER (WHERE logged_zero) AS logged_zero_usd,
    min(started_at) FILTER (WHERE NOT agrees) AS first_at,
    max(started_at) FILTER (WHERE NOT agrees) AS last_at,
    count(*) FILTER (WHERE NOT agrees AND price_status = 'extrapolated') AS extrapolated,
    count(*) FILTER (WHERE price_status = 'unpriced') AS unpriced,
    count(*) AS every_request,
    count(*) FILTER (WHERE price_status <> 'no_usage') AS ought_to_be_priced,
    count(cost_usd) FILTER (WHERE price_status <> 'no_usage') AS priced_requests,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (WHERE price_status <> 'no_usage') AS tokens,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))
        FILTER (WHERE price_status NOT IN ('no_usage', 'unpriced')) AS priced_tokens
FROM judged
GROUP BY ALL
"""
)
MEASURES = (
    Column("requests", "count"),
    Column("cost_logged_usd", "usd"),
    Column("cost_usd", "usd"),
    Column("difference_usd", "usd"),
    Column("difference_ratio", "ratio"),
    Column("agreeing_ratio", "ratio"),
    Column("reason", "text"),
    Column("explained_ratio", "ratio", optional=True),
    Column("only_logged_requests", "count", optional=True),
    Column("only_computed_requests", "count", optional=True),
    Column("logged_zero_requests", "count", optional=True),
)
REQUEST_COLUMNS = (
    Column("request_id", "text", "dimension"),
    Column("started_at", "time", "time"),
    Column("model", "text", "dimension"),
    Column("cost_logged_usd", "usd"),
    Column("cost_usd", "usd"),
    Column("difference_usd", "usd"),
    Column("reason", "text"),
)
REQUESTS_SHOWN, MOST_FOUND = 10, 5
# What the rest of --top is the sum of.
SUMMED = (
    "requests", "cost_logged_usd", "cost_usd", "agreeing", "only_logged_requests", "only_computed_requests",
    "logged_zero_requests",
)  # fmt: skip
# What of all slices together is no sum.
JOINED: dict[str, Callable[[list[Any]], Any]] = {"first_at": min, "last_at": max}
Row = dict[str, Any]


def reconcile(
    logs: Logs,
    by: Annotated[str, "dimensions to group by, comma-separated"] = "model",
    top: Annotated[int | None, "only the N slices and the N requests that differ most (10 requests otherwise)"] = None,
    sort: Annotated[str, "column to sort by; difference_usd by its size"] = "difference_usd",
    tolerance: Annotated[float, "share of the logged cost that may differ; 1e-6 USD always may"] = 0.005,
) -> Result:
    """Logged against computed cost by dimension, and the requests that differ most; see the module's words."""
    groups = _slices.grouping(by, None)
    columns = (*_slices.columns_of(groups), *MEASURES)
    check(columns, top, sort, tolerance)
    every = logs.query(SQL, by=groups, tolerance=tolerance)
    tagged = any(d.unnests for d in groups)  # a request of two tags is in two rows
    whole = logs.query(SQL, tolerance=tolerance)[0] if tagged or not every else together(every, groups)
    rows, differing = [row for row in every if row["requests"]], whole["requests"] - whole["agreeing"]
    sample = _gaps.below(differing)
    looked_at = _gaps.Differing(logs, tuple(groups), sample, tolerance, top or REQUESTS_SHOWN)
    reasons, requests = _gaps.explain(looked_at) if differing else ({}, [])
    finished = [finish(row, reasons.get(key_of(row, groups))) for row in cut(rows, groups, top)]
    finished = ordered(finished, groups, sort)
    return Result(
        "reconcile",
        columns,
        tuple({column.name: row[column.name] for column in columns} for row in finished),
        {column.name: value for column in MEASURES if (value := finish(whole)[column.name]) is not None},
        parts={"requests": Part(REQUEST_COLUMNS, tuple(request(row) for row in requests))},
        findings=findings(finished, groups),
        notes=tuple(notes(whole, tolerance, sample)),
        coverage=coverage(whole),
    )


def together(rows: Sequence[Row], groups: Sequence[Dimension]) -> Row:
    """What all slices have together: each request is in one of them."""
    whole: Row = {}
    for name in rows[0].keys() - {d.word for d in groups}:
        known = [row[name] for row in rows if row[name] is not None]
        whole[name] = (JOINED.get(name, sum))(known) if known else None
    return whole


def check(columns: Sequence[Column], top: int | None, sort: str, tolerance: float) -> None:
    """Refuses options that mean nothing."""
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    if not 0 <= tolerance < 1:
        raise UsageError(f"--tolerance {tolerance:g} is no share", hint="0.005 is half a per cent of the logged cost")
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])


def key_of(row: Row, groups: Sequence[Dimension]) -> tuple[Any, ...]:
    return tuple(row[d.word] for d in groups)


def cut(rows: Sequence[Row], groups: Sequence[Dimension], top: int | None) -> list[Row]:
    """The slices that differ most, and one row for all others together."""
    if top is None:
        return list(rows)
    sized = sorted(
        rows, key=lambda row: (-abs(difference(row)), tuple((v is None, str(v)) for v in key_of(row, groups)))
    )
    if len(sized) <= top:
        return sized
    other: Row = dict.fromkeys((d.word for d in groups), _slices.OTHER)
    for name in SUMMED:
        other[name] = sum(row[name] for row in sized[top:])
    return [*sized[:top], {**other, "first_at": None, "last_at": None}]


def difference(row: Row) -> Any:
    """Logged less computed, exact."""
    return (row["cost_logged_usd"] or 0) - (row["cost_usd"] or 0)


def finish(row: Row, reason: _gaps.Reason | None = None) -> Row:
    """Rates of one slice; money leaves its exact decimals here."""
    both, gap = row["requests"], difference(row)
    return {
        **row,
        "cost_logged_usd": float(row["cost_logged_usd"]) if both else None,
        "cost_usd": float(row["cost_usd"]) if both else None,
        "difference_usd": float(gap) if both else None,
        "difference_ratio": float(gap / row["cost_usd"]) if row["cost_usd"] else None,
        "agreeing_ratio": row["agreeing"] / both if both else None,
        "reason": reason.text if reason else None,
        "explained_ratio": reason.explained_ratio if reason else None,
    }


def ordered(rows: Sequence[Row], groups: Sequence[Dimension], sort: str) -> list[Row]:
    """By `sort`, differences by their size; the rest of --top last."""
    sized = [{**row, "size": abs(row["difference_usd"]) if sort == "difference_usd" else row[sort]} for row in rows]
    first = [row for row in sized if not is_other(row, groups)]
    return [*_slices.ordered(first, groups, "size", None), *(row for row in sized if is_other(row, groups))]


def is_other(row: Row, groups: Sequence[Dimension]) -> bool:
    return bool(groups) and all(row[d.word] == _slices.OTHER for d in groups)


def request(row: Row) -> Row:
    """One request that differs."""
    logged, computed = row["logged_usd"], float(row["cost_usd"])
    figures = {"cost_logged_usd": logged, "cost_usd": computed, "difference_usd": logged - computed}
    return {**{n: row[n] for n in ("request_id", "started_at", "model", "reason")}, **figures}


def findings(rows: Sequence[Row], groups: Sequence[Dimension]) -> tuple[Finding, ...]:
    """The largest differences that one reason explains."""
    named = [row for row in rows if row["explained_ratio"] is not None]
    named.sort(key=lambda row: (-abs(row["difference_usd"]), str(key_of(row, groups))))
    return tuple(Finding("difference", "warning", sentence(row, groups)) for row in named[:MOST_FOUND])


def sentence(row: Row, groups: Sequence[Dimension]) -> str:
    """What differs, by how much, when and why."""
    name = " ".join("(none)" if row[d.word] is None else str(row[d.word]) for d in groups) or "all requests"
    ratio = row["difference_ratio"]
    share = f" ({100 * ratio:+.1f} %)" if ratio is not None else ""
    days = ""
    if row["first_at"]:
        first, last = f"{row['first_at']:%Y-%m-%d}", f"{row['last_at']:%Y-%m-%d}"
        days = f", on {first}" if first == last else f", between {first} and {last}"
    figures = f"logged {row['cost_logged_usd']:.4f} USD, computed {row['cost_usd']:.4f} USD{share}"
    return f"{name}: {figures}{days}: {row['reason']}"


def coverage(whole: Row) -> Coverage:
    """Computed prices against the requests that ought to have one."""
    return Coverage(
        requests=whole["every_request"],
        priced_requests=whole["priced_requests"],
        priced_tokens_ratio=float(whole["priced_tokens"] or 0) / float(whole["tokens"]) if whole["tokens"] else None,
        ought_to_be_priced=whole["ought_to_be_priced"],
    )


def notes(whole: Row, tolerance: float, sample: str) -> list[str]:
    """The small print: what was compared, how strictly, and what was not."""
    every, both = whole["every_request"], whole["requests"]
    differing = both - whole["agreeing"]
    found = [
        f"{both:,} of {every:,} requests have a logged and a computed cost; {differing:,} of them differ by more than "
        f"{100 * tolerance:g} % of what was logged and 0.000001 USD"
    ]
    if whole["only_computed_requests"]:
        n, usd = whole["only_computed_requests"], float(whole["only_computed_usd"])
        found.append(f"{n:,} requests log no cost and are not compared (computed {usd:.4f} USD)")
    if whole["logged_zero_requests"]:
        n, usd = whole["logged_zero_requests"], float(whole["logged_zero_usd"] or 0)
        found.append(
            f"{n:,} requests log a cost of 0 for what was used (computed {usd:.4f} USD where there is a price): "
            "0 is unknown, not free; they are not compared"
        )
    if whole["only_logged_requests"]:
        n, usd = whole["only_logged_requests"], float(whole["only_logged_usd"])
        found.append(f"{n:,} requests log a cost and have none of ours (logged {usd:.4f} USD); they are not compared")
    if whole["unpriced"]:
        found.append(f"{whole['unpriced']:,} requests have a model without a known price; llmscope pricing unpriced")
    if whole["extrapolated"]:
        found.append(
            f"{whole['extrapolated']:,} of those that differ were made before the first known price, or without a "
            "time: a price of that day in pricing.toml may settle them"
        )
    if sample != _gaps.EVERY:
        found.append(f"reasons of slices rest on about {_gaps.MOST_TRIED:,} of the requests that differ, drawn by hash")
    return found
