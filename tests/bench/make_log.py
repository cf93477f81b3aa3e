"""Writes a flat JSONL log of N requests, about 840 bytes a row. By hand: python tests/bench/make_log.py N FILE."""

from __future__ import annotations

import sys

import duckdb

SQL = """
COPY (SELECT
    md5('r' || i::VARCHAR) AS request_id, md5('resp' || i::VARCHAR) AS response_id,
    md5('t' || (i // 3)::VARCHAR) AS trace_id, left(md5('s' || i::VARCHAR), 16) AS span_id,
    'sess-' || (i // 8)::VARCHAR AS session_id, 'user-' || (i * 7919 % 5000)::VARCHAR AS user_id,
    ['chat', 'summarise', 'search', 'extract', 'classify', 'agent'][1 + i % 6] AS feature,
    'tmpl-' || (i % 20)::VARCHAR AS template, 'v' || (i % 5)::VARCHAR AS template_version, 'api' AS service,
    'prod' AS environment, 'chat' AS operation, ['openai', 'anthropic', 'gcp.gemini'][1 + i % 3] AS provider,
    ['gpt-4o', 'claude-3-5-haiku-20241022', 'gemini-2.0-flash'][1 + i % 3] AS request_model,
    ['gpt-4o-2024-08-06', 'claude-3-5-haiku-20241022', 'gemini-2.0-flash'][1 + i % 3] AS response_model,
    strftime(TIMESTAMP '2026-08-01' + INTERVAL (i * 7) SECOND, '%Y-%m-%dT%H:%M:%S.%fZ') AS started_at,
    strftime(TIMESTAMP '2026-08-01' + INTERVAL (i * 7 + 2) SECOND, '%Y-%m-%dT%H:%M:%S.%fZ') AS ended_at,
    round(200 + i * 7919 % 4000 + 0.125, 3) AS latency_ms, round(100 + i * 104729 % 400 + 0.5, 3) AS ttft_ms,
    i % 2 = 0 AS stream, 500 + i * 611953 % 4000 AS input_tokens, 50 + i * 15485863 % 600 AS output_tokens,
    i * 32452843 % 400 AS cache_read_tokens, 0 AS cache_write_tokens, i * 49979687 % 40 AS reasoning_tokens,
    1024 AS max_tokens, 0.7 AS temperature, 'stop' AS finish_reason, 'ok' AS status, 200 AS http_status, 1 AS attempt,
    'default' AS service_tier, round((i * 86028121 % 10000) / 1e6, 8) AS cost_logged_usd
FROM range({rows}) AS t(i)) TO '{path}' (FORMAT json)
"""

if __name__ == "__main__":
    duckdb.execute(SQL.format(rows=int(sys.argv[1]), path=sys.argv[2]))
