"""What a process may take of the machine: --memory, --threads, --temp, and a disk that is short."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from llmscope.bounds import keep_to, kept, memory_bytes
from llmscope.engines.duckdb import connect
from llmscope.errors import UsageError
from llmscope.load.room import room_to_spill
from tests.conftest import Run
from tests.load.writing import lines, put, request

ROWS = 5_000_000
LEAST = "256MiB"
# Every request has an id and a latency of its own.
GROWN = """
INSERT INTO requests_rows BY NAME
SELECT * EXCLUDE (i) REPLACE (md5(i::VARCHAR) AS request_id, hash(i) % 1000003 / 7.0 AS latency_ms,
    started_at + i * INTERVAL 1 SECOND AS started_at)
FROM requests_rows, range($rows) AS t(i)
"""
# Started from a small process: a child's peak is at least what its parent held when it was started.
MEASURED = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
print(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), file=sys.stderr)
sys.exit(child.returncode)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of five million requests: two threads' values of a quantile do not fit the least memory."""
    folder = tmp_path_factory.mktemp("large")
    log = put(folder / "one.jsonl", lines([request(1, latency_ms=100)]))
    path = folder / "large.duckdb"
    subprocess.run([sys.executable, "-m", "llmscope", "load", "-q", str(log), "--store", str(path)], check=True)
    with duckdb.connect(str(path)) as con:
        con.execute(GROWN, {"rows": ROWS})
    return path


@pytest.fixture
def _unbound() -> Iterator[None]:
    """What a test asks of this process holds for the test only."""
    yield
    keep_to()


def peak(*arguments: str) -> tuple[int, str, int]:
    """The exit code, stdout and peak memory in bytes of a program of its own."""
    command = [sys.executable, "-c", MEASURED, sys.executable, "-m", "llmscope", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, int(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1GB", 10**9), ("1 GiB", 2**30), ("512mb", 512 * 10**6), ("0.5GiB", 2**29), ("1tb", 10**12)],
)
def test_sizes(text: str, expected: int) -> None:
    """A size is a number and a unit, decimal or binary, in any case."""
    assert expected == memory_bytes(text)


def test_a_percentage_is_of_the_machine() -> None:
    """Half of the machine's memory is half of all of it."""
    assert abs(memory_bytes("50%") - memory_bytes("100%") / 2) <= 1


@pytest.mark.parametrize("text", ["1", "GB", "-1GB", "1XB", "12MB", "120%", "1GB;", "'", "[red]", "1GB\n2GB", "٣GB"])
def test_no_size(text: str) -> None:
    """What is no size, or too small to work in, is refused by name."""
    with pytest.raises(UsageError, match="--memory"):
        memory_bytes(text)


def test_threads_of_the_engine(run: Run, here: Path) -> None:
    """--threads, the environment and llmscope.toml reach the engine; the flag goes first."""
    put(here / "log.jsonl", lines([request(1)]))
    (here / "llmscope.toml").write_text('threads = 3\nmemory = "1GiB"\n')

    assert run("cost", "log.jsonl").code == 0
    assert (3, 2**30) == (kept().threads, kept().memory_bytes)
    assert run("cost", "log.jsonl", "--threads", "1", "--memory", "512MiB").code == 0
    assert (1, 2**29) == (kept().threads, kept().memory_bytes)
    with connect() as con:
        assert [(1,)] == con.execute("SELECT current_setting('threads')").fetchall()
        assert [("316.3 MiB",)] == con.execute("SELECT current_setting('memory_limit')").fetchall()

    (here / "llmscope.toml").unlink()
    assert run("cost", "log.jsonl").code == 0
    assert (None, None) == (kept().threads, kept().memory_bytes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--threads", "0"), "--threads 0: at least 1"),
        (("--memory", "much"), "--memory 'much': not a size"),
        (("--temp", "gone"), "--temp gone: no such folder"),
    ],
)
def test_what_cannot_be(run: Run, here: Path, options: tuple[str, ...], said: str) -> None:
    """An option that cannot hold is an error before anything is read."""
    put(here / "log.jsonl", lines([request(1)]))

    answer = run("cost", "log.jsonl", *options)

    assert answer.code in (1, 2)
    assert said in answer.err


def test_little_memory_gives_the_same_answer(store: Path, tmp_path: Path) -> None:
    """A question of five million requests stays under the memory given, leaves nothing behind, and is as exact."""
    temp = tmp_path / "temp"
    temp.mkdir()
    exact = "requests,p50_ms,p90_ms,p95_ms,p99_ms,max_ms"
    asked = ("latency", "--store", str(store), "--columns", exact, "--format", "csv")

    code, little, used = peak(*asked, "--memory", LEAST, "--temp", str(temp), "--threads", "2")

    assert 0 == code
    assert used < memory_bytes(LEAST)
    assert peak(*asked)[1] == little
    assert [] == list(temp.iterdir())


def test_a_load_that_the_disk_cannot_hold(run: Run, small_disk: Path, here: Path) -> None:
    """A load, or a question of logs, is refused before anything is written: what there is, and what to do."""
    log = put(here / "log.jsonl", lines([request(1, feature="x" * 600)]) * 90_000)

    loaded = run("load", str(log), "--store", str(small_disk / "s.duckdb"))
    one = run("load", str(put(here / "one.jsonl", lines([request(1)]))), "--store", str(small_disk / "s.duckdb"))

    assert 1 == loaded.code
    assert f"{small_disk}: 3.15 MB free" in loaded.err
    assert "nothing was written" in loaded.err
    assert "--store on a larger disk" in loaded.err
    assert 0 == one.code


def test_what_is_known_needs_no_room(run: Run, small_disk: Path, here: Path) -> None:
    """Logs that the store has already are not refused for want of room."""
    log = put(here / "log.jsonl", lines([request(1, feature="x" * 600)]) * 90_000)
    store = small_disk / "s.duckdb"
    assert run("load", str(log), "--store", str(here / "s.duckdb")).code == 0
    shutil.copy(here / "s.duckdb", store)

    answer = run("load", str(log), "--store", str(store))

    assert 0 == answer.code
    assert "1 file already loaded" in answer.err


@pytest.mark.usefixtures("_unbound")
def test_a_spill_that_may_not_find_room(store: Path, small_disk: Path) -> None:
    """Before a question of a large store starts, a small temporary directory is named with what it may need."""
    keep_to(temp=small_disk)

    said = room_to_spill(store, 1 << 20)

    assert said is not None
    assert f"{small_disk}: 3.15 MB free" in said
    assert room_to_spill(store, 1 << 40) is None


def test_a_spill_that_the_disk_cannot_hold(run: Run, store: Path, small_disk: Path) -> None:
    """A question that finds no room to spill says so and leaves nothing behind."""
    sql = "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY repeat(request_id, 4)) AS n FROM requests)"

    answer = run("sql", f"{sql} WHERE n > 1", "--store", str(store), "--memory", LEAST, "--temp", str(small_disk))

    assert 1 == answer.code
    assert "no room left to spill" in answer.err
    assert "--temp" in answer.err
    assert [] == list(small_disk.iterdir())
