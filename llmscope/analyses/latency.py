"""How fast are the answers? Quantiles of latency and of the first token by any dimension, and budgets for them.

Metrics, each one figure of a request; a request without what it takes is left out and counted:
- total: from the request to the end of its answer (latency_ms).
- ttft: from the request to the first token of a streamed answer (ttft_ms); beside total it stands as ttft_p50_ms.
- tpot: (latency_ms - ttft_ms) / (output_tokens - 1), the time per output token after the first, of streams with two
  tokens or more.
- queue, network, inference, postprocess: that part of the total, where the log has it.
- tokens-per-second: output tokens a second of generation. Of streams 1000 / tpot; of others, whose first token is not
  known, 1000 output_tokens / inference_ms, else / latency_ms, and it is said of how many. Its slow end is its low
  quantiles: --quantiles 5,50.

Quantiles are exact, interpolated linearly (type 7); stddev divides by n - 1. Failed requests, answers of the gateway's
own cache, embeddings and guessed times are left out and counted; --include has them back.

Budgets: --slo chat=2s (p95), chat=p99:30s, chat=ttft:500ms, chat=errors:2%, *=5s for all requests together;
`--slo config` are those of [slo] in llmscope.toml, `--slo default` ours. With --slo a row is a budget, of each slice of
--by and --over, so that --fail-if "verdict = 'missed'" fails a build (exit 3). Without it, budgets of [slo] are judged
in a table of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from llmscope.analyses import _counted, _latency_ci, _latency_parts, _rolled_latency, _slices, _slo, _usual
from llmscope.analyses._latency_sql import OVERVIEW_SQL, Asked, Metric, kept_sql, measured, metric_of, quantiles_of
from llmscope.errors import UsageError, unknown_name
from llmscope.result import Column, Coverage, Finding, Part, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs

# The tables it asks; of log files, only those that fill them are read.
TABLES = ("requests",)
# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "response_id", "trace_id", "span_id", "parent_span_id", "finish_reason_raw", "error_message", "error_type",
    "prompt_hash", "prefix_hashes", "embedding", "tags", "metadata", "temperature", "input_chars", "output_chars",
    "sample_weight", "template", "template_version", "service", "environment", "release", "language", "item_id",
    "finish_reason", "attempt", "max_tokens", "refusal", "fallback", "source_line",
)  # fmt: skip
Row = dict[str, Any]
MOST_BREACHES = 10
DEFAULT_BUDGETS = "default budgets"


def latency(
    logs: Logs,
    by: Annotated[str | None, "dimensions to group by, comma-separated"] = None,
    over: Annotated[str | None, "hour, day, week or month: a row a bucket, and a line over time"] = None,
    top: Annotated[int | None, "only the first N slices in the order of --sort; the rest together as (other)"] = None,
    sort: Annotated[str | None, "column to sort by (default p95, else the highest quantile)"] = None,
    metric: Annotated[str, "total, ttft, tpot, queue, network, inference, postprocess or tokens-per-second"] = "total",
    quantiles: Annotated[str, "percentages, comma-separated"] = "50,90,95,99",
    ci: Annotated[bool, "a 95 % interval of each quantile"] = False,
    breakdown: Annotated[bool, "the total by its logged parts"] = False,
    hist: Annotated[bool, "the distribution, on a logarithmic axis"] = False,
    slo: Annotated[list[str] | None, "FEATURE=[METRIC:][p99:]BUDGET, config or default (repeatable)"] = None,
    include: Annotated[str | None, "count these too: failed, cached, embeddings, inferred, or all"] = None,
) -> Result:
    """Quantiles of latency by dimension, and budgets; see the module's words."""
    if top is not None and top < 1:
        raise UsageError("--top takes a number of 1 or more")
    back, of, shares = _counted.included(include), metric_of(metric), quantiles_of(quantiles)
    asked = Asked(logs, of, _counted.condition(back), _slices.grouping(by, over))
    plain = not (slo or ci or breakdown or hist or logs.config.slo) and _rolled_latency.can_answer(of.word)
    asked = replace(asked, rolled=plain and logs.rolled(asked.groups, bins=True))
    seen = overview(asked, back)
    if slo:
        if metric != "total":
            raise UsageError(
                f"--metric {metric} and --slo do not go together", hint="a budget names its own: --slo chat=ttft:500ms"
            )
        result = budgeted(asked, _slo.budgets_of(slo, logs.config.slo), back, over, sort, top)
    else:
        result = sliced(asked, shares, seen, over, sort, top, ci)
        if budgets := _slo.configured(logs.config.slo):
            result = with_budgets(result, asked, budgets, back)
        elif metric == "total" and over is None:
            result = with_default_budgets(result, asked, back)
    parts, series = dict(result.parts), result.series
    if breakdown:
        parts["breakdown"] = _latency_parts.breakdown(replace(asked, metric=metric_of("total")))
    if hist:
        parts["histogram"], line = _latency_parts.histogram(asked)
        series = (*series, line)
    coverage = Coverage(requests=sum(row["requests"] for row in seen.values()))
    notes = [
        *result.notes,
        *small_print(of, seen, asked),
        *(_latency_parts.said(parts["breakdown"]) if breakdown else []),
    ]
    return replace(result, parts=parts, series=series, coverage=coverage, notes=tuple(notes))


