"""What a logger writes around a provider's answer: who asked, when, how long it took, what went wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmscope.sources import Field, Sample, quote
from llmscope.sources._pairs import NOTHING, Raw
from llmscope.sources._reasons import error_class_sql, provider_sql, status_sql

NAMED: Mapping[str, tuple[str, ...]] = {
    "trace_id": ("trace_id",),
    "span_id": ("span_id",),
    "parent_span_id": ("parent_span_id",),
    "session_id": ("session_id", "conversation_id", "thread_id"),
    "template": ("template", "prompt_name", "template_id"),
    "template_version": ("template_version", "prompt_version"),
    "service": ("service", "service_name"),
    "environment": ("environment", "env"),
    "release": ("release", "app_version"),
    "region": ("region",),
    "language": ("language", "lang"),
    "item_id": ("item_id", "custom_id", "recordId"),
    "attempt": ("attempt", "attempt_number"),
    "tags": ("tags",),
}
# Paths in the request that every provider's has in common.
ASKED: Mapping[str, str] = {
    "q_model": "model",
    "q_max": "max_tokens",
    "q_temperature": "temperature",
    "q_stream": "stream",
    "q_user": "user",
    "q_metadata": "metadata",
    "q_feature": "metadata.feature",
    "q_tag": "metadata.tag",
}
STARTED = (
    "started_at", "start_time", "request_time", "requested_at", "timestamp", "ts", "time", "@timestamp", "logged_at",
    "created_at",
)  # fmt: skip
ENDED = ("ended_at", "end_time", "finished_at", "completed_at")
USERS = ("user_id", "user", "end_user")

UNITS: Mapping[str, str] = {
    "ms": "ms", "millis": "ms", "milliseconds": "ms", "msec": "ms", "s": "s", "sec": "s", "secs": "s", "seconds": "s",
    "us": "us", "micros": "us", "microseconds": "us", "ns": "ns", "nanos": "ns",
}  # fmt: skip
LATENCY = re.compile(
    r"(latency|duration|elapsed|elapsed_time|response_time|total_time|request_duration|processing_time|e2e_latency)"
    r"(?:_(\w+))?"
)
TTFT = re.compile(r"(ttft|time_to_first_token|first_token_latency)(?:_(\w+))?")


# A batch's error holds another; an error may be a word or a sentence alone.
ERROR_PATHS = (
    "$.code", "$.type", "$.status", "$.message", "$", "$.error.type", "$.error.message", "$.error.code", "$.errorCode",
    "$.errorMessage",
)  # fmt: skip
E = quote("_e")
# How a batch says that it never came to a request.
NEVER_RUN = ("batch_expired", "batch_cancelled", "expired", "canceled", "cancelled")
NO_ERROR = ("null", "false", "{}", "[]", '""', "0")
# The code says more than the type, unless it only repeats the HTTP status.
KIND = (
    f"coalesce(CASE WHEN try_cast({E}[1] AS INTEGER) IS NULL THEN {E}[1] END, {E}[8], {E}[6], {E}[2], {E}[3],"
    f" CASE WHEN try_cast({E}[9] AS INTEGER) IS NULL THEN {E}[9] END,"
    f" CASE WHEN {E}[4] IS NULL AND length({E}[5]) <= 40 AND NOT contains({E}[5], ' ')"
    f" AND NOT starts_with({E}[5], '{{') THEN {E}[5] END)"
)
MESSAGE = f"coalesce({E}[7], {E}[4], {E}[10], CASE WHEN NOT starts_with({E}[5], '{{') THEN {E}[5] END)"


def beside_fields(made: Raw, sample: Sample) -> dict[str, Field]:
    """The fields that a logger's own keys at the top of the record give."""
    fields = {column: Field(made.beside(*names), keys=names) for column, names in NAMED.items()}
    fields["started_at"] = Field(made.beside(*STARTED), keys=STARTED)
    fields["ended_at"] = Field(made.beside(*ENDED), keys=ENDED)
    fields["latency_ms"] = _duration(made, sample, LATENCY, "latency_ms")
    fields["ttft_ms"] = _duration(made, sample, TTFT, "ttft_ms")
    made.columns["metadata"] = "JSON"
    own = "nullif(CAST(\"metadata\" AS VARCHAR), 'null')"
    made.prepare["_metadata"] = f"try_cast(coalesce({own}, {made.text('metadata', 'q_metadata')}) AS JSON)"
    held = f"json_extract_string({quote('_metadata')}, ['$.feature', '$.tag', '$.user_id'])"
    feature = f"{made.beside('feature')}, {made.text('q_feature', 'q_tag')}, ({held})[1], ({held})[2]"
    fields["feature"] = Field(f"coalesce({feature})", keys=("feature", "metadata.feature", "metadata.tag"))
    user = f"{made.beside(*USERS)}, {made.text('user', 'q_user')}, ({held})[3]"
    fields["user_id"] = Field(f"coalesce({user})", keys=(*USERS, "metadata.user_id"))
    fields["metadata"] = Field(f"CAST({quote('_metadata')} AS VARCHAR)", keys=("metadata",))
    return fields


def text_fields(made: Raw, prompt: str, answer: str) -> dict[str, Field]:
    """The texts, which load keeps only when asked to, and what it keeps of them always."""
    made.prepare["_prompt"], made.prepare["_said"] = prompt, answer
    asked, said = quote("_prompt"), quote("_said")
    return {
        "input_text": Field(asked, keys=("request",)),
        "output_text": Field(said, keys=("response",)),
        "input_chars": Field(f"CAST(length({asked}) AS VARCHAR)", keys=("request",)),
        "output_chars": Field(f"CAST(length({said}) AS VARCHAR)", keys=("response",)),
        "prompt_hash": Field(f"md5({asked})", keys=("request",)),
    }


