"""LiteLLM's two logs: the payload its callbacks write, and the proxy's SpendLogs table."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, litellm, litellm_spend
from tests.sources.loading import Loaded, loaded, write_lines

HERE = Path(__file__).parent / "fixtures" / "litellm"
PAYLOADS, TRIES, SPEND = HERE / "payloads.jsonl", HERE / "tries.jsonl", HERE / "spend_logs.csv"
FLAT = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 2, "timestamp": "2026-09-01T00:00:00Z"}


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def sample(*given: dict[str, Any], container: Any = "jsonl") -> Sample:
    return Sample("x", container, given, dict.fromkeys((k for r in given for k in r), "JSON"))


def one(found: Loaded, request_id: str) -> dict[str, Any]:
    return next(r for r in found.requests if r["request_id"] == request_id)


def check_payloads(found: Loaded) -> None:
    # Eight lines: the first stands there twice, one is a call of a tool.
    file = found.file
    assert (file.source, file.lines, file.loaded, file.set_aside, file.duplicates) == ("litellm", 8, 6, 1, 1)
    # 1200 chat + 2350 stream + 8 embedding + 1200 out of the cache; the stream without usage and "many" count nothing.
    assert found.total("input_tokens") == 4758
    # 80 + 120 + 0 + 80, and 7 of the broken line.
    assert found.total("output_tokens") == 287
    assert found.total("cache_read_tokens") == 1024 + 2000
    assert found.total("cache_write_tokens") == 300
    assert found.total("reasoning_tokens") == 32
    assert found.total("cost_logged_usd") == pytest.approx(0.00252 + 0.004125 + 0.00000016)
    assert found.total("web_searches") == 2


def test_every_line_of_the_payloads_is_accounted_for() -> None:
    check_payloads(loaded(PAYLOADS))


def test_a_chat_that_was_not_streamed() -> None:
    assert one(loaded(PAYLOADS), "call-1") == {
        "request_id": "call-1", "response_id": "chatcmpl-1", "trace_id": "trace-1", "user_id": "u-1",
        "feature": "chat", "tags": ["feature:chat", "prod", "User-Agent: demo/1"], "operation": "chat",
        "provider": "openai", "request_model": "gpt-4o", "response_model": "gpt-4o", "model": "gpt-4o",
        # 1790000000.25 s is 14:13:20.25; it ended 1.5 s later, and its "first token" then is none.
        "started_at": datetime(2026, 9, 21, 14, 13, 20, 250000),
        "ended_at": datetime(2026, 9, 21, 14, 13, 21, 750000), "latency_ms": 1500.0, "stream": False,
        "input_tokens": 1200, "output_tokens": 80, "cache_read_tokens": 1024, "reasoning_tokens": 32,
        "audio_input_tokens": 0, "audio_output_tokens": 0, "cost_logged_usd": 0.00252, "max_tokens": 100,
        "temperature": 0.2, "status": "ok", "finish_reason": "stop", "finish_reason_raw": "stop", "refusal": False,
        "input_chars": len("Where is the lamp?"), "output_chars": len("In the north."),
        "prompt_hash": "0f7cfd283d0fd3972d5b1699360c989f", "usage_semantics": "inclusive",
        "timing_quality": "measured", "source_format": "litellm",
    }  # fmt: skip


def test_a_stream_through_the_router_with_everything_cached() -> None:
    row = one(loaded(PAYLOADS), "call-2")
    # The alias was asked for, the deployment's model answered; 1790000020.4 - 1790000020 is the first token.
    assert (row["request_model"], row["response_model"], row["provider"]) == (
        "assistant", "claude-sonnet-4-5-20250929", "anthropic",
    )  # fmt: skip
    assert (row["ttft_ms"], row["latency_ms"], row["stream"]) == (400.0, 2000.0, True)
    # Inclusive: 50 new + 2000 read + 300 written.
    assert (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"]) == (2350, 2000, 300)
    assert (row["cache_write_5m_tokens"], row["cache_write_1h_tokens"]) == (100, 200)
    assert (row["user_id"], row["feature"], row["template"], row["session_id"]) == ("u-2", "search", "greet", "sess-2")
    assert row["metadata"] == {
        "feature": "search", "ticket": "T-1", "user_api_key_alias": "shop-key", "user_api_key_team_alias": "Shop",
        "user_api_key_team_id": "team-1", "user_api_key_user_id": "owner-1",
    }  # fmt: skip
    assert (row["finish_reason"], row["service_tier"]) == ("length", "default")


def test_zeros_that_mean_unknown_and_zeros_that_do_not() -> None:
    found = loaded(PAYLOADS)
    unknown = one(found, "call-3")
    assert unknown["usage_semantics"] == "missing"
    assert unknown["ttft_ms"] == 100.0
    assert not {"input_tokens", "output_tokens", "cost_logged_usd"} & unknown.keys()
    vector = one(found, "call-4")
    assert (vector["operation"], vector["input_tokens"], vector["output_tokens"]) == ("embeddings", 8, 0)
    assert "response_id" not in vector
    assert "ttft_ms" not in vector
    hit = one(found, "call-8")
    assert (hit["cache_hit"], hit["cost_logged_usd"], hit["input_tokens"]) == (True, 0.0, 1200)
    # Its id is the first call's, with the time behind it: it must not be taken for that answer.
    assert "response_id" not in hit
    assert hit["user_id"] == "u-8"


def test_wrong_types_cost_their_own_column_only() -> None:
    row = one(loaded(PAYLOADS), "call-11")
    assert row["model"] == "\x1b]0;x [red]|<script>=1+1"
    assert row["output_tokens"] == 7
    assert not {"started_at", "input_tokens", "feature", "tags", "metadata", "cost_logged_usd"} & row.keys()


def test_tries_of_one_request_are_rows_of_their_own() -> None:
    found = loaded(TRIES)
    # The proxy gives all tries one call id; only the one that succeeded keeps it bare.
    assert [r["request_id"] for r in found.requests] == ["call-5", "call-5-1790000050", "call-5-1790000060"]
    assert {r["trace_id"] for r in found.requests} == {"trace-5"}
    answered, first, second = found.requests
    assert (first["status"], first["http_status"], first["error_class"]) == ("error", 429, "rate_limit")
    assert (first["error_type"], second["latency_ms"]) == ("RateLimitError", 500.0)
    assert "input_tokens" not in first
    assert "cost_logged_usd" not in first
    assert "response_id" not in first
    assert answered["fallback"] is True
    assert answered["feature"] == "Shop"
    assert answered["user_id"] == "owner-1"
    # At Azure the deployment's name says nothing of the model; the answer does.
    assert (answered["request_model"], answered["model"]) == ("backup", "gpt-4o-2024-08-06")
    assert answered["provider"] == "azure.ai.openai"
    assert answered["finish_reason"] == "tool_calls"


def test_the_library_s_own_payloads() -> None:
    # Written by make_litellm_with_sdk.py: three chats, an embedding, and two requests that failed twice each, of
    # which one fell back.
    found = loaded(HERE / "with_sdk.jsonl")
    assert found.file.loaded == found.file.lines == 9
    assert sorted(r["status"] for r in found.requests) == ["error"] * 4 + ["ok"] * 5
    fallen = [r for r in found.requests if r.get("fallback")]
    assert len(fallen) == 1
    assert fallen[0]["request_model"] == "chat-default"
    before = [r for r in found.requests if r["trace_id"] == fallen[0]["trace_id"] and r["status"] == "error"]
    assert len(before) == 2
    assert {r["request_model"] for r in before} == {"broken"}
    assert sum(r["operation"] == "embeddings" for r in found.requests) == 1
    assert [r["attempt"] for r in found.requests if "attempt" in r] == [1, 1]
    assert sum("ttft_ms" in r for r in found.requests) == 2
    assert found.total("output_tokens") == 20 + 4 + 4 + 0 + 20


def test_array_object_and_envelopes(tmp_path: Path) -> None:
    given = records(PAYLOADS)
    array = tmp_path / "array.json"
    array.write_text(json.dumps(given), encoding="utf-8")
    check_payloads(loaded(array))
    single = tmp_path / "one.json"
    single.write_text(json.dumps(given[1], indent=1), encoding="utf-8")
    assert loaded(single).requests == [one(loaded(PAYLOADS), "call-2")]
    wrapped: list[list[dict[str, Any]]] = [
        [{"standard_logging_object": r} for r in given],
        [{"kwargs": {"model": "x", "standard_logging_object": r}} for r in given],
        [{"ddsource": "litellm", "message": json.dumps(r)} for r in given],
    ]
    for i, lines in enumerate(wrapped):
        check_payloads(loaded(write_lines(tmp_path / f"wrapped{i}.jsonl", lines)))


def test_texts_are_kept_when_asked_for(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [
        {**records(PAYLOADS)[0], "messages": "plain question"},
        {**records(PAYLOADS)[1], "messages": [{"role": "user", "content": [{"type": "text", "text": "in parts"}]}]},
        {**records(PAYLOADS)[2], "messages": [{"role": "user", "content": "redacted-by-litellm"}]},
    ])  # fmt: skip
    found = loaded(path, options=LoadOptions(keep_text=True))
    assert [r.get("input_text") for r in found.requests] == ["plain question", "in parts", None]
    assert [r.get("output_text") for r in found.requests] == ["In the north.", "Hello", "In the north."]


def check_spend(found: Loaded) -> None:
    file = found.file
    assert (file.source, file.lines, file.loaded, file.set_aside) == ("litellm_spend", 7, 6, 1)
    # 1200 + 2350 + 1200 out of the cache + 8; the stream without usage and the failure count nothing.
    assert found.total("input_tokens") == 4758
    assert found.total("output_tokens") == 80 + 120 + 80
    assert (found.total("cache_read_tokens"), found.total("cache_write_tokens")) == (1024 + 2000, 300)
    assert found.total("cost_logged_usd") == pytest.approx(0.00252 + 0.004125 + 0.00000016)


def test_spend_logs_as_the_database_writes_them() -> None:
    found = loaded(SPEND)
    check_spend(found)
    first = one(found, "call-1")
    assert first["started_at"] == datetime(2026, 9, 21, 13, 33, 20, 250000)
    assert first["latency_ms"] == 1500.0
    assert (first["attempt"], first["fallback"], first["stream"]) == (2, False, False)
    assert (first["feature"], first["user_id"], first["response_id"]) == ("chat", "u-1", "chatcmpl-1")
    assert first["reasoning_tokens"] == 32
    assert first["trace_id"] == "trace-1"
    assert "ttft_ms" not in first
    streamed = one(found, "call-2")
    # 20.65 - 20.25 s to the first token.
    assert (streamed["ttft_ms"], streamed["stream"], streamed["feature"]) == (400.0, True, "Shop")
    assert streamed["metadata"]["ticket"] == "T-1"
    assert streamed["user_id"] == "owner-1"
    assert "input_tokens" not in one(found, "call-3")
    assert "cost_logged_usd" not in one(found, "call-3")
    failed = one(found, "call-4")
    assert (failed["status"], failed["error_class"], failed["http_status"]) == ("error", "context_length", 400)
    hit = one(found, "call-5")
    assert hit["cache_hit"] is True
    assert hit["cost_logged_usd"] == 0
    assert "response_id" not in hit
    # The metadata of the last row is broken JSON; its columns still count.
    assert one(found, "chatcmpl-7")["input_tokens"] == 8


@pytest.mark.parametrize("form", ["json", "jsonl", "objects", "parquet"])
def test_spend_logs_in_other_containers(tmp_path: Path, form: str) -> None:
    given: list[dict[str, Any]] = list(rows(SPEND))
    path = tmp_path / ("a.parquet" if form == "parquet" else "a.json")
    if form == "objects":
        for row in given[:-1]:
            row |= {key: json.loads(row[key]) for key in ("metadata", "request_tags")}
    if form == "parquet":
        duckdb.execute(f"COPY (SELECT * REPLACE (CAST(\"startTime\" AS TIMESTAMP) AS \"startTime\") FROM"
                       f" read_csv('{SPEND}', all_varchar = true)) TO '{path}' (FORMAT parquet)")  # fmt: skip
    elif form == "jsonl":
        write_lines(path, given)
    else:
        path.write_text(json.dumps(given), encoding="utf-8")
    check_spend(loaded(path))


def test_both_logs_of_one_call_agree_on_its_ids() -> None:
    payload, row = one(loaded(PAYLOADS), "call-1"), one(loaded(SPEND), "call-1")
    assert payload["response_id"] == row["response_id"]
    assert payload["trace_id"] == row["trace_id"]


def test_detection_is_of_these_two_and_no_other() -> None:
    payload, row = records(PAYLOADS)[0], rows(SPEND)[0]
    assert litellm.detect(sample(payload))
    assert not litellm_spend.detect(sample(payload))
    assert litellm_spend.detect(sample(row, container="csv"))
    assert not litellm.detect(sample(row, container="csv"))
    assert litellm.detect(sample(payload, payload, {"odd": 1}))
    assert not litellm.detect(sample({"odd": 1}, FLAT, payload))
    for other in (FLAT, {"message": "text"}, {"payload": {"type": "x"}}, {"message": '{"cut'}, {}):
        assert not litellm.detect(sample(other))
        assert not litellm_spend.detect(sample(other))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(LlmscopeError, match="startTime"):
        litellm.readings(sample({"call_type": "completion", "model": "x"}), {})
    with pytest.raises(LlmscopeError, match="spend"):
        litellm_spend.readings(sample({"request_id": "1", "call_type": "completion"}), {})
