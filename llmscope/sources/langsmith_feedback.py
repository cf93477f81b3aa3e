"""LangSmith's feedback: scores that people, programs and judges gave to runs."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, Sample, require
from llmscope.sources._langsmith import is_feedback, utc_sql

ABOUT = "LangSmith feedback on runs"
RANK = 102
NEEDS = ("feedback_source", "correction")

COLUMNS = (
    "id", "run_id", "trace_id", "key", "score", "value", "comment", "feedback_source", "created_at",
)  # fmt: skip


def detect(sample: Sample) -> bool:
    """Half of the records at least are feedback."""
    found = sum(is_feedback(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `scores` a record."""
    require(sample, "LangSmith feedback", "key", "score|value", "run_id|trace_id")
    source = (
        "json_extract_string(try_cast(\"feedback_source\" AS JSON), ['$.type', '$.user_id', '$.metadata.__run.run_id'])"
    )
    number = "CASE lower(\"score\") WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE \"score\" END"
    fields = {
        "score_id": Field('lower("id")', keys=("id",)),
        "trace_id": Field('lower("trace_id")', keys=("trace_id",)),
        "span_id": Field('lower("run_id")', keys=("run_id",)),
        "name": Field('"key"', keys=("key",)),
        "value": Field(number, keys=("score",)),
        "label": Field('"value"', keys=("value",)),
        "data_type": Field(
            "CASE WHEN lower(\"score\") IN ('true', 'false') THEN 'boolean' WHEN \"score\" IS NOT NULL THEN 'numeric'"
            " WHEN \"value\" IS NOT NULL THEN 'categorical' WHEN \"comment\" IS NOT NULL THEN 'text' END",
            keys=("score", "value", "comment"),
        ),
        # People work in the app; programs, and the people who use them, come by the API.
        "rater_kind": Field(
            "CASE lower(\"_source\"[1]) WHEN 'app' THEN 'human' WHEN 'model' THEN 'judge' WHEN 'evaluator' THEN 'judge'"
            " WHEN 'auto_eval' THEN 'judge' ELSE 'api' END",
            keys=("feedback_source",),
        ),
        "rater": Field('"_source"[2]', keys=("feedback_source",)),
        "explanation": Field('"comment"', keys=("comment",)),
        "created_at": Field(utc_sql('"created_at"'), keys=("created_at",)),
    }
    mine = '"key" IS NOT NULL AND "run_id" IS NOT NULL OR "feedback_source" IS NOT NULL'
    return (Reading("scores", dict.fromkeys(COLUMNS, "VARCHAR"), fields, {"_source": source}, mine=mine),)
