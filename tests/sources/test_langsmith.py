"""LangSmith's runs and feedback, from file to row; figures worked out by hand."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import Loaded, loaded

FIXTURES = Path(__file__).parent / "fixtures" / "langsmith"
RUNS, FEEDBACK, ODD = (FIXTURES / name for name in ("runs.jsonl", "feedback.jsonl", "odd.jsonl"))
AT = datetime(2026, 8, 4, 9)
PROJECT = "5d1c0d3e-0000-4000-8000-00000000aaaa"


def uid(number: int) -> str:
    return f"018f2a00-0000-7000-8000-{number:012x}"


@pytest.fixture(scope="module")
def runs() -> Loaded:
    return loaded(RUNS, FEEDBACK)


def by_id(found: Loaded) -> dict[int, dict[str, Any]]:
    return {int(row["request_id"][-12:], 16): row for row in found.requests}


def tokens(row: dict[str, Any]) -> tuple[int | None, ...]:
    """Input, output, cache read, cache write, reasoning."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    return tuple(row.get(name) for name in names)


def test_every_line_is_accounted_for(runs: Loaded) -> None:
    # 12 runs: the root, the tool and the run round another's are no calls of their own
    file = runs.report.files[0]
    assert (file.source, file.lines, file.loaded, file.set_aside) == ("langsmith", 12, 9, 3)
    assert len(runs.spans) == 12
    assert sorted(by_id(runs)) == [2, 5, 6, 7, 8, 9, 10, 11, 12]


def test_totals(runs: Loaded) -> None:
    # input 1000 + 430 + 50 + (10 + 300) + 12; output 100 + 90 + 7 + 5 + 0
    assert (runs.total("input_tokens"), runs.total("output_tokens")) == (1802, 202)
    assert runs.total("cache_read_tokens") == 600 + 100 + 20 + 300
    assert runs.total("cache_write_tokens") == 200
    assert runs.total("reasoning_tokens") == 30 + 2
    # 0.00275 + 0.00325 + 0.0001; the root's 0.006 and the wrapper's 0.00325 repeat them
    assert runs.total("cost_logged_usd") == pytest.approx(0.0061)


def test_a_whole_row(runs: Loaded) -> None:
    row = by_id(runs)[2]
    row.pop("prompt_hash")
    assert row == {
        "request_id": uid(2),
        "response_id": "chatcmpl-LS1",
        "trace_id": uid(1),
        "span_id": uid(2),
        "parent_span_id": uid(1),
        "session_id": "th-1",
        "user_id": "u-3",
        "feature": "support-graph",
        "environment": "staging",
        "release": "rev-9",
        "tags": ["beta"],
        "metadata": {
            "project": PROJECT,
            "ls_provider": "openai",
            "ls_model_name": "gpt-4o",
            "ls_model_type": "chat",
            "ls_temperature": 0.3,
            "ls_max_tokens": 512,
            "thread_id": "th-1",
            "user_id": "u-3",
        },
        "operation": "chat",
        "provider": "openai",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "model": "gpt-4o-2024-08-06",
        "max_tokens": 512,
        "temperature": 0.3,
        "stream": True,
        "started_at": AT.replace(microsecond=100_000),
        "ended_at": AT.replace(second=2, microsecond=100_000),
        "latency_ms": 2000.0,
        "ttft_ms": 300.0,  # first_token_time 0.4 s after nine, start 0.1 s after
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_read_tokens": 600,
        "reasoning_tokens": 30,
        "input_chars": len("Where is it?"),
        "output_chars": len("Here."),
        "finish_reason": "stop",
        "finish_reason_raw": "stop",
        "refusal": False,
        "status": "ok",
        "cost_logged_usd": 0.00275,
        "source_format": "langsmith",
        "usage_semantics": "inclusive",
        "timing_quality": "measured",
    }


@pytest.mark.parametrize(
    ("number", "expected", "semantics"),
    [
        (5, (430, 90, 100, 200, None), "inclusive"),
        (6, (50, 7, 20, None, 2), "inclusive"),  # zeros on the run, counts in the message it gave
        (7, (310, 5, 300, None, None), "exclusive_fixed"),  # 10 + 5 and a total of 315: 300 stand beside
        (8, (None,) * 5, "missing"),
        (9, (12, 0, None, None, None), "inclusive"),
        (10, (None,) * 5, "missing"),
    ],
)
def test_tokens(runs: Loaded, number: int, expected: tuple[int | None, ...], semantics: str) -> None:
    row = by_id(runs)[number]
    assert (tokens(row), row["usage_semantics"]) == (expected, semantics)


def test_who_and_what_for(runs: Loaded) -> None:
    rows = by_id(runs)
    assert {(rows[n]["user_id"], rows[n]["session_id"]) for n in (2, 5, 6)} == {("u-3", "th-1")}
    assert [rows[n]["feature"] for n in (2, 5, 6)] == ["support-graph", "refunds", "support-graph"]
    assert rows[5]["cache_write_1h_tokens"] == 200
    assert [rows[n].get("provider") for n in (5, 6, 9)] == ["anthropic", "gcp.vertex_ai", "openai"]
    assert (rows[9]["operation"], rows[9]["model"]) == ("embeddings", "text-embedding-3-small")


def test_outcomes(runs: Loaded) -> None:
    rows = by_id(runs)
    error = rows[8]
    assert (error["status"], error["error_class"], error["error_type"]) == ("error", "rate_limit", "RateLimitError")
    assert error["http_status"] == 429
    assert "Traceback" not in error["error_message"]
    assert "secret_argument" not in error["error_message"]
    assert (rows[11]["status"], rows[11].get("latency_ms")) == ("unknown", None)
    assert (rows[12]["status"], rows[12]["error_class"]) == ("cancelled", "cancelled")
    # A first token at the very end: not streamed.
    assert (rows[10].get("ttft_ms"), rows[10].get("stream"), rows[10]["latency_ms"]) == (None, None, 1000.0)


