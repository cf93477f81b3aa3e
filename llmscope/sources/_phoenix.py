"""The SQL that reads Phoenix' spans: attributes under dotted names, in objects, or in columns of a data frame."""

from __future__ import annotations

import json
from collections.abc import Mapping

from llmscope.sources import Sample, json_path, literal, quote, spliced
from llmscope.sources._bodies import ASKED, SAID, USAGE, answer_sql, opened, prompt_sql, some, words
from llmscope.sources._genai_names import CALL, SPAN
from llmscope.sources._leaves import leaf_ctes
from llmscope.sources._reasons import NOTHING

COLUMNS: Mapping[str, str] = {
    "name": "VARCHAR", "context": "JSON", "context.span_id": "VARCHAR", "context.trace_id": "VARCHAR",
    "span_kind": "VARCHAR", "parent_id": "VARCHAR", "start_time": "VARCHAR", "end_time": "VARCHAR",
    "status_code": "VARCHAR", "status_message": "VARCHAR", "attributes": "JSON", "events": "JSON",
}  # fmt: skip
IN_FRAME = "attributes."

# What Phoenix keeps beside what every tracer's spans have.
OWN: Mapping[str, tuple[str, ...]] = {
    "cached_tokens": ("llm.token_count.prompt_details.cache_input",),
    "input_cost": ("llm.cost.prompt",),
    "output_cost": ("llm.cost.completion",),
    "input_value": ("input.value",),
    "output_value": ("output.value",),
    "messages": ("llm.input_messages",),
    "said_name": ("evaluation.name", "annotation.name"),
    "said_score": ("evaluation.score", "annotation.score"),
    "said_label": ("evaluation.label", "annotation.label"),
    "said_explanation": ("evaluation.explanation", "annotation.explanation"),
    "said_by": ("evaluation.annotator_kind", "annotation.annotator_kind"),
}
ELSEWHERE = ("ai.", "traceloop.", "langfuse.")
NAMES: Mapping[str, tuple[str, ...]] = {
    word: kept
    for word, names in {**SPAN, **CALL, **OWN}.items()
    if (kept := tuple(name for name in names if not name.startswith(ELSEWHERE)))
}
EVENTS = [{"name": "VARCHAR", "timestamp": "VARCHAR",
           "attributes": {"exception.type": "VARCHAR", "exception.message": "VARCHAR"}}]  # fmt: skip

CALLS = ("LLM", "EMBEDDING", "RERANKER")
# A call below one of these is made on the way to an answer.
BETWEEN = ("TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR")
OPERATIONS = {"EMBEDDING": "embeddings", "RERANKER": "rerank"}
FINER = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details",
         "cache_creation", "server_tool_use", "service_tier", "speed")  # fmt: skip


def columns_of(sample: Sample) -> dict[str, str]:
    """The columns to read: a data frame has one for each attribute."""
    wanted = {IN_FRAME + name for names in NAMES.values() for name in names}
    return dict(COLUMNS) | {key: "VARCHAR" for key in sample.columns if key in wanted}


def unfolding_sql(sample: Sample) -> str:
    """The SELECT over {values}; its columns are those that `phoenix.readings` names."""
    parts = {
        "GIVEN": _given(sample), "NAMED": _named(sample), "PARSED": _parsed(), "TOLD": _told(),
        "LEAVES": leaf_ctes("spans", f"s.kind IN {BETWEEN}"),
    }  # fmt: skip
    return spliced(SQL, parts)


