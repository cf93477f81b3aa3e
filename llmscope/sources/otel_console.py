"""OpenTelemetry spans as the Python SDK prints them: ConsoleSpanExporter's and `ReadableSpan.to_json`'s objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import FIRST, Reading, Sample, Unfolding, json_path, literal, quote, require
from llmscope.sources._genai import wanted_names
from llmscope.sources._genai_names import METADATA, TELLING, TEXTUAL
from llmscope.sources._otel import EVALUATION, FIRST_PIECE, span_readings, unfolded_sql
from llmscope.sources._otel_values import LONGEST_KEPT, told_sql

ABOUT = "OpenTelemetry spans as the Python SDK's ConsoleSpanExporter or to_json writes them"
RANK = 20
NEEDS = ("context",)
# A wrapper ends after the calls that it wraps, so it may stand on a later line than they.
WHOLE = True

COLUMNS = {
    "name": "VARCHAR", "context": "JSON", "parent_id": "VARCHAR", "start_time": "VARCHAR", "end_time": "VARCHAR",
    "status": "JSON", "attributes": "JSON", "events": "JSON", "resource": "JSON",
}  # fmt: skip
EVENTS = """'[{"name": "VARCHAR", "timestamp": "VARCHAR", "attributes": "JSON"}]'"""
PLACES = {name: place for place, name in enumerate(wanted_names(), start=1)}


def detect(sample: Sample) -> bool:
    """Most records are spans whose ids the SDK wrote with 0x."""
    return 2 * sum(is_span(record) for record in sample.records) >= max(len(sample.records), 1)


def is_span(record: Mapping[str, Any]) -> bool:
    context, status = record.get("context"), record.get("status")
    return (
        isinstance(context, Mapping)
        and str(context.get("trace_id", "")).startswith("0x")
        and "start_time" in record
        and isinstance(record.get("attributes"), Mapping | None)
        and (not isinstance(status, Mapping) or "status_code" in status)
    )


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Requests, spans, traces and scores."""
    require(sample, "a span of the OpenTelemetry SDK", "context", "start_time")
    return span_readings(None)


def unfolding(sample: Sample) -> Unfolding:
    """A row a span, seen beside its parents."""
    return Unfolding(COLUMNS, unfolded_sql(found(), pick))


def pick(name: str) -> str:
    """The text of a span's attribute, out of all that are wanted of it."""
    return f"v[{PLACES[name]}]"


def found() -> str:
    """The spans, with the texts of their attributes in one list."""
    paths = ", ".join(json_path(name) for name in PLACES)
    of_context = f"json_extract_string(context, {_paths('trace_id', 'span_id')})"
    of_status = f"json_extract_string(status, {_paths('status_code', 'description')})"
    resource = ", ".join(
        json_path("attributes", key)
        for key in ("service.name", "deployment.environment.name", "deployment.environment", "service.version")
    )
    inner = (
        f"SELECT name AS span_name, parent_id, start_time, end_time, attributes AS j, {of_context} AS c,"
        f" {of_status} AS s, json_extract_string(resource, [{resource}]) AS r,"
        f" json_extract_string(attributes, [{paths}]) AS v, {events()} AS e,"
        " map_entries(try_cast(attributes AS MAP(VARCHAR, JSON))) AS pairs FROM {values}"
    )
    columns = {
        FIRST: "true",
        "trace_id": _hex("c[1]"),
        "span_id": _hex("c[2]"),
        "parent_span_id": _hex("parent_id"),
        "name": "span_name",
        "started_at": "start_time",
        "ended_at": "end_time",
        "code": "replace(s[1], 'StatusCode.', '')",
        "message": "nullif(s[2], '')",
        "service": "r[1]",
        "environment_of": "coalesce(r[2], r[3])",
        "release_of": "r[4]",
        **{f"exception_{n}": _thrown(n) for n in ("type", "message")},
        "chunk_ms": first_piece(),
        "scores": evaluations(),
        "attributes": kept(),
        "labels": labels(),
        "v": "v",
    }
    return f"SELECT {', '.join(f'{sql} AS {quote(name)}' for name, sql in columns.items())} FROM ({inner})"


def events() -> str:
    """A span's events; NULL for the many that have none."""
    return f"CASE WHEN json_array_length(events) > 0 THEN from_json(events, {_no_format(EVENTS)}) END"


def first_piece() -> str:
    """Milliseconds from the start to the first piece of the answer."""
    names = ", ".join(literal(name) for name in FIRST_PIECE)
    at = f"list_min([try_cast(x.timestamp AS TIMESTAMPTZ) FOR x IN e IF x.name IN ({names})])"
    after = f"date_diff('microsecond', try_cast(start_time AS TIMESTAMPTZ), {at})"
    return f"CASE WHEN e IS NOT NULL AND {after} >= 0 THEN ({after} / 1000.0)::VARCHAR END"


def evaluations() -> str:
    """The scores that a span's events hold, as JSON."""
    members = [f"{n} := json_extract_string(x.attributes, {json_path(key)})" for n, key in EVALUATION.items()]
    packed = f"[struct_pack({', '.join(members)}, at := x.timestamp) FOR x IN e IF x.name = 'gen_ai.evaluation.result']"
    return f"CASE WHEN e IS NOT NULL AND len({packed}) > 0 THEN to_json({packed}) END"


def kept() -> str:
    """The attributes a span keeps: figures, and short texts whose names are not those of prompts."""
    text = "x.value::VARCHAR"
    some = f"CASE WHEN regexp_matches(x.key, {_no_format(literal(TEXTUAL))})"
    some += f" THEN regexp_matches(x.key, {_no_format(literal(TELLING))}) ELSE true END"
    figure = f"left({text}, 1) NOT IN ('\"', '[', chr(123))"
    items = (
        f"[to_json(x.key)::VARCHAR || ':' || {text} FOR x IN pairs"
        f" IF NOT {told_sql('x.key')} AND ({figure} OR (length({text}) <= {LONGEST_KEPT} AND {some}))]"
    )
    return f"chr(123) || array_to_string({items}, ',') || chr(125)"


def labels() -> str:
    """What a program says of its requests under names of its own, as a JSON object; NULL when it says nothing."""
    rests = " ".join(f"WHEN starts_with(x.key, {literal(p)}) THEN substr(x.key, {len(p) + 1})" for p in METADATA)
    some = " OR ".join(f"starts_with(x.key, {literal(prefix)})" for prefix in METADATA)
    items = f"[to_json(CASE {rests} END)::VARCHAR || ':' || x.value::VARCHAR FOR x IN pairs IF {some}]"
    return f"chr(123) || nullif(array_to_string({items}, ','), '') || chr(125)"


def _paths(*keys: str) -> str:
    return "[" + ", ".join(json_path(key) for key in keys) + "]"


def _hex(text: str) -> str:
    """An id as OTLP writes it."""
    return f"lower(nullif(regexp_replace({text}, '^0[xX]', ''), ''))"


def _thrown(what: str) -> str:
    """The last exception's type or message."""
    last = "list_filter(e, lambda x: x.name = 'exception')[-1].attributes"
    return f"CASE WHEN e IS NOT NULL THEN json_extract_string({last}, {json_path(f'exception.{what}')}) END"


def _no_format(sql: str) -> str:
    """Braces that str.format is to leave alone."""
    return sql.replace("{", "{{").replace("}", "}}")
