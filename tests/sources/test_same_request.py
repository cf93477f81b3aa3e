"""One request is one row, whichever tool wrote it down: three requests in every format that can tell of them.

The figures are worked out by hand from what the providers billed: OpenAI counts 1,000 cached of 1,200 tokens in and 32
of reasoning in 80 out; Anthropic 50 tokens in, beside them 2,000 read from the cache and 300 written, and 20 out; the
third was turned away.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.sources.loading import Loaded, loaded, write_lines

BEGAN = 1_790_000_000  # 2026-09-21 14:13:20 UTC
GPT, CLAUDE = "gpt-4o-2024-08-06", "claude-sonnet-4-5"
WRONG = "Error code: 429 - slow down"
TRACE = "0123456789abcdef0123456789abcdef"
SPANS = ("00000000000000a1", "00000000000000b2", "00000000000000c3")
# What the providers said: usage as each spells it; the third said nothing.
OPENAI = {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
          "prompt_tokens_details": {"cached_tokens": 1000},
          "completion_tokens_details": {"reasoning_tokens": 32}}  # fmt: skip
ANTHROPIC = {"input_tokens": 50, "output_tokens": 20, "cache_read_input_tokens": 2000,
             "cache_creation_input_tokens": 300}  # fmt: skip
REQUESTS = (("openai", GPT, 1.5), ("anthropic", CLAUDE, 2.25), ("openai", GPT, 0.5))

SAME = [
    {
        "provider": "openai", "model": GPT, "status": "ok", "latency_ms": 1500.0, "input_tokens": 1200,
        "output_tokens": 80, "cache_read_tokens": 1000, "reasoning_tokens": 32,
    },
    {
        "provider": "anthropic", "model": CLAUDE, "status": "ok", "latency_ms": 2250.0, "input_tokens": 2350,
        "output_tokens": 20, "cache_read_tokens": 2000, "cache_write_tokens": 300,
    },
    {"provider": "openai", "model": GPT, "status": "error", "error_class": "rate_limit", "latency_ms": 500.0},
]  # fmt: skip
COMPARED = ("provider", "model", "status", "error_class", "latency_ms", "input_tokens", "output_tokens",
            "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")  # fmt: skip


def iso(seconds: float) -> str:
    """A time of the first request's day, as most formats write it."""
    return datetime.fromtimestamp(BEGAN + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def nanos(seconds: float) -> int:
    return BEGAN * 1_000_000_000 + round(seconds * 1000) * 1_000_000


def attribute(name: str, value: str | int) -> dict[str, Any]:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": name, "value": {kind: str(value)}}


def otlp_spans(said: tuple[Mapping[str, str | int], ...], failed: Mapping[str, Any]) -> list[Any]:
    """One batch of three spans with these attributes; `failed` is the third's status."""
    spans = [
        {
            "traceId": TRACE.upper(), "spanId": span.upper(), "name": "call", "startTimeUnixNano": str(nanos(at)),
            "endTimeUnixNano": str(nanos(at + took)), "attributes": [attribute(*pair) for pair in about.items()],
            "status": failed if at == 2 else {},
        }
        for at, (span, about, (_, _, took)) in enumerate(zip(SPANS, said, REQUESTS, strict=True))
    ]  # fmt: skip
    return [{"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}]


GENAI = tuple({"gen_ai.operation.name": "chat", "gen_ai.provider.name": p, "gen_ai.request.model": m}
              for p, m, _ in REQUESTS)  # fmt: skip
GENAI_USAGE: tuple[dict[str, str | int], ...] = (
    {"gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 80, "gen_ai.usage.cache_read.input_tokens": 1000,
     "gen_ai.usage.reasoning.output_tokens": 32},
    {"gen_ai.usage.input_tokens": 2350, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 2000,
     "gen_ai.usage.cache_creation.input_tokens": 300},
    {"error.type": "RateLimitError"},
)  # fmt: skip
LANGFUSE_USAGE: tuple[dict[str, int], ...] = (
    {"input": 200, "input_cached_tokens": 1000, "output": 48, "output_reasoning_tokens": 32, "total": 1280},
    {"input": 50, "input_cache_read": 2000, "input_cache_creation": 300, "output": 20, "total": 2370},
    {},
)


def otlp() -> list[Any]:
    said = tuple({**about, **usage} for about, usage in zip(GENAI, GENAI_USAGE, strict=True))
    return otlp_spans(said, {"code": 2, "message": WRONG})


def otlp_of_openinference() -> list[Any]:
    counts: tuple[dict[str, str | int], ...] = (
        {"prompt": 1200, "completion": 80, "prompt_details.cache_read": 1000, "completion_details.reasoning": 32},
        {"prompt": 2350, "completion": 20, "prompt_details.cache_read": 2000, "prompt_details.cache_write": 300}, {},
    )  # fmt: skip
    said = tuple(
        {"openinference.span.kind": "LLM", "llm.model_name": model, "llm.provider": provider}
        | {f"llm.token_count.{name}": n for name, n in used.items()}
        for (provider, model, _), used in zip(REQUESTS, counts, strict=True)
    )
    return otlp_spans(said, {"code": 2, "message": WRONG})


def otlp_of_langfuse() -> list[Any]:
    """Langfuse's SDK: a map of buckets, else the provider's own words; an error is a level and no status."""
    own = "langfuse.observation."
    used = (OPENAI, LANGFUSE_USAGE[1], {})
    said = tuple(
        {f"{own}type": "generation", f"{own}model.name": model, f"{own}usage_details": json.dumps(usage)}
        | ({} if usage else {f"{own}level": "ERROR", f"{own}status_message": WRONG})
        for (_, model, _), usage in zip(REQUESTS, used, strict=True)
    )
    return otlp_spans(said, {})


def otel_console() -> list[Any]:
    return [
        {
            "name": "call", "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{span}"}, "parent_id": None,
            "start_time": iso(at), "end_time": iso(at + took), "attributes": {**about, **usage}, "events": [],
            "status": {"status_code": "ERROR", "description": WRONG} if at == 2 else {"status_code": "UNSET"},
        }
        for at, (span, about, usage, (_, _, took)) in enumerate(zip(SPANS, GENAI, GENAI_USAGE, REQUESTS, strict=True))
    ]  # fmt: skip


def langfuse() -> list[Any]:
    return [
        {
            "id": span, "traceId": TRACE, "type": "GENERATION", "startTime": iso(at), "endTime": iso(at + took),
            "model": model, "usageDetails": usage, "parentObservationId": None,
            "level": "ERROR" if at == 2 else "DEFAULT", "statusMessage": WRONG if at == 2 else None,
        }
        for at, (span, usage, (_, model, took)) in enumerate(zip(SPANS, LANGFUSE_USAGE, REQUESTS, strict=True))
    ]  # fmt: skip


def litellm() -> list[Any]:
    """Every provider in OpenAI's words; a failure counts zeros."""
    cached = {"cached_tokens": 2000, "cache_creation_tokens": 300}
    used: tuple[dict[str, Any], ...] = (
        OPENAI, {"prompt_tokens": 2350, "completion_tokens": 20, "total_tokens": 2370, "prompt_tokens_details": cached},
        {},
    )  # fmt: skip
    failed = {"error_code": "429", "error_class": "RateLimitError", "error_message": WRONG}
    return [
        {
            "id": f"r-{at}", "call_type": "acompletion", "status": "failure" if at == 2 else "success", "model": model,
            "custom_llm_provider": provider, "startTime": BEGAN + at, "endTime": BEGAN + at + took,
            "metadata": {"usage_object": usage}, "response_cost": 0, "model_map_information": {}, "hidden_params": {},
            **{name: usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
            "error_information": failed if at == 2 else {},
        }
        for at, ((provider, model, took), usage) in enumerate(zip(REQUESTS, used, strict=True))
    ]  # fmt: skip


def helicone() -> list[Any]:
    """Its own columns, and the provider's answer beside."""
    used: tuple[dict[str, Any], ...] = (
        {"prompt_tokens": 1200, "completion_tokens": 80, "prompt_cache_read_tokens": 1000},
        {"prompt_tokens": 50, "completion_tokens": 20, "prompt_cache_read_tokens": 2000,
         "prompt_cache_write_tokens": 300}, {},
    )  # fmt: skip
    said: tuple[Any, ...] = ({"usage": OPENAI}, {"type": "message", "usage": ANTHROPIC}, {"error": {"message": WRONG}})
    return [
        {
            "request_id": f"r-{at}", "request_created_at": iso(at), "response_created_at": iso(at + took),
            "response_status": 429 if at == 2 else 200, "provider": provider.upper(), "request_model": model,
            "response_model": None if at == 2 else model, "delay_ms": took * 1000, "request_properties": {},
            "response_body": body, **usage,
        }
        for at, ((provider, model, took), usage, body) in enumerate(zip(REQUESTS, used, said, strict=True))
    ]  # fmt: skip


def pairs() -> list[Any]:
    """A request and its answer side by side, as programs log them."""
    answers: tuple[Any, ...] = (
        {"object": "chat.completion", "id": "r-0", "model": GPT, "choices": [{"finish_reason": "stop"}],
         "usage": OPENAI},
        {"type": "message", "id": "r-1", "model": CLAUDE, "role": "assistant", "content": [],
         "stop_reason": "end_turn", "usage": ANTHROPIC},
        {"error": {"message": WRONG, "type": "requests", "code": "rate_limit_exceeded"}},
    )  # fmt: skip
    return [
        {"id": f"l-{at}", "timestamp": iso(at), "duration_ms": took * 1000, "request": {"model": model},
         "response": answer}
        for at, ((_, model, took), answer) in enumerate(zip(REQUESTS, answers, strict=True))
    ]  # fmt: skip


def langsmith() -> list[Any]:
    """LangChain's convention: the cache inside the prompt, what it was beside."""
    used: tuple[dict[str, Any], ...] = (
        {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
         "prompt_token_details": {"cache_read": 1000}, "completion_token_details": {"reasoning": 32}},
        {"prompt_tokens": 2350, "completion_tokens": 20, "total_tokens": 2370,
         "prompt_token_details": {"cache_read": 2000, "cache_creation": 300}},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    )  # fmt: skip
    return [
        {
            "id": f"018f2a00-0000-7000-8000-00000000000{at}", "run_type": "llm", "start_time": iso(at).rstrip("Z"),
            "end_time": iso(at + took).rstrip("Z"), "trace_id": "018f2a00-0000-7000-8000-0000000000ff",
            "dotted_order": "x", "inputs": {}, "status": "error" if at == 2 else "success",
            "error": f"RateLimitError('{WRONG}')" if at == 2 else None,
            "extra": {"metadata": {"ls_provider": provider, "ls_model_name": model}}, **usage,
        }
        for at, ((provider, model, took), usage) in enumerate(zip(REQUESTS, used, strict=True))
    ]  # fmt: skip


def weave() -> list[Any]:
    """The provider's own usage, by model."""
    ops = ("openai.chat.completions.create", "anthropic.Messages.create", "openai.chat.completions.create")
    used: tuple[dict[str, Any], ...] = ({GPT: OPENAI}, {CLAUDE: ANTHROPIC}, {})
    return [
        {
            "id": f"call-{at}", "op_name": f"weave:///e/p/op/{op}:h", "trace_id": "t-1", "parent_id": None,
            "started_at": iso(at), "ended_at": iso(at + took), "inputs": {"model": model}, "attributes": {},
            "exception": json.dumps({"type": "RateLimitError", "message": WRONG}) if at == 2 else None,
            "summary": {"usage": usage, "weave": {"status": "error" if at == 2 else "success"}},
        }
        for at, (op, usage, (_, model, took)) in enumerate(zip(ops, used, REQUESTS, strict=True))
    ]  # fmt: skip


def mlflow() -> list[Any]:
    """One trace; ids in base64, each attribute JSON in a string, Anthropic's cache added to the input."""
    used: tuple[dict[str, Any], ...] = (
        {"input_tokens": 1200, "output_tokens": 80, "total_tokens": 1280, "cache_read_input_tokens": 1000},
        {"input_tokens": 2350, "output_tokens": 20, "total_tokens": 2370, "cache_read_input_tokens": 2000,
         "cache_creation_input_tokens": 300}, {},
    )  # fmt: skip
    outputs = ({"id": "r-0", "usage": OPENAI}, {"id": "r-1", "usage": ANTHROPIC}, None)
    spans = []
    for at, (span, (provider, model, took), usage, output) in enumerate(
        zip(SPANS, REQUESTS, used, outputs, strict=True)
    ):
        about = {"mlflow.spanType": "CHAT_MODEL", "mlflow.llm.model": model, "mlflow.llm.provider": provider}
        about |= {"mlflow.chat.tokenUsage": usage, "mlflow.spanOutputs": output} if usage else {}
        state = {"code": "STATUS_CODE_ERROR", "message": WRONG} if at == 2 else {"code": "STATUS_CODE_OK"}
        spans.append({
            "trace_id": base64.b64encode(bytes.fromhex(TRACE)).decode(), "parent_span_id": None, "name": "call",
            "span_id": base64.b64encode(bytes.fromhex(span)).decode(), "start_time_unix_nano": nanos(at),
            "end_time_unix_nano": nanos(at + took), "status": state,
            "attributes": {name: json.dumps(value) for name, value in about.items()},
        })  # fmt: skip
    info = {"trace_id": f"tr-{TRACE}", "request_time": iso(0), "state": "OK", "execution_duration_ms": 4500}
    return [{"info": info, "data": {"spans": spans}}]


def phoenix() -> list[Any]:
    (batch,) = otlp_of_openinference()
    spans = batch["resourceSpans"][0]["scopeSpans"][0]["spans"]
    said = [{a["key"]: next(iter(a["value"].values())) for a in span["attributes"]} for span in spans]
    return [
        {
            "name": "call", "context": {"trace_id": TRACE, "span_id": span}, "span_kind": "LLM", "parent_id": None,
            "start_time": iso(at), "end_time": iso(at + took), "attributes": about, "events": [],
            "status_code": "ERROR" if at == 2 else "OK", "status_message": WRONG if at == 2 else "",
        }
        for at, (span, about, (_, _, took)) in enumerate(zip(SPANS, said, REQUESTS, strict=True))
    ]  # fmt: skip


FORMATS = (otlp, otlp_of_openinference, otlp_of_langfuse, otel_console, langfuse, litellm, helicone, langsmith, weave,
           mlflow, phoenix)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.__name__)
def test_one_request_is_one_row(form: Any, tmp_path: Path) -> None:
    found = loaded(write_lines(tmp_path / "log.jsonl", form()))

    assert compared(found) == SAME


@pytest.mark.parametrize("form", [langfuse, helicone, langsmith, weave], ids=lambda form: form.__name__)
def test_it_is_in_a_table_too(form: Any, tmp_path: Path) -> None:
    """Objects as JSON in a cell of CSV, and as STRUCTs of Parquet."""
    records = form()
    cells = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in record.items()} for record in records]
    names = list(dict.fromkeys(name for record in records for name in record))
    with (tmp_path / "log.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(cells)
    lines, structs = write_lines(tmp_path / "log.jsonl", records), tmp_path / "log.parquet"
    read = f"read_json('{lines}', maximum_depth=-1, sample_size=-1, map_inference_threshold=-1)"
    duckdb.execute(f"COPY (FROM {read}) TO '{structs}' (FORMAT parquet)")

    assert compared(loaded(tmp_path / "log.csv")) == SAME
    assert compared(loaded(structs)) == SAME


def test_a_pair_of_request_and_answer_is_the_same_row(tmp_path: Path) -> None:
    """OpenAI's and Anthropic's, a file each."""
    gpt, claude, failed = pairs()
    logs = (write_lines(tmp_path / "a.jsonl", [gpt, failed]), write_lines(tmp_path / "b.jsonl", [claude]))

    assert compared(loaded(*logs)) == SAME


def compared(found: Loaded) -> list[dict[str, Any]]:
    """What all formats tell of the requests, in their order; a zero is left out as a NULL is."""
    rows = sorted(found.requests, key=lambda row: row["started_at"])
    return [{name: row[name] for name in COMPARED if row.get(name)} for row in rows]
