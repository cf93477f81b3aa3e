"""Where does the money go? Cost by any dimension, at the price in force when each request was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _rolled_cost, _slices
from llmscope.analyses._weights import counting, tidy
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Result, Series
from llmscope.rolled import LOGGED, SOURCES, TOKENS, UNPRICED

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
    "template", "template_version", "service", "environment", "release", "language", "item_id", "finish_reason",
    "stream", "attempt", "max_tokens", "refusal", "fallback", "source_line",
)  # fmt: skip

# {chosen}: one of SOURCES. {others}: true, or what keeps the slices of --top out.
SQL = """
WITH costed AS (
    SELECT *, {chosen} AS chosen_usd FROM priced
)
SELECT {dimensions}
    {count} AS requests,
    sum(input_tokens{times})::BIGINT AS input_tokens,
    sum(output_tokens{times})::BIGINT AS output_tokens,
    sum(cache_read_tokens{times})::BIGINT AS cache_read_tokens,
    sum(chosen_usd{times}) AS cost_usd,
    {count} FILTER (WHERE chosen_usd IS NOT NULL) AS costed_requests,
    sum(chosen_usd{times}) FILTER (WHERE coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0) AS token_cost_usd,
    sum((coalesce(input_tokens, 0) + coalesce(output_tokens, 0)){times}) FILTER (WHERE chosen_usd IS NOT NULL)::BIGINT
        AS costed_tokens,
    {people}
    sum(cost_logged_usd::DECIMAL(18, 12){times}) AS cost_logged_usd,
    {count} FILTER (WHERE {unpriced}) AS unpriced_requests
FROM costed
GROUP BY ALL
"""
PEOPLE = """count(DISTINCT user_id) AS users,
    count(DISTINCT session_id) AS sessions,
    sum(chosen_usd) FILTER (WHERE session_id IS NOT NULL) AS session_cost_usd,"""

# How many people and conversations there were, rows that were kept by lot do not tell.
NO_PEOPLE = "NULL::BIGINT AS users, NULL::BIGINT AS sessions, NULL::DOUBLE AS session_cost_usd,"

# How the parts of a total came by their cost.
STATUS_SQL = """
SELECT price_status,
    CASE WHEN price_status = 'unpriced' THEN model END AS model,
    CASE WHEN price_status = 'unpriced' THEN provider END AS provider,
    count(*) AS requests,
    count(cost_usd) AS computed,
    count(cost_logged_usd) AS logged,
    count(*) FILTER (WHERE cost_usd IS NULL AND {logged} IS NOT NULL) AS only_logged,
    count(*) FILTER (WHERE cost_usd IS NULL AND cost_logged_usd = 0 AND {tokens} > 0) AS logged_zero,
    sum({tokens})::BIGINT AS tokens,
    count(*) FILTER (WHERE started_at IS NULL) AS timeless
FROM priced
GROUP BY ALL
"""
MEASURES = (
    Column("requests", "count"),
    Column("input_tokens", "tokens", optional=True),
    Column("output_tokens", "tokens", optional=True),
    Column("cache_read_tokens", "tokens", optional=True),
    Column("cost_usd", "usd"),
    Column("cost_share_ratio", "ratio"),
    Column("cost_per_request_usd", "usd"),
    Column("cost_per_1m_tokens_usd", "usd", optional=True),
    Column("users", "count", optional=True),
    Column("sessions", "count", optional=True),
    Column("cost_per_session_usd", "usd", optional=True),
    Column("cost_logged_usd", "usd", optional=True),
    Column("unpriced_requests", "count", optional=True),
)
EMPTY = {c.name: 0 if c.name in ("requests", "users", "sessions", "unpriced_requests") else None for c in MEASURES}
Row = dict[str, Any]
MOST_LINES = 5


def cost(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket"] = None,
    top: Annotated[int | None, "only the costliest N slices; the rest summed as (other)"] = None,
    sort: Annotated[str, "column to sort by"] = "cost_usd",
    cost_source: Annotated[str, "auto, computed or logged"] = "auto",
    forecast: Annotated[bool, "the month to date, carried to its end with an interval"] = False,
    no_people: Annotated[bool, "without users and sessions: counting them takes half of the time"] = False,
) -> Result:
    """Cost, tokens and requests by dimension; see the module's words."""
    if cost_source not in SOURCES:
        raise unknown_name("cost source", cost_source, SOURCES)
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    groups = _slices.grouping(by, over)
    columns = (*_slices.columns_of(groups), *MEASURES)
    if sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    slices = [d for d in groups if d.word != over]
    rolled = sort not in _rolled_cost.LACKING and logs.rolled(groups, priced=True)
    of: Callable[..., list[Row]] = _rolled_cost.measured if rolled else partial(measured, people=not no_people)
    rows = of(logs, groups, cost_source) if groups else []
    adds_up = (rolled or no_people) and not any(d.unnests for d in groups)
    whole = together(rows, groups) if rows and adds_up else of(logs, (), cost_source)[0]
    if top is not None and slices:
        rows = with_others(rows, slices, top, over)
    total = whole["cost_usd"]
    finished = [finish(row, total) for row in rows or ([whole] if whole["requests"] else [])]
    if over:
        finished = _slices.with_empty_buckets(finished, groups, over, EMPTY)
    finished = arranged(finished, groups, sort, over)
    statuses = (
        logs.query(_rolled_cost.STATUS_SQL)
        if rolled
        else logs.query(STATUS_SQL, names={"tokens": TOKENS, "logged": LOGGED})
    )
    totals = finish(whole, total) if groups else None
    result = Result("cost", columns, tuple(finished), totals, coverage=coverage(statuses), weighted=bool(logs.weights))
    result = replace(result, series=series(finished, slices, over)) if over else result
    result = result.with_notes(*notes(logs, statuses, cost_source, [d.word for d in groups], whole))
    return forecasted(logs, result, cost_source, rolled) if forecast else result