def overview(asked: Asked, back: frozenset[str]) -> dict[str | None, Row]:
    """What there is, by why it is left out; under None what counts."""
    whole = replace(asked, groups=())
    reason = _counted.reason_sql(back)
    rows = _rolled_latency.overview(whole, reason) if asked.rolled else whole.query(OVERVIEW_SQL, {"reason": reason})
    return {row["reason"]: row for row in rows}


def sliced(
    asked: Asked, shares: Mapping[str, float], seen: Mapping[str | None, Row], over: str | None, sort: str | None,
    top: int | None, ci: bool,
) -> Result:  # fmt: skip
    """A row a slice with its quantiles, and the totals."""
    counted = seen.get(None)
    beside = asked.metric.word == "total" and bool(counted and counted["first_tokens"])
    columns = columns_of(asked, shares, beside, ci)
    order = sort or asked.metric.column("p95" if "p95" in shares else max(shares, key=lambda name: shares[name]))
    if order not in {c.name for c in columns}:
        raise unknown_name("column", order, [c.name for c in columns])
    if top is not None and any(c.name == order and c.role in ("low", "high") for c in columns):
        raise UsageError(f"--top and --sort {order} do not go together", hint="(other) has no interval")
    whole = replace(asked, groups=())
    rows, notes = [], []
    if asked.groups:
        rows = [finish(row, asked, shares) for row in cut(asked, shares, beside, over, order, top)]
    totals = finish(measured(whole, shares, beside)[0], asked, shares) if counted else None
    if ci and totals:
        found = _latency_ci.intervals(asked, shares)
        for row in rows or [totals]:
            put_ends(row, found, asked, shares)
        notes = _latency_ci.notes(found, shares, len(rows), rows or [totals])
        if asked.groups:
            put_ends(totals, _latency_ci.intervals(whole, shares), whole, shares)
    if over:
        empty = {c.name: 0 if c.role == "n" else None for c in columns if c.role not in ("dimension", "time")}
        rows = _slices.with_empty_buckets(rows, asked.groups, over, empty)
    rows = _slices.ordered(rows, asked.groups, order, over)
    slices = [d for d in asked.groups if d.word != over]
    rows.sort(key=lambda row: (str(row[over]) if over else "", is_other(row, slices)))
    if not asked.groups:
        rows, totals = [totals] if totals else [], None
    series = _latency_parts.lines(rows, asked, over, shares) if over else ()
    slow = slow_buckets(rows, asked, over, shares) if over else ()
    return Result("latency", columns, tuple(rows), totals, series=series, findings=slow, notes=tuple(notes))


