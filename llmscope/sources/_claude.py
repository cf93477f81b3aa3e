"""How the lines of a Claude Code session become records: a line is one, and knows the line that it answers.

This is planned anew for each of the many files, so it says no more than Claude Code needs: the usage is Anthropic's,
and `_usage`, which reads anyone's, takes a tenth of a second to plan. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources._agents import counted_sql, number_sql
from llmscope.sources._usage_keys import BILLED, ITERATION_PARTS

CACHE_CREATION = "STRUCT(ephemeral_5m_input_tokens VARCHAR, ephemeral_1h_input_tokens VARCHAR)"
TOKENS = (
    "input_tokens VARCHAR, output_tokens VARCHAR, cache_read_input_tokens VARCHAR,"
    f" cache_creation_input_tokens VARCHAR, cache_creation {CACHE_CREATION}"
)
USAGE = (
    f"STRUCT({TOKENS}, output_tokens_details STRUCT(thinking_tokens VARCHAR),"
    " server_tool_use STRUCT(web_search_requests VARCHAR), service_tier VARCHAR, speed VARCHAR,"
    f' iterations STRUCT("type" VARCHAR, {TOKENS})[])'
)
# Read as a struct, so that nothing is made of the contents, which are nearly all of a file.
MESSAGE = (
    f"STRUCT(id VARCHAR, model VARCHAR, role VARCHAR, stop_reason VARCHAR, usage {USAGE},"
    ' content STRUCT("text" VARCHAR)[])'
)
COLUMNS: Mapping[str, str] = {
    "type": "VARCHAR", "subtype": "VARCHAR", "uuid": "VARCHAR", "parentUuid": "VARCHAR", "sessionId": "VARCHAR",
    "timestamp": "VARCHAR", "isSidechain": "VARCHAR", "requestId": "VARCHAR", "costUSD": "VARCHAR", "cwd": "VARCHAR",
    "gitBranch": "VARCHAR", "version": "VARCHAR", "isApiErrorMessage": "VARCHAR", "apiErrorStatus": "VARCHAR",
    "error": "JSON", "retryAttempt": "VARCHAR", "leafUuid": "VARCHAR", "messageId": "VARCHAR", "message": MESSAGE,
}  # fmt: skip


def part(name: str, place: str) -> str:
    """A part of the usage as text: where a call ran several times, the sum of what was billed at its model's price."""
    billed = f"list_sum([try_cast(t.{ITERATION_PARTS[name]} AS BIGINT) FOR t IN iterations IF {BILLED}])"
    return f"coalesce(CASE WHEN iterations IS NOT NULL THEN CAST({billed} AS VARCHAR) END, usage.{place})"


# The lines, each with what it is, whether it is a session's at all, when what it answers was written (unless that is of
# the same call), and where its session began.
LINES = """
lines AS MATERIALIZED (
    SELECT * EXCLUDE ("message"), struct_extract("message", 'id') AS message_id,
        struct_extract("message", 'model') AS model, struct_extract("message", 'role') AS role,
        struct_extract("message", 'stop_reason') AS stop_reason, struct_extract("message", 'usage') AS usage,
        struct_extract(struct_extract("message", 'content')[1], 'text') AS said
    FROM {values}
),
written AS (
    SELECT "uuid" AS line, any_value("timestamp") AS at, any_value(message_id) AS message
    FROM lines WHERE "uuid" IS NOT NULL GROUP BY "uuid"
),
homes AS (
    SELECT "sessionId" AS session, arg_min("cwd", "timestamp") AS home
    FROM lines WHERE "cwd" <> '' AND "sessionId" IS NOT NULL GROUP BY "sessionId"
),
told AS (
    SELECT lines.* EXCLUDE (usage), home,
        CASE
            WHEN "type" = 'system' AND "subtype" = 'api_error' THEN 'retry'
            WHEN coalesce("type", 'assistant') <> 'assistant' THEN NULL
            WHEN "isApiErrorMessage" = 'true' THEN 'failure'
            WHEN model = '<synthetic>' OR coalesce(role, 'assistant') <> 'assistant' THEN NULL
            WHEN "type" IS NOT NULL AND coalesce(model, message_id) IS NOT NULL THEN 'call'
            WHEN coalesce(usage.input_tokens, usage.output_tokens) IS NOT NULL THEN 'call'
        END AS kind,
        CASE WHEN kind = 'call' THEN usage END AS usage,
        CASE WHEN kind = 'call' THEN usage.iterations END AS iterations,
        CASE WHEN kind = 'call' THEN coalesce(message_id, "requestId", "uuid") ELSE "uuid" END AS id,
        CASE WHEN written.message IS NULL OR written.message IS DISTINCT FROM message_id THEN written.at END AS asked,
        "isSidechain" IS NOT DISTINCT FROM 'true' AS sidechain,
        coalesce("sessionId", "uuid", "leafUuid", "messageId") IS NOT NULL OR "type" = 'summary' AS mine
    FROM lines
    LEFT JOIN written ON written.line = lines."parentUuid"
    LEFT JOIN homes ON homes.session = lines."sessionId"
)"""

