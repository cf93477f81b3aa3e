"""Rollups of a month lie together as well: few files are opened, and what counts no more is passed over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import llmscope
from llmscope.lake.files import GATHERED
from llmscope.lake.lake import Lake
from tests.conftest import Run
from tests.lake.conftest import put, requests

DAY_S = 86_400
NAMES = tuple(GATHERED.values())


@pytest.fixture
def lake(here: Path, run: Run) -> Path:
    """Two requests a day from 1 September to 10 October, with rollups from the first load on."""
    put(here / "none.jsonl", requests(1))
    put(here / "log.jsonl", requests(80, each_s=DAY_S // 2, latency_ms=100))
    assert 0 == run("load", "none.jsonl", "--store", "lake/").code
    assert 0 == run("store", "rollup", "--store", "lake").code
    assert 0 == run("load", "log.jsonl", "--store", "lake").code
    return here / "lake"


def opened(*names: str) -> set[str]:
    """The files of rollups that a question's SQL would open."""
    with llmscope.open(store="lake") as logs:
        logs.run("cost", by="feature")
        views = logs.con.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'rollups'").fetchall()
    return {part for part in views[0][0].split("'") if part.endswith(".parquet")}


def answers(run: Run) -> list[object]:
    """Cost by day and feature and the median latency: from rollups, then from the rows."""
    found: list[object] = []
    for more in ((), ("--exact",)):
        cost = json.loads(run("cost", "--by", "day,feature", "--store", "lake", "-f", "json", *more).out)
        found.append(
            [[row[k] for k in ("day", "feature", "requests", "input_tokens", "cost_usd")] for row in cost["rows"]]
        )
        assert any("daily rollups" in note for note in cost["notes"]) != bool(more)
    return found


def test_a_load_of_many_days_opens_a_file_a_month(lake: Path, run: Run) -> None:
    """Forty days are read from one file of September and one of October, with the figures of the rows."""
    rolled, exact = answers(run)

    assert exact == rolled
    assert 2 == len(opened())
    assert all("/_llmscope/gathered_rollups/" in path for path in opened())


def test_a_few_days_more_are_read_beside_them(lake: Path, here: Path, run: Run) -> None:
    """A nightly load leaves its day's rollup for itself; compact takes it in."""
    put(here / "night.jsonl", requests(2, 80, each_s=DAY_S // 2))
    assert 0 == run("load", "night.jsonl", "--store", "lake").code
    beside, before = opened(), answers(run)
    ran = run("store", "compact", "--store", "lake", "-f", "json")

    assert 0 == ran.code, ran.err
    assert 3 == len(beside)
    assert 2 == len(opened())
    assert before == answers(run)
    assert before[0] == before[1]


def test_what_counts_no_more_is_passed_over(lake: Path, here: Path, run: Run) -> None:
    """A better record of a request writes its day anew: the old rollup in the gathered file is not counted."""
    put(here / "better.jsonl", requests(1, 20, each_s=DAY_S // 2, cache_read_tokens=7, output_tokens=1_000))
    before = answers(run)[0]
    assert 0 == run("load", "better.jsonl", "--store", "lake").code
    rolled, exact = answers(run)

    assert rolled != before
    assert exact == rolled


def test_what_is_forgotten_stays_gathered(lake: Path, run: Run) -> None:
    """Rollups of forgotten days answer from the gathered files, also after compact has swept the rest away."""
    before = answers(run)[0]
    assert 0 == run("store", "forget", "--before", "2026-09-20", "--store", "lake").code
    assert 0 == run("store", "compact", "--store", "lake", "--grace", "0s").code
    cost = run("cost", "--by", "day,feature", "--store", "lake", "-f", "json")
    rows = json.loads(cost.out)["rows"]

    assert before == [[row[k] for k in ("day", "feature", "requests", "input_tokens", "cost_usd")] for row in rows]
    assert 2 == len(opened())


def test_gathered_files_that_are_put_aside_meanwhile(lake: Path, here: Path, run: Run) -> None:
    """Who has opened the lake before others gather anew finds the files it knew."""
    put(here / "more.jsonl", requests(30, 80, each_s=DAY_S // 2))
    with llmscope.open(store="lake") as logs:
        before = logs.run("cost").rows
        known = {file.path for name in NAMES for file in logs.store.snapshot.of(name)}  # type: ignore[attr-defined]
        assert 0 == run("load", "more.jsonl", "--store", "lake").code
        now = Lake.open(lake).state.files.keys()

        assert 1 <= len(known - now)
        assert logs.run("cost").rows == before


def test_a_lake_without_its_gathered_files(lake: Path, run: Run) -> None:
    """One that is gone is named, as any file of the lake is."""
    shutil.rmtree(lake / "_llmscope/gathered_rollups")
    ran = run("cost", "--store", "lake")

    assert (1, "") == (ran.code, ran.out)
    assert "this file of the lake is gone" in ran.err


def test_exact_in_the_settings(lake: Path, here: Path, run: Run) -> None:
    """`exact = true` in llmscope.toml has every question read the rows."""
    assert "from daily rollups" in run("cost", "--store", "lake").out
    (here / "llmscope.toml").write_text("exact = true\n")

    assert "from daily rollups" not in run("cost", "--store", "lake").out
