"""Relation `priced`: what each request costs, by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmscope.pricing import Extent, PriceBook, rate_table

D = Decimal
HEAD = "schema = 1\n"
FULL = """schema = 1
[defaults]
extends = "none"
[models."acme/pro-1"]
[[models."acme/pro-1".price]]
input = 5.00
output = 30.00
cache_read = 0.50
[[models."acme/pro-1".price]]
from = 2026-08-25
input = 4.00
output = 20.00
cache_read = 0.40
reasoning = 25.00
input_audio = 10.00
web_search = 10.00
above = [{ input_tokens = 272_000, input = 8.00, output = 30.00, cache_read = 0.80 }]
priority = { input = 8.00, output = 40.00, cache_read = 0.80 }
flex = { multiplier = 0.5 }
regions = { us = { multiplier = 1.1 } }
[models."acme/plain"]
input = 1
output = 2
"""
PEAK = """schema = 1
[models."acme/night"]
input = 1.00
output = 2.00
peak = { multiplier = 2.0, utc = ["01:00-04:00", "22:00-00:30"], weekdays = "mon-fri", except = ["2026-10-01"] }
"""


def acme(**row: Any) -> dict[str, Any]:
    return {"provider": "acme", "model": "pro-1", "input_tokens": 1_000_000, "output_tokens": 0, **row}


@pytest.mark.parametrize(
    ("provider", "model", "usd"),
    [
        ("anthropic", "claude-3-5-haiku-20241022", "0.0008"),
        ("anthropic", "claude-3-opus-20240229", "0.015"),
        ("openai", "gpt-4-turbo", "0.008"),
        (None, "mixtral-8x7b", "0.000216"),
    ],
)
def test_founding_table(price: Any, provider: str | None, model: str, usd: str) -> None:
    """500 tokens in and 100 out cost what the founding table says."""
    (row,) = price([{"provider": provider, "model": model, "input_tokens": 500, "output_tokens": 100}])

    assert row["cost_usd"] == D(usd)
    assert row["price_status"] in ("exact", "alias")


def test_cached_tokens_are_part_of_input(price: Any) -> None:
    """1,000 in, of which 800 read and 100 written: 100 x .80 + 800 x .08 + 100 x 1.00, per million."""
    row = {"provider": "anthropic", "model": "claude-3-5-haiku", "input_tokens": 1000, "output_tokens": 0}
    (found,) = price([{**row, "cache_read_tokens": 800, "cache_write_tokens": 100}])

    assert found["cost_usd"] == D("0.000244")


def test_cache_write_by_time_to_live(price: Any) -> None:
    """Of 1,000 written, 400 for an hour at 1.60 and 600 for five minutes at 1.00."""
    row = {"provider": "anthropic", "model": "claude-3-5-haiku", "input_tokens": 1000, "output_tokens": 0}
    (found,) = price([{**row, "cache_write_tokens": 1000, "cache_write_1h_tokens": 400, "cache_write_5m_tokens": 600}])

    assert found["cost_usd"] == D("0.00124")


def test_missing_cached_price_bills_as_input_and_says_partial(price: Any) -> None:
    """GPT-4 Turbo has no cached price: cached tokens are never free."""
    row = {"provider": "openai", "model": "gpt-4-turbo", "input_tokens": 1000, "output_tokens": 0}
    (found,) = price([{**row, "cache_read_tokens": 900}])

    assert (found["cost_usd"], found["price_status"]) == (D("0.01"), "partial")


def test_dates_close_the_price_before(price: Any) -> None:
    """The last moment before a date pays the old price, the date itself the new."""
    moments = [datetime(2026, 8, 24, 23, 59, 59, 999999), datetime(2026, 8, 25)]
    found = price([acme(started_at=moment) for moment in moments], FULL)

    assert [row["cost_usd"] for row in found] == [D(5), D("8.00")]
    assert [row["price_id"] for row in found] == ["acme/pro-1", "acme/pro-1@2026-08-25>272000"]


def test_context_band_is_strictly_above_and_reprices_everything(price: Any) -> None:
    """272,000 pays 4/20/.40; one more token and all of it, output and cache too, pays 8/30/.80."""
    rows = [acme(input_tokens=n, output_tokens=1000, cache_read_tokens=72_000) for n in (272_000, 272_001)]
    at, above = price(rows, FULL)

    assert at["cost_usd"] == D("0.8") + D("0.0288") + D("0.02")
    assert above["cost_usd"] == D("1.600008") + D("0.0576") + D("0.03")


def test_tiers(price: Any) -> None:
    """priority has figures, flex half of each; batch is not known, so it pays in full and says so."""
    rows = [acme(input_tokens=1000, output_tokens=1000, service_tier=tier) for tier in ("priority", "flex", "batch")]
    found = price(rows, FULL)

    assert [row["cost_usd"] for row in found] == [D("0.048"), D("0.012"), D("0.024")]
    assert [row["price_status"] for row in found] == ["exact", "exact", "variant_missing"]


def test_a_tier_known_later_is_missing_before(price: Any) -> None:
    """flex is known from 2026-08-25 on; in July it pays the standard price, variant_missing."""
    (found,) = price([acme(service_tier="flex", started_at=datetime(2026, 7, 1))], FULL)

    assert (found["cost_usd"], found["price_status"]) == (D(5), "variant_missing")


def test_standard_tier_words_are_the_standard_price(price: Any) -> None:
    """default, standard and auto are no variant."""
    found = price([acme(input_tokens=1000, service_tier=tier) for tier in (None, "default", "standard", "auto")], FULL)

    assert {(row["cost_usd"], row["price_status"]) for row in found} == {(D("0.004"), "exact")}


def test_region_uplift(price: Any) -> None:
    """us and us-east-1 pay 1.1 times the tokens, elsewhere list."""
    found = price([acme(input_tokens=1000, region=region) for region in ("us", "us-east-1", "ap-south-1", None)], FULL)

    assert [row["cost_usd"] for row in found] == [D("0.0044"), D("0.0044"), D("0.004"), D("0.004")]


def test_parts_with_their_own_price(price: Any) -> None:
    """600 text + 400 audio in, 700 plain + 300 reasoning out, 2 searches at 10 per 1,000."""
    row = acme(input_tokens=1000, output_tokens=1000)
    (found,) = price([{**row, "audio_input_tokens": 400, "reasoning_tokens": 300, "web_searches": 2}], FULL)

    assert found["cost_usd"] == D("0.0024") + D("0.004") + D("0.014") + D("0.0075") + D("0.02")


def test_reasoning_without_its_own_price_is_output(price: Any) -> None:
    """Reasoning is part of the output: it is not charged twice."""
    row = {"provider": "acme", "model": "plain", "input_tokens": 0, "output_tokens": 1000, "reasoning_tokens": 900}
    (found,) = price([row], FULL)

    assert (found["cost_usd"], found["price_status"]) == (D("0.002"), "exact")


@pytest.mark.parametrize(
    ("when", "usd"),
    [
        (datetime(2026, 11, 2, 0, 59), 1),  # a Monday, before the window
        (datetime(2026, 11, 2, 1, 0), 2),
        (datetime(2026, 11, 2, 3, 59, 59), 2),
        (datetime(2026, 11, 2, 4, 0), 1),
        (datetime(2026, 11, 2, 23, 0), 2),  # the window that passes midnight
        (datetime(2026, 11, 3, 0, 15), 2),
        (datetime(2026, 11, 3, 0, 30), 1),
        (datetime(2026, 11, 7, 2, 0), 1),  # a Saturday
        (datetime(2026, 10, 1, 2, 0), 1),  # a Thursday, and an exception
    ],
)
def test_peak_hours(price: Any, when: datetime, usd: int) -> None:
    """Twice the price inside the hours, on working days, not on the dates excepted."""
    (found,) = price([acme(model="night", started_at=when)], PEAK)

    assert found["cost_usd"] == D(usd)


def test_unknown_model_is_null_never_zero(price: Any) -> None:
    """Tokens and no price: NULL and unpriced."""
    (found,) = price([{"provider": "acme", "model": "mystery-7", "input_tokens": 5, "output_tokens": 5}])

    assert (found["cost_usd"], found["price_status"], found["price_id"]) == (None, "unpriced", None)


def test_rows_without_usage(price: Any) -> None:
    """A failed request without usage costs NULL, no_usage; with zero tokens, 0, known model or not."""
    rows = [
        {"provider": "openai", "model": "gpt-4-turbo", "status": "error"},
        {"provider": "openai", "model": "gpt-4-turbo", "status": "error", "input_tokens": 0, "output_tokens": 0},
        {"provider": "acme", "model": "mystery-7", "status": "error", "input_tokens": 0, "output_tokens": 0},
        {"provider": "acme", "model": "mystery-7", "status": "error"},
    ]
    found = price(rows)

    assert [row["cost_usd"] for row in found] == [None, D(0), D(0), None]
    assert [row["price_status"] for row in found] == ["no_usage", "exact", "free", "no_usage"]


def test_gateway_cache_costs_nothing(price: Any) -> None:
    """cache_hit: the provider was never asked."""
    (found,) = price([acme(model="plain", cache_hit=True)], FULL)

    assert (found["cost_usd"], found["price_status"]) == (D(0), "free")


def test_embedding_has_no_output(price: Any) -> None:
    """output_tokens NULL: priced on input alone."""
    row = {
        "provider": "openai",
        "model": "text-embedding-3-small",
        "input_tokens": 1_000_000,
        "operation": "embeddings",
    }
    (found,) = price([row])

    assert found["cost_usd"] == D("0.02")
    assert found["price_status"] == "exact"


def test_no_time_pays_the_price_in_force_now(price: Any) -> None:
    """started_at NULL: today's price, extrapolated where the price has changed, exact where it has not."""
    found = price([acme(started_at=None, input_tokens=1000), acme(started_at=None, model="plain")], FULL)

    assert [row["cost_usd"] for row in found] == [D("0.004"), D(1)]
    assert [row["price_status"] for row in found] == ["extrapolated", "exact"]


