"""Codex's rollout files and the events of codex exec."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load import LoadOptions
from llmscope.sources import Sample, codex, codex_exec, detect
from tests.sources.loading import Loaded, Row, loaded, write_lines

FIXTURES = Path(__file__).parent / "fixtures" / "codex"
THREAD = "0199aaaa-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def rollout() -> Loaded:
    return loaded(FIXTURES / "rollout.jsonl")


def row(found: Loaded, ending: str) -> Row:
    (only,) = [r for r in found.requests if r["request_id"].endswith(ending)]
    return only


def test_every_line_is_accounted_for(rollout: Loaded) -> None:
    """17 lines: three calls; the repeat, the empty count and the count that has not moved are none."""
    assert (rollout.file.source, rollout.file.lines, rollout.file.loaded) == ("codex", 17, 3)
    assert rollout.file.set_aside == 14


def test_tokens_by_kind(rollout: Loaded) -> None:
    """The second call is 2500-1000 and so on, of totals alone; the third total fell, so it is all the third's own."""
    assert rollout.total("input_tokens") == 1000 + 1500 + 300
    assert rollout.total("output_tokens") == 100 + 80 + 20
    assert rollout.total("cache_read_tokens") == 200 + 1000 + 0
    assert rollout.total("reasoning_tokens") == 60 + 20 + 0


def test_a_call(rollout: Loaded) -> None:
    """From the user's message at 09:00:01 to the count at 09:00:04.5; 1000 + 100 tokens used so far."""
    assert row(rollout, ":1100") == {
        "request_id": f"{THREAD}:1100", "session_id": THREAD, "feature": "acme-api", "service": "codex",
        "release": "0.58.0", "operation": "chat", "provider": "openai", "response_model": "gpt-5.2-codex",
        "model": "gpt-5.2-codex", "status": "ok", "started_at": datetime(2026, 9, 2, 9, 0, 1),
        "ended_at": datetime(2026, 9, 2, 9, 0, 4, 500000), "latency_ms": 3500.0, "timing_quality": "inferred",
        "input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 200, "reasoning_tokens": 60,
        "usage_semantics": "inclusive", "source_format": "codex",
        "metadata": {"git_branch": "main", "version": "0.58.0", "sidechain": "false", "effort": "high"},
    }  # fmt: skip


def test_later_calls(rollout: Loaded) -> None:
    """The second from the tool's output at 09:00:06 to 09:00:09; the third of another turn's model."""
    second, third = row(rollout, ":2680"), row(rollout, ":320:1")

    assert (second["latency_ms"], second["model"]) == (3000.0, "gpt-5.2-codex")
    assert (third["latency_ms"], third["model"]) == (4000.0, "gpt-5.3-codex")


def test_an_archived_copy_counts_once(tmp_path: Path) -> None:
    """A session among the archived ones, which has since grown by a line, brings the same calls."""
    text = (FIXTURES / "rollout.jsonl").read_text(encoding="utf-8")
    copy = tmp_path / "archived.jsonl"
    copy.write_text(text.splitlines()[0] + "\n\n" + text.partition("\n")[2], encoding="utf-8")

    found = loaded(FIXTURES / "rollout.jsonl", copy)

    assert (len(found.requests), found.report.total("duplicates")) == (3, 3)


def test_a_sub_agent_does_not_pay_for_its_parent() -> None:
    """The two counts of the first second are the parent's; its own call took from 11:00:01 to 11:00:07.5."""
    found = loaded(FIXTURES / "subagent.jsonl")

    (own,) = found.requests
    assert (own["input_tokens"], own["output_tokens"], own["cache_read_tokens"]) == (700, 50, 600)
    assert (own["latency_ms"], own["session_id"], own["feature"]) == (6500.0, THREAD, "acme-api")
    assert own["metadata"]["sidechain"] == "true"


def test_exec() -> None:
    """The second turn's own is 50000-24000 and so on; the second thread's counts fell, so they are a turn's own."""
    found = loaded(FIXTURES / "exec.jsonl")

    assert (found.file.source, found.file.lines, found.file.loaded, found.file.set_aside) == ("codex_exec", 14, 5, 9)
    assert found.total("input_tokens") == 24000 + 26000 + 100 + 80
    assert found.total("output_tokens") == 100 + 160 + 5 + 9
    assert found.total("cache_read_tokens") == 20000 + 24000
    assert found.total("reasoning_tokens") == 40 + 50
    assert not any("started_at" in r or "latency_ms" in r for r in found.requests)
    (failed,) = [r for r in found.requests if r["status"] == "error"]
    assert (failed["error_class"], failed["usage_semantics"]) == ("rate_limit", "missing")
    assert any("a turn is one request" in note for note in found.file.notes)


def test_hostile_values(tmp_path: Path) -> None:
    """Wrong types anywhere are no calls, and no errors."""
    wrong: list[Any] = ["x", 5, None, ["a"], {"b": 1}, True]
    keys = ("timestamp", "type", "payload")
    good = json.loads((FIXTURES / "rollout.jsonl").read_text(encoding="utf-8").splitlines()[6])
    lines = [{**good, key: value} for key in keys for value in wrong] + [good] * 18
    lines += [{**good, "payload": {**good["payload"], "info": value}} for value in wrong]
    lines += [{"timestamp": "t", "type": kind, "payload": {"id": value, "git": value, "source": value, "cwd": value,
               "model": value}} for kind in codex.KINDS for value in wrong]  # fmt: skip

    found = loaded(write_lines(tmp_path / "rollout.jsonl", lines))
    events = [{"type": "turn.completed", "usage": value} for value in wrong]
    events += [{"type": "turn.failed", "error": value} for value in wrong]
    turns = loaded(write_lines(tmp_path / "exec.jsonl", events))

    assert (found.file.source, found.total("input_tokens")) == ("codex", 1000)
    assert (turns.file.source, turns.file.loaded) == ("codex_exec", 12)


def test_detect() -> None:
    """Each line alone, and no other log's."""
    for name in ("rollout", "exec"):
        lines = [json.loads(t) for t in (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        found = [detect(Sample("x", "jsonl", (line,), dict.fromkeys(line, "JSON"))) for line in lines]
        assert set(found) - {None} == {"codex" if name == "rollout" else "codex_exec"}
        assert found.count(None) <= 1
    for plain in ({"model": "gpt-4o", "input_tokens": 1}, {"type": "event_msg"}, {"type": "error", "message": "x"}):
        sample = Sample("x", "jsonl", (plain,), dict.fromkeys(plain, "JSON"))
        assert not codex.detect(sample)
        assert not codex_exec.detect(sample)


@pytest.mark.parametrize(("source", "key"), [("codex", "payload"), ("codex_exec", "type")])
def test_a_file_of_something_else_is_refused(source: str, key: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"a": 1}])

    with pytest.raises(LlmscopeError, match=f"without '{key} or"):
        loaded(path, options=LoadOptions(source=source)).file.check()
