"""Loaders that are told to end, killed, or asleep for very long: nothing is left lying, and nothing is overwritten."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from llmscope.lake.files import Change, checkpoint_name, commit_name
from llmscope.lake.lake import Lake
from llmscope.lake.staging import LOCK, STAGE, YOUNG_S
from tests.conftest import Run
from tests.lake.conftest import put, requests, start
from tests.lake.test_lake import added_up, sums

ROWS = 40_000


@pytest.fixture
def log(here: Path, run: Run) -> Path:
    """A log that takes a moment, also in a store."""
    path = put(here / "log.jsonl", requests(ROWS, each_s=20))
    assert 0 == run("load", "log.jsonl").code
    return path


def at_work(temp: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """The program, once it has begun to gather rows."""
    before = set(temp.iterdir())
    process = start(*arguments, TMPDIR=str(temp))
    until = time.monotonic() + 30
    while {path.parent for path in temp.glob(f"{STAGE}*/stage.duckdb")} <= before and time.monotonic() < until:
        time.sleep(0.002)
    return process


@pytest.mark.parametrize("command", [("export", "--to", "lake"), ("load", "log.jsonl", "--store", "lake/")])
def test_sigterm(log: Path, tmp_path: Path, run: Run, command: tuple[str, ...]) -> None:
    """It ends with 143, answers nothing, leaves nothing in the temporary directory, and the next one brings all."""
    temp = tmp_path / "temp"
    temp.mkdir()
    process = at_work(temp, *command)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert (143, b"") == (process.returncode, out), err
    assert b"Traceback" not in err
    assert [] == list(temp.iterdir())
    assert 0 == run(*command).code
    assert added_up(ROWS) == sums(run, "lake")


def test_the_stage_of_a_killed_loader(log: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kill -9 left is taken away by the next loader, a minute later; a loader at work keeps its own."""
    temp = tmp_path / "temp"
    temp.mkdir()
    killed = at_work(temp, "export", "--to", "lake")
    killed.kill()
    killed.communicate()
    left = next(temp.glob(f"{STAGE}*"))
    long_ago = time.time() - 2 * YOUNG_S
    os.utime(left / LOCK, (long_ago, long_ago))
    slow = at_work(temp, "export", "--to", "lake")

    assert not left.exists()
    slow.communicate(timeout=60)
    assert 0 == slow.returncode
    assert [] == list(temp.iterdir())
    assert added_up(ROWS) == sums(run, "lake")


def test_a_loader_that_slept_while_commits_were_swept(here: Path) -> None:
    """The number of a commit that was swept up is not taken again: who slept reads on from the checkpoint."""
    asleep, awake = Lake.open(here / "lake", create=True), Lake.open(here / "lake")
    for _ in range(16):
        assert awake.commit(Change("test"))
    for version in range(1, 17):
        (here / "lake" / commit_name(version)).unlink()

    assert (here / "lake" / checkpoint_name(16)).exists()
    assert not asleep.commit(Change("test"))
    assert 16 == asleep.refresh().version
    assert asleep.commit(Change("test"))
    assert not (here / "lake" / commit_name(1)).exists()


def test_an_export_under_settings_of_spark(here: Path, run: Run, log: Path) -> None:
    """Where llmscope.toml has questions asked of Spark, an export is DuckDB's all the same."""
    (here / "llmscope.toml").write_text('engine = "spark"\nspark_url = "sc://127.0.0.1:1"\n')
    made, part = (
        run("export", "log.jsonl", "--to", "lake/"),
        run("export", "--store", "lake/", "--to", "part/", "--since", "2026-09-05"),
    )

    assert (0, 0) == (made.code, part.code), made.err + part.err
    assert added_up(ROWS) == sums(run, "lake")
    assert ROWS - 4 * 86_400 // 20 == sums(run, "part")[0]
