"""`llmscope drift --by feature,model` on a large store: seconds, processor and peak memory, and where they go.

By hand: python tests/bench/bench_drift.py STORE [ROUNDS]; a store of ten million rows is made of a loaded log with
python tests/bench/bench_cost.py --grow STORE TIMES. The limit: 10 M rows, 2 months, 10 metrics by 20 slices in 5 s on
two cores that do nothing else. Processor time over two is what that would be at best.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

METRICS = "latency,ttft,tokens,costs,requests,rates"
ASKED: tuple[tuple[str, ...], ...] = (
    ("--metric", "latency,tokens,costs,requests,rates"),
    ("--by", "feature"),
    ("--by", "feature,model", "--metric", METRICS),
    ("--by", "user", "--metric", METRICS),
)


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds on the wall, seconds of processor, and the process's largest MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def statements(store: str, options: tuple[str, ...]) -> None:
    """Each statement's seconds, and what is left for Python."""
    from pathlib import Path

    from llmscope.engines import duckdb as engine
    from llmscope.opening import open_logs

    taken: list[float] = []
    run = engine.execute

    def timed(*arguments: object, **named: object) -> object:
        start = time.perf_counter()
        try:
            return run(*arguments, **named)  # type: ignore[arg-type]
        finally:
            taken.append(time.perf_counter() - start)

    engine.execute = timed  # type: ignore[assignment]
    given = dict(zip((o.removeprefix("--") for o in options[::2]), options[1::2], strict=True))
    with open_logs(store=Path(store)) as logs:
        start = time.perf_counter()
        rows = len(logs.drift(**given).rows)
        whole = time.perf_counter() - start
    engine.execute = run
    largest = ", ".join(f"{one:.2f}" for one in taken if one > 0.05)
    print(f"    {rows} rows; statements {largest} s; Python {whole - sum(taken):.2f} s", flush=True)


def main() -> None:
    store, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for options in ASKED:
        command = [sys.executable, "-m", "llmscope", "drift", *options, "--store", store, "-f", "json"]
        wall, cpu, memory = zip(*(measured(command) for _ in range(rounds)), strict=True)
        print(f"{' '.join(options):62} wall {statistics.median(wall):6.2f} s  ", end="")
        print(f"cpu {statistics.median(cpu):6.2f} s  {max(memory):6.0f} MiB", flush=True)
        statements(store, options)


if __name__ == "__main__":
    main()
