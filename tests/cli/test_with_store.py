"""Logs and store read as one, only where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run


def line(name: str, tokens: int, **more: object) -> str:
    record = {"request_id": name, "started_at": "2026-10-01T00:00:00Z", "request_model": "gpt-4o", "status": "ok"}
    return json.dumps({**record, "input_tokens": tokens, "output_tokens": 1, **more}) + "\n"


@pytest.fixture
def both(here: Path, run: Run) -> Path:
    """A store with requests a and b; a log with b, otherwise counted, and c."""
    (here / "old.jsonl").write_text(line("a", 1) + line("b", 10))
    (here / "new.jsonl").write_text(line("b", 20) + line("c", 100, ttft_ms=3))
    run("load", "old.jsonl")
    return here


def tokens(run: Run, *arguments: str) -> list[int]:
    answer = json.loads(run("cost", *arguments, "-f", "json").out)
    return [row["input_tokens"] for row in answer["rows"]]


def test_with_store(both: Path, run: Run) -> None:
    """1 + 10 of the store and 100 of the log: a request that stands in both is the store's."""
    assert [111] == tokens(run, "new.jsonl", "--with-store")


def test_logs_alone(both: Path, run: Run) -> None:
    """Without the word, logs named are all that is read: 20 + 100."""
    assert [120] == tokens(run, "new.jsonl")
    assert [120] == tokens(run, "new.jsonl", "--store", "llmscope.duckdb")


def test_the_store_is_as_it_was(both: Path, run: Run) -> None:
    """Reading beside it leaves no trace."""
    before = (both / "llmscope.duckdb").read_bytes()
    run("cost", "new.jsonl", "--with-store")

    assert before == (both / "llmscope.duckdb").read_bytes()
    assert [11] == tokens(run)


def test_no_store_to_join(here: Path, run: Run) -> None:
    """It says so, and how to go on."""
    (here / "new.jsonl").write_text(line("a", 1))
    asked = run("cost", "new.jsonl", "--with-store")

    assert 1 == asked.code
    assert "no store at" in asked.err
