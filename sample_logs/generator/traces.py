"""Runs of the agent, and the spans of the traces that were recorded: what happened around the calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from generator.asks import Ask, hex_id
from generator.calls import Row, attempts

Span = dict[str, Any]
TRACED_RUNS = 0.32
TRACED_SEARCHES = 0.009
TOOLS = (("tool.crm_lookup", 320), ("tool.calendar", 180), ("tool.ledger_query", 900), ("tool.send_draft", 240))


def run(steps: list[Ask], rng: Random) -> tuple[list[Row], list[Span]]:
    """Plays one run step after step; a step that fails for good ends it."""
    root = hex_id(rng, 16) if rng.random() < TRACED_RUNS else None
    rows: list[Row] = []
    spans: list[Span] = []
    at = steps[0].at + timedelta(milliseconds=rng.randrange(2, 9))
    for number, step in enumerate(steps):
        ask = replace(step, at=at, span_id=root and hex_id(rng, 16), parent_span_id=root)
        tried = attempts(ask, rng)
        rows += tried
        at = tried[-1]["ended_at"]
        if tried[-1]["status"] != "ok":
            break
        around = _around(ask, number, root or "", at, rng)
        at = around[-1]["ended_at"] + timedelta(milliseconds=rng.randrange(1, 6)) if around else at
        spans += around
    if root is None:
        return rows, []
    whole = _span(steps[0], "agent.run", "agent", steps[0].at, at, root, None, rng)
    whole["status"] = rows[-1]["status"]
    whole["attributes"] = {"steps": len({r["parent_span_id"] and r["span_id"] for r in rows})}
    return rows, [whole, *(_model_span(row) for row in rows), *spans]


def _around(ask: Ask, number: int, parent: str, at: datetime, rng: Random) -> list[Span]:
    """What follows a step: the retriever after the plan, a tool or two after an act, the guardrail at the end."""
    at += timedelta(milliseconds=rng.randrange(1, 8))
    if number == 0:
        end = at + timedelta(milliseconds=round(85 * rng.lognormvariate(0, 0.4)))
        return [
            _span(ask, "retriever.playbooks", "retriever", at, end, None, parent, rng, documents=rng.randrange(3, 9))
        ]
    if not ask.calls_tool:
        end = at + timedelta(milliseconds=round(35 * rng.lognormvariate(0, 0.3)))
        return [_span(ask, "guardrail.output", "guardrail", at, end, None, parent, rng)]
    spans = []
    for name, median_ms in rng.sample(TOOLS, 1 if rng.random() < 0.8 else 2):
        end = at + timedelta(milliseconds=round(median_ms * rng.lognormvariate(0, 0.6)))
        spans.append(_span(ask, name, "tool", at, end, None, parent, rng))
        if rng.random() < 0.02:
            message = f"{name} did not answer in time"
            spans[-1] |= {"status": "error", "error_type": "ToolTimeout", "error_message": message}
        at = end + timedelta(milliseconds=rng.randrange(1, 4))
    return spans


def search_spans(ask: Ask, rows: list[Row], rng: Random) -> list[Span]:
    """The spans of one recorded search: hybrid retrieval and reranking before the model."""
    root = ask.parent_span_id
    start = ask.at - timedelta(milliseconds=round(190 * rng.lognormvariate(0, 0.3)) + 12)
    middle = start + (ask.at - start) * 0.65
    found = _span(
        ask, "search.hybrid", "retriever", start + timedelta(milliseconds=2), middle, None, root, rng, documents=40
    )
    ranked = _span(
        ask, "search.rerank", "reranker", middle, ask.at - timedelta(milliseconds=3), None, root, rng, documents=8
    )
    whole = _span(
        ask, "search.answer", "chain", start, rows[-1]["ended_at"] + timedelta(milliseconds=4), root, None, rng
    )
    whole["status"] = rows[-1]["status"]
    return [whole, found, ranked, *(_model_span(row) for row in rows)]


def _span(
    ask: Ask,
    name: str,
    kind: str,
    start: datetime,
    end: datetime,
    span_id: str | None,
    parent: str | None,
    rng: Random,
    **attributes: object,
) -> Span:
    start, end = (t.replace(microsecond=t.microsecond // 1000 * 1000) for t in (start, end))
    return {
        "trace_id": ask.trace_id,
        "span_id": span_id or hex_id(rng, 16),
        "parent_span_id": parent,
        "name": name,
        "kind": kind,
        "service": ask.template.service,
        "started_at": start,
        "ended_at": end,
        "duration_ms": round((end - start) / timedelta(milliseconds=1)),
        "status": "ok",
        "attributes": attributes or None,
    }


def _model_span(row: Row) -> Span:
    """The span that stands for a request."""
    same = ("trace_id", "span_id", "parent_span_id", "service", "started_at", "ended_at", "status", "error_type")
    span: Span = {key: row.get(key) for key in (*same, "error_message", "request_id")}
    return span | {"name": f"chat {row['request_model']}", "kind": "llm", "duration_ms": row["latency_ms"]}
