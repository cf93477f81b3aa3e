"""A lake in an object store: SeaweedFS, a real S3 server on loopback."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmscope.lake.files import Change
from llmscope.lake.lake import Lake
from llmscope.lake.session import lake_store
from tests.conftest import Run
from tests.lake.conftest import filesystem, put, requests, start
from tests.lake.test_lake import added_up, sums

QUESTIONS = (
    ("cost", "--by", "feature"), ("latency", "--by", "model"), ("errors",), ("tokens", "use"), ("store", "rejects"),
    ("sql", "select feature, count(*) n from requests where started_at < '2026-09-03' group by 1 order by 1"),
)  # fmt: skip


@pytest.fixture
def log(here: Path) -> Path:
    """Three days."""
    return put(here / "log.jsonl", requests(432, latency_ms=100))


def test_the_same_answers_as_a_file(here: Path, run: Run, log: Path, s3: str) -> None:
    """Every question gets the bytes that it gets of a store in a file."""
    run("load", "log.jsonl")
    loaded = run("load", "log.jsonl", "--store", "s3://lake/same")
    for question in QUESTIONS:
        mine, theirs = run(*question), run(*question, "--store", "s3://lake/same")

        assert (mine.code, mine.out) == (theirs.code, theirs.out)
    assert 0 == loaded.code, loaded.err


def test_eight_at_once_one_winner(s3: str) -> None:
    """A conditional put decides who made the next commit, and the others know that they did not."""
    Lake.open("s3://lake/race", create=True)
    lakes = [Lake.open("s3://lake/race") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda one: one.commit(Change("load", loader=1)), lakes))

    assert 1 == sum(won)
    assert 1 == Lake.open("s3://lake/race").state.version


def test_loaders_at_once(here: Path, run: Run, s3: str) -> None:
    """Three loaders of different files, each with requests of the next one's, are one clean load."""
    for part in range(3):
        put(here / f"{part}.jsonl", requests(420 if part < 2 else 400, 400 * part))
    loaders = [start("load", f"{part}.jsonl", "--store", "s3://lake/many") for part in range(3)]
    said = [loader.communicate(timeout=120)[1] for loader in loaders]

    assert [0, 0, 0] == [loader.returncode for loader in loaders], said
    assert added_up(1_200) == sums(run, "s3://lake/many")


def test_compact_and_forget(here: Path, run: Run, log: Path, s3: str) -> None:
    """Files of a day become one; a reader at work goes on; whole days are forgotten."""
    store = "s3://lake/tend"
    put(here / "more.jsonl", requests(432, 432, 100))
    for name in ("log.jsonl", "more.jsonl"):
        assert run("load", name, "--store", store).code == 0
    before = sums(run, store)
    reader = lake_store(store)
    held = reader.execute("SELECT count(*), sum(input_tokens) FROM requests")
    merged = json.loads(run("store", "compact", "--store", store, "-f", "json").out)["rows"][0]["merged_files"]
    still = reader.execute("SELECT count(*), sum(input_tokens), max(output_tokens) FROM requests")
    reader.close()
    after = sums(run, store)
    gone = run("store", "forget", "--before", "2026-09-02", "--store", store, "-f", "json")
    swept = run("store", "compact", "--grace", "0s", "--store", store, "-f", "json")
    names = filesystem(s3).glob("lake/tend/_llmscope/removed/*/*/*.parquet")

    assert held[0] == still[0][:2]
    assert before == after
    assert merged > 0
    assert json.loads(gone.out)["rows"][0]["forgotten"] > 0
    assert json.loads(swept.out)["rows"][0]["deleted_files"] > 0
    assert [] == names


def test_another_reads_it_as_a_hive_folder(here: Path, run: Run, log: Path, s3: str) -> None:
    """Polars finds the days through the same filesystem library."""
    import polars as pl

    run("load", "log.jsonl", "--store", "s3://lake/plain")
    fs = filesystem(s3)
    days = fs.glob("lake/plain/requests/*/*.parquet")
    with fs.open(days[0]) as file:
        found = pl.read_parquet(file)

    assert 3 == len(days)
    assert 144 == found.height


@pytest.mark.parametrize("secret", ["wrong-secret", ""])
def test_wrong_credentials(
    here: Path, run: Run, log: Path, s3: str, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Reading and loading say so, without the secret, and the lake is as it was."""
    store = "s3://lake/closed"
    run("load", "log.jsonl", "--store", store)
    with monkeypatch.context() as other:
        other.setenv("AWS_SECRET_ACCESS_KEY", secret)
        put(here / "more.jsonl", requests(3, 900))
        read, loaded = run("cost", "--store", store, "-v"), run("load", "more.jsonl", "--store", store)

    assert (1, 1) == (read.code, loaded.code)
    assert ("access refused" if secret else "no credentials") in read.err
    assert "wrong-secret" not in read.err + loaded.err
    assert added_up(432) == sums(run, store)


def test_an_object_that_is_gone(here: Path, run: Run, log: Path, s3: str) -> None:
    """It is named, and no half answer is shown."""
    run("load", "log.jsonl", "--store", "s3://lake/gone")
    fs = filesystem(s3)
    lost = sorted(fs.glob("lake/gone/requests/*/*.parquet"))[1]
    fs.rm_file(lost)
    ran = run("cost", "--store", "s3://lake/gone")

    assert (1, "") == (ran.code, ran.out)
    assert f"{lost}: this file of the lake is gone" in ran.err
