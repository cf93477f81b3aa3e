"""W&B Weave: calls as its interface, its client or its service gives them, and the feedback that stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Field, Reading, Sample, Unfolding, quote, require
from llmscope.sources._bodies import answered, outcome, text_fields
from llmscope.sources._reasons import NOTHING, status_sql
from llmscope.sources._usage import usage_fields
from llmscope.sources._weave import columns_of, unfolding_sql
from llmscope.sources._weave_feedback import SAYS, prepared
from llmscope.sources._weave_feedback import fields as feedback_fields

ABOUT = "W&B Weave calls: the traces export or calls/stream_query"
RANK = 110
NEEDS = ("op_name",)
# A call may stand far from the calls below it, of whose usage its own is the sum.
WHOLE = True

TEXTS = (
    "record", "span_id", "trace_id", "parent_span_id", "op", "name", "started", "ended", "is_leaf", "tells", "nth",
    "models", "kind", "state", "own_latency", "usage_model", "cost", "sdk", "exception", "thrown_type",
    "thrown_message", "metadata", "user_id", "session_id", "feature", "environment", "q_model", "q_max",
    "q_temperature", "q_stream", "r_id", "r_model", "r_finish", "input_text", "output_text", "feedback_id",
    "feedback_type", "creator", "created_at", "wb_user_id",
)  # fmt: skip
READ: Mapping[str, str] = dict.fromkeys(TEXTS, "VARCHAR") | {"usage": "JSON", "payload": "JSON"}
# Beside these, an operation is what a person's own program does.
STEPS: Mapping[str, str] = {"embeddings": "embedding", "rerank": "reranker"}


def detect(sample: Sample) -> bool:
    """Most records are calls."""
    return 2 * sum(_is_call(record) for record in sample.records) >= len(sample.records) > 0


def _is_call(record: Mapping[str, Any]) -> bool:
    return "op_name" in record and "started_at" in record and any(
        key in ("inputs", "summary") or key.startswith(("inputs.", "summary.")) for key in record
    )  # fmt: skip


def unfolding(sample: Sample) -> Unfolding:
    """The calls beside each other, and the feedback in them."""
    return Unfolding(columns_of(sample), unfolding_sql(sample))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Model calls, spans, feedback, and what is said of a whole trace."""
    require(sample, "a Weave call", "op_name", "id", "started_at")
    return _requests(sample), _spans(), _scores(), _traces()


def _field(column: str, unit: str | None = None) -> Field:
    return Field(quote(column), unit, (column,))


# `descendant_error`: a call below it failed and it went on. A call that never ended is neither well nor ill.
STATE = "CASE state WHEN 'descendant_error' THEN 'success' WHEN 'running' THEN NULL ELSE state END"
STATUS = (
    f"CASE WHEN exception IS NOT NULL THEN 'error'"
    f" ELSE coalesce({status_sql(STATE)}, CASE WHEN ended IS NOT NULL AND state IS NULL THEN 'ok' END) END"
)
LAST = "string_split(trim(exception, chr(10) || ' '), chr(10))[-1]"
KIND = f"coalesce(thrown_type, nullif(regexp_extract({LAST}, '^([A-Za-z_][A-Za-z0-9_.]*):', 1), ''))"
MESSAGE = f"coalesce(thrown_message, {LAST})"
OUTCOME = outcome(STATUS, KIND, MESSAGE, NOTHING, "state", "exception", "thrown_type", "thrown_message", "ended")
CALL = "record = 'call'"


def _requests(sample: Sample) -> Reading:
    """The calls that have usage and made none that has; and those of a model's SDK that failed or did not say."""
    prepare, fields = usage_fields('"usage"')
    # Also said where there is none.
    fields["usage_semantics"] = Field(fields["usage_semantics"].sql)
    told = ("r_model", "usage_model", "q_model", "sdk", "r_finish")
    for more, made in (answered("coalesce(r_model, usage_model, q_model)", "sdk", "r_finish", *told), OUTCOME):
        prepare |= more
        fields |= made
    names = ("trace_id", "span_id", "parent_span_id", "user_id", "session_id", "feature", "environment", "metadata")
    fields |= {name: _field(name) for name in names}
    fields |= {
        # One call, several models: a row for each.
        "request_id": Field("CASE WHEN nth = '1' THEN span_id ELSE concat_ws('-', span_id, usage_model) END",
                            keys=("span_id",)),
        "response_id": Field("CASE WHEN models = '1' THEN r_id END", keys=("r_id",)),
        "operation": _field("kind"),
        "request_model": Field("CASE WHEN models = '1' THEN coalesce(q_model, usage_model) ELSE usage_model END",
                               keys=("q_model", "usage_model")),
        "response_model": Field("coalesce(usage_model, r_model)", keys=("usage_model", "r_model")),
        "started_at": _field("started"),
        "ended_at": _field("ended"),
        "latency_ms": _field("own_latency"),
        "max_tokens": _field("q_max"),
        "temperature": _field("q_temperature"),
        "stream": _field("q_stream"),
        "cost_logged_usd": _field("cost"),
    } | text_fields()  # fmt: skip
    aside = "no call to a model, one that made others, or feedback"
    parents = {str(record.get("parent_id")) for record in sample.records}
    notes = (SUMS,) if any(_is_sum(r) for r in sample.records if str(r.get("id")) not in parents) else ()
    return Reading("requests", READ, fields, prepare, f"{CALL} AND is_leaf = 'true'", notes, aside=aside)


SUMS = "some calls' usage is the sum of several requests that are not in the file; each stands as one a model"


def _is_sum(record: Mapping[str, Any]) -> bool:
    """A call that counts several requests as its own."""
    summary = record.get("summary")
    usage = summary.get("usage") if isinstance(summary, Mapping) else None
    used = usage.values() if isinstance(usage, Mapping) else ()
    return any(isinstance(one, Mapping) and one.get("requests") not in (None, 1) for one in used)


def _spans() -> Reading:
    """Every call, once."""
    steps = " ".join(f"WHEN '{kind}' THEN '{ours}'" for kind, ours in STEPS.items())
    prepare, fields = OUTCOME
    fields = {name: field for name, field in fields.items() if name in ("status", "error_type", "error_message")}
    fields |= {name: _field(name) for name in ("trace_id", "span_id", "parent_span_id", "name")}
    fields |= {
        "kind": Field(f"CASE WHEN is_leaf = 'true' THEN CASE kind {steps} ELSE 'llm' END ELSE 'other' END"),
        "started_at": _field("started"),
        "ended_at": _field("ended"),
        "duration_ms": _field("own_latency"),
        "request_id": Field("CASE WHEN is_leaf = 'true' THEN span_id END", keys=("is_leaf",)),
    }
    return Reading("spans", READ, fields, prepare, f"{CALL} AND nth = '1'")


def _scores() -> Reading:
    """The feedback that an export with feedback has in its calls."""
    fields = {"trace_id": _field("trace_id"), "span_id": _field("span_id"), "score_id": _field("feedback_id")}
    return Reading("scores", READ, fields | feedback_fields(), prepared("payload"), f"record = 'feedback' AND {SAYS}")


def _traces() -> Reading:
    """What its calls say of a whole trace."""
    names = ("trace_id", "session_id", "user_id", "feature", "environment")
    fields = {name: _field(name) for name in names} | {"started_at": _field("started")}
    return Reading("traces", READ, fields, keep="tells = 'true' AND trace_id <> ''")
