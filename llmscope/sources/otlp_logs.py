"""OTLP logs in JSON: the events that carry a call's usage, Claude Code's and Gemini CLI's too, and evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmscope.sources import FIRST, Field, Reading, Sample, Unfolding, literal, quote, require
from llmscope.sources._genai import described, request_fields, staged_slots
from llmscope.sources._otel import EVALUATION, SCORE_COLUMNS, columns_of, score_reading
from llmscope.sources._otel_values import Batches, id_sql, named, text_of
from llmscope.sources._usage import prepared_sql

ABOUT = (
    "OpenTelemetry log events with usage or scores: Claude Code, Gemini CLI, gen_ai.client.inference and evaluations"
)
RANK = 12
NEEDS = ("resourceLogs", "resource_logs")

SCOPES = ("scopeLogs", "instrumentationLibraryLogs")

CLAUDE, CLAUDE_ERROR = "claude_code.api_request", "claude_code.api_error"
GEMINI, GEMINI_ERROR = "gemini_cli.api_response", "gemini_cli.api_error"
INFERENCE, SCORE = "gen_ai.client.inference.operation.details", "gen_ai.evaluation.result"
AGENTS = (CLAUDE, CLAUDE_ERROR, GEMINI, GEMINI_ERROR)
# What the agents call what a span's slots hold; sums are of numbers. Gemini counts thoughts and tools' prompts apart.
OWN: Mapping[str, tuple[str, ...]] = {
    "response_model": ("model",),
    "cache_read_tokens": ("cache_read_tokens", "cached_content_token_count"),
    "cache_write_tokens": ("cache_creation_tokens",),
    "reasoning_tokens": ("thoughts_token_count",),
    "total_tokens": ("total_token_count",),
    "cost": ("cost_usd",),
    "http_status": ("status_code",),
    "error_type": ("error_type", "error.type"),
    "finish_reason": ("finish_reasons",),
    "response_id": ("response_id",),
}
PLACES = ("input_tokens", "input_token_count", "tool_token_count", "output_tokens", "output_token_count",
          "thoughts_token_count", "duration_ms", "error", "error_message", "attempt", "speed")  # fmt: skip


def detect(sample: Sample) -> bool:
    """Most records are batches of log records."""
    return 2 * sum(is_batch(record) for record in sample.records) >= max(len(sample.records), 1)


def is_batch(record: Mapping[str, Any]) -> bool:
    return any(isinstance(record.get(top), list) for top in NEEDS)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Requests and scores."""
    require(sample, "an OTLP file of logs", "|".join(NEEDS))
    prepare, fields = request_fields("ns")
    fields["request_id"] = Field(quote("request_id"), keys=("request_id",))
    fields["attempt"] = Field(quote("attempt"), keys=("attempt",))
    fields["latency_ms"] = Field(quote("duration_ms"), "ms", ("duration_ms",))
    fields["timing_quality"] = Field(
        f"CASE WHEN {quote('duration_ms')} IS NULL THEN 'inferred' END", keys=("started_at",)
    )
    columns = {c: "VARCHAR" for f in fields.values() for c in f.keys} | columns_of({"record", "counts", "total_tokens"})
    requests = Reading(
        "requests", columns, fields, prepare, "\"record\" = 'request'", aside="tells of no call to a model"
    )
    scores = score_reading("ns")
    return (requests, replace(scores, columns=dict(scores.columns)))


def unfolding(sample: Sample) -> Unfolding:
    """A row a log record."""
    batches = Batches.of(sample, NEEDS, SCOPES, "logRecords")
    snake = batches.snake
    texts = ("timeUnixNano", "observedTimeUnixNano", "traceId", "spanId", "eventName")
    record = ", ".join(f"{named(text, snake)} VARCHAR" for text in texts)
    record += f", body STRUCT({named('stringValue', snake)} VARCHAR), attributes {batches.pairs}"
    columns = {
        "trace_id": id_sql(f"s.{named('traceId', snake)}", 32),
        "span_id": id_sql(f"s.{named('spanId', snake)}", 16),
        "noted": f"coalesce(nullif(s.{named('timeUnixNano', snake)}, '0'), s.{named('observedTimeUnixNano', snake)})",
        "said": f"[s.{named('eventName', snake)}, s.body.{named('stringValue', snake)}]",
        "k": "[a.key FOR a IN s.attributes]",
        "v": f"[{text_of('a.value', snake)} FOR a IN s.attributes]",
    }
    found = batches.found(columns)
    return Unfolding({batches.top: batches.type(record)}, unfolded(f"SELECT *, {event()} AS event FROM ({found})"))


def pick(name: str) -> str:
    """The text of a record's attribute."""
    return f"v[list_position(k, {literal(name)})]"


