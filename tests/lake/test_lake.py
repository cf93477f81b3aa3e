"""A lake in a folder: what loaders write and readers read, at once, killed, and in pieces."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from llmscope.lake.files import Change
from llmscope.lake.lake import Lake
from llmscope.lake.session import lake_store
from llmscope.lake.tend import compact
from tests.conftest import Run
from tests.lake.conftest import put, requests, start

SUMS = "select count(*) n, count(distinct request_id) d, sum(input_tokens) i from requests"


def sums(run: Run, store: str) -> list[float]:
    """Requests, distinct ones, and their input tokens."""
    ran = run("sql", SUMS, "--store", store, "-f", "json")
    return list(json.loads(ran.out)["rows"][0].values())


def added_up(count: int) -> list[float]:
    """The same of requests r0 to r(count - 1), by hand."""
    return [count, count, count * (count - 1) / 2]


def data_files(lake: Path, table: str = "requests") -> list[Path]:
    """What a reader that lists folders finds."""
    return sorted((lake / table).glob("day=*/*.parquet"))


@pytest.fixture
def lake(here: Path, run: Run) -> Path:
    """Ten days of requests in a lake of one commit."""
    put(here / "log.jsonl", requests(1_440))
    assert run("load", "log.jsonl", "--store", "lake/").code == 0
    return here / "lake"


def test_layout(here: Path, run: Run, lake: Path) -> None:
    """A file a day, sorted by time, that DuckDB and Polars read as a Hive folder to the same sums."""
    days = [path.parent.name for path in data_files(lake)]
    pattern = f"{lake}/requests/*/*.parquet"
    mine = duckdb.sql(f"SELECT count(*), sum(input_tokens) FROM read_parquet('{pattern}', hive_partitioning = true)")
    frame = pl.scan_parquet(lake / "requests", hive_partitioning=True).select(pl.len(), pl.col("input_tokens").sum())
    first = pl.read_parquet(data_files(lake)[0], hive_partitioning=False)["started_at"].to_list()

    assert [f"day=2026-09-{day:02d}" for day in range(1, 11)] == days
    assert (1_440, 1_440 * 1_439 / 2) == mine.fetchall()[0]
    assert (1_440, 1_440 * 1_439 // 2) == frame.collect().row(0)
    assert sorted(first) == first
    assert added_up(1_440) == sums(run, "lake")


def test_only_what_is_new(here: Path, run: Run, lake: Path) -> None:
    """A file loaded again is skipped, one that grew is read on, one read under another mapping takes its own place."""
    with (here / "log.jsonl").open("a") as log:
        log.write("".join(json.dumps(row) + "\n" for row in requests(10, 1_440)))
    grown = run("load", "log.jsonl", "--store", "lake", "-f", "json")
    again = run("load", "log.jsonl", "--store", "lake", "-f", "json")
    mapped = run("load", "log.jsonl", "--store", "lake", "--map", "user_id=feature", "-f", "json")
    users = run("sql", "select distinct user_id from requests order by 1", "--store", "lake", "-f", "csv")

    outcomes = [json.loads(ran.out)["rows"][0]["outcome"] for ran in (grown, again, mapped)]
    assert ["grown", "skipped", "replaced"] == outcomes
    assert ["user_id", "a", "b", "c"] == users.out.split()
    assert added_up(1_450) == sums(run, "lake")


def test_the_better_record_wins_across_loads(here: Path, run: Run, lake: Path) -> None:
    """A request that comes again with more known of it takes the place of the older row, in its day's file."""
    put(here / "better.jsonl", requests(2, 100, latency_ms=250) + requests(2, 300, input_tokens=...))
    ran = run("load", "better.jsonl", "--store", "lake", "-f", "json")
    timed = run(
        "sql", "select request_id from requests where latency_ms = 250 order by 1", "--store", "lake", "-f", "csv"
    )

    row = json.loads(ran.out)["rows"][0]
    assert (4, 0, 4) == (row["lines"], row["loaded"], row["duplicates"])
    assert ["request_id", "r100", "r101"] == timed.out.split()
    assert added_up(1_440) == sums(run, "lake")
    assert 10 == len(data_files(lake))


