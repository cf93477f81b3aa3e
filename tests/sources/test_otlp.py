"""OTLP traces, from file to rows. The figures are worked out by hand from the fixtures; sums are in the comments."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, detect, load_source
from llmscope.sources._leaves import leaf_ctes
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "otlp"
GENAI, OLDER = FIXTURES / "genai.jsonl", FIXTURES / "older.jsonl"
A, B = "a" * 32, "b" * 32


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def by_span(found: Loaded) -> dict[str, dict[str, Any]]:
    return {row["span_id"].lstrip("0"): row for row in found.requests}


def accounts(found: Loaded) -> tuple[int, int, int, int]:
    return found.file.lines, found.file.loaded, found.file.set_aside, found.file.duplicates


def test_only_the_innermost_call_is_a_request() -> None:
    """Of root, agent (3000 tokens), wrapper (1000), plain step, call (1000), embedding, failed call: three are."""
    found = loaded(GENAI)
    assert accounts(found) == (9, 3, 5, 1)  # 7 spans + 1 delivered again + 1 score
    assert set(by_span(found)) == {"c2", "e1", "d1"}
    assert (found.total("input_tokens"), found.total("output_tokens")) == (1008, 100)  # 1000 + 8
    assert (found.total("cache_read_tokens"), found.total("reasoning_tokens")) == (400, 30)


def test_a_whole_row() -> None:
    row = by_span(loaded(GENAI))["c2"]
    assert row == {
        "request_id": f"{A}-00000000000000c2", "trace_id": A, "span_id": "00000000000000c2",
        "parent_span_id": "00000000000000f1", "response_id": "resp-1", "operation": "chat", "provider": "openai",
        "request_model": "gpt-4o", "response_model": "gpt-4o-2024-08-06", "model": "gpt-4o-2024-08-06",
        "input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 400, "reasoning_tokens": 30,
        "max_tokens": 512, "temperature": 0.2, "stream": False, "finish_reason": "stop", "finish_reason_raw": "stop",
        "status": "ok", "usage_semantics": "inclusive", "timing_quality": "measured", "latency_ms": 1500.0,
        "started_at": datetime(2026, 9, 21, 14, 13, 20, 100000), "ended_at": datetime(2026, 9, 21, 14, 13, 21, 600000),
        "input_chars": 19, "output_chars": 11, "template": "greeting", "metadata": {"team": "blue"},
        "service": "shop", "environment": "prod", "release": "2.0", "feature": "desk", "user_id": "u-7",
        "session_id": "s-9", "tags": ["beta"], "source_format": "otlp",
    }  # fmt: skip


def test_a_failed_call() -> None:
    row = by_span(loaded(GENAI))["d1"]
    assert (row["status"], row["http_status"], row["error_class"]) == ("error", 429, "rate_limit")
    assert (row["error_type"], row["usage_semantics"]) == ("RateLimitError", "missing")
    assert "input_tokens" not in row


def test_spans_traces_and_scores() -> None:
    found = loaded(GENAI)
    kinds = {row["span_id"].lstrip("0"): row["kind"] for row in found.spans}
    assert kinds == {"a0": "other", "a1": "agent", "c1": "llm", "f1": "other", "c2": "llm", "e1": "embedding",
                     "d1": "llm"}  # fmt: skip
    assert {r["span_id"].lstrip("0") for r in found.spans if "request_id" in r} == {"c2", "e1", "d1"}
    kept = next(r["attributes"] for r in found.spans if r["span_id"].endswith("c2"))
    # What its request says in columns of its own is not kept twice.
    assert not any(name.startswith(("gen_ai.usage.", "gen_ai.response.")) for name in kept)
    assert not any(word in json.dumps(r) for r in map(str, found.spans) for word in ("secret", "parcel", "On its way"))
    (trace,) = found.traces
    assert (trace["user_id"], trace["session_id"], trace["feature"]) == ("u-7", "s-9", "desk")
    (score,) = found.scores
    assert (score["name"], score["value"], score["label"]) == ("relevance", 0.8, "pass")
    assert score["request_id"] == f"{A}-00000000000000c2"


def test_older_names_streams_and_wrong_values() -> None:
    found = loaded(OLDER)
    assert accounts(found) == (5, 4, 1, 0)
    rows = by_span(found)
    # 2000 of the cache are more than the input of 50, so they stand beside it: 50 + 2000.
    assert (rows["52"]["input_tokens"], rows["52"]["usage_semantics"]) == (2050, "exclusive_fixed")
    assert (rows["52"]["provider"], rows["52"]["finish_reason"]) == ("anthropic", "stop")
    assert (rows["53"]["input_tokens"], rows["53"]["cache_write_tokens"]) == (2350, 300)
    assert rows["53"]["cost_logged_usd"] == 0.0123
    assert (rows["51"]["stream"], rows["51"]["ttft_ms"]) == (True, 250.0)
    assert "input_tokens" not in rows["51"]
    assert "input_tokens" not in rows["54"]  # "abc"
    assert (rows["54"]["output_tokens"], rows["54"]["model"]) == (5, "=1+1")
    assert (found.total("input_tokens"), found.total("output_tokens")) == (4400, 145)  # 2050 + 2350; 20 + 120 + 5
    assert (found.total("cache_read_tokens"), found.total("cache_write_tokens")) == (4000, 300)


def test_openinference() -> None:
    """A chain with its sum, a call, one that failed, an embedding, a reranking, a retrieval, an empty span."""
    found = loaded(FIXTURES / "openinference.jsonl")
    assert accounts(found) == (7, 4, 3, 0)
    rows = by_span(found)
    call = rows["2"]
    assert (call["input_tokens"], call["output_tokens"], call["cache_read_tokens"]) == (900, 90, 256)
    assert (call["reasoning_tokens"], call["cost_logged_usd"], call["ttft_ms"]) == (12, 0.005, 300.0)  # 400 - 100
    assert (call["request_model"], call["response_id"], call["service_tier"]) == ("gpt-4o", "chatcmpl-77", "priority")
    assert (call["temperature"], call["max_tokens"], call["stream"]) == (0.5, 64, True)
    assert (call["metadata"], call["template"], call["user_id"]) == ({"team": "red"}, "p-3", "u-1")
    failed = rows["3"]
    assert (failed["error_class"], failed["request_model"]) == ("timeout", "gpt-4o")
    assert (rows["4"]["operation"], rows["4"]["input_tokens"], rows["5"]["operation"]) == ("embeddings", 6, "rerank")
    assert found.total("input_tokens") == 906
    kinds = [row["kind"] for row in found.spans]
    assert kinds == ["chain", "llm", "llm", "embedding", "reranker", "retriever", "llm"]


def test_vercel_and_vllm() -> None:
    """Each outer span of the SDK repeats the inner one's usage."""
    found = loaded(FIXTURES / "vercel_vllm.jsonl")
    assert accounts(found) == (8, 4, 4, 0)
    rows = by_span(found)
    assert set(rows) == {"2", "5", "7", "8"}
    assert (found.total("input_tokens"), found.total("output_tokens")) == (249, 76)  # 70+40+11+128; 7+4+1+64
    assert (rows["2"]["feature"], rows["2"]["finish_reason"]) == ("summary", "tool_calls")
    assert (rows["5"]["stream"], rows["5"]["ttft_ms"]) == (True, 120.5)
    engine = rows["8"]
    assert (engine["queue_ms"], engine["inference_ms"], engine["ttft_ms"]) == (50.0, 2500.0, 200.0)
    assert (engine["response_id"], engine["max_tokens"]) == ("cmpl-9", 256)


