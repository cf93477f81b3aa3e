"""The SDK's printed spans, from file to rows. The fixture is that of OTLP in the SDK's spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures"
SPANS = FIXTURES / "otel_console" / "spans.jsonl"


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SPANS.read_text(encoding="utf-8").splitlines()]


def test_totals() -> None:
    """Trace a: 7 spans, 3 of them requests, one delivered twice; trace b: a stream without usage."""
    found = loaded(SPANS)
    file = found.file
    assert (file.lines, file.loaded, file.set_aside, file.duplicates) == (10, 4, 5, 1)  # the score is set aside
    assert (found.total("input_tokens"), found.total("output_tokens")) == (1008, 100)
    assert (found.total("cache_read_tokens"), found.total("reasoning_tokens")) == (400, 30)
    stream = next(row for row in found.requests if row["span_id"].endswith("51"))
    assert (stream["stream"], stream["ttft_ms"], stream["usage_semantics"]) == (True, 250.0, "missing")
    assert [score["value"] for score in found.scores] == [0.8]


def test_the_same_rows_as_from_otlp() -> None:
    """The same spans give the same rows, but for the name of the source."""
    printed = {row["request_id"]: row for row in loaded(SPANS).requests}
    for row in loaded(FIXTURES / "otlp" / "genai.jsonl").requests:
        assert printed[row["request_id"]] == {**row, "source_format": "otel_console"}


def test_spans_keep_no_texts() -> None:
    spans = loaded(SPANS).spans
    kept = next(row["attributes"] for row in spans if row["span_id"].endswith("c2"))
    assert not any(name.startswith(("gen_ai.usage.", "gen_ai.response.")) for name in kept)
    assert not any(word in str(row) for row in spans for word in ("secret", "parcel", "On its way"))


def test_an_array(tmp_path: Path) -> None:
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(records(), indent=4), encoding="utf-8")
    assert loaded(path).requests == loaded(SPANS).requests


def test_wrong_types_harm_nobody_else(tmp_path: Path) -> None:
    spans = records()
    for wrong in (None, 5, "x", [], {}, [None], {"a": 1}):
        for key in ("name", "parent_id", "start_time", "status", "attributes", "events", "resource"):
            context = {"trace_id": "0x" + "b" * 32, "span_id": "0x01"}
            spans.append({**spans[0], "context": context, "attributes": {}, key: wrong})
    assert loaded(write_lines(tmp_path / "log", spans)).total("input_tokens") == 1008


def test_detection() -> None:
    (span, *_) = records()
    assert detect(Sample("x", "jsonl", (span,), dict.fromkeys(span, "JSON"))) == "otel_console"
    other = {**span, "context": {"trace_id": "ab", "span_id": "cd"}}
    assert not load_source("otel_console").detect(Sample("x", "jsonl", (other,), dict.fromkeys(other, "JSON")))
    with pytest.raises(LlmscopeError, match="context"):
        load_source("otel_console").readings(Sample("x", "jsonl", ({"a": 1},), {"a": "JSON"}), {})
