"""llmscope's own columns come back as they were written."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from llmscope.load import LoadOptions, load
from llmscope.schema import REQUESTS
from llmscope.sources import Sample, detect
from llmscope.sources.canonical import table_of
from llmscope.store import Store
from tests.load.writing import Record, lines, load_bytes, parquet, request, requests, rows

FULL: Record = {
    "request_id": "r1", "response_id": "resp", "trace_id": "t", "span_id": "s", "parent_span_id": "p",
    "session_id": "c", "user_id": "u", "feature": "chat", "template": "greet", "template_version": "3",
    "service": "web",
    "environment": "production", "release": "1.2", "region": "eu", "language": "de", "item_id": "i",
    "operation": "embeddings", "provider": "openai", "request_model": "gpt-4-turbo", "response_model": "gpt-4-turbo-1",
    "finish_reason": "stop", "finish_reason_raw": "end_turn", "status": "error", "error_class": "timeout",
    "error_type": "Timeout", "error_message": "too slow", "service_tier": "batch", "prompt_hash": "h",
    "usage_semantics": "guessed", "timing_quality": "inferred", "started_at": "2026-09-01T10:00:00Z",
    "ended_at": "2026-09-01T10:00:01Z", "latency_ms": 1000.0, "ttft_ms": 10.5, "queue_ms": 1.0, "network_ms": 2.0,
    "inference_ms": 3.0, "postprocess_ms": 4.0, "input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 20,
    "cache_write_tokens": 10, "cache_write_5m_tokens": 1, "cache_write_30m_tokens": 2, "cache_write_1h_tokens": 3,
    "cache_write_12h_tokens": 4, "reasoning_tokens": 5, "audio_input_tokens": 6, "image_input_tokens": 7,
    "audio_output_tokens": 8, "image_output_tokens": 9, "max_tokens": 4096, "input_chars": 400, "output_chars": 200,
    "http_status": 504, "attempt": 2, "web_searches": 1, "stream": True, "fallback": False, "refusal": False,
    "cache_hit": False, "temperature": 0.5, "sample_weight": 10.0, "cost_logged_usd": 0.25, "tags": ["a", "b"],
    "prefix_hashes": ["x"], "metadata": {"team": "red"},
}  # fmt: skip


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_every_column_comes_back(tmp_path: Path, container: str) -> None:
    """Its value and its type."""
    store = Store(None)
    path = tmp_path / "log"
    path.write_bytes(lines([FULL])) if container == "jsonl" else parquet(path, [FULL])
    report = load(store, [str(path)], LoadOptions()).files[0]
    [row] = rows(store)
    expected = {
        **FULL, "started_at": datetime(2026, 9, 1, 10), "ended_at": datetime(2026, 9, 1, 10, 0, 1),
        "model": "gpt-4-turbo-1",
    }  # fmt: skip

    assert "canonical" == report.source
    assert {"team": "red"} == json.loads(row.pop("metadata"))
    assert {n: v for n, v in expected.items() if n != "metadata"} == {n: row[n] for n in expected if n != "metadata"}


def test_the_test_forgets_no_column() -> None:
    """Save those that load itself fills, and the texts that are kept only when asked."""
    own = {"model", "source_format", "source_file", "source_line", "input_text", "output_text", "embedding"}

    assert {c.name for c in REQUESTS} - own == set(FULL)


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (request(1), "requests"),
        ({"started_at": "2026-09-01", "latency_ms": 1, "status": "ok"}, "requests"),
        ({"span_id": "s", "kind": "tool", "name": "search", "started_at": "2026-09-01"}, "spans"),
        ({"name": "helpful", "value": 1, "rater_kind": "judge", "request_id": "r1"}, "scores"),
        ({"name": "helpful", "label": "yes", "rater_kind": "human"}, "scores"),
        ({"started_at": "2026-09-01", "a": 1, "b": 2, "c": 3}, None),
        ({"name": "x", "value": 1}, None),
    ],
)
def test_tables_are_told_apart(record: Record, table: str | None) -> None:
    """Nearly all keys are ours, and they tell one table."""
    sample = Sample("log", "jsonl", (record,), dict.fromkeys(record, "JSON"))

    assert table == table_of(sample)
    assert (table is not None) == (detect(sample) == "canonical")


def test_scores_and_spans_load(tmp_path: Path) -> None:
    """Into their own tables, also without their requests."""
    store = Store(None)
    scores = [{"name": "helpful", "value": v, "rater_kind": "judge", "request_id": f"r{v}"} for v in (1, 0)]
    spans = [
        {
            "span_id": "s1",
            "kind": "tool",
            "name": "search",
            "started_at": "2026-09-01T10:00:00Z",
            "ended_at": "2026-09-01T10:00:02Z",
        }
    ]
    (tmp_path / "scores.jsonl").write_bytes(lines(scores))
    (tmp_path / "spans.jsonl").write_bytes(lines(spans))
    report = load(store, [str(tmp_path)], LoadOptions())

    assert [2, 1] == [f.loaded for f in report.files]
    assert [(0.0, "judge"), (1.0, "judge")] == store.execute("SELECT value, rater_kind FROM scores ORDER BY value")
    assert [("s1", 2000.0, "tool")] == store.execute("SELECT span_id, duration_ms, kind FROM spans")


def test_two_equal_scores_without_an_id_are_two(tmp_path: Path) -> None:
    """Two people may agree."""
    score = {"name": "helpful", "value": 1, "rater_kind": "human", "request_id": "r1"}
    report, _ = load_bytes(tmp_path, lines([score, score]))

    assert 2 == report.loaded


def test_what_is_required_is_never_null(tmp_path: Path) -> None:
    """A record of almost nothing."""
    _, [row] = load_bytes(tmp_path, lines([{"started_at": "2026-09-01", "input_tokens": 1}]))

    assert [] == [c.name for c in REQUESTS if c.required and c.name not in row]
    assert ("unknown", "chat", "missing") == (row["model"], row["operation"], row["timing_quality"])


def test_the_rules_of_a_row_hold(tmp_path: Path) -> None:
    """Parts are never more than their total, however the log counted."""
    records = [
        *requests(3),
        request(4, input_tokens=5, cache_read_tokens=50),
        request(5, output_tokens=5, reasoning_tokens=9),
    ]
    _, found = load_bytes(tmp_path, lines(records))

    assert all(r.get("cache_read_tokens", 0) <= r["input_tokens"] for r in found)
    assert all(r.get("reasoning_tokens", 0) <= r["output_tokens"] for r in found)