def test_what_the_real_sdk_wrote() -> None:
    """Root, call, stream, embedding, 429: fixtures/make_otlp_with_sdk.py. The streaming span lacks its reasoning."""
    found = loaded(FIXTURES / "openllmetry_sdk.jsonl")
    assert accounts(found) == (5, 4, 1, 0)
    assert (found.total("input_tokens"), found.total("output_tokens")) == (1289, 96)  # 640 + 640 + 9; 48 + 48
    assert (found.total("cache_read_tokens"), found.total("reasoning_tokens")) == (1024, 16)  # 512 + 512 + 0
    assert {(row["feature"], row["user_id"], row["service"]) for row in found.requests} == {("track", "u-3", "parcels")}
    assert sorted(row.get("http_status", 0) for row in found.requests) == [0, 0, 0, 429]
    assert sum("ttft_ms" in row for row in found.requests) == 1


def test_one_object_and_an_array(tmp_path: Path) -> None:
    """Pretty-printed, as a request's body is saved; the batches of a file in an array."""
    one, many = tmp_path / "one.json", tmp_path / "many.json"
    one.write_text(json.dumps(records(GENAI)[0], indent=2), encoding="utf-8")
    many.write_text(json.dumps(records(GENAI), indent=1), encoding="utf-8")
    assert accounts(loaded(one)) == (8, 3, 5, 0)
    assert accounts(loaded(many)) == (9, 3, 5, 1)
    assert loaded(many).requests == loaded(GENAI).requests


