"""Killed at any moment, or two at once: after the last load the totals are those of one clean load."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, requests, sum_to, totals

STORE = "llmscope.duckdb"
HOLD = """
import duckdb, sys, time
con = duckdb.connect("llmscope.duckdb")
print("held", flush=True)
time.sleep(30)
"""


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """The program, not waited for; it hears Ctrl-C also where the tests run in the background, which ignores it."""
    command = [sys.executable, "-m", "llmscope", *map(str, arguments)]

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear)


def holder(code: str) -> subprocess.Popen[str]:
    """A process that holds the store; it is there when this returns."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "held" == process.stdout.readline().strip()
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Ends a holder."""
    process.kill()
    process.communicate()


def test_killed_at_random_moments(here: Path, run: Run) -> None:
    """kill -9 during a load of four files, then the same load again."""
    for part in range(4):
        put(here / f"logs/{part}.jsonl", lines(requests(20_000, 1 + 20_000 * part, request_id=...)))
    for seed in range(4):
        process = start("load", "logs")
        time.sleep(random.Random(seed).uniform(0.3, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = run("load", "logs")

    assert 0 == done.code
    assert sum_to(80_000) == totals(here / STORE)


def test_two_loads_of_different_files_at_once(here: Path) -> None:
    """Both end well, and nothing is lost."""
    put(here / "a.jsonl", lines(requests(20_000)))
    put(here / "b.jsonl", lines(requests(20_000, 20_001)))
    both = [start("load", "a.jsonl"), start("load", "b.jsonl")]
    said = [process.communicate(timeout=60)[1] for process in both]

    assert [0, 0] == [p.returncode for p in both], said
    assert sum_to(40_000) == totals(here / STORE)


def test_two_loads_of_the_same_files_at_once(here: Path) -> None:
    """Both end well, and nothing is there twice, though the requests have no ids."""
    for part in range(3):
        put(here / f"logs/{part}.jsonl", lines(requests(5_000, 1 + 5_000 * part, request_id=...)))
    both = [start("load", "logs"), start("load", "logs")]
    said = [process.communicate(timeout=60)[1] for process in both]

    assert [0, 0] == [p.returncode for p in both], said
    assert sum_to(15_000) == totals(here / STORE)


def test_a_locked_store_ends_in_75(here: Path, run: Run) -> None:
    """After --wait, naming the process that holds it; the message came before the wait."""
    put(here / "log.jsonl", lines(requests(2)))
    run("load", "log.jsonl")
    process = holder(HOLD)
    begun = time.monotonic()
    try:
        loaded = run("load", "log.jsonl", "--wait", "0.5")
        asked = run("cost", "--wait", "0")
    finally:
        end(process)

    assert (75, 75) == (loaded.code, asked.code)
    assert time.monotonic() - begun < 10
    assert f"process {process.pid}" in loaded.err
    assert f"process {process.pid}" in asked.err
    assert "waiting" in loaded.err
    assert "--wait" in loaded.err


def test_a_lock_that_is_let_go_is_waited_for(here: Path, run: Run) -> None:
    """Half a second later the load goes on."""
    put(here / "log.jsonl", lines(requests(2)))
    process = holder(HOLD.replace("30", "0.5"))
    try:
        done = run("load", "log.jsonl")
    finally:
        end(process)

    assert 0 == done.code
    assert sum_to(2) == totals(here / STORE)


def test_interrupted(here: Path, run: Run) -> None:
    """Ctrl-C is exit 130, quietly, and the store as it was."""
    put(here / "log.jsonl", lines(requests(2)))
    process = holder(HOLD)
    try:
        loading = start("load", "log.jsonl")
        assert loading.stderr is not None
        assert b"waiting" in loading.stderr.readline()
        loading.send_signal(signal.SIGINT)
        _, err = loading.communicate(timeout=10)
    finally:
        end(process)

    assert 130 == loading.returncode
    assert b"Traceback" not in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits are POSIX")
def test_a_full_disk(here: Path, run: Run) -> None:
    """Simulated by a limit on the size of files: exit 1, a word on space, the store as it was."""
    put(here / "small.jsonl", lines(requests(10)))
    run("load", "small.jsonl")
    put(here / "big.jsonl", lines(requests(60_000, 11, feature=...)))
    size = (here / STORE).stat().st_size
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 20_000}, {size + 20_000}));"
        "sys.argv = ['llmscope', 'load', 'big.jsonl']; from llmscope.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert 1 == done.returncode
    assert "Traceback" not in done.stderr
    assert "as it was" in done.stderr
    assert "INSERT" not in done.stderr
    assert (10, 55, 10) == totals(here / STORE)
    assert 0 == run("load", "big.jsonl").code
    assert 60_010 == totals(here / STORE)[0]


def test_a_newer_store(here: Path, run: Run) -> None:
    """Says so and what to do, for reading and writing, and leaves it alone."""
    put(here / "log.jsonl", lines(requests(2)))
    run("load", "log.jsonl")
    with duckdb.connect(str(here / STORE)) as con:
        con.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    for command in (("load", "log.jsonl"), ("cost",)):
        done = run(*command)

        assert 1 == done.code
        assert "newer" in done.err
        assert "pip install --upgrade" in done.err
    assert sum_to(2) == totals(here / STORE)