def test_spans_and_traces(runs: Loaded) -> None:
    kinds = {int(s["span_id"][-12:], 16): (s["kind"], s.get("request_id")) for s in runs.spans}
    assert [kinds[n] for n in (1, 3, 4)] == [("chain", None), ("tool", None), ("llm", None)]
    assert kinds[9] == ("embedding", uid(9))
    root = runs.traces[0]
    assert (root["trace_id"], root["feature"], root["user_id"], root["session_id"]) == (
        uid(1), "support-graph", "u-3", "th-1",
    )  # fmt: skip
    assert root["tags"] == ["beta"]
    assert len(runs.traces) == 7


def test_feedback(runs: Loaded) -> None:
    told = [
        (s["name"], s.get("value"), s.get("label"), s["data_type"], s["rater_kind"], s.get("request_id"))
        for s in runs.scores
    ]
    assert told == [
        ("correctness", 1.0, None, "numeric", "judge", uid(2)),
        ("user_score", 0.0, None, "numeric", "api", None),  # given to the trace, not to a call in it
        ("tone", None, "friendly", "categorical", "human", uid(5)),
        ("ok", 1.0, None, "boolean", "api", uid(6)),
    ]
    assert str(runs.scores[0]["created_at"]) == "2026-08-04 10:00:00"


def test_odd_values() -> None:
    found = loaded(ODD)
    file = found.file
    assert (file.lines, file.loaded, file.set_aside, file.rejected) == (4, 3, 0, 1)
    # prompt_tokens "many", total_cost "dear", start_time a list, end_time an object
    assert file.faults == 4
    rows = {row["request_id"]: row for row in found.requests}
    assert tokens(rows[uid(20)]) == (None,) * 5
    assert not {"tags", "metadata", "cost_logged_usd"} & rows[uid(20)].keys()
    assert tokens(rows[uid(21)]) == (3, 1, None, None, None)
    assert rows[uid(21)]["tags"] == ["a"]


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RUNS.read_text().splitlines()]


def written(tmp_path: Path, container: str) -> Path:
    """The same runs as the SDK, the bulk export or a spreadsheet has them."""
    path = tmp_path / f"runs.{container.split('-')[0]}"
    rows = records()
    if container == "json":
        path.write_text(json.dumps(rows))
    elif container == "csv":
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(dict.fromkeys(k for row in rows for k in row)))
            writer.writeheader()
            writer.writerows(
                {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in r.items()} for r in rows
            )
    else:
        kinds = "extra: 'JSON', inputs: 'JSON', outputs: 'JSON', tags: 'JSON'" if container == "parquet-text" else ""
        star = f"SELECT * REPLACE ({REPLACED}) FROM read_json('{RUNS}'"
        options = f", columns = {{{COLUMNS}, {kinds}}}" if kinds else ""
        sql = f"{star}{options})" if kinds else f"SELECT * FROM read_json('{RUNS}', sample_size = -1)"
        duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path


# The bulk export: objects are strings of JSON, times are timestamps, counts are numbers, costs are decimals in strings.
REPLACED = ", ".join(f"{name}::VARCHAR AS {name}" for name in ("extra", "inputs", "outputs", "tags"))
COLUMNS = ", ".join(
    f"{name}: '{kind}'"
    for kind, names in {
        "VARCHAR": "id name run_type trace_id parent_run_id session_id status error total_cost prompt_cost",
        "TIMESTAMP": "start_time end_time first_token_time",
        "BIGINT": "prompt_tokens completion_tokens total_tokens",
        "JSON": "prompt_token_details completion_token_details",
    }.items()
    for name in names.split()
)


@pytest.mark.parametrize("container", ["json", "csv", "parquet-text", "parquet-struct"])
def test_each_container_says_the_same(container: str, tmp_path: Path, runs: Loaded) -> None:
    found = loaded(written(tmp_path, container))
    assert (found.file.source, found.file.loaded, found.file.set_aside) == ("langsmith", 9, 3)
    for name in ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "cost_logged_usd"):
        assert found.total(name) == pytest.approx(runs.total(name)), name
    known = ("latency_ms", "ttft_ms", "status", "feature", "user_id", "session_id", "model", "started_at", "tags")
    expected = [{name: row.get(name) for name in known} for row in runs.requests]
    assert [{name: row.get(name) for name in known} for row in found.requests] == expected


def sample(*given: dict[str, Any]) -> Sample:
    return Sample("log", "jsonl", given, dict.fromkeys((k for r in given for k in r), "JSON"))


def test_each_record_alone_is_known() -> None:
    for path, name in ((RUNS, "langsmith"), (FEEDBACK, "langsmith_feedback")):
        for line in path.read_text().splitlines():
            assert detect(sample(json.loads(line))) == name


@pytest.mark.parametrize("name", ["langsmith", "langsmith_feedback"])
def test_others_are_not_theirs(name: str) -> None:
    source = load_source(name)
    assert not source.detect(sample({"model": "gpt-4o", "input_tokens": 5, "id": "1", "trace_id": "t"}))
    assert not source.detect(sample({"run_type": "job", "id": "1", "trace_id": "t", "key": "k", "score": 1}))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(LlmscopeError, match="run_type"):
        load_source("langsmith").readings(sample({"id": "1", "start_time": "t"}), {})
    with pytest.raises(LlmscopeError, match="score or value"):
        load_source("langsmith_feedback").readings(sample({"key": "k"}), {})
