"""What LangSmith's runs say, as requests, spans and traces; `_langsmith` makes the rows read here."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field, Reading, literal, quote
from llmscope.sources._langsmith import FOUND, PLAIN, utc_sql
from llmscope.sources._reasons import error_class_sql, finish_reason_sql, provider_sql, refusal_sql
from llmscope.sources._usage import usage_fields

KINDS: Mapping[str, str] = {
    "llm": "llm", "embedding": "embedding", "tool": "tool", "retriever": "retriever", "chain": "chain",
    "prompt": "prompt",
}  # fmt: skip
ANSWER_IDS = ("chatcmpl-", "resp_", "msg_", "gen-", "cmpl-")
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_token_details", "completion_token_details")


def run_readings() -> tuple[Reading, ...]:
    """The requests among the runs, all runs as spans, and what root runs say of their traces."""
    own = ("own", "prompt", "answer", "is_call", "is_leaf")
    columns = dict.fromkeys((*PLAIN, *FOUND, *own), "VARCHAR")
    usage, tokens = usage_fields(quote("_usage"), name="_u", raw_keys=(*COUNTS, "used", "old_used"))
    for column in ("cost_logged_usd", "queue_ms", "inference_ms"):
        tokens.pop(column)
    tier = f"coalesce({tokens.pop('service_tier').sql}, {_tier('tier')}, {_tier('asked_tier')})"
    fields = {**tokens, **named_fields(), **model_fields(), **time_fields(), **outcome_fields(), **text_fields()}
    fields["service_tier"] = Field(tier, keys=("used", "tier", "asked_tier"))
    mine = '"run_type" IS NOT NULL'
    requests = Reading(
        "requests", columns, fields, {**prepared(), **usage}, keep="\"is_leaf\" = 'true'", mine=mine,
        aside="no call to a model, or a wrapper of one",
    )  # fmt: skip
    spans = Reading("spans", columns, span_fields(), span_prepared(), keep=mine, mine=mine)
    roots = '"trace_id" IS NOT NULL AND "parent_run_id" IS NULL AND "run_type" IS NOT NULL'
    traces = Reading("traces", columns, trace_fields(), span_prepared(), keep=roots, mine=mine)
    return requests, spans, traces


def prepared() -> dict[str, str]:
    """What several fields need, computed once a row."""
    counted = " OR ".join(f"try_cast({quote(key)} AS DOUBLE) > 0" for key in COUNTS[:3])
    inner = 'try_cast("used" AS JSON)'
    given = ", ".join(
        f"{literal(name)}, {sql}"
        for name, sql in {
            "input_tokens": '"prompt_tokens"',
            "output_tokens": '"completion_tokens"',
            # Old rows of a whole trace's sum give no total; a total of zero is none.
            "total_tokens": "nullif(\"total_tokens\", '0')",
            "input_token_details": details("prompt_token_details", "input_token_details"),
            "output_token_details": details("completion_token_details", "output_token_details"),
        }.items()
    )
    end = '"_stop"'
    return {
        **span_prepared(),
        "_inner": inner,
        "_counted": f"coalesce({counted}, false)",
        # A count that is no number is left to be seen as a fault.
        "_odd": 'coalesce(try_cast("prompt_tokens" AS DOUBLE), try_cast("completion_tokens" AS DOUBLE)) IS NULL'
        ' AND coalesce("prompt_tokens", "completion_tokens") IS NOT NULL',
        "_usage": f'CASE WHEN "_counted" OR "_odd" THEN json_object({given}) ELSE'
        ' coalesce("_inner", try_cast("old_used" AS JSON)) END',
        "_begun": utc_sql('"first_token_time"'),
        "_ttft": "CASE WHEN \"first_token_time\" IS NOT NULL THEN date_diff('microsecond',"
        ' try_cast("_start" AS TIMESTAMPTZ), try_cast("_begun" AS TIMESTAMPTZ)) END',
        "_took": "CASE WHEN \"first_token_time\" IS NOT NULL THEN date_diff('microsecond',"
        f' try_cast("_start" AS TIMESTAMPTZ), try_cast({end} AS TIMESTAMPTZ)) END',
        "_streamed": '"_ttft" >= 0 AND ("_took" IS NULL OR "_ttft" < "_took")',
        "_model": 'coalesce("model", "asked_model", "answer_model")',
        "_http": "nullif(regexp_extract(\"error\", 'rror code: ([1-5][0-9][0-9])', 1), '')",
        "_message": "nullif(trim(split_part(\"error\", 'Traceback (most recent call last)', 1)), '')",
        "_wrong": 'coalesce("_message", "error")',
    }


def span_prepared() -> dict[str, str]:
    """The times, and what went wrong: a class of Python's before its words in brackets."""
    return {
        "_start": utc_sql('"start_time"'),
        "_stop": utc_sql('"end_time"'),
        "_kind": "nullif(regexp_extract(\"error\", '^([A-Za-z_][A-Za-z0-9_.]*)\\(', 1), '')",
        "_cancelled": "split_part(\"_kind\", '.', -1) IN ('CancelledError', 'KeyboardInterrupt')"
        " OR lower(\"error\") IN ('cancelled', 'canceled', 'aborted', 'aborterror')",
    }


