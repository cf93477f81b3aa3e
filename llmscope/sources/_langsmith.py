"""LangSmith's runs as rows: what is wanted out of `extra`, `inputs` and `outputs`, and which runs are calls to a model.

LangSmith adds up tokens and costs in every parent, and one wrapper's run may stand round another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import FIRST, literal, quote
from llmscope.sources._leaves import leaf_ctes

# Columns read as they stand. What is an object, or JSON in a string, arrives as the text of that JSON.
PLAIN: tuple[str, ...] = (
    "id", "trace_id", "parent_run_id", "name", "run_type", "start_time", "end_time", "first_token_time", "status",
    "error", "session_id", "session_name", "tags", "prompt_tokens", "completion_tokens", "total_tokens",
    "prompt_token_details", "completion_token_details", "prompt_cost", "completion_cost", "total_cost",
    "reference_example_id", "dotted_order", "thread_id",
)  # fmt: skip
BODIES: tuple[str, ...] = ("extra", "metadata", "inputs", "outputs")
RUN_TYPES = ("llm", "chain", "tool", "retriever", "embedding", "prompt", "parser")
# A call below one of these is made on the way to an answer, not a second report of it.
BETWEEN = "('tool', 'retriever')"

# Said of the run by the person, or by LangChain's integration with the provider.
META: Mapping[str, tuple[str, ...]] = {
    "provider": ("$.ls_provider",),
    "model": ("$.ls_model_name",),
    "max": ("$.ls_max_tokens",),
    "temperature": ("$.ls_temperature",),
    "thread": ("$.session_id", "$.thread_id", "$.conversation_id"),
    "user": ("$.user_id", "$.user"),
    "feature": ("$.feature", "$.tag"),
    "environment": ("$.environment", "$.env"),
    "release": ("$.revision_id",),
    "template": ("$.lc_hub_repo",),
    "template_version": ("$.lc_hub_commit_hash",),
}
ASKED: Mapping[str, tuple[str, ...]] = {
    "asked_model": ("$.invocation_params.model", "$.invocation_params.model_name", "$.invocation_params.model_id"),
    "asked_max": (
        "$.invocation_params.max_tokens", "$.invocation_params.max_completion_tokens",
        "$.invocation_params.max_output_tokens",
    ),
    "asked_temperature": ("$.invocation_params.temperature",),
    "asked_stream": ("$.invocation_params.stream",),
    "asked_tier": ("$.invocation_params.service_tier",),
}  # fmt: skip
MESSAGE = "$.generations[0][0].message.kwargs"
ANSWERED: Mapping[str, tuple[str, ...]] = {
    "used": ("$.usage_metadata", f"{MESSAGE}.usage_metadata", "$.message.usage_metadata", "$.usage"),
    "old_used": ("$.llm_output.token_usage", "$.llm_output.usage"),
    "answer_model": (
        f"{MESSAGE}.response_metadata.model_name", f"{MESSAGE}.response_metadata.model", "$.llm_output.model_name",
        "$.model",
    ),
    "answer_id": (f"{MESSAGE}.response_metadata.id", "$.llm_output.id", "$.id"),
    "finish": (
        "$.generations[0][0].generation_info.finish_reason", f"{MESSAGE}.response_metadata.finish_reason",
        f"{MESSAGE}.response_metadata.stop_reason", "$.choices[0].finish_reason", "$.stop_reason",
    ),
    "tier": (f"{MESSAGE}.response_metadata.service_tier", "$.service_tier"),
    "said": ("$.generations[0][0].text", "$.choices[0].message.content", "$.output", "$.content"),
}  # fmt: skip
FOUND: tuple[str, ...] = (*META, *ASKED, *ANSWERED)


def is_run(record: Mapping[str, Any]) -> bool:
    """A kind of run, and where it stands in a trace."""
    if record.get("run_type") not in RUN_TYPES or "id" not in record:
        return False
    return "dotted_order" in record or "trace_id" in record or "parent_run_id" in record or "session_id" in record


def is_feedback(record: Mapping[str, Any]) -> bool:
    """A key with a score or a value, given to a run."""
    valued = "score" in record or "value" in record
    told = "feedback_source" in record or ("correction" in record and "comment" in record)
    return "key" in record and valued and told and ("run_id" in record or "session_id" in record)


def utc_sql(text: str) -> str:
    """A time; one without a zone is UTC."""
    rest = f"substr({text}, 12)"
    zoned = f"right({text}, 1) = 'Z' OR contains({rest}, '+') OR contains({rest}, '-')"
    return f"CASE WHEN {zoned} OR substr({text}, 5, 1) <> '-' THEN {text} ELSE {text} || 'Z' END"


def raw_columns() -> dict[str, str]:
    """The columns that runs are read as."""
    return dict.fromkeys((*PLAIN, *BODIES), "VARCHAR")


def runs_sql() -> str:
    """A SELECT of {values} with what is wanted out of the bodies, is_call and is_leaf."""
    plain = ", ".join(quote(key) for key in PLAIN)
    words = [f"{_word(words, word, held)} AS {quote(word)}" for words, held in _HELD for word in words]
    return f"""