def test_before_the_first_date_is_extrapolated(price: Any) -> None:
    """A dated list that begins later than the request prices it by its earliest price."""
    toml = HEAD + '[models."acme/new"]\n[[models."acme/new".price]]\nfrom = 2026-05-01\ninput = 3\noutput = 3\n'
    before, after = price([acme(model="new", started_at=datetime(2026, month, 1)) for month in (4, 5)], toml)

    assert (before["cost_usd"], before["price_status"]) == (D(3), "extrapolated")
    assert (after["cost_usd"], after["price_status"]) == (D(3), "exact")


def test_discount_is_applied_last_and_shown_apart(price: Any) -> None:
    """8 % off acme from March on: cost_usd is net, cost_list_usd is not."""
    toml = FULL + '[[discount]]\nprovider = "acme"\nmultiplier = 0.92\nfrom = 2026-03-01\n'
    rows = [acme(model="plain", started_at=moment) for moment in (datetime(2026, 2, 28), datetime(2026, 3, 1))]
    before, after = price(rows, toml)

    assert (before["cost_usd"], before["cost_list_usd"]) == (D(1), D(1))
    assert (after["cost_usd"], after["cost_list_usd"]) == (D("0.92"), D(1))
    assert after["price_id"] == "acme/plain@2026-03-01*0.92"


