"""Langfuse's observations and single traces, from file to row; figures worked out by hand."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "langfuse"
AT = datetime(2026, 8, 3)


@pytest.fixture(scope="module")
def observations() -> Loaded:
    return loaded(FIXTURES / "observations.jsonl")


@pytest.fixture(scope="module")
def odd() -> Loaded:
    return loaded(FIXTURES / "odd.jsonl")


def by_id(found: Loaded) -> dict[str, dict[str, Any]]:
    return {row["request_id"][-1]: row for row in found.requests}


def tokens(row: dict[str, Any]) -> tuple[int | None, ...]:
    """Input, output, cache read, cache write, reasoning."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    return tuple(row.get(name) for name in names)


def test_every_line_is_accounted_for(observations: Loaded) -> None:
    # 13 lines: the agent, the tool and the wrapper are no calls; one generation was sent twice.
    file = observations.file
    assert (file.source, file.lines, file.loaded, file.set_aside, file.duplicates) == ("langfuse", 13, 9, 3, 1)
    assert len(observations.spans) == 12


def test_totals(observations: Loaded) -> None:
    # input 140 + 62 + 39 + 28 + 48183 + 85 + 12; output 25 + 85 + 6 + 3 + 714 + 29
    assert observations.total("input_tokens") == 48549
    assert observations.total("output_tokens") == 862
    assert observations.total("cache_read_tokens") == 40 + 47105 + 64
    assert observations.total("cache_write_tokens") == 1076
    assert observations.total("reasoning_tokens") == 5 + 9
    # 0.00055 + 0.0009275 + 0.0000063 + 0.000004 + 0.031 + 0.000402 + 0.00000024: the agent's 0.9 is not in it
    assert observations.total("cost_logged_usd") == pytest.approx(0.03289004)


def test_a_whole_row(observations: Loaded) -> None:
    row = observations.requests[0]
    row.pop("prompt_hash")
    assert row == {
        "request_id": "a000000000000001",
        "response_id": "chatcmpl-AAA1",
        "trace_id": "7c1d2e3f4a5b60718293a4b5c6d7e8f9",
        "span_id": "a000000000000001",
        "parent_span_id": "a000000000000000",
        "session_id": "s-1",
        "user_id": "u-7",
        "feature": "support",
        "template": "support-answer",
        "template_version": "3",
        "service": "shop-api",
        "environment": "production",
        "tags": ["beta", "eu"],
        # What OpenTelemetry left there, the prompt in it, is not kept.
        "metadata": {"team": "red"},
        "operation": "chat",
        "provider": "openai",
        "request_model": "gpt-4o-2024-08-06",
        "model": "gpt-4o-2024-08-06",
        "temperature": 0.2,
        "started_at": AT.replace(hour=10),
        "ended_at": AT.replace(hour=10, second=1, microsecond=500_000),
        "latency_ms": 1500.0,  # beside it the log says latency 1500 and timeToFirstToken 0.25, in two units
        "ttft_ms": 250.0,
        "stream": True,
        "input_tokens": 140,  # 100 + 40 from the cache
        "output_tokens": 25,  # 20 + 5 of reasoning
        "cache_read_tokens": 40,
        "reasoning_tokens": 5,
        "input_chars": 18,
        "output_chars": 11,
        "finish_reason": "stop",
        "finish_reason_raw": "stop",
        "refusal": False,
        "status": "ok",
        "cost_logged_usd": 0.00055,
        "source_format": "langfuse",
        "usage_semantics": "exclusive_fixed",
        "timing_quality": "measured",
    }


def test_one_call_reported_by_two_counts_once(observations: Loaded) -> None:
    rows = by_id(observations)
    assert "2" not in rows
    assert tokens(rows["3"]) == (62, 85, None, None, None)


def test_a_call_made_by_a_tool_is_a_call_of_its_own(observations: Loaded) -> None:
    rows = by_id(observations)
    assert tokens(rows["4"]) == (39, 6, None, None, None)
    assert tokens(rows["6"]) == (28, 3, None, None, None)


