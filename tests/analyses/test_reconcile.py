"""Logged against computed: every reason by hand, on logs of a few requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.analyses import _gaps
from llmscope.errors import UsageError
from llmscope.result import Result

# USD per 1M tokens; a search costs 0.01 USD.
PRICES = """schema = 1
[defaults]
extends = "none"
[models."acme/pro-1"]
[[models."acme/pro-1".price]]
input = 5
output = 14
[[models."acme/pro-1".price]]
from = 2026-01-01
input = 2
output = 10
cache_read = 0.5
cache_write = 2.5
web_search = 10
above = [{ input_tokens = 200_000, input = 3, output = 12 }]
batch = { multiplier = 0.5 }
priority = { input = 3, output = 15 }
regions = { us = { multiplier = 1.2 } }
[models."acme/plain"]
input = 2
output = 10
[models."acme/voice"]
input = 2
output = 10
input_audio = 10
[models."acme/night"]
input = 2
output = 10
peak = { multiplier = 2.0, utc = ["01:00-04:00"] }
"""
Row = dict[str, Any]
Reconcile = Callable[..., Result]
# 10,000 in at 2 and 1,000 out at 10: 0.02 + 0.01 = 0.03 USD.
PLAIN = {"input_tokens": 10_000, "output_tokens": 1000}
# 4,000 fresh at 2, 4,000 read at 0.5, 2,000 written at 2.5, 1,000 out at 10: 0.008 + 0.002 + 0.005 + 0.01 = 0.025 USD.
CACHED = {**PLAIN, "cache_read_tokens": 4000, "cache_write_tokens": 2000}


def row(number: int, logged: float | None, **fields: Any) -> Row:
    """One request of acme's pro-1 at noon on a day in June 2026."""
    asked = {"provider": "acme", "request_model": "pro-1", "started_at": "2026-06-15T12:00:00Z", "status": "ok"}
    found = {"request_id": f"r{number}", **asked, **PLAIN, **fields}
    return found if logged is None else {**found, "cost_logged_usd": logged}


