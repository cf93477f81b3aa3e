"""Langfuse's exports to a bucket and from the UI, in every container they are written in."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.sources.loading import Loaded, loaded

FIXTURES = Path(__file__).parent / "fixtures" / "langfuse"
TRACES = FIXTURES / "bucket_traces.jsonl"
# What a Parquet file has typed.
TYPES = {
    "metadata": "MAP(VARCHAR, VARCHAR)", "usage_details": "MAP(VARCHAR, UBIGINT)",
    "cost_details": "MAP(VARCHAR, DOUBLE)", "start_time": "TIMESTAMP", "end_time": "TIMESTAMP",
    "completion_start_time": "TIMESTAMP", "prompt_version": "USMALLINT", "total_cost": "DOUBLE", "latency": "DOUBLE",
}  # fmt: skip


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / name).read_text().splitlines()]


def exported(tmp_path: Path, container: str, name: str = "bucket_observations.jsonl") -> Path:
    """The same records as the bucket has them in another container."""
    path = tmp_path / f"observations.{container}"
    rows = records(name)
    if container == "json":
        path.write_text(json.dumps(rows))
    elif container == "csv":
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows({k: cell(v) for k, v in row.items()} for row in rows)
    else:
        columns = ", ".join(f"{key}: '{TYPES.get(key, 'VARCHAR')}'" for key in rows[0])
        sql = f"SELECT * FROM read_json('{FIXTURES / name}', columns = {{{columns}}})"
        duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path


def cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def check(found: Loaded) -> None:
    """What the three records of the bucket's export say, whatever they are written in."""
    by_id = {row["request_id"][-1]: row for row in found.requests}
    call, embedding = by_id["2"], by_id["3"]
    # input 10 + 300 read + (50 left over + 20 for five minutes) written; with 40 out the logged 420
    assert (call["input_tokens"], call["output_tokens"]) == (380, 40)
    assert (call["cache_read_tokens"], call["cache_write_tokens"], call["cache_write_5m_tokens"]) == (300, 70, 20)
    assert (call["latency_ms"], call["ttft_ms"], call["stream"]) == (1500.0, 300.0, True)
    assert (call["cost_logged_usd"], call["max_tokens"]) == (0.00123, 1024)
    assert (call["template"], call["template_version"]) == ("greet", "2")
    assert str(call["started_at"]) == "2026-08-03 12:00:00.100000"
    assert (call["provider"], call["model"]) == ("anthropic", "claude-sonnet-4-5")
    assert (embedding["operation"], embedding["input_tokens"]) == ("embeddings", 9)
    assert embedding["cost_logged_usd"] == pytest.approx(1.8e-07)
    assert len(found.spans) == 3
    assert "output_tokens" not in embedding


@pytest.mark.parametrize("container", ["json", "csv", "parquet"])
def test_each_container_says_the_same(container: str, tmp_path: Path) -> None:
    found = loaded(exported(tmp_path, container))
    assert (found.file.source, found.file.loaded, found.file.set_aside) == ("langfuse", 2, 1)
    check(found)


def test_traces_lend_what_observations_lack() -> None:
    for order in ((FIXTURES / "bucket_observations.jsonl", TRACES), (TRACES, FIXTURES / "bucket_observations.jsonl")):
        found = loaded(*order)
        check(found)
        call, embedding = found.requests
        assert (call["user_id"], call["session_id"], call["release"], call["tags"]) == ("u-9", "s-9", "r42", ["web"])
        # A feature in the call's own metadata is nearer than the trace's name.
        assert (call["feature"], embedding["feature"]) == ("onboarding", "welcome")


def test_the_api_s_list_of_traces(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    trace = {
        "id": "t-1", "timestamp": "2026-08-03T12:00:00.000Z", "name": "welcome", "userId": "u-1", "sessionId": None,
        "release": None, "version": None, "tags": [], "public": False, "environment": "default", "metadata": None,
        "htmlPath": "/project/p/traces/t-1", "latency": 1.5, "totalCost": 0.1, "observations": ["o-1"], "scores": [],
    }  # fmt: skip
    path.write_text(json.dumps({"data": [trace], "meta": {"page": 1}}))
    found = loaded(path)
    assert (found.file.source, found.file.lines, found.file.loaded) == ("langfuse_traces", 1, 1)
    (row,) = found.traces
    assert (row["trace_id"], row["user_id"], row["feature"]) == ("t-1", "u-1", "welcome")
    assert not found.requests


def test_scores() -> None:
    found = loaded(FIXTURES / "bucket_observations.jsonl", FIXTURES / "scores.jsonl")
    told = [
        (s["name"], s.get("value"), s.get("label"), s["data_type"], s["rater_kind"], s.get("request_id"))
        for s in found.scores
    ]
    call = "c000000000000002"
    assert told == [
        ("helpfulness", 0.8, None, "numeric", "judge", call),
        ("solved", 1.0, "true", "boolean", "api", None),
        # The 0 beside a category stands for nothing.
        ("tone", None, "friendly", "categorical", "human", call),
        ("note", None, None, "text", "human", None),
    ]
    assert found.scores[2]["rater"] == "person-1"


def test_scores_of_a_bucket(tmp_path: Path) -> None:
    names = {
        "traceId": "trace_id", "observationId": "observation_id", "sessionId": "session_id",
        "stringValue": "string_value", "dataType": "data_type", "authorUserId": "author_user_id",
    }  # fmt: skip
    path = tmp_path / "scores.csv"
    rows = [{names.get(k, k): v for k, v in row.items()} for row in records("scores.jsonl")]
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    camel = loaded(FIXTURES / "scores.jsonl").scores
    snake = loaded(path)
    assert snake.file.source == "langfuse_scores"
    assert snake.scores == camel
