"""OTLP log events, from file to rows. The figures are worked out by hand from the fixtures."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import loaded

FIXTURES = Path(__file__).parent / "fixtures"
AGENTS, GENAI = FIXTURES / "otlp_logs" / "agents.jsonl", FIXTURES / "otlp_logs" / "genai.jsonl"
CALL = "a" * 32 + "-00000000000000c2"


def test_agents() -> None:
    """Claude Code: a prompt, a call (its batch delivered twice), an error, a tool; Gemini CLI: a call, an error."""
    found = loaded(AGENTS)
    file = found.file
    assert (file.lines, file.loaded, file.set_aside, file.duplicates) == (7, 4, 2, 1)
    rows = {(row["service"], row["status"]): row for row in found.requests}
    claude = rows["claude-code", "ok"]
    # Anthropic's input leaves the cache out: 12 + 4000 + 500.
    assert (claude["input_tokens"], claude["output_tokens"], claude["usage_semantics"]) == (
        4512, 300, "exclusive_fixed",
    )  # fmt: skip
    assert (claude["cache_read_tokens"], claude["cache_write_tokens"]) == (4000, 500)
    assert (claude["cost_logged_usd"], claude["latency_ms"], claude["service_tier"]) == (0.0076, 2500.0, "fast")
    assert claude["started_at"] == datetime(2026, 9, 21, 14, 13, 22, 500000)  # noted at :25, less 2.5 s
    assert (claude["session_id"], claude["user_id"], claude["release"]) == ("s-1", "hash-1", "2.1.0")
    failed = rows["claude-code", "error"]
    assert (failed["http_status"], failed["error_class"], failed["attempt"]) == (529, "overloaded", 2)
    gemini = rows["gemini-cli", "ok"]
    # Input 1000 and 10 of tools; output 50 and 25 of thoughts; 1085 in all.
    assert (gemini["input_tokens"], gemini["output_tokens"], gemini["reasoning_tokens"]) == (1010, 75, 25)
    assert (gemini["cache_read_tokens"], gemini["finish_reason"], gemini["latency_ms"]) == (600, "stop", 4000.0)
    wrong = rows["gemini-cli", "error"]
    assert (wrong["http_status"], wrong["error_class"]) == (429, "rate_limit")
    assert "latency_ms" not in wrong  # "soon"
    assert found.total("input_tokens") == 5522


def test_conventions() -> None:
    found = loaded(GENAI)
    assert (found.file.lines, found.file.loaded, found.file.set_aside) == (3, 1, 2)
    (row,), (score,) = found.requests, found.scores
    assert (row["request_id"], row["input_tokens"], row["output_tokens"]) == (CALL, 1000, 100)
    assert (score["name"], score["value"], score["label"], score["request_id"]) == ("helpful", 0.25, "fail", CALL)


@pytest.mark.parametrize("first", [0, 1])
def test_an_event_and_its_span_are_one_request(first: int) -> None:
    paths = [GENAI, FIXTURES / "otlp" / "genai.jsonl"]
    found = loaded(paths[first], paths[1 - first])
    rows = [row for row in found.requests if row["request_id"] == CALL]
    assert len(found.requests) == 3
    assert [(row["latency_ms"], row["source_format"]) for row in rows] == [(1500.0, "otlp")]


def test_wrong_types_harm_nobody_else(tmp_path: Path) -> None:
    lines = AGENTS.read_text(encoding="utf-8").splitlines()
    for wrong in (None, 5, "x", [], {}, [None]):
        for key in ("timeUnixNano", "attributes", "body", "eventName", "traceId"):
            record = {"body": {"stringValue": "note"}, key: wrong}
            lines.append(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, wrong]}]}]}))
    path = tmp_path / "log"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert loaded(path).total("input_tokens") == 5522


def test_detection() -> None:
    batch = json.loads(AGENTS.read_text(encoding="utf-8").splitlines()[0])
    assert detect(Sample("x", "json", (batch,), dict.fromkeys(batch, "JSON"))) == "otlp_logs"
    with pytest.raises(LlmscopeError, match="resourceLogs"):
        load_source("otlp_logs").readings(Sample("x", "jsonl", ({"a": 1},), {"a": "JSON"}), {})
