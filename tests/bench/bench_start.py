"""Start-up and the main job against `python -c pass`, paired. By hand: python tests/bench/bench_start.py [ROUNDS]."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).parent / "llmscope")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "llmscope --help": [PROGRAM, "--help"],
    "llmscope cost --help": [PROGRAM, "cost", "--help"],
    "llmscope cost --by feature sample_logs/": [PROGRAM, "cost", "--by", "feature", "sample_logs/"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - start


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    bare = times["python -c pass"]
    for name, found in times.items():
        ratio = statistics.median(t / b for t, b in zip(found, bare, strict=True))
        print(f"{name:42s} {statistics.median(found):.3f} s  {ratio:5.1f}x")


if __name__ == "__main__":
    main()