def forecasted(logs: Logs, result: Result, source: str, rolled: bool) -> Result:
    """The answer with what the month will come to."""
    from llmscope.analyses import _forecast

    if result.weighted:
        return result.with_notes("no forecast of a log that was thinned: its days are estimates themselves")
    daily = _rolled_cost.daily_sql(source) if rolled else _forecast.SQL
    found = _forecast.month_to_date(logs, daily, SOURCES[source])
    return replace(result.with_notes(*found.notes), findings=found.findings)


def arranged(rows: Sequence[Row], groups: Sequence[Dimension], sort: str, over: str | None) -> list[Row]:
    """In order, the rest of --top last, in each bucket."""
    slices = [d for d in groups if d.word != over]
    inside = _slices.ordered([r for r in rows if not is_other(r, slices)], groups, sort, over)
    others = _slices.ordered([r for r in rows if is_other(r, slices)], groups, sort, over)
    together = [*inside, *others]
    return sorted(together, key=lambda row: (row[over] is None, str(row[over]))) if over else together


def series(rows: Sequence[Row], slices: Sequence[Dimension], over: str) -> tuple[Series, ...]:
    """Cost over time of the costliest slices, or of the whole, for a plot."""
    times = tuple(dict.fromkeys(row[over] for row in rows if row[over] is not None))
    found: dict[tuple[Any, ...], dict[Any, float | None]] = {}
    for row in rows:
        found.setdefault(tuple(row[d.word] for d in slices), {})[row[over]] = row["cost_usd"]
    costliest = sorted(found, key=lambda key: (-sum(cost or 0 for cost in found[key].values()), str(key)))[:MOST_LINES]
    return tuple(
        Series(
            " ".join("(none)" if value is None else str(value) for value in key) or "cost",
            times, tuple(found[key].get(time) for time in times), "usd",
        )
        for key in costliest if len(times) > 1
    )  # fmt: skip


def measured(logs: Logs, groups: Sequence[Dimension], source: str, people: bool = True) -> list[Row]:
    """One row a slice, sums exact."""
    counted = PEOPLE if people and not logs.weights else NO_PEOPLE
    names = {**counting(logs), "chosen": SOURCES[source], "unpriced": UNPRICED[source], "people": counted}
    rows = logs.query(SQL, by=groups, names=names)
    return tidy(rows, ("requests", "costed_requests", "unpriced_requests")) if logs.weights else rows


def with_others(rows: list[Row], slices: Sequence[Dimension], top: int, over: str | None) -> list[Row]:
    """The costliest slices, and one row (a bucket) for all others together."""
    kept = _slices.top_keys(rows, slices, top, "cost_usd")
    inside = [row for row in rows if tuple(row[d.word] for d in slices) in kept]
    outside = [row for row in rows if tuple(row[d.word] for d in slices) not in kept]
    merged: dict[Any, Row] = {}
    for row in outside:
        key = row[over] if over else None
        merged[key] = add(merged[key], row) if key in merged else dict(row)
    for row in merged.values():
        row.update({d.word: _slices.OTHER for d in slices}, users=None, sessions=None, session_cost_usd=None)
    return [*inside, *merged.values()]


def together(rows: Sequence[Row], groups: Sequence[Dimension]) -> Row:
    """All slices as one, where each request is in one of them and nobody is counted."""
    words = {d.word for d in groups}
    return reduce(add, ({name: value for name, value in row.items() if name not in words} for row in rows))


def add(left: Row, right: Row) -> Row:
    """Two slices as one; what is counted once per person cannot be added and is left unknown by the caller."""
    total = dict(left)
    for name, value in right.items():
        if isinstance(value, str) or value is None or name not in total:
            continue
        total[name] = value if total[name] is None else total[name] + value
    return total


def is_other(row: Row, slices: Sequence[Dimension]) -> bool:
    return bool(slices) and all(row[d.word] == _slices.OTHER for d in slices)


