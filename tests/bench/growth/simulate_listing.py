"""A lake of many days with several small files each: what listing, opening and planning cost when no row matters.

By hand: python tests/bench/growth/simulate_listing.py DAYS FILES_A_DAY; each file is a link to one real day of one row.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

DAYS_A_COMMIT = 10


def seconds(do: Callable[[], object], rounds: int = 3) -> float:
    """The median of a few runs."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        do()
        taken.append(time.perf_counter() - start)
    return round(sorted(taken)[rounds // 2], 4)


def one_file(folder: Path) -> Path:
    """A day of one row, as export and load write it: a small lake's only data file."""
    log = folder / "one.jsonl"
    record = {"request_id": "r1", "model": "gpt-4o", "provider": "openai", "input_tokens": 5, "output_tokens": 7,
              "latency_ms": 9.5, "started_at": "2026-08-01T00:00:00Z"}  # fmt: skip
    log.write_text(json.dumps(record))
    load = [sys.executable, "-m", "llmscope", "load", log, "--store", f"{folder}/small/"]
    subprocess.run(load, check=True, capture_output=True)
    return next((folder / "small/requests").rglob("*.parquet"))


def grown(folder: Path, days: int, files_a_day: int) -> tuple[Any, float]:
    """A lake with those days, made by ordinary commits; and the seconds they took."""
    from llmscope.lake.files import Change
    from llmscope.lake.lake import Lake

    source = one_file(folder)
    model = Lake.open(folder / "small").files("requests")[0]
    lake = Lake.open(folder / "large", create=True)
    keys = tuple(Lake.open(folder / "small").state.price_keys)
    start = time.perf_counter()
    for first in range(0, days, DAYS_A_COMMIT):
        added = []
        for number in range(first, min(first + DAYS_A_COMMIT, days)):
            day = (date(2016, 11, 1) + timedelta(number)).isoformat()
            for copy in range(files_a_day):
                path = f"requests/day={day}/llmscope-{copy}.parquet"
                (folder / "large" / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(source, folder / "large" / path)
                added.append(replace(model, path=path, day=day))
        lake.commit(Change("load", tuple(added), price_keys=keys))
    return lake, round(time.perf_counter() - start, 3)


def measured(folder: Path, days: int, files_a_day: int) -> dict[str, Any]:
    import duckdb

    from llmscope.lake.files import OWN
    from llmscope.lake.lake import Lake

    lake, committed = grown(folder, days, files_a_day)
    own = folder / "large" / OWN
    pattern = f"{folder}/large/requests/*/*.parquet"
    every = [lake.url(file) for file in lake.files("requests")]
    con = duckdb.connect()
    con.execute("SET threads = 2")
    count = "SELECT count(*) FROM read_parquet({}, union_by_name = {}, hive_partitioning = {})"

    def counted(files: object, by_name: str = "false", rounds: int = 3) -> float:
        return seconds(lambda: con.execute(count.format(files, by_name, by_name)).fetchall(), rounds)

    checkpoints = sorted((own / "checkpoints").glob("*.json"))
    return {
        "days": days, "files": len(every), "commits": lake.state.version, "commit_s": committed,
        "own_bytes": sum(p.stat().st_size for p in own.rglob("*") if p.is_file()),
        "last_checkpoint_bytes": checkpoints[-1].stat().st_size if checkpoints else 0,
        "open_s": seconds(lambda: Lake.open(folder / "large")),
        "list_folders_s": seconds(lambda: sum(len(files) for _, _, files in os.walk(folder / "large/requests"))),
        "glob_s": seconds(lambda: con.execute("SELECT count(*) FROM glob(?)", [pattern]).fetchall()),
        "count_one_day_s": counted(every[-files_a_day:]),
        "count_month_s": counted(every[-30 * files_a_day :]),
        "count_all_s": counted(every, rounds=1),
        "hive_all_by_name_s": counted(f"'{pattern}'", "true", 1),
    }  # fmt: skip


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="listing-", dir="."))
    try:
        print(json.dumps(measured(folder.resolve(), int(sys.argv[1]), int(sys.argv[2]))))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
