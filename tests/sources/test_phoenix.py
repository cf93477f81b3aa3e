"""Arize Phoenix: its spans in each of the shapes it gives them, and its annotations."""

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
from llmscope.sources import Sample, phoenix, phoenix_annotations
from tests.sources.loading import Loaded, Row, loaded, write_lines

HERE = Path(__file__).parent / "fixtures" / "phoenix"
SPANS, ANNOTATIONS = HERE / "spans.jsonl", HERE / "annotations.jsonl"
FLAT = {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 2, "timestamp": "2026-11-20T10:00:00Z"}
CONSOLE = {"name": "x", "context": {"trace_id": "0x5f", "span_id": "0xa1"}, "kind": "SpanKind.INTERNAL",
           "start_time": "2026-11-20T10:00:00Z", "status": {"status_code": "OK"}, "attributes": {}}  # fmt: skip


@pytest.fixture(scope="module")
def spans() -> Loaded:
    return loaded(SPANS)


def by_id(rows: list[Row], key: str = "span_id") -> dict[str, Row]:
    return {row[key][-1]: row for row in rows}


def records(path: Path = SPANS) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sample(*found: Mapping[str, Any]) -> Sample:
    return Sample("x", "jsonl", found, {key: "JSON" for record in found for key in record})


def test_only_the_innermost_calls_are_requests(spans: Loaded) -> None:
    # 3 repeats 2, which it is round; 1 and 6 call no model; 2 stands in the file twice.
    assert list(by_id(spans.requests)) == ["2", "4", "5", "7", "8", "9"]
    file = spans.file
    assert (file.lines, file.loaded, file.set_aside, file.duplicates, file.faults) == (10, 6, 3, 1, 1)
    assert [by_id(spans.requests)[i]["operation"] for i in "245"] == ["chat", "embeddings", "rerank"]


def test_tokens_by_kind(spans: Loaded) -> None:
    # 2: 1200; 4: 8; 9 from its answer alone, which leaves the cache out: 50 + 2000 + 1000 = 3050.
    assert spans.total("input_tokens") == 1200 + 8 + 3050
    assert spans.total("output_tokens") == 80 + 300
    assert spans.total("cache_read_tokens") == 1024 + 1000
    assert spans.total("cache_write_tokens") == 2000
    assert spans.total("reasoning_tokens") == 32
    assert spans.total("cost_logged_usd") == pytest.approx(0.00252)
    rows = by_id(spans.requests)
    assert [rows[i]["usage_semantics"] for i in "245789"] == [
        "inclusive", "inclusive", "missing", "missing", "missing", "exclusive_fixed",
    ]  # fmt: skip


def test_a_whole_request(spans: Loaded) -> None:
    row = by_id(spans.requests)["2"]
    assert {k: v for k, v in row.items() if not k.endswith("_at") and k != "prompt_hash"} == {
        "request_id": "5f0c1d2e3a4b5c6d7e8f901234567890-a1b2c3d4e5f60702", "response_id": "chatcmpl-p1",
        "trace_id": "5f0c1d2e3a4b5c6d7e8f901234567890", "span_id": "a1b2c3d4e5f60702",
        "parent_span_id": "a1b2c3d4e5f60703", "session_id": "s-1", "user_id": "u-1", "feature": "answer",
        "tags": ["beta", "[red]"], "metadata": {"team": "blue|<b>"}, "template_version": "v3", "operation": "chat",
        "provider": "openai", "request_model": "gpt-4o", "response_model": "gpt-4o-2024-08-06",
        "model": "gpt-4o-2024-08-06", "max_tokens": 100, "temperature": 0.2, "stream": True,
        "finish_reason": "length", "finish_reason_raw": "length", "refusal": False, "service_tier": "flex",
        "status": "ok", "latency_ms": 1500.0, "ttft_ms": 250.0,  # 10:00:00.5 to 02.0; its first token at 00.75
        "input_tokens": 1200, "output_tokens": 80, "cache_read_tokens": 1024, "reasoning_tokens": 32,
        "cost_logged_usd": 0.00252, "input_chars": 2, "output_chars": 5, "source_format": "phoenix",
        "usage_semantics": "inclusive", "timing_quality": "measured",
    }  # fmt: skip


def test_a_failure_has_its_model_from_the_request(spans: Loaded) -> None:
    rows = by_id(spans.requests)
    said = ("status", "error_class", "error_type", "http_status", "model", "provider")
    failed = ["error", "rate_limit", "anthropic.RateLimitError", 429, "claude-sonnet-4-5", "anthropic"]
    assert [rows["7"][k] for k in said] == failed
    assert rows["8"]["status"] == "unknown"
    assert "latency_ms" not in rows["8"]


