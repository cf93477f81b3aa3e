"""MLflow: traces of three generations, the calls in them that count, and what was said of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.load.documents import ENVELOPES
from llmscope.sources import Sample, mlflow
from tests.sources.loading import Loaded, Row, loaded, write_lines

HERE = Path(__file__).parent / "fixtures" / "mlflow"
TRACES, OLDER = HERE / "traces.jsonl", HERE / "older_and_odd.jsonl"
FLAT = {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 2, "timestamp": "2026-11-20T10:00:00Z"}


@pytest.fixture(scope="module")
def traces() -> Loaded:
    return loaded(TRACES)


@pytest.fixture(scope="module")
def older() -> Loaded:
    return loaded(OLDER)


def by_id(rows: list[Row]) -> dict[str, Row]:
    """Rows by their trace's last digit and their span's."""
    return {row.get("trace_id", "")[-1:] + row["span_id"][-1]: row for row in rows}


def records(path: Path = TRACES) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sample(*found: Mapping[str, Any]) -> Sample:
    return Sample("x", "jsonl", found, {key: "JSON" for record in found for key in record})


def test_only_the_innermost_calls_are_requests(traces: Loaded) -> None:
    # The agent 12 sums 13, 14 and 15; 11 is a chain and 16 a tool; 13 stands in the file twice.
    assert list(by_id(traces.requests)) == ["13", "14", "15", "21"]
    # 3 traces, 8 spans, and 7 of 8 assessments: one was overridden. Aside: all but 5 calls of a model.
    file = traces.file
    assert (file.lines, file.loaded, file.set_aside, file.duplicates) == (18, 4, 13, 1)
    assert (file.rejected, file.faults) == (0, 0)


def test_tokens_by_kind(traces: Loaded) -> None:
    # MLflow's input counts the cache of every provider: 1200 + 3050 + 8.
    assert traces.total("input_tokens") == 1200 + 3050 + 8
    assert traces.total("output_tokens") == 80 + 300
    assert traces.total("cache_read_tokens") == 1024 + 1000
    assert traces.total("cache_write_tokens") == 2000
    assert traces.total("cache_write_1h_tokens") == 500
    assert traces.total("reasoning_tokens") == 32  # which only the answer itself tells
    assert traces.total("cost_logged_usd") == pytest.approx(0.00252)
    assert {r["usage_semantics"] for r in traces.requests} == {"inclusive", "missing"}


def test_a_whole_request(traces: Loaded) -> None:
    row = by_id(traces.requests)["13"]
    assert {k: v for k, v in row.items() if not k.endswith("_at") and k != "prompt_hash"} == {
        "request_id": "5f0c1d2e3a4b5c6d7e8f901234567891-a1b2c3d4e5f61703", "response_id": "chatcmpl-m1",
        "trace_id": "5f0c1d2e3a4b5c6d7e8f901234567891", "span_id": "a1b2c3d4e5f61703",
        "parent_span_id": "a1b2c3d4e5f61702", "session_id": "s-1", "user_id": "u-1", "feature": "answer|[red]",
        "template": "greet", "template_version": "3", "service": "shop.py", "environment": "production",
        "release": "9c0ffee", "operation": "chat", "provider": "openai", "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06", "model": "gpt-4o-2024-08-06", "temperature": 0.2, "max_tokens": 100,
        "stream": True, "finish_reason": "stop", "finish_reason_raw": "stop", "refusal": False, "status": "ok",
        "latency_ms": 1500.0, "ttft_ms": 250.0,  # 500.000999 ms to 2000.000999; its first chunk at 750.000999
        "input_tokens": 1200, "output_tokens": 80, "cache_read_tokens": 1024, "reasoning_tokens": 32,
        "cost_logged_usd": 0.00252, "input_chars": 2, "output_chars": 5,
        "metadata": {"team": "blue", "region": "eu", "environment": "production", "experiment_id": "7"},
        "source_format": "mlflow", "usage_semantics": "inclusive", "timing_quality": "measured",
    }  # fmt: skip
    assert by_id(traces.requests)["14"]["finish_reason"] == "length"


def test_a_failure(traces: Loaded) -> None:
    row = by_id(traces.requests)["21"]
    said = ("status", "error_class", "error_type", "error_message", "http_status", "model", "feature")
    assert [row[k] for k in said] == [
        "error", "rate_limit", "RateLimitError", "Error code: 429 - slow", 429, "gpt-4o", "digest",
    ]  # fmt: skip
    assert "input_tokens" not in row


def test_spans_and_traces(traces: Loaded) -> None:
    spans = by_id(traces.spans)
    kinds = {i: spans[i]["kind"] for i in ("11", "12", "13", "15", "16", "21")}
    assert kinds == {"11": "chain", "12": "agent", "13": "llm", "15": "embedding", "16": "tool", "21": "llm"}
    assert spans["13"]["request_id"].endswith("1703")
    assert "request_id" not in spans["12"]
    assert spans["12"]["parent_span_id"] == spans["11"]["span_id"] == "a1b2c3d4e5f61701"
    first = traces.traces[0]
    assert (first["user_id"], first["session_id"], first["feature"]) == ("u-1", "s-1", "answer|[red]")


def test_assessments(traces: Loaded) -> None:
    shown = [(s["score_id"], s["name"], s.get("value"), s.get("label"), s["data_type"], s["rater_kind"], s["rater"])
             for s in traces.scores]  # fmt: skip
    # a-3 was overridden by a-4, a-6 is an issue, the judge of a-7 failed, and the last is the number 7.
    assert shown == [
        ("a-1", "correct", 1.0, None, "boolean", "human", "ann"),
        ("a-2", "score", 0.75, None, "numeric", "judge", "gpt-4o-mini"),
        ("a-4", "tone", None, "rude", "categorical", "code", "x.py"),
        ("a-5", "facts", None, '["a"]', "text", "human", "ann"),
    ]
    assert traces.scores[0]["request_id"].endswith("1703")
    assert "request_id" not in traces.scores[1]  # its trace has three requests


def test_older_traces_have_hex_ids_and_no_usage_of_their_own(older: Loaded) -> None:
    row = by_id(older.requests)["32"]
    assert row["span_id"] == "a1b2c3d4e5f63702"
    assert row["parent_span_id"] == "a1b2c3d4e5f63701"
    # The answer's: 100 and 10. It took from 120.1 s to 120.9 s.
    assert (row["input_tokens"], row["output_tokens"], row["latency_ms"]) == (100, 10, pytest.approx(800.0))
    assert (row["session_id"], row["feature"], row["response_id"]) == ("s-2", "old", "chatcmpl-m3")


def test_odd_values_are_unknown(older: Loaded) -> None:
    rows = by_id(older.requests)
    assert list(rows) == ["32", "4=", "42"]
    assert rows["4="]["request_id"].endswith("-!!!!!!!!!!!=")  # no base64: it stays as it is
    assert "started_at" not in rows["4="]
    assert "input_tokens" not in rows["42"]
    # 3 traces, 4 spans; those that are no objects with an id are none. "soon" and "12x" are no figures.
    assert (older.file.lines, older.file.loaded, older.file.set_aside, older.file.faults) == (7, 3, 4, 2)
    assert "feature" not in rows["42"]  # what an SDK calls its own call is no feature


def test_texts_are_kept_when_asked() -> None:
    options = LoadOptions(keep_text=True)
    found = loaded(TRACES, options=options)
    row = by_id(found.requests)["13"]
    assert (row["input_text"], row["output_text"]) == ("Hi", "Hello")
    assert found.scores[0]["explanation"] == "fine"


SHAPES = ["pretty", "frame jsonl", "frame csv", "frame parquet", "trace column"]


@pytest.mark.parametrize("shape", [*SHAPES, "command line"])
def test_every_container_says_the_same(shape: str, traces: Loaded, tmp_path: Path) -> None:
    if shape == "command line" and "traces" not in ENVELOPES:
        pytest.skip("load does not open {'traces': [...]} yet")
    well = records()[:1] if shape == "pretty" else records()[:2]
    well[0]["info"]["assessments"] = well[0]["info"]["assessments"][:2]
    found = loaded(written(shape, well, tmp_path))
    expected = traces.requests[:3] if len(well) == 1 else traces.requests
    assert found.file.source == "mlflow"
    assert found.file.faults == 0
    assert [r["request_id"] for r in found.requests] == [r["request_id"] for r in expected]
    same = set().union(*expected) - {"prompt_hash"}
    for ours, theirs in zip(found.requests, expected, strict=True):
        for column in same:
            if column != "metadata":  # the data frame has no experiment
                assert ours.get(column) == theirs.get(column), (column, ours["request_id"])
    assert [(s["name"], s["value"]) for s in found.scores] == [("correct", 1.0), ("score", 0.75)]


def test_what_mlflow_itself_wrote() -> None:
    found = loaded(HERE / "sdk_traces.jsonl")
    chat, failed = sorted(found.requests, key=lambda r: str(r["status"]), reverse=True)
    said = ("model", "input_tokens", "output_tokens", "cache_read_tokens", "cost_logged_usd", "user_id", "feature")
    # 176 at 2.5, 1024 at 1.25 and 80 at 10 dollars a million: what MLflow itself worked out.
    assert [chat.get(k) for k in said] == ["gpt-4o", 1200, 80, 1024, pytest.approx(0.00252), "u-1", "chat"]
    assert chat["stream"] is True
    assert 0 < chat["ttft_ms"] <= chat["latency_ms"]
    assert (failed["error_type"], failed["http_status"], failed["status"]) == ("RateLimitError", 429, "error")
    assert sorted(s["name"] for s in found.scores) == ["correct", "facts", "score"]
    assert {s["request_id"] for s in found.scores} == {chat["request_id"]}


def test_whose_file_it_is() -> None:
    for record in (*records(), *records(OLDER)):
        assert mlflow.detect(sample(record))
    assert mlflow.detect(sample(framed(records()[0])))
    for other in (FLAT, {"info": {}, "data": {}}, {"trace_id": "1", "spans": []}, {"resourceSpans": []}):
        assert not mlflow.detect(sample(other))


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "traces.jsonl", [{"info": {"trace_id": "1"}}])
    with pytest.raises(LlmscopeError, match="without 'data or trace or spans'"):
        assert loaded(path, options=LoadOptions(source="mlflow")).file


WRONG: tuple[Any, ...] = (None, 5, -1.5, "x", "", [], [1], {}, {"a": None}, True, "2026-99-99")


def test_values_of_any_type_cost_no_other_row(tmp_path: Path) -> None:
    good = records()[1]
    (span,) = good["data"]["spans"]
    whole = records()[0]
    spoilt = [
        {**good, "info": {**good["info"], key: wrong}} for wrong in WRONG for key in (*whole["info"], "assessments")
    ]
    spoilt += [{**good, "data": {"spans": [{**span, key: wrong}]}} for wrong in WRONG for key in span]
    spoilt += [{**good, "data": {"spans": [{**span, "attributes": {**span["attributes"], key: wrong}}]}}
               for wrong in WRONG for key in whole["data"]["spans"][2]["attributes"]]  # fmt: skip
    spoilt += [{**good, "data": wrong} for wrong in WRONG] + [{**good, "info": wrong} for wrong in WRONG]
    found = loaded(write_lines(tmp_path / "traces.jsonl", [*spoilt, whole]))
    assert by_id(found.requests)["13"]["input_tokens"] == 1200
    assert found.file.rejected == 0


def written(shape: str, found: list[Any], folder: Path) -> Path:
    """The traces as the client, the command line or a saved data frame gives them."""
    path = folder / "traces.json"
    if shape in ("pretty", "command line"):
        held = found[0] if shape == "pretty" else {"traces": found, "next_page_token": None}
        path.write_text(json.dumps(held, indent=2), encoding="utf-8")
        return path
    rows = [framed(trace) for trace in found]
    if shape == "frame jsonl":
        return write_lines(folder / "frame.jsonl", rows)
    if shape in ("frame csv", "trace column"):
        if shape == "frame csv":
            held_texts = ("spans", "assessments", "tags", "trace_metadata")
            rows = [{**r, **{k: json.dumps(r[k]) for k in held_texts}, "trace": ""} for r in rows]
        # Else as pandas writes them: objects as Python prints them, but for the trace, which is JSON.
        return write_csv(folder / "frame.csv", rows)
    lines, path = write_lines(folder / "lines.jsonl", rows), folder / "frame.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT * EXCLUDE (trace) FROM read_json('{lines}', sample_size = -1)) TO '{path}' (FORMAT parquet)"
        )
    return path


def framed(trace: Mapping[str, Any]) -> dict[str, Any]:
    """A trace as a row of search_traces."""
    info = trace["info"]
    return {
        "trace_id": info["trace_id"], "trace": json.dumps(trace), "client_request_id": None, "state": info["state"],
        "request_time": 1795168800000, "execution_duration": info["execution_duration_ms"],
        "trace_metadata": info["trace_metadata"], "tags": info["tags"], "spans": trace["data"]["spans"],
        "assessments": info.get("assessments", []),
    }  # fmt: skip


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