def id_fields(made: Raw) -> dict[str, Field]:
    """The provider's id of the answer, which is the request's too unless the logger gave one.

    An answer without an id, or none at all, has that of its line in the batch: custom ids are used again.
    """
    answer, batch = made.text("id"), made.beside("custom_id")
    line = f"CASE WHEN {batch} IS NOT NULL THEN {made.beside('id')} END"
    return {
        "response_id": Field(answer, keys=("id",)),
        "request_id": Field(f"coalesce({made.beside('request_id', 'req_id')}, {answer}, {line}, {batch})",
                            keys=("request_id", "id", "custom_id")),
    }  # fmt: skip


def request_fields(made: Raw) -> dict[str, Field]:
    """What was asked for, from the request, else from the answer's echo of it."""
    return {
        "request_model": Field(made.text("q_model"), keys=("request.model",)),
        "response_model": Field(made.text("model"), keys=("model",)),
        "max_tokens": Field(made.text("q_max", "q_max_2", "max"), keys=("request.max_tokens",)),
        "temperature": Field(made.text("q_temperature", "temperature"), keys=("request.temperature",)),
        "stream": Field(made.text("q_stream", "streamed"), keys=("request.stream", "stream")),
    }


def provider_field(made: Raw, given: str) -> Field:
    """Who answered: as the logger names it, by the host called, by a mark of the shape, by the model's name."""
    host = made.beside("host", "base_url", "url", "endpoint")
    made.prepare["_host"] = f"split_part(replace(replace({host}, 'https://', ''), 'http://', ''), '/', 1)"
    made.prepare["_named"] = made.beside("provider", "vendor") if made.answer else NOTHING
    return Field(
        f"coalesce({provider_sql(quote('_named'), NOTHING, quote('_host'))}, {given})", keys=("provider", "model")
    )


def error_fields(made: Raw, answered: str, status: str = NOTHING, error: str = NOTHING) -> dict[str, Field]:
    """What went wrong. `answered`: the status of a record that has an answer and no other word. `status`: the answer's
    own word. `error`: JSON of one in another place."""
    made.columns["error"] = "JSON"
    places = [quote("error")]
    if error != NOTHING:
        places.append(error)
    if made.answer:
        places.insert(0, f"json_extract({quote(made.answer)}, '$.error')")
    if f"{made.answer}_outer" in made.prepare:
        places.append(f"json_extract({quote(f'{made.answer}_outer')}, '$.error')")
    found = ", ".join(f"CASE WHEN CAST({p} AS VARCHAR) NOT IN {NO_ERROR} THEN CAST({p} AS VARCHAR) END" for p in places)
    made.prepare["_error"] = f"try_cast(coalesce({found}) AS JSON)"
    paths = ", ".join(f"'{path}'" for path in ERROR_PATHS)
    made.prepare["_e"] = f"json_extract_string({quote('_error')}, [{paths}])"
    made.prepare["_kind"], made.prepare["_message"] = KIND, MESSAGE
    code = made.beside("http_status", "status_code", "http_status_code")
    own = NOTHING if not made.answer and "status" in made.words else made.beside("status")
    known = f"CASE WHEN try_cast(coalesce({E}[1], {E}[9]) AS UINTEGER) BETWEEN 400 AND 599"
    known += f" THEN coalesce({E}[1], {E}[9]) END"
    if f"{made.answer}_outer" in made.prepare:
        code += f", json_extract_string({quote(f'{made.answer}_outer')}, '$.status_code')"
    http, kind, message = quote("_http"), quote("_kind"), quote("_message")
    never = f"CASE WHEN {kind} IN {NEVER_RUN} THEN 'cancelled' END"
    made.prepare["_http"] = f"coalesce({code}, {known})"
    made.prepare["_state"] = f"coalesce({status}, {own}, {never})"
    judged = status_sql(quote("_state"), http, f"coalesce({kind}, {message})")
    return {
        "http_status": Field(http, keys=("http_status", "status_code")),
        "error_type": Field(kind, keys=("error.code", "error.type")),
        "error_message": Field(message, keys=("error.message",)),
        "error_class": Field(
            f"coalesce({never}, {error_class_sql(http, kind, message)})", keys=("error", "http_status")
        ),
        "status": Field(f"coalesce({judged}, {answered})", keys=("status", "error")),
    }


def _duration(made: Raw, sample: Sample, pattern: re.Pattern[str], default: str) -> Field:
    """A duration key the first records have, a unit in its name preferred; else the one with the column's own name."""
    found = {key: match for key in sample.columns if (match := pattern.fullmatch(key.lower()))}
    for key, match in found.items():
        if match[2] in UNITS:
            return Field(made.beside(key), UNITS[match[2]], (key,))
    for key in (key for key, match in found.items() if match[2] is None):
        return Field(made.beside(key), _unit([record.get(key) for record in sample.records]), (key,))
    return Field(made.beside(default), "ms", (default,))


def _unit(values: Sequence[object]) -> str:
    """Of a duration that does not say its unit: small numbers with fractions are seconds."""
    numbers = sorted(float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))
    middle = numbers[len(numbers) // 2] if numbers else 1000.0
    return "s" if middle <= 120 and any(n % 1 for n in numbers) else "ms"
