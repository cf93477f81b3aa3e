"""What Langfuse's observations say, as requests and as spans; `_langfuse_rows` makes the rows read here."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, literal, quote
from llmscope.sources._langfuse_rows import KEYS, NOT_OWN, utc_sql
from llmscope.sources._langfuse_usage import langfuse_usage
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql, refusal_sql

KINDS: Mapping[str, str] = {
    "GENERATION": "llm", "EMBEDDING": "embedding", "TOOL": "tool", "RETRIEVER": "retriever", "AGENT": "agent",
    "CHAIN": "chain", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
}  # fmt: skip

# Said of the call in the metadata that a framework or OpenTelemetry left there.
META: Mapping[str, str] = {
    "provider": '$.attributes."gen_ai.provider.name"',
    "system": '$.attributes."gen_ai.system"',
    "llm_provider": '$.attributes."llm.provider"',
    "llm_system": '$.attributes."llm.system"',
    "ls_provider": "$.ls_provider",
    "answer": '$.attributes."gen_ai.response.id"',
    "finish": '$.attributes."gen_ai.response.finish_reasons"',
    "ai_finish": '$.attributes."ai.response.finishReason"',
    "service": '$.resourceAttributes."service.name"',
    "feature": "$.feature",
    "operation": '$.attributes."gen_ai.operation.name"',
    "asked": '$.attributes."gen_ai.request.model"',
    "answered": '$.attributes."gen_ai.response.model"',
    "http": '$.attributes."http.response.status_code"',
    "error": '$.attributes."error.type"',
}
PARAMETERS: Mapping[str, str] = {
    "max": "$.max_tokens",
    "max_2": "$.maxTokens",
    "max_3": "$.max_completion_tokens",
    "max_4": "$.max_output_tokens",
    "max_5": "$.maxOutputTokens",
    "temperature": "$.temperature",
    "tier": "$.service_tier",
    "stream": "$.stream",
    "stream_2": "$.is_stream",
}
ANSWER: Mapping[str, str] = {
    "id": "$.id",
    "finish": "$.choices[0].finish_reason",
    "finish_2": "$.finish_reason",
    "finish_3": "$.stop_reason",
    "finish_4": "$.response_metadata.finish_reason",
    "said": "$.content",
    "said_2": "$.choices[0].message.content",
}
ANSWER_IDS = ("chatcmpl-", "resp_", "msg_", "gen-", "cmpl-")


def observation_readings(*others: str) -> tuple[Reading, Reading]:
    """The requests among the observations, and all of them as spans. others: columns that tell rows that are none."""
    columns = dict.fromkeys((*KEYS, "is_leaf", "is_call", *others), "VARCHAR")
    usage, tokens = langfuse_usage()
    fields = {**tokens, **named_fields(), **model_fields(), **time_fields(), **outcome_fields(), **text_fields()}
    mine = " OR ".join(['("traceId" IS NOT NULL AND "type" IS NOT NULL)', *(f"{quote(n)} IS NOT NULL" for n in others)])
    requests = Reading(
        "requests", columns, fields, {**prepared(), **usage}, keep="\"is_leaf\" = 'true'", mine=mine,
        aside="no call to a model, or a wrapper of one",
    )  # fmt: skip
    return requests, Reading("spans", columns, span_fields(), span_prepared(), keep='"is_call" IS NOT NULL', mine=mine)


def listed(column: str, paths: Mapping[str, str]) -> str:
    """The texts at some paths of a text that is JSON, in one go."""
    return f"json_extract_string({column}, [{', '.join(literal(path) for path in paths.values())}])"


def held(name: str, paths: Mapping[str, str], *words: str) -> str:
    """Of what `listed` prepared, the first of these words that is there."""
    found = [f"{quote(name)}[{list(paths).index(word) + 1}]" for word in words]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def meta(*words: str) -> str:
    return held("_m", META, *words)


def answer(*words: str) -> str:
    return held("_a", ANSWER, *words)


def prepared() -> dict[str, str]:
    """What several fields need, computed once a row."""
    parameters = 'try_cast("modelParameters" AS JSON)'
    return {
        "_metadata": 'try_cast("metadata" AS JSON)',
        "_m": listed(quote("_metadata"), META),
        "_p": listed(parameters, PARAMETERS),
        "_a": f"CASE WHEN starts_with(\"output\", '{{') THEN {listed('try_cast(output AS JSON)', ANSWER)} END",
        "_asked": "nullif(CASE WHEN starts_with(\"input\", '[') THEN"
        " array_to_string(json_extract_string(try_cast(\"input\" AS JSON), '$[*].content'), chr(10))"
        " WHEN starts_with(\"input\", '{') THEN"
        " array_to_string(json_extract_string(try_cast(\"input\" AS JSON), '$.messages[*].content'), chr(10)) END, '')",
        "_prompt": 'coalesce("_asked", "input")',
        "_said": f'coalesce({answer("said", "said_2")}, "output")',
        "_failed": "upper(\"level\") = 'ERROR'",
        "_message": 'CASE WHEN "_failed" THEN coalesce("statusMessage", \'\') END',
        "_http": f'CASE WHEN "_failed" THEN coalesce({meta("http")},'
        " nullif(regexp_extract(\"_message\", 'rror code: ([1-5][0-9][0-9])', 1), '')) END",
        "_end_reason": f"coalesce({meta('finish', 'ai_finish')},"
        f" {answer('finish', 'finish_2', 'finish_3', 'finish_4')})",
        "_model": f'coalesce({meta("answered")}, "model", {meta("asked")})',
        # Google's agent kit says who made the kit.
        "_named": f"coalesce(nullif({meta('provider', 'system', 'llm_provider', 'llm_system', 'ls_provider')},"
        " 'gcp.vertex.agent'), CASE WHEN starts_with(\"_model\", 'projects/') AND"
        " contains(\"_model\", '/publishers/') THEN 'gcp.vertex_ai' END)",
        "_kind": f'CASE WHEN "_failed" THEN {meta("error")} END',
        "_start": utc_sql('"startTime"'),
        "_stop": utc_sql('"endTime"'),
        "_begun": utc_sql('"completionStartTime"'),
        # A call that was not streamed may give the end as the time of its first token.
        "_ttft": "CASE WHEN \"completionStartTime\" IS NOT NULL THEN date_diff('microsecond',"
        ' try_cast("_start" AS TIMESTAMPTZ), try_cast("_begun" AS TIMESTAMPTZ)) END',
        "_took": "CASE WHEN \"completionStartTime\" IS NOT NULL THEN date_diff('microsecond',"
        ' try_cast("_start" AS TIMESTAMPTZ), try_cast("_stop" AS TIMESTAMPTZ)) END',
        "_streamed": '"_ttft" >= 0 AND ("_took" IS NULL OR "_ttft" < "_took")',
        "_cost": "json_extract_string(try_cast(\"costDetails\" AS JSON), '$.total')",
    }


def named_fields() -> dict[str, Field]:
    """Ids, who asked and what for."""
    known = " OR ".join(f"starts_with({answer('id')}, {literal(start)})" for start in ANSWER_IDS)
    response = f"coalesce({meta('answer')}, CASE WHEN {known} THEN {answer('id')} END)"
    service = f"CASE WHEN NOT starts_with({meta('service')}, 'unknown_service') THEN {meta('service')} END"
    return {
        "request_id": Field('"id"', keys=("id",)),
        "response_id": Field(response, keys=("metadata", "output")),
        "trace_id": Field('"traceId"', keys=("traceId",)),
        "span_id": Field('"id"', keys=("id",)),
        "parent_span_id": Field('"parentObservationId"', keys=("parentObservationId",)),
        "session_id": Field('"sessionId"', keys=("sessionId",)),
        "user_id": Field('"userId"', keys=("userId",)),
        "feature": Field(f'coalesce({meta("feature")}, "traceName")', keys=("traceName", "metadata")),
        "template": Field('"promptName"', keys=("promptName",)),
        "template_version": Field('"promptVersion"', keys=("promptVersion",)),
        "service": Field(service, keys=("metadata",)),
        "environment": Field('"environment"', keys=("environment",)),
        "release": Field('"release"', keys=("release",)),
        "tags": Field('CASE WHEN "tags" <> \'[]\' AND NOT starts_with("tags", \'{\') THEN "tags" END', keys=("tags",)),
        "metadata": Field(own_metadata(), keys=("metadata",)),
    }


def own_metadata() -> str:
    """The metadata that a person gave: what OpenTelemetry left there repeats the prompts."""
    return (
        'CASE WHEN json_type("_metadata") <> \'OBJECT\' THEN NULL WHEN contains("metadata", \'"attributes"\') OR'
        ' contains("metadata", \'"resourceAttributes"\') OR contains("metadata", \'"scope"\') THEN'
        f" nullif(CAST(json_merge_patch(\"_metadata\", {NOT_OWN}) AS VARCHAR), '{{}}')"
        " ELSE nullif(\"metadata\", '{}') END"
    )


def model_fields() -> dict[str, Field]:
    """Which model, whose, and what was asked of it."""
    most = held("_p", PARAMETERS, "max", "max_2", "max_3", "max_4", "max_5")
    embeds = "upper(\"type\") = 'EMBEDDING'"
    return {
        "operation": Field(
            f"CASE WHEN {embeds} THEN 'embeddings' WHEN {meta('operation')} IN"
            f" ('text_completion', 'generate_content', 'embeddings') THEN {meta('operation')} ELSE 'chat' END",
            keys=("type",),
        ),
        "provider": Field(provider_sql(quote("_named"), quote("_model")), keys=("model", "metadata")),
        "request_model": Field(f'coalesce({meta("asked")}, "model")', keys=("model",)),
        "response_model": Field(
            f'coalesce({meta("answered")}, CASE WHEN {meta("asked")} IS NOT NULL THEN "model" END)',
            keys=("metadata",),
        ),
        "max_tokens": Field(figure(most, 1), keys=("modelParameters",)),
        "temperature": Field(figure(held("_p", PARAMETERS, "temperature"), 0), keys=("modelParameters",)),
        "service_tier": Field(tier_sql(held("_p", PARAMETERS, "tier")), keys=("modelParameters",)),
        # A model without a price has no costs by kind, and a total of 0 that says nothing.
        "cost_logged_usd": Field(
            'coalesce("_cost", CASE WHEN try_cast("totalCost" AS DOUBLE) = 0 THEN NULL ELSE "totalCost" END)',
            keys=("costDetails", "totalCost"),
        ),
    }


def figure(text: str, least: int) -> str:
    """A parameter that is a number: frameworks write a word, or -1, for one that was not given."""
    number = f"try_cast({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) AND {number} >= {least} THEN {text} END"


def tier_sql(text: str) -> str:
    return f"CASE WHEN lower({text}) = 'standard' THEN 'default' WHEN lower({text}) <> 'auto' THEN lower({text}) END"


def time_fields() -> dict[str, Field]:
    """Both ends; the latencies beside them are seconds in one export and milliseconds in the next."""
    asked = f"CAST(try_cast({held('_p', PARAMETERS, 'stream', 'stream_2')} AS BOOLEAN) AS VARCHAR)"
    return {
        "started_at": Field('"_start"', keys=("startTime",)),
        "ended_at": Field('"_stop"', keys=("endTime",)),
        "ttft_ms": Field(
            'CASE WHEN "_streamed" THEN CAST("_ttft" / 1000.0 AS VARCHAR) END', keys=("completionStartTime",)
        ),
        "stream": Field(
            f"coalesce(CASE WHEN \"_streamed\" THEN 'true' END, {asked})",
            keys=("completionStartTime", "modelParameters"),
        ),
    }


def outcome_fields() -> dict[str, Field]:
    """How it ended. A level of WARNING has a message too, and an answer."""
    kind = f'CASE WHEN "_failed" THEN {meta("error")} END'
    reason, message = quote("_end_reason"), quote("_message")
    failure = error_class_sql(quote("_http"), kind, message)
    return {
        "status": Field(status(), keys=("level", "endTime")),
        "http_status": Field('"_http"', keys=("statusMessage", "metadata")),
        "error_type": Field('"_kind"', keys=("metadata",)),
        "error_message": Field('"_message"', keys=("statusMessage",)),
        "error_class": Field(
            f"CASE WHEN \"_failed\" THEN coalesce({failure}, 'other') END", keys=("level", "statusMessage")
        ),
        "finish_reason": Field(finish_reason_sql(reason), keys=("metadata", "output")),
        "finish_reason_raw": Field(f"trim({reason}, '[]\" ')", keys=("metadata", "output")),
        "refusal": Field(refusal_sql(reason), keys=("metadata", "output")),
    }


def status() -> str:
    return "CASE WHEN upper(\"level\") = 'ERROR' THEN 'error' WHEN \"endTime\" IS NOT NULL THEN 'ok' END"


def text_fields() -> dict[str, Field]:
    """What was asked and answered: the words of the messages where they are messages."""
    return {
        "input_text": Field('"_prompt"', keys=("input",)),
        "output_text": Field('"_said"', keys=("output",)),
        "input_chars": Field('CAST(length("_prompt") AS VARCHAR)', keys=("input",)),
        "output_chars": Field('CAST(length("_said") AS VARCHAR)', keys=("output",)),
        "prompt_hash": Field('md5("_prompt")', keys=("input",)),
    }


def span_prepared() -> dict[str, str]:
    needed = ("_metadata", "_start", "_stop")
    return {name: sql for name, sql in prepared().items() if name in needed}


def span_fields() -> dict[str, Field]:
    """An observation as a step of its trace."""
    kinds = " ".join(f"WHEN {literal(name)} THEN {literal(kind)}" for name, kind in KINDS.items())
    service = 'json_extract_string("_metadata", \'$.resourceAttributes."service.name"\')'
    known = f"CASE WHEN NOT starts_with({service}, 'unknown_service') THEN {service} END"
    return {
        "trace_id": Field('"traceId"', keys=("traceId",)),
        "span_id": Field('"id"', keys=("id",)),
        "parent_span_id": Field('"parentObservationId"', keys=("parentObservationId",)),
        "name": Field('"name"', keys=("name",)),
        "kind": Field(f"CASE upper(\"type\") {kinds} ELSE 'other' END", keys=("type",)),
        "service": Field(known, keys=("metadata",)),
        "status": Field(status(), keys=("level", "endTime")),
        "error_message": Field('CASE WHEN upper("level") = \'ERROR\' THEN "statusMessage" END', keys=("level",)),
        "request_id": Field('CASE WHEN "is_leaf" = \'true\' THEN "id" END', keys=("is_leaf",)),
        "started_at": Field('"_start"', keys=("startTime",)),
        "ended_at": Field('"_stop"', keys=("endTime",)),
        "attributes": Field(own_metadata(), keys=("metadata",)),
    }