def slow_buckets(rows: Sequence[Row], asked: Asked, over: str, shares: Mapping[str, float]) -> tuple[Finding, ...]:
    """The buckets that stand out; without slices also by model, as a slow provider is hidden among the others."""
    found = _usual.slow_buckets(rows, asked, over, shares)
    if len(asked.groups) > 1 or asked.metric.unit != "ms" or not rows:
        return found
    by_model = replace(asked, groups=_slices.grouping("model", over))
    median = {"p50": 0.5}
    whole = {row[over]: row["requests"] for row in rows}
    of_models = [finish(row, by_model, median) for row in measured(by_model, median)]
    of_models = [row for row in of_models if row["requests"] < whole[row[over]]]
    return (*found, *_usual.slow_buckets(of_models, by_model, over, median))[: _usual.MOST]


def cut(
    asked: Asked, shares: Mapping[str, float], beside: bool, over: str | None, order: str, top: int | None
) -> list[Row]:
    """Every slice; with --top the first of them, and the requests of all others together (in each bucket)."""
    slices = tuple(d for d in asked.groups if d.word != over)
    rows = measured(asked, shares, beside)
    if top is None or not slices:
        return rows
    whole = rows if not over else measured(replace(asked, groups=slices), shares, beside)
    ranked = _slices.ordered([finish(dict(row), asked, shares) for row in whole], slices, order, None)
    keys = [tuple(row[d.word] for d in slices) for row in ranked[:top]]
    if len(ranked) <= top:
        return rows
    others, values = kept_sql(keys, slices)
    rest = measured(asked, shares, beside, others, _slices.OTHER, over, **values)
    return [row for row in rows if tuple(row[d.word] for d in slices) in set(keys)] + rest


def is_other(row: Row, slices: Sequence[Any]) -> bool:
    return bool(slices) and all(row[d.word] == _slices.OTHER for d in slices)


def finish(row: Row, asked: Asked, shares: Mapping[str, float]) -> Row:
    """The figures under the names of their columns."""
    named = asked.metric.column
    found = {d.word: row[d.word] for d in asked.groups if d.word in row} | {"requests": row["requests"]}
    found |= {named(name): row[name] for name in shares}
    found |= {named(name): row[f"{name}_figure"] for name in ("mean", "stddev", "max")}
    if "beside_requests" in row:
        found |= {f"ttft_{name}_ms": row[f"beside_{name}"] for name in (*shares, "mean")}
        found["ttft_requests"] = row["beside_requests"]
    return found


def put_ends(row: Row, found: _latency_ci.Intervals, asked: Asked, shares: Mapping[str, float]) -> None:
    """The two ends of each quantile's interval; unknown for the rest of --top."""
    key = tuple(row.get(d.word) for d in asked.groups)
    for name in shares:
        low, high = found.of(key, name)
        row |= {asked.metric.column(f"{name}_low"): low, asked.metric.column(f"{name}_high"): high}


def columns_of(asked: Asked, shares: Mapping[str, float], beside: bool, ci: bool) -> tuple[Column, ...]:
    """The dimensions, n, the metric's figures, and the first token's beside the total."""
    named, kind = asked.metric.column, asked.metric.kind
    found = [*_slices.columns_of(asked.groups), Column("requests", "count", "n")]
    for name in shares:
        found.append(Column(named(name), kind))
        if ci:
            for end in ("low", "high"):
                column = named(f"{name}_{end}")
                found.append(Column(column, kind, "low" if end == "low" else "high", named(name), optional=True))
    found += [Column(named(name), kind, optional=True) for name in ("mean", "stddev", "max")]
    if beside:
        found += [Column(f"ttft_{name}_ms", "ms", optional=True) for name in (*shares, "mean")]
        found.append(Column("ttft_requests", "count", "n", "ttft_mean_ms", optional=True))
    return tuple(found)