def test_snake_case_and_base64(tmp_path: Path) -> None:
    """What protobuf's own JSON writer makes of it: other names, ids in base64, states as words."""
    span = {
        "trace_id": "qqqqqqqqqqqqqqqqqqqqqg==", "span_id": "AAAAAAAAAAE=", "name": "chat",
        "start_time_unix_nano": "1790000000000000000", "end_time_unix_nano": "1790000000250000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"string_value": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"int_value": "5"}},
            {"key": "error.type", "value": {"string_value": "x.NotFoundError"}},
        ],
        "status": {"code": "STATUS_CODE_ERROR", "message": "no such model"},
    }  # fmt: skip
    batch = {"resource_spans": [{"resource": {}, "instrumentation_library_spans": [{"spans": [span]}]}]}
    (row,) = loaded(write_lines(tmp_path / "log", [batch])).requests
    assert row["request_id"] == f"{A}-0000000000000001"
    assert (row["latency_ms"], row["input_tokens"], row["http_status"]) == (250.0, 5, 404)


def test_nanoseconds_are_exact(tmp_path: Path) -> None:
    """1790000000123456789 as a number: a double would give .123456768."""
    batch = records(GENAI)[0]
    span = batch["resourceSpans"][0]["scopeSpans"][0]["spans"][4]
    span |= {"startTimeUnixNano": 1790000000123456789, "endTimeUnixNano": "1790000000123458789"}
    row = by_span(loaded(write_lines(tmp_path / "log", [batch])))["c2"]
    assert row["started_at"] == datetime(2026, 9, 21, 14, 13, 20, 123456)
    assert row["latency_ms"] == 0.002


def test_values_without_spans_are_counted(tmp_path: Path) -> None:
    empty = [
        {"resourceSpans": []}, {"resourceSpans": [{"scopeSpans": "x"}]}, {"resourceSpans": [7]},
        {"resourceSpans": [{"scopeSpans": [{"spans": []}, {"spans": [{}]}]}]},
    ]  # fmt: skip
    found = loaded(write_lines(tmp_path / "log", [*empty, *records(GENAI)]))
    assert (found.file.loaded, found.file.rejected, found.file.duplicates) == (3, 0, 1)
    assert found.file.lines == found.file.loaded + found.file.set_aside + found.file.duplicates


def test_wrong_types_harm_nobody_else(tmp_path: Path) -> None:
    lines = [records(GENAI)[0]]
    for wrong in (None, 5, "x", [], {}, [None], [[1]], {"a": 1}, True):
        for key in ("traceId", "parentSpanId", "name", "startTimeUnixNano", "attributes", "events", "status"):
            span = {"traceId": B, "spanId": "01", "attributes": [{"key": wrong, "value": wrong}, wrong], key: wrong}
            lines.append({"resourceSpans": [{"resource": wrong, "scopeSpans": [{"spans": [span, wrong]}]}]})
    found = loaded(write_lines(tmp_path / "log", lines))
    assert (found.file.loaded, found.total("input_tokens"), found.file.rejected) == (3, 1008, 0)


def test_detection() -> None:
    batch = records(GENAI)[0]
    assert detect(Sample("x", "jsonl", (batch,), dict.fromkeys(batch, "JSON"))) == "otlp"
    flat = {"model": "gpt-4o", "input_tokens": 5, "resourceSpans": "no list"}
    for name in ("otlp", "otlp_logs", "otlp_metrics", "otel_console"):
        assert not load_source(name).detect(Sample("x", "jsonl", (flat,), dict.fromkeys(flat, "JSON")))
    with pytest.raises(LlmscopeError, match="resourceSpans"):
        load_source("otlp").readings(Sample("x", "jsonl", (flat,), {"model": "JSON"}), {})


