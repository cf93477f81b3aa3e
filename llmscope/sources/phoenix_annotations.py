"""Arize Phoenix annotations: of spans, traces or sessions, from its REST interface, its client or its evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, require

ABOUT = "Arize Phoenix annotations and evaluations"
RANK = 32
NEEDS = ("annotator_kind", "context.span_id")

COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR", "name": "VARCHAR", "annotation_name": "VARCHAR", "annotator_kind": "VARCHAR",
    "span_id": "VARCHAR", "context.span_id": "VARCHAR", "trace_id": "VARCHAR", "context.trace_id": "VARCHAR",
    "session_id": "VARCHAR", "result": "JSON", "result.score": "VARCHAR", "result.label": "VARCHAR",
    "result.explanation": "VARCHAR", "score": "VARCHAR", "label": "VARCHAR", "explanation": "VARCHAR",
    "user_id": "VARCHAR", "created_at": "VARCHAR",
}  # fmt: skip
TARGETS = ("span_id", "context.span_id", "trace_id", "context.trace_id", "session_id")
RESULTS = ("score", "label", "result.score", "result.label")
KINDS = {"HUMAN": "human", "LLM": "judge", "CODE": "code"}


def detect(sample: Sample) -> bool:
    """Most records are annotations, or rows of an evaluator's data frame."""
    return 2 * sum(_is_annotation(record) for record in sample.records) >= len(sample.records) > 0


def _is_annotation(record: Mapping[str, Any]) -> bool:
    says = isinstance(record.get("result"), Mapping) or any(key in record for key in RESULTS)
    if not says or "span_kind" in record:
        return False
    return "context.span_id" in record or ("annotator_kind" in record and any(key in record for key in TARGETS))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A score an annotation; one that says nothing is set aside."""
    require(sample, "a Phoenix annotation", "|".join(TARGETS), "result|" + "|".join(RESULTS))

    def said(key: str) -> str:
        inside = f"json_extract_string(result, '$.{key}')"
        return f"coalesce({inside}, nullif(\"result.{key}\", ''), nullif(\"{key}\", ''))"

    raters = " ".join(f"WHEN '{kind}' THEN '{ours}'" for kind, ours in KINDS.items())
    prepare = {f"_{key}": said(key) for key in ("score", "label", "explanation")}
    fields = {
        "score_id": Field("id", keys=("id",)),
        "span_id": Field('lower(coalesce("span_id", "context.span_id"))', keys=("span_id", "context.span_id")),
        "trace_id": Field('lower(coalesce("trace_id", "context.trace_id"))', keys=("trace_id", "context.trace_id")),
        "session_id": Field('"session_id"', keys=("session_id",)),
        "name": Field('coalesce("name", "annotation_name")', keys=("name", "annotation_name")),
        "value": Field('"_score"', keys=("result", "result.score", "score")),
        "label": Field('"_label"', keys=("result", "result.label", "label")),
        "explanation": Field('"_explanation"', keys=("result", "result.explanation", "explanation")),
        "data_type": Field(
            "CASE WHEN try_cast(_score AS DOUBLE) IS NOT NULL THEN 'numeric' WHEN _label IS NOT NULL"
            " THEN 'categorical' ELSE 'text' END", keys=("result", *RESULTS)),
        # What an evaluator's data frame holds was a model's judgement, unless it says otherwise.
        "rater_kind": Field(f"CASE upper(annotator_kind) {raters} ELSE 'judge' END"),
        "rater": Field('"user_id"', keys=("user_id",)),
        "created_at": Field('"created_at"', keys=("created_at",)),
    }  # fmt: skip
    keep = 'coalesce("_score", "_label", "_explanation") IS NOT NULL'
    return (Reading("scores", COLUMNS, fields, prepare, keep, aside="without score, label or explanation"),)
