"""results.json: one entry a part, a name and a size, so that parts can be measured at different times."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from growth.measure import Run

LONG_S = 60.0
ROUNDS = 3
Entry = dict[str, Any]


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    ram = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    named = {"cpu": f"{cpu[0] if cpu else platform.machine()}, {os.cpu_count()} cores", "ram": f"{ram:.0f} GiB",
             "system": f"{platform.system()} {platform.release()}", "python": platform.python_version()}  # fmt: skip
    for package in ("duckdb", "polars", "pandas", "pyarrow", "pyspark", "sqlglot"):
        try:
            named[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    for tool in ("jq", "mlr"):
        if shutil.which(tool):
            said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
            named[tool] = said.strip().removeprefix(tool).strip(" -")
    return named


class Results:
    """The entries measured so far; each one that is put goes to disk at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "results.json"
        known = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.machine: dict[str, str] = known.get("machine", {}) | machine()
        self.entries: list[Entry] = known.get("entries", [])

    def put(self, part: str, name: str, size: int, **found: Any) -> Entry:
        entry = {"part": part, "name": name, "size": size, "at": time.strftime("%Y-%m-%dT%H:%M:%S"), **found}
        same = (part, name, size)
        self.entries = [e for e in self.entries if (e["part"], e["name"], e["size"]) != same] + [entry]
        self.entries.sort(key=lambda e: (e["part"], e["name"], e["size"]))
        lines = ",\n".join("  " + json.dumps(e) for e in self.entries)
        self.path.write_text(f'{{"machine": {json.dumps(self.machine)},\n"entries": [\n{lines}\n]}}\n')
        print(f"{part:<10} {name:<28} {size:>11,}  {told(entry)}", flush=True)
        return entry

    def get(self, part: str, name: str, size: int) -> Entry | None:
        return next((e for e in self.entries if (e["part"], e["name"], e["size"]) == (part, name, size)), None)

    def of(self, part: str) -> list[Entry]:
        return [e for e in self.entries if e["part"] == part]


def middle(entry: Entry, key: str) -> float:
    """The median of an entry's runs."""
    return float(statistics.median(entry[key]))


def told(entry: Entry) -> str:
    """One entry as a line for the person who waits."""
    if not entry.get("wall_s"):
        return json.dumps({k: v for k, v in entry.items() if k not in ("part", "name", "size", "at")})[:150]
    wall, cpu, peak = (middle(entry, key) for key in ("wall_s", "cpu_s", "peak_mib"))
    took = f"wall {wall:8.2f} s  cpu {cpu:8.2f} s  {peak:6.0f} MiB"
    return f"{took}  n={len(entry['wall_s'])}  {entry['end']}"


def paired(commands: Mapping[str, Callable[[], Run]], rounds: int = ROUNDS) -> dict[str, list[Run]]:
    """Runs the commands in turn, round after round; one that took a minute, or did not end well, runs once."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if not runs[name] or (runs[name][-1].end == "ok" and runs[name][-1].wall_s < LONG_S):
                runs[name].append(command())
    return runs


def figures(runs: list[Run]) -> Entry:
    """What is kept of the runs of one command."""
    kept: Entry = {"wall_s": [round(r.wall_s, 4) for r in runs], "cpu_s": [round(r.cpu_s, 3) for r in runs],
                   "peak_mib": [round(r.peak_mib, 1) for r in runs], "end": runs[-1].end,
                   "load": round(os.getloadavg()[0], 1)}  # fmt: skip
    if runs[-1].end == "failed":
        kept["said"] = (runs[-1].complaint.strip().splitlines() or [""])[-1][:300]
    return kept


def kept(results: Results, part: str, size: int, runs: Mapping[str, list[Run]]) -> None:
    for name, of_one in runs.items():
        results.put(part, name, size, **figures(of_one))
