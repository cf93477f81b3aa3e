"""`llmscope latency --by feature,model` on a large store against the same SQL run bare, paired in one run.

By hand: python tests/bench/bench_latency.py STORE [ROUNDS]; bench_cost.py --grow makes a store of ten million rows.
Three are timed: the program, a bare script that runs the very statements the program runs, and the one statement a
person would write for the same question (p50, p95 and p99 by feature and model of what counts), which has no totals, no
first tokens, no mean and no counts of what is left out.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

QUANTILES = "50,95,99"
BARE = """
import duckdb, json, sys
con = duckdb.connect(sys.argv[1], read_only=True)
for query in json.load(open(sys.argv[2])):
    print(con.execute(query).fetchall())
"""
BY_HAND = """
SELECT feature, model, quantile_cont(latency_ms, 0.5), quantile_cont(latency_ms, 0.95), quantile_cont(latency_ms, 0.99)
FROM requests
WHERE status NOT IN ('error', 'cancelled') AND NOT coalesce(cache_hit, false) AND operation <> 'embeddings'
    AND timing_quality <> 'inferred'
GROUP BY ALL
"""


def same_sql(store: Path, target: Path) -> None:
    """The very statements that the program runs, written down for the bare script."""
    from llmscope.opening import open_logs

    with open_logs(store=store) as logs:
        logs.latency(by="feature,model", quantiles=QUANTILES)
        target.write_text(json.dumps(list(logs.ran)))


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    store, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    same, by_hand = store.with_suffix(".queries.json"), store.with_suffix(".by_hand.json")
    same_sql(store, same)
    by_hand.write_text(json.dumps([BY_HAND]))
    program = ["-m", "llmscope", "latency", "--by", "feature,model", "--quantiles", QUANTILES, "--store", str(store)]
    commands = {
        "latency": program,
        "same SQL": ["-c", BARE, str(store), str(same)],
        "by hand": ["-c", BARE, str(store), str(by_hand)],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(seconds([sys.executable, *command]))
    for name, taken in times.items():
        ratio = statistics.median(o / b for o, b in zip(times["latency"], taken, strict=True))
        print(f"{name:<9} {statistics.median(taken):.3f} s; latency takes {ratio:.2f} times that")


if __name__ == "__main__":
    main()
