"""Cost by feature as one statement of DuckDB, by hand: …/cost_duckdb.py LOG.jsonl, or a folder of Parquet."""

import json
import sys
from pathlib import Path

import duckdb

SQL = """
WITH prices(response_model, input_usd, cache_read_usd, output_usd) AS (VALUES  -- USD per 1,000,000 tokens
    ('gpt-4o-2024-08-06', 2.50, 1.25, 10.00),
    ('claude-3-5-haiku-20241022', 0.80, 0.08, 4.00),
    ('gemini-2.0-flash', 0.10, 0.025, 0.40)),
sums AS (
    SELECT feature, response_model, sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
        sum(output_tokens) AS output_tokens
    FROM {log}
    GROUP BY ALL)
SELECT feature, sum((input_tokens - cache_read_tokens) * input_usd + cache_read_tokens * cache_read_usd
    + output_tokens * output_usd)::DOUBLE / 1e6
FROM sums JOIN prices USING (response_model)
GROUP BY feature
"""

JSONL = """read_json($log, format = 'newline_delimited', columns = {feature: 'VARCHAR', response_model: 'VARCHAR',
        input_tokens: 'BIGINT', cache_read_tokens: 'BIGINT', output_tokens: 'BIGINT'})"""
PARQUET = "read_parquet($log || '/*/*.parquet', union_by_name = true, hive_partitioning = true)"

if __name__ == "__main__":
    query = SQL.replace("{log}", PARQUET if Path(sys.argv[1]).is_dir() else JSONL)
    print(json.dumps(dict(duckdb.execute(query, {"log": sys.argv[1]}).fetchall())))
