"""The SQL that reads Weave's calls beside each other, and the feedback inside them.

A call's usage stands under `summary.usage`, an object by model; where the calls it made are in the file too, it is
their sum. An export to CSV or Parquet may have a column for each figure: those are put back together first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from llmscope.sources import Sample, literal, quote, spliced
from llmscope.sources._bodies import (
    ANSWERS,
    ASKED,
    MORE_QUESTIONS,
    QUESTIONS,
    SAID,
    answer_sql,
    opened,
    prompt_sql,
    words,
)
from llmscope.sources._errors import listed, lookup
from llmscope.sources._leaves import leaf_ctes
from llmscope.sources._reasons import NOTHING, PROVIDERS

COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR", "project_id": "VARCHAR", "op_name": "VARCHAR", "display_name": "VARCHAR", "trace_id": "VARCHAR",
    "parent_id": "VARCHAR", "thread_id": "VARCHAR", "started_at": "VARCHAR", "ended_at": "VARCHAR",
    "exception": "VARCHAR", "attributes": "JSON", "inputs": "JSON", "output": "JSON", "summary": "JSON",
    "wb_user_id": "VARCHAR", "wb_run_id": "VARCHAR",
}  # fmt: skip
OBJECTS = ("attributes", "inputs", "output", "summary")

# What follows a model's name in `summary.usage.<model>.<...>`: a name may have dots, an object inside ends so.
INSIDE_USAGE = re.compile(r"(_details?|cache_creation|server_tool_use)$")
FEEDBACK_COLUMN = re.compile(r"summary\.weave\.feedback\.(.+)\.payload\.(\w+)")
FEEDBACK = dict.fromkeys(("id", "feedback_type", "creator", "created_at", "wb_user_id"), "VARCHAR") | {
    "payload": "JSON"
}
# What a cost is made of; each counts other tokens.
COSTS = ("prompt_tokens_total_cost", "completion_tokens_total_cost", "cache_read_input_tokens_total_cost",
         "cache_creation_input_tokens_total_cost")  # fmt: skip

ABOUT: Mapping[str, tuple[str, ...]] = {
    "user_id": ("$.user_id", "$.user", "$.end_user"),
    "session_id": ("$.session_id", "$.conversation_id"),
    "feature": ("$.feature",),
    "environment": ("$.environment", "$.env"),
}
# Attributes that Weave adds itself.
NOT_THEIRS = ("weave", "python", "otel_span", "otel_dump")

# Beside the providers' own SDKs, what Weave traces by itself; and how their operations are called that call a model.
ROUTERS = ("litellm", "langchain", "google", "huggingface_hub", "bedrockruntime")
CALLING = (
    r"(completions|responses|messages|embeddings|images|transcriptions|speech|chat|models|generativemodel|client\w*"
    r"|bedrockruntime)\.(create|parse|stream|complete|chat|chat_stream|chat_completion|embed|rerank|converse\w*"
    r"|generate\w*|embed_content|invoke\w*)(_async)?$|^litellm\.a?(completion|embedding|responses)$"
    r"|^langchain\.(llm|chatmodel)\b"
)
OPERATIONS: Mapping[str, str] = {
    "embed": "embeddings", "rerank": "rerank", "images.": "image", "speech": "audio", "transcription": "audio",
    "generate_content": "generate_content",
}  # fmt: skip


def columns_of(sample: Sample) -> dict[str, str]:
    """The columns to read, those that hold one figure of an object too."""
    return dict(COLUMNS) | {key: "VARCHAR" for key in sample.columns if _path(key)}


def unfolding_sql(sample: Sample) -> str:
    """The SELECT over {values}; its columns are those that `weave.readings` names."""
    parts = {
        "GIVEN": _given(sample), "PARSED": _parsed(), "TOLD": _told(), "LEAVES": leaf_ctes("calls"),
        "COST": _cost(), "FEEDBACK": literal(json.dumps([FEEDBACK])),
    }  # fmt: skip
    return spliced(SQL, parts)


# A call of a model is a row for each model it has usage of; any other call is one row.
SQL = """
WITH RECURSIVE given AS NOT MATERIALIZED (<GIVEN>),
parsed AS NOT MATERIALIZED (<PARSED>),
calls AS MATERIALIZED (<TOLD>),
traces AS MATERIALIZED (
    SELECT trace_id, any_value(a_user_id) AS user_id, any_value(coalesce(thread_id, a_session_id)) AS session_id,
           coalesce(any_value(a_feature), any_value(coalesce(display_name, CASE WHEN NOT names_model THEN op END))
                                          FILTER (parent_span_id IS NULL)) AS feature,
           any_value(a_environment) AS environment, arg_min(span_id, started) AS told_by
    FROM calls GROUP BY trace_id
),
<LEAVES>,
leaves AS NOT MATERIALIZED (
    SELECT calls.*, is_call AND w.span_id IS NULL AS is_leaf,
           CASE WHEN is_call AND w.span_id IS NULL THEN greatest(coalesce(len(usages), 0), 1) ELSE 1 END AS models
    FROM calls LEFT JOIN leaf_wrappers AS w ON w.trace_id = calls.trace_id AND w.span_id = calls.span_id
)
SELECT nth = 1 AS _first, 'call' AS record,
       c.* EXCLUDE (usages, costs, feedback, a_user_id, a_session_id, a_feature, a_environment, thread_id, is_call,
                    has_usage, operation, names_model, display_name),
       coalesce(display_name, op) AS name, coalesce(a_user_id, q_user, user_id) AS user_id,
       coalesce(thread_id, a_session_id, session_id) AS session_id, coalesce(a_feature, feature) AS feature,
       coalesce(a_environment, environment) AS environment, told_by = span_id AND nth = 1 AS tells,
       usages[nth].value AS usage, usages[nth].key AS usage_model, <COST> AS cost