def budgeted(
    asked: Asked, budgets: Sequence[_slo.Budget], back: frozenset[str], over: str | None, sort: str | None,
    top: int | None,
) -> Result:  # fmt: skip
    """A row a budget, of each slice where slices are asked for."""
    if top is not None:
        raise UsageError("--top and --slo do not go together", hint="a budget is judged on all of its requests")
    if not budgets:
        raise UsageError("no budgets in [slo] of llmscope.toml", hint='[slo] chat = "2s", or --slo chat=2s')
    columns = _slo.columns_of(asked, budgets)
    if sort is not None and sort not in {c.name for c in columns}:
        raise unknown_name("column", sort, [c.name for c in columns])
    rows = _slo.judged(asked, budgets, back)
    if sort is not None:
        rows = _slices.ordered(rows, tuple(d for d in asked.groups), sort, over)
    rows = [{c.name: row[c.name] for c in columns} for row in rows]
    return Result(
        "latency", columns, tuple(rows), findings=breaches(rows, asked), notes=tuple(_slo.said(budgets, rows))
    )


def with_budgets(result: Result, asked: Asked, budgets: Sequence[_slo.Budget], back: frozenset[str]) -> Result:
    """The answer with the budgets of llmscope.toml judged in a table of their own, over all that counts."""
    whole = replace(asked, groups=())
    columns = _slo.columns_of(whole, budgets)
    rows = [{c.name: row[c.name] for c in columns} for row in _slo.judged(whole, budgets, back)]
    parts = {**result.parts, "slo": Part(columns, tuple(rows))}
    notes = (*_slo.said(budgets, rows), "--slo config makes the budgets the rows, for --fail-if")
    return replace(
        result, parts=parts, findings=(*result.findings, *breaches(rows, whole)), notes=(*result.notes, *notes)
    )


def with_default_budgets(result: Result, asked: Asked, back: frozenset[str]) -> Result:
    """The answer with our budgets beside it, shown as ours: what they miss is no finding, for nobody asked for them."""
    rows = _slo.default_rows(asked, back)
    if not rows:
        return result
    shown = [c for c in _slo.MEASURES if c.name != "measured_ms"]
    columns = (Column("metric", "text", "dimension"), *shown)
    part = Part(columns, tuple({c.name: row[c.name] for c in columns} for row in rows))
    notes = (*result.notes, *_slo.said(_slo.DEFAULTS, (), part=f"{DEFAULT_BUDGETS}: "))
    return replace(result, parts={**result.parts, DEFAULT_BUDGETS: part}, notes=notes)


def breaches(rows: Sequence[Row], asked: Asked) -> tuple[Finding, ...]:
    """The budgets that are missed, as sentences: those with most misses too many, and how many more there are."""
    slices = [d.word for d in asked.groups if d.word != "feature"]
    missed = [row for row in rows if row["verdict"] == _slo.MISSED]
    worst = missed if len(missed) <= MOST_BREACHES else sorted(missed, key=lambda row: row["misses_left"])
    found = [Finding("slo", "breach", _slo.sentence(row, slices), (row,)) for row in worst[:MOST_BREACHES]]
    if more := len(missed) - len(found):
        found.append(Finding("slo", "breach", f"{more:,} more of {len(rows):,} rows miss their budget"))
    return tuple(found)


def small_print(metric: Metric, seen: Mapping[str | None, Row], asked: Asked) -> list[str]:
    """What is left out and why, and what of the figures is to be doubted."""
    found = _counted.notes({reason: row["requests"] for reason, row in seen.items()})
    counted = seen.get(None)
    if not counted:
        return found
    lacking = counted["requests"] - counted["measured"]
    if lacking:
        remedy = f"; {metric.remedy}" if metric.remedy else ""
        found.append(f"{lacking:,} of {counted['requests']:,} requests log no {metric.said} and are left out{remedy}")
    if metric.unit != "ms" and counted["whole"]:
        found.append(
            f"{counted['whole']:,} of {counted['measured']:,} requests log no time to first token: theirs are output "
            "tokens over the time in the model, else over the whole latency"
        )
    if counted["negative"]:
        found.append(
            f"{counted['negative']:,} requests log a negative {metric.said}: clocks disagree; they are counted"
        )
    if any(d.unnests for d in asked.groups):
        found.append("a request with several tags stands under each: the rows add up to more than the total")
    return found
