"""`llmscope throughput` on a large store: seconds and peak memory, whole, by provider, over days, against limits.

By hand: python tests/bench/bench_throughput.py STORE [ROUNDS]; a store of ten million rows is made of a loaded log with
python tests/bench/bench_cost.py --grow STORE TIMES.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ASKED: tuple[tuple[str, ...], ...] = (
    (),
    ("--busiest", "0"),
    ("--by", "provider"),
    ("--over", "day"),
    ("--limit", "openai=10000rpm,2000000tpm", "--busiest", "0"),
)


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds on the wall, seconds of processor, and the process's largest MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    store, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for options in ASKED:
        command = [sys.executable, "-m", "llmscope", "throughput", *options, "--store", store]
        wall, cpu, memory = zip(*(measured(command) for _ in range(rounds)), strict=True)
        print(f"{' '.join(options) or '(whole)':55} wall {statistics.median(wall):6.2f} s  ", end="")
        print(f"cpu {statistics.median(cpu):6.2f} s  {max(memory):6.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