def test_metrics_are_refused(tmp_path: Path) -> None:
    found = loaded(write_lines(tmp_path / "metrics.jsonl", [{"resourceMetrics": [{"scopeMetrics": []}]}]))
    with pytest.raises(LlmscopeError, match=r"metrics\.jsonl.*without a row for each request"):
        assert found.file


def test_leaves() -> None:
    """Wrappers at any depth, circles, own parents, spans delivered twice, kinds that do not repeat each other; and a
    call that a tool makes, which does not repeat the call above the tool."""
    spans = [
        ("t", "wrapper", None, True, True, "chat"), ("t", "step", "wrapper", False, False, None),
        ("t", "call", "step", True, True, "generate_content"), ("t", "call", "step", True, True, "generate_content"),
        ("t", "embed", "call", True, True, "embeddings"), ("u", "call", None, True, True, "chat"),
        ("t", "circle", "back", True, True, "chat"), ("t", "back", "circle", False, False, None),
        ("t", "own parent", "own parent", True, True, "chat"),
        ("t", "failed outside", None, True, False, "chat"), ("t", "failed", "failed outside", True, False, "chat"),
        ("t", "counted", None, True, True, None), ("t", "uncounted", "counted", True, False, None),
        ("t", "asks", None, True, True, "chat"), ("t", "tool", "asks", False, False, "execute_tool"),
        ("t", "asked by a tool", "tool", True, True, "chat"),
    ]  # fmt: skip
    con = duckdb.connect()
    con.execute("CREATE TABLE s (trace_id TEXT, span_id TEXT, parent_span_id TEXT, is_call BOOL, has_usage BOOL,"
                " operation TEXT)")  # fmt: skip
    con.executemany("INSERT INTO s VALUES (?, ?, ?, ?, ?, ?)", spans)
    ctes = leaf_ctes("spans", "s.operation = 'execute_tool'")
    found = con.execute(
        f"WITH RECURSIVE spans AS MATERIALIZED (FROM s), {ctes} SELECT span_id FROM leaf_wrappers"
    ).fetchall()
    assert sorted(found) == [("failed outside",), ("wrapper",)]


def test_an_agent_between_two_calls_is_a_wrapper_and_a_tool_is_not(tmp_path: Path) -> None:
    """a1 asks for a tool b2, which asks c3: two requests, 10 + 20 tokens. d4 is the SDK's round of e5's f6: one, 30."""

    def span(own: str, above: str, operation: str, tokens: int) -> dict[str, Any]:
        said = {"gen_ai.operation.name": operation, "gen_ai.system": "gcp.vertex.agent"}
        said |= {"gen_ai.request.model": "gemini-2.5-pro"} if tokens else {}
        pairs = [{"key": name, "value": {"stringValue": text}} for name, text in said.items()]
        pairs += [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(tokens)}}] if tokens else []
        return {"traceId": A, "spanId": own * 8, "parentSpanId": above * 8, "name": own, "attributes": pairs}

    spans = [span("a1", "", "chat", 10), span("b2", "a1", "execute_tool", 0), span("c3", "b2", "chat", 20),
             span("d4", "", "chat", 30), span("e5", "d4", "invoke_agent", 0), span("f6", "e5", "chat", 30)]  # fmt: skip
    batch = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    found = loaded(write_lines(tmp_path / "log.jsonl", [batch]))

    assert [(r["span_id"], r["input_tokens"]) for r in found.requests] == [
        ("a1" * 8, 10), ("c3" * 8, 20), ("f6" * 8, 30),
    ]  # fmt: skip
    # Google's agent kit names itself where the provider belongs.
    assert {r["provider"] for r in found.requests} == {"gcp.gemini"}


def test_the_benchmark_log_loads(tmp_path: Path) -> None:
    """200 spans: half of them calls; every tenth span begins a trace."""
    script = Path(__file__).parents[1] / "bench" / "make_otlp.py"
    subprocess.run([sys.executable, str(script), "200", str(tmp_path / "log")], check=True)
    found = loaded(tmp_path / "log")
    assert accounts(found) == (200, 100, 100, 0)
    assert (len(found.spans), len(found.traces)) == (200, 20)
    assert {row["feature"] for row in found.requests} == {"support"}
