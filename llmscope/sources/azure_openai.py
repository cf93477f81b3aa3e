"""Azure OpenAI's diagnostic log, from a storage account or out of Log Analytics: when, how long and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, literal, quote, require
from llmscope.sources._errors import error_class_sql, status_sql
from llmscope.sources._pairs import NOTHING, opened_object
from llmscope.sources._raw import with_keys
from llmscope.sources._usage import token_fields

ABOUT = "Azure OpenAI diagnostic logs (RequestResponse), from a storage account or Log Analytics: latency and errors"
RANK = 150
NEEDS = ("category", "Category")

# Each word of the log, as the storage account and as Log Analytics spell it. DuckDB tells no case apart.
SPELT: Mapping[str, tuple[str, ...]] = {
    "category": ("category", "Category"),
    "operation": ("operationName", "OperationName"),
    "signature": ("resultSignature", "ResultSignature"),
    "description": ("resultDescription", "ResultDescription"),
    "duration": ("durationMs", "DurationMs"),
    "time": ("time", "TimeGenerated", "TimeGenerated [UTC]"),
    "correlation": ("correlationId", "CorrelationId"),
    "resource": ("resourceId", "ResourceId", "_ResourceId"),
    "location": ("location", "location_s", "Location"),
    "properties": ("properties", "properties_s"),
}
PROPERTIES = ("requestTime", "responseTime", "modelDeploymentName", "modelName", "modelVersion", "streamType",
              "apiName", "callerObjectId", "objectId", "promptTokens", "completionTokens", "cachedTokens")  # fmt: skip
# What an operation's name begins with, in lower case, and what it is; anything else is no call to a model.
OPERATIONS: Mapping[str, str] = {
    "chatcompletions": "chat", "chat completions": "chat", "extensionschatcompletions": "chat", "responses": "chat",
    "completions": "text_completion", "embeddings": "embeddings", "imagegenerations": "image", "images": "image",
    "audio": "audio",
}  # fmt: skip
ACCOUNTS = "microsoft.cognitiveservices/"
NO_TOKENS = "Azure's diagnostic log counts no tokens and names no user: latency and errors only"
PORTAL_TIME = "%m/%d/%Y, %I:%M:%S.%g %p"


def mine(record: Mapping[str, Any]) -> bool:
    """A diagnostic record of an account that serves models; Log Analytics leaves the kind of resource to a column."""
    said = {word: next((record[key] for key in keys if key in record), None) for word, keys in SPELT.items()}
    if not all(isinstance(said[word], str) for word in ("category", "operation")) or said["properties"] is None:
        return False
    held = said["properties"] if isinstance(said["properties"], str) else json.dumps(said["properties"])
    places = f"{said['resource']} {record.get('ResourceProvider')}/".lower()
    return ACCOUNTS in places or (said["category"] == "RequestResponse" and '"modelDeploymentName"' in held)


def detect(sample: Sample) -> bool:
    """Most records are of that log."""
    return bool(sample.records) and 2 * sum(map(mine, sample.records)) >= len(sample.records)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a RequestResponse record of a call to a model."""
    words = {word: next((key for key in keys if key in sample.columns), keys[0]) for word, keys in SPELT.items()}
    require(sample, "an Azure diagnostic log", "category|Category", "properties|properties_s")
    columns = {key: "JSON" if word == "properties" else "VARCHAR" for word, key in words.items()}
    text = {word: quote(key) for word, key in words.items()}
    paths = ", ".join(literal(f"$.{name}") for name in PROPERTIES)
    prepare = {
        "_held": opened_object(text["properties"]),
        "_p": f"json_extract_string({quote('_held')}, [{paths}])",
        "_operation": operation_sql(text["operation"]),
    }
    held = {name: f"{quote('_p')}[{i}]" for i, name in enumerate(PROPERTIES, start=1)}
    counts, tokens = token_fields(
        {"input": held["promptTokens"], "output": held["completionTokens"], "cache_read": held["cachedTokens"],
         "names": "'inclusive'"}, name="_t", raw_keys=(words["properties"],),
    )  # fmt: skip
    prepare |= counts
    fields = tokens | own_fields(text, held)
    fields = {column: with_keys(field, columns, prepare) for column, field in fields.items()}
    keep = f"{text['category']} = 'RequestResponse' AND {quote('_operation')} IS NOT NULL"
    counted = any("promptTokens" in str(record.get(words["properties"])) for record in sample.records)
    notes = () if counted else (NO_TOKENS,)
    known = f"{text['category']} IS NOT NULL AND {text['operation']} IS NOT NULL"
    return (Reading("requests", columns, fields, prepare, keep, notes, known, "records that are no model calls"),)


def operation_sql(name: str) -> str:
    """What an operation is, by how its name begins."""
    arms = " ".join(
        f"WHEN starts_with(lower({name}), {literal(start)}) THEN {literal(ours)}" for start, ours in OPERATIONS.items()
    )
    return f"CASE {arms} END"


def own_fields(text: Mapping[str, str], held: Mapping[str, str]) -> dict[str, Field]:
    """Times in ticks where there are any: `time` is when the record was written, seconds after the call."""
    dated = f"regexp_full_match({held['modelVersion']}, '\\d{{4}}-\\d\\d-\\d\\d')"
    model = f"CASE WHEN {dated} THEN {held['modelName']} || '-' || {held['modelVersion']} ELSE {held['modelName']} END"
    portal = f"CAST(try_strptime({text['time']}, {literal(PORTAL_TIME)}) AS VARCHAR)"
    code = text["signature"]
    account = f"split_part({text['resource']}, '/', -1)"
    caller = f"coalesce(nullif({held['callerObjectId']}, ''), nullif({held['objectId']}, ''))"
    metadata = (
        f"json_merge_patch(CAST('{{}}' AS JSON), json_object('resource', nullif({account}, ''), 'caller_object_id',"
        f" {caller}, 'api', {held['apiName']}))"
    )
    found = {
        "request_id": text["correlation"],
        "operation": quote("_operation"),
        "provider": "'azure.ai.openai'",
        "request_model": held["modelDeploymentName"],
        "response_model": model,
        "region": text["location"],
        "started_at": f"coalesce({real(held['requestTime'])}, {portal}, {text['time']})",
        "ended_at": real(held["responseTime"]),
        "latency_ms": text["duration"],
        "stream": f"CASE {held['streamType']} WHEN 'Streaming' THEN 'true' WHEN 'Non-Streaming' THEN 'false' END",
        "http_status": code,
        "status": status_sql(NOTHING, code),
        "error_message": f"CASE WHEN left({code}, 1) IN ('4', '5') THEN nullif({text['description']}, '') END",
        "error_class": error_class_sql(code, NOTHING, text["description"]),
        "metadata": f"CAST({metadata} AS VARCHAR)",
    }
    return {column: Field(sql) for column, sql in found.items()}


def real(ticks: str) -> str:
    """A time that was taken: 0 ticks is the year 1."""
    return f"nullif(nullif({ticks}, '0'), '')"
