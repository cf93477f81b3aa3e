"""Claude Code's sessions: several lines a call, replays, copies and failures."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, claude_code, detect
from llmscope.sources._usage import normalise
from tests.sources.loading import Loaded, Row, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "claude_code"
SONNET = "claude-sonnet-4-5-20250929"


@pytest.fixture(scope="module")
def session() -> Loaded:
    return loaded(FIXTURES / "session.jsonl")


def row(found: Loaded, request_id: str) -> Row:
    (only,) = [r for r in found.requests if r["request_id"] == request_id]
    return only


def a_line(usage: Any, **more: Any) -> dict[str, Any]:
    """An assistant's line."""
    message = {"id": "msg_1", "role": "assistant", "model": SONNET, "usage": usage}
    return {"type": "assistant", "uuid": "a", "sessionId": "s", "timestamp": "2026-09-01T10:00:00Z",
            "message": message, **more}  # fmt: skip


def test_every_line_is_accounted_for(session: Loaded) -> None:
    """19 lines: six calls and two failures are rows, msg_A's first line is there twice, the other ten are no calls."""
    file = session.file

    assert (file.source, file.lines, file.loaded, file.set_aside, file.duplicates) == ("claude_code", 19, 8, 10, 1)
    assert file.faults == 1  # "oops" is no count


def test_tokens_by_kind(session: Loaded) -> None:
    """Input is A 10+100+1000, B 3+1100, D 10+1000 (its compaction too, the advisor not), the oldest line 20+5+5."""
    assert session.total("input_tokens") == 1110 + 1103 + 1010 + 30
    assert session.total("output_tokens") == 250 + 40 + 7 + 205 + 9
    assert session.total("cache_read_tokens") == 1000 + 1100 + 5
    assert session.total("cache_write_tokens") == 100 + 5
    assert session.total("cost_logged_usd") == 0.12


def test_a_call_on_two_lines(session: Loaded) -> None:
    """The last line's output; from the user's line to the last of its own; the project is where the session began."""
    assert row(session, "msg_A") == {
        "request_id": "msg_A", "response_id": "msg_A", "session_id": "5e550000-0000-4000-8000-000000000001",
        "feature": "acme-web", "service": "claude-code", "release": "2.1.7", "operation": "chat",
        "provider": "anthropic", "response_model": SONNET, "model": SONNET, "finish_reason": "tool_calls",
        "finish_reason_raw": "tool_use", "refusal": False, "status": "ok", "service_tier": "default",
        "started_at": datetime(2026, 9, 1, 10), "ended_at": datetime(2026, 9, 1, 10, 0, 6, 500000),
        "latency_ms": 6500.0, "timing_quality": "inferred", "input_tokens": 1110, "output_tokens": 250,
        "cache_read_tokens": 1000, "cache_write_tokens": 100, "cache_write_5m_tokens": 60, "cache_write_1h_tokens": 40,
        "web_searches": 2, "usage_semantics": "exclusive_fixed", "source_format": "claude_code",
        "metadata": {"git_branch": "feat/[red]|\x1b]0;x<script>", "version": "2.1.7", "sidechain": "false"},
    }  # fmt: skip


def test_a_call_begins_with_the_line_it_answers(session: Loaded) -> None:
    """The tool's result of 10:00:08 was answered at 10:00:09.250; `speed` makes another price."""
    answered = row(session, "msg_B")

    assert (answered["latency_ms"], answered["service_tier"], answered["feature"]) == (1250.0, "fast", "acme-web")


def test_failures(session: Loaded) -> None:
    """A retry's line and the last failure are failed calls without tokens; `<synthetic>` alone is nothing."""
    retry, last = row(session, "s1"), row(session, "e1")

    assert (retry["status"], retry["http_status"], retry["error_class"], retry["attempt"]) == (
        "error", 529, "overloaded", 1,
    )  # fmt: skip
    assert (retry["error_type"], retry["error_message"]) == ("overloaded_error", "Overloaded")
    assert (retry["latency_ms"], last["latency_ms"]) == (2000.0, 3000.0)
    assert (last["http_status"], last["error_class"], last["error_type"]) == (429, "rate_limit", "rate_limit")
    assert "sk-ant" not in last["error_message"]
    assert {r["usage_semantics"] for r in (retry, last)} == {"missing"}
    assert not {r["request_id"] for r in session.requests} & {"n1", "0f0f"}


def test_what_is_not_known_is_null(session: Loaded) -> None:
    """A count that is a word, a message without usage, a line that answers none."""
    word, without, oldest = row(session, "msg_C"), row(session, "msg_E"), row(session, "msg_old")

    assert ("input_tokens" in word, word["output_tokens"]) == (False, 7)
    assert (without["usage_semantics"], without["status"], "input_tokens" in without) == ("missing", "ok", False)
    assert (oldest["timing_quality"], "latency_ms" in oldest) == ("missing", False)
    assert oldest["started_at"] == datetime(2026, 9, 1, 10, 5)