# What any span says of its user or session holds for the whole trace, and so does the name of a root that is no call.
SQL = """
WITH RECURSIVE given AS NOT MATERIALIZED (<GIVEN>),
named AS NOT MATERIALIZED (<NAMED>),
parsed AS NOT MATERIALIZED (<PARSED>),
spans AS MATERIALIZED (<TOLD>),
traces AS MATERIALIZED (
    SELECT trace_id, any_value(w_session_id) AS session_id, any_value(w_user_id) AS user_id,
           coalesce(any_value(w_feature), any_value(name) FILTER (parent_span_id IS NULL AND NOT is_call)) AS feature,
           any_value(w_environment) AS environment, any_value(w_release) AS release, any_value(tags) AS trace_tags,
           any_value(metadata) AS trace_metadata, arg_min(span_id, started) AS told_by
    FROM spans GROUP BY trace_id
),
<LEAVES>
SELECT true AS _first, spans.* EXCLUDE (w_session_id, w_user_id, w_feature, w_environment, w_release, has_usage),
       traces.* EXCLUDE (trace_id, told_by, session_id, user_id, feature, environment, release),
       coalesce(w_session_id, session_id) AS session_id, coalesce(w_user_id, user_id) AS user_id,
       coalesce(w_feature, feature) AS feature, coalesce(w_environment, environment) AS environment,
       coalesce(w_release, release) AS release, spans.is_call AND w.span_id IS NULL AS is_leaf,
       traces.told_by = spans.span_id AS tells
FROM spans LEFT JOIN traces USING (trace_id) LEFT JOIN leaf_wrappers AS w
  ON w.trace_id = spans.trace_id AND w.span_id = spans.span_id
"""


def _given(sample: Sample) -> str:
    """The spans, a data frame's columns put back together as attributes."""
    flat = [key for key in columns_of(sample) if key.startswith(IN_FRAME)]
    pairs = ", ".join(f"{literal(key.removeprefix(IN_FRAME))}, nullif({quote(key)}, '')" for key in flat)
    return f"""
    SELECT name, span_kind, start_time, nullif(end_time, '') AS end_time, status_code, status_message,
           from_json(events, {literal(json.dumps(EVENTS))}) AS events,
           lower(coalesce(json_extract_string(context, '$.trace_id'), "context.trace_id", '')) AS trace_id,
           lower(coalesce(json_extract_string(context, '$.span_id'), "context.span_id")) AS span_id,
           lower(nullif(parent_id, '')) AS parent_span_id,
           coalesce({opened("attributes")}, {f"json_object({pairs})" if flat else "NULL"}) AS attrs
    FROM <values> WHERE coalesce(json_extract_string(context, '$.span_id'), "context.span_id", '') <> ''"""


def _named(sample: Sample) -> str:
    """Each attribute by our word for it."""
    nested = any(isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values())
                 for value in (record.get("attributes") for record in sample.records))  # fmt: skip

    def places(name: str) -> tuple[str, ...]:
        return (json_path(name)[1:-1], json_path(*name.split("."))[1:-1]) if nested else (json_path(name)[1:-1],)

    found, word = words("attrs", {w: tuple(p for n in names for p in places(n)) for w, names in NAMES.items()})
    columns = ", ".join(f"{sql.replace('@', 'a')} AS w_{w}" for w, sql in word.items())
    return f"""
    SELECT * EXCLUDE (a), {columns},
           upper(coalesce({word["inference_kind"].replace("@", "a")},
                          CASE WHEN NOT starts_with(span_kind, 'SPAN_KIND_') THEN span_kind END)) AS kind
    FROM (SELECT *, {found} AS a FROM given)"""


def _parsed() -> str:
    """Of calls, the request and the answer as written down; of any span, when it began to answer and why not."""
    asked, _ = words("asked", ASKED)
    params, _ = words("params", ASKED)
    said, _ = words("said", SAID)
    raw = ", ".join(some(f"json_extract(said, {literal(path)})") for path in USAGE)
    return f"""
    SELECT *, {asked} AS q, {params} AS p, {said} AS r, coalesce({raw}) AS raw,
           [e FOR e IN events IF e.name = 'exception'][1].attributes AS thrown,
           [e.timestamp FOR e IN events IF e.name = 'First Token Stream Event'][1] AS first_token
    FROM (SELECT *, CASE WHEN is_call THEN try_cast(w_input_value AS JSON) END AS asked,
                 CASE WHEN is_call THEN try_cast(w_output_value AS JSON) END AS said,
                 CASE WHEN is_call THEN try_cast(w_parameters AS JSON) END AS params
          FROM (SELECT *, coalesce(kind IN {CALLS}, false) OR counted AS is_call
                FROM (SELECT *, coalesce(w_input_tokens, w_output_tokens) IS NOT NULL AS counted FROM named)))"""