def details(column: str, inner: str) -> str:
    """The parts of a count: of the run, else of the message that it gave."""
    own = f"try_cast({quote(column)} AS JSON)"
    # LangSmith calls reasoning so in both, so only the place differs.
    return f"CASE WHEN len(json_keys({own})) > 0 THEN {own} ELSE json_extract(\"_inner\", '$.{inner}') END"


def status() -> str:
    """A run that is pending has no status yet."""
    return (
        "CASE WHEN \"_cancelled\" THEN 'cancelled' WHEN \"status\" = 'error' OR nullif(\"error\", '') IS NOT NULL"
        " THEN 'error' WHEN \"status\" = 'success' THEN 'ok' WHEN \"status\" IN ('interrupted', 'cancelled')"
        " THEN 'cancelled' END"
    )


def project() -> str:
    """The metadata, with the tracing project beside: what LangSmith calls a session is no conversation."""
    name = 'coalesce("session_name", "session_id")'
    given = f"json_object('project', {name})"
    return (
        f'CASE WHEN {name} IS NULL THEN "own" WHEN "own" IS NULL THEN CAST({given} AS VARCHAR)'
        f' ELSE CAST(json_merge_patch({given}, try_cast("own" AS JSON)) AS VARCHAR) END'
    )


def named_fields() -> dict[str, Field]:
    """Ids, who asked and what for."""
    known = " OR ".join(f'starts_with("answer_id", {literal(start)})' for start in ANSWER_IDS)
    return {
        "request_id": Field('lower("id")', keys=("id",)),
        "response_id": Field(f'CASE WHEN {known} THEN "answer_id" END', keys=("answer_id",)),
        "trace_id": Field('lower("trace_id")', keys=("trace_id",)),
        "span_id": Field('lower("id")', keys=("id",)),
        "parent_span_id": Field('lower("parent_run_id")', keys=("parent_run_id",)),
        "session_id": Field('coalesce("thread", "thread_id")', keys=("thread", "thread_id")),
        "user_id": Field('"user"', keys=("user",)),
        "feature": Field('"feature"', keys=("feature",)),
        "template": Field('"template"', keys=("template",)),
        "template_version": Field('"template_version"', keys=("template_version",)),
        "environment": Field('"environment"', keys=("environment",)),
        "release": Field('"release"', keys=("release",)),
        "item_id": Field('"reference_example_id"', keys=("reference_example_id",)),
        "tags": Field('CASE WHEN "tags" <> \'[]\' AND NOT starts_with("tags", \'{\') THEN "tags" END', keys=("tags",)),
        "metadata": Field(project(), keys=("own", "session_id", "session_name")),
    }


def model_fields() -> dict[str, Field]:
    """Which model, whose, what was asked of it and what it cost; costs are decimals in strings."""
    both = 'CAST(try_cast("prompt_cost" AS DOUBLE) + try_cast("completion_cost" AS DOUBLE) AS VARCHAR)'
    return {
        "operation": Field("CASE \"run_type\" WHEN 'embedding' THEN 'embeddings' ELSE 'chat' END", keys=("run_type",)),
        "provider": Field(provider_sql(quote("provider"), quote("_model")), keys=("provider", *MODELS)),
        "request_model": Field('coalesce("model", "asked_model")', keys=("model", "asked_model")),
        "response_model": Field('"answer_model"', keys=("answer_model",)),
        "max_tokens": Field(_figure(1, "max", "asked_max"), keys=("max", "asked_max")),
        "temperature": Field(_figure(0, "temperature", "asked_temperature"), keys=("temperature", "asked_temperature")),
        "cost_logged_usd": Field(f'coalesce("total_cost", {both})', keys=("total_cost", "prompt_cost")),
    }


