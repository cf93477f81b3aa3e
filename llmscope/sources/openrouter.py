"""OpenRouter's activity export: a row a generation, as CSV or with the same keys as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, quote, require
from llmscope.sources._reasons import NOTHING, finish_reason_sql, provider_sql, refusal_sql
from llmscope.sources._usage import usage_fields

ABOUT = "OpenRouter's activity export, a row a generation, as CSV or JSON"
RANK = 130
NEEDS = ("model_permaslug",)

TEXTS = (
    "generation_id", "created_at", "cost_total", "tokens_prompt", "tokens_completion", "tokens_reasoning",
    "tokens_cached", "model_permaslug", "provider_name", "variant", "cancelled", "streamed", "user",
    "finish_reason_raw", "finish_reason_normalized", "generation_time_ms", "time_to_first_token_ms", "api_key_name",
    "app_name", "byok_usage_inference",
)  # fmt: skip
COLUMNS = dict.fromkeys(TEXTS, "VARCHAR")
TELLING = ("generation_id", "model_permaslug", "tokens_prompt")
KEPT = ("api_key_name", "variant", "app_name")


def detect(sample: Sample) -> bool:
    """Most rows have the export's own names."""
    mine = sum(all(key in record for key in TELLING) for record in sample.records)
    return 0 < len(sample.records) <= 2 * mine


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a row."""
    require(sample, "an OpenRouter activity export", "created_at", "model_permaslug", "tokens_prompt")
    prepare, fields = usage_fields(quote("_usage"), name="_u", raw_keys=("tokens_prompt", "tokens_completion"))
    prepare["_usage"] = usage_sql()
    fields |= about() | outcome()
    notes = []
    if any(number(record.get("byok_usage_inference")) for record in sample.records):
        notes.append("byok_usage_inference, paid to the provider with a key of one's own, is not added to the cost")
    known = f"{quote('generation_id')} IS NOT NULL AND {quote('model_permaslug')} IS NOT NULL"
    return (Reading("requests", COLUMNS, fields, prepare, notes=tuple(notes), mine=known),)


def number(value: object) -> float:
    """A figure of a cell; 0 where there is none."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def usage_sql() -> str:
    """The counts; whether the cached ones are part of the prompt is not said, so proof decides."""
    pairs = (
        ("input_tokens", "tokens_prompt"),
        ("output_tokens", "tokens_completion"),
        ("cache_read_tokens", "tokens_cached"),
        ("reasoning_tokens", "tokens_reasoning"),
    )
    made = ", ".join(f"'{name}', nullif({quote(column)}, '')" for name, column in pairs)
    return f"json_object({made})"


def about() -> dict[str, Field]:
    """Ids, models, money and times. What spend is shown by at OpenRouter is the app."""
    host, variant = f"nullif({quote('provider_name')}, '')", f"nullif(lower({quote('variant')}), '')"
    slug = f"concat_ws(':', nullif({quote('model_permaslug')}, ''), nullif({variant}, 'standard'))"
    kept = ", ".join(f"'{name}', nullif({quote(name)}, '')" for name in KEPT)
    streamed = f"lower({quote('streamed')}) = 'true'"
    first = f"nullif({quote('time_to_first_token_ms')}, '')"
    return {
        "request_id": Field(quote("generation_id"), keys=("generation_id",)),
        "response_id": Field(quote("generation_id"), keys=("generation_id",)),
        "started_at": Field(quote("created_at"), keys=("created_at",)),
        "latency_ms": Field(f"nullif({quote('generation_time_ms')}, '')", "ms", ("generation_time_ms",)),
        "ttft_ms": Field(f"CASE WHEN {streamed} THEN {first} END", "ms", ("time_to_first_token_ms",)),
        "stream": Field(quote("streamed"), keys=("streamed",)),
        "request_model": Field(slug, keys=("model_permaslug", "variant")),
        "provider": Field(provider_sql(host, NOTHING), keys=("provider_name",)),
        "cost_logged_usd": Field(f"nullif({quote('cost_total')}, '')", keys=("cost_total",)),
        "user_id": Field(quote("user"), keys=("user",)),
        "feature": Field(quote("app_name"), keys=("app_name",)),
        "metadata": Field(f"CAST(json_merge_patch('{{}}', json_object({kept})) AS VARCHAR)", keys=KEPT),
    }


def outcome() -> dict[str, Field]:
    """How a generation ended: only what was answered is listed, or cut off by the caller."""
    raw = f"coalesce(nullif({quote('finish_reason_raw')}, ''), nullif({quote('finish_reason_normalized')}, ''))"
    ours = f"coalesce(nullif({quote('finish_reason_normalized')}, ''), nullif({quote('finish_reason_raw')}, ''))"
    keys = ("finish_reason_normalized", "finish_reason_raw")
    status = (
        f"CASE WHEN lower({quote('cancelled')}) = 'true' THEN 'cancelled'"
        f" WHEN lower({ours}) = 'error' THEN 'error' WHEN {ours} IS NOT NULL THEN 'ok' END"
    )
    return {
        "finish_reason": Field(finish_reason_sql(ours), keys=keys),
        "finish_reason_raw": Field(raw, keys=keys),
        "refusal": Field(refusal_sql(raw), keys=keys),
        "status": Field(status, keys=("cancelled", *keys)),
        "error_class": Field(f"CASE WHEN lower({quote('cancelled')}) = 'true' THEN 'cancelled' END",
                             keys=("cancelled",)),
    }  # fmt: skip
