"""Helicone's requests, as its export and its query API give them, with their scores and feedback."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, literal, quote, require
from llmscope.sources import _gateways as gateways
from llmscope.sources._bodies import opened
from llmscope.sources._reasons import NOTHING, provider_sql
from llmscope.sources._usage import usage_fields

ABOUT = "Helicone requests as JSON, JSONL or CSV, with scores and feedback"
RANK = 120
NEEDS = ("response_status",)

TEXTS = (
    "request_id", "request_created_at", "request_path", "request_user_id", "request_model", "response_id",
    "response_created_at", "response_status", "response_model", "model", "model_override", "provider", "delay_ms",
    "latency", "time_to_first_token", "total_tokens", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "prompt_cache_write_tokens", "prompt_cache_read_tokens", "prompt_audio_tokens", "completion_audio_tokens", "cost",
    "costUSD", "prompt_id", "prompt_version", "cache_reference_id", "target_url",
)  # fmt: skip
PROPERTIES = ("request_properties", "properties")
BODIES = ("request_body", "response_body")
COLUMNS = {**dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys((*PROPERTIES, *BODIES), "JSON")}
# Property -> what names it; the first that a request has counts.
FEATURES = ("Feature", "feature", "App", "app", "AppName", "app_name", "UseCase", "use_case", "Workflow", "workflow",
            "Task", "task", "Component", "component", "Helicone-Session-Name")  # fmt: skip
SESSIONS = ("Helicone-Session-Id", "Session", "session", "session_id")
ENVIRONMENTS = ("Environment", "environment", "env")
OWN_PROPERTIES = ("Helicone-Session-Id", "Helicone-Session-Name", "Helicone-Session-Path")
NOT_CALLS = ("tool", "vector_db", "data")
ZERO = "00000000-0000-0000-0000-000000000000"
SCORES = {
    **dict.fromkeys(("request_id", "response_id", "response_created_at", "feedback_rating", "feedback_created_at"),
                    "VARCHAR"),
    "scores": "JSON",
}  # fmt: skip


def detect(sample: Sample) -> bool:
    """Most records have Helicone's names of a request and of its answer."""
    mine = sum(
        "response_status" in r
        and "request_created_at" in r
        and ("request_properties" in r or "delay_ms" in r or "response_created_at" in r)
        for r in sample.records
    )
    return 0 < len(sample.records) <= 2 * mine


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a row, and its scores."""
    require(sample, "a Helicone request", "request_created_at", "response_status")
    prepare, fields = usage_fields(quote("_usage"), name="_u", raw_keys=("prompt_tokens", "response_body"))
    prepare |= (
        gateways.body_prepare(*BODIES)
        | gateways.outcome_prepare(quote("response_status"))
        | {
            **{name: withheld(column) for name, column in zip(("_question", "_answer"), BODIES, strict=True)},
            "_usage": usage_sql(),
            "_properties": properties_sql(),
            "_hit": f"nullif({quote('cache_reference_id')}, '') <> {literal(ZERO)}",
        }
    )
    fields |= gateways.body_fields(*BODIES) | gateways.outcome(NOTHING, "response_status") | own_fields() | times()
    notes = []
    if any(record.get("time_to_first_token") for record in sample.records):
        notes.append("time_to_first_token taken as milliseconds, which Helicone does not say")
    if not any(record.get("costUSD") for record in sample.records) and "cost" in sample.columns:
        notes.append("cost taken as US dollars, which Helicone does not say")
    calls = f"coalesce({quote('_q_type')} NOT IN ({', '.join(literal(w) for w in NOT_CALLS)}), true)"
    known = f"{quote('request_created_at')} IS NOT NULL AND {quote('response_status')} IS NOT NULL"
    return (
        Reading("requests", COLUMNS, fields, prepare, calls, tuple(notes), known,
                aside="of a tool, vector store or data, which no model answered"),
        scores(),
    )  # fmt: skip


def withheld(column: str) -> str:
    """A body; where it was not exported a message of Helicone's stands in its place."""
    text = f"CAST({quote(column)} AS VARCHAR)"
    return f"CASE WHEN NOT contains({text}, '\"helicone_message\"') THEN {opened(quote(column))} END"