def test_a_label_finds_its_request_of_long_ago(here: Path, run: Run, lake: Path) -> None:
    """Scores that come later, and scores that wait for their request, meet it in whichever order they are loaded."""
    score = {"score_id": "s", "name": "good", "value": 1, "data_type": "numeric", "rater_kind": "human"}
    put(here / "spanned.jsonl", requests(1, 2_000, span_id="span", trace_id="t"))
    early = [{**score, "score_id": "s1", "span_id": "span", "trace_id": "t", "created_at": "2026-12-01T00:00:00Z"}]
    late = [{**score, "score_id": "s2", "span_id": "span", "created_at": "2027-01-01T00:00:00Z"}]
    for name, rows in (("early", early), ("late", late)):
        put(here / f"{name}.jsonl", rows)
    for name in ("early", "spanned", "late"):
        assert run("load", f"{name}.jsonl", "--store", "lake").code == 0
    found = run("sql", "select score_id, request_id from scores order by 1", "--store", "lake", "-f", "csv")

    assert ["score_id,request_id", "s1,r2000", "s2,r2000"] == found.out.split()


def test_four_loaders_two_of_them_killed(here: Path, run: Run) -> None:
    """Four loaders at once with requests in common, two killed and run again, are one clean load."""
    for part in range(4):  # every file has the first hundred of the next one too
        put(here / f"{part}.jsonl", requests(4_100 if part < 3 else 4_000, 4_000 * part, 60))
    loaders = [start("load", f"{part}.jsonl", "--store", "lake/") for part in range(4)]
    time.sleep(1.0)
    for loader in loaders[1:3]:
        loader.send_signal(signal.SIGKILL)
    said = [loader.communicate(timeout=120)[1] for loader in loaders]
    first = [loader.returncode for loader in loaders]
    again = [run("load", f"{part}.jsonl", "--store", "lake").code for part in range(4)]

    assert [0, 0] == [first[0], first[3]], said
    assert [0] * 4 == again
    assert added_up(16_000) == sums(run, "lake")
    assert 16_000 == duckdb.sql("SELECT count(*) FROM read_parquet('lake/requests/*/*.parquet')").fetchall()[0][0]


def test_two_loaders_of_the_same_files(here: Path, run: Run) -> None:
    """Both end well and nothing stands twice, though the requests have no ids."""
    for part in range(3):
        put(here / f"logs/{part}.jsonl", requests(2_000, 2_000 * part, 60, request_id=...))
    both = [start("load", "logs", "--store", "lake/") for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]

    assert [0, 0] == [p.returncode for p in both], said
    assert added_up(6_000) == sums(run, "lake")


