"""The canonical record: every log becomes these columns. NULL means "not reported", 0 "reported zero"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmscope.errors import UsageError, unknown_name

Kind = Literal["text", "time", "ms", "tokens", "usd", "count", "ratio", "flag", "list", "json"]
Table = Literal["requests", "spans", "scores", "traces", "vectors"]

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "time": "TIMESTAMP",
    "ms": "DOUBLE",
    "tokens": "BIGINT",
    "usd": "DOUBLE",
    "count": "BIGINT",
    "ratio": "DOUBLE",
    "flag": "BOOLEAN",
    "list": "VARCHAR[]",
    "json": "JSON",
}


@dataclass(frozen=True)
class Column:
    """One canonical column: its kind fixes the SQL type, the unit and how renderers show it."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    sql: str = ""

    @property
    def sql_type(self) -> str:
        return self.sql or SQL_TYPES[self.kind]


def _columns(kind: Kind, text: str) -> list[Column]:
    """Parses `name: meaning` lines; a `!` after the name marks a column that is never NULL."""
    found = []
    for line in text.strip().splitlines():
        name, meaning = line.strip().split(": ", 1)
        found.append(Column(name.removesuffix("!"), kind, meaning, name.endswith("!")))
    return found


EMBEDDING = Column("embedding", "list", "vector of the prompt", sql="FLOAT[]")
REQUESTS: tuple[Column, ...] = tuple(
    _columns(
        "text",
        """
        request_id!: stable unique key of one call to a model
        response_id: the provider's id of the answer
        trace_id: groups what served one user action; retries share it
        span_id: this call's span
        parent_span_id: the span that made this call
        session_id: a user's conversation
        user_id: who asked
        feature: what the money is attributed to
        template: prompt template
        template_version: its version
        service: the program that called
        environment: production, staging, ...
        release: the program's version
        region: where it was served and priced
        language: logged language
        item_id: the evaluation item, for paired comparison
        operation!: chat, text_completion, generate_content, embeddings, rerank, image, audio, other
        provider: openai, anthropic, gcp.gemini, aws.bedrock, ...
        request_model: model asked for, as logged
        response_model: model that answered, as logged
        model!: the name used to price and group; 'unknown' when none was logged
        finish_reason: stop, length, tool_calls, content_filter, error, other
        finish_reason_raw: as logged
        status!: ok, error, cancelled, unknown
        error_class: our class of failure
        error_type: as logged
        error_message: as logged, redacted
        service_tier: default, batch, flex, priority, fast
        input_text: only with --keep-text, redacted
        output_text: only with --keep-text, redacted
        prompt_hash: a hash of the prompt, kept even when the text is not
        source_format: the source that read the row
        source_file: the file it came from
        usage_semantics!: inclusive, exclusive_fixed, guessed, estimated, missing
        timing_quality!: measured, inferred, missing
        """,
    )
    + _columns(
        "time",
        """
        started_at: issue time, UTC
        ended_at: end of the answer, UTC
        """,
    )
    + _columns(
        "ms",
        """
        latency_ms: end - start, else the source's own latency
        ttft_ms: time to first token, streamed requests only
        queue_ms: waiting before the model started
        network_ms: on the wire
        inference_ms: in the model
        postprocess_ms: after the model
        """,
    )
    + _columns(
        "tokens",
        """
        input_tokens: TOTAL prompt tokens, cache reads and writes included
        output_tokens: TOTAL completion tokens, reasoning included
        cache_read_tokens: part of input_tokens read from the provider's prompt cache
        cache_write_tokens: part of input_tokens written to it
        cache_write_5m_tokens: cache_write_tokens kept 5 minutes
        cache_write_30m_tokens: cache_write_tokens kept 30 minutes
        cache_write_1h_tokens: cache_write_tokens kept 1 hour
        cache_write_12h_tokens: cache_write_tokens kept 12 hours
        reasoning_tokens: part of output_tokens
        audio_input_tokens: part of input_tokens
        image_input_tokens: part of input_tokens
        audio_output_tokens: part of output_tokens
        image_output_tokens: part of output_tokens
        max_tokens: output limit asked for
        input_chars: length of the prompt
        output_chars: length of the answer
        """,
    )
    + _columns(
        "count",
        """
        http_status: as logged
        attempt: 1..n among the retries of one logical request
        web_searches: server tools billed per use
        source_line: the line of source_file, where the reader knows it
        """,
    )
    + _columns(
        "flag",
        """
        stream: the answer was streamed
        fallback: answered by another model than asked for after a failure
        refusal: the model declined
        cache_hit: the gateway's own response cache answered; costs nothing
        """,
    )
    + _columns(
        "ratio",
        """
        temperature: request parameter
        sample_weight: 1/probability of a sampled log
        """,
    )
    + _columns("usd", "cost_logged_usd: the source's own figure")
    + _columns(
        "list",
        """
        tags: as logged
        prefix_hashes: one id a prompt block
        """,
    )
    + _columns("json", "metadata: the source's own container")
    + [EMBEDDING]
)

PRICED: tuple[Column, ...] = (
    Column("cost_usd", "usd", "computed at the price in force at started_at; NULL when it cannot be priced"),
    Column("price_status", "text", "exact, alias, stripped, fallback_host, extrapolated, ...", True),
    Column("price_id", "text", "which price"),
)

SPANS: tuple[Column, ...] = tuple(
    _columns(
        "text",
        """
        trace_id: the trace it belongs to
        span_id!: its own id
        parent_span_id: the span above
        name: what it did
        kind!: llm, embedding, tool, retriever, reranker, agent, chain, guardrail, evaluator, prompt, other
        service: the program
        status!: ok, error, cancelled, unknown
        error_type: as logged
        error_message: as logged, redacted
        request_id: the request it stands for
        source_format: the source that read it
        source_file: where it came from
        """,
    )
    + _columns("time", "started_at: UTC\nended_at: UTC")
    + _columns("ms", "duration_ms: end - start")
    + _columns("count", "source_line: where the reader knows it")
    + _columns("json", "attributes: the source's own container")
)

