"""W&B Weave: whose usage counts where calls repeat each other's, what each of them was, and what was said of it."""

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
from llmscope.sources import Sample, weave, weave_feedback
from tests.sources.loading import Loaded, Row, loaded, write_lines

HERE = Path(__file__).parent / "fixtures" / "weave"
CALLS, FEEDBACK = HERE / "calls.jsonl", HERE / "feedback.jsonl"
FLAT = {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 2, "timestamp": "2026-11-20T10:00:00Z"}


@pytest.fixture(scope="module")
def calls() -> Loaded:
    return loaded(CALLS)


def by_id(rows: list[Row], key: str = "request_id") -> dict[str, Row]:
    return {row[key].removeprefix("0198c0de-"): row for row in rows}


def records(path: Path = CALLS) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sample(*found: Mapping[str, Any]) -> Sample:
    return Sample("x", "jsonl", found, {key: "JSON" for record in found for key in record})


def test_only_calls_that_no_call_repeats_are_requests(calls: Loaded) -> None:
    # 01 sums 02, 03 and 04; 05 and 10 call no model; 07 used two models and has no calls below it in the file.
    assert list(by_id(calls.requests)) == ["02", "03", "04", "06", "07", "07-claude-haiku-4-5", "08", "09"]
    # 11 lines, one more row of 07, and five pieces of feedback twice, one of them the number 7: 22.
    # Aside: 01, 05 and 10, and those 10 pieces.
    file = calls.file
    assert (file.lines, file.loaded, file.set_aside, file.duplicates, file.rejected) == (22, 8, 13, 1, 0)
    assert any("sum of several requests" in note for note in file.notes)


def test_tokens_by_kind(calls: Loaded) -> None:
    # input: 02 1200; 03 50 + 1000 read + 2000 written = 3050, for Anthropic leaves the cache out; 04 8; 07 500 and 70.
    assert calls.total("input_tokens") == 1200 + 3050 + 8 + 500 + 70
    assert calls.total("output_tokens") == 80 + 300 + 50 + 7
    assert calls.total("cache_read_tokens") == 1024 + 1000
    assert calls.total("cache_write_tokens") == 2000
    assert calls.total("reasoning_tokens") == 32
    rows = by_id(calls.requests)
    assert rows["03"]["usage_semantics"] == "exclusive_fixed"
    assert "output_tokens" not in rows["04"]
    assert rows["08"]["usage_semantics"] == "missing"
    assert "input_tokens" not in rows["08"]


def test_a_whole_request(calls: Loaded) -> None:
    row = by_id(calls.requests)["02"]
    assert {k: v for k, v in row.items() if not k.endswith("_at") and k != "prompt_hash"} == {
        "request_id": "0198c0de-02", "response_id": "chatcmpl-w1", "trace_id": "0198c0de-t01",
        "span_id": "0198c0de-02", "parent_span_id": "0198c0de-01", "session_id": "s-1", "user_id": "u-1",
        "feature": "answer|<script>\x1b]0;x", "environment": "production", "operation": "chat", "provider": "openai",
        "request_model": "gpt-4o", "response_model": "gpt-4o-2024-08-06", "model": "gpt-4o-2024-08-06",
        "latency_ms": 1500.0, "max_tokens": 100, "temperature": 0.2, "stream": False, "finish_reason": "stop",
        "finish_reason_raw": "stop", "refusal": False, "status": "ok", "input_tokens": 1200, "output_tokens": 80,
        "cache_read_tokens": 1024, "reasoning_tokens": 32, "audio_input_tokens": 0, "input_chars": 12,
        "output_chars": 5, "cost_logged_usd": pytest.approx(0.00252),  # 0.00044 + 0.0008 + 0.00128 of cache + 0
        "metadata": {"project_id": "a/s", "wb_user_id": "VXNlcjox"}, "source_format": "weave",
        "usage_semantics": "inclusive", "timing_quality": "measured",
    }  # fmt: skip


