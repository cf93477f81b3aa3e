"""OpenTelemetry spans as rows, whatever they were written down as: the SQL that unfolds them, and its four readings.

A source gives one relation of its spans, `found`, and says how an attribute is looked up in it. Its columns are those
of `_genai.SPAN_COLUMNS`, and _first, environment_of, release_of (what the resource says), attributes (kept ones, JSON),
labels (JSON) and scores (a JSON list); a row without a span_id is no span.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import FIRST, Field, Reading, quote
from llmscope.sources._errors import listed
from llmscope.sources._genai import (
    SPAN_COLUMNS,
    Get,
    described,
    failed_sql,
    request_fields,
    request_id_sql,
    staged_slots,
)
from llmscope.sources._leaves import leaf_ctes
from llmscope.sources._usage import prepared_sql

# A call below one of these is made on the way to an answer. An agent may be a wrapper between two wrappers.
BETWEEN = ("tool", "retriever", "guardrail", "evaluator")
# Said of a trace by its root, else by all its spans with one voice.
OF_TRACES = ("user_id", "session_id", "tags", "environment", "release", "service", "metadata")
TRACE_COLUMNS = (*(f"trace_{name}" for name in OF_TRACES), "trace_feature", "trace_started_at", "trace_of")
SCORE_COLUMNS = ("score_name", "score_value", "score_label", "score_explanation", "score_response_id", "score_at",
                 "score_rater")  # fmt: skip

# The events that tell when the first piece of a streamed answer came.
FIRST_PIECE = ("First Token Stream Event", "gen_ai.content.completion.chunk", "ai.stream.firstChunk")
EVALUATION = {
    "name": "gen_ai.evaluation.name", "value": "gen_ai.evaluation.score.value",
    "label": "gen_ai.evaluation.score.label", "explanation": "gen_ai.evaluation.explanation",
    "response_id": "gen_ai.response.id",
}  # fmt: skip

UNFOLD = """
WITH RECURSIVE spans AS MATERIALIZED (SELECT {kept} FROM ({described})),
{leaves},
of_traces AS (
    SELECT trace_id AS trace_of, {facts}
    FROM (SELECT *, coalesce(parent_span_id, '') = '' AS is_root FROM spans WHERE trace_id IS NOT NULL)
    GROUP BY trace_id
)
SELECT spans.*, is_call AND wrapper.span_id IS NULL AS is_leaf, of_traces.* EXCLUDE (trace_span),
       CASE WHEN spans.span_id IS NOT NULL THEN 'span' END AS record
