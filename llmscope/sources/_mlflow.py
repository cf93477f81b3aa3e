"""The SQL that unfolds an MLflow trace into rows: one for the trace, one a span, one an assessment.

Ids are base64 of their bytes in traces as they are written down, hex in older ones; every attribute is a string of
JSON. A row's `record` says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from llmscope.sources import literal, spliced
from llmscope.sources._bodies import ASKED, SAID, USAGE, answer_sql, opened, prompt_sql, some, words
from llmscope.sources._leaves import leaf_ctes

# The keys of a trace as JSON, and the columns of the data frame that search_traces gives, of now and of before.
COLUMNS: Mapping[str, str] = {
    "info": "JSON", "data": "JSON", "trace": "JSON", "trace_id": "VARCHAR", "request_id": "VARCHAR", "state": "VARCHAR",
    "status": "VARCHAR", "request_time": "VARCHAR", "timestamp_ms": "VARCHAR", "trace_metadata": "JSON",
    "request_metadata": "JSON", "tags": "JSON", "spans": "JSON", "assessments": "JSON", "execution_duration": "VARCHAR",
    "execution_time_ms": "VARCHAR",
}  # fmt: skip

SPAN = {
    "span_id": "VARCHAR", "parent_span_id": "VARCHAR", "parent_id": "VARCHAR", "name": "VARCHAR",
    "context": {"span_id": "VARCHAR"}, "status": {"code": "VARCHAR", "message": "VARCHAR"}, "status_code": "VARCHAR",
    "status_message": "VARCHAR", "start_time_unix_nano": "VARCHAR", "end_time_unix_nano": "VARCHAR",
    "start_time": "VARCHAR", "end_time": "VARCHAR", "attributes": "JSON",
    "events": [{"name": "VARCHAR", "time_unix_nano": "VARCHAR", "timestamp": "VARCHAR",
                "attributes": {"exception.type": "VARCHAR", "exception.message": "VARCHAR"}}],
}  # fmt: skip
ASSESSMENT = {
    "assessment_id": "VARCHAR", "assessment_name": "VARCHAR", "name": "VARCHAR", "trace_id": "VARCHAR",
    "span_id": "VARCHAR", "source": {"source_type": "VARCHAR", "source_id": "VARCHAR"}, "create_time": "VARCHAR",
    "rationale": "VARCHAR", "valid": "VARCHAR", "feedback": {"value": "JSON"},
    "expectation": {"value": "JSON", "serialized_value": {"value": "VARCHAR"}},
}  # fmt: skip

INFO: Mapping[str, tuple[str, ...]] = {
    "trace_id": ("$.trace_id", "$.request_id"),
    "started": ("$.request_time", "$.timestamp_ms"),
    "experiment": ("$.trace_location.mlflow_experiment.experiment_id", "$.experiment_id"),
}
META: Mapping[str, tuple[str, ...]] = {
    "user_id": ('$."mlflow.trace.user"',),
    "session_id": ('$."mlflow.trace.session"',),
    "service": ('$."mlflow.source.name"',),
    "release": ('$."mlflow.source.git.commit"',),
}
TAGS: Mapping[str, tuple[str, ...]] = {
    "feature": ("$.feature",),
    "environment": ("$.environment", "$.env"),
    "trace_name": ('$."mlflow.traceName"',),
    "prompts": ('$."mlflow.linkedPrompts"',),
}
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "type": ('$."mlflow.spanType"',),
    "usage": ('$."mlflow.chat.tokenUsage"',),
    "model": ('$."mlflow.llm.model"', '$."gen_ai.response.model"', '$."gen_ai.request.model"'),
    "provider": ('$."mlflow.llm.provider"', '$."gen_ai.provider.name"', '$."gen_ai.system"'),
    "cost": ('$."mlflow.llm.cost"',),
    "asked": ('$."mlflow.spanInputs"',),
    "said": ('$."mlflow.spanOutputs"',),
    "prompts": ('$."mlflow.linkedPrompts"',),
    "user": ('$."user.id"',),
    "session": ('$."session.id"',),
    "function": ('$."mlflow.spanFunctionName"',),
}
OPERATIONS = {"EMBEDDING": "embeddings", "RERANKER": "rerank"}
CALLS = ("CHAT_MODEL", "LLM", "EMBEDDING")
# A call below one of these is made on the way to an answer.
BETWEEN = ("TOOL", "RETRIEVER")
# What an answer's own usage knows that MLflow's does not.
FINER = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details",
         "server_tool_use", "service_tier", "speed")  # fmt: skip


def hex_id(text: str) -> str:
    """A span's id in hex: from base64 of its 8 bytes, from 0x..., or as it is. What is no base64 stays."""
    bytes_ = f"CASE WHEN regexp_full_match({text}, '[A-Za-z0-9+/]{{11}}=') THEN try(hex(from_base64({text}))) END"
    return f"lower(coalesce({bytes_}, CASE WHEN starts_with({text}, '0x') THEN substr({text}, 3) ELSE {text} END))"