COUNTS = f"""
parts AS (
    SELECT *, {part("input", "input_tokens")} AS input, {part("output", "output_tokens")} AS output,
        {part("cache_read", "cache_read_input_tokens")} AS cache_read,
        {part("cache_write", "cache_creation_input_tokens")} AS cache_write,
        {part("ttl_5m", "cache_creation.ephemeral_5m_input_tokens")} AS ttl_5m,
        {part("ttl_1h", "cache_creation.ephemeral_1h_input_tokens")} AS ttl_1h
    FROM told
),
numbers AS MATERIALIZED (
    SELECT *, {number_sql("input")} AS i, {number_sql("output")} AS o, {number_sql("cache_read")} AS r,
        {number_sql("ttl_5m")} AS w_5m, {number_sql("ttl_1h")} AS w_1h,
        greatest({number_sql("cache_write")}, nullif(coalesce(w_5m, 0) + coalesce(w_1h, 0), 0)) AS w
    FROM parts
),
calls AS (
    SELECT id AS call, sidechain AS aside, arg_min(asked, "timestamp") AS asked_first,
        min("timestamp") AS written_first, max("timestamp") AS written_last,
        any_value(stop_reason) AS stopped
    FROM numbers WHERE kind IS NOT NULL GROUP BY id, sidechain
),
best AS (
    SELECT id AS call, arg_max("uuid", row(NOT sidechain, coalesce(o, -1), "timestamp")) AS line
    FROM numbers WHERE kind = 'call' GROUP BY id
)"""

# Every line is a record, so that each is accounted for. Of a call's lines the best keeps its times, so that it says
# most: load then drops the others. Anthropic's input leaves out what is cached. A call that failed for good says so in
# a sentence and a word, a retry in the SDK's error object.
RECORDS = f"""
SELECT true AS _first, "_file", mine, kind, id, "sessionId", home, "gitBranch", "version", sidechain, "costUSD",
    CASE WHEN kind = 'call' THEN message_id END AS response_id, CASE WHEN kind = 'call' THEN model END AS model,
    CASE WHEN kind = 'call' THEN coalesce(stop_reason, stopped) END AS stop_reason,
    coalesce(best.line = "uuid", true) AS whole,
    CASE WHEN whole THEN coalesce(asked_first, written_first) END AS started,
    CASE WHEN whole AND asked_first IS NOT NULL THEN written_last END AS ended,
    CASE WHEN asked_first IS NOT NULL THEN 'inferred' END AS timing,
    {counted_sql("i + coalesce(r, 0) + coalesce(w, 0)", "input")} AS input_tokens,
    {counted_sql("o", "output")} AS output_tokens, {counted_sql("r", "cache_read")} AS cache_read_tokens,
    {counted_sql("w", "cache_write")} AS cache_write_tokens,
    {counted_sql("w_5m", "ttl_5m")} AS cache_write_5m_tokens, {counted_sql("w_1h", "ttl_1h")} AS cache_write_1h_tokens,
    usage.output_tokens_details.thinking_tokens AS reasoning_tokens,
    usage.server_tool_use.web_search_requests AS web_searches,
    CASE WHEN coalesce(i, 0) = 0 AND coalesce(o, 0) = 0 THEN 'missing' ELSE 'exclusive_fixed' END AS semantics,
    CASE WHEN lower(usage.speed) = 'fast' THEN 'fast' ELSE CASE lower(usage.service_tier)
        WHEN 'standard' THEN 'default' WHEN 'auto' THEN NULL ELSE lower(usage.service_tier) END END AS tier,
    CASE WHEN kind = 'retry' THEN "retryAttempt" END AS attempt,
    CASE WHEN kind <> 'call' THEN json_extract_string("error", ['$', '$.status', '$.error.error.type', '$.error.type',
        '$.cause.code', '$.error.error.message', '$.error.message', '$.message']) END AS e,
    CASE WHEN kind = 'failure' THEN coalesce(said, '') END AS sentence,
    coalesce("apiErrorStatus", e[2], nullif(regexp_extract(sentence, 'API Error: ([0-9]+)', 1), '')) AS error_status,
    coalesce(e[3], e[4], e[5], CASE WHEN kind <> 'call' AND json_type("error") = 'VARCHAR' THEN e[1] END) AS error_type,
    coalesce(sentence, e[6], e[7], e[8]) AS error_message
FROM numbers
LEFT JOIN calls ON call = id AND aside = sidechain AND kind IS NOT NULL
LEFT JOIN best ON best.call = id AND kind = 'call'
"""
SQL = f"WITH {LINES},{COUNTS}{RECORDS}"