WITH RECURSIVE opened AS (
    SELECT *, try_cast("extra" AS JSON) AS e, try_cast("outputs" AS JSON) AS o, try_cast("inputs" AS JSON) AS i
    FROM {{values}}
), metas AS (
    SELECT *, coalesce(json_extract(e, '$.metadata'), try_cast("metadata" AS JSON)) AS m FROM opened
), found AS (
    SELECT *, {_list("m", META)} AS meta_list, {_list("e", ASKED)} AS asked_list,
           CASE WHEN "run_type" IN ('llm', 'embedding') THEN {_list("o", ANSWERED)} END AS answered_list
    FROM metas
), runs AS MATERIALIZED (
    SELECT {plain}, {", ".join(words)},
           CASE WHEN json_type(m) = 'OBJECT' THEN CAST(m AS VARCHAR) END AS "own",
           CASE WHEN "run_type" IN ('llm', 'embedding') THEN {_prompt()} END AS "prompt",
           CASE WHEN "run_type" IN ('llm', 'embedding') THEN nullif("outputs", '{{{{}}}}') END AS "answer",
           coalesce("run_type" IN ('llm', 'embedding'), false) AS is_call
    FROM found
), spans AS MATERIALIZED (
    SELECT coalesce("trace_id", '') AS trace_id, "id" AS span_id, is_call,
           "parent_run_id" AS parent_span_id, "run_type" IN {BETWEEN} AS is_between,
           coalesce(try_cast("total_tokens" AS DOUBLE) > 0 OR try_cast("prompt_tokens" AS DOUBLE) > 0, false)
               OR coalesce("used", "old_used") IS NOT NULL AS has_usage,
           CASE "run_type" WHEN 'embedding' THEN 'embeddings' WHEN 'llm' THEN 'chat' END AS operation
    FROM runs
), {leaf_ctes("spans", "s.is_between")}
SELECT r.*, is_call AND w.span_id IS NULL AS is_leaf, true AS {quote(FIRST)}
FROM runs AS r
LEFT JOIN leaf_wrappers AS w ON w.trace_id = coalesce(r."trace_id", '') AND w.span_id = r."id"
"""


_HELD: tuple[tuple[Mapping[str, tuple[str, ...]], str], ...] = (
    (META, "meta_list"), (ASKED, "asked_list"), (ANSWERED, "answered_list"),
)  # fmt: skip


def _list(column: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """All the texts wanted of one JSON column, in one go."""
    paths = ", ".join(literal(path) for paths in words.values() for path in paths)
    return f"json_extract_string({column}, [{paths}])"


def _word(words: Mapping[str, tuple[str, ...]], word: str, held: str) -> str:
    """The first text of one word's paths in the list that holds them all."""
    before = list(words)[: list(words).index(word)]
    start = 1 + sum(len(words[name]) for name in before)
    return f"coalesce({', '.join(f'{held}[{start + n}]' for n in range(len(words[word])))}, NULL)"


def _prompt() -> str:
    """The messages' words, a line each: LangChain's, which come in a list of lists, or a provider's own."""
    lines = "array_to_string(json_extract_string(i, {}), chr(10))"
    chain = lines.format(literal("$.messages[*][*].kwargs.content"))
    plain = lines.format(literal("$.messages[*].content"))
    whole = "nullif(\"inputs\", '{{}}')"
    return f"coalesce(nullif({chain}, ''), nullif({plain}, ''), json_extract_string(i, '$.prompts[0]'), {whole})"