@pytest.fixture
def reconcile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reconcile:
    """reconcile(rows, prices=..., **options) -> the Result."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    def run(rows: list[Row], prices: str = PRICES, **options: Any) -> Result:
        (tmp_path / "prices.toml").write_text(prices)
        (tmp_path / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
        with llmscope.open("log.jsonl", pricing="prices.toml") as logs:
            return logs.reconcile(**options)

    return run


@pytest.mark.parametrize(
    ("fields", "logged", "reason"),
    [
        # 0.025 + 6,000 at 2 (0.012); reads alone + 0.008; writes alone + 0.004
        (CACHED, 0.037, "cached tokens charged twice"),
        (CACHED, 0.033, "cache reads charged twice"),
        (CACHED, 0.029, "cache writes charged twice"),
        # all 10,000 at 2: 0.03; reads at 2, writes at 2.5: 0.031; reads at 0.5, writes at 2: 0.024
        (CACHED, 0.030, "cached tokens charged as fresh input"),
        (CACHED, 0.031, "cache discount not applied"),
        (CACHED, 0.024, "cache writes charged as fresh input"),
        # 0.025 - 0.002 - 0.005; - 0.002; - 0.005
        (CACHED, 0.018, "cached tokens not charged"),
        (CACHED, 0.023, "cache reads not charged"),
        (CACHED, 0.020, "cache writes not charged"),
        # 700 of the 1,000 out again: + 0.007; or left out: - 0.007
        ({"reasoning_tokens": 700}, 0.037, "reasoning tokens charged twice"),
        ({"reasoning_tokens": 700}, 0.023, "reasoning tokens not charged"),
        # computed 6,000 at 2 + 4,000 at 10 + 0.01 = 0.062
        ({"request_model": "voice", "audio_input_tokens": 4000}, 0.030, "audio charged as text"),
        # computed 0.03 + 3 searches at 0.01 = 0.06
        ({"web_searches": 3}, 0.030, "fees for searches not charged"),
        # 10,000 at 10 + 1,000 at 2
        ({}, 0.102, "input and output swapped"),
        # half; 10,000 at 3 + 1,000 at 15; batch asked for and charged in full
        ({}, 0.015, "priced as batch"),
        ({}, 0.045, "priced as priority"),
        ({"service_tier": "batch"}, 0.030, "batch price not applied"),
        ({"request_model": "plain"}, 0.015, "half price, as batch is"),
        # 0.03 x 1.2, and the other way about
        ({}, 0.036, "priced as in region us"),
        ({"region": "us"}, 0.030, "regional price not applied"),
        # 0.03 x 1.1; 0.03 x 1.055
        ({}, 0.033, "regional uplift of 10 % added"),
        ({}, 0.03165, "another host's price (OpenRouter's 5.5 % fee added)"),
        # 10,000 at 5 + 1,000 at 14; in 2025 that is the price, and the later one is logged
        ({}, 0.064, "another date's price: that until 2026-01-01"),
        ({"started_at": "2025-06-15T12:00:00Z"}, 0.030, "another date's price: that from 2026-01-01"),
        # computed 250,000 at 3 + 1,000 at 12 = 0.762, logged at 2 and 10; a short prompt at 3 and 12
        ({"input_tokens": 250_000}, 0.510, "price of long prompts not applied"),
        ({}, 0.042, "price of long prompts applied"),
        # computed double inside the peak hours
        ({"request_model": "night", "started_at": "2026-06-15T02:00:00Z"}, 0.030, "off-peak price"),
        ({"request_model": "night"}, 0.060, "peak price"),
        ({}, 30.0, "price per 1M tokens taken as per 1K"),
        ({}, 0.00003, "price per 1K tokens taken as per 1M"),
        ({}, 30_000.0, "price per 1M tokens taken as per token"),
        # 1,300 at 2 + 1,100 at 10 = 0.0136; 130 at 2 + 110 at 10 = 0.00136
        ({"input_tokens": 1300, "output_tokens": 1100}, 0.01, "rounded: to whole cents"),
        ({"input_tokens": 130, "output_tokens": 110}, 0.0014, "rounded: to hundredths of a cent"),
        ({"cache_hit": True}, 0.030, "charged, though the gateway's own cache answered"),
    ],
)
def test_reasons(reconcile: Reconcile, fields: Row, logged: float, reason: str) -> None:
    """Each mistake is named, for the slice and for the request."""
    found = reconcile([row(1, logged, **fields)])

    assert [r["reason"] for r in found.rows] == [f"{reason} (explains 100 %)"]
    assert [r["reason"] for r in found.parts["requests"].rows] == [reason]


def test_discount(reconcile: Reconcile) -> None:
    """A negotiated price that the log does not know: computed 0.8 x 0.03 = 0.024, logged at list."""
    found = reconcile([row(1, 0.03)], PRICES + '[[discount]]\nprovider = "acme"\nmultiplier = 0.8\n')

    assert found.rows[0]["cost_usd"] == pytest.approx(0.024)
    assert found.rows[0]["reason"] == "discount of pricing.toml not applied (explains 100 %)"


def test_price_nobody_knows(reconcile: Reconcile) -> None:
    """Logged at 7 and 31, which no price file holds: the figures are solved from the log itself."""
    # 1,000 at 7 + 100 at 31 = 0.007 + 0.0031, and so on.
    sizes = [(1000, 100, 0.0101), (2000, 150, 0.01865), (1500, 400, 0.0229), (900, 50, 0.00785), (4000, 1000, 0.059)]
    rows = [row(i, usd, input_tokens=taken, output_tokens=given) for i, (taken, given, usd) in enumerate(sizes)]

    found = reconcile(rows)

    price = "7 USD in, 31 USD out per 1M tokens"
    assert found.rows[0]["reason"] == f"a price not in the book, perhaps another date's: {price} (explains 100 %)"


def test_figures(reconcile: Reconcile) -> None:
    """Sums over requests with both figures; what has only one is counted beside them."""
    rows = [
        row(1, 0.03),  # agrees
        row(2, 0.0301),  # agrees: 0.0001 is 0.33 % of 0.0301
        row(3, 0.06),  # double
        row(4, None),  # computed 0.03
        row(5, 0.0),  # 0 for tokens used; computed 0.03
        row(6, 0.5, request_model="nobody-2"),  # no price
        row(7, 0.03, request_model="plain"),  # agrees
    ]
    found = reconcile(rows)

    names = ("requests", "cost_logged_usd", "cost_usd", "difference_usd", "difference_ratio", "agreeing_ratio")
    assert [[r[n] for n in names] for r in found.rows] == [
        [3, pytest.approx(0.1201), pytest.approx(0.09), pytest.approx(0.0301), pytest.approx(0.0301 / 0.09), 2 / 3],
        [1, 0.03, 0.03, 0.0, 0.0, 1.0],
    ]
    assert [r["only_computed_requests"] for r in found.rows] == [1, 0]
    assert [r["logged_zero_requests"] for r in found.rows] == [1, 0]
    assert found.totals is not None
    assert found.totals["requests"] == 4
    assert found.totals["only_logged_requests"] == 1
    said = " | ".join(found.notes)
    assert "4 of 7 requests have a logged and a computed cost; 1 of them differ" in said
    assert "1 request logs no cost and is not compared (computed 0.0300 USD)" in said
    assert "1 request logs a cost of 0 for what was used (computed 0.0300 USD" in said
    assert "1 request logs a cost and has none of ours (logged 0.5000 USD)" in said
    assert "1 request has a model without a known price" in said


def test_no_single_reason(reconcile: Reconcile) -> None:
    """Half of a gap explained is no reason; how much is said."""
    # gaps: 0.102 - 0.03 = 0.072 (swapped) and 0.13 - 0.03 = 0.1 (nothing): 72 of 172 is 41 %.
    found = reconcile([row(1, 0.102), row(2, 0.13)])

    assert found.rows[0]["reason"] == "no single reason found; the most: input and output swapped (explains 41 %)"
    assert found.rows[0]["explained_ratio"] is None
    reasons = [(r["request_id"], r["reason"]) for r in found.parts["requests"].rows]
    assert reasons == [("r2", "no single reason found"), ("r1", "input and output swapped")]
    assert found.findings == ()


def test_the_reason_of_most_goes_first(reconcile: Reconcile) -> None:
    """0.03 for 0.025 may be any of two mistakes; the one that explains the other requests too is named."""
    # Fresh input: 0.03 for CACHED. With 4,000 reads only (computed 0.024) 0.03 is that mistake again, or no discount.
    found = reconcile([row(1, 0.03, **CACHED), row(2, 0.03, **PLAIN, cache_read_tokens=4000)])

    assert {r["reason"] for r in found.parts["requests"].rows} == {"cached tokens charged as fresh input"}


def test_slice_and_requests_say_the_same(reconcile: Reconcile) -> None:
    """Without cache writes, reads charged twice and cached tokens charged twice are one: both places choose alike."""
    # 10,000 - n at 2, n at 0.5, 0.01 out, and n at 2 again: 0.03 + 0.5 n / 1M
    rows = [row(n, 0.03 + 0.0000005 * n, cache_read_tokens=n) for n in range(1000, 9000, 70)]

    found = reconcile(rows)

    assert {r["reason"] for r in found.parts["requests"].rows} == {"cached tokens charged twice"}
    assert found.rows[0]["reason"] == "cached tokens charged twice (explains 100 %)"


def test_dated_history_settles_it(reconcile: Reconcile) -> None:
    """A request is compared at the price of its own day: 0.064 in 2025 agrees."""
    found = reconcile([row(1, 0.064, started_at="2025-06-15T12:00:00Z"), row(2, 0.03)])

    assert found.rows[0]["agreeing_ratio"] == 1
    assert found.rows[0]["reason"] is None
    assert found.parts["requests"].rows == ()


@pytest.mark.parametrize(("tolerance", "agreeing"), [(0.005, 0.0), (0.1, 1.0), (0.0, 0.0)])
def test_tolerance(reconcile: Reconcile, tolerance: float, agreeing: float) -> None:
    """0.0315 for 0.03 differs by 4.8 % of what was logged."""
    found = reconcile([row(1, 0.0315)], tolerance=tolerance)

    assert found.rows[0]["agreeing_ratio"] == agreeing


def test_a_millionth_of_a_dollar_agrees(reconcile: Reconcile) -> None:
    """One token in at 2 is 0.000002; 0.0000028 is 40 % more and less than a millionth more."""
    found = reconcile([row(1, 0.0000028, input_tokens=1, output_tokens=0)])

    assert found.rows[0]["agreeing_ratio"] == 1


def test_top(reconcile: Reconcile) -> None:
    """--top keeps the slices and requests that differ most; the rest is one row, and sums still add up."""
    rows = [
        row(1, 0.06),
        row(2, 0.04, request_model="plain"),
        row(3, 0.03, request_model="night"),
        row(4, 0.031, request_model="plain"),
    ]
    found = reconcile(rows, top=1)

    assert [(r["model"], r["requests"]) for r in found.rows] == [("pro-1", 1), ("(other)", 3)]
    assert found.rows[1]["difference_usd"] == pytest.approx(0.011)
    assert found.totals is not None
    assert sum(r["difference_usd"] for r in found.rows) == pytest.approx(found.totals["difference_usd"])
    assert [r["request_id"] for r in found.parts["requests"].rows] == ["r1"]


def test_by_several_dimensions_and_tags(reconcile: Reconcile) -> None:
    """Reasons follow the slices asked for; a request with two tags stands under each."""
    twice = {**CACHED, "feature": "chat", "tags": ["a", "b"]}
    rows = [row(1, 0.037, **twice), row(2, 0.102, feature="search", tags=["b"])]

    by_feature = reconcile(rows, by="feature,model")
    by_tag = reconcile(rows, by="tag")

    assert [(r["feature"], r["reason"]) for r in by_feature.rows] == [
        ("search", "input and output swapped (explains 100 %)"),
        ("chat", "cached tokens charged twice (explains 100 %)"),
    ]
    assert [(r["tag"], r["requests"], r["reason"]) for r in by_tag.rows] == [
        ("b", 2, "input and output swapped (explains 85 %)"),  # 0.072 of 0.084
        ("a", 1, "cached tokens charged twice (explains 100 %)"),
    ]


def test_findings_say_when(reconcile: Reconcile) -> None:
    """What one reason explains is said in a sentence, with the days it happened on."""
    rows = [
        row(1, 0.037, **CACHED),
        row(2, 0.037, **CACHED, started_at="2026-06-18T12:00:00Z"),
        row(3, 0.03, started_at="2026-07-01T12:00:00Z"),
    ]
    found = reconcile(rows)

    assert [f.text for f in found.findings] == [
        "pro-1: logged 0.1040 USD, computed 0.0800 USD (+30.0 %), between 2026-06-15 and 2026-06-18: "
        "cached tokens charged twice (explains 100 %)"
    ]


def test_nothing_to_compare(reconcile: Reconcile) -> None:
    """A log without logged costs gives no rows, and says why."""
    found = reconcile([row(1, None)])

    assert found.rows == ()
    assert "0 of 1 requests have a logged and a computed cost" in found.notes[0]


@pytest.mark.parametrize("options", [{"top": 0}, {"tolerance": -1}, {"tolerance": 1}, {"sort": "nothing"}, {"by": "x"}])
def test_refusals(reconcile: Reconcile, options: Row) -> None:
    """Options that mean nothing are refused."""
    with pytest.raises(UsageError):
        reconcile([row(1, 0.03)], **options)


def test_sample_bounds_the_search(reconcile: Reconcile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons are tried on about so many requests, drawn by the first digits of their hash; the figures are of all."""
    monkeypatch.setattr(_gaps, "MOST_TRIED", 20)

    found = reconcile([row(number, 0.102) for number in range(40)])

    assert (_gaps.below(20), _gaps.below(40)) == (_gaps.EVERY, "80000000")
    assert found.rows[0]["cost_logged_usd"] == pytest.approx(40 * 0.102)
    assert found.rows[0]["reason"] == "input and output swapped (explains 100 %)"
    assert "reasons of slices rest on about 20 of the requests that differ, drawn by hash" in found.notes
