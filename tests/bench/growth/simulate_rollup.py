"""Daily histograms in bins of ratio 1.02 in place of rows: bytes, seconds, and what the quantiles lose.

By hand: python tests/bench/growth/simulate_rollup.py rows 1e7, or merge SLICES DAYS; in the folder where it stands
at the time two Parquet files are written and taken away. Latencies are lognormal, another by feature and model, with
one request in fifty eight times as slow; a value stands for its bin by the geometric middle, so no order statistic
is off by more than sqrt(1.02) - 1 = 0.995 %.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

SECONDS: dict[str, float] = {}
ROWS = """
CREATE TABLE log AS
WITH drawn AS (
    SELECT i, i * 92 // {rows} AS day, i % 6 AS feature, (i // 6) % 5 AS model,
        (hash(i) % 9007199254740992 + 0.5) / 9007199254740992 AS u,
        (hash(-i - 1) % 9007199254740992) / 9007199254740992 AS v
    FROM range({rows}) AS t(i))
SELECT day, feature, model, 500 + i * 611953 % 4000 AS input_tokens, 50 + i * 15485863 % 600 AS output_tokens,
    exp(6 + 0.3 * feature + 0.2 * model + 0.6 * sqrt(-2 * ln(u)) * cos(2 * pi() * v))
        * CASE WHEN i * 7919 % 50 = 0 THEN 8 ELSE 1 END AS latency_ms
FROM drawn
"""
BINNED = """
CREATE TABLE bins AS
SELECT day, feature, model, floor(ln(latency_ms) / ln(1.02))::SMALLINT AS bin, count(*)::INTEGER AS requests
FROM log GROUP BY ALL ORDER BY ALL
"""
SUMS = """
CREATE TABLE sums AS
SELECT day, feature, model, count(*) AS requests, sum(input_tokens)::BIGINT AS input_tokens,
    sum(output_tokens)::BIGINT AS output_tokens, sum(latency_ms) AS latency_ms
FROM log GROUP BY ALL ORDER BY ALL
"""
# As quantile_cont: the two values on either side of (n - 1) q, the share of each by how near it is.
FROM_BINS = """
WITH merged AS (SELECT {by}, bin, sum(requests) AS n FROM bins GROUP BY ALL),
running AS (SELECT *, sum(n) OVER (PARTITION BY {by} ORDER BY bin) AS upto, sum(n) OVER (PARTITION BY {by}) AS total
    FROM merged),
ranked AS (
    SELECT {by}, q, (total - 1) * q AS place,
        min(bin) FILTER (upto >= floor((total - 1) * q) + 1) AS low,
        min(bin) FILTER (upto >= least(floor((total - 1) * q) + 2, total)) AS high
    FROM running, (VALUES (0.5), (0.95), (0.99)) AS quantiles(q) GROUP BY {by}, q, total)
SELECT {by}, q, 1.02 ** (low + 0.5) + (place - floor(place)) * (1.02 ** (high + 0.5) - 1.02 ** (low + 0.5)) AS ms
FROM ranked
"""
EXACT = """
SELECT {by}, q, ms FROM (
    SELECT {by}, quantile_cont(latency_ms, 0.5) AS p50, quantile_cont(latency_ms, 0.95) AS p95,
        quantile_cont(latency_ms, 0.99) AS p99
    FROM log GROUP BY ALL)
UNPIVOT (ms FOR of IN (p50, p95, p99)) JOIN (VALUES ('p50', 0.5), ('p95', 0.95), ('p99', 0.99)) AS n(of, q) USING (of)
"""
ERRORS = """
SELECT q, max(abs(b.ms / e.ms - 1)) AS worst, avg(abs(b.ms / e.ms - 1)) AS mean, count(*) AS quantiles
FROM from_bins AS b JOIN exact AS e USING ({by}, q) GROUP BY q ORDER BY q
"""
YEAR = """
CREATE TABLE bins AS
SELECT d AS day, s AS slice, (300 + s % 40 + b)::SMALLINT AS bin,
    greatest(1, round(40 * exp(-((b - 75) / 28.0) ** 2 / 2) * (0.8 + 0.4 * (hash(d, s, b) % 100) / 100)))::INTEGER
        AS requests
FROM range({days}) AS days(d), range({slices}) AS slices(s), range(150) AS bins(b)
"""


def timed(con: duckdb.DuckDBPyConnection, name: str, sql: str) -> list[Any]:
    start = time.perf_counter()
    rows = con.execute(sql).fetchall()
    SECONDS[name] = round(time.perf_counter() - start, 4)
    return rows


def written(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The bytes of a relation as zstd Parquet."""
    path = Path(f"rollup-{time.time_ns()}.parquet")
    con.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    size = path.stat().st_size
    path.unlink()
    return size


def errors(con: duckdb.DuckDBPyConnection, by: str) -> dict[str, dict[str, float]]:
    """How far the quantiles of the bins are from those of the rows, by quantile."""
    named = by.replace(", ", "_")
    timed(con, f"from_bins_{named}", f"CREATE OR REPLACE TABLE from_bins AS {FROM_BINS.format(by=by)}")
    timed(con, f"exact_{named}", f"CREATE OR REPLACE TABLE exact AS {EXACT.format(by=by)}")
    rows = con.execute(ERRORS.format(by=by)).fetchall()
    return {f"p{float(q) * 100:g}": {"worst": w, "mean": m, "quantiles": n} for q, w, m, n in rows}


def rows(con: duckdb.DuckDBPyConnection, size: int) -> dict[str, Any]:
    con.execute(ROWS.format(rows=size))
    timed(con, "make_bins", BINNED)
    timed(con, "make_sums", SUMS)
    counted = con.execute("SELECT count(*) FROM bins").fetchall()[0][0]
    lists = "SELECT day, feature, model, list(bin) AS bin, list(requests) AS requests FROM bins GROUP BY ALL"
    return {
        "bin_rows": counted, "bin_bytes": written(con, "FROM bins"), "list_bytes": written(con, lists),
        "sum_rows": con.execute("SELECT count(*) FROM sums").fetchall()[0][0], "sum_bytes": written(con, "FROM sums"),
        "errors_all_days": errors(con, "feature, model"), "errors_by_day": errors(con, "day, feature, model"),
    }  # fmt: skip


def merge(con: duckdb.DuckDBPyConnection, slices: int, days: int) -> dict[str, Any]:
    con.execute(YEAR.format(slices=slices, days=days))
    counted, requests = con.execute("SELECT count(*), sum(requests)::BIGINT FROM bins").fetchall()[0]
    path = Path(f"year-{time.time_ns()}.parquet")
    con.execute(f"COPY (FROM bins ORDER BY slice, day, bin) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    con.execute(f"CREATE OR REPLACE VIEW bins_read AS FROM '{path}'")
    read = FROM_BINS.replace("FROM bins", "FROM bins_read")
    timed(con, "all_slices_a_year", read.format(by="slice"))
    timed(con, "one_slice_a_year", read.replace("bins_read", "bins_read WHERE slice = 500").format(by="slice"))
    timed(con, "one_slice_by_day", read.replace("bins_read", "bins_read WHERE slice = 500").format(by="slice, day"))
    size = path.stat().st_size
    path.unlink()
    return {"bin_rows": counted, "requests": requests, "bin_bytes": size}


def main() -> None:
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false; SET threads = 2")
    numbers = [int(float(word)) for word in sys.argv[2:]]
    found = {"rows": rows, "merge": merge}[sys.argv[1]](con, *numbers)
    print(json.dumps(found | {"seconds": SECONDS}))


if __name__ == "__main__":
    main()