MODELS = ("model", "asked_model", "answer_model")


def _figure(least: int, *names: str) -> str:
    """A parameter that is a number: frameworks write a word, or -1, for one that was not given."""
    text = f"coalesce({', '.join(quote(name) for name in names)})"
    number = f"try_cast({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) AND {number} >= {least} THEN {text} END"


def _tier(name: str) -> str:
    word = f"lower({quote(name)})"
    return f"CASE WHEN {word} = 'standard' THEN 'default' WHEN {word} <> 'auto' THEN {word} END"


def time_fields() -> dict[str, Field]:
    return {
        "started_at": Field('"_start"', keys=("start_time",)),
        "ended_at": Field('"_stop"', keys=("end_time",)),
        "ttft_ms": Field(
            'CASE WHEN "_streamed" THEN CAST("_ttft" / 1000.0 AS VARCHAR) END', keys=("first_token_time",)
        ),
        "stream": Field(
            'coalesce(CASE WHEN "_streamed" THEN \'true\' END, CAST(try_cast("asked_stream" AS BOOLEAN) AS VARCHAR))',
            keys=("first_token_time", "asked_stream"),
        ),
    }


def outcome_fields() -> dict[str, Field]:
    failure = error_class_sql(quote("_http"), quote("_kind"), quote("_wrong"))
    return {
        "status": Field(status(), keys=("status", "error")),
        "http_status": Field('"_http"', keys=("error",)),
        "error_type": Field('"_kind"', keys=("error",)),
        "error_message": Field('"_wrong"', keys=("error",)),
        "error_class": Field(
            f"CASE WHEN \"_cancelled\" THEN 'cancelled' WHEN \"status\" = 'error' OR nullif(\"error\", '') IS NOT NULL"
            f" THEN coalesce({failure}, 'other') END",
            keys=("error", "status"),
        ),
        "finish_reason": Field(finish_reason_sql(quote("finish")), keys=("finish",)),
        "finish_reason_raw": Field('"finish"', keys=("finish",)),
        "refusal": Field(refusal_sql(quote("finish")), keys=("finish",)),
    }


def text_fields() -> dict[str, Field]:
    said = 'coalesce("said", "answer")'
    return {
        "input_text": Field('"prompt"', keys=("prompt",)),
        "output_text": Field(said, keys=("said", "answer")),
        "input_chars": Field('CAST(length("prompt") AS VARCHAR)', keys=("prompt",)),
        "output_chars": Field(f"CAST(length({said}) AS VARCHAR)", keys=("said", "answer")),
        "prompt_hash": Field('md5("prompt")', keys=("prompt",)),
    }


def span_fields() -> dict[str, Field]:
    """A run as a step of its trace."""
    kinds = " ".join(f"WHEN {literal(name)} THEN {literal(kind)}" for name, kind in KINDS.items())
    return {
        "trace_id": Field('lower("trace_id")', keys=("trace_id",)),
        "span_id": Field('lower("id")', keys=("id",)),
        "parent_span_id": Field('lower("parent_run_id")', keys=("parent_run_id",)),
        "name": Field('"name"', keys=("name",)),
        "kind": Field(f"CASE \"run_type\" {kinds} ELSE 'other' END", keys=("run_type",)),
        "status": Field(status(), keys=("status", "error")),
        "error_type": Field('"_kind"', keys=("error",)),
        "error_message": Field(
            "coalesce(nullif(trim(split_part(\"error\", 'Traceback (most recent call last)', 1)), ''), \"error\")",
            keys=("error",),
        ),
        "request_id": Field('CASE WHEN "is_leaf" = \'true\' THEN lower("id") END', keys=("is_leaf",)),
        "started_at": Field('"_start"', keys=("start_time",)),
        "ended_at": Field('"_stop"', keys=("end_time",)),
        "attributes": Field('"own"', keys=("own",)),
    }


def trace_fields() -> dict[str, Field]:
    """What the root run says for all: the money goes to its feature, else to its name."""
    named = named_fields()
    kept = ("trace_id", "session_id", "user_id", "environment", "release", "tags", "metadata")
    return {
        **{name: named[name] for name in kept},
        "feature": Field('coalesce("feature", "name")', keys=("feature", "name")),
        "started_at": Field('"_start"', keys=("start_time",)),
    }
