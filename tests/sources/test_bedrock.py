"""Bedrock's invocation log in each of its wrappings, and Converse's answers. Figures are worked out by hand."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect, load_source
from tests.sources.loading import Loaded, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "bedrock"
RECORDS = [json.loads(line) for line in (FIXTURES / "records.jsonl").read_text().splitlines()]
ARN = "arn:aws:sts::111122223333:assumed-role/chat-api/i-0abc"


@cache
def log() -> Loaded:
    """The log in its plain form, loaded once, texts kept."""
    return loaded(FIXTURES / "records.jsonl", options=LoadOptions(keep_text=True))


def by_id(got: Loaded) -> dict[str, dict[str, Any]]:
    return {row["request_id"]: row for row in got.requests}


def sample(*records: Any) -> Sample:
    return Sample("x.jsonl", "jsonl", records, {key: "JSON" for record in records for key in record})


def test_the_log_in_all() -> None:
    """Eight lines, one of them sent twice.

    Input: 12 + 900 + 100 of r-converse, 3 + 70 of r-invoke, 2,447 of r-stream, 4 of r-conversestream, 7 of r-embed.
    Output: 5 + 64 + 153 + 38; an embedding has none.
    """
    got = log()

    assert ("bedrock", 8, 7, 0, 1) == (
        got.file.source, got.file.lines, got.file.loaded, got.file.set_aside, got.file.duplicates,
    )  # fmt: skip
    assert 1012 + 73 + 2447 + 4 + 7 == got.total("input_tokens")
    assert 5 + 64 + 153 + 38 == got.total("output_tokens")
    assert (900, 170) == (got.total("cache_read_tokens"), got.total("cache_write_tokens"))
    assert [640.0, 302.0, 2100.0] == [row["latency_ms"] for row in got.requests if "latency_ms" in row]
    assert {"aws.bedrock"} == {row["provider"] for row in got.requests}


def test_a_converse_record() -> None:
    """Cached tokens stand beside the input; the caller's own keys say feature, user and session."""
    row = by_id(log())["r-converse"]
    metadata = {"feature": "support-chat", "userId": "u-1", "sessionId": "s-1", "team": "[red]|<b>=1+1",
                "identity_arn": ARN, "account_id": "111122223333"}  # fmt: skip
    expected = {
        "request_id": "r-converse", "request_model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
        "model": "us.anthropic.claude-sonnet-4-20250514-v1:0", "provider": "aws.bedrock", "operation": "chat",
        "region": "us-west-2", "started_at": datetime(2026, 3, 1, 10), "latency_ms": 640.0, "stream": False,
        "input_tokens": 1012, "output_tokens": 5, "cache_read_tokens": 900, "cache_write_tokens": 100,
        "max_tokens": 200, "temperature": 0.2, "finish_reason": "stop", "finish_reason_raw": "end_turn",
        "refusal": False, "status": "ok", "feature": "support-chat", "user_id": "u-1", "session_id": "s-1",
        "metadata": metadata, "input_text": "Be brief\nHi there", "input_chars": 17, "output_text": "Hello!",
        "output_chars": 6, "source_format": "bedrock", "usage_semantics": "exclusive_fixed",
        "timing_quality": "measured",
    }  # fmt: skip

    assert expected == {key: value for key, value in row.items() if key != "prompt_hash"}


def test_an_anthropic_body_tells_times_to_live_and_its_own_id() -> None:
    """The counts are the record's, 3 + 70; of the 70, 50 for five minutes. The name that is priced is the one asked
    for: the body's own does not say that the price is the global one."""
    row = by_id(log())["r-invoke"]
    expected = {
        "response_id": "msg_bdrk_01", "input_tokens": 73, "cache_write_tokens": 70, "cache_write_5m_tokens": 50,
        "cache_write_1h_tokens": 20, "cache_read_tokens": 0, "finish_reason": "length",
        "model": "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "timing_quality": "missing",
    }  # fmt: skip

    assert expected == {key: row[key] for key in expected}
    assert "response_model" not in row
    assert "latency_ms" not in row


def test_a_streams_events() -> None:
    """What was billed is in the record and the metrics, 2,447, not the start's placeholder 2."""
    row = by_id(log())["r-stream"]
    expected = {
        "input_tokens": 2447, "output_tokens": 153, "latency_ms": 2100.0, "ttft_ms": 480.0, "stream": True,
        "finish_reason": "tool_calls", "response_id": "msg_bdrk_02", "output_text": "Good day",
        "usage_semantics": "inclusive",
    }  # fmt: skip

    assert expected == {key: row[key] for key in expected}


def test_counts_that_only_the_answer_has_an_error_and_an_embedding() -> None:
    """A record whose bodies went to S3 has the usage of Converse; a throttled one has no counts at all."""
    rows = by_id(log())
    assembled, failed, vector = (rows[name] for name in ("r-conversestream", "r-throttled", "r-embed"))

    assert (4, 38, "content_filter", True) == tuple(
        assembled[key] for key in ("input_tokens", "output_tokens", "finish_reason", "stream")
    )
    assert ("error", "rate_limit", "ThrottlingException", "missing", "support-chat") == tuple(
        failed[key] for key in ("status", "error_class", "error_type", "usage_semantics", "feature")
    )
    assert ("embeddings", 7) == (vector["operation"], vector["input_tokens"])
    assert "output_tokens" not in vector