def usage_sql() -> str:
    """The answer's own usage where the body was exported, else Helicone's counts, whose meaning of cache is open.

    Its total is its own sum and proves nothing of the cache; but where reasoning is in it, the output leaves it out.
    """
    reads, writes, thought, total = (
        f"try_cast({quote(name)} AS BIGINT)"
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens", "total_tokens")
    )
    beside = f"{thought} > 0 AND {total} = {reads} + {writes} + {thought}"
    counts = {
        "input_tokens": quote("prompt_tokens"),
        "output_tokens": f"CASE WHEN {beside} THEN CAST({writes} + {thought} AS VARCHAR)"
        f" ELSE {quote('completion_tokens')} END",
        "reasoning_tokens": quote("reasoning_tokens"),
        "cache_read_tokens": quote("prompt_cache_read_tokens"),
        "cache_write_tokens": quote("prompt_cache_write_tokens"),
    }
    pairs = ", ".join(f"{literal(name)}, nullif({sql}, '')" for name, sql in counts.items())
    audio = ", ".join(
        f"'{name}_tokens_details', json_object('audio_tokens', nullif({quote(column)}, ''))"
        for name, column in (("input", "prompt_audio_tokens"), ("output", "completion_audio_tokens"))
    )
    return f"coalesce({quote('_body_usage')}, json_object({pairs}, {audio}))"


def properties_sql() -> str:
    """The custom properties, under either name."""
    found = (f"CASE WHEN starts_with(CAST({quote(name)} AS VARCHAR), '{{') AND CAST({quote(name)} AS VARCHAR) <> '{{}}'"
             f" THEN {quote(name)} END" for name in PROPERTIES)  # fmt: skip
    return f"coalesce({', '.join(found)})"


def named(names: tuple[str, ...]) -> str:
    """The first of some properties."""
    return gateways.first_of(quote("_properties"), names)


def own_fields() -> dict[str, Field]:
    """What Helicone adds: ids, properties, models, money."""
    asked = ", ".join(f"nullif({quote(c)}, '')" for c in ("model_override", "request_model"))
    answered = ", ".join(f"nullif({quote(c)}, '')" for c in ("response_model", "model"))
    raw = f"nullif(nullif(upper({quote('provider')}), 'CUSTOM'), '')"
    provider = provider_sql(
        raw, f"coalesce({answered}, {asked}, {quote('_q_model')})", gateways.host_sql(quote("target_url"))
    )
    hit, cost = quote("_hit"), f"coalesce(nullif({quote('costUSD')}, ''), nullif({quote('cost')}, ''))"
    own = literal("{" + ", ".join(f'"{name}": null' for name in OWN_PROPERTIES) + "}")
    held = quote("_properties")
    kept = f"CASE WHEN {held} IS NOT NULL THEN nullif(CAST(json_merge_patch({held}, {own}) AS VARCHAR), '{{}}') END"
    place = f"coalesce(nullif({quote('request_path')}, ''), {quote('target_url')})"
    return {
        "request_id": Field(f"coalesce(nullif({quote('request_id')}, ''), {quote('response_id')})",
                            keys=("request_id", "response_id")),
        "user_id": Field(quote("request_user_id"), keys=("request_user_id",)),
        "feature": Field(named(FEATURES), keys=PROPERTIES),
        "session_id": Field(named(SESSIONS), keys=PROPERTIES),
        "environment": Field(named(ENVIRONMENTS), keys=PROPERTIES),
        "metadata": Field(kept, keys=PROPERTIES),
        "template": Field(quote("prompt_id"), keys=("prompt_id",)),
        "template_version": Field(quote("prompt_version"), keys=("prompt_version",)),
        "request_model": Field(f"coalesce({asked}, {quote('_q_model')})", keys=("request_model", "request_body")),
        "response_model": Field(f"coalesce({answered})", keys=("response_model", "model")),
        "provider": Field(provider, keys=("provider", "model", "response_model", "target_url")),
        "operation": Field(gateways.operation_sql(place), keys=("request_path", "target_url")),
        "cache_hit": Field(f"CAST({hit} AS VARCHAR)", keys=("cache_reference_id",)),
        # A hit of the gateway's cache is shown with what it would have cost.
        "cost_logged_usd": Field(f"CASE WHEN {hit} THEN '0' ELSE {cost} END", keys=("costUSD", "cost")),
    }  # fmt: skip


