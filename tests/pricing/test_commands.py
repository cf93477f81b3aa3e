"""`llmscope pricing`: list, show, check."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscope.commands.pricing import check_prices, list_prices, show_price
from llmscope.errors import UsageError


def test_list_by_provider_and_word() -> None:
    """Only what was asked for, at today's price."""
    found = list_prices(provider="anthropic", search="claude-3-5-haiku")

    assert {row["model"].split("/")[0] for row in found.rows} == {"anthropic"}
    assert found.rows[0]["model"] == "anthropic/claude-3-5-haiku"
    assert found.rows[0]["input_usd_per_1m"] == 0.8


def test_show_every_tier() -> None:
    """The founding table's Haiku: standard, and batch at half."""
    found = show_price("Claude 3.5 Haiku")

    assert [(row["tier"], row["output_usd_per_1m"]) for row in found.rows] == [("default", 4.0), ("batch", 2.0)]
    assert found.title == "anthropic/claude-3-5-haiku"


def test_show_at_a_date() -> None:
    """o3 cost 10/40 until 2025-06-10 and 2/8 from then on."""
    before, after = (show_price("o3", at=day).rows[0] for day in ("2025-06-09", "2025-06-10"))

    assert (before["input_usd_per_1m"], before["output_usd_per_1m"]) == (10.0, 40.0)
    assert (after["input_usd_per_1m"], after["output_usd_per_1m"]) == (2.0, 8.0)


def test_show_of_an_unknown_model_names_the_nearest() -> None:
    """A typo is an error with names to choose from."""
    with pytest.raises(UsageError, match="has no price") as caught:
        show_price("gpt-4o-mni")
    assert "gpt-4o-mini" in (caught.value.hint or "")


def test_show_at_no_date() -> None:
    """--at takes ISO dates."""
    with pytest.raises(UsageError, match="--at"):
        show_price("gpt-4o", at="last tuesday")


def test_check_lists_conflicts_and_missing_sources(tmp_path: Path) -> None:
    """DeepSeek and -latest are where lists disagree; an unsourced price of one's own is listed."""
    path = tmp_path / "p.toml"
    path.write_text('schema = 1\n[models."a/b"]\ninput = 1\noutput = 1\n')
    found = check_prices(file=path)
    problems = {(row["problem"], row["model"]) for row in found.rows}

    assert ("not sourced", "a/b") in problems
    assert ("lists disagree", "deepseek/deepseek-chat") in problems
    assert ("lists disagree", "mistral/mistral-large-latest") in problems
