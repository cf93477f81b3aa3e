"""Langfuse's observations as rows, wherever they stand: in an export, one a record, or inside a trace.

All ways out of Langfuse name the same things, in camel case (API, UI) or in snake case (export to a bucket). Here they
become one relation of columns in camel case, all text, with is_call and is_leaf beside them: whether an observation is
a call to a model, and whether no call below it reports the same usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import FIRST, quote
from llmscope.sources._leaves import leaf_ctes

# Column -> its spellings. What is an object, or JSON in a string, arrives as the text of that JSON.
KEYS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "traceId": ("traceId", "trace_id"),
    "parentObservationId": ("parentObservationId", "parent_observation_id"),
    "type": ("type",),
    "name": ("name",),
    "startTime": ("startTime", "start_time"),
    "endTime": ("endTime", "end_time"),
    "completionStartTime": ("completionStartTime", "completion_start_time"),
    "model": ("model", "providedModelName", "provided_model_name"),
    "modelParameters": ("modelParameters", "model_parameters"),
    "usageDetails": ("usageDetails", "usage_details"),
    "usage": ("usage",),
    "inputUsage": ("inputUsage", "promptTokens"),
    "outputUsage": ("outputUsage", "completionTokens"),
    "totalUsage": ("totalUsage", "totalTokens"),
    "costDetails": ("costDetails", "cost_details"),
    "totalCost": ("totalCost", "calculatedTotalCost", "total_cost"),
    "level": ("level",),
    "statusMessage": ("statusMessage", "status_message"),
    "promptName": ("promptName", "prompt_name"),
    "promptVersion": ("promptVersion", "prompt_version"),
    "environment": ("environment",),
    "release": ("release",),
    "userId": ("userId", "user_id"),
    "sessionId": ("sessionId", "session_id"),
    "tags": ("tags", "traceTags", "trace_tags"),
    "traceName": ("traceName", "trace_name"),
    "metadata": ("metadata",),
    "input": ("input",),
    "output": ("output",),
}
RAW: tuple[str, ...] = tuple(key for keys in KEYS.values() for key in keys)
CALLS = "('GENERATION', 'EMBEDDING')"
# A call below one of these is made on the way to an answer, not a second report of it.
BETWEEN = "('AGENT', 'TOOL', 'RETRIEVER', 'EVALUATOR', 'GUARDRAIL')"
# How the same was called while Langfuse knew no type for it.
TOOL_NAMES = "^(execute_tool|ai\\.toolCall|running tool)"
# Keys of a metadata that hold what was asked and answered, or who sent the record; not the person's own.
NOT_OWN = """'{"attributes": null, "resourceAttributes": null, "scope": null}'"""


def utc_sql(text: str) -> str:
    """A time of the database's, which has no zone and is UTC, with its zone."""
    rest = f"substr({text}, 12)"
    zoned = f"right({text}, 1) = 'Z' OR contains({rest}, '+') OR contains({rest}, '-')"
    return f"CASE WHEN {zoned} OR substr({text}, 5, 1) <> '-' THEN {text} ELSE {text} || 'Z' END"


def is_observation(record: Mapping[str, Any]) -> bool:
    """By the keys: a type is one of many words, so it is not asked for its own."""
    if "traceId" in record and "startTime" in record:
        return "usageDetails" in record or "modelParameters" in record or "parentObservationId" in record
    snake = "trace_id" in record and "parent_observation_id" in record and "type" in record
    return snake and ("usage_details" in record or "provided_model_name" in record or "level" in record)


def raw_columns() -> dict[str, str]:
    """The columns that rows of observations are read as."""
    return dict.fromkeys(RAW, "VARCHAR")


def spelt(alias: str = "") -> str:
    """The select list that makes one column of all the spellings of each."""
    of = f"{alias}." if alias else ""
    return ", ".join(
        f"coalesce({', '.join(of + quote(key) for key in keys)}) AS {quote(name)}"
        if len(keys) > 1
        else f"{of}{quote(name)} AS {quote(name)}"
        for name, keys in KEYS.items()
    )


def leaves_sql(relation: str, before: str = "", also: str = "", first: str = "true") -> str:
    """A SELECT of these observations with is_call and is_leaf.

    relation: a SELECT of the columns of KEYS. before: CTEs it needs. also: what is to be read beside the observations,
    after UNION ALL BY NAME. first: SQL of FIRST.
    """
    used = r"""coalesce(regexp_matches("usageDetails", ':\s*"?0*[.]?[1-9]'), false)"""
    return f"""
WITH RECURSIVE {before} observations AS MATERIALIZED (
    SELECT *, coalesce(upper("type") IN {CALLS}, false) AS is_call,
           {used} OR coalesce(try_cast("inputUsage" AS DOUBLE) > 0, false) AS has_usage
    FROM ({relation})
), spans AS MATERIALIZED (
    SELECT coalesce("traceId", '') AS trace_id, "id" AS span_id, is_call, has_usage,
           "parentObservationId" AS parent_span_id,
           upper("type") IN {BETWEEN} OR regexp_matches("name", '{TOOL_NAMES}') AS is_between,
           CASE upper("type") WHEN 'EMBEDDING' THEN 'embeddings' WHEN 'GENERATION' THEN 'chat' END AS operation
    FROM observations
), {leaf_ctes("spans", "s.is_between")}
SELECT o.* EXCLUDE (has_usage), is_call AND w.span_id IS NULL AS is_leaf, {first} AS {quote(FIRST)}
FROM observations AS o
LEFT JOIN leaf_wrappers AS w ON w.trace_id = coalesce(o."traceId", '') AND w.span_id = o."id"
{also}"""