def _told() -> str:
    """Each span in the shape that the rule of leaves wants, with all that a request may be told of it."""
    operation = "CASE kind " + " ".join(f"WHEN '{k}' THEN '{v}'" for k, v in OPERATIONS.items()) + " ELSE 'chat' END"
    _, in_asked = words("asked", ASKED)
    _, in_said = words("said", SAID)
    told = {w: f"coalesce({sql.replace('@', 'p')}, {sql.replace('@', 'q')})" for w, sql in in_asked.items()}
    told |= {w: sql.replace("@", "r") for w, sql in in_said.items()}
    columns = ", ".join(f"{sql} AS {w}" for w, sql in told.items())
    kept = ("session_id", "user_id", "feature", "environment", "release", "provider", "response_id", "request_model",
            "response_model", "finish_reason", "max_tokens", "temperature", "stream", "template",
            "template_version", "service_tier", "error_type", "http_status", "said_name", "said_score",
            "said_label", "said_explanation", "said_by")  # fmt: skip
    words_kept = ", ".join(f"w_{word}" for word in kept if word in NAMES)
    lacking = "".join(f", {NOTHING} AS w_{word}" for word in kept if word not in NAMES)
    since = "try_cast(start_time AS TIMESTAMPTZ), try_cast(first_token AS TIMESTAMPTZ)"
    messages = f"json_extract_string({_loose('w_messages')}, '$[*].\"message.content\"')"
    return f"""
    SELECT trace_id, span_id, parent_span_id, name, kind, start_time AS started, end_time AS ended,
           status_code AS state, {words_kept}{lacking}, is_call, {operation} AS operation,
           counted OR coalesce(json_type(raw) = 'OBJECT', false) AS has_usage, {_usage()} AS usage,
           coalesce(w_cost, CAST(try_cast(w_input_cost AS DOUBLE) + try_cast(w_output_cost AS DOUBLE) AS VARCHAR))
             AS cost,
           thrown['exception.type'] AS thrown_type,
           coalesce(thrown['exception.message'], nullif(status_message, '')) AS error_message,
           CAST(date_diff('microsecond', {since}) AS VARCHAR) AS first_token,
           CAST({_loose("w_tags")} AS VARCHAR) AS tags,
           CAST(coalesce({_loose("w_metadata")}, {_prefixed()}) AS VARCHAR) AS metadata, {columns},
           coalesce({prompt_sql("asked")}, w_input_value, nullif(array_to_string({messages}, chr(10)), ''))
             AS input_text,
           coalesce({answer_sql("said")}, w_output_value) AS output_text
    FROM parsed"""


def _usage() -> str:
    """OpenInference's counts, which have the cache inside the prompt, in names that say so; else the answer's own."""
    finer = ", ".join(f"'{key}', json_extract(raw, '$.{key}')" for key in FINER)
    counts = (
        "json_object('prompt_tokens', w_input_tokens, 'completion_tokens', w_output_tokens,"
        " 'total_tokens', w_total_tokens, 'prompt_tokens_details', json_object("
        " 'cached_tokens', coalesce(w_cache_read_tokens, w_cached_tokens), 'cache_write_tokens', w_cache_write_tokens,"
        " 'audio_tokens', w_audio_input_tokens), 'completion_tokens_details', json_object("
        " 'reasoning_tokens', w_reasoning_tokens, 'audio_tokens', w_audio_output_tokens))"
    )
    return f"CASE WHEN counted THEN json_merge_patch(json_object({finer}), {counts}) ELSE raw END"


def _loose(text: str) -> str:
    """JSON, also as Python prints it, which is how a data frame writes lists and objects into CSV."""
    return f"coalesce(try_cast({text} AS JSON), try_cast(replace({text}, '''', '\"') AS JSON))"


def _prefixed() -> str:
    """Metadata that the REST interface spreads over names: metadata.team, ..."""
    entries = "map_entries(try_cast(attrs AS MAP(VARCHAR, VARCHAR)))"
    own = f"[{{'key': substr(e.key, 10), 'value': e.value}} FOR e IN {entries} IF starts_with(e.key, 'metadata.')]"
    return f"CASE WHEN contains(CAST(attrs AS VARCHAR), '\"metadata.') THEN to_json(map_from_entries({own})) END"