def test_spans_and_traces(spans: Loaded) -> None:
    found = by_id(spans.spans)
    kinds = ["chain", "llm", "llm", "embedding", "reranker", "retriever", "llm", "llm", "llm"]
    assert [found[i]["kind"] for i in "123456789"] == kinds
    assert found["2"]["request_id"].endswith("02")
    assert "request_id" not in found["3"]
    first = spans.traces[0]
    assert (first["user_id"], first["session_id"], first["feature"]) == ("u-1", "s-1", "answer")
    assert len(spans.traces) == 3


def test_texts_are_kept_when_asked() -> None:
    rows = by_id(loaded(SPANS, options=LoadOptions(keep_text=True)).requests)
    assert (rows["2"]["input_text"], rows["2"]["output_text"]) == ("Hi", "Hello")


SAME = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "model",
        "status", "latency_ms", "user_id", "session_id", "feature", "tags", "provider", "cost_logged_usd",
        "max_tokens", "operation", "metadata", "started_at")  # fmt: skip


@pytest.mark.parametrize("shape", ["rest", "nested", "frame csv", "frame parquet"])
def test_every_container_says_the_same(shape: str, spans: Loaded, tmp_path: Path) -> None:
    # Without the spans whose values are of odd types or in objects already: a table cannot hold them beside the others.
    well = [r for r in records() if r["context"]["span_id"][-1] not in "89"]
    found = loaded(written(shape, well, tmp_path))
    expected = [r for r in spans.requests if r["span_id"][-1] not in "89"]
    assert found.file.source == "phoenix"
    assert found.file.faults == 0
    assert [r["request_id"] for r in found.requests] == [r["request_id"] for r in expected]
    for ours, theirs in zip(found.requests, expected, strict=True):
        for column in SAME:
            assert ours.get(column) == theirs.get(column), (column, ours["span_id"])


def test_annotations() -> None:
    both = loaded(ANNOTATIONS, SPANS)
    alone, _ = both.report.files
    # The fourth says nothing; the score of the sixth is no number.
    assert (alone.source, alone.lines, alone.loaded, alone.set_aside) == ("phoenix_annotations", 6, 5, 1)
    assert alone.faults == 1
    shown = [(s["name"], s.get("value"), s.get("label"), s["data_type"], s["rater_kind"], s.get("request_id", "")[-2:])
             for s in both.scores]  # fmt: skip
    assert shown == [
        ("correct", 1.0, "yes", "numeric", "human", "02"),
        ("helpful", 0.5, None, "numeric", "judge", "02"),
        ("language", None, "en", "categorical", "code", "09"),
        ("overall", 0.0, "bad|<script>", "numeric", "human", ""),  # of a trace, which has several requests
        ("odd", None, "x", "categorical", "judge", "02"),
    ]
    assert both.scores[0]["rater"] == "VXNlcjox"


def test_a_judgement_among_a_spans_attributes(tmp_path: Path) -> None:
    span = records()[2]
    span["attributes"] |= {"evaluation.name": "faithful", "evaluation.score": 0.9, "evaluation.annotator_kind": "CODE"}
    found = loaded(write_lines(tmp_path / "spans.jsonl", [span]))
    (score,) = found.scores
    assert (score["name"], score["value"], score["rater_kind"]) == ("faithful", 0.9, "code")
    assert score["request_id"] == found.requests[0]["request_id"]


@pytest.mark.parametrize("columns", ["client", "evaluator"])
def test_annotations_in_a_data_frame(columns: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"span_id": "a1b2c3d4e5f60702", "id": "1", "annotation_name": "correct", "annotator_kind": "HUMAN",
         "result.score": 1.0, "result.label": "yes", "result.explanation": "fine"},
        {"span_id": "a1b2c3d4e5f60704", "id": "2", "annotation_name": "correct", "annotator_kind": "LLM",
         "result.score": "", "result.label": "no", "result.explanation": ""},
    ]  # fmt: skip
    if columns == "evaluator":
        rows = [{"context.span_id": r["span_id"], "score": r["result.score"], "label": r["result.label"],
                 "explanation": r["result.explanation"]} for r in rows]  # fmt: skip
    found = loaded(SPANS, write_csv(tmp_path / "rows.csv", rows))
    name = "correct" if columns == "client" else "score"
    raters = ["human", "judge"] if columns == "client" else ["judge", "judge"]
    by_span = sorted(found.scores, key=lambda s: str(s["span_id"]))
    assert [(s["name"], s.get("value"), s["label"]) for s in by_span] == [(name, 1.0, "yes"), (name, None, "no")]
    assert [s["rater_kind"] for s in by_span] == raters
    assert [s["request_id"][-2:] for s in by_span] == ["02", "04"]


