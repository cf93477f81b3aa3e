"""What Langfuse keeps beside the observations: traces as a whole, and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, quote
from llmscope.sources._langfuse_rows import NOT_OWN, utc_sql

TRACE_KEYS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "timestamp": ("timestamp",),
    "name": ("name",),
    "userId": ("userId", "user_id"),
    "sessionId": ("sessionId", "session_id"),
    "release": ("release",),
    "environment": ("environment",),
    "tags": ("tags",),
    "metadata": ("metadata",),
}
SCORE_KEYS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "traceId": ("traceId", "trace_id"),
    "observationId": ("observationId", "observation_id"),
    "sessionId": ("sessionId", "session_id"),
    "name": ("name",),
    "value": ("value",),
    "stringValue": ("stringValue", "string_value"),
    "longStringValue": ("longStringValue", "long_string_value"),
    "dataType": ("dataType", "data_type"),
    "source": ("source",),
    "comment": ("comment",),
    "authorUserId": ("authorUserId", "author_user_id"),
    "timestamp": ("timestamp",),
}
SCORED_BY = ("API", "EVAL", "ANNOTATION")
# A trace always has these, whatever else an export leaves out.
TRACE_ONLY = ("public", "bookmarked", "htmlPath", "release")


def is_trace(record: Mapping[str, Any]) -> bool:
    """A trace as a whole: it has users and sessions, and neither a model nor a parent."""
    whose = ("userId" in record and "sessionId" in record) or ("user_id" in record and "session_id" in record)
    if not whose or "id" not in record or "timestamp" not in record or "name" not in record:
        return False
    return any(key in record for key in TRACE_ONLY) and not any(
        key in record for key in ("type", "model", "traceId", "trace_id", "source", "messages")
    )


def is_score(record: Mapping[str, Any]) -> bool:
    """A name, a value, its type, and who gave it."""
    what = any(key in record for key in ("traceId", "trace_id", "sessionId", "session_id"))
    typed = "dataType" in record or "data_type" in record
    valued = "value" in record or "stringValue" in record or "string_value" in record
    return what and typed and valued and "name" in record and record.get("source") in SCORED_BY


def spellings(keys: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The raw columns of these keys."""
    return {key: "VARCHAR" for spelt in keys.values() for key in spelt}


def first_of(keys: Mapping[str, tuple[str, ...]], column: str) -> str:
    """SQL of a key's text, whichever its spelling."""
    found = [quote(key) for key in keys[column]]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def own_metadata(column: str) -> str:
    """Metadata without what OpenTelemetry left there, which repeats the prompts."""
    known = f"try_cast({column} AS JSON)"
    return (
        f"CASE WHEN json_type({known}) <> 'OBJECT' THEN NULL"
        f" ELSE nullif(CAST(json_merge_patch({known}, {NOT_OWN}) AS VARCHAR), '{{}}') END"
    )


def trace_reading(keep: str = "true", prefix: str = "", mine: str = "true") -> Reading:
    """Rows of `traces`. prefix: before the names of the columns, where other rows stand between them."""
    keys = {name: tuple(prefix + key for key in spelt) for name, spelt in TRACE_KEYS.items()}

    def field(name: str) -> Field:
        return Field(first_of(keys, name), keys=keys[name])

    held = first_of(keys, "metadata")
    feature = f"json_extract_string(try_cast({held} AS JSON), '$.feature')"
    fields = {
        "trace_id": field("id"),
        "session_id": field("sessionId"),
        "user_id": field("userId"),
        "feature": Field(f"coalesce({feature}, {first_of(keys, 'name')})", keys=(*keys["name"], *keys["metadata"])),
        "environment": field("environment"),
        "release": field("release"),
        "tags": Field(f"nullif({first_of(keys, 'tags')}, '[]')", keys=keys["tags"]),
        "started_at": Field(utc_sql(first_of(keys, "timestamp")), keys=keys["timestamp"]),
        "metadata": Field(own_metadata(held), keys=keys["metadata"]),
    }
    return Reading("traces", spellings(keys), fields, keep=keep, mine=mine)


def score_reading(keep: str = "true", prefix: str = "", mine: str = "true") -> Reading:
    """Rows of `scores`. A number stands for a category only where someone said so, and for a text never."""
    keys = {name: tuple(prefix + key for key in spelt) for name, spelt in SCORE_KEYS.items()}

    def text(name: str) -> str:
        return first_of(keys, name)

    def field(name: str) -> Field:
        return Field(text(name), keys=keys[name])

    kind, value = f"upper({text('dataType')})", text("value")
    number = f"coalesce(CASE lower({value}) WHEN 'true' THEN '1' WHEN 'false' THEN '0' END, {value})"
    words = f"nullif({text('stringValue')}, '')"
    worded = f"coalesce({words}, CASE WHEN try_cast({value} AS DOUBLE) IS NULL THEN {value} END)"
    long = f"coalesce(nullif({text('longStringValue')}, ''), {worded})"
    fields = {
        "score_id": field("id"),
        "trace_id": field("traceId"),
        "span_id": field("observationId"),
        "session_id": field("sessionId"),
        "name": field("name"),
        "value": Field(
            f"CASE WHEN coalesce({kind}, 'NUMERIC') IN ('NUMERIC', 'BOOLEAN') THEN {number} END", keys=keys["value"]
        ),
        "label": Field(
            f"CASE {kind} WHEN 'CATEGORICAL' THEN {worded} WHEN 'BOOLEAN' THEN lower({words}) END",
            keys=(*keys["stringValue"], *keys["value"]),
        ),
        "data_type": Field(
            f"CASE {kind} WHEN 'NUMERIC' THEN 'numeric' WHEN 'BOOLEAN' THEN 'boolean'"
            f" WHEN 'CATEGORICAL' THEN 'categorical' WHEN 'TEXT' THEN 'text' WHEN 'CORRECTION' THEN 'text' END",
            keys=keys["dataType"],
        ),
        "rater_kind": Field(
            f"CASE upper({text('source')}) WHEN 'EVAL' THEN 'judge' WHEN 'ANNOTATION' THEN 'human' ELSE 'api' END",
            keys=keys["source"],
        ),
        "rater": field("authorUserId"),
        "explanation": Field(
            f"coalesce(nullif({text('comment')}, ''), CASE WHEN {kind} IN ('TEXT', 'CORRECTION') THEN {long} END)",
            keys=(*keys["comment"], *keys["longStringValue"], *keys["stringValue"]),
        ),
        "created_at": Field(utc_sql(text("timestamp")), keys=keys["timestamp"]),
    }
    return Reading("scores", spellings(keys), fields, keep=keep, mine=mine)
