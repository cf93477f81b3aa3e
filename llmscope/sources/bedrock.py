"""Amazon Bedrock's model invocation log, from S3 or out of CloudWatch, where it is a string in each event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, json_path, literal, quote, require
from llmscope.sources import _bedrock as body
from llmscope.sources._errors import error_class_sql, status_sql
from llmscope.sources._pairs import NOTHING, Raw, opened_object
from llmscope.sources._raw import with_keys
from llmscope.sources._reasons import refusal_sql
from llmscope.sources._usage import token_fields
from llmscope.sources._usage_keys import parsed, parts_of_usage

ABOUT = "Amazon Bedrock model invocation logs, from S3 or CloudWatch"
RANK = 140
NEEDS = ("schemaType", "message", "@message")

KIND = "ModelInvocationLog"
WRAPPERS = ("message", "@message")
TEXTS = ("schemaType", "timestamp", "accountId", "region", "inferenceRegion", "requestId", "operation", "modelId",
         "errorCode", "status")  # fmt: skip
OBJECTS = ("identity", "requestMetadata", "input", "output")
COUNTED = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
# What callers put into requestMetadata, in the spellings met with.
GIVEN: Mapping[str, tuple[str, ...]] = {
    "feature": ("feature", "Feature", "feature_name", "use_case", "useCase", "tag", "application", "app"),
    "user_id": ("user_id", "userId", "user", "end_user", "endUser"),
    "session_id": ("session_id", "sessionId", "conversation_id", "conversationId", "thread_id"),
    "trace_id": ("trace_id", "traceId"),
    "environment": ("environment", "env", "stage"),
    "service": ("service", "service_name"),
    "template": ("template", "prompt_name", "promptName"),
}
# Ids of a profile or of capacity of one's own, which do not say the model.
NAMELESS = ("application-inference-profile/", ":provisioned-model/", ":custom-model", ":imported-model/")
NOTE = "Bedrock logs no times but the start, to the second: latency only where an answer carries Bedrock's own metrics"


def record_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The log record, out of CloudWatch's event where it stands in one."""
    for key in WRAPPERS:
        held = record.get(key)
        if isinstance(held, str) and KIND in held[:4096]:
            try:
                held = json.loads(held)
            except (ValueError, RecursionError):
                continue
        if isinstance(held, Mapping):
            return held
    return record


def detect(sample: Sample) -> bool:
    """Most records say that they are of this log."""
    known = [record_of(record).get("schemaType") for record in sample.records].count(KIND)
    return known > 0 and 2 * known >= len(sample.records)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a record."""
    require(sample, "a Bedrock invocation log", "modelId|message|@message")
    made = Raw()
    texts = open_record(made, sample)
    counts = [literal(f"$.{name}") for name in (*COUNTED, "outputTokenCount")]
    made.prepare["_sent"] = f"json_extract_string({texts['input']}, [{', '.join(counts[:3])}])"
    made.prepare["_got"] = f"json_extract_string({texts['output']}, {counts[3]})"
    made.prepare["_answer"] = nothing_if_null(opened_body(f"json_extract({texts['output']}, '$.outputBodyJson')"))
    made.prepare["_question"] = opened_object(f"json_extract({texts['input']}, '$.inputBodyJson')")
    made.question = "_question"
    body.read_answer(made, quote("_answer"))
    made.prepare["_operation"] = body.operation_sql(f"coalesce({texts['modelId']}, '')", made.words["embedded"])
    prepare, fields = tokens(made)
    made.prepare |= prepare
    fields |= own_fields(made, texts) | given_fields(made, texts)
    fields = {column: with_keys(field, made.columns, made.prepare) for column, field in fields.items()}
    mine = f"{texts['schemaType']} = {literal(KIND)}"
    return (Reading("requests", made.columns, fields, made.prepare, mine, (NOTE,), mine, "no invocation"),)


def open_record(made: Raw, sample: Sample) -> dict[str, str]:
    """SQL of each of the record's keys, wherever the record stands."""
    wrappers = [key for key in WRAPPERS if key in sample.columns]
    if "schemaType" in sample.columns or not wrappers:
        made.columns |= dict.fromkeys(TEXTS, "VARCHAR") | dict.fromkeys(OBJECTS, "JSON")
        return {key: quote(key) for key in (*TEXTS, *OBJECTS)}
    made.columns |= dict.fromkeys(wrappers, "JSON")
    held = [opened_object(quote(key)) for key in wrappers]
    made.prepare["_record"] = f"coalesce({', '.join(held)}, NULL)"
    paths = ", ".join(json_path(key) for key in TEXTS)
    made.prepare["_texts"] = f"json_extract_string({quote('_record')}, [{paths}])"
    found = {key: f"{quote('_texts')}[{i}]" for i, key in enumerate(TEXTS, start=1)}
    for key in OBJECTS:
        made.prepare[f"_{key}"] = f"json_extract({quote('_record')}, {json_path(key)})"
        found[key] = quote(f"_{key}")
    return found


def opened_body(sql: str) -> str:
    """A body as JSON: an object, or the list of a stream's events; out of a string that holds either."""
    text = f"try_cast(json_extract_string({sql}, '$') AS JSON)"
    return f"CASE WHEN starts_with(CAST({sql} AS VARCHAR), '\"') THEN {text} ELSE {sql} END"


