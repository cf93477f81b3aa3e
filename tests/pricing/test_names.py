"""Names: respelled by known conventions, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscope.pricing import PriceBook


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.open(start=Path("/"))


@pytest.mark.parametrize(
    ("provider", "model", "key", "status"),
    [
        (None, "gpt-4o", "openai/gpt-4o", "exact"),
        (None, "openai/gpt-4o", "openai/gpt-4o", "exact"),
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o", "alias"),
        (None, "GPT-4 Turbo", "openai/gpt-4-turbo", "alias"),
        (None, "Claude 3.5 Haiku", "anthropic/claude-3-5-haiku", "alias"),
        (None, "Claude Sonnet 4.5", "anthropic/claude-sonnet-4-5", "stripped"),
        ("anthropic", "claude-haiku-4-5-latest", "anthropic/claude-haiku-4-5", "stripped"),
        (None, "gpt-5.2-20251211", "openai/gpt-5.2", "stripped"),
        (None, "gemini/gemini-1.5-flash-002", "google/gemini-1.5-flash", "stripped"),
        (None, "models/gemini-2.5-pro", "google/gemini-2.5-pro", "exact"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "google/gemini-2.5-pro", "exact"),
        ("gcp.vertex_ai", "claude-3-5-sonnet@20240620", "google/claude-3-5-sonnet", "stripped"),
        (
            "aws.bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "stripped",
        ),
        (
            "aws.bedrock",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "exact",
        ),
        (
            None,
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "aws/regional.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "stripped",
        ),
        ("azure.ai.openai", "gpt-4o", "openai/gpt-4o", "fallback_host"),
        ("azure", "gpt-35-turbo", "openai/gpt-3.5-turbo", "fallback_host"),
        (None, "openrouter/anthropic/claude-3.7-sonnet", "openrouter/anthropic/claude-3.7-sonnet", "exact"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc123", "openai/ft:gpt-4o-mini", "stripped"),
        ("openrouter", "x-ai/grok-4", "x-ai/grok-4-0709", "fallback_host"),
        ("groq", "gpt-oss-120b", "groq/openai/gpt-oss-120b", "alias"),
        ("together", "Llama-3.3-70B-Instruct-Turbo", "together/meta-llama/llama-3.3-70b-instruct-turbo", "alias"),
        (None, "mixtral-8x7b", "mixtral-8x7b", "exact"),
        ("somewhere", "mixtral-8x7b-instruct", "mixtral-8x7b", "fallback_host"),
        ("together", "mistralai/Mixtral-8x7B-Instruct-v0.1", "together/mistralai/mixtral-8x7b-instruct-v0.1", "exact"),
    ],
)
def test_found(book: PriceBook, provider: str | None, model: str, key: str, status: str) -> None:
    """Each spelling finds its entry, and says how."""
    found = book.resolve(provider, model)

    assert (found.key, found.price_status) == (key, status)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (None, "gemini-2.5-pro-ultra"),
        (None, "claude-3-5-haiku-acme-tuned"),
        (None, "deepseek-chat-v9"),
        (None, "claude-opus-9"),
        (None, "ft:gpt-4.1-2025-04-14:acme::x"),
        ("azure", "gpt-4o-mini-2024-07-18.ft-abc"),
        ("azure", "my-deployment"),
        ("ollama", "llama3:8b"),
        ("openrouter", "REDACTED"),
        (None, "None"),
        (None, "unknown"),
        (None, ""),
        (None, "llama-3.3-70b"),
    ],
)
def test_not_guessed(book: PriceBook, provider: str | None, model: str) -> None:
    """A name that merely begins or looks like a known one has no price, and a reason."""
    found = book.resolve(provider, model)

    assert (found.price_status, found.entry) == ("unpriced", None)
    assert found.reason


def test_suggestions_name_what_is_near(book: PriceBook) -> None:
    """A typo is answered with names to choose from; a hidden name with none."""
    assert "openai/gpt-4o-mini" in book.suggest("gpt-4o-mni")
    assert book.suggest("openai/REDACTED") == []
