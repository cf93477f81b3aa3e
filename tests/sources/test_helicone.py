"""Helicone's requests, their scores and their feedback."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, helicone
from tests.sources.loading import Loaded, loaded

HERE = Path(__file__).parent / "fixtures" / "helicone"
REQUESTS = HERE / "requests.jsonl"


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in REQUESTS.read_text(encoding="utf-8").splitlines()]


def sample(*given: dict[str, Any]) -> Sample:
    return Sample("x", "jsonl", given, dict.fromkeys((k for r in given for k in r), "JSON"))


def check(found: Loaded) -> None:
    # Eight lines: the first stands there twice, one is a call of a tool.
    file = found.file
    assert (file.source, file.lines, file.loaded, file.set_aside, file.duplicates) == ("helicone", 8, 6, 1, 1)
    # 100 + (50 + 2000 read + 300 written, so the 50 leave the cache out) + 100 of a hit + 8 of an embedding.
    assert found.total("input_tokens") == 100 + 2350 + 100 + 8
    # 30 + 20 + (30 and 12 of reasoning beside them, as their total of 142 says) + 0.
    assert found.total("output_tokens") == 30 + 20 + 42 + 0
    assert found.total("cache_read_tokens") == 64 + 2000
    assert found.total("cache_write_tokens") == 300
    assert found.total("reasoning_tokens") == 10 + 12
    # The hit of the cache cost nothing, "free" is no figure.
    assert found.total("cost_logged_usd") == pytest.approx(0.000033 + 0.0008 + 0.00000016)
    assert {s["score_id"]: s.get("value", s.get("label")) for s in found.scores} == {
        "req-1:helpful": 4, "req-1:safe": 1, "req-1:odd": "x", "req-1:user_feedback": 1, "req-2:user_feedback": 0,
        "req-4:old": 2,
    }  # fmt: skip


def test_every_line_is_accounted_for() -> None:
    found = loaded(REQUESTS)
    check(found)
    assert any("time_to_first_token taken as milliseconds" in note for note in found.file.notes)


def test_a_request_with_its_body() -> None:
    row = loaded(REQUESTS).requests[0]
    assert row == {
        "request_id": "req-1", "response_id": "chatcmpl-h1", "session_id": "s-1", "user_id": "u-1",
        "feature": "search", "template": "greet", "template_version": "3", "environment": "prod",
        "metadata": {"Feature": "search", "Environment": "prod", "team": "[red]\x1b]0;x|<script>=1+1"},
        "operation": "chat", "provider": "openai", "request_model": "gpt-4o-mini",
        "response_model": "gpt-4o-mini-2024-07-18", "model": "gpt-4o-mini-2024-07-18",
        "started_at": datetime(2026, 9, 1, 10, 0, 1), "ended_at": datetime(2026, 9, 1, 10, 0, 1, 800000),
        "latency_ms": 800.0, "input_tokens": 100, "output_tokens": 30, "cache_read_tokens": 64,
        "reasoning_tokens": 10, "max_tokens": 50, "temperature": 0.5, "finish_reason": "stop",
        "finish_reason_raw": "stop", "refusal": False, "status": "ok", "http_status": 200, "cache_hit": False,
        "cost_logged_usd": 0.000033, "input_chars": 18, "output_chars": 13,
        "prompt_hash": "0f7cfd283d0fd3972d5b1699360c989f", "usage_semantics": "inclusive",
        "timing_quality": "measured", "source_format": "helicone",
    }  # fmt: skip


def test_streams_errors_and_hits() -> None:
    found = {r["request_id"]: r for r in loaded(REQUESTS).requests}
    assert (found["req-2"]["ttft_ms"], found["req-2"]["stream"]) == (250.0, True)
    assert found["req-2"]["usage_semantics"] == "exclusive_fixed"
    assert found["req-2"]["feature"] == "browse"
    failed = found["req-3"]
    assert (failed["status"], failed["http_status"], failed["error_class"]) == ("error", 429, "rate_limit")
    assert failed["error_message"] == "Rate limit reached"
    assert "input_tokens" not in failed
    hit = found["req-4"]
    assert hit["cache_hit"] is True
    assert hit["cost_logged_usd"] == 0
    assert hit["latency_ms"] == 3.0
    # What stands where a body was not exported is no prompt.
    assert "input_chars" not in hit
    assert "output_chars" not in hit
    # A status below zero is a state of Helicone's own.
    assert found["req-5"]["status"] == "unknown"
    assert "http_status" not in found["req-5"]
    assert found["req-7"]["operation"] == "embeddings"


def test_scores_belong_to_their_request() -> None:
    found = loaded(REQUESTS)
    thumb = next(s for s in found.scores if s["score_id"] == "req-1:user_feedback")
    assert thumb == {
        "score_id": "req-1:user_feedback", "request_id": "req-1", "name": "user_feedback", "value": 1.0,
        "data_type": "boolean", "rater_kind": "user", "created_at": datetime(2026, 9, 1, 11), "source_format":
        "helicone",
    }  # fmt: skip
    assert {s["data_type"] for s in found.scores} == {"numeric", "boolean", "categorical"}


def test_as_a_json_array_and_as_csv(tmp_path: Path) -> None:
    array = tmp_path / "a.json"
    array.write_text(json.dumps(records()), encoding="utf-8")
    check(loaded(array))
    table = tmp_path / "a.csv"
    names = list(dict.fromkeys(key for record in records() for key in record))
    with table.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        for r in records():
            writer.writerow({k: json.dumps(v) if isinstance(v, dict | list | bool) else v for k, v in r.items()})
    check(loaded(table))


def test_the_example_s_csv() -> None:
    found = loaded(HERE / "example.csv")
    assert [r["request_id"] for r in found.requests] == ["res-1", "res-2"]
    first, second = found.requests
    assert (first["latency_ms"], first["feature"], first["stream"]) == (800.0, "shop", True)
    assert (first["request_model"], first["model"], first["cost_logged_usd"]) == (
        "gpt-4o", "gpt-4o-2024-08-06", 0.0005,
    )  # fmt: skip
    assert (second["status"], second["latency_ms"], second["error_class"]) == ("error", 120.0, "server")
    assert any("US dollars" in note for note in found.file.notes)


def test_an_export_that_ended_early(tmp_path: Path) -> None:
    # The export's writer leaves a comma behind the last request; without its end an array is no JSON.
    text = "[\n" + ",\n".join(json.dumps(r, indent=1) for r in records()) + ",\n"
    comma, cut = tmp_path / "comma.json", tmp_path / "cut.json"
    comma.write_text(text + "]", encoding="utf-8")
    check(loaded(comma))
    cut.write_text(text, encoding="utf-8")
    assert isinstance(loaded(cut).report.files[0].error, LlmscopeError)


def test_detection() -> None:
    assert helicone.detect(sample(records()[0]))
    assert helicone.detect(sample(records()[4]))
    for other in ({"request_id": "1", "model": "x", "response_status": 200}, {"created_at": 1}, {}):
        assert not helicone.detect(sample(other))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(LlmscopeError, match="response_status"):
        helicone.readings(sample({"request_created_at": "2026-09-01"}), {})
