"""The steps of traces from the tables: spans, and the requests that no span stands for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from llmscope.analyses._trace_tree import Step

Row = dict[str, Any]

# `nodes`: a row a step of every trace; a request without a span is called by its operation and model, and where only
# a duration was logged the end follows from it. {traced}: true, or that --where lets a request of the trace through;
# {drawn}: true, or which traces are looked at.
NODES = """
WITH alone AS (
    SELECT trace_id, coalesce(span_id, request_id) AS span_id, parent_span_id, operation || ' ' || model AS name,
        CASE operation WHEN 'embeddings' THEN 'embedding' WHEN 'rerank' THEN 'reranker' ELSE 'llm' END AS kind,
        service, CASE WHEN error_class = 'cancelled' THEN 'cancelled' ELSE status END AS status,
        started_at, coalesce(ended_at, started_at + latency_ms * INTERVAL 1 MILLISECOND) AS ended_at,
        latency_ms AS duration_ms, span_id IS NULL AND parent_span_id IS NULL AS call
    FROM requests AS r
    WHERE trace_id IS NOT NULL AND {drawn}
        AND NOT EXISTS (SELECT 1 FROM spans AS s WHERE s.request_id = r.request_id)
        AND NOT EXISTS (SELECT 1 FROM spans AS s WHERE s.trace_id = r.trace_id AND s.span_id = r.span_id)
),
nodes AS (
    SELECT trace_id, span_id, parent_span_id, coalesce(name, '(unnamed)') AS name, kind, service, status,
        started_at, coalesce(ended_at, started_at + duration_ms * INTERVAL 1 MILLISECOND) AS ended_at, duration_ms,
        false AS call
    FROM spans
    WHERE trace_id IS NOT NULL AND {traced} AND {drawn}
    UNION ALL
    SELECT trace_id, span_id, parent_span_id, name, kind, service, status, started_at, ended_at, duration_ms, call
    FROM alone
)"""
TRACED = "trace_id IN (SELECT trace_id FROM requests)"


def end_of(row: Row, duration: str) -> datetime | None:
    """The logged end, else what the logged duration makes of the start."""
    end: datetime | None = row["ended_at"]
    start: datetime | None = row["started_at"]
    took = row[duration]
    if end is not None or start is None or took is None:
        return end
    return start + timedelta(milliseconds=took)


def kind_of(operation: str) -> str:
    """The kind of span that a request is; as in NODES."""
    return {"embeddings": "embedding", "rerank": "reranker"}.get(operation, "llm")


def steps_of(spans: Sequence[Row], requests: Sequence[Row]) -> list[Step]:
    """One trace's steps: each span with the request it stands for, and the requests that have none."""
    by_id = {row["request_id"]: row for row in requests}
    of_span: dict[str, list[Row]] = defaultdict(list)
    for row in requests:
        if row["span_id"] is not None:
            of_span[row["span_id"]].append(row)
    taken: set[str] = set()
    found = []
    for span in spans:
        call = by_id.get(span["request_id"]) or only(of_span.get(span["span_id"], ()))
        if call is not None and call["request_id"] in taken:
            call = None
        if call is not None:
            taken.add(call["request_id"])
        found.append(span_step(span, call))
    keys = {step.key for step in found}
    rest = [row for row in requests if row["request_id"] not in taken]
    shared = Counter(row["span_id"] for row in rest)
    for row in rest:
        found.append(call_step(row, keys, alone=row["span_id"] is None or shared[row["span_id"]] == 1))
    return found


def only(rows: Sequence[Row]) -> Row | None:
    """The one row there is; several attempts in one span are steps below it."""
    return rows[0] if len(rows) == 1 else None


# What a step takes over from its request.
FROM_CALL = (
    "request_id", "model", "attempt", "ttft_ms", "input_tokens", "output_tokens", "cost_usd", "error_class",
    "price_status", "input_text", "output_text",
)  # fmt: skip


def span_step(span: Row, call: Row | None) -> Step:
    """A span; what only its request knows (model, tokens, cost) is its own."""
    known = {name: call.get(name) for name in FROM_CALL} if call else {}
    failed = call is not None and span["status"] in ("unknown", None)
    row = {
        **known,
        "name": span["name"] or "(unnamed)",
        "kind": span["kind"],
        "status": call["status"] if failed and call else span["status"],
        "service": span["service"] or (call["service"] if call else None),
        "span_id": span["span_id"],
        "parent_span_id": span["parent_span_id"],
        "error_class": known.get("error_class") or span["error_type"],
        "request_id": known.get("request_id") or span["request_id"],
    }
    order = (call or {}).get("attempt") or 0
    return Step(span["span_id"], span["parent_span_id"], span["started_at"], end_of(span, "duration_ms"), row,
                order=order)  # fmt: skip


def call_step(call: Row, keys: set[str], alone: bool) -> Step:
    """A request without a span of its own: in its place where it has a span id, flat where it says nothing."""
    own, parent = call["span_id"], call["parent_span_id"]
    if own is not None and own in keys:  # one of several attempts that one span stands for
        key, parent = call["request_id"], own
    else:
        key = own if own is not None and alone else call["request_id"]
    row = {
        **{name: call.get(name) for name in FROM_CALL},
        "name": f"{call['operation']} {call['model']}",
        "kind": kind_of(call["operation"]),
        "status": call["status"],
        "service": call["service"],
        "span_id": own,
        "parent_span_id": call["parent_span_id"],
        "error_class": call["error_class"] or call["error_type"],
    }
    flat = own is None and parent is None
    return Step(key, parent, call["started_at"], end_of(call, "latency_ms"), row, flat, order=call["attempt"] or 0)


def grouped(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    """The rows by one column, in the order in which they come."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return dict(found)
