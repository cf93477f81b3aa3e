"""LiteLLM's StandardLoggingPayload: what its loggers and callbacks write of each call, failed tries included."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any

from llmscope.sources import FIRST, Field, Reading, Sample, Unfolding, json_path, literal, quote, require
from llmscope.sources import _litellm as shared
from llmscope.sources._litellm import part, struct
from llmscope.sources._reasons import finish_reason_sql, refusal_sql
from llmscope.sources._usage_keys import Shape

ABOUT = "LiteLLM's StandardLoggingPayload, as its S3, GCS, Azure and generic callbacks write it"
RANK = 80
NEEDS = ("call_type", "standard_logging_object", "standard_logging_payload", "kwargs", "payload", "message")

TEXTS = (
    "id", "litellm_call_id", "trace_id", "session_id", "call_type", "cache_hit", "stream", "status", "model",
    "custom_llm_provider", "startTime", "endTime", "completionStartTime", "response_time", "response_cost",
    "prompt_tokens", "completion_tokens", "total_tokens", "model_group", "end_user", "error_str",
    "response_cost_failure_debug_info",
)  # fmt: skip
# Where a payload stands in what a callback was given, or in a log line around it.
WRAPPERS = (
    ("standard_logging_object",), ("standard_logging_payload",), ("kwargs", "standard_logging_object"), ("payload",),
    ("message",),
)  # fmt: skip

RESPONSE: Shape = {
    "model": "VARCHAR", "service_tier": "VARCHAR", "status": "VARCHAR", "stop_reason": "VARCHAR",
    "incomplete_details": {"reason": "VARCHAR"}, "candidates": [{"finishReason": "VARCHAR"}],
    "choices": [{"finish_reason": "VARCHAR", "text": "VARCHAR", "message": {"content": "VARCHAR",
                                                                            "refusal": "VARCHAR"}}],
    "output": [{"content": [{"text": "VARCHAR"}]}], "content": [{"text": "VARCHAR"}],
}  # fmt: skip
ERROR: Shape = dict.fromkeys(("error_code", "error_class", "error_message"), "VARCHAR")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
PARAMETERS: Shape = dict.fromkeys(("temperature", "stream", "user", "service_tier", *LIMITS), "VARCHAR")
RETRIES, HOPS = "x-litellm-attempted-retries", "x-litellm-attempted-fallbacks"
HIDDEN: Shape = {"additional_headers": {RETRIES: "VARCHAR", HOPS: "VARCHAR"}}
MESSAGES: list[Shape] = [{"content": "VARCHAR"}]
# Prepared name -> the object it is made of, and what is wanted of that.
OBJECTS: dict[str, tuple[str, Shape | list[Shape]]] = {
    "_m": ("metadata", shared.METADATA), "_r": ("response", RESPONSE), "_e": ("error_information", ERROR),
    "_p": ("model_parameters", PARAMETERS), "_h": ("hidden_params", HIDDEN),
    "_q": ("messages", MESSAGES),
}  # fmt: skip
WITHHELD = "redacted-by-litellm"


def detect(sample: Sample) -> bool:
    """Most records are payloads, bare or wrapped in one way."""
    return place_of(sample) is not None


def is_payload(record: Mapping[str, Any]) -> bool:
    """It has the keys that no other log has together; a row of SpendLogs has `spend` and no cost."""
    keys = ("call_type", "response_cost", "startTime")
    return all(key in record for key in keys) and ("model_map_information" in record or "hidden_params" in record)


def place_of(sample: Sample) -> tuple[str, ...] | None:
    """Where the payloads stand in most records."""
    if sample.container not in ("json", "jsonl"):
        return None
    places = [place for record in sample.records if (place := _place(record)) is not None]
    return max(places, key=places.count) if places and 2 * len(places) >= len(sample.records) else None


def _place(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Where the payload stands in a record: () is the record itself."""
    if is_payload(record):
        return ()
    return next((place for place in WRAPPERS if place[0] in record and is_payload(_inside(record, place))), None)


def _inside(record: Mapping[str, Any], place: tuple[str, ...]) -> Mapping[str, Any]:
    """The object at a place, also where it is a string of JSON; empty when there is none."""
    found: Any = record
    for key in place:
        found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found.startswith("{"):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                found = None
    return found if isinstance(found, Mapping) else {}


def unfolding(sample: Sample) -> Unfolding | None:
    """A wrapped payload's keys, as if it stood alone."""
    place = place_of(sample)
    if not place:
        return None
    value = shared.opened(quote(place[0]))
    for key in place[1:]:
        value = f"json_extract({value}, {json_path(key)})"
    keys = ", ".join(
        f"json_extract{'_string' if kind == 'VARCHAR' else ''}(payload, {json_path(key)}) AS {quote(key)}"
        for key, kind in columns().items()
    )
    return Unfolding(
        {place[0]: "JSON"}, f"SELECT true AS {quote(FIRST)}, {keys} FROM (SELECT {value} AS payload FROM {{values}})"
    )


