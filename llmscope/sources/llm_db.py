"""simonw/llm: the table `responses` of its logs.db, a row a call.

`datetime_utc` is when the call began. `token_details` is what is left of the provider's usage when input and output are
taken out of it; newer plug-ins count Gemini's thoughts in the output, older ones beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._reasons import finish_reason_sql, provider_sql
from llmscope.sources._usage import usage_fields

ABOUT = "simonw/llm's log database (logs.db)"
RANK = 212
NEEDS = ("datetime_utc",)

COLUMNS: tuple[str, ...] = (
    "id", "model", "resolved_model", "prompt", "system", "response", "options_json", "response_json",
    "conversation_id", "duration_ms", "datetime_utc", "input_tokens", "output_tokens", "token_details",
)  # fmt: skip
TELLING = {"model", "datetime_utc", "duration_ms", "conversation_id"}

PREPARE: Mapping[str, str] = {
    "_details": 'try_cast("token_details" AS JSON)',
    "_thoughts": "try_cast(json_extract_string(\"_details\", '$.thoughtsTokenCount') AS BIGINT)",
    "_shown": "try_cast(json_extract_string(\"_details\", '$.candidatesTokenCount') AS BIGINT)",
    "_inside": 'coalesce(coalesce("_shown", 0) + "_thoughts" = try_cast("output_tokens" AS BIGINT), false)',
    "_counted": "json_object('input_tokens', \"input_tokens\", 'output_tokens', \"output_tokens\")",
    "_thought": "json_object('thoughtsTokenCount', NULL, 'reasoning_tokens', \"_thoughts\")",
    "_merged": "json_merge_patch(CASE WHEN json_type(\"_details\") = 'OBJECT' THEN \"_details\" ELSE '{}'::JSON END,"
    ' "_counted")',
    "_usage": 'CASE WHEN "input_tokens" IS NULL AND "output_tokens" IS NULL THEN NULL'
    ' WHEN "_inside" THEN json_merge_patch("_merged", "_thought") ELSE "_merged" END',
    "_began": 'try_cast("datetime_utc" AS TIMESTAMP)',
    "_options": "json_extract_string(try_cast(\"options_json\" AS JSON), ['$.max_tokens', '$.max_output_tokens',"
    " '$.temperature'])",
    "_answer": "json_extract_string(try_cast(\"response_json\" AS JSON), ['$.id', '$.finish_reason', '$.stop_reason',"
    " '$.model', '$.responseId', '$.modelVersion'])",
    "_asked": 'nullif(concat_ws(chr(10), "system", "prompt"), \'\')',
    "_finish": 'coalesce("_answer"[2], "_answer"[3])',
    "_model": 'coalesce("resolved_model", "_answer"[4], "_answer"[6], "model")',
}


def detect(sample: Sample) -> bool:
    """Most rows are of the table `responses`."""
    return 2 * sum(is_response(record) for record in sample.records) >= max(len(sample.records), 1)


def is_response(record: Mapping[str, Any]) -> bool:
    """A row of the table, as no other log names its columns."""
    return record.keys() >= TELLING and bool({"prompt_json", "options_json", "response_json"} & record.keys())


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A request a row."""
    require(sample, "a log of simonw/llm", "model", "datetime_utc")
    prepare, fields = usage_fields('"_usage"', name="_u", raw_keys=("input_tokens", "output_tokens", "token_details"))
    ended = 'CAST("_began" + to_microseconds(try_cast("duration_ms" AS BIGINT) * 1000) AS VARCHAR) || \'Z\''
    fields |= {
        "request_id": Field('"id"', keys=("id",)),
        "response_id": Field('coalesce("_answer"[1], "_answer"[5])', keys=("response_json",)),
        "session_id": Field('"conversation_id"', keys=("conversation_id",)),
        "request_model": Field('"model"', keys=("model",)),
        "response_model": Field('"_model"', keys=("model",)),
        "provider": Field(provider_sql("CAST(NULL AS VARCHAR)", '"_model"'), keys=("model",)),
        "operation": Field("'chat'"),
        "service": Field("'llm'"),
        "started_at": Field('coalesce(CAST("_began" AS VARCHAR) || \'Z\', "datetime_utc")', keys=("datetime_utc",)),
        "ended_at": Field(ended, keys=("duration_ms",)),
        "latency_ms": Field('"duration_ms"', keys=("duration_ms",)),
        "max_tokens": Field('coalesce("_options"[1], "_options"[2])', keys=("options_json",)),
        "temperature": Field('"_options"[3]', keys=("options_json",)),
        "finish_reason": Field(finish_reason_sql('"_finish"'), keys=("response_json",)),
        "finish_reason_raw": Field('"_finish"', keys=("response_json",)),
        "status": Field("CASE WHEN \"response\" <> '' THEN 'ok' END", keys=("response",)),
        "input_text": Field('"_asked"', keys=("prompt",)),
        "output_text": Field('"response"', keys=("response",)),
        "input_chars": Field('CAST(length("_asked") AS VARCHAR)', keys=("prompt",)),
        "output_chars": Field('CAST(length("response") AS VARCHAR)', keys=("response",)),
        "prompt_hash": Field('md5("_asked")', keys=("prompt",)),
    }
    columns = dict.fromkeys(COLUMNS, "VARCHAR")
    return (Reading("requests", columns, fields, {**PREPARE, **prepare}, '"model" IS NOT NULL'),)
