"""OpenCode's messages: in files of their own, in lists, in its database."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect, opencode
from tests.sources.loading import Loaded, Row, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "opencode"
MESSAGES = [json.loads(line) for line in (FIXTURES / "messages.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def messages() -> Loaded:
    return loaded(FIXTURES / "messages.jsonl")


def row(found: Loaded, request_id: str) -> Row:
    (only,) = [r for r in found.requests if r["request_id"] == request_id]
    return only


def test_every_message_is_accounted_for(messages: Loaded) -> None:
    """Seven messages, one of them the user's; a cost of "free" is no figure."""
    file = messages.file

    assert (file.source, file.lines, file.loaded, file.set_aside, file.faults) == ("opencode", 7, 6, 1, 1)


def test_tokens_by_kind(messages: Loaded) -> None:
    """Input 100+800+30, 200+1000, 10. Output: a's total of 1000 leaves room for 20 of reasoning beside 50; OpenAI's 90
    holds its 30; Google's of an older version does not."""
    assert messages.total("input_tokens") == 930 + 1200 + 10
    assert messages.total("output_tokens") == 70 + 90 + 120
    assert messages.total("cache_read_tokens") == 800 + 1000
    assert messages.total("cache_write_tokens") == 30
    assert messages.total("reasoning_tokens") == 20 + 30 + 30
    assert messages.total("cost_logged_usd") == pytest.approx(3 * 0.0123)


def test_a_message_in_a_file_of_its_own() -> None:
    """1788350400000 ms is 2026-09-02 12:00 UTC; it was done 2.5 s later, its tools included."""
    found = loaded(FIXTURES / "msg_a.json")

    assert found.requests == [{
        "request_id": "msg_a", "session_id": "ses_1", "trace_id": "msg_u", "feature": "acme-web",
        "service": "opencode", "operation": "chat", "provider": "anthropic", "response_model": "claude-sonnet-4-5",
        "model": "claude-sonnet-4-5", "finish_reason": "tool_calls", "finish_reason_raw": "tool-calls",
        "refusal": False, "status": "ok", "started_at": datetime(2026, 9, 2, 12),
        "ended_at": datetime(2026, 9, 2, 12, 0, 2, 500000), "latency_ms": 2500.0, "timing_quality": "inferred",
        "input_tokens": 930, "output_tokens": 70, "cache_read_tokens": 800, "cache_write_tokens": 30,
        "reasoning_tokens": 20, "cost_logged_usd": 0.0123, "usage_semantics": "exclusive_fixed",
        "source_format": "opencode", "metadata": {"agent": "plan"},
    }]  # fmt: skip


def test_what_went_wrong(messages: Loaded) -> None:
    """Cut off by the user, refused by the API, and a message of wrong types: none of them has counts of zero."""
    cut, refused, odd = (row(messages, f"msg_{name}") for name in "def")

    assert (cut["status"], "error_class" in cut) == ("cancelled", False)
    assert (refused["status"], refused["http_status"], refused["error_class"]) == ("error", 429, "rate_limit")
    assert (refused["error_type"], refused["error_message"]) == ("APIError", "Too many requests")
    assert not any("input_tokens" in r for r in (cut, refused, odd))
    assert {r["usage_semantics"] for r in (cut, refused, odd)} == {"missing"}


def test_projects_and_providers(messages: Loaded) -> None:
    """The last folder of the root, Windows' too; `google` is Gemini's own API."""
    assert row(messages, "msg_b")["feature"] == "shop"
    assert row(messages, "msg_c")["provider"] == "gcp.gemini"
    assert "feature" not in row(messages, "msg_f")


def test_a_list_and_a_database_say_the_same(messages: Loaded, tmp_path: Path) -> None:
    """A JSON array, and the table `message` of opencode.db, in which the ids stand beside the rest."""
    array, base = tmp_path / "messages.json", tmp_path / "opencode.db"
    array.write_text(json.dumps(MESSAGES), encoding="utf-8")
    con = sqlite3.connect(base)
    con.execute("CREATE TABLE message (id TEXT, session_id TEXT, time_created INTEGER, data TEXT)")
    for message in MESSAGES:
        data = {key: value for key, value in message.items() if key not in ("id", "sessionID")}
        con.execute("INSERT INTO message VALUES (?, ?, 1, ?)", [message["id"], message["sessionID"], json.dumps(data)])
    con.execute("INSERT INTO message VALUES ('msg_z', 'ses_1', 1, 'no json')")
    con.commit()
    con.close()

    assert loaded(array).requests == messages.requests
    assert loaded(base).requests == messages.requests


def test_hostile_values(tmp_path: Path) -> None:
    """Wrong types anywhere cost their own column at most."""
    wrong: list[Any] = ["x", 5, None, ["a"], {"b": 1}, True]
    good = MESSAGES[1]
    lines = [{**good, "id": f"m{key}{i}", key: v} for key in good if key != "id" for i, v in enumerate(wrong)]
    lines += [{**good, "id": f"t{i}", "tokens": {"input": v, "output": v, "cache": v}} for i, v in enumerate(wrong)]
    lines += [{**good, "id": f"c{i}", "time": {"created": v, "completed": v}} for i, v in enumerate(wrong)]
    lines += [good] * len(lines)

    found = loaded(write_lines(tmp_path / "messages.jsonl", lines))

    assert found.file.source == "opencode"
    assert row(found, "mrole2")["output_tokens"] == 70


def test_detect() -> None:
    """Each message alone; not a plain record, nor one whose session is spelt otherwise."""
    assert all(detect(Sample("x", "json", (m,), dict.fromkeys(m, "JSON"))) == "opencode" for m in MESSAGES)
    for plain in ({"model": "gpt-4o", "input_tokens": 1}, {"sessionId": "s", "modelID": "m"}, {"role": "user"}):
        assert not opencode.detect(Sample("x", "json", (plain,), dict.fromkeys(plain, "JSON")))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"a": 1}])

    with pytest.raises(LlmscopeError, match="a message of OpenCode without 'sessionID'"):
        loaded(path, options=LoadOptions(source="opencode")).file.check()