def test_own_machine(price: Any) -> None:
    """free = true for every model of a host: cost 0, and called local where it is a local runtime."""
    toml = HEAD + '[models."ollama/*"]\nfree = true\n'
    (found,) = price([{"provider": "ollama", "model": "llama3:8b", "input_tokens": 9, "output_tokens": 9}], toml)

    assert (found["cost_usd"], found["price_status"]) == (D(0), "local")


def test_issue_histories(price: Any) -> None:
    """Two dated histories written into a price file price each call by its own day."""
    toml = (
        HEAD
        + """
[models."deepseek/deepseek-chat"]
[[models."deepseek/deepseek-chat".price]]
input = 0.14
output = 0.28
[[models."deepseek/deepseek-chat".price]]
from = 2025-02-08
input = 0.27
output = 1.10
"""
    )
    rows = [
        {"provider": "deepseek", "model": "deepseek-chat", "input_tokens": 1000, "output_tokens": 1000, "started_at": t}
        for t in (datetime(2025, 2, 6), datetime(2025, 3, 24))
    ]

    assert [row["cost_usd"] for row in price(rows, toml)] == [D("0.00042"), D("0.00137")]


def test_plain_store_is_one_equality_join() -> None:
    """A store of plainly priced models joins on the model alone and adds two products."""
    book = PriceBook.open(start=Path("/"))
    held = Extent(cache_hits=False, columns=frozenset(("input_tokens", "output_tokens")))
    sql = rate_table(book, [("openai", "gpt-4-turbo", None, None)], extent=held).priced_sql

    assert "started_at" not in sql
    assert sql.endswith("on r.model = p.model")
    assert sql.count("p.net_") == 2


def test_rates_of_tokens_when_asked_for(price: Any) -> None:
    """Claude 3.5 Haiku: .80 fresh, .08 read, 1.00 written for 5 minutes, 1.60 for an hour, per million; else absent."""
    row = {"provider": "anthropic", "model": "claude-3-5-haiku", "input_tokens": 1000, "output_tokens": 0}
    names = ("input_rate_usd", "cache_read_rate_usd", "cache_write_rate_usd", "cache_write_1h_rate_usd")
    (found,) = price([row], rates=True, extent=Extent(columns=frozenset({"input_tokens"})))
    (plain,) = price([row])

    assert [D("0.0000008"), D("0.00000008"), D("0.000001"), D("0.0000016")] == [found[name] for name in names]
    assert found["cost_usd"] == plain["cost_usd"] == D("0.0008")
    assert not set(names) & set(plain)


def test_rates_of_tokens_without_a_price(price: Any) -> None:
    """GPT-4 Turbo lists no price for reads: unknown, though fresh input costs 10; an unknown model lists none."""
    rows = [{"model": model, "input_tokens": 1000, "output_tokens": 0} for model in ("gpt-4-turbo", "nobody-knows")]
    turbo, unknown = price(rows, rates=True)

    assert (D("0.00001"), None) == (turbo["input_rate_usd"], turbo["cache_read_rate_usd"])
    assert (None, None) == (unknown["input_rate_usd"], unknown["cache_read_rate_usd"])


def test_rates_are_those_of_the_day(price: Any) -> None:
    """Before 25 August 5 and .50 per million, from then on 4 and .40; of the gateway's own answers nothing."""
    moments = (datetime(2026, 8, 24), datetime(2026, 8, 26))
    rows = [acme(input_tokens=1000, started_at=moment) for moment in moments]
    found = price([*rows, acme(input_tokens=1000, cache_hit=True, started_at=moments[0])], FULL, rates=True)

    assert [(D("0.000005"), D("0.0000005")), (D("0.000004"), D("0.0000004")), (0, 0)] == [
        (row["input_rate_usd"], row["cache_read_rate_usd"]) for row in found
    ]