FROM spans
LEFT JOIN leaf_wrappers AS wrapper ON wrapper.trace_id = spans.trace_id AND wrapper.span_id = spans.span_id
LEFT JOIN of_traces ON trace_of = spans.trace_id AND trace_span = spans.span_id
UNION ALL BY NAME
SELECT false AS {first}, 'score' AS record, trace_id, span_id, {score}
FROM (SELECT trace_id, span_id, unnest(json_extract(scores, '$[*]')) AS score FROM spans WHERE scores IS NOT NULL)
"""


def unfolded_sql(found: str, get: Get, more: Mapping[str, str] | None = None) -> str:
    """A row a span, and one a score that a span carries, from the relation of spans that a source found.

    `more` is prepared too, for `get` to name.
    """
    slots = staged_slots()
    slots["environment"] = f"coalesce({quote('environment')}, environment_of)"
    slots["release"] = f"coalesce({quote('release')}, release_of)"
    slots["metadata"] = f"coalesce(CASE WHEN starts_with({quote('metadata')}, chr(123)) THEN metadata END, labels)"
    # A Langfuse observation fails by its level, and has no status.
    slots["code"] = f"CASE WHEN upper({quote('level')}) = 'ERROR' THEN '2' ELSE {quote('code')} END"
    slots["message"] = f"coalesce({quote('message')}, {quote('level_message')})"
    kept = {FIRST: quote(FIRST), **{name: quote(name) for name in (*SPAN_COLUMNS, "attributes", "scores")}, **slots}
    facts = [f"{said_by_all(name)} AS trace_{name}" for name in OF_TRACES]
    facts += [
        f"coalesce({said_by_all('feature')}, any_value(CASE WHEN is_root AND NOT is_call THEN name END))"
        " AS trace_feature",
        "any_value(CASE WHEN is_root THEN started_at END) AS trace_started_at",
        "coalesce(any_value(CASE WHEN is_root THEN span_id END), any_value(span_id)) AS trace_span",
    ]
    score = ", ".join(
        f"json_extract_string(score, '$.{name.removeprefix('score_')}') AS {name}" for name in SCORE_COLUMNS
    )
    return UNFOLD.format(
        kept=", ".join(f"{sql} AS {quote(name)}" for name, sql in kept.items()),
        described=prepared_sql(found, {**(more or {}), **described(get)}),
        leaves=leaf_ctes("spans", f"s.kind IN {listed(BETWEEN)}"),
        facts=", ".join(facts),
        first=quote(FIRST),
        score=score,
    )


def said_by_all(name: str) -> str:
    """What the root says, else what all that say anything say."""
    same = f"CASE WHEN min({name}) = max({name}) THEN min({name}) END"
    return f"coalesce(any_value(CASE WHEN is_root THEN {name} END), {same})"


def span_readings(unit: str | None, aside: str = "no call to a model, or a wrapper of one") -> tuple[Reading, ...]:
    """Requests, spans, traces and scores, over the unfolded rows; `unit` is that of their times."""
    prepare, fields = request_fields(unit)
    columns = columns_of({c for f in fields.values() for c in f.keys}) | columns_of({"counts", "total_tokens"})
    columns |= columns_of({"is_leaf", "record", "span_id", "ended_at", "code"})
    requests = Reading("requests", columns, fields, prepare, "\"is_leaf\" = 'true'", aside=aside)
    return (requests, span_reading(unit), trace_reading(unit), score_reading(unit))


def span_reading(unit: str | None) -> Reading:
    """Every span."""
    own = ("trace_id", "span_id", "parent_span_id", "name", "kind", "service", "attributes")
    fields = {name: Field(quote(name), keys=(name,)) for name in own}
    failed = quote("_failed")
    kind, message = "coalesce(error_type, exception_type)", "coalesce(message, exception_message)"
    errors = ("code", "error_type", "message", "exception_type", "exception_message")
    fields |= {
        "started_at": Field(quote("started_at"), unit, ("started_at",)),
        "ended_at": Field(quote("ended_at"), unit, ("ended_at",)),
        "status": Field(
            f"CASE WHEN {failed} THEN 'error' WHEN ended_at IS NOT NULL THEN 'ok' END", keys=("code", "ended_at")
        ),
        "error_type": Field(f"CASE WHEN {failed} THEN {kind} END", keys=errors),
        "error_message": Field(f"CASE WHEN {failed} THEN {message} END", keys=errors),
        "request_id": Field(f"CASE WHEN is_leaf = 'true' THEN {request_id_sql()} END", keys=("is_leaf",)),
    }
    columns = columns_of({c for f in fields.values() for c in f.keys} | {"record", "trace_id", "is_leaf"})
    return Reading("spans", columns, fields, {"_failed": failed_sql()}, "\"record\" = 'span'")


def trace_reading(unit: str | None) -> Reading:
    """What is said of a trace, on one row of it."""
    fields = {name: Field(quote(f"trace_{name}"), keys=(f"trace_{name}",)) for name in (*OF_TRACES, "feature")}
    fields["trace_id"] = Field(quote("trace_of"), keys=("trace_of",))
    fields["started_at"] = Field(quote("trace_started_at"), unit, ("trace_started_at",))
    return Reading("traces", columns_of(set(TRACE_COLUMNS)), fields, {}, "nullif(trace_of, '') IS NOT NULL")


def score_reading(unit: str | None) -> Reading:
    """What was said of an answer."""
    wanted = {
        "name": "score_name", "value": "score_value", "label": "score_label", "explanation": "score_explanation",
        "response_id": "score_response_id", "trace_id": "trace_id", "span_id": "span_id",
    }  # fmt: skip
    fields = {column: Field(quote(name), keys=(name,)) for column, name in wanted.items()}
    fields["created_at"] = Field(quote("score_at"), unit, ("score_at",))
    fields["rater_kind"] = Field(rater_sql(quote("score_rater")), keys=("score_rater",))
    columns = columns_of({*wanted.values(), "score_at", "score_rater", "record"})
    return Reading("scores", columns, fields, {}, "\"record\" = 'score'")


def rater_sql(kind: str) -> str:
    """Who scored: OpenInference's annotator kinds; the conventions' evaluations do not say, and are a program's."""
    return (
        f"CASE upper({kind}) WHEN 'HUMAN' THEN 'human' WHEN 'LLM' THEN 'judge' WHEN 'CODE' THEN 'code'"
        f" WHEN 'USER' THEN 'user' ELSE 'api' END"
    )


def columns_of(names: set[str]) -> dict[str, str]:
    """Staged columns, all of them read as text."""
    return dict.fromkeys(sorted(names), "VARCHAR")
