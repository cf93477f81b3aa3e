"""How busy is it? Requests and tokens a minute, how many are in flight at once, and what is left of a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _limits, _slices, _sweep, _throughput_parts
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Finding, Part, Result, Series

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "network_ms", "inference_ms", "postprocess_ms",
    "temperature", "input_chars", "output_chars", "sample_weight", "template", "template_version", "service",
    "environment", "release", "language", "item_id", "finish_reason", "stream", "attempt", "max_tokens", "refusal",
    "fallback", "source_line", "user_id", "session_id", "feature", "cost_logged_usd", "web_searches",
)  # fmt: skip

SQL = f"""
WITH timed AS (
    SELECT *, {_sweep.START} AS start_us,
        {_sweep.END} AS end_us
    FROM {{relation}}
)
SELECT {{dimensions}}
    count(start_us) AS requests,
    CAST(sum(input_tokens) FILTER (WHERE start_us IS NOT NULL) AS BIGINT) AS input_tokens,
    CAST(sum(output_tokens) FILTER (WHERE start_us IS NOT NULL) AS BIGINT) AS output_tokens,
    count(*) FILTER (WHERE start_us IS NULL) AS timeless_requests,
    count(*) FILTER (WHERE start_us IS NOT NULL AND {_sweep.REACHED} AND end_us IS NULL) AS endless_requests,
    count(*) FILTER (WHERE start_us IS NOT NULL AND NOT ({_sweep.REACHED})) AS cached_requests,
    count(*) FILTER (WHERE start_us IS NOT NULL AND status IN ('error', 'cancelled')) AS failed_requests,
    count(*) FILTER (WHERE start_us IS NOT NULL AND timing_quality = 'inferred') AS inferred_requests,
    count(*) FILTER (WHERE start_us IS NOT NULL AND input_tokens IS NULL AND output_tokens IS NULL) AS tokenless,
    count(queue_ms) + count(ttft_ms) AS waits,
    min(start_us) AS first_us,
    max(greatest(start_us, coalesce(end_us, start_us))) AS last_us
FROM timed
GROUP BY ALL
"""
SECONDS = {"second": 1, "minute": 60, "hour": 3600}
BUSIEST_SHOWN, MOST_BUSIEST = 10, 100
Row = dict[str, Any]


def throughput(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket"] = None,
    per: Annotated[str, "second, minute or hour: the unit of the rates"] = "minute",
    limit: Annotated[list[str] | None, "openai=10000rpm,2000000tpm: what is left of it (repeatable)"] = None,
    busiest: Annotated[int, "how many of the busiest minutes to show"] = BUSIEST_SHOWN,
    sort: Annotated[str, "column to sort by"] = "requests",
) -> Result:
    """Rates, concurrency, busiest minutes, waiting and headroom; see the module's words."""
    if per not in SECONDS:
        raise unknown_name("--per", per, SECONDS)
    if not 0 <= busiest <= MOST_BUSIEST:
        raise UsageError(f"--busiest takes a number from 0 to {MOST_BUSIEST}")
    stated = _limits.parse([limit] if isinstance(limit, str) else limit or [])
    groups = _slices.grouping(by, over)
    columns = (*_slices.columns_of(groups), *measures(per, bool(over)))
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    whole = logs.query(SQL, names={"relation": "requests"})[0]
    span = span_of(logs, whole)
    slices = [d for d in groups if d.word != over]
    every = measures(per, False)
    totals = finished(whole, _sweep.in_flight(logs).get(()), per, span, every) if whole["requests"] else None
    if not whole["requests"]:
        rows: list[Row] = []
    elif over:
        rows = bucketed(logs, groups, over, per, span, columns)
    else:
        rows = grouped(logs, slices, per, span, columns) if groups else [dict(totals or {})]
    parts: dict[str, Part] = {}
    findings: tuple[Finding, ...] = ()
    if stated:
        parts["limits"], findings = _limits.used(logs, stated)
    parts |= further(logs, slices, whole, busiest)
    return Result(
        "throughput",
        columns,
        tuple(_slices.ordered(rows, groups, sort, over)),
        totals if groups else None,
        parts=parts,
        series=lines(rows, over, slices, per),
        findings=findings,
        notes=(*peak_note(totals), *notes(logs, whole, span, per, bool(stated), [d.word for d in groups])),
        coverage=Coverage(requests=whole["requests"] + whole["timeless_requests"]),
    )


