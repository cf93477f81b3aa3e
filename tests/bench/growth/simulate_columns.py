"""What a question reads of a lake: the Parquet bytes of its columns, and in how many pieces an object store sends them.

By hand: python tests/bench/growth/simulate_columns.py LAKE.
"""

from __future__ import annotations

import json
import sys

import duckdb

COLUMNS = {
    "cost": ["feature", "provider", "model", "request_model", "response_model", "service_tier", "started_at",
             "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
             "cost_logged_usd", "user_id", "session_id", "operation", "status"],
    "latency": ["feature", "status", "operation", "timing_quality", "latency_ms", "ttft_ms", "started_at", "stream"],
    "tokens by feature": ["feature", "input_tokens", "output_tokens"],
}  # fmt: skip
SQL = """
SELECT sum(total_compressed_size)::BIGINT, count(*), count(DISTINCT file_name)
FROM parquet_metadata(?) WHERE ? IS NULL OR list_contains(?, path_in_schema)
"""
ROWS = "SELECT sum(num_rows)::BIGINT, sum(num_row_groups)::BIGINT FROM parquet_file_metadata(?)"


def main() -> None:
    files = f"{sys.argv[1]}/requests/*/*.parquet"
    rows, groups = duckdb.execute(ROWS, [files]).fetchall()[0]
    found: dict[str, object] = {"rows": rows, "row_groups": groups}
    for name, columns in {"all columns": None, **COLUMNS}.items():
        size, chunks, count = duckdb.execute(SQL, [files, columns, columns]).fetchall()[0]
        found |= {"files": count, name: {"bytes_a_row": round(size / rows, 2), "chunks": chunks}}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