def test_cost_is_each_models_own(calls: Loaded) -> None:
    rows = by_id(calls.requests)
    assert rows["07"]["cost_logged_usd"] == pytest.approx(0.0014)  # 0.001 + 0.0004
    assert rows["07-claude-haiku-4-5"]["cost_logged_usd"] == pytest.approx(0.000105)  # 0.00007 + 0.000035
    assert calls.total("cost_logged_usd") == pytest.approx(0.00252 + 0.0014 + 0.000105)
    assert rows["07"]["feature"] == "digest"
    assert rows["07"]["session_id"] == "s-2"


def test_failures(calls: Loaded) -> None:
    rows = by_id(calls.requests)
    said = ("status", "error_class", "error_type", "http_status", "model", "provider")
    assert [rows["06"].get(k) for k in said] == ["error", "rate_limit", "RateLimitError", 429, "gpt-4o", "openai"]
    # A traceback as text; its usage is no number, and what is no figure is unknown and counted.
    assert [rows["09"].get(k) for k in said] == ["error", "timeout", "TimeoutError", None, "gpt-4o", "openai"]
    assert calls.file.faults == 1
    assert by_id(calls.spans, "span_id")["05"]["status"] == "ok"  # what failed was below it


def test_spans_and_traces(calls: Loaded) -> None:
    spans = by_id(calls.spans, "span_id")
    assert list(spans) == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"]
    assert [spans[i]["kind"] for i in ("01", "02", "04", "05")] == ["other", "llm", "embedding", "other"]
    assert spans["03"]["request_id"] == "0198c0de-03"
    assert "request_id" not in spans["01"]
    trace = calls.traces[0]
    assert (trace["user_id"], trace["session_id"], trace["trace_id"]) == ("u-1", "s-1", "0198c0de-t01")


def test_feedback_inside_the_calls(calls: Loaded) -> None:
    shown = [(s["score_id"], s["name"], s.get("value"), s.get("label"), s["data_type"], s["rater_kind"])
             for s in calls.scores]  # fmt: skip
    assert shown == [
        ("fb-1", "reaction", 1.0, "👍🏽", "categorical", "human"),
        ("fb-2", "note", None, None, "text", "human"),
        ("fb-3", "faithful", 1.0, None, "boolean", "judge"),
        ("fb-4", "tone", None, "friendly", "categorical", "human"),
    ]
    assert {s["request_id"] for s in calls.scores} == {"0198c0de-02"}


def test_feedback_on_its_own() -> None:
    both = loaded(FEEDBACK, CALLS)
    alone, _ = both.report.files
    # fb-6 is about an object, and the last names no call at all.
    assert (alone.source, alone.lines, alone.loaded, alone.set_aside) == ("weave_feedback", 8, 6, 2)
    scores = by_id(both.scores, "score_id")
    assert len(scores) == 6
    assert (scores["fb-5"]["name"], scores["fb-5"]["value"], scores["fb-5"]["rater_kind"]) == ("usefulness", 4.0, "api")
    assert scores["fb-5"]["request_id"] == "0198c0de-03"
    assert scores["fb-7"]["value"] == 0.0
    texts = loaded(FEEDBACK, options=LoadOptions(keep_text=True))
    assert by_id(texts.scores, "score_id")["fb-2"]["explanation"] == "too long"


def test_texts_are_kept_when_asked() -> None:
    rows = by_id(loaded(CALLS, options=LoadOptions(keep_text=True)).requests)
    assert (rows["02"]["input_text"], rows["02"]["output_text"]) == ("Be short.\nHi", "Hello")
    assert (rows["03"]["input_text"], rows["03"]["output_text"]) == ("Sum up.", "Short.")


TOTALS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