def nothing_if_null(sql: str) -> str:
    return f"CASE WHEN left(CAST({sql} AS VARCHAR), 1) IN ('{{', '[') THEN {sql} END"


def tokens(made: Raw) -> tuple[dict[str, str], dict[str, Field]]:
    """What is billed: the record's own counts, else the stream's metrics, else the answer's usage; the last alone says
    times to live and reasoning. The log counts cached tokens beside the input."""
    made.prepare["_usage"] = body.usage_sql(made)
    structs = {f"_u_{letter}": sql for letter, sql in parsed(quote("_usage")).items()}
    parts = parts_of_usage("by_key", {letter: f"_u_{letter}" for letter in "UG"})
    words, inner = made.words, dict(parts)
    sent = [f"{quote('_sent')}[{i}]" for i in (1, 2, 3)]
    own = {"input": (sent[0], "m_input"), "cache_read": (sent[1], "m_read"), "cache_write": (sent[2], "m_write"),
           "output": (quote("_got"), "m_output")}  # fmt: skip
    for part, (counted, metric) in own.items():
        parts[part] = f"coalesce({counted}, {words[metric]}, {inner[part]})"
    parts["output"] = f"CASE WHEN {quote('_operation')} <> 'embeddings' THEN {parts['output']} END"
    known = f"coalesce({sent[0]}, {words['m_input']})"
    cached = f"coalesce({parts['cache_read']}, {parts['cache_write']}) IS NOT NULL"
    parts["names"] = f"CASE WHEN {known} IS NOT NULL AND {cached} THEN 'exclusive' ELSE {inner['names']} END"
    # A total proves something only of the counts it is the total of.
    same = f"{parts['input']} = {inner['input']} AND {parts['output']} = {inner['output']}"
    parts["total"] = f"CASE WHEN {same} THEN {inner['total']} END"
    asked = body.first_of(quote("_question"), ("serviceTier.type", "service_tier"))
    parts["tier"] = f"coalesce({words['tier']}, {inner['tier']}, {asked})"
    prepare, fields = token_fields(parts, name="_t", raw_keys=("input", "output", *WRAPPERS))
    return structs | prepare, fields


def own_fields(made: Raw, texts: Mapping[str, str]) -> dict[str, Field]:
    """What the record and the bodies in it say."""
    words, code = made.words, texts["errorCode"]
    made.prepare["_finish"] = words["finish"]
    made.prepare["_prompt"], made.prepare["_said"] = made.asked(*body.PROMPTS), words["said"]
    finish, asked, said = quote("_finish"), quote("_prompt"), quote("_said")
    streamed = f"CAST(contains({texts['operation']}, 'Stream') AS VARCHAR)"
    failed = f"CASE WHEN {code} IS NOT NULL THEN 'error' ELSE coalesce({status_sql(texts['status'])}, 'ok') END"
    nameless = " OR ".join(f"contains({texts['modelId']}, {literal(part)})" for part in NAMELESS)
    made.prepare["_stream"] = streamed
    found = {
        "request_id": texts["requestId"],
        "response_id": words["id"],
        "request_model": texts["modelId"],
        # The id asked for says whether the price is a region's or the global one; the answer's own name does not.
        "response_model": f"CASE WHEN {nameless} THEN {words['model']} END",
        "provider": "'aws.bedrock'",
        "operation": quote("_operation"),
        "region": f"coalesce({texts['inferenceRegion']}, {texts['region']})",
        "started_at": texts["timestamp"],
        "latency_ms": words["latency"],
        "ttft_ms": f"CASE WHEN {quote('_stream')} = 'true' THEN {words['ttft']} END",
        "stream": quote("_stream"),
        "max_tokens": body.first_of(quote("_question"), body.LIMITS),
        "temperature": body.first_of(quote("_question"), body.TEMPERATURES),
        "finish_reason": body.finish_sql(finish),
        "finish_reason_raw": finish,
        "refusal": refusal_sql(finish),
        "status": failed,
        "error_type": code,
        "error_class": error_class_sql(NOTHING, code, NOTHING),
        "input_text": asked,
        "output_text": said,
        "input_chars": f"CAST(length({asked}) AS VARCHAR)",
        "output_chars": f"CAST(length({said}) AS VARCHAR)",
        "prompt_hash": f"md5({asked})",
    }
    return {column: Field(sql) for column, sql in found.items()}


def given_fields(made: Raw, texts: Mapping[str, str]) -> dict[str, Field]:
    """What the caller wrote into requestMetadata. Who called is a role of AWS's, so metadata and no user."""
    given = texts["requestMetadata"]
    held = f"CASE WHEN json_type({given}) = 'OBJECT' THEN {given} ELSE CAST('{{}}' AS JSON) END"
    arn = f"json_extract_string({texts['identity']}, '$.arn')"
    caller = f"json_object('identity_arn', {arn}, 'account_id', {texts['accountId']})"
    made.prepare["_metadata"] = f"json_merge_patch({held}, {caller})"
    fields = {column: Field(body.first_of(given, names)) for column, names in GIVEN.items()}
    fields["metadata"] = Field(f"nullif(CAST({quote('_metadata')} AS VARCHAR), '{{}}')")
    return fields
