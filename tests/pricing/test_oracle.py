"""genai-prices and model-prices as oracles: where a rate came from them, the cost is theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

genai_prices = pytest.importorskip("genai_prices")
model_prices = pytest.importorskip("model_prices")

CASES = [
    ("openai", "gpt-4o", {"input_tokens": 3000, "cache_read_tokens": 1024, "output_tokens": 500}),
    ("openai", "gpt-5.4", {"input_tokens": 300_000, "cache_read_tokens": 100_000, "output_tokens": 5000}),
    ("openai", "gpt-5.4", {"input_tokens": 272_000, "output_tokens": 1}),
    ("openai", "gpt-4o-audio-preview", {"input_tokens": 900, "input_audio_tokens": 700, "output_tokens": 80}),
    ("anthropic", "claude-sonnet-4-5", {"input_tokens": 250_000, "cache_write_tokens": 200_000, "output_tokens": 9}),
    ("anthropic", "claude-opus-4-6", {"input_tokens": 250_000, "cache_read_tokens": 240_000, "output_tokens": 900}),
    ("anthropic", "claude-opus-4-1", {"input_tokens": 9000, "cache_write_tokens": 4000, "cache_write_1h_tokens": 4000}),
    ("google", "gemini-2.5-pro", {"input_tokens": 200_001, "output_tokens": 10}),
    ("groq", "openai/gpt-oss-120b", {"input_tokens": 77, "output_tokens": 33}),
    ("perplexity", "sonar-deep-research", {"input_tokens": 90, "output_tokens": 900, "output_reasoning_tokens": 800}),
    ("x-ai", "grok-4", {"input_tokens": 130_000, "output_tokens": 10}),
]
OURS = {
    "input_audio_tokens": "audio_input_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}


@pytest.mark.parametrize("at", [datetime(2026, 11, 20, 12), datetime(2026, 10, 20, 12)])
@pytest.mark.parametrize(("provider", "model", "usage"), CASES)
def test_equal_to_genai_prices(price: Any, provider: str, model: str, usage: dict[str, int], at: datetime) -> None:
    """Leaf by leaf, band by band, to 1e-9 dollars."""
    full = {"output_tokens": 0, **usage}
    expected = genai_prices.calc_price(
        genai_prices.Usage(**full), model, provider_id=provider, genai_request_timestamp=at.replace(tzinfo=UTC)
    ).total_price
    row = {OURS.get(key, key): value for key, value in full.items()}
    (found,) = price([{"provider": provider, "model": model, "started_at": at, **row}])

    assert abs(found["cost_usd"] - expected) <= Decimal("1e-9")


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 2, 2),  # Monday, peak
        datetime(2026, 11, 2, 5),
        datetime(2026, 11, 7, 2),  # Saturday
        datetime(2026, 10, 1, 2),  # a holiday
        datetime(2026, 6, 1, 2),
    ],
)
def test_deepseek_hours_are_those_of_model_prices(price: Any, at: datetime) -> None:
    """Peak hours on working days only, not on public holidays."""
    rates = model_prices.rates("deepseek-v4-pro", at=at.replace(tzinfo=UTC), provider="deepseek")
    row = {"provider": "deepseek", "model": "deepseek-v4-pro", "input_tokens": 1_000_000, "output_tokens": 1_000_000}
    (found,) = price([{**row, "started_at": at}])

    assert float(found["cost_usd"]) == pytest.approx(rates.input + rates.output, abs=1e-9)


def test_batch_at_its_tier(price: Any) -> None:
    """A batch request is priced by the batch figures genai-prices has from 2026-10-14 on."""
    at = datetime(2026, 10, 20)
    usage = {"input_tokens": 1000, "output_tokens": 1000}
    expected = genai_prices.calc_price(
        genai_prices.Usage(**usage),
        "claude-sonnet-4-5",
        provider_id="anthropic",
        genai_request_timestamp=at.replace(tzinfo=UTC),
        price_context={"processing": "batch"},
    ).total_price
    row = {"provider": "anthropic", "model": "claude-sonnet-4-5", "service_tier": "batch", "started_at": at, **usage}
    (found,) = price([row])

    assert found["cost_usd"] == expected
