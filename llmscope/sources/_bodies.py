"""The request and the answer that a tracer writes down beside a call, whoever the provider is. All as SQL.

Tracers keep what was asked and what came back as JSON: an SDK's keyword arguments, a provider's object. From these
come what the tracer itself does not name: parameters, the answer's id, why it ended, and the texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, literal
from llmscope.sources._pairs import TEXT
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql, refusal_sql

Made = tuple[dict[str, str], dict[str, Field]]

# Word -> where it may stand, the surest place first.
ASKED: Mapping[str, tuple[str, ...]] = {
    "q_model": ("$.model", "$.model_name", "$.modelId"),
    "q_max": (
        "$.max_completion_tokens", "$.max_tokens", "$.max_output_tokens", "$.config.max_output_tokens",
        "$.generation_config.max_output_tokens", "$.inferenceConfig.maxTokens",
    ),
    "q_temperature": (
        "$.temperature", "$.config.temperature", "$.generation_config.temperature", "$.inferenceConfig.temperature",
    ),
    "q_stream": ("$.stream",),
    "q_user": ("$.user", "$.metadata.user_id"),
}  # fmt: skip
SAID: Mapping[str, tuple[str, ...]] = {
    "r_id": ("$.id", "$.responseId", "$.response_id"),
    "r_model": ("$.model", "$.modelVersion", "$.model_version"),
    "r_finish": (
        "$.choices[0].finish_reason", "$.stop_reason", "$.candidates[0].finishReason", "$.candidates[0].finish_reason",
        "$.incomplete_details.reason", "$.stopReason",
    ),
}  # fmt: skip
# Where the answer's own count stands.
USAGE = ("$.usage", "$.usageMetadata", "$.usage_metadata")

QUESTIONS = ("$.system", "$.instructions", "$.messages[*].content", "$.contents[*].parts", "$.contents")
MORE_QUESTIONS = ("$.prompt", "$.input", "$.query")
ANSWERS = (
    "$.choices[*].message.content", "$.content[*].text", "$.candidates[*].content.parts[*].text",
    "$.output[*].content[*].text", "$.choices[*].text",
)  # fmt: skip


def words(column: str, places: Mapping[str, tuple[str, ...]]) -> tuple[str, dict[str, str]]:
    """SQL of all the texts that some words may mean, read in one go; and, `@` standing for it, SQL of each word."""
    paths = [path for tried in places.values() for path in tried]
    found: dict[str, str] = {}
    at = 1
    for word, tried in places.items():
        picked = [f"@[{i}]" for i in range(at, at + len(tried))]
        found[word] = picked[0] if len(picked) == 1 else f"coalesce({', '.join(picked)})"
        at += len(tried)
    return f"json_extract_string({column}, [{', '.join(literal(path) for path in paths)}])", found


def opened(column: str) -> str:
    """JSON out of JSON that may be a string which holds it: an object written down as text."""
    return (
        f"CASE WHEN starts_with(CAST({column} AS VARCHAR), '\"')"
        f" THEN try_cast(json_extract_string({column}, '$') AS JSON) ELSE {column} END"
    )


def outcome(status: str, kind: str, message: str, http: str, *keys: str) -> Made:
    """What became of a call or a span: its status, and of one that failed why. What is asked for often is prepared."""
    code = "regexp_extract(\"_message\", '[Ee]rror code: ([45][0-9][0-9])', 1)"
    # A message often begins with its class: RateLimitError: Error code: 429 - ...
    named = "nullif(regexp_extract(\"_message\", '^([A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception)):', 1), '')"
    prepare = {
        "_status": status,
        "_kind": f"CASE WHEN \"_status\" = 'error' THEN coalesce({kind}, {named}) END",
        "_message": f"CASE WHEN \"_status\" = 'error' THEN {message} END",
        "_http": f"CASE WHEN \"_status\" = 'error' THEN coalesce({http}, nullif({code}, '')) END",
    }
    fields = {
        "status": Field('"_status"', keys=keys),
        "error_type": Field('"_kind"', keys=keys),
        "error_message": Field('"_message"', keys=keys),
        "http_status": Field('"_http"', keys=keys),
        "error_class": Field(error_class_sql('"_http"', '"_kind"', '"_message"'), keys=keys),
    }
    return prepare, fields


def answered(model: str, provider: str, finish: str, *keys: str) -> Made:
    """Who answered, and how the answer ended."""
    prepare = {"_model": model, "_provider": provider, "_finish": finish}
    fields = {
        "provider": Field(provider_sql('"_provider"', '"_model"'), keys=keys),
        "finish_reason": Field(finish_reason_sql('"_finish"'), keys=keys),
        "finish_reason_raw": Field('"_finish"', keys=keys),
        "refusal": Field(refusal_sql('"_finish"'), keys=keys),
    }
    return prepare, fields


def text_fields() -> dict[str, Field]:
    """The texts, which load keeps only when asked to, and what it keeps of them always."""
    return {
        "input_text": Field("input_text", keys=("input_text",)),
        "output_text": Field("output_text", keys=("output_text",)),
        "input_chars": Field("CAST(length(input_text) AS VARCHAR)", keys=("input_text",)),
        "output_chars": Field("CAST(length(output_text) AS VARCHAR)", keys=("output_text",)),
        "prompt_hash": Field("md5(input_text)", keys=("input_text",)),
    }


def some(sql: str) -> str:
    """JSON that is not null: a column of a table has a null for every key that another row has."""
    return f"CASE WHEN json_type({sql}) <> 'NULL' THEN {sql} END"


def prompt_sql(asked: str) -> str:
    """The texts of a request, a line each; of what is no request we know, the whole."""
    lists = ", ".join(f"json_extract({asked}, {literal(path)})" if "*" in path
                      else f"[json_extract({asked}, {literal(path)})]" for path in QUESTIONS)  # fmt: skip
    known = f"[{TEXT} FOR c IN list_concat({lists})]"
    plain = ", ".join(f"json_extract_string({asked}, {literal(path)})" for path in MORE_QUESTIONS)
    return f"coalesce({_joined(known)}, {plain}, {_whole(asked)})"


def answer_sql(said: str) -> str:
    """The texts of an answer, a line each; of what is no answer we know, the whole."""
    lists = ", ".join(f"json_extract_string({said}, {literal(path)})" for path in ANSWERS)
    return f"coalesce({_joined(f'list_concat({lists})')}, {_whole(said)})"


def _joined(texts: str) -> str:
    return f"nullif(array_to_string({texts}, chr(10)), '')"


def _whole(json: str) -> str:
    return f"nullif(nullif(json_extract_string({json}, '$'), '{{}}'), '')"
