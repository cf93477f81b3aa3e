"""Every quantile, mean and standard deviation of llmperf's published summaries, from its single requests.

By hand: python tests/bench/llmperf_check.py FOLDER, the folder that holds llmperf's `individual` and `summary`. Prints
the largest relative difference a host and metric, and ends with 1 where one is above 1e-12.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import llmscope

QUANTILES = (25, 50, 75, 90, 95, 99)
KEYS = {"total": "end_to_end_latency_s", "ttft": "ttft_s"}
MAPS = [f"latency_ms={KEYS['total']}:s", f"ttft_ms={KEYS['ttft']}:s"]
MOST = 1e-12


def ours(path: Path, metric: str) -> dict[str, float]:
    """Our figures of one host, failed requests left out as the authors did."""
    with llmscope.open(str(path), map=MAPS) as logs:
        row: dict[str, Any] = dict(logs.latency(metric=metric, quantiles=",".join(map(str, QUANTILES))).rows[0])
    return {name.removesuffix("_ms"): value for name, value in row.items()}


def theirs(path: Path, metric: str) -> dict[str, float]:
    """The published figures, in ms."""
    summary = json.loads(path.read_text())
    names = {f"p{q}": f"quantiles_p{q}" for q in QUANTILES} | {n: n for n in ("mean", "stddev", "max")}
    figures = {name: 1000 * float(summary[f"results_{KEYS[metric]}_{key}"]) for name, key in names.items()}
    return {**figures, "requests": summary["results_num_completed_requests"]}


def main() -> int:
    folder, worst, compared = Path(sys.argv[1]), 0.0, 0
    for path in sorted((folder / "individual").glob("*.json")):
        for metric in KEYS:
            mine, published = ours(path, metric), theirs(folder / "summary" / path.name, metric)
            apart = {name: abs(mine[name] - value) / max(abs(value), 1e-300) for name, value in published.items()}
            worst, compared = max(worst, *apart.values()), compared + len(apart)
            print(f"{path.stem:<16} {metric:<6} n={mine['requests']:<4} {max(apart.values()):.1e}")
    print(f"{compared} figures, the largest relative difference {worst:.1e}")
    return int(not compared or worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
