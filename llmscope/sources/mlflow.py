"""MLflow traces: as Trace.to_json writes them, as the command line prints them, or as search_traces' data frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, Unfolding, quote, require
from llmscope.sources._bodies import answered, outcome, text_fields
from llmscope.sources._mlflow import COLUMNS, unfolding_sql
from llmscope.sources._reasons import NOTHING, status_sql
from llmscope.sources._usage import usage_fields

ABOUT = "MLflow traces: trace JSON, mlflow traces search, search_traces' data frame"
RANK = 40
NEEDS = ("info", "execution_duration", "execution_time_ms")
# The spans of a trace stand beside each other in one value, so a file that has grown needs no second look.
WHOLE = False

FRAME_TIMES = {"request_time", "timestamp_ms"}
FRAME_SPENT = {"execution_duration", "execution_time_ms"}

KINDS: Mapping[str, str] = {
    "CHAT_MODEL": "llm", "LLM": "llm", "EMBEDDING": "embedding", "TOOL": "tool", "RETRIEVER": "retriever",
    "RERANKER": "reranker", "AGENT": "agent", "CHAIN": "chain", "WORKFLOW": "chain", "TASK": "chain",
    "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
}  # fmt: skip
RATERS: Mapping[str, str] = {
    "HUMAN": "human", "LLM_JUDGE": "judge", "AI_JUDGE": "judge", "LLM": "judge", "CODE": "code",
}  # fmt: skip

TEXTS = (
    "record", "trace_id", "span_id", "parent_span_id", "is_leaf", "name", "span_type", "started", "ended", "state",
    "operation", "model", "provider", "cost", "error_type", "error_message", "first_chunk", "q_model", "q_max",
    "q_temperature", "q_stream", "r_id", "r_model", "r_finish", "input_text", "output_text", "user_id", "session_id",
    "feature", "service", "release", "environment", "metadata", "template", "template_version", "score_id",
    "rater_kind", "rater", "explanation",
)  # fmt: skip
JSON = ("usage", "said_value")
READ: Mapping[str, str] = dict.fromkeys(TEXTS, "VARCHAR") | dict.fromkeys(JSON, "JSON")


def detect(sample: Sample) -> bool:
    """Most records are traces."""
    return 2 * sum(_is_trace(record) for record in sample.records) >= len(sample.records) > 0


def _is_trace(record: Mapping[str, Any]) -> bool:
    info, data = record.get("info"), record.get("data")
    if isinstance(info, Mapping) and isinstance(data, Mapping):
        return "spans" in data and ("trace_id" in info or "request_id" in info)
    keys = record.keys()
    return ("spans" in keys or "trace" in keys) and bool(FRAME_TIMES & keys) and bool(FRAME_SPENT & keys)


def unfolding(sample: Sample) -> Unfolding:
    """A row for each trace, each of its spans and each of its assessments."""
    return Unfolding(COLUMNS, unfolding_sql())


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Model calls, spans, assessments, and what is said of a whole trace."""
    require(sample, "an MLflow trace", "info|trace|spans", "data|trace|spans")
    return _requests(), _spans(), _scores(), _traces()


def _field(column: str, unit: str | None = None) -> Field:
    return Field(quote(column), unit, (column,))


def _same(*columns: str) -> dict[str, Field]:
    return {column: _field(column) for column in columns}


SPAN = "record = 'span'"
# A span that never ended is neither well nor ill.
STATUS = f"CASE WHEN ended IS NOT NULL OR contains(upper(state), 'ERROR') THEN {status_sql('state')} END"
OUTCOME = outcome(STATUS, "error_type", "error_message", NOTHING, "state", "error_type", "error_message")
TRACE = ("user_id", "session_id", "feature", "service", "release", "environment", "metadata")


