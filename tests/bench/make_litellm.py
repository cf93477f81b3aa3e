"""Writes N LiteLLM payloads, about 5 KB a line. By hand: python tests/bench/make_litellm.py N FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MODELS = (
    ("gpt-4o", "openai", "chat-default", "openai/gpt-4o"),
    ("claude-haiku-4-5", "anthropic", "chat-cheap", "anthropic/claude-haiku-4-5"),
    ("gemini-2.5-flash", "gemini", "chat-fast", "gemini/gemini-2.5-flash"),
)
FEATURES = ("summarise", "search", "extract", "classify", "agent", "chat")
PRICE_KEYS = ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost",
              "cache_creation_input_token_cost", "input_cost_per_token_batches", "output_cost_per_token_batches",
              "input_cost_per_audio_token", "output_cost_per_audio_token", "output_cost_per_reasoning_token",
              "input_cost_per_character", "input_cost_per_image", "output_cost_per_second")  # fmt: skip
ABILITIES = ("system_messages", "response_schema", "vision", "function_calling", "parallel_function_calling",
             "tool_choice", "assistant_prefill", "prompt_caching", "audio_input", "audio_output", "pdf_input",
             "web_search", "url_context", "reasoning", "computer_use")  # fmt: skip
KEY_NULLS = ("spend", "max_budget", "budget_reset_at", "user_spend", "team_spend", "org_alias", "project_id",
             "project_alias", "request_route", "auth_metadata")  # fmt: skip
PARAMETERS = ("frequency_penalty", "logit_bias", "logprobs", "max_tokens", "max_completion_tokens", "modalities",
              "presence_penalty", "seed", "stop", "stream", "temperature", "top_p", "tools", "tool_choice")  # fmt: skip
QUESTION = "Which of our three warehouses ships the blue lamp soonest, and what does the carrier charge for it? "
ANSWER = "The northern one: it has forty in stock and hands parcels over twice a day, at no extra charge. "
START = 1_790_000_000


def record(i: int) -> dict[str, Any]:
    """One payload; every figure follows from `i`."""
    model, provider, group, full = MODELS[i % 3]
    failed, streamed, hit = i % 50 == 7, i % 2 == 0, i % 40 == 3
    start = START + i * 7 + (i * 7919 % 1000) / 1000
    length = 0.4 + i * 104729 % 5000 / 1000
    read, reasoning = (i * 32452843 % 400), (i * 49979687 % 40)
    reads, writes = 500 + i * 611953 % 4000, 50 + i * 15485863 % 600
    if failed:
        read = reasoning = reads = writes = 0
    cost = 0.0 if failed or hit else round(reads * 2.5e-6 + writes * 1e-5, 8)
    usage = {
        "completion_tokens": writes, "prompt_tokens": reads, "total_tokens": reads + writes,
        "completion_tokens_details": {"accepted_prediction_tokens": 0, "audio_tokens": 0,
                                      "reasoning_tokens": reasoning, "rejected_prediction_tokens": 0},
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": read},
    }  # fmt: skip
    call = f"{i:08x}-0000-4000-8000-{i:012x}"
    return {
        "id": call if failed else f"chatcmpl-{i:012x}", "litellm_call_id": call,
        "trace_id": f"trace-{(i - 1 if i % 50 == 8 else i):08x}", "session_id": "",
        "call_type": "acompletion", "cache_hit": hit, "stream": True if streamed and not failed else None,
        "status": "failure" if failed else "success",
        "status_fields": {"llm_api_status": "failure" if failed else "success", "guardrail_status": "not_run"},
        "custom_llm_provider": provider, "saved_cache_cost": 0.0,
        "startTime": start, "endTime": start + length,
        "completionStartTime": start + (0.2 if streamed and not failed else length),
        "response_time": 0.2 if streamed else length, "model": model,
        "metadata": metadata(i, usage, failed), "cache_key": None, "response_cost": cost,
        "cost_breakdown": {
            "input_cost": round(cost / 2, 8), "output_cost": round(cost / 2, 8), "total_cost": cost,
            "tool_usage_cost": 0.0, "service_tier": None, "data_residency": None, "cache_read_cost": 0.0,
            "reasoning_cost": 0.0, "original_cost": cost, "discount_percent": 0.0, "discount_amount": 0.0,
            "margin_percent": 0.0, "margin_fixed_amount": 0.0, "margin_total_amount": 0.0,
        },
        "total_tokens": reads + writes, "prompt_tokens": reads, "completion_tokens": writes,
        "request_tags": [f"feature:{FEATURES[i % 6]}", "prod", "User-Agent: OpenAI/Python 2.1.0"],
        "end_user": f"user-{i * 7919 % 5000}", "api_base": f"https://api.{provider}.example/v1",
        "model_group": group, "model_id": f"deployment-{i % 9}", "requester_ip_address": "", "user_agent": None,
        "messages": [{"role": "system", "content": "Answer from the catalogue, in two sentences."},
                     {"role": "user", "content": f"{QUESTION}({i})"}],
        "response": None if failed else response(i, model, usage),
        "model_parameters": {"temperature": 0.2, "max_tokens": 800, "stream": streamed},
        "hidden_params": {
            "model_id": f"deployment-{i % 9}", "cache_key": None, "api_base": f"https://api.{provider}.example",
            "response_cost": cost, "litellm_overhead_time_ms": 12.5, "batch_models": None, "usage_object": None,
            "additional_headers": {
                "llm_provider-content-type": "application/json", "llm_provider-request-id": f"req_{i:012x}",
                "llm_provider-x-ratelimit-remaining-requests": "9999",
                "llm_provider-date": "Mon, 21 Sep 2026 13:33:20 GMT",
            },
            "litellm_model_name": full,
        },
        "model_map_information": {"model_map_key": model, "model_map_value": price_entry(model, provider)},
        "error_str": "litellm.RateLimitError: slow down" if failed else None,
        "error_information": {
            "error_code": "429" if failed else "", "error_class": "RateLimitError" if failed else "",
            "llm_provider": provider if failed else "", "traceback": "  File \"app.py\", line 1\n" * 8 * failed,
            "error_message": "litellm.RateLimitError: slow down" if failed else "",
            "error_rate_limit_category": "vendor_rate_limit" if failed else None,
        },
        "response_cost_failure_debug_info": None, "guardrail_information": None,
        "standard_built_in_tools_params": {"web_search_options": None, "file_search": None},
    }  # fmt: skip


def metadata(i: int, usage: dict[str, Any], failed: bool) -> dict[str, Any]:
    """Who called, and the usage in full."""
    return {
        "user_api_key_hash": f"{i % 20:064x}", "user_api_key_alias": f"key-{i % 20}",
        "user_api_key_team_id": f"team-{i % 5}", "user_api_key_team_alias": f"Team {i % 5}",
        "user_api_key_org_id": "org-1", "user_api_key_user_id": f"owner-{i % 7}",
        "user_api_key_user_email": None, "user_api_key_end_user_id": f"user-{i * 7919 % 5000}",
        **{f"user_api_key_{key}": None for key in KEY_NULLS},
        "spend_logs_metadata": None, "requester_ip_address": "", "user_agent": None,
        "requester_metadata": {"feature": FEATURES[i % 6], "ticket": f"T-{i % 1000}"},
        "prompt_management_metadata": None, "applied_guardrails": [], "mcp_tool_call_metadata": None,
        "vector_store_request_metadata": None, "routing_decision": None, "usage_object": None if failed else usage,
        "requester_custom_headers": {"x-app-version": "4.2.0"}, "cold_storage_object_key": None,
    }  # fmt: skip


def response(i: int, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    """The answer, as OpenAI's API shapes it."""
    message = {"content": ANSWER, "role": "assistant", "tool_calls": None, "function_call": None}
    return {
        "id": f"chatcmpl-{i:012x}", "created": START + i * 7, "model": model, "object": "chat.completion",
        "system_fingerprint": "fp_1", "usage": usage, "service_tier": "default",
        "choices": [{"finish_reason": "stop", "index": 0, "message": message}],
    }  # fmt: skip


def price_entry(model: str, provider: str) -> dict[str, Any]:
    """What the library's price map says of the model: the bulk of a real line."""
    return {
        "key": model, "max_tokens": 16384, "max_input_tokens": 128000, "max_output_tokens": 16384,
        **dict.fromkeys(PRICE_KEYS, 2.5e-06), "litellm_provider": provider, "mode": "chat",
        **{f"supports_{name}": None for name in ABILITIES}, "tpm": None, "rpm": None,
        "supported_openai_params": PARAMETERS,
    }  # fmt: skip


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(record(i)) + "\n" for i in range(int(sys.argv[1])))
