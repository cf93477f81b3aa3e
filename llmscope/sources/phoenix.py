"""Arize Phoenix: spans from its REST interface, or as the data frame that its client gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, Unfolding, quote, require
from llmscope.sources._bodies import answered, outcome, text_fields
from llmscope.sources._phoenix import columns_of, unfolding_sql
from llmscope.sources._reasons import status_sql
from llmscope.sources._usage import usage_fields

ABOUT = "Arize Phoenix spans: REST JSON, JSON lines, or the client's data frame"
RANK = 30
NEEDS = ("span_kind",)
# A span may stand far from the spans below it, which tell whether it is a call of its own.
WHOLE = True

SAID = ("w_said_name", "w_said_score", "w_said_label", "w_said_explanation", "w_said_by")
TEXTS = (
    *SAID,
    "trace_id", "span_id", "parent_span_id", "is_leaf", "tells", "name", "kind", "started", "ended", "state",
    "operation", "cost", "thrown_type", "error_message", "first_token", "tags", "metadata", "trace_tags",
    "trace_metadata", "session_id", "user_id", "feature", "environment", "release", "w_provider", "w_response_id",
    "w_request_model", "w_response_model", "w_finish_reason", "w_max_tokens", "w_temperature", "w_stream",
    "w_template", "w_template_version", "w_service_tier", "w_error_type", "w_http_status", "q_model", "q_max",
    "q_temperature", "q_stream", "q_user", "r_id", "r_model", "r_finish", "input_text", "output_text",
)  # fmt: skip
READ: Mapping[str, str] = dict.fromkeys(TEXTS, "VARCHAR") | {"usage": "JSON"}
KINDS = ("LLM", "EMBEDDING", "TOOL", "RETRIEVER", "RERANKER", "AGENT", "CHAIN", "GUARDRAIL", "EVALUATOR", "PROMPT")


def detect(sample: Sample) -> bool:
    """Most records are spans."""
    return 2 * sum(_is_span(record) for record in sample.records) >= len(sample.records) > 0


def _is_span(record: Mapping[str, Any]) -> bool:
    if "span_kind" not in record or "status_code" not in record:
        return False
    context = record.get("context")
    if not isinstance(context, Mapping):
        return "context.span_id" in record and "context.trace_id" in record
    # OpenTelemetry's own printing of a span has ids that begin so.
    return "span_id" in context and not str(context.get("trace_id", "0x")).startswith("0x")


def unfolding(sample: Sample) -> Unfolding:
    """The spans beside each other, each with what its trace says."""
    return Unfolding(columns_of(sample), unfolding_sql(sample))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Model calls, spans, what was written on a span of its quality, and what is said of a whole trace."""
    require(sample, "a Phoenix span", "context|context.span_id", "span_kind|attributes.openinference.span.kind")
    return _requests(), _spans(), _scores(), _traces()


def _field(column: str, unit: str | None = None) -> Field:
    return Field(quote(column), unit, (column,))


def _first(*columns: str) -> Field:
    return Field(f"coalesce({', '.join(columns)})", keys=columns)


# A span that never ended is neither well nor ill.
STATUS = f"CASE WHEN ended IS NOT NULL OR upper(state) = 'ERROR' THEN {status_sql('state')} END"
OUTCOME = outcome(STATUS, "coalesce(w_error_type, thrown_type)", "error_message", "w_http_status",
                  "state", "w_error_type", "thrown_type", "error_message", "w_http_status")  # fmt: skip
REQUEST_ID = "nullif(concat_ws('-', nullif(trace_id, ''), span_id), '')"


def _requests() -> Reading:
    """The spans that are calls of a model and that no other call repeats."""
    prepare, fields = usage_fields('"usage"')
    # Also said where there is none.
    fields["usage_semantics"] = Field(fields["usage_semantics"].sql)
    told = ("w_response_model", "r_model", "w_request_model", "q_model", "w_provider", "w_finish_reason", "r_finish")
    model, finish = (
        "coalesce(w_response_model, r_model, w_request_model, q_model)",
        "coalesce(w_finish_reason, r_finish)",
    )
    for more, made in (answered(model, "w_provider", finish, *told), OUTCOME):
        prepare |= more
        fields |= made
    tier = fields["service_tier"]
    names = (
        "operation",
        "feature",
        "environment",
        "release",
        "session_id",
        "tags",
        "metadata",
        "parent_span_id",
        "trace_id",
        "span_id",
    )
    fields |= {name: _field(name) for name in names}
    fields |= {
        "request_id": Field(REQUEST_ID, keys=("span_id",)),
        "response_id": _first("w_response_id", "r_id"),
        "user_id": _first("user_id", "q_user"),
        "request_model": _first("w_request_model", "q_model", "w_response_model"),
        "response_model": _first("w_response_model", "r_model"),
        "started_at": _field("started"),
        "ended_at": _field("ended"),
        "ttft_ms": _field("first_token", "us"),
        "stream": Field("CASE WHEN first_token IS NOT NULL THEN 'true' ELSE coalesce(w_stream, q_stream) END",
                        keys=("first_token", "w_stream", "q_stream")),
        "max_tokens": _first("w_max_tokens", "q_max"),
        "temperature": _first("w_temperature", "q_temperature"),
        "template": _field("w_template"),
        "template_version": _field("w_template_version"),
        "service_tier": Field(f"coalesce(lower(w_service_tier), {tier.sql})", keys=("w_service_tier", "usage")),
        "cost_logged_usd": _field("cost"),
    } | text_fields()  # fmt: skip
    aside = "no call to a model, or a wrapper of one"
    return Reading("requests", READ, fields, prepare, "is_leaf = 'true'", aside=aside)


def _spans() -> Reading:
    """Every span."""
    kinds = " ".join(f"WHEN '{kind}' THEN '{kind.lower()}'" for kind in KINDS)
    prepare, fields = OUTCOME
    fields = {name: field for name, field in fields.items() if name in ("status", "error_type", "error_message")}
    fields |= {name: _field(name) for name in ("trace_id", "span_id", "parent_span_id", "name")}
    fields |= {
        "kind": Field(f"CASE kind {kinds} ELSE 'other' END"),
        "started_at": _field("started"),
        "ended_at": _field("ended"),
        "request_id": Field(f"CASE WHEN is_leaf = 'true' THEN {REQUEST_ID} END", keys=("is_leaf",)),
    }
    return Reading("spans", READ, fields, prepare)


def _scores() -> Reading:
    """A span may carry one judgement of itself among its attributes."""
    raters = "WHEN 'HUMAN' THEN 'human' WHEN 'CODE' THEN 'code' ELSE 'judge'"
    fields = {
        "score_id": Field(f"{REQUEST_ID} || ':' || coalesce(w_said_name, '')", keys=("span_id",)),
        "trace_id": _field("trace_id"),
        "span_id": _field("span_id"),
        "name": _field("w_said_name"),
        "value": _field("w_said_score"),
        "label": _field("w_said_label"),
        "explanation": _field("w_said_explanation"),
        "rater_kind": Field(f"CASE upper(w_said_by) {raters} END"),
        "created_at": _field("ended"),
    }
    return Reading("scores", READ, fields, keep="coalesce(w_said_score, w_said_label) IS NOT NULL")


def _traces() -> Reading:
    """What its spans say of a whole trace."""
    names = ("trace_id", "session_id", "user_id", "feature", "environment", "release")
    fields = {name: _field(name) for name in names}
    fields |= {"tags": _field("trace_tags"), "metadata": _field("trace_metadata"), "started_at": _field("started")}
    return Reading("traces", READ, fields, keep="tells = 'true' AND trace_id <> ''")
