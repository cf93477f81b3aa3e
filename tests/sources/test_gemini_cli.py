"""Gemini CLI's sessions: messages written again, rewound ones, and the older single object."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect, gemini_cli
from tests.sources.loading import Loaded, Row, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "gemini_cli"
SESSION = "aaaa0000-0000-4000-8000-000000000001"
PROJECT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture(scope="module")
def session() -> Loaded:
    return loaded(FIXTURES / "session.jsonl")


def row(found: Loaded, ending: str) -> Row:
    (only,) = [r for r in found.requests if r["request_id"].endswith(ending)]
    return only


def test_every_line_is_accounted_for(session: Loaded) -> None:
    """12 lines: four answers, one of them written twice; the others are heads, people, tools and notes."""
    assert (session.file.source, session.file.lines, session.file.loaded) == ("gemini_cli", 12, 4)
    assert session.file.set_aside == 8


def test_tokens_by_kind(session: Loaded) -> None:
    """Input 9000 and 2000 + 100 of tools; output 12 + 40 and 30 + 10 of thoughts; what was rewound was billed."""
    assert session.total("input_tokens") == 9000 + 2100
    assert session.total("output_tokens") == 52 + 40
    assert session.total("cache_read_tokens") == 8000
    assert session.total("reasoning_tokens") == 40 + 10


def test_a_call_that_was_written_twice(session: Loaded) -> None:
    """The line with the tokens counts; the user's message of 10:00:01 was answered at 10:00:03."""
    assert row(session, ":m2") == {
        "request_id": f"{SESSION}:m2", "session_id": SESSION, "feature": PROJECT, "service": "gemini-cli",
        "operation": "chat", "provider": "gcp.gemini", "response_model": "gemini-2.5-pro", "model": "gemini-2.5-pro",
        "status": "ok", "started_at": datetime(2026, 9, 3, 10, 0, 1), "ended_at": datetime(2026, 9, 3, 10, 0, 3),
        "latency_ms": 2000.0, "timing_quality": "inferred", "input_tokens": 9000, "output_tokens": 52,
        "cache_read_tokens": 8000, "reasoning_tokens": 40, "usage_semantics": "inclusive",
        "source_format": "gemini_cli", "metadata": {"sidechain": "false"},
    }  # fmt: skip


def test_times_and_unknown_tokens(session: Loaded) -> None:
    """After a tool the call begins with its end, 10:00:05; a call that was broken off has no tokens, not zero."""
    after, broken, odd = row(session, ":m3"), row(session, ":m6"), row(session, ":m8")

    assert (after["latency_ms"], broken["latency_ms"], odd["latency_ms"]) == (4000.0, 2000.0, 8000.0)
    assert [r["usage_semantics"] for r in (broken, odd)] == ["missing", "missing"]
    assert not any("input_tokens" in r or "output_tokens" in r for r in (broken, odd))


def test_the_older_single_object() -> None:
    """Two answers of a sub-agent's session: 500 + 700 in, 20 + 5 + 1 out."""
    found = loaded(FIXTURES / "old.json")

    assert (found.file.source, found.file.loaded) == ("gemini_cli", 2)
    assert (found.total("input_tokens"), found.total("output_tokens")) == (1200, 26)
    assert [r["latency_ms"] for r in found.requests] == [1500.0, 2500.0]
    assert {r["metadata"]["sidechain"] for r in found.requests} == {"true"}


def test_hostile_values(tmp_path: Path) -> None:
    """Wrong types anywhere cost their own column at most."""
    wrong: list[Any] = ["x", 5, None, ["a"], {"b": 1}, True]
    lines: list[Any] = [json.loads((FIXTURES / "session.jsonl").read_text(encoding="utf-8").splitlines()[0])]
    good = {"id": "m", "timestamp": "2026-09-03T10:00:00Z", "type": "gemini", "content": "x", "model": "gemini-2.5-pro"}
    for i, key in enumerate(("id", "timestamp", "type", "content", "model", "tokens", "toolCalls")):
        lines += [{**good, "id": f"m{i}-{j}", key: value} for j, value in enumerate(wrong)]
    counts: list[str] = ["input", "output", "cached", "thoughts", "tool", "total"]
    lines += [{**good, "id": f"t{i}", "tokens": dict.fromkeys(counts, value)} for i, value in enumerate(wrong)]
    lines += [{"$set": value} for value in wrong] + [{"$rewindTo": value} for value in wrong]
    lines += [{"$set": {"messages": value}} for value in wrong]

    found = loaded(write_lines(tmp_path / "session.jsonl", lines))

    assert found.file.source == "gemini_cli"
    assert found.file.loaded > 30


def test_detect() -> None:
    """A head, an answer, a change; not the recorded stream of an API, nor another agent's line."""
    lines = [json.loads(t) for t in (FIXTURES / "session.jsonl").read_text(encoding="utf-8").splitlines()]
    telling = [gemini_cli.tells(line) for line in lines]
    assert telling == [True, False, True, True, True, True, False, False, True, False, True, True]
    others: list[dict[str, Any]] = [
        {"model": "gemini-2.5-pro", "input_tokens": 1}, {"type": "user", "id": "m", "timestamp": "t", "content": "x"},
        {"type": "user", "uuid": "u", "sessionId": "s", "message": {"role": "user"}},
    ]  # fmt: skip
    found = [detect(Sample("x", "jsonl", (record,), dict.fromkeys(record, "JSON"))) for record in others]
    assert "gemini_cli" not in found


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"a": 1}])

    with pytest.raises(LlmscopeError, match="a session of Gemini CLI without 'sessionId or"):
        loaded(path, options=LoadOptions(source="gemini_cli")).file.check()