def test_a_call_counts_once_across_files() -> None:
    """The resumed session copies A and B, the sub-agent replays B under another request's id."""
    found = loaded(FIXTURES)

    assert [r["request_id"] for r in found.requests] == [
        "e1", "msg_A", "msg_B", "msg_C", "msg_D", "msg_E", "msg_F", "msg_G", "msg_old", "s1",
    ]  # fmt: skip
    assert found.total("input_tokens") == 3253 + 5 + 100
    assert found.report.total("duplicates") == 1 + 3 + 1
    assert row(found, "msg_B")["metadata"]["sidechain"] == "false"
    assert row(found, "msg_F")["metadata"]["sidechain"] == "true"


def test_usage_is_read_as_any_providers_is(tmp_path: Path) -> None:
    """Our own short SQL says what `_usage` says of the same objects."""
    ttl = {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 30}
    usages: list[dict[str, Any]] = [
        {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 8},
        {"input_tokens": 5, "output_tokens": 6, "cache_creation_input_tokens": 1, "cache_creation": ttl},
        {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, "service_tier": "priority"},
        {"input_tokens": 5, "output_tokens": 60, "output_tokens_details": {"thinking_tokens": 50}, "iterations": [
            {"type": "message", "input_tokens": 9, "output_tokens": 70, "cache_read_input_tokens": 3}]},
        {"output_tokens": 4, "cache_read_input_tokens": 9, "service_tier": "standard", "speed": "fast"},
        {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 0, "server_tool_use":
            {"web_search_requests": 3}, "service_tier": "auto"},
    ]  # fmt: skip
    lines = [a_line(u, uuid=f"a{i}") for i, u in enumerate(usages)]
    for i, line in enumerate(lines):
        line["message"]["id"] = f"msg_{i}"
    expected = normalise(usages, cache="exclusive")

    found = loaded(write_lines(tmp_path / "session.jsonl", lines)).requests

    kept = {name for one in expected for name in one}
    assert [{n: v for n, v in r.items() if n in kept} for r in found] == expected


def test_hostile_values(tmp_path: Path) -> None:
    """Wrong types anywhere cost their own column at most."""
    wrong: list[Any] = ["x", 5, None, ["a"], {"b": 1}, True]
    keys = ["message", "uuid", "parentUuid", "timestamp", "isSidechain", "requestId", "costUSD", "cwd", "error",
            "isApiErrorMessage", "version", "gitBranch"]  # fmt: skip
    lines = [{**a_line({"input_tokens": 1, "output_tokens": 1}), key: value} for key in keys for value in wrong]
    lines += [a_line(value) for value in wrong]
    for i, line in enumerate(lines):
        if isinstance(line["message"], dict):
            line["message"] = {**line["message"], "id": f"msg_{i}"}
        line["nested"] = {"deep": [i]}

    found = loaded(write_lines(tmp_path / "session.jsonl", lines))

    assert found.file.source == "claude_code"
    assert found.file.lines == len(lines) == found.file.loaded + found.file.set_aside + found.file.duplicates


def test_a_grown_session_is_read_anew(tmp_path: Path) -> None:
    """Later lines may belong to a call that is loaded already."""
    lines = (FIXTURES / "session.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "session.jsonl"
    path.write_text("".join(lines[:4]), encoding="utf-8")
    before = loaded(path)
    path.write_text("".join(lines), encoding="utf-8")

    assert before.total("output_tokens") == 1
    assert loaded(path).total("output_tokens") == 511


def test_detect() -> None:
    """Lines of a session, of any kind; not a plain record, nor a chat with a type."""
    ours = [json.loads(line) for line in (FIXTURES / "session.jsonl").read_text(encoding="utf-8").splitlines()]
    others: list[dict[str, Any]] = [
        {"model": "gpt-4o", "input_tokens": 1}, {"type": "user", "id": "m", "timestamp": "t", "content": "x"},
        {"sessionId": "s", "projectHash": "h"}, {"type": "summary", "text": "x"},
    ]  # fmt: skip

    kinds = [detect(Sample("x", "jsonl", (line,), dict.fromkeys(line, "JSON"))) for line in ours]

    assert kinds.count("claude_code") == len(ours) - 1  # of a kind nobody knows yet
    assert not any(claude_code.is_line(record) for record in others)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"a": 1}])

    with pytest.raises(LlmscopeError, match="without 'message or sessionId"):
        loaded(path, options=LoadOptions(source="claude_code")).file.check()