def test_killed_at_any_moment(here: Path, run: Run) -> None:
    """kill -9 leaves the lake as it was or with the whole commit, and whoever lists folders with whole files."""
    put(here / "log.jsonl", requests(20_000, 0, 60))
    seen = set()
    for seed in range(4):
        process = start("load", "log.jsonl", "--store", "lake/")
        time.sleep(random.Random(seed).uniform(0.4, 1.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (here / "lake/_llmscope/format.json").exists():
            seen.add(sums(run, "lake")[0])
        for path in data_files(here / "lake"):
            assert pl.read_parquet(path).height > 0
    done = run("load", "log.jsonl", "--store", "lake/")

    assert seen <= {0, 20_000}
    assert 0 == done.code
    assert added_up(20_000) == sums(run, "lake")


def test_what_dead_loaders_left_is_swept(here: Path, run: Run, lake: Path) -> None:
    """A day old, a file of ours that no commit names goes; another's stays, and is told of."""
    orphan = lake / "requests/day=2026-09-01/llmscope-000009-dead.parquet"
    strange = lake / "requests/day=2026-09-01/part-0.parquet"
    for path in (orphan, strange):
        path.write_bytes(data_files(lake)[0].read_bytes())
        os.utime(path, (time.time() - 90_000,) * 2)
    told = run("store", "info", "--store", "lake")
    ran = run("store", "compact", "--store", "lake", "-f", "json")

    assert added_up(1_440) == sums(run, "lake")
    assert "(first: requests/day=2026-09-01/part-0.parquet)" in told.out
    assert 1 == json.loads(ran.out)["rows"][0]["deleted_files"]
    assert (False, True) == (orphan.exists(), strange.exists())


def test_compact(here: Path, run: Run, lake: Path) -> None:
    """The small files of a day become one; a reader at work keeps its own until the grace is over."""
    for part in range(3):
        put(here / f"more{part}.jsonl", requests(720, 1_440 + 720 * part, 1_200))
        run("load", f"more{part}.jsonl", "--store", "lake")
    before = sums(run, "lake")
    reader = lake_store("lake")
    held = reader.execute("SELECT count(*), sum(input_tokens) FROM requests WHERE started_at < '2026-09-05'")
    ran = run("store", "compact", "--store", "lake", "-f", "json")
    days = {path.parent.name for path in data_files(lake)}
    still = reader.execute("SELECT count(*), sum(input_tokens) FROM requests WHERE started_at < '2026-09-05'")
    swept = compact(Lake.open("lake"), timedelta(0)).deleted
    reader.close()

    assert held == still
    assert before == sums(run, "lake")
    assert len(days) == len(data_files(lake))
    assert json.loads(ran.out)["rows"][0]["merged_files"] == swept > 0
    assert not list((lake / "_llmscope/removed").rglob("*.parquet"))


def test_forget(here: Path, run: Run, lake: Path) -> None:
    """Whole days go, of the day of the moment the rows before it; what is read again does not come back."""
    ran = run("store", "forget", "--before", "2026-09-03T12:00", "--store", "lake", "-f", "json")
    put(here / "again.jsonl", requests(1_500))
    run("load", "again.jsonl", "--store", "lake")
    left = run("sql", "select count(*) n, min(started_at) t from requests", "--store", "lake", "-f", "json")

    assert {"table": "requests", "forgotten": 360, "kept": 1_080, "kept_without_time": 0} == json.loads(ran.out)[
        "rows"
    ][0]
    assert {"n": 1_140, "t": "2026-09-03T12:00:00Z"} == json.loads(left.out)["rows"][0]


def test_only_the_days_and_columns_asked_for(here: Path, lake: Path) -> None:
    """The engine opens the files of the window's days and reads of them the columns named."""
    import llmscope

    logs = llmscope.open(store="lake", since="2026-09-04", until="2026-09-05")
    whole, _ = logs.whole("SELECT sum(input_tokens) AS i FROM requests", (), None, {})
    plan = logs.con.execute(f"EXPLAIN ANALYZE {whole}").fetchall()[0][1]
    rows = logs.query("SELECT sum(input_tokens) AS i FROM requests")
    logs.close()

    assert [{"i": sum(range(432, 720))}] == rows
    assert "Total Files Read: 2" in plan
    assert "request_id" not in plan


def test_sql_reaches_nothing_but_the_lake(here: Path, run: Run, lake: Path) -> None:
    """Files outside are as far away as with a store."""
    ran = run("sql", f"select * from read_json('{here}/log.jsonl')", "--store", "lake")

    assert 2 == ran.code
    assert "not allowed" in ran.err


def test_export(here: Path, run: Run) -> None:
    """A store's window goes into a lake, again without a second row, and a load of the rest fills it up."""
    put(here / "log.jsonl", requests(1_440))
    run("load", "log.jsonl")
    part = run("export", "--since", "2026-09-03", "--until", "2026-09-04", "--to", "lake", "-f", "json")
    again = run("export", "--since", "2026-09-03", "--until", "2026-09-04", "--to", "lake")
    window = sums(run, "lake")[0]
    whole = run("export", "--to", "lake")
    skipped = run("load", "log.jsonl", "--store", "lake", "-f", "json")
    straight = run("export", "log.jsonl", "--to", "other")

    assert [0] * 5 == [part.code, again.code, whole.code, skipped.code, straight.code]
    assert 288 == window == json.loads(part.out)["rows"][0]["rows"]
    assert "288 rows stood in the lake already" in again.out
    assert "skipped" == json.loads(skipped.out)["rows"][0]["outcome"]
    assert added_up(1_440) == sums(run, "lake") == sums(run, "other")


def test_beside_logs(here: Path, run: Run, lake: Path) -> None:
    """--with-store lays a lake beside the logs named."""
    put(here / "new.jsonl", requests(100, 1_400))
    ran = run("sql", SUMS, "new.jsonl", "--with-store", "--store", "lake", "-f", "json")

    assert added_up(1_500) == list(json.loads(ran.out)["rows"][0].values())


def test_many_commits(here: Path, run: Run, lake: Path) -> None:
    """A lake of many commits opens from a checkpoint to the same state, and one that is damaged is named."""
    held = Lake.open("lake")
    for number in range(40):
        assert held.commit(Change("load", price_keys=(("openai", f"m{number}", None, None),), loader=number))
    fresh = Lake.open("lake")
    for commit in sorted((lake / "_llmscope/commits").iterdir())[:30]:
        commit.unlink()  # as compact does a week later
    later = Lake.open("lake")
    next((lake / "_llmscope/checkpoints").glob("*32.json")).write_text("{")
    ran = run("cost", "--store", "lake")

    assert 41 == held.state.version
    assert held.state == fresh.state == later.state
    assert (1, "") == (ran.code, ran.out)
    assert "00032.json: not a checkpoint of a lake" in ran.err