def columns(typed: Container[str] = ()) -> dict[str, str]:
    """The keys of a payload; those of `typed` as structs, which only the reader of JSON lines can make of them."""
    objects = {key: shared.struct_type(shape) if key in typed else "JSON" for key, shape in OBJECTS.values()}
    return {**dict.fromkeys(TEXTS, "VARCHAR"), "request_tags": "JSON", **objects}


def typed_keys(sample: Sample) -> set[str]:
    """The objects that the reader itself makes structs of, which is quicker. Messages may be a text, too."""
    if sample.container != "jsonl" or place_of(sample) != ():
        return set()
    plain = any(isinstance(record.get("messages"), str) for record in sample.records)
    return {key for key, _ in OBJECTS.values() if key != "messages" or not plain}


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a payload."""
    if not place_of(sample):
        require(sample, "a LiteLLM payload", "call_type", "startTime", "model")
    kind, failed = quote("_kind"), quote("_failed")
    typed = typed_keys(sample)
    prepare, fields = shared.usage(failed)
    prepare |= {n: quote(key) if key in typed else struct(quote(key), shape) for n, (key, shape) in OBJECTS.items()}
    prepare |= shared.metadata_prepare()
    prepare |= shared.outcome_prepare(
        part("_e", "error_code"), part("_e", "error_class"),
        f"coalesce({part('_e', 'error_message')}, nullif({quote('error_str')}, ''))",
    )  # fmt: skip
    prepare |= {
        "_kind": shared.kind_sql(quote("call_type")),
        "_failed": f"coalesce({quote('status')} = 'failure', false)",
        "_state": quote("status"),
        "_user": part("_p", "user"),
        "_call": f"coalesce(nullif({quote('litellm_call_id')}, ''), {quote('id')})",
        "_asked": f"coalesce(nullif({quote('model_group')}, ''), nullif({quote('model')}, ''))",
        "_answered": answered_sql(),
        "_prompt": prompt_sql("messages" in typed),
        "_said": said_sql(),
        "_finish": finish_sql(),
        "_stream": f"coalesce({quote('stream')}, {part('_p', 'stream')}, CASE WHEN NOT {failed} THEN 'false' END)",
    }
    fields |= shared.outcome() | shared.models(quote("_asked"), quote("_answered"))
    fields |= shared.attribution(quote("request_tags"), quote("end_user"))
    fields |= shared.tries(*(part("_h", "additional_headers", name) for name in (RETRIES, HOPS)))
    fields |= own_fields(fields["service_tier"]) | times(sample) | texts()
    known = f"{quote('call_type')} IS NOT NULL AND {quote('startTime')} IS NOT NULL"
    return (
        Reading("requests", columns(typed), fields, prepare, shared.is_call(kind), mine=known,
                aside="of a tool, file or store, which no model answered"),
    )  # fmt: skip


def own_fields(tier: Field) -> dict[str, Field]:
    """Ids, money and parameters, which stand in the payload alone."""
    call, failed = quote("_call"), quote("_failed")
    # The tries of one request share the gateway's id of it, and only the one that succeeded may bear it.
    request = f"CASE WHEN {failed} THEN {call} || '-' || {quote('startTime')} ELSE {call} END"
    # A failure has no answer's id; a hit of the gateway's cache has one made of another call's.
    given = f"nullif({quote('id')}, {quote('litellm_call_id')})"
    response = f"CASE WHEN NOT {failed} AND {quote('cache_hit')} IS DISTINCT FROM 'true' THEN {given} END"
    # A price that is not known is logged as a cost of 0.
    unknown = f"({quote('_uncounted')} OR {quote('response_cost_failure_debug_info')} IS NOT NULL)"
    cost = quote("response_cost")
    word = f"lower(coalesce({part('_r', 'service_tier')}, {part('_p', 'service_tier')}))"
    word = f"CASE {word} WHEN 'standard' THEN 'default' WHEN 'auto' THEN NULL ELSE {word} END"
    limits = ", ".join(part("_p", name) for name in LIMITS)
    return {
        "request_id": Field(request, keys=("litellm_call_id", "id", "status", "startTime")),
        "response_id": Field(response, keys=("id",)),
        "trace_id": Field(quote("trace_id"), keys=("trace_id",)),
        "session_id": Field(quote("session_id"), keys=("session_id",)),
        "operation": shared.operation_field(quote("_kind")),
        "cost_logged_usd": Field(f"CASE WHEN {unknown} AND try_cast({cost} AS DOUBLE) = 0 THEN NULL ELSE {cost} END",
                                 keys=("response_cost",)),
        "cache_hit": Field(quote("cache_hit"), keys=("cache_hit",)),
        "stream": Field(quote("_stream"), keys=("stream", "model_parameters", "status")),
        "service_tier": Field(f"coalesce({tier.sql}, {word})", keys=("metadata", "response", "model_parameters")),
        "max_tokens": Field(f"coalesce({limits})", keys=("model_parameters",)),
        "temperature": Field(part("_p", "temperature"), keys=("model_parameters",)),
    }  # fmt: skip


def times(sample: Sample) -> dict[str, Field]:
    """Start and end; response_time is the time to the first token of a stream, and the whole duration elsewhere."""
    start, end, first = (quote(key) for key in ("startTime", "endTime", "completionStartTime"))
    streamed = f"{quote('_stream')} = 'true'"
    seconds = all(isinstance(record.get("startTime"), int | float) for record in sample.records)
    unit = "s" if seconds else None
    # Where nothing was streamed the first token is said to have come at the end.
    until = f"CAST(round(try_cast({first} AS DOUBLE) - try_cast({start} AS DOUBLE), 6) AS VARCHAR)"
    return {
        "started_at": Field(start, unit, ("startTime",)),
        "ended_at": Field(end, unit, ("endTime",)),
        "latency_ms": Field(f"CASE WHEN NOT ({streamed}) THEN {quote('response_time')} END", "s", ("response_time",)),
        "ttft_ms": Field(f"CASE WHEN {streamed} AND {first} <> {end} THEN {until} END", "s", ("completionStartTime",)),
    }


def texts() -> dict[str, Field]:
    """How the answer ended, and what was asked and said."""
    asked, said, finish = quote("_prompt"), quote("_said"), quote("_finish")
    refused = f"nullif(struct_extract(struct_extract({shared.raw_part('_r', 'choices')}[1], 'message'), 'refusal'), '')"
    return {
        "finish_reason": Field(finish_reason_sql(finish), keys=("response",)),
        "finish_reason_raw": Field(finish, keys=("response",)),
        "refusal": Field(f"CASE WHEN {refused} IS NOT NULL THEN 'true' ELSE {refusal_sql(finish)} END",
                         keys=("response",)),
        "input_text": Field(asked, keys=("messages",)),
        "output_text": Field(said, keys=("response",)),
        "input_chars": Field(f"CAST(length({asked}) AS VARCHAR)", keys=("messages",)),
        "output_chars": Field(f"CAST(length({said}) AS VARCHAR)", keys=("response",)),
        "prompt_hash": Field(f"md5({asked})", keys=("messages",)),
    }  # fmt: skip


def finish_sql() -> str:
    """How an answer ended, in the words of whichever API it was asked through."""
    chosen = f"struct_extract({shared.raw_part('_r', 'choices')}[1], 'finish_reason')"
    candidate = f"struct_extract({shared.raw_part('_r', 'candidates')}[1], 'finishReason')"
    reason = part("_r", "incomplete_details", "reason")
    state = f"CASE WHEN {quote('_kind')} = 'responses' THEN {part('_r', 'status')} END"
    return f"coalesce({chosen}, {part('_r', 'stop_reason')}, {candidate}, {reason}, {state})"


def answered_sql() -> str:
    """The model of the deployment. At Azure that is a name of one's own, and the answer tells the model; elsewhere
    the router may have put the alias into the answer."""
    told = part("_r", "model")
    azure = f"starts_with({quote('custom_llm_provider')}, 'azure') AND {told} <> {quote('_asked')}"
    return f"coalesce(CASE WHEN {azure} THEN {told} END, nullif({quote('model')}, ''))"


def prompt_sql(typed: bool) -> str:
    """The texts of the messages, a line each; none where they were withheld."""
    content = "struct_extract(q, 'content')"
    parts = f"array_to_string(json_extract_string(try_cast({content} AS JSON), '$[*].text'), chr(10))"
    one = f"CASE WHEN starts_with({content}, '[{{') THEN {parts} ELSE {content} END"
    found = f"array_to_string([{one} FOR q IN {quote('_q')}], chr(10))"
    if not typed:
        text = quote("messages")
        plain = f"CASE WHEN starts_with(CAST({text} AS VARCHAR), '\"') THEN json_extract_string({text}, '$') END"
        found = f"coalesce({found}, {plain})"
    return f"nullif(nullif({found}, {literal(WITHHELD)}), '')"


def said_sql() -> str:
    """The texts of the answer, a line each."""
    choices, output, content = (shared.raw_part("_r", name) for name in ("choices", "output", "content"))
    message = "struct_extract(struct_extract(c, 'message'), 'content')"
    lists = (
        f"[coalesce({message}, struct_extract(c, 'text')) FOR c IN {choices}]",
        f"[struct_extract(c, 'text') FOR c IN {content}]",
        f"[struct_extract(c, 'text') FOR c IN flatten([struct_extract(o, 'content') FOR o IN {output}])]",
    )
    found = ", ".join(f"nullif(array_to_string({one}, chr(10)), '')" for one in lists)
    return f"nullif(coalesce({found}), {literal(WITHHELD)})"
