"""Load against a bare DuckDB read_json of the same columns, paired in one run.

By hand: python tests/bench/bench_load.py LOG [ROUNDS].
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import duckdb, json, sys
con = duckdb.connect(sys.argv[2])
pass
columns = json.loads(sys.argv[3])
shape = "{" + ", ".join(f"'{k}': '{v}'" for k, v in columns.items()) + "}"
read = f"read_json('{sys.argv[1]}', columns = {shape}, format = 'newline_delimited')"
con.execute(f"CREATE TABLE t AS SELECT * FROM {read}")
con.close()
"""
TIMES = ("started_at", "ended_at")


def columns_of(log: Path) -> dict[str, str]:
    """The log's own columns, typed as a person would."""
    with log.open() as stream:
        record = json.loads(stream.readline())
    kinds = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE"}
    return {k: "TIMESTAMP" if k in TIMES else kinds.get(type(v), "VARCHAR") for k, v in record.items()}


def run(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of one command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(process.stderr.read().decode() if process.stderr else "failed")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    log, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    bare: list[tuple[float, float, float]] = []
    ours: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            shape = json.dumps(columns_of(log))
            bare.append(run([sys.executable, "-c", BARE, str(log), f"{folder}/bare.duckdb", shape]))
            ours.append(run([sys.executable, "-m", "llmscope", "load", str(log), "--store", f"{folder}/ours.duckdb"]))
    for name, runs in (("bare", bare), ("load", ours)):
        wall, cpu, peak = (statistics.median(r[i] for r in runs) for i in range(3))
        print(f"{name:5s} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.0f} MiB")
    print(f"ratio wall {statistics.median(o[0] / b[0] for o, b in zip(ours, bare, strict=True)):.2f}", end="  ")
    print(f"cpu {statistics.median(o[1] / b[1] for o, b in zip(ours, bare, strict=True)):.2f}")


if __name__ == "__main__":
    main()