def event() -> str:
    """What happened: a field of the record since 2025, before that an attribute or the body."""
    names = [f"said[1], {pick('event.name')}, said[2]"]
    agents = " ".join(
        f"WHEN {word} IN ({literal(name)}, {literal(name.partition('.')[2])})"
        f" AND starts_with(coalesce(said[2], said[1], {literal(name)}), {literal(name.partition('.')[0])})"
        f" THEN {literal(name)}"
        for name in AGENTS
        for word in [f"coalesce({names[0]})"]
    )
    return f"CASE {agents} ELSE coalesce({names[0]}) END"


def unfolded(found: str) -> str:
    """A row a record, its slots filled from whatever its writer calls them."""
    slots = staged_slots()
    agent = f"event IN ({', '.join(map(literal, AGENTS))})"
    for slot, names in OWN.items():
        slots[slot] = f"coalesce({slots[slot]}, CASE WHEN {agent} THEN coalesce({', '.join(map(pick, names))}) END)"
    place = {name: pick(name) for name in PLACES}
    claude, gemini = f"event = {literal(CLAUDE)}", f"event = {literal(GEMINI)}"
    slots |= {
        "input_tokens": f"CASE WHEN {claude} THEN {place['input_tokens']}"
        f" WHEN {gemini} THEN {total(place['input_token_count'], place['tool_token_count'])}"
        f" ELSE {slots['input_tokens']} END",
        "output_tokens": f"CASE WHEN {claude} THEN {place['output_tokens']}"
        f" WHEN {gemini} THEN {total(place['output_token_count'], place['thoughts_token_count'])}"
        f" ELSE {slots['output_tokens']} END",
        "counts": f"CASE WHEN {claude} THEN 'exclusive' WHEN {agent} THEN 'inclusive' ELSE {slots['counts']} END",
        "service_tier": f"CASE WHEN {claude} AND {place['speed']} = 'fast' THEN 'fast'"
        f" ELSE {slots['service_tier']} END",
        "provider": f"CASE WHEN {agent} THEN CASE WHEN starts_with(event, 'gemini') THEN 'gcp.gemini'"
        f" ELSE 'anthropic' END ELSE {slots['provider']} END",
        "operation": f"CASE WHEN {agent} THEN 'chat' ELSE {slots['operation']} END",
        "environment": f"coalesce({slots['environment']}, environment_of)",
        "release": f"coalesce({slots['release']}, release_of)",
    }
    duration = f"CASE WHEN {agent} THEN {place['duration_ms']} END"
    microseconds = f"try_cast(try_cast({place['duration_ms']} AS DOUBLE) * 1000 AS BIGINT)"
    start = f"(try_cast(noted AS BIGINT) - {microseconds} * 1000)::VARCHAR"
    began = f"CASE WHEN {microseconds} BETWEEN 0 AND 1e13 THEN {start} END"
    error = f"CASE WHEN event IN ({literal(CLAUDE_ERROR)}, {literal(GEMINI_ERROR)})"
    same = "md5(concat_ws(chr(31), event, noted, array_to_string(k, ','), array_to_string(v, ',')))"
    whole = f"event = {literal(INFERENCE)}"
    slots |= {
        FIRST: quote(FIRST), "service": "service", "trace_id": "trace_id", "span_id": "span_id",
        "parent_span_id": "NULL::VARCHAR", "name": "event", "chunk_ms": "NULL::VARCHAR",
        "request_id": f"CASE WHEN {whole} AND span_id IS NOT NULL THEN coalesce(trace_id || '-', '') || span_id"
        f" ELSE 'log-' || {same} END",
        "started_at": f"coalesce(CASE WHEN {agent} THEN {began} END, noted)",
        "ended_at": f"CASE WHEN {agent} AND {began} IS NOT NULL THEN noted END",
        "duration_ms": duration,
        "attempt": f"CASE WHEN {agent} THEN {place['attempt']} END",
        "code": f"{error} THEN '2' END",
        "message": f"{error} THEN coalesce({place['error']}, {place['error_message']}) END",
        "exception_type": "NULL::VARCHAR", "exception_message": "NULL::VARCHAR",
        "record": f"CASE WHEN {agent} OR ({whole} AND {slots['is_call']}) THEN 'request'"
        f" WHEN event = {literal(SCORE)} THEN 'score' END",
    }  # fmt: skip
    score = {f"score_{name}": pick(key) for name, key in EVALUATION.items()}
    score |= {"score_at": "noted", "score_rater": "NULL::VARCHAR"}
    slots |= {name: f"CASE WHEN event = {literal(SCORE)} THEN {score[name]} END" for name in SCORE_COLUMNS}
    asked = prepared_sql(f"SELECT *, NULL::VARCHAR AS code, NULL::VARCHAR AS chunk_ms FROM ({found})", described(pick))
    return f"SELECT {', '.join(f'{sql} AS {quote(name)}' for name, sql in slots.items())} FROM ({asked})"


def total(*counts: str) -> str:
    """The sum of counts as text; NULL where the first is none."""
    first, *others = counts
    rest = "".join(f" + coalesce(try_cast({count} AS UINTEGER), 0)" for count in others)
    return f"coalesce((try_cast({first} AS UINTEGER)::BIGINT{rest})::VARCHAR, {first})"
