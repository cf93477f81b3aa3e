"""Asks DuckDB and Spark every analysis over one lake and says where they differ: `spark_equal.py LAKE [SPARK_URL]`.

The questions are those of tests/spark/asked.py. For a million rows:
    python tests/bench/make_log.py 1000000 /tmp/m.jsonl && llmscope load /tmp/m.jsonl --store /tmp/m/ && \
    python tests/bench/spark_equal.py /tmp/m
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.spark.asked import ASKED
from tests.spark.same import differences
from tests.spark.test_equal import answer


def main(lake: Path, url: str = "local[*]") -> int:
    """Prints a line a question: seconds of each engine, and the first difference; the number of those that differ."""
    differing = 0
    for name, sets in ASKED.items():
        for options in sets:
            began = time.perf_counter()
            expected = answer(lake, name, options)
            between = time.perf_counter()
            actual = answer(lake, name, options, engine="spark", spark_url=url)
            ended = time.perf_counter()
            found = list(differences(expected, actual))
            differing += bool(found)
            said = found[0][:200] if found else "equal"
            print(f"{name} {options}: {between - began:.2f} s, {ended - between:.2f} s, {said}", flush=True)
    print(f"{differing} of {sum(map(len, ASKED.values()))} differ")
    return differing


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]) > 0)