@pytest.mark.parametrize(("name", "kept"), [("execute_tool ask", ["outer", "inner"]), ("step", ["inner"])])
def test_a_tool_that_is_only_named_so(name: str, kept: list[str], tmp_path: Path) -> None:
    def one(id_: str, kind: str, parent: str | None, **more: Any) -> dict[str, Any]:
        told = {"id": id_, "traceId": "t", "type": kind, "parentObservationId": parent, "name": id_, **more}
        return {**told, "startTime": "2026-08-03T10:00:00.000Z", "endTime": "2026-08-03T10:00:01.000Z"}

    used = {"input": 5, "output": 2, "total": 7}
    lines = [
        one("outer", "GENERATION", None, usageDetails=used),
        one("between", "SPAN", "outer", name=name),
        one("inner", "GENERATION", "between", usageDetails=used),
    ]
    found = loaded(write_lines(tmp_path / "log.jsonl", lines))
    assert sorted(row["request_id"] for row in found.requests) == sorted(kept)


def test_a_remainder_beside_the_times_to_live(observations: Loaded) -> None:
    row = by_id(observations)["7"]
    # 2 + 47105 + (0 + 0 + 1076), which with 714 is the logged total of 48897
    assert tokens(row) == (48183, 714, 47105, 1076, None)
    assert (row["cache_write_5m_tokens"], row["cache_write_1h_tokens"]) == (0, 1076)


def test_details_with_a_dot_are_parts(observations: Loaded) -> None:
    row = by_id(observations)["8"]
    assert (tokens(row), row["usage_semantics"]) == ((85, 29, 64, None, 9), "inclusive")


def test_an_error(observations: Loaded) -> None:
    row = by_id(observations)["9"]
    assert (row["status"], row["error_class"], row["http_status"]) == ("error", "rate_limit", 429)
    assert row["error_message"] == "Error code: 429 - rate limit reached"
    assert tokens(row) == (None,) * 5
    assert "cost_logged_usd" not in row


def test_a_stream_without_usage(observations: Loaded) -> None:
    row = by_id(observations)["a"]
    assert tokens(row) == (None,) * 5
    assert (row["latency_ms"], row.get("ttft_ms"), row.get("stream")) == (2000.0, None, None)


def test_an_embedding(observations: Loaded) -> None:
    row = by_id(observations)["b"]
    assert (row["operation"], tokens(row)) == ("embeddings", (12, None, None, None, None))


def test_spans(observations: Loaded) -> None:
    kinds = {span["span_id"][-1]: (span["kind"], span.get("request_id", "")[-1:]) for span in observations.spans}
    assert kinds["0"] == ("agent", "")
    assert kinds["1"] == ("llm", "1")
    assert kinds["2"] == ("llm", "")
    assert kinds["5"] == ("tool", "")
    assert kinds["b"] == ("embedding", "b")


def test_odd_lines_are_accounted_for(odd: Loaded) -> None:
    file = odd.file
    assert (file.lines, file.loaded, file.set_aside, file.rejected, file.blank) == (13, 9, 1, 2, 1)
    # startTime true, endTime an object, output "many", total cost "dear"
    assert file.faults == 4


@pytest.mark.parametrize(
    ("last", "expected", "semantics"),
    [
        ("1", (10, 2, None, None, None), "inclusive"),  # all of it JSON in strings
        ("2", (10, 20, None, None, 15), "inclusive"),  # total 30 = 10 + 20: the 15 are in the 20
        ("3", (5, 145, None, None, 100), "guessed"),  # total 150 - 5 - 45: thoughts that only it counts
        ("4", (17, 3, None, None, None), "inclusive"),  # 10 + 7 of video; total 22 counts 2 searches too
        ("5", (100, 10, 30, None, None), "inclusive"),  # total 110: the cache is in the 100
        ("6", (7, 1, None, None, None), "inclusive"),  # only the sums
        ("7", (None,) * 5, "missing"),  # characters
        ("8", (None,) * 5, "missing"),
        ("9", (None,) * 5, "missing"),
    ],
)
def test_odd_usages(odd: Loaded, last: str, expected: tuple[int | None, ...], semantics: str) -> None:
    row = by_id(odd)[last]
    assert (tokens(row), row["usage_semantics"]) == (expected, semantics)


def test_odd_values(odd: Loaded) -> None:
    rows = by_id(odd)
    assert (rows["1"]["cost_logged_usd"], rows["1"]["max_tokens"]) == (0.0000027, 256)
    assert rows["1"]["metadata"] == {"team": "blue"}
    assert (rows["3"]["model"], rows["3"]["provider"]) == ("gemini-2.5-flash", "gcp.vertex_ai")
    assert rows["4"]["web_searches"] == 2
    assert rows["6"]["cost_logged_usd"] == 0.00003
    assert not {"tags", "metadata", "cost_logged_usd", "max_tokens"} & rows["8"].keys()


