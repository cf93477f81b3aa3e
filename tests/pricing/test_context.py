"""How much a model can hold, by the names that logs give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscope.pricing import PriceBook
from llmscope.pricing.context import bundled_windows, context_windows, write_windows


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("openai", "gpt-4o-2024-08-06", 128_000),  # platform.openai.com/docs/models/gpt-4o
        ("azure.ai.openai", "gpt-4o", 128_000),  # Azure serves OpenAI's
        (None, "gpt-4o-mini", 128_000),
        ("anthropic", "claude-haiku-4-5-20251001", 200_000),  # docs.claude.com: models overview
        ("aws.bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", 200_000),
        ("gcp.gemini", "gemini-2.5-flash", 1_048_576),  # ai.google.dev: models
        ("ollama", "llama3.1", None),  # a local server holds what it was told to
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::x", None),
        (None, "acme-internal-llm-7b", None),
        (None, "unknown", None),
        ("openai", "", None),
    ],
)
def test_windows_of_logged_names(tmp_path: Path, provider: str | None, model: str, tokens: int | None) -> None:
    """What the makers publish; None, never 0, where nobody does."""
    book = PriceBook.open(start=tmp_path)

    assert {(provider, model): tokens} == context_windows(book, [(provider, model)])


def test_a_persons_own_list_wins(tmp_path: Path) -> None:
    """What `pricing sync` wrote for this user is read before what ships."""
    folder = tmp_path / "config" / "llmscope"
    folder.mkdir(parents=True)
    write_windows(folder / "context_windows.tsv.gz", {("openai", "gpt-4o"): 7})

    assert {("openai", "gpt-4o"): 7} == bundled_windows()


def test_equal_windows_are_equal_bytes(tmp_path: Path) -> None:
    """Whatever the order they are given in."""
    pairs = [(("b", "m"), 2), (("a", "m"), 1)]
    write_windows(tmp_path / "one", dict(pairs))
    write_windows(tmp_path / "two", dict(reversed(pairs)))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
