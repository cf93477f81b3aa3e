"""What comes of a call: its attempts, each a row in canonical columns, with timing, usage, outcome and logged cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from generator import failures, plan, weather
from generator.asks import Ask, hex_id

Row = dict[str, Any]
ATTEMPTS = 3
RAW_FINISH = {
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"},
    "gcp.gemini": {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"},
}


def attempts(ask: Ask, rng: Random) -> list[Row]:
    """Every attempt at one call: up to three at the model asked for, then, for Anthropic's, one at another."""
    rows: list[Row] = []
    at, failure = ask.at, None
    for number in range(1, ATTEMPTS + 2):
        fallback = number > ATTEMPTS
        model = plan.FALLBACK_MODEL if fallback else ask.template.model
        failure = failures.draw(ask, model, at, failure, rng)
        row = _identity(ask, model, at, number, rng) | _outcome(ask, model, at, failure, rng)
        _queued(row, rng)
        rows.append(row)
        if fallback:
            row["fallback"] = True
            row["request_model"] = ask.template.model.name
        if (
            failure is None
            or not failure.retried
            or (number == ATTEMPTS and ask.template.model.provider != "anthropic")
        ):
            break
        at = row["ended_at"] + timedelta(milliseconds=round(500 * 2**number * rng.uniform(0.7, 1.3)))
    for row in rows:
        _logged_cost(row, rng)
    return rows


def _identity(ask: Ask, model: plan.Model, at: datetime, number: int, rng: Random) -> Row:
    template, week = ask.template, at.isocalendar()
    return {
        "request_id": "req-" + hex_id(rng, 14),
        "trace_id": ask.trace_id,
        "span_id": ask.span_id and (ask.span_id if number == 1 else hex_id(rng, 16)),
        "parent_span_id": ask.parent_span_id,
        "session_id": ask.session_id,
        "user_id": ask.user.user_id,
        "feature": template.feature,
        "template": template.name,
        "template_version": template.version,
        "service": template.service,
        "environment": ask.environment,
        "release": f"{week.year}.{week.week}.0",
        "region": ask.user.region,
        "language": ask.user.language if template.feature in ("chat", "search") else None,
        "item_id": ask.item_id,
        "operation": "generate_content" if model.provider == "gcp.gemini" else "chat",
        "provider": model.provider,
        "request_model": model.name,
        "started_at": at,
        "stream": template.stream,
        "max_tokens": template.max_tokens,
        "temperature": template.temperature,
        "attempt": number,
        "fallback": None if template.service == "triage-worker" else False,
        "service_tier": "default" if model.provider == "openai" else None,
        "cache_hit": ask.gateway_hit,
        "prompt_hash": ask.prompt_hash,
        "prefix_hashes": ask.prefix_hashes,
        "input_text": ask.input_text,
        "tags": ask.tags or None,
        "metadata": {"team": ask.user.team},
    }


def _outcome(ask: Ask, model: plan.Model, at: datetime, failure: failures.Failure | None, rng: Random) -> Row:
    if ask.gateway_hit:
        return _timed(at, rng.randrange(4, 25)) | _usage(ask, model, ask.output_tokens) | _answered(model, "stop", ask)
    if failure is not None:
        return _failed(ask, model, at, failure, rng)
    finish, output = _finish(ask, model, rng)
    return _answer_timing(ask, model, at, output, rng) | _usage(ask, model, output) | _answered(model, finish, ask, rng)


def _failed(ask: Ask, model: plan.Model, at: datetime, failure: failures.Failure, rng: Random) -> Row:
    cancelled = failure.error_class == "cancelled"
    row = _timed(at, rng.randrange(*failure.after_ms))
    if cancelled:
        row |= _usage(ask, model, max(1, round(ask.output_tokens * rng.uniform(0.02, 0.5))))
        row["response_model"] = model.name
    return row | {
        "status": "cancelled" if cancelled else "error",
        "finish_reason": None if cancelled else "error",
        "http_status": failure.http_status,
        "error_class": failure.error_class,
        "error_type": failure.error_type,
        "error_message": failures.message(failure, ask, model, rng),
    }


def _finish(ask: Ask, model: plan.Model, rng: Random) -> tuple[str, int]:
    """How the answer ends and how long it got; refused, filtered and empty answers come with status ok."""
    chance = rng.random()
    if ask.template.feature == "chat" and chance < 0.006:
        return "content_filter" if model.provider == "anthropic" else "stop", rng.randrange(15, 45)
    if model.provider == "gcp.gemini" and chance < 0.004:
        return "content_filter", 0
    if ask.template.feature in ("search", "summarise") and chance > 0.998:
        return "stop", 0
    if ask.output_tokens > ask.template.max_tokens:
        return "length", ask.template.max_tokens
    return "tool_calls" if ask.calls_tool else "stop", ask.output_tokens


