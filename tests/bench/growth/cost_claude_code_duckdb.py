"""Cost of Claude Code's sessions as one statement of DuckDB, by hand: …/cost_claude_code_duckdb.py FOLDER."""

import json
import sys

import duckdb

# A message stands on a line for each of its parts, and in each session that went on from it: the fullest counts.
SQL = """
WITH prices(model, input_usd, output_usd, cache_write_usd, cache_read_usd) AS (VALUES  -- USD per 1,000,000 tokens
    {prices}),
lines AS (
    SELECT requestId AS request, message.id AS id, message.model AS model, message.usage AS used
    FROM read_json($files, format = 'newline_delimited', maximum_object_size = 268435456, columns = {{
        requestId: 'VARCHAR',
        message: 'STRUCT(id VARCHAR, model VARCHAR, usage STRUCT(input_tokens BIGINT, output_tokens BIGINT,
            cache_creation_input_tokens BIGINT, cache_read_input_tokens BIGINT))'}})
    WHERE message.usage.output_tokens IS NOT NULL),
calls AS (
    SELECT any_value(model) AS model, arg_max(used, used.output_tokens) AS used FROM lines GROUP BY id, request)
SELECT count(*), sum(used.input_tokens * input_usd + used.output_tokens * output_usd
    + coalesce(used.cache_creation_input_tokens, 0) * cache_write_usd
    + coalesce(used.cache_read_input_tokens, 0) * cache_read_usd)::DOUBLE / 1e6
FROM calls JOIN prices USING (model)
"""

if __name__ == "__main__":
    folder, prices = sys.argv[1], json.loads(sys.argv[2])
    rows = ",\n    ".join(f"('{model}', {', '.join(map(str, four))})" for model, four in prices.items())
    calls, cost = duckdb.execute(SQL.format(prices=rows), {"files": f"{folder}/**/*.jsonl"}).fetchall()[0]
    print(json.dumps({"calls": calls, "cost_usd": cost}))