def _requests() -> Reading:
    """The spans that are calls of a model and that no other call repeats."""
    prepare, fields = usage_fields('"usage"')
    # Also said where there is none.
    fields["usage_semantics"] = Field(fields["usage_semantics"].sql)
    told = ("r_model", "model", "q_model", "provider", "r_finish")
    for more, made in (answered("coalesce(r_model, model, q_model)", "provider", "r_finish", *told), OUTCOME):
        prepare |= more
        fields |= made
    fields |= _same("trace_id", "span_id", "parent_span_id", "operation", "template", "template_version", *TRACE)
    fields |= {
        "request_id": Field("nullif(concat_ws('-', nullif(trace_id, ''), span_id), '')", keys=("span_id",)),
        "response_id": _field("r_id"),
        "request_model": Field("coalesce(q_model, model)", keys=("q_model", "model")),
        "response_model": _field("r_model"),
        "started_at": _field("started", "ns"),
        "ended_at": _field("ended", "ns"),
        "ttft_ms": _field("first_chunk", "ns"),
        "stream": Field("CASE WHEN first_chunk IS NOT NULL THEN 'true' ELSE q_stream END",
                        keys=("first_chunk", "q_stream")),
        "max_tokens": _field("q_max"),
        "temperature": _field("q_temperature"),
        "cost_logged_usd": _field("cost"),
    } | text_fields()  # fmt: skip
    keep = f"{SPAN} AND is_leaf = 'true'"
    aside = "a trace, an assessment, no call to a model, or a wrapper of one"
    return Reading("requests", READ, fields, prepare, keep, aside=aside)


def _spans() -> Reading:
    """Every span."""
    kinds = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in KINDS.items())
    prepare, fields = OUTCOME
    fields = {name: field for name, field in fields.items() if name in ("status", "error_type", "error_message")}
    fields |= _same("trace_id", "span_id", "parent_span_id", "name", "service")
    fields |= {
        "kind": Field(f"CASE span_type {kinds} ELSE 'other' END"),
        "started_at": _field("started", "ns"),
        "ended_at": _field("ended", "ns"),
        "request_id": Field(
            "CASE WHEN is_leaf = 'true' THEN concat_ws('-', nullif(trace_id, ''), span_id) END", keys=("is_leaf",)
        ),
    }
    return Reading("spans", READ, fields, prepare, SPAN)


def _scores() -> Reading:
    """A number, a truth value or a word; an expectation is what somebody said should come."""
    raters = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in RATERS.items())
    kind, text = "json_type(said_value)", "json_extract_string(said_value, '$')"
    number = f"CASE {kind} WHEN 'BOOLEAN' THEN CASE {text} WHEN 'true' THEN '1' ELSE '0' END" \
             f" WHEN 'VARCHAR' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'OBJECT' THEN NULL ELSE {text} END"  # fmt: skip
    shapes = "WHEN 'BOOLEAN' THEN 'boolean' WHEN 'VARCHAR' THEN 'categorical' WHEN 'ARRAY' THEN 'text'"
    fields = _same("score_id", "trace_id", "span_id", "rater", "explanation")
    fields |= {
        "name": _field("name"),
        "value": Field(number, keys=("said_value",)),
        "label": Field(f"CASE WHEN {kind} IN ('VARCHAR', 'ARRAY', 'OBJECT') THEN {text} END", keys=("said_value",)),
        "data_type": Field(f"CASE {kind} {shapes} WHEN 'OBJECT' THEN 'text' ELSE 'numeric' END"),
        "rater_kind": Field(f"CASE upper(rater_kind) {raters} ELSE 'api' END"),
        "created_at": _field("started"),
    }
    keep = f"record = 'assessment' AND said_value IS NOT NULL AND {kind} <> 'NULL'"
    return Reading("scores", READ, fields, keep=keep)


def _traces() -> Reading:
    """What holds for a whole trace."""
    fields = _same("trace_id", *TRACE) | {"started_at": _field("started")}
    fields.pop("metadata")
    fields["metadata"] = _field("metadata")
    return Reading("traces", READ, fields, keep="record = 'trace' AND trace_id IS NOT NULL")