def measures(per: str, bucketed: bool) -> tuple[Column, ...]:
    """The result's figures; of buckets neither the p95 nor the moment of the peak is kept."""
    found = (
        Column("requests", "count"),
        Column(f"requests_per_{per}", "rate"),
        Column(f"input_tokens_per_{per}", "rate", optional=True),
        Column(f"output_tokens_per_{per}", "rate", optional=True),
        Column("mean_concurrency", "rate"),
        Column("p95_concurrency", "count"),
        Column("peak_concurrency", "count"),
        Column("peak_at", "time", optional=True),
    )
    return tuple(c for c in found if not (bucketed and c.name in ("p95_concurrency", "peak_at")))


def span_of(logs: Logs, whole: Row) -> tuple[int, int]:
    """What rates and means are over: the first start to the last end; an end of the window that was asked holds."""
    first, last = whole["first_us"] or 0, whole["last_us"] or 0
    since, until = logs.window.since, logs.window.until
    return _sweep.micros(since) if since else int(first), _sweep.micros(until) if until else int(last)


def finished(
    row: Mapping[str, Any], flight: _sweep.InFlight | None, per: str, span: tuple[int, int], columns: Sequence[Column]
) -> Row:
    """One slice's figures; the concurrency of requests that all lack an end is unknown."""
    length = span[1] - span[0]
    rates = {
        f"{name}_per_{per}": rate(row[name], length, per) for name in ("requests", "input_tokens", "output_tokens")
    }
    unknown = row["requests"] > 0 and row["endless_requests"] == row["requests"] - row["cached_requests"]
    one = flight or (None if unknown and row["endless_requests"] else _sweep.InFlight())
    found = {
        **row, **rates,
        "mean_concurrency": one.mean(length) if one else None,
        "p95_concurrency": one.quantile(0.95, length) if one else None,
        "peak_concurrency": one.peak if one else None,
        "peak_at": _sweep.moment_of(one.peak_us) if one else None,
    }  # fmt: skip
    return {c.name: found.get(c.name) for c in columns if c.name in found}


def rate(count: Any, length_us: int, per: str) -> float | None:
    """So many in so many microseconds, as a rate; unknown where no time passed."""
    return None if count is None or length_us <= 0 else int(count) * SECONDS[per] * 1_000_000 / length_us


def grouped(
    logs: Logs, slices: Sequence[Dimension], per: str, span: tuple[int, int], columns: Sequence[Column]
) -> list[Row]:
    """A row a slice, all over the same span, so that rates and means add up."""
    flights = _sweep.in_flight(logs, slices)
    rows = logs.query(SQL, by=slices, names={"relation": _sweep.relation(slices)})
    return [
        finished(row, flights.get(_sweep.key_of(row, slices)), per, span, columns) for row in rows if row["requests"]
    ]


def bucketed(
    logs: Logs, groups: Sequence[Dimension], over: str, per: str, span: tuple[int, int], columns: Sequence[Column]
) -> list[Row]:
    """A row a bucket (and slice), also where requests only go on from an earlier one, or nothing happened."""
    slices = groups[1:]
    flights = _sweep.in_flight_over(logs, slices, groups[0])
    found = logs.query(SQL, by=groups, names={"relation": _sweep.relation(slices)})
    rows = {_sweep.key_of(row, groups): row for row in found if row["requests"]}
    nothing = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "endless_requests": 0, "cached_requests": 0}
    for key in [k for k, one in flights.items() if k not in rows and one.peak]:
        rows[key] = {**nothing, **dict(zip((d.word for d in groups), key, strict=True))}
    unknown = dict.fromkeys(d.word for d in slices)
    names = {key[0] for key in rows}
    for name in _slices.buckets_between(min(names), max(names), over):
        if name not in names:
            rows[(name, *unknown)] = {**nothing, **unknown, over: name}
    finish = []
    for key, row in rows.items():
        start, end = _sweep.bounds(key[0], over, logs.window.tz)
        inside = max(start, span[0]), min(end, span[1])
        finish.append(finished(row, flights.get(key), per, inside, columns))
    return finish


