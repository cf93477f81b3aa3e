"""OTLP traces in JSON, as the OpenTelemetry Collector's file exporter writes them: a batch of spans a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscope.sources import Reading, Sample, Unfolding, literal, quote, require
from llmscope.sources._otel import EVALUATION, FIRST_PIECE, span_readings, unfolded_sql
from llmscope.sources._otel_values import Batches, id_sql, kept_sql, labelled, labels_sql, named, one_of, text_of

ABOUT = "OpenTelemetry spans in OTLP JSON: GenAI conventions, OpenLLMetry, OpenInference, Vercel AI and Langfuse SDKs"
RANK = 10
NEEDS = ("resourceSpans", "resource_spans")
# A wrapper ends after the calls that it wraps, so it may stand on a later line than they.
WHOLE = True

SCOPES = ("scopeSpans", "instrumentationLibrarySpans")
# Names that stand on a span only beside one of a few: so most need not be looked for.
GATED = {"_sdk": ("ai.",), "_llm": ("llm.", "embedding.", "reranker."), "_langfuse": ("langfuse.observation.",)}
GATES = {
    "_sdk": ("ai.operationId", "ai.model.id", "ai.telemetry.functionId"),
    "_llm": ("openinference.span.kind", "llm.request.type", "llm.model_name", "llm.request.model", "llm.vendor"),
    "_langfuse": ("langfuse.observation.type", "langfuse.observation.model.name", "langfuse.observation.usage_details"),
}


def detect(sample: Sample) -> bool:
    """Most records are batches of spans."""
    return 2 * sum(is_batch(record) for record in sample.records) >= max(len(sample.records), 1)


def is_batch(record: Mapping[str, Any]) -> bool:
    return any(isinstance(record.get(top), list) for top in NEEDS)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Requests, spans, traces and scores."""
    require(sample, "an OTLP file of traces", "|".join(NEEDS))
    return span_readings("ns")


def unfolding(sample: Sample) -> Unfolding:
    """A row a span, seen beside its parents."""
    batches = Batches.of(sample, NEEDS, SCOPES, "spans")
    spans = Spans(batches)
    return Unfolding(
        {batches.top: batches.type(spans.type())}, unfolded_sql(batches.found(spans.columns()), pick, gates())
    )


def pick(name: str) -> str:
    """The text of a span's attribute. Names are found by their hashes, and only where their kind of names is found."""
    found = f"v[{place(name)}]"
    gate = next((gate for gate, starts in GATED.items() if name.startswith(starts)), None)
    return f"CASE WHEN {quote(gate)} THEN {found} END" if gate else found


def place(name: str) -> str:
    return f"list_position(h, hash({literal(name)}))"


def gates() -> dict[str, str]:
    """Whether a span uses a family of names at all."""
    return {gate: f"coalesce({', '.join(map(place, names))}) IS NOT NULL" for gate, names in GATES.items()}


class Spans:
    """A span's own columns, by the names that its file has for the protocol's fields."""

    def __init__(self, batches: Batches) -> None:
        self.snake, self.pairs = batches.snake, batches.pairs

    def name(self, field: str) -> str:
        return named(field, self.snake)

    def type(self) -> str:
        """The members of a span that are read."""
        texts = ("traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano")
        event = f"STRUCT({self.name('timeUnixNano')} VARCHAR, name VARCHAR, attributes {self.pairs})[]"
        span = ", ".join(f"{self.name(text)} VARCHAR" for text in texts)
        return f"{span}, attributes {self.pairs}, events {event}, status STRUCT(code VARCHAR, message VARCHAR)"

    def columns(self) -> dict[str, str]:
        """SQL over the span `s`."""
        name, snake = self.name, self.snake
        thrown = "list_filter(s.events, lambda e: e.name = 'exception')[-1].attributes"
        kept = kept_sql("s.attributes", snake)
        return {
            "trace_id": id_sql(f"s.{name('traceId')}", 32),
            "span_id": id_sql(f"s.{name('spanId')}", 16),
            "parent_span_id": id_sql(f"s.{name('parentSpanId')}", 16),
            "name": "s.name",
            "started_at": f"s.{name('startTimeUnixNano')}",
            "ended_at": f"nullif(s.{name('endTimeUnixNano')}, '0')",
            "code": "s.status.code",
            "message": "nullif(s.status.message, '')",
            "exception_type": self.of_events(one_of(thrown, "exception.type", snake)),
            "exception_message": self.of_events(one_of(thrown, "exception.message", snake)),
            "chunk_ms": self.of_events(self.first_piece()),
            "scores": self.of_events(self.evaluations()),
            "h": "[hash(a.key) FOR a IN s.attributes]",
            "v": f"[{text_of('a.value', snake)} FOR a IN s.attributes]",
            "attributes": kept,
            # Rare, and looked for where it is cheap: in the text of what is kept anyway.
            "labels": f"CASE WHEN {labelled(kept)} THEN {labels_sql('s.attributes', snake)} END",
        }

    def of_events(self, sql: str) -> str:
        """What events say, of the few spans that have any."""
        return f"CASE WHEN len(s.events) > 0 THEN {sql} END"

    def first_piece(self) -> str:
        """Milliseconds from the start to the first piece of the answer."""
        names = ", ".join(literal(name) for name in FIRST_PIECE)
        at = f"list_min([try_cast(e.{self.name('timeUnixNano')} AS BIGINT) FOR e IN s.events IF e.name IN ({names})])"
        after = f"({at} - try_cast(s.{self.name('startTimeUnixNano')} AS BIGINT))"
        return f"CASE WHEN {after} >= 0 THEN ({after} / 1000000.0)::VARCHAR END"

    def evaluations(self) -> str:
        """The scores that a span's events hold, as JSON."""
        value = text_of("list_filter(e.attributes, lambda a: a.key = {key})[1].value", self.snake)
        members = [f"{name} := {value.format(key=literal(key))}" for name, key in EVALUATION.items()]
        members.append(f"at := e.{self.name('timeUnixNano')}")
        of = "[e FOR e IN s.events IF e.name = 'gen_ai.evaluation.result']"
        return f"CASE WHEN len({of}) > 0 THEN to_json([struct_pack({', '.join(members)}) FOR e IN {of}]) END"
