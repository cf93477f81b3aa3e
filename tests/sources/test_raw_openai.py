"""OpenAI's three shapes, alone, in pairs, in batches, and failing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmscope.sources import detect
from tests.sources.reading import read, sample_of, write

Record = dict[str, Any]

CHAT: Record = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"content": "Hello you", "refusal": None}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    "service_tier": "default",
}
QUESTION: Record = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": "data:"}]},
    ],
    "max_completion_tokens": 50,
    "temperature": 0.5,
    "stream": True,
    "user": "ann",
}
RESPONSE: Record = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1767225600,
    "completed_at": 1767225603,
    "status": "completed",
    "model": "gpt-5",
    "max_output_tokens": 100,
    "temperature": 1.0,
    "user": "bob",
    "metadata": {"feature": "search"},
    "service_tier": "flex",
    "output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "Yes"}]}],
    "usage": {"input_tokens": 5, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}},
    "tool_usage": {"web_search": {"num_requests": 2}},
}


def one(source: str, path: Path, record: Record) -> Record:
    """The row of a file of one record."""
    [row] = read(source, write(path / "log.jsonl", record))
    return row


def test_a_completion_alone(tmp_path: Path) -> None:
    """All that the answer itself says."""
    expected = {
        "request_id": "chatcmpl-1", "response_id": "chatcmpl-1", "operation": "chat", "provider": "openai",
        "response_model": "gpt-4o-2024-08-06", "started_at": "1767225600", "finish_reason": "length",
        "finish_reason_raw": "length", "refusal": False, "status": "ok", "service_tier": "default",
        "input_tokens": 10, "output_tokens": 2, "output_text": "Hello you", "output_chars": 9,
        "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == one("openai_chat", tmp_path, CHAT)


def test_a_pair_has_what_was_asked_and_what_the_logger_saw(tmp_path: Path) -> None:
    """The request's parameters and texts; the logger's clock goes before the answer's whole seconds."""
    beside = {"timestamp": "2026-01-01T00:00:00.25Z", "latency_ms": 120, "ttft_s": 0.05, "trace_id": "t1",
              "metadata": {"tag": "mail", "team": "x"}, "environment": "prod"}  # fmt: skip
    row = one("openai_chat", tmp_path, {**beside, "request": QUESTION, "response": CHAT})
    expected = {
        "request_model": "gpt-4o", "max_tokens": 50, "temperature": 0.5, "stream": True, "user_id": "ann",
        "started_at": "2026-01-01T00:00:00.25Z", "latency_ms": 120.0, "ttft_ms": 50.0, "trace_id": "t1",
        "feature": "mail", "metadata": '{"tag":"mail","team":"x"}', "environment": "prod", "input_text": "Be kind\nHi",
        "input_chars": 10,
    }  # fmt: skip

    assert expected == {name: row[name] for name in expected}


def test_json_in_strings_is_opened(tmp_path: Path) -> None:
    """request_body and response_body as gateways write them; a latency without unit and with a fraction is seconds."""
    record = {"request_body": json.dumps(QUESTION), "response_body": json.dumps(CHAT), "latency": 1.5}
    row = one("openai_chat", tmp_path, record)

    assert (10, "gpt-4o", 1500.0) == (row["input_tokens"], row["request_model"], row["latency_ms"])


def test_a_failed_call_is_a_row(tmp_path: Path) -> None:
    """It has no answer, so it is told by its error, whose code says more than its type."""
    error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
    path = write(tmp_path / "log.jsonl", CHAT, {"error": error, "status_code": 429}, {**CHAT, "error": None})
    failed = read("openai_chat", path)[1]
    expected = {
        "status": "error", "error_class": "rate_limit", "error_type": "rate_limit_exceeded", "http_status": 429,
        "error_message": "Rate limit reached", "operation": "chat", "usage_semantics": "missing",
    }  # fmt: skip

    assert expected == failed


def test_chunks_are_set_aside(tmp_path: Path) -> None:
    """A chunk is no answer; a word about them goes with the reading."""
    path = write(tmp_path / "log.jsonl", CHAT, {**CHAT, "object": "chat.completion.chunk"})

    assert [row["request_id"] for row in read("openai_chat", path)] == ["chatcmpl-1"]