def times() -> dict[str, Field]:
    """Start, end and the time to the first token, which only a stream has."""
    first = f"nullif({quote('time_to_first_token')}, '')"
    streamed = f"coalesce({quote('_q_stream')}, CASE WHEN try_cast({first} AS DOUBLE) > 0 THEN 'true' END)"
    own = f"coalesce(nullif({quote('delay_ms')}, ''), nullif({quote('latency')}, ''))"
    return {
        "started_at": Field(quote("request_created_at"), keys=("request_created_at",)),
        "ended_at": Field(quote("response_created_at"), keys=("response_created_at",)),
        "latency_ms": Field(own, "ms", ("delay_ms", "latency")),
        "stream": Field(streamed, keys=("request_body", "time_to_first_token")),
        "ttft_ms": Field(f"CASE WHEN {streamed} = 'true' THEN {first} END", "ms", ("time_to_first_token",)),
    }


def scores() -> Reading:
    """A score a row: each name of the map, and the user's thumb."""
    names = f"CASE WHEN json_type({quote('scores')}) = 'OBJECT' THEN json_keys({quote('scores')}) ELSE [] END"
    rating = quote("feedback_rating")
    thumb = f"CASE WHEN lower({rating}) IN ('true', 'false', '1', '0') THEN [NULL::VARCHAR] ELSE [] END"
    name, score = quote("_name"), quote("_score")
    owner = f"coalesce(nullif({quote('request_id')}, ''), {quote('response_id')})"
    found = f"json_extract_string({quote('scores')}, '$.\"' || replace({name}, '\"', '\\\"') || '\"')"
    inside = f"json_extract_string(try_cast({found} AS JSON), '$.value')"
    given = f"CASE WHEN starts_with({found}, '{{') THEN {inside} ELSE {found} END"
    said = f"lower(CASE WHEN {name} IS NULL THEN {rating} ELSE {score} END)"
    value = f"CASE {said} WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {said} END"
    number = f"try_cast({value} AS DOUBLE) IS NOT NULL"
    truth = f"{name} IS NULL OR {said} IN ('true', 'false')"
    when = f"CASE WHEN {name} IS NULL THEN nullif({quote('feedback_created_at')}, '') END"
    both = ("scores", "feedback_rating")
    return Reading(
        "scores",
        SCORES,
        {
            "score_id": Field(f"{owner} || ':' || coalesce({name}, 'user_feedback')", keys=("request_id",)),
            "request_id": Field(owner, keys=("request_id", "response_id")),
            "name": Field(f"coalesce({name}, 'user_feedback')", keys=both),
            "value": Field(f"CASE WHEN {number} THEN {value} END", keys=both),
            "label": Field(f"CASE WHEN NOT {number} THEN {score} END", keys=both),
            "data_type": Field(
                f"CASE WHEN {truth} THEN 'boolean' WHEN {number} THEN 'numeric' ELSE 'categorical' END", keys=both
            ),
            "rater_kind": Field(f"CASE WHEN {name} IS NULL THEN 'user' ELSE 'api' END", keys=both),
            "created_at": Field(
                f"coalesce({when}, {quote('response_created_at')})", keys=("feedback_created_at", "response_created_at")
            ),
        },
        {"_name": f"unnest(list_concat({names}, {thumb}))", "_score": f"CASE WHEN {name} IS NOT NULL THEN {given} END"},
    )