def test_what_phoenix_itself_answered() -> None:
    found = loaded(HERE / "sdk_spans.json", HERE / "sdk_annotations.json")
    failed, embed, chat = sorted(found.requests, key=lambda r: float(r.get("input_tokens", 0)))
    said = ("model", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "user_id", "stream")
    assert [chat.get(k) for k in said] == ["gpt-4o-2024-08-06", 1200, 80, 1024, 32, "u-1", True]
    assert [embed.get(k) for k in said] == ["text-embedding-3-small", 8, None, None, None, "u-1", None]
    assert (failed["error_type"], failed["http_status"], failed["model"]) == ("RateLimitError", 429, "gpt-4o")
    assert 0 <= chat["ttft_ms"] <= chat["latency_ms"]
    assert {s["request_id"] for s in found.scores} == {chat["request_id"]}
    assert sorted(s["value"] for s in found.scores) == [0.5, 1.0]


def test_whose_file_it_is() -> None:
    for record in records():
        assert phoenix.detect(sample(record))
        assert not phoenix_annotations.detect(sample(record))
    for record in records(ANNOTATIONS):
        assert phoenix_annotations.detect(sample(record))
        assert not phoenix.detect(sample(record))
    for other in (FLAT, CONSOLE):
        assert not phoenix.detect(sample(other))
        assert not phoenix_annotations.detect(sample(other))


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "spans.jsonl", [{"name": "x", "span_kind": "LLM", "span_id": "1"}])
    with pytest.raises(LlmscopeError, match="without 'context or"):
        assert loaded(path, options=LoadOptions(source="phoenix")).file
    with pytest.raises(LlmscopeError, match="result or score"):
        assert loaded(path, options=LoadOptions(source="phoenix_annotations")).file


WRONG: tuple[Any, ...] = (None, 5, -1.5, "x", "", [], [1], {}, {"a": None}, True, "2026-99-99")


def test_values_of_any_type_cost_no_other_row(tmp_path: Path) -> None:
    good = records()[2]
    spoilt = [{**good, "context": {"trace_id": f"w{i}", "span_id": f"{key}{i}"}, key: wrong}
              for i, wrong in enumerate(WRONG) for key in good if key != "context"]  # fmt: skip
    attributes = good["attributes"]
    spoilt += [{**good, "context": {"trace_id": f"v{i}", "span_id": f"{key}{i}"}, "attributes": {**attributes, key: w}}
               for i, w in enumerate(WRONG) for key in attributes]  # fmt: skip
    found = loaded(write_lines(tmp_path / "spans.jsonl", [*spoilt, good]))
    assert len(found.spans) == len(spoilt) + 1
    assert sum(r["span_id"] == "a1b2c3d4e5f60702" and r["input_tokens"] == 1200 for r in found.requests) == 1
    annotation = records(ANNOTATIONS)[0]
    spoilt = [
        {**annotation, "id": f"{key}{i}", key: w} for i, w in enumerate(WRONG) for key in annotation if key != "id"
    ]
    assert loaded(write_lines(tmp_path / "said.jsonl", [*spoilt, annotation])).file.rejected == 0


def written(shape: str, found: list[Any], folder: Path) -> Path:
    """The spans as the REST interface answers, or as the client's data frame is saved."""
    if shape == "rest":
        path = folder / "spans.json"
        path.write_text(json.dumps({"data": found, "next_cursor": None}), encoding="utf-8")
        return path
    if shape == "nested":
        return write_lines(folder / "spans.jsonl", [{**r, "attributes": nested(r["attributes"])} for r in found])
    rows = [framed(record) for record in found]
    if shape == "frame csv":
        # pandas writes lists and objects as Python prints them.
        return write_csv(folder / "frame.csv", rows)
    lines, path = write_lines(folder / "lines.jsonl", rows), folder / "frame.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * FROM read_json('{lines}', sample_size = -1)) TO '{path}' (FORMAT parquet)")
    return path


def framed(span: Mapping[str, Any]) -> dict[str, Any]:
    """A span as a row of get_spans_dataframe: a column an attribute, but one for all the metadata."""
    attributes = {k: v for k, v in span["attributes"].items() if not k.startswith("metadata")}
    held = {k.removeprefix("metadata."): v for k, v in span["attributes"].items() if k.startswith("metadata.")}
    row = {k: v for k, v in span.items() if k not in ("attributes", "context", "id", "unknown", "events")}
    row |= {f"context.{k}": v for k, v in span["context"].items()} | {"events": span["events"]}
    return row | {f"attributes.{k}": v for k, v in attributes.items()} | ({"attributes.metadata": held} if held else {})


def nested(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in objects, as the database holds them."""
    made: dict[str, Any] = {}
    for name, value in attributes.items():
        *parents, last = name.split(".")
        inner = made
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return made


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path
