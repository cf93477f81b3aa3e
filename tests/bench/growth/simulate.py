"""What is planned for larger logs, tried on synthetic data: daily histograms, and a lake of ten years of days."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from growth.measure import run
from growth.ours import Place
from growth.results import Results, figures

HERE = Path(__file__).parent
SLICES, DAYS = 1000, 365
LAKE_DAYS, FILES_A_DAY = 3650, 3


def simulated(place: Place, script: str, *words: object) -> dict[str, Any]:
    """Runs one simulation in a process of its own; what it printed, and what it took."""
    taken = run([sys.executable, HERE / script, *map(str, words)], cwd=place.work, env={"PYTHONPATH": str(place.root)})
    if taken.end != "ok":
        raise SystemExit(f"{script}: {taken.complaint[-2000:]}")
    return json.loads(taken.said.strip().splitlines()[-1].rpartition("\r")[2]) | figures([taken])


def rollup(results: Results, place: Place, size: int) -> None:
    """Daily histograms of a log of `size` rows against its exact quantiles; once, a year of a thousand slices."""
    results.put("rollup", "histograms", size, **simulated(place, "simulate_rollup.py", "rows", size))
    if results.get("rollup", "merge", SLICES * DAYS) is None:
        merged = simulated(place, "simulate_rollup.py", "merge", SLICES, DAYS)
        results.put("rollup", "merge", SLICES * DAYS, **merged)


def shuffle(results: Results, place: Place, size: int) -> None:
    """What Spark sends between its stages for exact quantiles of `size` rows, and for bins."""
    results.put("shuffle", "quantiles", size, **simulated(place, "simulate_shuffle.py", size))


def columns(results: Results, place: Place, size: int) -> None:
    """The bytes that each question needs of a lake of `size` rows, and of the sample logs, which repeat less."""
    sample = place.work / "lake-sample"
    if not sample.exists():
        place.llmscope("load", HERE.parents[2] / "sample_logs", "--store", f"{sample}/")
    found = simulated(place, "simulate_columns.py", sample)
    results.put("columns", "sample_logs", int(found["rows"]), **found)
    if place.lake(size).exists():
        results.put("columns", "lake", size, **simulated(place, "simulate_columns.py", place.lake(size)))


def listing(results: Results, place: Place) -> None:
    """Opening a lake of ten years of days with three files each, of which nothing but names and footers is read."""
    found = simulated(place, "simulate_listing.py", LAKE_DAYS, FILES_A_DAY)
    results.put("listing", "open", LAKE_DAYS * FILES_A_DAY, **found)
