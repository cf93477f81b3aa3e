"""`llmscope cost --by feature` on a large store against a bare script that runs the same SQL, paired in one run.

By hand: python tests/bench/bench_cost.py STORE [ROUNDS]; a store of ten million rows is made of a loaded log with
python tests/bench/bench_cost.py --grow STORE TIMES.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb

BARE = """
import duckdb, json, sys
con = duckdb.connect(sys.argv[1], read_only=True)
rates, queries = json.load(open(sys.argv[2]))
for statement, values in rates:
    con.execute(statement, values) if values else con.execute(statement)
for query in queries:
    print(con.execute(query).fetchall())
"""


def grow(store: Path, times: int) -> None:
    """Repeats the rows of a store with other ids and later times."""
    con = duckdb.connect(str(store))
    columns = [
        c
        for (c,) in con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'requests_rows'"
        ).fetchall()
    ]
    changed = {"request_id": "request_id || '-{i}'", "session_id": "session_id || '-{i}'",
               "started_at": "started_at + INTERVAL ({i} * 3) DAY"}  # fmt: skip
    rows = con.execute("SELECT max(rowid) FROM requests_rows").fetchall()[0][0]
    for i in range(1, times):
        select = ", ".join(changed.get(c, c).format(i=i) for c in columns)
        con.execute(
            f"INSERT INTO requests_rows ({', '.join(columns)}) SELECT {select} FROM requests_rows WHERE rowid <= {rows}"
        )


def same_sql(store: Path, target: Path) -> None:
    """The very statements that the program runs, written down for the bare script."""
    from llmscope.opening import open_logs

    with open_logs(store=store) as logs:
        logs.cost(by="feature")
        table = logs.rates
        rates = [(table.create_sql, None)]
        con = logs.con
        names = [d[0] for d in con.execute("SELECT * FROM rates LIMIT 0").description]
        values = con.execute("SELECT COLUMNS(*)::VARCHAR FROM rates").fetchall()
        holes = ", ".join("?" for _ in names)
        rates += [(f"INSERT INTO rates VALUES ({holes})", list(row)) for row in values]
        target.write_text(json.dumps([rates, list(logs.ran)]))


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    if sys.argv[1] == "--grow":
        return grow(Path(sys.argv[2]), int(sys.argv[3]))
    store, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7
    queries = store.with_suffix(".queries.json")
    same_sql(store, queries)
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        bare.append(seconds([sys.executable, "-c", BARE, str(store), str(queries)]))
        ours.append(seconds([sys.executable, "-m", "llmscope", "cost", "--by", "feature", "--store", str(store)]))
    print(f"bare {statistics.median(bare):.3f} s  cost {statistics.median(ours):.3f} s ", end="")
    print(f"ratio {statistics.median(o / b for o, b in zip(ours, bare, strict=True)):.2f}")
    return None


if __name__ == "__main__":
    main()