FROM (SELECT *, unnest(range(1, models + 1)) AS nth FROM leaves) AS c LEFT JOIN traces USING (trace_id)
UNION ALL BY NAME
SELECT false AS _first, 'feedback' AS record, trace_id, span_id, f.id AS feedback_id, f.feedback_type AS feedback_type,
       f.creator AS creator, f.created_at AS created_at, f.wb_user_id AS wb_user_id, f.payload AS payload
FROM (SELECT trace_id, span_id, unnest(from_json(feedback, <FEEDBACK>)) AS f FROM calls) WHERE f IS NOT NULL
"""


def _given(sample: Sample) -> str:
    """The calls, their objects put together from columns where they stand in columns."""
    trees: dict[str, dict[str, object]] = {name: {} for name in OBJECTS}
    feedback = []
    for key in sample.columns:
        path = _path(key)
        if match := FEEDBACK_COLUMN.fullmatch(key):
            feedback.append(_one_feedback(key, match[1], match[2]))
        elif path:
            _place(trees[path[0]], path[1:], key)
    objects = ", ".join(
        f"coalesce({opened(quote(name))}, {_object(tree) if tree else 'NULL'}) AS {name}"
        for name, tree in trees.items()
    )
    listed_ = f"to_json([f FOR f IN [{', '.join(feedback)}] IF f IS NOT NULL])" if feedback else "CAST(NULL AS JSON)"
    return f"""
    SELECT lower(id) AS span_id, lower(coalesce(trace_id, '')) AS trace_id,
           lower(nullif(parent_id, '')) AS parent_span_id, nullif(thread_id, '') AS thread_id, project_id, wb_user_id,
           wb_run_id, coalesce(nullif(regexp_extract(op_name, '/op/([^:]*)', 1), ''), op_name) AS op,
           nullif(display_name, '') AS display_name, started_at AS started, nullif(ended_at, '') AS ended, exception,
           {listed_} AS flat_feedback, {objects}
    FROM <values> WHERE op_name IS NOT NULL AND coalesce(id, '') <> ''"""


def _path(key: str) -> list[str]:
    """A column's place in one of the call's objects, without those nobody wants; empty when it is no such column."""
    top, _, rest = key.partition(".")
    if top not in OBJECTS or not rest:
        return []
    if top != "summary":
        first = rest.split(".")[0]
        wanted = first not in NOT_THEIRS if top == "attributes" else first in WANTED[top]
        return [top, *rest.split(".")] if wanted else []
    if key.startswith("summary.usage."):
        steps = rest.removeprefix("usage.").split(".")
        at = len(steps) - 1
        while at > 1 and INSIDE_USAGE.search(steps[at - 1]):
            at -= 1
        return [top, "usage", ".".join(steps[:at]), *steps[at:]] if at else []
    if key.startswith("summary.weave.costs."):
        model, _, part = rest.removeprefix("weave.costs.").rpartition(".")
        return [top, "weave", "costs", model, part] if part in COSTS else []
    if key in ("summary.usage", "summary.weave", "summary.weave.status", "summary.weave.latency_ms"):
        return key.split(".")
    return key.split(".") if FEEDBACK_COLUMN.fullmatch(key) else []


def _first_steps(*paths: str) -> set[str]:
    """The keys with which some JSON paths begin."""
    return {re.split(r"[.\[]", path.removeprefix("$."))[0] for path in paths}


WANTED = {
    "inputs": _first_steps(*QUESTIONS, *MORE_QUESTIONS, *(path for paths in ASKED.values() for path in paths)),
    "output": _first_steps(*ANSWERS, *(path for paths in SAID.values() for path in paths)),
}


def _place(tree: dict[str, object], path: list[str], key: str) -> None:
    """Puts a column into the tree of its object; where another is the whole of what it is a part of, it is left."""
    for step in path[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.setdefault(path[-1], key)


def _object(tree: Mapping[str, object]) -> str:
    """SQL of a JSON object from columns; NULL where all of them are empty."""
    made = {step: _cell(inner) if isinstance(inner, str) else _object(cast("dict[str, object]", inner))
            for step, inner in tree.items()}  # fmt: skip
    pairs = ", ".join(f"{literal(step)}, {sql}" for step, sql in made.items())
    filled = ", ".join(f"nullif({quote(key)}, '')" for key in _keys(tree))
    return f"CASE WHEN coalesce({filled}) IS NOT NULL THEN json_object({pairs}) END"


def _keys(tree: Mapping[str, object]) -> list[str]:
    """All the columns of a tree."""
    found: list[str] = []
    for inner in tree.values():
        found += [inner] if isinstance(inner, str) else _keys(cast("dict[str, object]", inner))
    return found


def _cell(key: str) -> str:
    """A cell as JSON: what it holds, or its text."""
    return f"coalesce(try_cast({quote(key)} AS JSON), to_json(nullif({quote(key)}, '')))"


def _one_feedback(key: str, kind: str, leaf: str) -> str:
    """A column of feedback as the feedback it was."""
    payload = f"json_object({literal(leaf)}, {_cell(key)})"
    made = f"json_object('feedback_type', {literal(kind)}, 'payload', {payload})"
    return f"CASE WHEN nullif({quote(key)}, '') IS NOT NULL THEN {made} END"


def _parsed() -> str:
    """What is wanted of each object."""
    asked, _ = words("inputs", ASKED)
    said, _ = words("output", SAID)
    about, _ = words("attributes", ABOUT)
    by_model = "map_entries(try_cast({} AS MAP(VARCHAR, JSON)))"
    usage = by_model.replace("{}", opened("json_extract(summary, '$.usage')"))
    # A Parquet file's object has a key for every model of the file, most of them empty.
    filled = "regexp_matches(CAST(e.value AS VARCHAR), ':\\s*[\"0-9]')"
    return f"""
    SELECT *, {asked} AS q, {said} AS r, {about} AS a, [e FOR e IN {usage} IF {filled}] AS usages,
           [e FOR e IN {by_model.replace("{}", "json_extract(weave, '$.costs')")} IF {filled}] AS costs,
           json_extract_string(weave, ['$.status', '$.latency_ms']) AS w, try_cast(exception AS JSON) AS thrown
    FROM (SELECT *, {opened("json_extract(summary, '$.weave')")} AS weave FROM given)"""


def _told() -> str:
    """Each call in the shape that the rule of leaves wants, with all that a request may be told of it.

    Its `operation` is left open there: a parent's usage is the sum of all kinds of calls below it.
    """
    told = {w: sql.replace("@", "q") for w, sql in words("", ASKED)[1].items()}
    told |= {w: sql.replace("@", "r") for w, sql in words("", SAID)[1].items()}
    told |= {f"a_{w}": sql.replace("@", "a") for w, sql in words("", ABOUT)[1].items()}
    columns = ", ".join(f"{sql} AS {w}" for w, sql in told.items())
    head = "lower(split_part(op, '.', 1))"
    names_model = (
        f"(({lookup(head, PROVIDERS)} IS NOT NULL OR {head} IN {listed(ROUTERS)})"
        f" AND regexp_matches(lower(op), {literal(CALLING)}))"
    )
    # Also of a call that a person named: what its models are made for.
    of = "lower(concat_ws(' ', op, usages[1].key))"
    kinds = " ".join(f"WHEN contains({of}, {literal(part)}) THEN {literal(ours)}" for part, ours in OPERATIONS.items())
    theirs = "map_entries(try_cast(attributes AS MAP(VARCHAR, VARCHAR)))"
    own = f"[e FOR e IN {theirs} IF e.key NOT IN {listed(NOT_THEIRS)} AND e.value IS NOT NULL]"
    ids = "json_object('wb_user_id', wb_user_id, 'wb_run_id', wb_run_id, 'project_id', project_id)"
    return f"""
    SELECT span_id, trace_id, parent_span_id, thread_id, op, display_name, started, ended, usages, costs,
           coalesce({names_model}, false) AS names_model,
           coalesce(len(usages), 0) > 0 OR coalesce({names_model}, false) AS is_call,
           coalesce(len([e FOR e IN usages IF regexp_matches(CAST(e.value AS VARCHAR),
                        '[tT]oken\\w*"\\s*:\\s*"?[0-9]')]), 0) > 0 AS has_usage,
           {NOTHING} AS operation, CASE {kinds} ELSE 'chat' END AS kind, w[1] AS state, w[2] AS own_latency, {columns},
           CASE WHEN {lookup(head, PROVIDERS)} IS NOT NULL AND {head} <> 'google' THEN {head}
                WHEN starts_with({head}, 'bedrock') THEN 'bedrock'
                WHEN starts_with(op, 'google.') THEN 'gemini' END AS sdk,
           nullif(exception, '') AS exception, json_extract_string(thrown, '$.type') AS thrown_type,
           json_extract_string(thrown, '$.message') AS thrown_message,
           coalesce(json_extract(weave, '$.feedback'), flat_feedback) AS feedback,
           CAST(json_merge_patch(coalesce(to_json(map_from_entries({own})), '{{}}'), {ids}) AS VARCHAR) AS metadata,
           {prompt_sql("inputs")} AS input_text, {answer_sql("output")} AS output_text
    FROM parsed"""


def _cost() -> str:
    """What Weave says that the tokens of one row cost: all of it, where all of it is one model's."""
    parts = ", ".join(f"try_cast(json_extract_string(e.value, '$.{part}') AS DOUBLE)" for part in COSTS)
    mine = "models = 1 OR e.key = usages[nth].key"
    return f"CAST(list_sum([list_sum([{parts}]) FOR e IN costs IF {mine}]) AS VARCHAR)"
