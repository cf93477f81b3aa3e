"""Writes N Langfuse observations, about 1 kB a line, half of them generations: python make_langfuse.py N FILE."""

from __future__ import annotations

import sys

import duckdb

SQL = """
COPY (SELECT
    left(md5('o' || i::VARCHAR), 16) AS id, md5('t' || (i // 6)::VARCHAR) AS "traceId", 'proj-bench' AS "projectId",
    CASE WHEN call THEN 'GENERATION' WHEN i % 6 = 0 THEN 'AGENT' ELSE 'SPAN' END AS type, 'production' AS environment,
    CASE WHEN i % 6 > 0 THEN left(md5('o' || (i - i % 6)::VARCHAR), 16) END AS "parentObservationId",
    strftime(start, '%Y-%m-%dT%H:%M:%S.%gZ') AS "startTime",
    strftime(start + INTERVAL (700 + i * 7919 % 4000) MILLISECOND, '%Y-%m-%dT%H:%M:%S.%gZ') AS "endTime",
    CASE WHEN call AND i % 4 = 1
         THEN strftime(start + INTERVAL (100 + i * 104729 % 500) MILLISECOND, '%Y-%m-%dT%H:%M:%S.%gZ') END
         AS "completionStartTime",
    ['plan', 'answer', 'search', 'rewrite'][1 + i % 4] AS name, 'DEFAULT' AS level, NULL::VARCHAR AS "statusMessage",
    CASE WHEN call THEN ['gpt-4o-2024-08-06', 'claude-3-5-haiku-20241022', 'gemini-2.0-flash'][1 + i % 3] END AS model,
    CASE WHEN call THEN to_json({{'temperature': 0.7, 'max_tokens': 1024}}) ELSE '{{}}' END AS "modelParameters",
    CASE WHEN call THEN to_json({{'input': 400 + i * 611953 % 4000, 'input_cached_tokens': i * 32452843 % 400,
         'output': 50 + i * 15485863 % 600, 'output_reasoning_tokens': i * 49979687 % 40,
         'total': 450 + i * 611953 % 4000 + i * 32452843 % 400 + i * 15485863 % 600 + i * 49979687 % 40}})
         ELSE '{{}}' END AS "usageDetails",
    CASE WHEN call THEN to_json({{'input': 0.000125, 'output': 0.00031, 'total': 0.000435}}) ELSE '{{}}' END
        AS "costDetails",
    CASE WHEN call THEN 0.000435 ELSE 0 END AS "totalCost", NULL::VARCHAR AS "promptName",
    NULL::INTEGER AS "promptVersion", 'user-' || (i // 6 * 7919 % 5000)::VARCHAR AS "userId",
    'session-' || (i // 24)::VARCHAR AS "sessionId", ['beta', 'web'] AS tags, 'support-bot' AS "traceName",
    {{'team': ['red', 'blue'][1 + i % 2], 'region': 'eu'}} AS metadata,
    [{{'role': 'system', 'content': 'Answer in one sentence.'}},
     {{'role': 'user', 'content': 'What is the state of order ' || i::VARCHAR || ' and when does it arrive?'}}]
        AS input,
    {{'role': 'assistant', 'content': 'Order ' || i::VARCHAR || ' left the warehouse and arrives on Thursday.'}}
        AS output,
    strftime(start, '%Y-%m-%dT%H:%M:%S.%gZ') AS "createdAt", strftime(start, '%Y-%m-%dT%H:%M:%S.%gZ') AS "updatedAt",
    0.7 AS latency, NULL::DOUBLE AS "timeToFirstToken"
FROM (SELECT i, i % 2 = 1 AS call, TIMESTAMP '2026-08-01' + INTERVAL (i * 7) SECOND AS start
      FROM range({rows}) AS t(i))) TO '{path}' (FORMAT json)
"""

if __name__ == "__main__":
    duckdb.execute(SQL.format(rows=int(sys.argv[1]), path=sys.argv[2]))