def finish(row: Row, total: Any) -> Row:
    """Rates and shares of one slice; money leaves its exact decimals here.

    Where nothing but free requests has a price beside some that have none, the cost is unknown, not 0.
    """
    if not row["cost_usd"] and row["unpriced_requests"]:
        row["cost_usd"] = None
    money, tokens = row["cost_usd"], row.pop("costed_tokens")
    costed, in_sessions = row.pop("costed_requests"), row.pop("session_cost_usd")
    of_tokens = row.pop("token_cost_usd")
    row["cost_share_ratio"] = quotient(money, total)
    row["cost_per_request_usd"] = quotient(money, costed)
    row["cost_per_1m_tokens_usd"] = quotient(of_tokens, tokens, 1_000_000)
    row["cost_per_session_usd"] = quotient(in_sessions, row["sessions"])
    for name in ("cost_usd", "cost_logged_usd"):
        row[name] = None if row[name] is None else float(row[name])
    for name in ("requests", "unpriced_requests"):
        row[name] = round(row[name])
    return row


def quotient(part: Any, whole: Any, factor: int = 1) -> float | None:
    """part / whole, unknown where either is or nothing is there to divide by."""
    return float(part * factor / whole) if part is not None and whole else None


def coverage(statuses: Sequence[Row]) -> Coverage:
    """Computed prices against the requests that ought to have one."""
    ought = [s for s in statuses if s["price_status"] != "no_usage"]
    tokens = sum(s["tokens"] or 0 for s in ought)
    priced = sum(s["tokens"] or 0 for s in ought if s["price_status"] != "unpriced")
    return Coverage(
        requests=sum(s["requests"] for s in statuses),
        priced_requests=sum(s["computed"] for s in ought),
        priced_tokens_ratio=priced / tokens if tokens else None,
        ought_to_be_priced=sum(s["requests"] for s in ought),
    )


def notes(logs: Logs, statuses: Sequence[Row], source: str, words: Sequence[str], whole: Row) -> list[str]:
    """The small print: what has no price and why, what rests on the log's own figure, and prices to be doubted."""
    found = [*unpriced_notes(logs, statuses), *source_notes(statuses, source)]
    lacking = sum(s["requests"] for s in statuses if s["price_status"] == "no_usage")
    if lacking:
        found.append(
            f"{lacking:,} requests report no usage and have no cost of ours (failed, cancelled, or not logged)"
        )
    for status, text in STATUS_NOTES.items():
        n = sum(s["requests"] for s in statuses if s["price_status"] == status)
        if n:
            found.append(f"{n:,} requests: {text}")
    timeless = sum(s["timeless"] for s in statuses if s["computed"])
    if timeless:
        found.append(
            f"{timeless:,} requests without a time, priced at today's rates; --map started_at=KEY if one is logged"
        )
    if "tag" in words:
        found.append("a request with several tags stands under each: the rows add up to more than the total")
    if (lacking := round(whole["unpriced_requests"])) and whole["cost_usd"] is not None:
        found.append(f"the total is at least what is shown: {lacking:,} requests have no cost in it")
    return found + logs.price_notes()


STATUS_NOTES = {
    "fallback_host": "their host lists no price for the model; its maker's price is used",
    "extrapolated": "made before the first known price, or without a time; the nearest known price is used",
    "variant_missing": "batch, flex or priority asked for, but only the standard price is known",
    "partial": "a part of them (cache, audio, searches) has no price of its own",
}


def unpriced_notes(logs: Logs, statuses: Sequence[Row]) -> list[str]:
    """The models nobody has a price for, the nearest names known, and the remedy."""
    models = sorted(
        (s for s in statuses if s["price_status"] == "unpriced"), key=lambda s: (-s["requests"], str(s["model"]))
    )
    if not models:
        return []
    named = []
    for row in models[:5]:
        close = logs.book.suggest(row["model"])[:1]
        named.append(f"{row['model']} ({row['requests']:,}{f'; near {close[0]}' if close else ''})")
    more = f" and {len(models) - 5} more" if len(models) > 5 else ""
    nameless = sum(s["requests"] for s in models if s["model"] == "unknown")
    if nameless:
        remedy = "--map model=KEY if the log has it under another key"
        return [f"{nameless:,} requests name no model and cannot be priced; {remedy}"] + (
            unpriced_notes(logs, [s for s in statuses if s["model"] != "unknown"]) if len(models) > 1 else []
        )
    n = sum(s["requests"] for s in models)
    every = sum(s["requests"] for s in statuses)
    share = f"{n:,} of {every:,} requests have a model without a known price"
    return [f"{share}: {', '.join(named)}{more}; add them to pricing.toml (llmscope pricing unpriced)"]


def source_notes(statuses: Sequence[Row], source: str) -> list[str]:
    """What mix of computed and logged figures a cost is."""
    only = sum(s["only_logged"] for s in statuses)
    computed = sum(s["computed"] for s in statuses)
    zero = sum(s["logged_zero"] for s in statuses)
    found = []
    if source == "auto" and only:
        found.append(
            f"cost of {computed:,} requests is computed, of {only:,} the log's own figure (--cost-source chooses)"
        )
    if zero and source != "computed":
        doubt = f"{zero:,} requests without a price log a cost of 0 for tokens used: free, local or unknown, who knows"
        found.append(doubt + (": not counted as a cost" if source == "auto" else ""))
    return found
