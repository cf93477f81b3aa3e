"""Anthropic's and Google's answers, and what holds for all raw sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscope.sources import load_source
from tests.sources.reading import read, run_reading, sample_of, write

Record = dict[str, Any]

MESSAGE: Record = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 6},
}
GEMINI: Record = {
    "responseId": "g1",
    "modelVersion": "gemini-2.5-flash",
    "createTime": "2026-01-01T00:00:00Z",
    "candidates": [{"content": {"parts": [{"text": "A"}, {"text": "B"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 10},
}


def test_a_message_alone(tmp_path: Path) -> None:
    """Input 3 + 4 + 5; thinking is no text of the answer; and no time at all."""
    expected = {
        "request_id": "msg_1", "response_id": "msg_1", "operation": "chat", "provider": "anthropic",
        "response_model": "claude-sonnet-4-5-20250929", "finish_reason": "stop", "finish_reason_raw": "end_turn",
        "refusal": False, "status": "ok", "input_tokens": 12, "output_tokens": 6, "cache_read_tokens": 5,
        "cache_write_tokens": 4, "output_text": "Hello", "output_chars": 5, "usage_semantics": "exclusive_fixed",
    }  # fmt: skip

    assert read("anthropic_messages", write(tmp_path / "log.jsonl", MESSAGE)) == [expected]


def test_a_message_in_a_pair(tmp_path: Path) -> None:
    """The user hides in the request's metadata; the hosts' ids say whose message it is."""
    asked = {"model": "claude-sonnet-4-5", "max_tokens": 10, "system": "S", "metadata": {"user_id": "u9"},
             "messages": [{"role": "user", "content": "q"}]}  # fmt: skip
    answer = {**MESSAGE, "id": "msg_bdrk_1", "stop_reason": "refusal"}
    [row] = read("anthropic_messages", write(tmp_path / "log.jsonl", {"request": asked, "response": answer}))
    expected = {
        "request_model": "claude-sonnet-4-5", "max_tokens": 10, "user_id": "u9", "input_text": "S\nq",
        "provider": "aws.bedrock", "finish_reason": "content_filter", "refusal": True,
    }  # fmt: skip

    assert expected == {name: row[name] for name in expected}


def test_failed_messages(tmp_path: Path) -> None:
    """An error alone, and one in a batch: two errors deep, and a 400 that is a prompt too long."""
    alone = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    inner = {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens"}
    batch = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}},
        {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error", "error": inner}}},
    ]
    _, failed = read("anthropic_messages", write(tmp_path / "one.jsonl", MESSAGE, alone))
    good, bad = read("anthropic_messages", write(tmp_path / "batch.jsonl", *batch))

    assert ("req_1", "overloaded", "anthropic") == (failed["request_id"], failed["error_class"], failed["provider"])
    assert ("b", "context_length", "error", "batch") == tuple(
        bad[name] for name in ("request_id", "error_class", "status", "service_tier")
    )
    assert ("msg_1", "batch") == (good["request_id"], good["service_tier"])


def test_gemini_alone(tmp_path: Path) -> None:
    """Answer 2 + thoughts 3."""
    expected = {
        "request_id": "g1", "response_id": "g1", "operation": "generate_content", "provider": "gcp.gemini",
        "response_model": "gemini-2.5-flash", "started_at": "2026-01-01T00:00:00Z", "finish_reason": "stop",
        "finish_reason_raw": "STOP", "refusal": False, "status": "ok", "input_tokens": 5, "output_tokens": 5,
        "reasoning_tokens": 3, "output_text": "A\nB", "output_chars": 3, "usage_semantics": "inclusive",
    }  # fmt: skip

    assert read("gemini", write(tmp_path / "log.jsonl", GEMINI)) == [expected]


def test_gemini_in_snake_case_on_vertex_and_blocked(tmp_path: Path) -> None:
    """The SDK's names; Vertex alone has a traffic type; a blocked prompt has no candidates."""
    snake = {
        "response_id": "g2", "model_version": "gemini-2.5-pro", "create_time": "2026-01-01",
        "candidates": [{"finish_reason": "MAX_TOKENS"}],
        "usage_metadata": {"prompt_token_count": 5, "candidates_token_count": 2, "traffic_type": "ON_DEMAND"},
    }  # fmt: skip
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-pro",
               "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}  # fmt: skip
    first, second = read("gemini", write(tmp_path / "log.jsonl", snake, blocked))

    assert ("g2", "length", 2, "gcp.vertex_ai") == tuple(
        first[name] for name in ("request_id", "finish_reason", "output_tokens", "provider")
    )
    assert ("content_filter", 0) == (second["finish_reason"], second["output_tokens"])


def test_a_gemini_pair_with_a_stream(tmp_path: Path) -> None:
    """Usage stands on every chunk; the last is the whole."""
    asked = {"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [{"parts": [{"text": "q"}]}],
             "generationConfig": {"maxOutputTokens": 9}, "labels": {"feature": "chat"}}  # fmt: skip
    early = {**GEMINI, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    [row] = read("gemini", write(tmp_path / "log.jsonl", {"request": asked, "response": [early, GEMINI]}))

    assert (5, 9, "chat", "S\nq") == (row["output_tokens"], row["max_tokens"], row["feature"], row["input_text"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.sampled_from(["", "x", "{", "[1", "stop", "2026-01-01", "5"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "content", "message", "error", "type", "input_tokens"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


EXTRA = ("error", "usage", "choices", "metadata", "content", "candidates", "user", "latency_ms")
BAD = st.lists(st.dictionaries(st.sampled_from(EXTRA), JSON, max_size=5), min_size=10, max_size=30)


@pytest.mark.parametrize("source", ["openai_chat", "anthropic_messages", "gemini"])
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(junk=BAD)
def test_no_record_breaks_a_reading(tmp_path: Path, source: str, junk: list[Record]) -> None:
    """Any JSON where an object is awaited is at most a row with less in it."""
    good = {"openai_chat": {"object": "chat.completion"}, "anthropic_messages": MESSAGE, "gemini": GEMINI}[source]
    bare = [good, *({**good, **bad} for bad in junk)]
    pairs = [{"response": record, "request": {"messages": record, **record}} for record in bare]

    for records in (bare, pairs):
        path = write(tmp_path / "log.jsonl", *records)
        [reading] = load_source(source).readings(sample_of(path), {})

        assert run_reading(reading, path)
