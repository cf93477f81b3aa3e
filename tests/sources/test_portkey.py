"""Portkey's log export."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, portkey
from tests.sources.loading import Loaded, loaded

LOGS = Path(__file__).parent / "fixtures" / "portkey" / "logs.jsonl"


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LOGS.read_text(encoding="utf-8").splitlines()]


def sample(*given: dict[str, Any]) -> Sample:
    return Sample("x", "jsonl", given, dict.fromkeys((k for r in given for k in r), "JSON"))


def check(found: Loaded) -> None:
    file = found.file
    assert (file.source, file.lines, file.loaded, file.duplicates) == ("portkey", 6, 5, 1)
    # 100 + (50 + 2000 + 300, as the answer's own usage says) + 100; "many" is no count.
    assert found.total("input_tokens") == 100 + 2350 + 100
    assert found.total("output_tokens") == 30 + 20 + 30 + 30
    assert (found.total("cache_read_tokens"), found.total("cache_write_tokens")) == (64 + 2000, 300)
    assert found.total("reasoning_tokens") == 10
    # In dollars twice; the one in cents and the one that says "free" are left out.
    assert found.total("cost_logged_usd") == pytest.approx(2 * 0.000033)


def test_every_line_is_accounted_for() -> None:
    found = loaded(LOGS)
    check(found)
    assert sum("Portkey does not say" in note or "cents" in note for note in found.file.notes) == 2


def test_a_request_with_its_bodies() -> None:
    assert loaded(LOGS).requests[0] == {
        "request_id": "pk-1", "response_id": "chatcmpl-p1", "trace_id": "t-1", "user_id": "u-1", "feature": "search",
        "environment": "prod", "template": "greet",
        "metadata": {"_user": "u-1", "feature": "search", "_environment": "prod",
                     "note": "[red]\x1b]0;x|<script>=1+1"},
        "operation": "chat", "provider": "openai", "request_model": "gpt-4o-mini",
        "response_model": "gpt-4o-mini-2024-07-18", "model": "gpt-4o-mini-2024-07-18",
        "started_at": datetime(2026, 9, 3, 9, 0, 1), "latency_ms": 850.0, "stream": True, "input_tokens": 100,
        "output_tokens": 30, "cache_read_tokens": 64, "reasoning_tokens": 10, "max_tokens": 50, "temperature": 0.5,
        "finish_reason": "length", "finish_reason_raw": "length", "refusal": False, "status": "ok",
        "http_status": 200, "cost_logged_usd": 0.000033, "input_chars": 18, "output_chars": 13,
        "prompt_hash": "0f7cfd283d0fd3972d5b1699360c989f", "usage_semantics": "inclusive",
        "timing_quality": "measured", "source_format": "portkey",
    }  # fmt: skip


def test_others() -> None:
    found = {r["request_id"]: r for r in loaded(LOGS).requests}
    assert found["pk-2"]["usage_semantics"] == "exclusive_fixed"
    assert found["pk-2"]["user_id"] == "u-2"
    assert "cost_logged_usd" not in found["pk-2"]
    failed = found["pk-3"]
    assert (failed["status"], failed["http_status"], failed["error_class"]) == ("error", 429, "rate_limit")
    assert "input_tokens" not in failed
    assert found["pk-4"]["trace_id"] == failed["trace_id"]
    assert found["pk-4"]["provider"] == "azure.ai.openai"
    assert not {"latency_ms", "metadata", "http_status"} & found["pk-5"].keys()


def test_as_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": records()}), encoding="utf-8")
    check(loaded(path))


def test_detection_and_the_missing_key() -> None:
    assert portkey.detect(sample(records()[0]))
    assert not portkey.detect(sample({"model": "x", "response_time": 3}))
    assert not portkey.detect(sample({}))
    with pytest.raises(LlmscopeError, match="ai_model"):
        portkey.readings(sample({"created_at": ""}), {})