def test_hosts_leave_marks(tmp_path: Path) -> None:
    """OpenRouter's ids, Azure's filter results and Groq's own key; a named host goes first."""
    marks = [{"id": "gen-1"}, {"prompt_filter_results": []}, {"x_groq": {"id": "r"}}, {"host": "api.deepseek.com"}]
    path = write(tmp_path / "log.jsonl", *({**CHAT, **mark} for mark in marks))

    assert ["openrouter", "azure.ai.openai", "groq", "deepseek"] == [r["provider"] for r in read("openai_chat", path)]


def test_text_completions(tmp_path: Path) -> None:
    """The older API has a text and no message."""
    answer = {**CHAT, "object": "text_completion", "choices": [{"text": "abc", "finish_reason": "stop"}]}
    row = one("openai_chat", tmp_path, {"request": {"prompt": "Say"}, "response": answer})

    assert ("text_completion", "Say", "abc") == (row["operation"], row["input_text"], row["output_text"])


def test_a_response_alone(tmp_path: Path) -> None:
    """It echoes what was asked and has both its times."""
    expected = {
        "request_id": "resp_1", "response_id": "resp_1", "operation": "chat", "provider": "openai",
        "response_model": "gpt-5", "started_at": "1767225600", "ended_at": "1767225603", "finish_reason": "stop",
        "finish_reason_raw": "completed", "refusal": False, "status": "ok", "service_tier": "flex", "input_tokens": 5,
        "output_tokens": 7, "reasoning_tokens": 3, "web_searches": 2, "max_tokens": 100, "temperature": 1.0,
        "user_id": "bob", "feature": "search", "metadata": '{"feature":"search"}', "output_text": "Yes",
        "output_chars": 3, "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == one("openai_responses", tmp_path, RESPONSE)


def test_how_a_response_ended(tmp_path: Path) -> None:
    """Cut, refused, calling a tool, failed, cancelled and still running."""
    refusal = [{"type": "message", "content": [{"type": "refusal", "refusal": "No"}]}]
    ends = [
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {"output": refusal},
        {"output": [{"type": "function_call", "name": "f"}]},
        {"status": "failed", "error": {"code": "server_error", "message": "Oops"}},
        {"status": "cancelled"},
        {"status": "in_progress"},
    ]
    rows = read("openai_responses", write(tmp_path / "log.jsonl", *({**RESPONSE, **end} for end in ends)))

    assert ["length", "content_filter", "tool_calls", "error", "other", None] == [r.get("finish_reason") for r in rows]
    assert ["ok", "ok", "ok", "error", "cancelled", "ok"] == [r["status"] for r in rows]
    assert [True, "server"] == [rows[1]["refusal"], rows[3]["error_class"]]


def test_batch_results_are_priced_as_a_batch(tmp_path: Path) -> None:
    """The answer stands one step deeper, and the line has an id of its own."""
    record = {"custom_id": "q1", "response": {"status_code": 200, "body": RESPONSE}, "error": None}
    row = one("openai_responses", tmp_path, record)

    assert ("batch", "resp_1", "search", 7) == (
        row["service_tier"], row["request_id"], row["feature"], row["output_tokens"],
    )  # fmt: skip


def test_embeddings(tmp_path: Path) -> None:
    """No output, and no time but the logger's."""
    answer = {
        "object": "list", "data": [{"object": "embedding", "embedding": [0.5]}],
        "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }  # fmt: skip
    row = one("openai_embeddings", tmp_path, {"ts": 1767225600, "request": {"input": ["ab", "cd"]}, "response": answer})
    expected = {
        "started_at": "1767225600", "operation": "embeddings", "provider": "openai", "status": "ok",
        "response_model": "text-embedding-3-small", "input_tokens": 8, "input_text": "ab\ncd", "input_chars": 5,
        "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == {name: value for name, value in row.items() if name != "prompt_hash"}


def test_each_shape_is_told_from_the_others(tmp_path: Path) -> None:
    """The first source that knows a file is the right one; a list of models is nobody's."""
    path = tmp_path / "log.jsonl"
    models = {"object": "list", "data": [{"object": "model", "id": "gpt-4o"}], "usage": None}

    assert detect(sample_of(write(path, CHAT))) == "openai_chat"
    assert detect(sample_of(write(path, {"request": QUESTION, "response": RESPONSE}))) == "openai_responses"
    assert detect(sample_of(write(path, models))) not in ("openai_chat", "openai_embeddings")
