"""What Spark moves between its stages for exact quantiles, told by its own event log.

By hand: python tests/bench/growth/simulate_shuffle.py ROWS. Three quantiles by six features of latencies that hardly
ever repeat, the worst case: what is sent is each distinct value with its count. Then the same of values in bins of
ratio 1.02.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

QUANTILES = """
SELECT feature, percentile({value}, 0.5), percentile({value}, 0.95), percentile({value}, 0.99)
FROM (SELECT i % 6 AS feature, exp(7 + 0.6 * randn(7)) AS latency_ms FROM log) GROUP BY feature
"""
BINNED = """
SELECT feature, bin, count(*) FROM (
    SELECT i % 6 AS feature, floor(ln(exp(7 + 0.6 * randn(7))) / ln(1.02)) AS bin FROM log) GROUP BY feature, bin
"""


def shuffled(events: Path) -> int:
    """The shuffle bytes that all tasks of a session wrote."""
    total = 0
    for file in (p for p in events.rglob("*") if p.is_file()):
        for line in file.read_text().splitlines():
            if line.startswith('{"Event":"SparkListenerTaskEnd"'):
                metrics = json.loads(line).get("Task Metrics") or {}
                total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total


def asked(sql: str, rows: int) -> tuple[int, float]:
    """The shuffle bytes and seconds of one statement in a session of its own."""
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory() as events:
        settings = {"spark.ui.enabled": "false", "spark.eventLog.enabled": "true", "spark.eventLog.dir": events,
                    "spark.eventLog.compress": "false", "spark.sql.shuffle.partitions": "4",
                    "spark.driver.memory": "4g", "spark.log.level": "ERROR"}  # fmt: skip
        builder = SparkSession.builder.master("local[2]")
        for name, setting in settings.items():
            builder = builder.config(name, setting)
        spark = builder.getOrCreate()
        spark.range(rows).withColumnRenamed("id", "i").createOrReplaceTempView("log")
        start = time.perf_counter()
        spark.sql(sql).collect()
        seconds = time.perf_counter() - start
        spark.stop()
        return shuffled(Path(events)), round(seconds, 2)


def main() -> None:
    rows = int(float(sys.argv[1]))
    found: dict[str, Any] = {}
    for name, sql in {"exact": QUANTILES.format(value="latency_ms"), "bins": BINNED}.items():
        found[f"{name}_bytes"], found[f"{name}_s"] = asked(sql, rows)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