@pytest.mark.parametrize("name", ["trace.json", "api_trace.json"])
def test_a_single_trace(name: str) -> None:
    found = loaded(FIXTURES / name)
    # 4 observations (an agent, a call, a wrapper and its call), the trace, a score
    assert (found.file.source, found.file.loaded, found.file.set_aside) == ("langfuse_trace", 2, 4)
    assert [row["request_id"][-1] for row in found.requests] == ["1", "3"]
    assert {(r["user_id"], r["session_id"], r["feature"], r["release"]) for r in found.requests} == {
        ("u-7", "s-1", "support", "r7")
    }
    assert found.total("input_tokens") == 140 + 62
    assert found.total("output_tokens") == 25 + 85
    assert found.total("cost_logged_usd") == pytest.approx(0.00055 + 0.0009275)
    assert (len(found.spans), found.traces[0]["metadata"]) == (4, {"plan": "pro"})
    (score,) = found.scores
    assert (score["name"], score["value"], score["rater_kind"]) == ("toxicity", 0.1, "judge")
    assert score["request_id"] == "a000000000000001"


def test_traces_line_by_line(tmp_path: Path) -> None:
    one, two = (json.loads((FIXTURES / name).read_text()) for name in ("trace.json", "api_trace.json"))
    two["id"] = "other"
    two["observations"] = [{**o, "id": f"x{o['id']}", "traceId": "other"} for o in two["observations"][:2]]
    empty = {"trace": {"id": "empty", "timestamp": "2026-08-03T10:00:00.000Z"}, "observations": []}
    odd = {"trace": {"id": "odd", "timestamp": 5, "scores": "none"}, "observations": [1, None, {"id": [1]}]}
    found = loaded(write_lines(tmp_path / "traces.jsonl", [one, two, empty, odd]))
    assert [row["request_id"] for row in found.requests] == [
        "a000000000000001", "a000000000000003", "xa000000000000001",
    ]  # fmt: skip
    assert [row["trace_id"] for row in found.traces] == [
        "7c1d2e3f4a5b60718293a4b5c6d7e8f9", "empty", "odd", "other",
    ]  # fmt: skip


def test_text_is_kept_only_when_asked_for() -> None:
    assert "input_text" not in loaded(FIXTURES / "trace.json").requests[0]
    kept = loaded(FIXTURES / "trace.json", options=LoadOptions(keep_text=True)).requests[0]
    assert (kept["input_text"], kept["output_text"]) == ("Where is my order?", "On its way.")


def test_the_playground_format_is_no_log() -> None:
    (report,) = loaded(FIXTURES / "chatml.json").report.files
    assert report.error is not None
    assert "none of the keys" in report.error.message


FLAT = {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 1, "trace_id": "t", "started_at": "2026-08-03"}


def sample(*records: dict[str, Any]) -> Sample:
    return Sample("log", "jsonl", records, dict.fromkeys((k for r in records for k in r), "JSON"))


@pytest.mark.parametrize("name", ["langfuse", "langfuse_trace", "langfuse_traces", "langfuse_scores"])
def test_others_are_not_theirs(name: str) -> None:
    source = load_source(name)
    assert not source.detect(sample(FLAT))
    assert not source.detect(sample({"run_type": "llm", "id": "1", "trace_id": "t", "session_id": "s"}))
    assert not source.detect(sample({"trace": "t", "observations": "o"}, {"id": 1, "timestamp": 2, "name": 3}))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("observations.jsonl", "langfuse"),
        ("odd.jsonl", "langfuse"),
        ("bucket_observations.jsonl", "langfuse"),
        ("bucket_traces.jsonl", "langfuse_traces"),
        ("scores.jsonl", "langfuse_scores"),
    ],
)
def test_each_record_alone_is_known(file: str, name: str) -> None:
    for line in (FIXTURES / file).read_text().splitlines():
        if line.startswith("{") and line.endswith("}"):
            assert detect(sample(json.loads(line))) == name


def test_a_missing_key_is_named() -> None:
    with pytest.raises(LlmscopeError, match="startTime or start_time"):
        load_source("langfuse").readings(sample({"id": "1", "type": "SPAN", "traceId": "t"}), {})
    with pytest.raises(LlmscopeError, match="observations"):
        load_source("langfuse_trace").readings(sample({"trace": {}}), {})
    with pytest.raises(LlmscopeError, match="source"):
        load_source("langfuse_scores").readings(sample({"id": "1", "name": "n"}), {})
    with pytest.raises(LlmscopeError, match="timestamp"):
        load_source("langfuse_traces").readings(sample({"id": "1"}), {})