@pytest.mark.parametrize("shape", ["envelope", "strings", "flat csv", "parquet", "flat parquet"])
def test_every_container_says_the_same(shape: str, calls: Loaded, tmp_path: Path) -> None:
    # Without the two calls whose values are of wrong types: a table cannot hold them.
    well = [r for r in records() if not r["id"].endswith(("09", "10"))]
    for record in well:
        record["summary"].get("weave", {}).get("feedback", [])[4:] = []
    found = loaded(written(shape, well, tmp_path))
    expected = [r for r in calls.requests if not r["request_id"].endswith("09")]
    assert found.file.source == "weave"
    assert [r["request_id"] for r in found.requests] == [r["request_id"] for r in expected]
    for ours, theirs in zip(found.requests, expected, strict=True):
        for column in (*TOTALS, "model", "status", "latency_ms", "feature", "user_id", "started_at", "provider"):
            assert ours.get(column) == theirs.get(column), (column, ours["request_id"])
        assert ours.get("cost_logged_usd") == pytest.approx(theirs.get("cost_logged_usd"))
    if "flat" not in shape:
        assert [s["name"] for s in found.scores] == [s["name"] for s in calls.scores]


def test_feedback_in_columns(tmp_path: Path) -> None:
    call = flattened(records()[1])
    call["summary.weave.feedback.wandb.reaction.1.payload.emoji"] = "👎"
    (score,) = loaded(write_csv(tmp_path / "calls.csv", [call])).scores
    assert (score["name"], score["value"], score["span_id"]) == ("reaction", 0.0, "0198c0de-02")


def test_whose_file_it_is() -> None:
    for record in records():
        assert weave.detect(sample(record))
        assert not weave_feedback.detect(sample(record))
    for record in records(FEEDBACK):
        assert weave_feedback.detect(sample(record))
        assert not weave.detect(sample(record))
    assert not weave.detect(sample(FLAT))
    assert not weave_feedback.detect(sample(FLAT))


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "calls.jsonl", [{"op_name": "x", "inputs": {}, "id": "1"}])
    with pytest.raises(LlmscopeError, match="'started_at'"):
        assert loaded(path, options=LoadOptions(source="weave")).file
    with pytest.raises(LlmscopeError, match="'feedback_type'"):
        assert loaded(path, options=LoadOptions(source="weave_feedback")).file


WRONG: tuple[Any, ...] = (
    None,
    5,
    -1.5,
    "x",
    "",
    [],
    [1],
    {},
    {"a": None},
    True,
    "2026-99-99",
    {"gpt": {"requests": []}},
)


def test_values_of_any_type_cost_no_other_row(tmp_path: Path) -> None:
    good = records()[1]
    keys = [key for key in good if key not in ("id", "op_name")]
    spoilt = [{**good, "id": f"w-{i}-{key}", key: wrong} for i, wrong in enumerate(WRONG) for key in keys]
    spoilt += [{**good, "id": f"v-{i}", "summary": {"usage": wrong, "weave": wrong}} for i, wrong in enumerate(WRONG)]
    found = loaded(write_lines(tmp_path / "calls.jsonl", [*spoilt, good]))
    assert len(found.spans) == len(spoilt) + 1
    assert by_id(found.requests)["02"]["input_tokens"] == 1200


def written(shape: str, calls: list[Any], folder: Path) -> Path:
    """The calls in one of the containers an export may have."""
    if shape == "envelope":
        path = folder / "calls.json"
        path.write_text(json.dumps({"calls": calls}), encoding="utf-8")
        return path
    if shape == "strings":
        held = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in call.items()} for call in calls]
        return write_lines(folder / "calls.jsonl", held)
    if shape == "flat csv":
        return write_csv(folder / "calls.csv", [flattened(call) for call in calls])
    lines, path = folder / "lines.jsonl", folder / "calls.parquet"
    write_lines(lines, [flattened(call) if shape == "flat parquet" else call for call in calls])
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * FROM read_json('{lines}', sample_size = -1)) TO '{path}' (FORMAT parquet)")
    return path


def flattened(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call with a column for each figure inside its objects."""
    flat: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict) and path != "summary.weave.feedback":
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        else:
            flat[path] = json.dumps(value) if isinstance(value, list) else value

    walk(call, "")
    return flat


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path
