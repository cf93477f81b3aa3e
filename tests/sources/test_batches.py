"""What the providers' batches give back: priced as a batch, failures counted, items named. Figures by hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "batches"


@cache
def fixture(name: str) -> Loaded:
    return loaded(FIXTURES / name, options=LoadOptions(keep_text=True))


def by_item(got: Loaded) -> dict[str, dict[str, Any]]:
    return {row["item_id"]: row for row in got.requests}


@pytest.mark.parametrize(
    ("name", "source", "loaded_rows", "duplicates", "sent", "got", "statuses"),
    [
        # 20 + 30, the third's count is a word; 5 + 7.
        ("openai_chat.jsonl", "openai_chat", 5, 0, 50, 12, "cancelled error ok ok ok"),
        ("openai_errors.jsonl", "openai_chat", 2, 0, 0, 0, "cancelled error"),
        ("openai_responses.jsonl", "openai_responses", 2, 0, 40, 9, "error ok"),
        # 8 + 3 + 8; the fourth line is the third again.
        ("openai_embeddings.jsonl", "openai_embeddings", 3, 1, 19, 0, "ok ok ok"),
        # 11 + 100 + 20, and 11.
        ("anthropic.jsonl", "anthropic_messages", 5, 0, 142, 8, "cancelled cancelled error ok ok"),
        # Answer 2 + thoughts 3, and 4.
        ("gemini.jsonl", "gemini", 3, 0, 30, 9, "error ok ok"),
        ("vertex.jsonl", "gemini", 2, 0, 6, 1, "error ok"),
        # 11 + 9 cached, 3, 8; 4 + 5 + 3.
        ("bedrock.jsonl", "bedrock_converse", 4, 0, 31, 12, "error ok ok ok"),
    ],
)
def test_every_line_is_a_request(
    name: str, source: str, loaded_rows: int, duplicates: int, sent: int, got: int, statuses: str
) -> None:
    """Those that failed, ran out of time or were cancelled too; all at the price of a batch."""
    found = fixture(name)

    assert (source, loaded_rows, 0, duplicates) == (
        found.file.source, found.file.loaded, found.file.set_aside, found.file.duplicates,
    )  # fmt: skip
    assert (sent, got) == (found.total("input_tokens"), found.total("output_tokens"))
    assert statuses.split() == sorted(row["status"] for row in found.requests)
    assert {"batch"} == {row["service_tier"] for row in found.requests}


def test_openai_lines_that_came_to_nothing() -> None:
    """A refused request has the endpoint's own error; one out of time was never run."""
    rows = by_item(fixture("openai_chat.jsonl"))
    keys = ("request_id", "status", "error_class", "error_type", "http_status")

    assert ("batch_req_3", "error", "context_length", "context_length_exceeded", 400) == tuple(
        rows["item-3"][key] for key in keys
    )
    assert ("batch_req_4", "cancelled", "cancelled", "batch_expired", None) == tuple(
        rows["item-4"].get(key) for key in keys
    )
    assert "<script>|=1+1\x1b]0;x" in rows


def test_anthropic_lines() -> None:
    """Succeeded with cache writes of two kinds, errored, expired and canceled."""
    rows = by_item(fixture("anthropic.jsonl"))
    first = {"request_id": "msg_1", "input_tokens": 131, "cache_read_tokens": 100, "cache_write_tokens": 20,
             "cache_write_5m_tokens": 5, "cache_write_1h_tokens": 15, "output_tokens": 4, "status": "ok"}  # fmt: skip

    assert first == {key: rows["q-1"][key] for key in first}
    assert ["overloaded", "cancelled", "cancelled"] == [rows[name]["error_class"] for name in ("q-3", "q-4", "q-5")]
    assert ["overloaded_error", "expired", "canceled"] == [rows[name]["error_type"] for name in ("q-3", "q-4", "q-5")]


def test_google_lines() -> None:
    """The Gemini API's have a key and no request; Vertex AI's an empty status where all went well."""
    rows = by_item(fixture("gemini.jsonl"))
    failed, good = sorted(fixture("vertex.jsonl").requests, key=lambda row: str(row["status"]))

    assert ("g-1", 5, 3) == tuple(rows["k-1"][key] for key in ("request_id", "output_tokens", "reasoning_tokens"))
    assert ("rate_limit", "RESOURCE_EXHAUSTED", 429, "gcp.gemini") == tuple(
        rows["k-3"][key] for key in ("error_class", "error_type", "http_status", "provider")
    )
    assert ("gcp.vertex_ai", 9) == (good["provider"], good["max_tokens"])
    assert failed["error_message"].startswith("Bad Request")


def test_bedrock_lines_of_three_models() -> None:
    """Anthropic's body, Converse's and Titan's, and a bad request; only the first names its model."""
    rows = by_item(fixture("bedrock.jsonl"))
    keys = ("model", "input_tokens", "output_tokens", "finish_reason", "output_text")

    assert ("claude-haiku-4-5-20251001", 20, 4, "stop", "Hi") == tuple(rows["CALL0000001"][key] for key in keys)
    assert ("unknown", 3, 5, "length", "yo") == tuple(rows["CALL0000002"][key] for key in keys)
    assert ("unknown", 8, 3, "stop", "blue") == tuple(rows["CALL0000003"][key] for key in keys)
    assert ("input_validation", "bad request", 400) == tuple(
        rows["CALL0000004"][key] for key in ("error_class", "error_message", "http_status")
    )


def test_custom_ids_used_again_are_other_requests(tmp_path: Path) -> None:
    """The ids one gives the items are the same in the next batch; the lines' own are not."""
    lines = [json.loads(line) for line in (FIXTURES / "openai_embeddings.jsonl").read_text().splitlines()][:2]
    again = [{**line, "id": f"batch_req_9{i}"} for i, line in enumerate(lines)]
    got = loaded(write_lines(tmp_path / "a.jsonl", lines), write_lines(tmp_path / "b.jsonl", again))

    assert 22 == got.total("input_tokens")
    assert ["doc-1", "doc-1", "doc-2", "doc-2"] == sorted(row["item_id"] for row in got.requests)


def test_a_failed_line_alone_tells_whose_it_is() -> None:
    """As where records of a mixed file are looked at one by one; a logger's own `key` makes no batch."""

    def source(record: dict[str, Any]) -> str | None:
        return detect(Sample("x.jsonl", "jsonl", (record,), dict.fromkeys(record, "JSON")))

    def last(name: str) -> Any:
        return json.loads((FIXTURES / name).read_text().splitlines()[-1])

    assert ["openai_chat", "anthropic_messages", "gemini", "bedrock_converse"] == [
        source(last(name)) for name in ("openai_errors.jsonl", "anthropic.jsonl", "gemini.jsonl", "bedrock.jsonl")
    ]
    assert source({"key": "a", "error": "no"}) is None


def test_a_key_of_the_loggers_own_is_no_batch(tmp_path: Path) -> None:
    """Beside a request or a time, `key` is something else, an API key's name for one."""
    answer = json.loads((FIXTURES / "gemini.jsonl").read_text().splitlines()[0])["response"]
    record = {"key": "team-a", "timestamp": "2026-03-01T10:00:00Z", "request": {"contents": []}, "response": answer}
    [row] = loaded(write_lines(tmp_path / "log.jsonl", [record])).requests

    assert "service_tier" not in row
    assert "item_id" not in row
