"""Our words for what providers spell their own way."""

from __future__ import annotations

import duckdb
import pytest

from llmscope.sources import literal
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql, refusal_sql, status_sql


def text(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else literal(value)


def value(sql: str) -> object:
    return duckdb.sql(f"SELECT {sql}").fetchall()[0][0]


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        ("end_turn", "stop"), ("STOP", "stop"), ("COMPLETE", "stop"), ("eos", "stop"), ("1", "stop"),
        ("MAX_TOKENS", "length"), ("model_context_window_exceeded", "length"), ("tool-calls", "tool_calls"),
        ("function_call", "tool_calls"), ("refusal", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"), ("pause_turn", "other"), ('["stop"]', "stop"), ("null", None),
        ("", None), (None, None),
    ],
)  # fmt: skip
def test_finish_reasons(raw: str | None, ours: str | None) -> None:
    """Six words; what says nothing is NULL, what we do not know is other."""
    assert value(finish_reason_sql(text(raw))) == ours


def test_a_refusal_says_so() -> None:
    """NULL where there is no reason to go by."""
    assert ["true", "false", None] == [value(refusal_sql(text(raw))) for raw in ("refusal", "stop", None)]


@pytest.mark.parametrize(
    ("raw", "model", "host", "ours"),
    [
        ("Azure", None, None, "azure.ai.openai"), ("vertex_ai", None, None, "gcp.vertex_ai"),
        ("gemini", None, None, "gcp.gemini"), ("xai", None, None, "x_ai"), ("Bedrock", None, None, "aws.bedrock"),
        ("My Own", "gpt-4o", None, "my own"), (None, "gpt-4o", None, "openai"), ("", "claude-3", None, "anthropic"),
        (None, "us.anthropic.claude-3-haiku", None, "aws.bedrock"), (None, "openrouter/gpt-4o", None, "openrouter"),
        (None, "openai/gpt-oss-120b", None, None), (None, "gpt-oss-20b", None, None), (None, "llama3", None, None),
        (None, "meta-llama/Llama-4-Scout", None, None), (None, None, None, None),
        (None, "gpt-4o", "me.openai.azure.com", "azure.ai.openai"),
        (None, "gpt-4o", "bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        (None, "gemini-2.5-pro", "us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
    ],
)  # fmt: skip
def test_providers(raw: str | None, model: str | None, host: str | None, ours: str | None) -> None:
    """As named, else by the host, else by the model's name; open weights name nobody."""
    assert value(provider_sql(text(raw), text(model), text(host))) == ours


@pytest.mark.parametrize(
    ("status", "kind", "message", "ours"),
    [
        ("200", None, None, None), (None, None, None, None), ("429", None, None, "rate_limit"),
        ("529", None, None, "overloaded"), ("500", None, None, "server"), ("404", None, None, "input_validation"),
        (None, "openai.RateLimitError", None, "rate_limit"), (None, "APITimeoutError", None, "timeout"),
        ("429", "insufficient_quota", None, "quota"),
        ("401", "invalid_request_error", "Wrong key", "authentication"),
        ("400", "invalid_request_error", "maximum context length is 8192 tokens", "context_length"),
        ("400", "content_filter", None, "content_safety"), ("500", None, "CUDA out of memory", "inference"),
        (None, None, "Error code: 503", "overloaded"), (None, None, "Connection reset by peer", "network"),
        (None, "CancelledError", None, "cancelled"), (None, None, "something", "other"),
        ("418", None, None, "other"), (None, "ThrottlingException", None, "rate_limit"),
    ],
)  # fmt: skip
def test_error_classes(status: str | None, kind: str | None, message: str | None, ours: str | None) -> None:
    """The type first, then the status; a vague one gives way to what the message says."""
    assert value(error_class_sql(text(status), text(kind), text(message))) == ours


@pytest.mark.parametrize(
    ("word", "code", "error", "ours"),
    [
        ("Success", None, None, "ok"), ("false", None, None, "error"), ("canceled", None, None, "cancelled"),
        ("200", None, None, "ok"), ("503", None, None, "error"), (None, "499", None, "cancelled"),
        (None, None, "boom", "error"), (None, "200", None, "ok"), (None, None, None, None),
        ("running", None, None, None),
    ],
)  # fmt: skip
def test_statuses(word: str | None, code: str | None, error: str | None, ours: str | None) -> None:
    """A word, else an HTTP status, else whether there is an error."""
    assert value(status_sql(text(word), text(code), text(error))) == ours
