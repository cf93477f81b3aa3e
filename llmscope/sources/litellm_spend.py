"""LiteLLM's SpendLogs: the proxy's own table, exported as CSV or Parquet or fetched from /spend/logs."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, quote, require
from llmscope.sources import _litellm as shared
from llmscope.sources._litellm import meta, struct
from llmscope.sources._reasons import NOTHING

ABOUT = "LiteLLM's SpendLogs table as CSV, Parquet or JSON, or the answer of /spend/logs"
RANK = 90
NEEDS = ("call_type",)

TEXTS = (
    "request_id", "litellm_call_id", "call_type", "spend", "prompt_tokens", "completion_tokens", "total_tokens",
    "startTime", "endTime", "completionStartTime", "request_duration_ms", "model", "model_group",
    "custom_llm_provider", "user", "end_user", "cache_hit", "session_id", "status",
)  # fmt: skip
COLUMNS = {**dict.fromkeys(TEXTS, "VARCHAR"), "metadata": "JSON", "request_tags": "JSON"}
TELLING = ("request_id", "call_type", "spend", "api_key")


def detect(sample: Sample) -> bool:
    """Most rows have the table's keys; a payload has a cost instead."""
    mine = sum(all(key in r for key in TELLING) and "response_cost" not in r for r in sample.records)
    return 0 < len(sample.records) <= 2 * mine


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a row: one a call of the proxy, its tries not among them."""
    require(sample, "a SpendLogs row", "request_id", "call_type", "spend")
    kind, failed = quote("_kind"), quote("_failed")
    prepare, fields = shared.usage(failed)
    prepare |= shared.metadata_prepare()
    prepare |= shared.outcome_prepare(
        *(meta("error_information", word) for word in ("error_code", "error_class", "error_message"))
    )
    prepare |= {
        "_m": struct(shared.opened(quote("metadata")), shared.METADATA),
        "_tags": shared.opened(quote("request_tags")),
        "_kind": shared.kind_sql(quote("call_type")),
        "_state": f"coalesce(nullif({quote('status')}, ''), {meta('status')})",
        "_failed": f"coalesce({quote('_state')} = 'failure', false)",
        "_user": f"nullif({quote('user')}, '')",
        "_hit": f"CASE WHEN lower({quote('cache_hit')}) IN ('true', 'false') THEN lower({quote('cache_hit')}) END",
        "_asked": f"coalesce(nullif({quote('model_group')}, ''), nullif({quote('model')}, ''))",
        "_answered": f"nullif({quote('model')}, '')",
    }
    fields |= shared.outcome() | shared.models(quote("_asked"), quote("_answered"))
    fields |= shared.attribution(quote("_tags"), quote("end_user"))
    fields |= shared.tries(meta("attempted_retries"), meta("attempted_fallbacks"))
    fields |= own_fields() | times()
    known = f"{quote('call_type')} IS NOT NULL AND {quote('spend')} IS NOT NULL"
    return (
        Reading("requests", COLUMNS, fields, prepare, shared.is_call(kind), mine=known,
                aside="of a tool, file or store, which no model answered"),
    )  # fmt: skip


def own_fields() -> dict[str, Field]:
    """Ids and money."""
    call, row = f"nullif({quote('litellm_call_id')}, '')", quote("request_id")
    # A failure has no answer's id; a hit of the gateway's cache has one made of another call's.
    answered = f"NOT {quote('_failed')} AND {quote('_hit')} IS DISTINCT FROM 'true'"
    answer = f"CASE WHEN {answered} THEN nullif({row}, coalesce({call}, '')) END"
    spend = quote("spend")
    cost = f"CASE WHEN {quote('_uncounted')} AND try_cast({spend} AS DOUBLE) = 0 THEN {NOTHING} ELSE {spend} END"
    return {
        "request_id": Field(f"coalesce({call}, {row})", keys=("litellm_call_id", "request_id")),
        "response_id": Field(answer, keys=("request_id",)),
        # Unless told otherwise, the proxy writes the trace's id into this column where no session was named.
        "trace_id": Field(quote("session_id"), keys=("session_id",)),
        "session_id": Field(quote("session_id"), keys=("session_id",)),
        "operation": shared.operation_field(quote("_kind")),
        "cost_logged_usd": Field(cost, keys=("spend",)),
        "cache_hit": Field(quote("_hit"), keys=("cache_hit",)),
    }


def times() -> dict[str, Field]:
    """Start and end, without a zone UTC; only of a stream did the first token come before the end."""
    start, end, first = (quote(key) for key in ("startTime", "endTime", "completionStartTime"))
    begun, shown, over = (f"try_cast({column} AS TIMESTAMP)" for column in (start, first, end))
    until = f"CAST(date_diff('microsecond', {begun}, {shown}) / 1000.0 AS VARCHAR)"
    answered = f"NOT {quote('_failed')} AND {shown} IS NOT NULL AND {over} IS NOT NULL"
    return {
        "started_at": Field(start, keys=("startTime",)),
        "ended_at": Field(end, keys=("endTime",)),
        "latency_ms": Field(quote("request_duration_ms"), "ms", ("request_duration_ms",)),
        "stream": Field(f"CASE WHEN {answered} THEN CAST({shown} < {over} AS VARCHAR) END",
                        keys=("completionStartTime",)),
        "ttft_ms": Field(f"CASE WHEN {answered} AND {shown} < {over} AND {shown} >= {begun} THEN {until} END", "ms",
                         ("completionStartTime",)),
    }  # fmt: skip
