"""One JSON value, a record that holds lists, a log whose head was cut off, and usage one level down."""

from __future__ import annotations

import json
from pathlib import Path

import llmscope

RECORD = {"request_id": "a", "model": "gpt-4o", "prompt_tokens": 10, "completion_tokens": 5}


def totals(path: Path) -> tuple[int, int | None, int | None]:
    """Requests, input and output tokens of a log."""
    with llmscope.open(str(path)) as logs:
        row = logs.cost().rows[0]
    return row["requests"], row["input_tokens"], row["output_tokens"]


def test_an_envelope_is_opened(tmp_path: Path) -> None:
    """The records under `data` are the log."""
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"data": [RECORD, {**RECORD, "request_id": "b"}], "next": None}))

    assert (2, 20, 10) == totals(log)


def test_a_record_with_a_list_is_a_record(tmp_path: Path) -> None:
    """A model and a request id beside a list of calls: one request, and the list is its own affair."""
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({**RECORD, "calls": [{"model": "x", "prompt_tokens": 1, "completion_tokens": 1}]}) + "\n")

    assert (1, 10, 5) == totals(log)


def test_a_cut_first_line_costs_one_line(tmp_path: Path) -> None:
    """As `tail -c` leaves it: the rest of a line, then whole ones."""
    log = tmp_path / "log.jsonl"
    lines = [json.dumps({**RECORD, "request_id": str(i)}) for i in range(3)]
    log.write_text('ns": 5, "status": "ok"}\n' + "\n".join(lines) + "\n")

    assert (3, 30, 15) == totals(log)


def test_usage_one_level_down(tmp_path: Path) -> None:
    """`message.usage` is read by its provider's rules: 4 fresh and 100 cached tokens are 104 of input."""
    usage = {"input_tokens": 4, "output_tokens": 5, "cache_read_input_tokens": 100}
    log = tmp_path / "log.jsonl"
    record = {"timestamp": "2026-10-01T00:00:00Z", "message": {"model": "claude-3-opus-20240229", "usage": usage}}
    log.write_text(json.dumps(record) + "\n")

    assert (1, 104, 5) == totals(log)


def test_dateext_rotation_is_a_log(tmp_path: Path) -> None:
    """logrotate's `app.log-20261110` in a folder is read."""
    (tmp_path / "app.log-20261110").write_text(json.dumps(RECORD) + "\n")

    assert (1, 10, 5) == totals(tmp_path)
