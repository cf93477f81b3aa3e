"""What people call things: the alias table that `flat` guesses with, and units told by a name's suffix."""

from __future__ import annotations

import re

# Canonical column -> names for it, folded to snake case, the surest first.
ALIASES: dict[str, tuple[str, ...]] = {
    "request_id": ("request_id", "req_id", "requestid", "call_id", "log_id", "id", "uuid", "event_id", "generation_id"),
    "response_id": ("response_id", "completion_id"),
    "trace_id": ("trace_id", "trace", "correlation_id"),
    "span_id": ("span_id",),
    "parent_span_id": ("parent_span_id", "parent_id"),
    "session_id": ("session_id", "session", "conversation_id", "thread_id", "chat_id"),
    "user_id": ("user_id", "user", "uid", "userid", "username", "end_user", "end_user_id", "customer_id", "customer",
                "account_id", "distinct_id"),
    "feature": ("feature", "feature_name", "use_case", "usecase", "app", "app_name", "endpoint", "route", "task",
                "workflow", "component", "tag", "function_name", "agent_name", "agent"),
    "template": ("template", "template_id", "template_name", "prompt_template", "prompt_name", "prompt_id"),
    "template_version": ("template_version", "prompt_version"),
    "service": ("service", "service_name"),
    "environment": ("environment", "env", "deployment_environment"),
    "release": ("release", "app_version"),
    "region": ("region", "aws_region", "location"),
    "language": ("language", "lang", "locale"),
    "item_id": ("item_id", "example_id", "test_id", "sample_id"),
    "operation": ("operation", "operation_name", "call_type", "request_type"),
    "provider": ("provider", "provider_name", "vendor", "api_provider", "llm_provider", "system", "api"),
    "response_model": ("response_model", "model_version"),
    "request_model": ("request_model", "model", "model_name", "model_id", "llm_model", "llm", "engine", "deployment",
                      "deployment_name"),
    "started_at": ("started_at", "start_time", "timestamp", "ts", "time", "created_at", "created", "start", "datetime",
                   "date", "request_time", "requested_at", "event_time", "logged_at", "request_timestamp"),
    "ended_at": ("ended_at", "end_time", "completed_at", "finished_at", "end", "response_timestamp"),
    "latency_ms": ("latency", "duration", "elapsed", "elapsed_time", "response_time", "total_time", "e2e",
                   "e2e_latency", "end_to_end_latency", "total_latency", "request_duration", "took",
                   "processing", "processing_time"),
    "ttft_ms": ("ttft", "time_to_first_token", "first_token_latency", "first_token_time", "time_to_first_chunk"),
    "queue_ms": ("queue", "queue_time", "time_in_queue", "queued"),
    "network_ms": ("network", "network_time"),
    "inference_ms": ("inference", "inference_time", "model_time"),
    "postprocess_ms": ("postprocess", "postprocess_time", "postprocessing"),
    "stream": ("stream", "streaming", "streamed", "is_streaming"),
    "input_tokens": ("input_tokens", "prompt_tokens", "tokens_in", "tokens_input", "tokens_prompt", "n_prompt",
                     "n_prompt_tokens", "num_input_tokens", "input_token_count", "prompt_token_count", "context_tokens",
                     "number_input_tokens", "input_length", "prompt_length", "in_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens", "tokens_out", "tokens_output", "tokens_completion",
                      "n_completion_tokens", "num_output_tokens", "output_token_count", "completion_token_count",
                      "generated_tokens", "number_output_tokens", "output_length", "generation_tokens", "out_tokens"),
    "cache_read_tokens": ("cache_read_tokens", "cached_tokens", "cache_read_input_tokens", "cached_input_tokens",
                          "tokens_cached", "prompt_cache_read_tokens", "prompt_cache_hit_tokens"),
    "cache_write_tokens": ("cache_write_tokens", "cache_creation_input_tokens", "cache_write_input_tokens",
                           "cache_creation_tokens", "prompt_cache_write_tokens"),
    "reasoning_tokens": ("reasoning_tokens", "thinking_tokens", "thoughts_tokens", "tokens_reasoning",
                         "reasoning_output_tokens"),
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "temperature": ("temperature",),
    "finish_reason": ("finish_reason", "stop_reason", "finish_reasons"),
    "status": ("status", "success", "ok", "outcome", "state", "is_success"),
    "error_type": ("error_type", "error_code", "exception", "error_class", "exception_type"),
    "error_message": ("error_message", "error_msg", "error", "exception_message", "status_message"),
    "http_status": ("http_status", "status_code", "http_status_code", "response_status", "code"),
    "attempt": ("attempt", "attempt_number", "try"),
    "cache_hit": ("cache_hit", "from_cache"),
    "fallback": ("fallback", "is_fallback"),
    "service_tier": ("service_tier",),
    "web_searches": ("web_searches", "web_search_requests"),
    "cost_logged_usd": ("cost_usd", "cost", "total_cost", "total_cost_usd", "response_cost", "price", "spend",
                        "cost_logged_usd", "amount_usd", "llm_cost"),
    "tags": ("tags", "labels"),
    "metadata": ("metadata", "properties", "attributes", "extra"),
    "input_text": ("prompt", "input", "messages", "question", "query", "input_text", "prompt_text"),
    "output_text": ("completion", "response", "output", "answer", "output_text", "response_text", "completion_text"),
    "score": ("score", "rating", "feedback", "thumbs"),
}  # fmt: skip
DURATIONS = ("latency_ms", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms")
TIMES = ("started_at", "ended_at")
# Columns that a nested key may give by its own name, whatever holds it: they mean the same everywhere.
BY_LEAF = frozenset({
    "request_model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "cost_logged_usd", "finish_reason", "ttft_ms", "latency_ms", "max_tokens", "temperature", "provider", "template",
    "template_version", "session_id", "user_id", "feature", "trace_id",
})  # fmt: skip
UNITS = {"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
         "seconds": "s", "us": "us", "micros": "us", "ns": "ns", "nanos": "ns", "nano": "ns"}  # fmt: skip
MONEY = {"cents": "cents", "usd": None, "dollars": None}
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(key: str) -> str:
    """A key in snake case: `promptTokens`, `prompt-tokens` and `Prompt Tokens` are one."""
    return re.sub(r"[^a-z0-9]+", "_", CAMEL.sub("_", key).lower()).strip("_")


def unit_of(folded: str) -> tuple[str, str | None]:
    """A folded name without its unit, and the unit: `latency_ms` is ("latency", "ms")."""
    stem, _, last = folded.rpartition("_")
    if stem and last in UNITS:
        return stem, UNITS[last]
    if stem and last in MONEY:
        return stem, MONEY[last] or "usd"
    return folded, None


def meant(key: str) -> list[tuple[str, int, str | None]]:
    """What a key may stand for: (canonical column, rank of the alias, unit), surest first."""
    folded = fold(key)
    stem, unit = unit_of(folded)
    found: list[tuple[str, int, str | None]] = []
    for column, aliases in ALIASES.items():
        if folded in aliases:
            found.append((column, aliases.index(folded), None))
        elif stem in aliases and unit_fits(column, unit):
            found.append((column, aliases.index(stem), None if unit == "usd" else unit))
    return found


def unit_fits(column: str, unit: str | None) -> bool:
    """Whether a column is measured in such units at all."""
    if unit in ("usd", "cents", "nano_usd"):
        return column == "cost_logged_usd"
    return unit is not None and (column in DURATIONS or column in TIMES)
