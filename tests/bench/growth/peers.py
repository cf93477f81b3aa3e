"""Cost by feature straight from the JSONL: llmscope, a hand-written DuckDB statement, pandas, Polars, jq, Miller."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from growth import logs
from growth.measure import Run, run
from growth.ours import QUESTIONS, Place, dollars, same
from growth.results import Results, kept, middle, paired

HERE = Path(__file__).parent
MOST_S, MOST_MIB = 120.0, 8 * 1024.0
LARGEST = 10_000_000
PASSED = ("time", "memory", "foreseen")
Command = Callable[[], Run]


def python(script: str, log: Path) -> Command:
    return partial(run, [sys.executable, HERE / script, log], seconds=MOST_S, mebibytes=MOST_MIB)


def tool(*command: str | Path) -> Command | None:
    """A command of the machine's own, where it is installed."""
    return partial(run, command, seconds=MOST_S, mebibytes=MOST_MIB) if shutil.which(str(command[0])) else None


def commands(place: Place, size: int) -> dict[str, Command]:
    """Every way to the same answer, llmscope's first."""
    log = logs.whole(size, place.work)
    ask, form = QUESTIONS["cost"], ("--format", "json")
    found: dict[str, Command | None] = {
        "llmscope, JSONL": partial(place.llmscope, *ask, log, *form),
        "DuckDB by hand, JSONL": python("cost_duckdb.py", log),
        "Polars, JSONL": python("cost_polars.py", log),
        "pandas, JSONL": python("cost_pandas.py", log),
        "pandas in chunks, JSONL": python("cost_pandas_chunks.py", log),
        "jq, JSONL": tool("jq", "-n", "-c", "-f", HERE / "cost.jq", log),
        "Miller, JSONL": tool("mlr", "--ijsonl", "--ojsonl", "put", "-q", "-f", HERE / "cost.mlr", log),
    }
    if place.file(size).exists():
        found["llmscope, file"] = partial(place.llmscope, *ask, "--store", place.file(size), *form)
    if place.lake(size).exists():
        found["llmscope, lake"] = partial(place.llmscope, *ask, "--store", f"{place.lake(size)}/", *form)
        found["DuckDB by hand, lake"] = python("cost_duckdb.py", place.lake(size) / "requests")
        found["Polars, lake"] = python("cost_polars.py", place.lake(size) / "requests")
    return {name: command for name, command in found.items() if command}


def compare(results: Results, place: Place, size: int) -> None:
    """Part peers: in turn, medians; who passed a limit at a smaller size does not run again."""
    if size > LARGEST:
        return
    stopped = {e["name"] for e in results.of("peers") if e["size"] < size and e["end"] in PASSED}
    every = {name: one for name, one in commands(place, size).items() if name not in stopped}
    for name in [name for name in every if not name.startswith("llmscope")]:
        if (expected := foreseen(results, name, size)) > 1.25 * MOST_S:
            nothing = {"wall_s": [], "cpu_s": [round(expected)], "peak_mib": [], "end": "foreseen"}
            results.put("peers", name, size, **nothing)
            del every[name]
    taken = paired(every)
    kept(results, "peers", size, taken)
    same({name: said(name, runs[-1]) for name, runs in taken.items() if runs[-1].end == "ok"})


def foreseen(results: Results, name: str, size: int) -> float:
    """The processor seconds of the largest size measured so far, grown with the rows."""
    known = [e for e in results.of("peers") if e["name"] == name and e["size"] < size and e["end"] == "ok"]
    return max((middle(e, "cpu_s") * size / e["size"] for e in known[-1:]), default=0.0)


def said(name: str, one: Run) -> dict[str, float]:
    """The dollars a way told."""
    return dollars(one) if name.startswith("llmscope") else json.loads(one.said)
