"""Portkey's log export: a JSON line a request, with what was asked and answered."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, literal, quote, require
from llmscope.sources import _gateways as gateways
from llmscope.sources._reasons import provider_sql
from llmscope.sources._usage import usage_fields

ABOUT = "Portkey's log export as JSON lines"
RANK = 160
NEEDS = ("ai_org",)

TEXTS = (
    "id", "trace_id", "created_at", "is_success", "ai_org", "ai_model", "req_units", "res_units", "total_units",
    "request_url", "cost", "cost_currency", "response_time", "response_status_code", "prompt_slug", "cache_status",
)  # fmt: skip
BODIES = ("request", "response")
COLUMNS = {**dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys((*BODIES, "metadata"), "JSON")}
FEATURES = ("_feature", "feature", "_app", "app", "app_name", "use_case", "workflow", "task", "component")
USERS = ("_user", "user", "user_id")
SESSIONS = ("_session", "session_id", "session")
ENVIRONMENTS = ("_environment", "environment", "env")


def detect(sample: Sample) -> bool:
    """Most records have Portkey's names of a model and of its use."""
    mine = sum("ai_org" in r and "ai_model" in r and ("req_units" in r or "response_time" in r) for r in sample.records)
    return 0 < len(sample.records) <= 2 * mine


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a record."""
    require(sample, "a Portkey log", "ai_model", "created_at")
    prepare, fields = usage_fields(quote("_usage"), name="_u", raw_keys=("req_units", "res_units", "response"))
    prepare |= gateways.body_prepare(*BODIES) | gateways.outcome_prepare(quote("response_status_code"))
    prepare |= {
        "_usage": usage_sql(),
        "_labels": f"CASE WHEN json_type({quote('metadata')}) = 'OBJECT' THEN {quote('metadata')}"
        f" WHEN json_type({quote('metadata')}) = 'VARCHAR'"
        f" THEN try_cast(json_extract_string({quote('metadata')}, '$') AS JSON) END",
        "_hit": f"CASE WHEN lower({quote('cache_status')}) IN ('hit', 'semantic hit', 'simple hit') THEN 'true'"
        f" WHEN nullif({quote('cache_status')}, '') IS NOT NULL THEN 'false' END",
    }
    fields |= gateways.body_fields(*BODIES)
    fields |= gateways.outcome(quote("is_success"), "is_success", "response_status_code") | own_fields()
    return (
        Reading(
            "requests",
            COLUMNS,
            fields,
            prepare,
            notes=notes(sample),
            mine=f"{quote('ai_org')} IS NOT NULL OR {quote('ai_model')} IS NOT NULL",
        ),
    )


def notes(sample: Sample) -> tuple[str, ...]:
    """What Portkey's documentation leaves open, where the file has it."""
    found = []
    if "response_time" in sample.columns:
        found.append("response_time taken as milliseconds, which Portkey does not say")
    if "cost" in sample.columns:
        found.append("cost taken as US dollars where cost_currency says USD, else left out; it may be in cents")
    return tuple(found)


def usage_sql() -> str:
    """The answer's own usage, which names cache and reasoning, else Portkey's units, of which there are only two."""
    pairs = (("prompt_tokens", "req_units"), ("completion_tokens", "res_units"), ("total_tokens", "total_units"))
    made = ", ".join(f"{literal(name)}, nullif({quote(column)}, '')" for name, column in pairs)
    return f"coalesce({quote('_body_usage')}, json_object({made}))"


def own_fields() -> dict[str, Field]:
    """What Portkey adds: ids, who asked, what for, and what it cost."""
    labels, model = quote("_labels"), f"nullif({quote('ai_model')}, '')"
    asked = f"coalesce({quote('_q_model')}, {model})"
    answered = f"coalesce({quote('_r_model')}, {model})"
    host = gateways.host_sql(quote("request_url"))
    dollars = f"lower({quote('cost_currency')}) = 'usd'"
    named = {
        "user_id": USERS, "feature": FEATURES, "session_id": SESSIONS, "environment": ENVIRONMENTS,
    }  # fmt: skip
    provider = provider_sql(f"nullif({quote('ai_org')}, '')", answered, host)
    return {
        **{column: Field(gateways.first_of(labels, keys), keys=("metadata",)) for column, keys in named.items()},
        "request_id": Field(quote("id"), keys=("id",)),
        "trace_id": Field(quote("trace_id"), keys=("trace_id",)),
        "started_at": Field(quote("created_at"), keys=("created_at",)),
        "latency_ms": Field(f"nullif({quote('response_time')}, '')", "ms", ("response_time",)),
        "stream": Field(quote("_q_stream"), keys=("request",)),
        "request_model": Field(asked, keys=("ai_model", "request")),
        "response_model": Field(answered, keys=("ai_model", "response")),
        "provider": Field(provider, keys=("ai_org", "request_url", "ai_model")),
        "operation": Field(gateways.operation_sql(quote("request_url")), keys=("request_url",)),
        "template": Field(quote("prompt_slug"), keys=("prompt_slug",)),
        "cache_hit": Field(quote("_hit"), keys=("cache_status",)),
        "cost_logged_usd": Field(f"CASE WHEN {dollars} THEN {quote('cost')} END", keys=("cost", "cost_currency")),
        "metadata": Field(f"nullif(CAST({labels} AS VARCHAR), '{{}}')", keys=("metadata",)),
    }