def trace_hex(text: str) -> str:
    """A trace's id as OpenTelemetry has it: without `tr-`, and without the place of a Databricks table before it."""
    last = f"split_part({text}, '/', -1)"
    return f"CASE WHEN starts_with({last}, 'tr-') THEN lower(substr({last}, 4)) ELSE {last} END"


def unfolding_sql() -> str:
    """The SELECT over {values}; its columns are those that `mlflow.readings` names."""
    parts = {
        "TRACES": _traces(), "SHAPE": literal(json.dumps([SPAN])), "DECODED": _decoded(), "PARSED": _parsed(),
        "TOLD": _told(), "LEAVES": leaf_ctes("spans", f"s.span_type IN {BETWEEN}"), "SPAN_ROWS": _span_rows(),
        "SCORES": _scores(),
    }  # fmt: skip
    return spliced(SQL, parts)


SQL = """
WITH RECURSIVE given AS (SELECT *, row_number() OVER () AS n FROM <values>),
traces AS MATERIALIZED (<TRACES>),
items AS NOT MATERIALIZED (SELECT n, coalesce(trace_id, '') AS trace_id, unnest(from_json(spans, <SHAPE>)) AS s
                           FROM traces),
decoded AS NOT MATERIALIZED (<DECODED>),
parsed AS NOT MATERIALIZED (<PARSED>),
spans AS MATERIALIZED (<TOLD>),
-- What an SDK names its own call says nothing of what the call was for.
roots AS (
    SELECT n, min(name) FILTER (NOT is_call OR a_function IS NOT NULL) AS root,
           list(name) FILTER (is_call AND a_function IS NULL) AS called
    FROM spans WHERE parent_span_id IS NULL GROUP BY n
),
known AS MATERIALIZED (
    SELECT traces.* EXCLUDE (spans) REPLACE (
        coalesce(feature, CASE WHEN NOT coalesce(list_contains(called, trace_name), false) THEN trace_name END, root)
        AS feature)
    FROM traces LEFT JOIN roots USING (n)
),
<LEAVES>
SELECT true AS _first, 'trace' AS record, known.* EXCLUDE (n, assessments, prompts, trace_name) FROM known
UNION ALL BY NAME
<SPAN_ROWS>
UNION ALL BY NAME
<SCORES>
"""


