"""Writes N spans as the Collector's file exporter does, 100 a line, half of them calls to models.

A trace is a workflow of ten spans: the request, a retriever, a tool and two plain steps, and five calls, of which two
are OpenInference's. By hand: python tests/bench/make_otlp.py N FILE.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STEPS = ("request", "call", "retrieve", "call", "tool", "call", "step", "infer", "step", "infer")
SPANS_A_LINE = 100
BEGIN = 1_785_542_400_000_000_000  # 2026-08-01T00:00:00Z
MODELS = (("openai", "gpt-4o", "gpt-4o-2024-08-06"), ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"))
WORDS = "the customer asked for a refund of order 1234 and wants to know when the money will be back on the card " * 2


def value(v: Any) -> dict[str, Any]:
    """OTLP's AnyValue; whole numbers are written as strings."""
    match v:
        case bool():
            return {"boolValue": v}
        case int():
            return {"intValue": str(v)}
        case float():
            return {"doubleValue": v}
        case list():
            return {"arrayValue": {"values": [value(one) for one in v]}}
        case _:
            return {"stringValue": v}


def attributes(pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": value(v)} for k, v in pairs.items()]


def call(i: int) -> dict[str, Any]:
    """A call by the GenAI conventions: 21 attributes."""
    provider, asked, answered = MODELS[i % 2]
    tokens_in, tokens_out = 500 + i * 611953 % 4000, 50 + i * 15485863 % 600
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": asked,
        "gen_ai.response.model": answered, "gen_ai.response.id": f"chatcmpl-{i:012x}",
        "gen_ai.request.max_tokens": 1024, "gen_ai.request.temperature": 0.2, "gen_ai.is_streaming": i % 2 == 0,
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out, "gen_ai.usage.total_tokens": tokens_in + tokens_out,
        "gen_ai.usage.cache_read.input_tokens": i * 32452843 % 400, "gen_ai.usage.reasoning_tokens": i * 49979687 % 40,
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": WORDS}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Soon."}]}]),
        "gen_ai.openai.api_base": "https://api.openai.com/v1/", "openai.response.service_tier": "default",
        "server.address": "api.openai.com", "server.port": 443, "traceloop.workflow.name": "support",
    }  # fmt: skip


def infer(i: int) -> dict[str, Any]:
    """A call by OpenInference's: 18 attributes."""
    tokens_in, tokens_out = 500 + i * 611953 % 4000, 50 + i * 15485863 % 600
    return {
        "openinference.span.kind": "LLM", "llm.system": "openai", "llm.provider": "openai",
        "llm.model_name": "gpt-4o-mini", 
        "llm.invocation_parameters": json.dumps({"temperature": 0.1, "max_tokens": 99}),
        "input.value": json.dumps({"messages": [{"role": "user", "content": WORDS}]}),
        "input.mime_type": "application/json", "output.value": json.dumps({"content": "Soon."}),
        "output.mime_type": "application/json", "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": WORDS, "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Soon.", "llm.token_count.prompt": tokens_in,
        "llm.token_count.completion": tokens_out, "llm.token_count.total": tokens_in + tokens_out,
        "llm.token_count.prompt_details.cache_read": i * 32452843 % 400, "llm.finish_reason": "stop",
    }  # fmt: skip


def other(step: str, i: int) -> dict[str, Any]:
    """What is no call: 15 attributes."""
    kind = {"request": "workflow", "tool": "tool"}.get(step, "task")
    return {
        "traceloop.span.kind": kind, "traceloop.workflow.name": "support", "traceloop.entity.name": step,
        "traceloop.entity.input": json.dumps({"q": WORDS}), "traceloop.entity.output": json.dumps({"a": WORDS}),
        "user.id": f"user-{i // 10 % 5000}", "session.id": f"session-{i // 80}", "thread.id": i % 64,
        "thread.name": "worker", "code.function.name": f"run_{step}", "code.file.path": "/app/support/flow.py",
        "code.line.number": 100 + i % 50, "http.request.method": "POST", "url.path": "/v1/support",
        "http.response.status_code": 200,
    }  # fmt: skip


def span(i: int) -> dict[str, Any]:
    step, at = STEPS[i % 10], BEGIN + i * 700_000_000
    made: dict[str, Any] = {
        "traceId": f"{i // 10 * 2654435761 % 2**128:032x}",
        "spanId": f"{i + 1:016x}",
        "parentSpanId": "" if i % 10 == 0 else f"{i - i % 10 + 1:016x}",
        "flags": 256,
        "name": {"call": "openai.chat", "infer": "ChatCompletion"}.get(step, step),
        "kind": 3 if step == "call" else 1,
        "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + (200 + i * 7919 % 4000) * 1_000_000 + 123_456),
        "attributes": attributes(call(i) if step == "call" else infer(i) if step == "infer" else other(step, i)),
        "status": {"code": 1} if step in ("call", "infer") else {},
    }
    if step == "infer":
        made["events"] = [{"timeUnixNano": str(at + 150_000_000), "name": "First Token Stream Event"}]
    return made


def lines(rows: int) -> Iterator[str]:
    service = {"service.name": "support", "service.version": "1.4.2", "deployment.environment.name": "prod"}
    for first in range(0, rows, SPANS_A_LINE):
        spans = [span(i) for i in range(first, min(first + SPANS_A_LINE, rows))]
        scope = {"scope": {"name": "opentelemetry.instrumentation.openai.v1", "version": "0.62.4"}, "spans": spans}
        resource = {"resource": {"attributes": attributes(service)}, "scopeSpans": [scope]}
        yield json.dumps({"resourceSpans": [resource]}, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
        out.writelines(lines(int(sys.argv[1])))