def _answered(model: plan.Model, finish: str, ask: Ask, rng: Random | None = None) -> Row:
    refusal = finish == "content_filter" and model.provider == "anthropic"
    row: Row = {
        "response_model": model.name,
        "status": "ok",
        "finish_reason": finish,
        "finish_reason_raw": RAW_FINISH.get(model.provider, {}).get(finish, finish),
        "http_status": 200,
        "refusal": refusal if ask.template.feature == "chat" else None,
        "output_text": ask.output_text,
    }
    if rng is not None and ask.template.feature == "search" and rng.random() < 0.003:
        row |= dict.fromkeys(("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens"))
    return row


def _usage(ask: Ask, model: plan.Model, output: int) -> Row:
    """Usage as each provider reports it: what it does not report is NULL, never 0."""
    same = model.provider == ask.template.model.provider
    read = (ask.cache_read_tokens or 0) if same else 0
    row: Row = {"input_tokens": ask.input_tokens, "output_tokens": output, "cache_read_tokens": read}
    if model.provider == "anthropic":
        row["cache_write_tokens"] = row["cache_write_5m_tokens"] = ask.cache_write_tokens or 0
    elif model.provider == "openai":
        row["reasoning_tokens"] = min(output, ask.reasoning_tokens or 0)
    elif not read or model.provider == "acme":
        row["cache_read_tokens"] = None
    if ask.template.service == "docs-api":
        row["input_chars"] = round(ask.input_tokens * 4.1)
        row["output_chars"] = round(output * 4.4)
    return row


def _timed(at: datetime, latency_ms: int) -> Row:
    return {"ended_at": at + timedelta(milliseconds=latency_ms), "latency_ms": latency_ms}


def _queued(row: Row, rng: Random) -> None:
    """Waiting in the gateway comes before everything else; the triage worker has no gateway in front of it."""
    if row["service"] == "triage-worker" or row.get("cache_hit"):
        return
    row["queue_ms"] = round(22 * rng.lognormvariate(0, 0.8))
    row |= _timed(row["started_at"], row["latency_ms"] + row["queue_ms"])
    if row.get("ttft_ms") is not None:
        row["ttft_ms"] += row["queue_ms"]


def _answer_timing(ask: Ask, model: plan.Model, at: datetime, output: int, rng: Random) -> Row:
    slow = weather.slowness(model.provider, at.date()) * ask.pace
    fresh = ask.input_tokens - 0.8 * (ask.cache_read_tokens or 0)
    first = (model.first_token_ms + model.per_1k_input_ms * fresh / 1000) * slow * rng.lognormvariate(0, 0.33)
    rest = max(0, output - 1) * model.per_output_ms * slow * rng.lognormvariate(0, 0.2)
    network, after = 14 * rng.lognormvariate(0, 0.6), 6 * rng.lognormvariate(0, 0.7)
    row = _timed(at, round(first + rest + network + after))
    if ask.template.stream and output > 0:
        row["ttft_ms"] = min(row["latency_ms"], round(first + network))
    if ask.template.service == "docs-api":
        row |= {"network_ms": int(network), "inference_ms": int(first + rest), "postprocess_ms": int(after)}
    return row


def cost_usd(row: Row, double_charge: bool = False) -> float | None:
    """The list price of a row; with `double_charge`, cached tokens are charged as fresh ones too."""
    model = plan.MODELS[row.get("response_model") or row["request_model"]]
    if model.input_usd is None or row.get("input_tokens") is None:
        return None
    if row.get("cache_hit"):
        return 0.0
    read: int = row.get("cache_read_tokens") or 0
    write: int = row.get("cache_write_tokens") or 0
    output: int = row["output_tokens"]
    fresh: int = row["input_tokens"] - (0 if double_charge else read + write)
    charged = fresh * model.input_usd + read * model.cache_read_usd + write * model.cache_write_usd
    return round((charged + output * model.output_usd) / 1e6, 10)


def _logged_cost(row: Row, rng: Random) -> None:
    """One service logs what it thinks each answer cost; in September it charges Anthropic's cached tokens twice."""
    if row["service"] != "assistant-web" or row["status"] != "ok" or rng.random() > 0.85:
        return
    month = (row["started_at"].year, row["started_at"].month)
    wrong = row["provider"] == plan.DOUBLE_CHARGE_PROVIDER and month == plan.DOUBLE_CHARGE_MONTH
    row["cost_logged_usd"] = cost_usd(row, double_charge=wrong)
