"""Azure OpenAI's diagnostic log: times in ticks, no tokens. Figures are worked out by hand."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load.discover import inspect
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "azure_openai"
RECORDS = [json.loads(line) for line in (FIXTURES / "records.jsonl").read_text().splitlines()]


@cache
def log() -> Loaded:
    """The log, loaded once."""
    return loaded(FIXTURES / "records.jsonl")


def sample(*records: Any) -> Sample:
    return Sample("x.jsonl", "jsonl", records, {key: "JSON" for record in records for key in record})


def test_the_log_in_all() -> None:
    """Eight records: five calls, one a second and emptier time, a thread's creation and an audit.

    15,000,000 ticks are 1.5 s, and 2,500,000, 100,000 and 420,000 are 250, 10 and 42 ms; `durationMs` gives way.
    """
    got = log()

    assert ("azure_openai", 8, 5, 2, 1) == (
        got.file.source, got.file.lines, got.file.loaded, got.file.set_aside, got.file.duplicates,
    )  # fmt: skip
    assert [1500.0, 250.0, 10.0, 42.0, None] == [row.get("latency_ms") for row in got.requests]
    assert ["ok", "ok", "error", "ok", "error"] == [row["status"] for row in got.requests]
    assert {"missing"} == {row["usage_semantics"] for row in got.requests}
    assert any("latency and errors only" in note for note in got.file.notes)


def test_one_row_whole() -> None:
    """The deployment was asked for; the model that answered is named with its dated version."""
    expected = {
        "request_id": "corr-1", "request_model": "prod-4o", "response_model": "gpt-4o-2024-11-20",
        "model": "gpt-4o-2024-11-20", "operation": "chat", "provider": "azure.ai.openai", "region": "westeurope",
        "started_at": datetime(2026, 3, 1, 10), "ended_at": datetime(2026, 3, 1, 10, 0, 1, 500000),
        "latency_ms": 1500.0, "stream": False, "http_status": 200, "status": "ok",
        "metadata": {"resource": "CHAT-EU", "api": "Azure OpenAI API version 2024-10-21"},
        "source_format": "azure_openai", "usage_semantics": "missing", "timing_quality": "measured",
    }  # fmt: skip

    assert expected == log().requests[0]


def test_failures_and_strange_values() -> None:
    """A 429 with what was said of it; properties that are no JSON leave the record's own time and no duration."""
    _, _, limited, vector, broken = log().requests

    assert (429, "rate_limit", "<script>|[red]\x1b]0;x") == tuple(
        limited[key] for key in ("http_status", "error_class", "error_message")
    )
    assert ("embeddings", "text-embedding-3-small") == (vector["operation"], vector["model"])
    assert (500, "server", "unknown", datetime(2026, 3, 1, 10, 0, 6, 123456)) == tuple(
        broken[key] for key in ("http_status", "error_class", "model", "started_at")
    )


def test_the_storage_accounts_envelope(tmp_path: Path) -> None:
    """Older files wrap their records; properties may be an object."""
    records = [{**RECORDS[0], "properties": json.loads(RECORDS[0]["properties"])}, RECORDS[1]]
    (tmp_path / "PT1H.json").write_text(json.dumps({"records": records}))
    got = loaded(tmp_path / "PT1H.json")

    assert log().requests[:2] == got.requests


def test_log_analytics() -> None:
    """The portal's CSV: other names, the same ticks; without properties its own time and duration."""
    got = loaded(FIXTURES / "log_analytics.csv")

    assert [1500.0, 250.0, 10.0, 42.0, 88.0] == [row["latency_ms"] for row in got.requests]
    assert datetime(2026, 3, 1, 22, 0, 9, 250000) == got.requests[-1]["started_at"]
    assert log().requests[0] == {key: value for key, value in got.requests[0].items() if key != "source_line"}


def test_tokens_where_azure_writes_them(tmp_path: Path) -> None:
    """Newer records count the prompt and the answer, and the note is gone."""
    props = {**json.loads(RECORDS[0]["properties"]), "promptTokens": 120, "completionTokens": 30,
             "callerObjectId": "app-7"}  # fmt: skip
    got = loaded(write_lines(tmp_path / "log.jsonl", [{**RECORDS[0], "properties": json.dumps(props)}]))
    [row] = got.requests

    assert (120, 30, "app-7") == (row["input_tokens"], row["output_tokens"], row["metadata"]["caller_object_id"])
    assert not any("tokens" in note for note in got.file.notes)


def test_only_its_own_records_are_known() -> None:
    """By the kind of account; another service's RequestResponse is no one's."""
    source = load_source("azure_openai")
    other = {**RECORDS[0], "resourceId": "/SUBSCRIPTIONS/0/PROVIDERS/MICROSOFT.STORAGE/X", "properties": "{}"}
    table = inspect(FIXTURES / "log_analytics.csv", "x.csv")

    assert detect(sample(RECORDS[6])) == "azure_openai"
    assert table
    assert detect(table.sample) == "azure_openai"
    assert not source.detect(sample(other))
    assert not source.detect(sample({"model": "gpt-4o", "category": "RequestResponse", "operationName": 5}))
    with pytest.raises(LlmscopeError, match="category"):
        source.readings(sample({"a": 1}), {})