def _traces() -> str:
    """Each trace with what is said of it as a whole."""
    info, in_info = words("info", INFO)
    meta, in_meta = words("meta", META)
    tags, in_tags = words("tags", TAGS)
    said = {word: sql.replace("@", "i") for word, sql in in_info.items()}
    said["trace_id"] = trace_hex(f"coalesce({said['trace_id']}, trace_id, request_id)")
    said["started"] = f"coalesce({said['started']}, request_time, timestamp_ms)"
    said |= {word: f"nullif({sql.replace('@', 'm')}, '')" for word, sql in in_meta.items()}
    said |= {word: f"nullif({sql.replace('@', 't')}, '')" for word, sql in in_tags.items()}
    kept = f"json_merge_patch({_own_keys('meta')}, {_own_keys('tags')})"
    metadata = f"json_merge_patch({kept}, json_object('experiment_id', {said.pop('experiment')}))"
    columns = ", ".join(f"{sql} AS {word}" for word, sql in said.items())
    return f"""
    SELECT n, spans, assessments, {columns}, nullif(CAST({metadata} AS VARCHAR), '{{}}') AS metadata
    FROM (SELECT *, {info} AS i, {meta} AS m, {tags} AS t FROM (
        SELECT n, info, trace_id, request_id, request_time, timestamp_ms,
               coalesce({some("json_extract(info, '$.trace_metadata')")}, json_extract(info, '$.request_metadata'),
                        {opened("trace_metadata")}, {opened("request_metadata")}) AS meta,
               coalesce(json_extract(info, '$.tags'), {opened("tags")}) AS tags,
               coalesce(json_extract(info, '$.assessments'), {opened("assessments")}) AS assessments,
               coalesce(json_extract({opened("data")}, '$.spans'), json_extract(whole, '$.data.spans'),
                        {opened("spans")}) AS spans
        FROM (SELECT * REPLACE (coalesce({opened("info")}, json_extract(whole, '$.info')) AS info)
              FROM (SELECT *, {opened("trace")} AS whole FROM given)))
        WHERE spans IS NOT NULL OR info IS NOT NULL)"""


def _own_keys(column: str) -> str:
    """A map's keys that are the user's own and not MLflow's, as a JSON object."""
    entries = f"map_entries(try_cast({column} AS MAP(VARCHAR, VARCHAR)))"
    own = f"[e FOR e IN {entries} IF NOT starts_with(e.key, 'mlflow.') AND e.value IS NOT NULL]"
    return f"coalesce(to_json(map_from_entries({own})), '{{}}')"


def _decoded() -> str:
    """Each span, and its attributes out of the strings of JSON that they are."""
    found, word = words("s.attributes", ATTRIBUTES)
    texts = {w: sql.replace("@", "a") for w, sql in word.items()}
    decoded = ", ".join(
        f"coalesce(json_extract_string(try_cast({sql} AS JSON), '$'), nullif({sql}, 'null')) AS a_{w}"
        for w, sql in texts.items()
    )
    return f"""
    SELECT n, trace_id, {hex_id("coalesce(s.span_id, s.context.span_id)")} AS span_id,
           nullif({hex_id("coalesce(s.parent_span_id, s.parent_id)")}, '') AS parent_span_id, s.name AS name,
           coalesce(s.start_time_unix_nano, s.start_time) AS started,
           coalesce(s.end_time_unix_nano, s.end_time) AS ended, s.events AS events,
           coalesce(s.status.code, s.status_code) AS state,
           coalesce(s.status.message, s.status_message) AS message, {decoded}
    FROM (SELECT *, {found} AS a FROM items WHERE coalesce(s.span_id, s.context.span_id, '') <> '')"""


def _parsed() -> str:
    """The attributes that are objects, as JSON, and what is wanted of the request and the answer."""
    asked, _ = words("asked", ASKED)
    said, _ = words("said", SAID)
    raw = ", ".join(some(f"json_extract(said, {literal(path)})") for path in USAGE)
    return f"""
    SELECT *, {asked} AS q, {said} AS r, coalesce({raw}) AS raw,
           coalesce(json_extract_string(own, '$.input_tokens'), json_extract_string(own, '$.output_tokens'))
             IS NOT NULL AS counted,
           [e FOR e IN events IF e.name = 'exception'][1].attributes AS thrown,
           [coalesce(e.time_unix_nano, e.timestamp) FOR e IN events IF starts_with(e.name, 'mlflow.chunk.item.')][1]
             AS first_chunk
    FROM (SELECT *, try_cast(a_usage AS JSON) AS own, try_cast(a_asked AS JSON) AS asked,
                 try_cast(a_said AS JSON) AS said FROM decoded)"""