def test_wrong_types_cost_no_row() -> None:
    """Two values are counted as faults, a time and a count; a profile of one's own is named by the answer's model."""
    got = log()
    row = by_id(got)["r-strange"]

    assert 2 == got.file.faults
    assert ("claude-3-haiku-20240307", {"account_id": "111122223333"}) == (row["model"], row["metadata"])
    assert not {"started_at", "input_tokens", "output_tokens", "max_tokens"} & row.keys()


def same_as_plain(got: Loaded, count: int) -> None:
    """The rows are those of the plain log."""
    plain = by_id(log())
    drop = ("source_line", "input_text", "output_text")

    assert got.file.source == "bedrock"
    assert count == got.file.loaded == len(got.requests)
    for row in got.requests:
        assert {k: v for k, v in plain[row["request_id"]].items() if k not in drop} == {
            k: v for k, v in row.items() if k not in drop
        }


def test_cloudwatch_events_in_an_envelope() -> None:
    """`aws logs filter-log-events`: the record is a string in `message`."""
    same_as_plain(loaded(FIXTURES / "cloudwatch.json"), 3)


def test_cloudwatch_lines_and_csv(tmp_path: Path) -> None:
    """One event a line; and Logs Insights' CSV with the message as a cell."""
    good = [RECORDS[i] for i in (0, 1, 2, 4)]
    lines = write_lines(tmp_path / "log.jsonl", [{"timestamp": 1, "message": json.dumps(r)} for r in good])
    cells = [["@timestamp", "@message"], *([str(i), json.dumps(record)] for i, record in enumerate(good))]
    with (tmp_path / "log.csv").open("w", newline="") as out:
        csv.writer(out).writerows(cells)

    same_as_plain(loaded(lines), 4)
    same_as_plain(loaded(tmp_path / "log.csv"), 4)


def test_gzipped_parts_one_after_the_other_and_parquet(tmp_path: Path) -> None:
    """S3's objects are gzipped lines, and two of them joined are a file too; Parquet as Athena writes it."""
    parts = [gzip.compress("".join(json.dumps(r) + "\n" for r in RECORDS[a:b]).encode()) for a, b in ((0, 2), (2, 3))]
    (tmp_path / "log.json.gz").write_bytes(b"".join(parts))
    lines = write_lines(tmp_path / "log.jsonl", RECORDS[:2])
    with duckdb.connect() as con:
        con.execute(f"COPY (FROM read_json('{lines}')) TO '{tmp_path / 'log.parquet'}' (FORMAT parquet)")

    same_as_plain(loaded(tmp_path / "log.json.gz"), 3)
    same_as_plain(loaded(tmp_path / "log.parquet"), 2)


def test_only_its_own_records_are_known() -> None:
    """By what the record says of itself; a message that only names the log is no record of it."""
    source = load_source("bedrock")

    assert detect(sample(RECORDS[4])) == "bedrock"
    assert not source.detect(sample({"model": "gpt-4o", "input_tokens": 1, "timestamp": "2026-01-01"}))
    assert not source.detect(sample({"message": "ModelInvocationLog delivery began"}))
    assert not source.detect(sample({"message": {"text": 1}}, {"message": None}))
    with pytest.raises(LlmscopeError, match="modelId"):
        source.readings(sample({"a": 1}), {})


def test_converse_in_pairs() -> None:
    """10 + 40 + 10 of the first; of a stream the last event, 8 + 100; and a call that failed."""
    got = loaded(FIXTURES / "converse.jsonl", options=LoadOptions(keep_text=True))
    rows = {row["started_at"].second: row for row in got.requests}
    first = {
        "request_id": "rq-1", "input_tokens": 60, "output_tokens": 3, "cache_read_tokens": 40,
        "cache_write_tokens": 10, "cache_write_5m_tokens": 10, "latency_ms": 321.0, "max_tokens": 50,
        "temperature": 0.5, "feature": "faq", "finish_reason": "stop", "model": "us.amazon.nova-pro-v1:0",
        "output_text": "Hi", "input_text": "Hello", "provider": "aws.bedrock", "status": "ok",
    }  # fmt: skip

    assert ("bedrock_converse", 3) == (got.file.source, got.file.loaded)
    assert first == {key: rows[0][key] for key in first}
    assert (108, 2, 100, 450.0, True, "Hi") == tuple(
        rows[5][key]
        for key in ("input_tokens", "output_tokens", "cache_read_tokens", "latency_ms", "stream", "output_text")
    )
    assert ("error", "ThrottlingException") == (rows[9]["status"], rows[9]["error_type"])


def test_converse_alone_has_the_servers_date(tmp_path: Path) -> None:
    """As boto3 gives it: answered at 10:00:05, after 2 seconds."""
    answer = {
        "ResponseMetadata": {"RequestId": "rq-9", "HTTPHeaders": {"date": "Sun, 01 Mar 2026 10:00:05 GMT"}},
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": "max_tokens",
        "usage": {"inputTokens": 7, "outputTokens": 1, "totalTokens": 8}, "metrics": {"latencyMs": 2000},
    }  # fmt: skip
    got = loaded(write_lines(tmp_path / "log.jsonl", [answer, {**answer, "metrics": 3, "usage": {"inputTokens": []}}]))
    [row] = [r for r in got.requests if "input_tokens" in r]

    assert (datetime(2026, 3, 1, 10, 0, 3), 2000.0, 7, 1, "length", "rq-9") == tuple(
        row[key] for key in ("started_at", "latency_ms", "input_tokens", "output_tokens", "finish_reason", "request_id")
    )
    assert not load_source("bedrock_converse").detect(sample({"usage": {"inputTokens": 1}, "model": "x"}))
