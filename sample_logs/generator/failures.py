"""What goes wrong: how often, what the provider says and how soon, and whether trying again may help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from generator import plan
from generator.asks import Ask


@dataclass(frozen=True)
class Failure:
    """One class of failure as one provider words it ('' = any); `chance` is per attempt."""

    error_class: str
    provider: str
    chance: float
    http_status: int | None
    error_type: str
    message: str
    after_ms: tuple[int, int]
    retried: bool = False


FAILURES: tuple[Failure, ...] = (
    Failure(
        "rate_limit", "openai", 0.006, 429, "rate_limit_exceeded",
        "Rate limit reached for {model} on tokens per min (TPM): Limit 450000, Used {used}, Requested {input}. "
        "Please try again in {wait}ms.", (120, 600), True,
    ),
    Failure(
        "rate_limit", "anthropic", 0.005, 429, "rate_limit_error",
        "This request would exceed your organization's rate limit of 400,000 input tokens per minute.", (90, 400), True,
    ),
    Failure(
        "rate_limit", "gcp.gemini", 0.006, 429, "RESOURCE_EXHAUSTED",
        "Resource has been exhausted (e.g. check quota).", (80, 300), True,
    ),
    Failure("overloaded", "anthropic", 0.002, 529, "overloaded_error", "Overloaded", (300, 2500), True),
    Failure(
        "overloaded", "gcp.gemini", 0.002, 503, "UNAVAILABLE",
        "The model is overloaded. Please try again later.", (300, 2500), True,
    ),
    Failure(
        "server", "openai", 0.0025, 500, "server_error",
        "The server had an error while processing your request. Sorry about that!", (900, 9000), True,
    ),
    Failure("server", "anthropic", 0.002, 500, "api_error", "Internal server error", (700, 8000), True),
    Failure("timeout", "", 0.0018, None, "APITimeoutError", "Request timed out.", (60_000, 60_400), True),
    Failure("network", "", 0.0010, None, "APIConnectionError", "Connection error.", (30, 4000), True),
    Failure(
        "inference", "acme", 0.005, 500, "OutOfMemoryError",
        "CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.69 GiB of which "
        "402.75 MiB is free.", (200, 1500), True,
    ),
    Failure(
        "content_safety", "openai", 0.0008, 400, "content_policy_violation",
        "Your request was rejected as a result of our safety system.", (200, 900),
    ),
    Failure(
        "input_validation", "openai", 0.0012, 400, "invalid_request_error",
        "Invalid schema for response_format 'fields': 'additionalProperties' is required to be supplied and to be "
        "false.", (60, 250),
    ),
    Failure(
        "input_validation", "anthropic", 0.0009, 400, "invalid_request_error",
        "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after.", (60, 250),
    ),
    Failure(
        "authentication", "openai", 0.0002, 401, "invalid_api_key",
        "Incorrect API key provided. You can find your API key in the dashboard.", (40, 120),
    ),
    Failure(
        "context_length", "anthropic", 0.0009, 400, "invalid_request_error",
        "prompt is too long: {over} tokens > 200000 maximum", (150, 700),
    ),
    Failure("cancelled", "anthropic", 0.0025, None, "CancelledError", "The client closed the stream.", (900, 5000)),
)  # fmt: skip
OUTAGE = Failure("overloaded", "anthropic", 0.88, 529, "overloaded_error", "Overloaded", (400, 3500), True)
RETRY_FAILS_AGAIN = 0.2


def draw(ask: Ask, model: plan.Model, at: datetime, before: Failure | None, rng: Random) -> Failure | None:
    """What this attempt fails of, if it fails: a retry is likelier to fail, of the same thing."""
    if model.provider == plan.OUTAGE_PROVIDER and plan.OUTAGE_FROM <= at < plan.OUTAGE_UNTIL:
        return OUTAGE if rng.random() < OUTAGE.chance else None
    if before is not None:
        again = before.provider in ("", model.provider) and rng.random() < RETRY_FAILS_AGAIN
        return before if again else None
    chance = rng.random()
    for failure in FAILURES:
        if failure.provider not in ("", model.provider):
            continue
        if failure.error_class == "cancelled" and not ask.template.stream:
            continue
        chance -= failure.chance
        if chance < 0:
            return failure
    return None


def message(failure: Failure, ask: Ask, model: plan.Model, rng: Random) -> str:
    """The provider's words, with this request's figures in them."""
    figures = {
        "model": model.name,
        "input": ask.input_tokens,
        "used": 450_000 - rng.randrange(max(1, ask.input_tokens)),
        "wait": rng.randrange(40, 900),
        "over": rng.randrange(200_300, 260_000),
    }
    return failure.message.format(**figures)