def further(logs: Logs, slices: Sequence[Dimension], whole: Row, busiest: int) -> dict[str, Part]:
    """The tables beside the first."""
    found = {}
    if busiest and whole["requests"]:
        found["busiest"] = _throughput_parts.busiest(logs, slices, busiest)
    queue = _throughput_parts.queue(logs, slices) if whole["waits"] and logs.shows("queue") else None
    return {**found, "queue": queue} if queue else found


def lines(rows: Sequence[Row], over: str | None, slices: Sequence[Dimension], per: str) -> tuple[Series, ...]:
    """Requests and the peak in flight over time, where nothing else divides the rows."""
    if not over or slices or len(rows) < 2:
        return ()
    ordered = sorted(rows, key=lambda row: str(row[over]))
    x = tuple(row[over] for row in ordered)
    return (
        Series(f"requests/{per}", x, tuple(row[f"requests_per_{per}"] for row in ordered), "rate"),
        Series("peak in flight", x, tuple(row["peak_concurrency"] for row in ordered)),
    )


def peak_note(totals: Row | None) -> list[str]:
    """When most were in flight: said also where the width, or the question, has no room for the column."""
    if not totals or not totals["peak_at"]:
        return []
    return [f"most in flight: {totals['peak_concurrency']:,}, first at {totals['peak_at']:%Y-%m-%d %H:%M:%S} UTC"]


def notes(logs: Logs, whole: Row, span: tuple[int, int], per: str, limited: bool, words: Sequence[str]) -> list[str]:
    """The small print: what rates are over, what counts, and what is left out."""
    if not whole["requests"]:
        return timeless(whole)
    start, end = _sweep.moment_of(span[0]), _sweep.moment_of(span[1])
    found = []
    if start and end:
        ends = "first start to last end, or the window asked for"
        found.append(
            f"rates, means and p95 are over {length(span[1] - span[0])}, from {start:%Y-%m-%d %H:%M:%S} to "
            f"{end:%Y-%m-%d %H:%M:%S} UTC ({ends}), idle time included, the same for every row"
            + ("; a bucket counts the part of it inside" if any(w in _buckets() for w in words) else "")
        )
    if span[1] - span[0] < SECONDS[per] * 1_000_000:
        found.append(f"that is less than a {per}: the rates are what it would be if it went on like this")
    found.append("in flight: from the start until before the end; one that ends as another starts does not overlap")
    if whole["failed_requests"]:
        n = whole["failed_requests"]
        found.append(
            f"{n:,} failed or cancelled requests are in: they load the system; --where \"status = 'ok'\" if not"
        )
    found += left_out(logs, whole)
    if limited:
        found.append(
            "limits: the most in any 60 s (rps: 1 s), sliding; tokens count at a request's start, as they were "
            "used in the end"
        )
    if "tag" in words:
        found.append("a request with several tags stands under each: the rows add up to more than the total")
    return found + timeless(whole)


def left_out(logs: Logs, whole: Row) -> list[str]:
    """What concurrency does not know."""
    found = []
    if n := whole["endless_requests"]:
        found.append(
            f"{n:,} requests have no end and are left out of concurrency; --map ended_at=KEY or latency_ms=KEY"
        )
    if n := whole["cached_requests"]:
        found.append(
            f"{n:,} answers of the gateway's own cache reached no model: counted in rates, left out of concurrency, "
            "waiting and limits"
        )
    if n := whole["inferred_requests"]:
        found.append(f"{n:,} requests have inferred times: their concurrency is a guess")
    if n := whole["tokenless"]:
        found.append(f"{n:,} requests report no tokens: token rates are at least what is shown")
    if logs.window.since:
        found.append("requests that began before the window are not in it: its first moments had more in flight")
    return found


def timeless(whole: Row) -> list[str]:
    n = whole["timeless_requests"]
    return [f"{n:,} requests without a time are left out; --map started_at=KEY if one is logged"] if n else []


def length(us: int) -> str:
    """A span in words."""
    seconds = us / 1e6
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds:,.3g} seconds"


def _buckets() -> tuple[str, ...]:
    from llmscope.schema import BUCKETS

    return BUCKETS