SCORES: tuple[Column, ...] = tuple(
    _columns(
        "text",
        """
        score_id!: stable unique key
        trace_id: what was scored
        span_id: what was scored
        request_id: what was scored
        response_id: what was scored
        session_id: what was scored
        name!: correctness, helpfulness, ...
        label: categorical value
        data_type!: numeric, boolean, categorical, text
        rater_kind!: human, judge, code, user, api
        rater: who scored
        rater_version: which version of it
        explanation: the rater's words; only with --keep-text, redacted
        source_format: the source that read it
        source_file: where it came from
        """,
    )
    + _columns("ratio", "value: numeric value\nsample_weight: 1/probability that what was scored was chosen for it")
    + _columns("time", "created_at: UTC")
    + _columns("count", "source_line: where the reader knows it")
)

# What is said of a trace as a whole: its requests take it over where they say nothing themselves.
TRACES: tuple[Column, ...] = tuple(
    _columns(
        "text",
        """
        trace_id!: the trace
        session_id: a user's conversation
        user_id: who asked
        feature: what the money is attributed to
        service: the program
        environment: production, staging, ...
        release: the program's version
        source_format: the source that read it
        source_file: where it came from
        """,
    )
    + _columns("time", "started_at: UTC")
    + _columns("list", "tags: as logged")
    + _columns("json", "metadata: the source's own container")
)

# Embeddings that came in a file of their own. They stay here: a request would have to be written anew to take one over.
VECTORS: tuple[Column, ...] = (
    *_columns("text", "vector_id!: the id by which its file names the request\nrequest_id: the request, once loaded"),
    *_columns("text", "trace_id: of the span\nspan_id: the span that names it\nsource_format: the source that read it"),
    Column("source_file", "text", "where it came from"), EMBEDDING,
)  # fmt: skip
TABLES: dict[Table, tuple[Column, ...]] = {
    "requests": REQUESTS, "spans": SPANS, "scores": SCORES, "traces": TRACES, "vectors": VECTORS,
}  # fmt: skip
KEYS: dict[Table, str] = {
    "requests": "request_id", "spans": "span_id", "scores": "score_id", "traces": "trace_id", "vectors": "vector_id",
}  # fmt: skip
BY_NAME: dict[Table, dict[str, Column]] = {t: {c.name: c for c in cs} for t, cs in TABLES.items()}

BUCKETS: tuple[str, ...] = ("hour", "day", "week", "month")

# Words a person groups by, and the canonical column each stands for.
DIMENSION_COLUMNS: dict[str, str] = {
    "user": "user_id",
    "feature": "feature",
    "template": "template",
    "template_version": "template_version",
    "model": "model",
    "request_model": "request_model",
    "provider": "provider",
    "session": "session_id",
    "trace": "trace_id",
    "environment": "environment",
    "service": "service",
    "release": "release",
    "region": "region",
    "language": "language",
    "operation": "operation",
    "status": "status",
    "error_class": "error_class",
    "error_type": "error_type",
    "http_status": "http_status",
    "finish_reason": "finish_reason",
    "service_tier": "service_tier",
    "stream": "stream",
    "attempt": "attempt",
    "cache_hit": "cache_hit",
    "fallback": "fallback",
    "refusal": "refusal",
    "max_tokens": "max_tokens",
    "source_format": "source_format",
    "source_file": "source_file",
    "usage_semantics": "usage_semantics",
    "timing_quality": "timing_quality",
    "price_status": "price_status",
    "price_id": "price_id",
}
DIMENSIONS: tuple[str, ...] = (*DIMENSION_COLUMNS, *BUCKETS, "tag", "metadata.KEY")


@dataclass(frozen=True)
class Dimension:
    """One thing to group by: `word` is what was asked for and the name of the result's column."""

    word: str
    sql: str
    kind: Kind
    value: str | None = None
    unnests: bool = False

    @property
    def priced(self) -> bool:
        """Needs relation `priced` rather than `requests`."""
        return self.word in ("price_status", "price_id")


def bucket_sql(bucket: str, column: str = "started_at") -> str:
    """The start of the bucket `column` falls in, in the zone bound to `$tz`; text that sorts by time."""
    if bucket not in BUCKETS:
        raise unknown_name("bucket", bucket, BUCKETS)
    return f"date_trunc('{bucket}', {column})"


def dimension(word: str) -> Dimension:
    """Looks a dimension up by the word a person typed.

    Raises:
        UsageError: nothing is called that; the nearest names are in the hint.
    """
    if word.startswith("metadata.") and len(word) > len("metadata."):
        return Dimension(word, "json_extract_string(metadata, {value})", "text", word.removeprefix("metadata."))
    if word == "tag":
        return Dimension(word, "tag", "text", unnests=True)
    if word in BUCKETS:
        return Dimension(word, bucket_sql(word), "time")
    column = DIMENSION_COLUMNS.get(word)
    if column is None and word in DIMENSION_COLUMNS.values():
        column = word
    if column is None:
        raise unknown_name("dimension", word, DIMENSIONS)
    known = BY_NAME["requests"].get(column)
    return Dimension(word, column, known.kind if known else "text")


def dimensions(words: str) -> tuple[Dimension, ...]:
    """Parses a comma-separated list of dimensions, in the order asked for."""
    found = tuple(dimension(word.strip()) for word in words.split(",") if word.strip())
    if len({d.word for d in found}) < len(found):
        raise UsageError(f"a dimension is named twice in {words!r}")
    return found