def _told() -> str:
    """Each span in the shape that the rule of leaves wants, with all that a request may be told of it."""
    operation = "CASE a_type " + " ".join(f"WHEN '{k}' THEN '{v}'" for k, v in OPERATIONS.items()) + " ELSE 'chat' END"
    _, in_asked = words("asked", ASKED)
    _, in_said = words("said", SAID)
    told = {w: sql.replace("@", "q") for w, sql in in_asked.items()}
    told |= {w: sql.replace("@", "r") for w, sql in in_said.items()}
    columns = ", ".join(f"{sql} AS {w}" for w, sql in told.items())
    return f"""
    SELECT n, trace_id, span_id, parent_span_id, name, started, ended, state, a_type AS span_type,
           coalesce(a_type IN {CALLS}, false) OR counted AS is_call, {operation} AS operation,
           counted OR coalesce(json_type(raw) = 'OBJECT', false) AS has_usage, {_usage()} AS usage,
           a_model AS model, a_provider AS provider, a_user, a_session, a_prompts, a_function,
           json_extract_string(try_cast(a_cost AS JSON), '$.total_cost') AS cost,
           thrown['exception.type'] AS error_type, coalesce(thrown['exception.message'], message) AS error_message,
           CAST(try_cast(first_chunk AS BIGINT) - try_cast(started AS BIGINT) AS VARCHAR) AS first_chunk,
           {columns}, {prompt_sql("asked")} AS input_text,
           coalesce({answer_sql("said")}, a_said) AS output_text
    FROM parsed"""


def _usage() -> str:
    """MLflow's count, which has cache reads and writes inside the input, in the names that say so; else the answer's.

    The answer's own count adds what MLflow leaves out: reasoning, audio, the tier.
    """

    def own(key: str) -> str:
        return f"json_extract(own, '$.{key}')"

    finer = ", ".join(f"'{key}', json_extract(raw, '$.{key}')" for key in FINER)
    details = (
        f"json_object('cached_tokens', {own('cache_read_input_tokens')},"
        f" 'cache_write_tokens', {own('cache_creation_input_tokens')})"
    )
    ttl = f"json_object('ephemeral_1h_input_tokens', {own('cache_creation_input_tokens_above_1hr')})"
    counts = (
        f"json_object('prompt_tokens', {own('input_tokens')}, 'completion_tokens', {own('output_tokens')},"
        f" 'total_tokens', {own('total_tokens')}, 'prompt_tokens_details', {details}, 'cache_creation', {ttl})"
    )
    return f"CASE WHEN counted THEN json_merge_patch(json_object({finer}), {counts}) ELSE raw END"


def _span_rows() -> str:
    """The spans, each with what is known of its trace."""
    prompts = "try_cast(coalesce(a_prompts, known.prompts) AS JSON)"
    return f"""
    SELECT false AS _first, 'span' AS record, is_call AND w.span_id IS NULL AS is_leaf,
           coalesce(known.user_id, a_user, q_user) AS user_id, coalesce(known.session_id, a_session) AS session_id,
           feature, service, release, environment, metadata,
           json_extract_string({prompts}, '$[0].name') AS template,
           json_extract_string({prompts}, '$[0].version') AS template_version,
           spans.* EXCLUDE (n, is_call, has_usage, a_user, a_session, a_prompts, a_function,
                         q_user)
    FROM spans JOIN known USING (n) LEFT JOIN leaf_wrappers AS w
      ON w.trace_id = spans.trace_id AND w.span_id = spans.span_id"""


def _scores() -> str:
    """What people, judges and code said of a trace or a span; what was overridden since is left out."""
    shape = literal(json.dumps([ASSESSMENT]))
    return f"""
    SELECT false AS _first, 'assessment' AS record, coalesce({trace_hex("a.trace_id")}, trace_id) AS trace_id,
           {hex_id("a.span_id")} AS span_id, a.assessment_id AS score_id,
           coalesce(a.assessment_name, a.name) AS name, a.source.source_type AS rater_kind,
           a.source.source_id AS rater, a.rationale AS explanation, a.create_time AS started,
           coalesce(a.feedback.value, a.expectation.value,
                    try_cast(a.expectation.serialized_value.value AS JSON)) AS said_value
    FROM (SELECT trace_id, unnest(from_json(assessments, {shape})) AS a FROM known)
    WHERE a IS NOT NULL AND coalesce(a.valid, 'true') <> 'false'"""
