"""What the prompt cache read, wrote, saved and left unsaved, on logs small enough for pencil and paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscope.analyses import _tokens_caching_hours as of_hours
from llmscope.analyses import _tokens_prefix as of_prefixes
from tests.conftest import Run
from tests.load.writing import Record, lines, put, request

SAMPLE = Path(__file__).parents[2] / "sample_logs"
# Per million. Fresh 10, read 1, written for 5 minutes 12.50, for an hour 20; from 2 September all of it twice.
PRICES = """schema = 1
[defaults]
extends = "none"
[models."acme/claude-x"]
[[models."acme/claude-x".price]]
input = 10
output = 10
cache_read = 1
cache_write = 12.5
cache_write_1h = 20
[[models."acme/claude-x".price]]
from = 2026-09-02
input = 20
output = 20
cache_read = 2
cache_write = 25
cache_write_1h = 40
[models."acme/plain"]
input = 10
output = 10
"""


def answer(run: Run, here: Path, records: list[Record], *arguments: object) -> dict[str, Any]:
    """The JSON envelope of `tokens --caching` over these requests at PRICES."""
    put(here / "prices.toml", PRICES.encode())
    log = put(here / "log.jsonl", lines(records))
    done = run("tokens", log, "--caching", "--pricing", here / "prices.toml", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def call(number: int, minute: float = 0, day: int = 1, hour: int = 10, **changes: Any) -> Record:
    """An answered request of template t on claude-x."""
    seconds = round(minute * 60)
    known = {
        "started_at": f"2026-09-{day:02d}T{hour + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z",
        "request_model": "claude-x",
        "provider": "acme",
        "template": "t",
        "status": "ok",
        "input_tokens": 2000,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
    }
    return request(number, **{**known, **changes})


def test_money_is_of_the_day_of_each_request(here: Path, run: Run) -> None:
    """400,000 read on the 1st save 9 a million, 3.60; on the 2nd 18 a million, 7.20.

    100,000 written for 5 minutes on the 1st cost 2.50 a million above fresh, .25; 100,000 for an hour on the 2nd 20
    above fresh, 2.00. Net 10.80 - 2.25 = 8.55. Hits: 800,000 of 2,000,000.
    """
    million = {"input_tokens": 1_000_000, "cache_read_tokens": 400_000, "cache_write_tokens": 100_000}
    records = [call(1, **million), call(2, day=2, cache_write_1h_tokens=100_000, **million)]
    row = answer(run, here, records)["rows"][0]

    assert ("chat", "t", "claude-x", 2) == (row["feature"], row["template"], row["model"], row["requests"])
    assert (800_000, 200_000, 0.4, 1.0) == (
        row["cache_read_tokens"], row["cache_write_tokens"], row["hit_ratio"], row["reading_requests_ratio"],
    )  # fmt: skip
    assert [pytest.approx(10.8), pytest.approx(2.25), pytest.approx(8.55)] == [
        row["saved_usd"], row["write_premium_usd"], row["net_usd"],
    ]  # fmt: skip


def test_reads_without_a_cached_price_are_counted_and_not_zero(here: Path, run: Run) -> None:
    """A model that lists no price for reads, and one nobody knows: what they saved is unknown."""
    records = [call(i, request_model=m, cache_read_tokens=1000) for i, m in enumerate(("plain", "nobody-knows"))]
    found = answer(run, here, records)

    assert [(None, None, 1)] * 2 == [(r["saved_usd"], r["net_usd"], r["unpriced_requests"]) for r in found["rows"]]
    assert any("2 requests read or wrote cached tokens without a known price" in note for note in found["notes"])


def test_what_does_not_report_reads_is_in_no_share(here: Path, run: Run) -> None:
    """One request reads 1,000 of 2,000 and one does not say: half, not a quarter. Failures are left out."""
    silent = call(2, cache_read_tokens=..., cache_write_tokens=...)
    failed = call(3, status="error", cache_read_tokens=2000)
    found = answer(run, here, [call(1, cache_read_tokens=1000), silent, failed])
    row = found["rows"][0]

    assert (2, 0.5) == (row["requests"], row["hit_ratio"])
    assert any("1 request do" in note and "unknown, not 0" in note for note in found["notes"])
    assert any("1 failed or cancelled" in note for note in found["notes"])
    assert 3 == answer(run, here, [call(1), silent, failed], "--include", "failed")["rows"][0]["requests"]


def test_a_cache_that_costs_more_than_it_saves(here: Path, run: Run) -> None:
    """100,000 written and never read: .25 above fresh input, for nothing."""
    found = answer(run, here, [call(1, input_tokens=100_000, cache_write_tokens=100_000)])

    assert -0.25 == pytest.approx(found["rows"][0]["net_usd"])
    assert ["cache_loss"] == [f["kind"] for f in found["findings"]]
    assert "writes cost 0.25 USD above fresh input, reads saved 0.00 USD (n = 1)" in found["findings"][0]["text"]


def test_buckets_and_the_rest_of_top(here: Path, run: Run) -> None:
    """Hours without requests stand there empty; the sums of --top's rest are sums."""
    records = [call(1, cache_read_tokens=500), call(2, hour=12), call(3, hour=12, template="u", input_tokens=1)]
    hours = answer(run, here, records, "--over", "hour")["rows"]
    top = answer(run, here, [*records, call(4, template="v", input_tokens=3)], "--by", "template", "--top", 1)["rows"]

    assert [("2026-09-01T10:00", 0.25), ("2026-09-01T11:00", None), ("2026-09-01T12:00", 0.0)] == [
        (row["hour"], row["hit_ratio"]) for row in hours
    ]
    assert [("t", 2, 4000), ("(other)", 2, 4)] == [(r["template"], r["requests"], r["input_tokens"]) for r in top]


def opening(found: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = found["parts"]["prefixes"]["rows"][0]
    return row


def test_an_exact_prefix_and_its_money(here: Path, run: Run) -> None:
    """25 requests a minute apart share 4 blocks; every full block is 512 tokens: 2,048 tokens.

    Fresh 25 x 2,048 x 10 a million = .512; all read .0512; with 5 minutes of life the first writes at 12.50 and 24
    read at 1: 2,048 x (12.50 + 24) = .074752. Saved .437248. The log is a day long but for 24 minutes after: no
    month is made of less than a day, so one more request of another template ends it a day later, 1.4375 days.
    """
    blocks = ["a", "b", "c", "d"]
    records = [
        call(i, minute=i, input_tokens=2560 + 512 * (i % 2) - i % 2, prefix_hashes=[*blocks, f"x{i}"])
        for i in range(25)
    ]
    records.append(call(99, day=2, hour=20, minute=30, template="other", prefix_hashes=["z"], input_tokens=512))
    found = answer(run, here, records)
    row = opening(found)

    assert (2048, "prefix hashes", "not cached", 0.96) == (
        row["prefix_tokens"], row["known_by"], row["verdict"], row["within_5m_ratio"],
    )  # fmt: skip
    assert [pytest.approx(0.512), pytest.approx(0.0512), pytest.approx(0.074752), pytest.approx(0.437248)] == [
        row["now_usd"], row["all_read_usd"], row["cached_usd"], row["saving_usd"],
    ]  # fmt: skip
    assert pytest.approx(0.437248 / 1.4375 * 365.2425 / 12) == row["saving_per_month_usd"]
    assert ["uncached_prefix"] == [f["kind"] for f in found["findings"]]
    assert "opens each of 25 requests with the same 2,048 tokens and reads none" in found["findings"][0]["text"]


def test_versions_of_a_template_open_each_in_their_own_way(here: Path, run: Run) -> None:
    """v1 shares 2 blocks of 1,024 and v2 two others: nothing in common overall, 2,048 tokens each."""
    records = [
        call(i, minute=i, template_version=f"v{1 + i // 20}", input_tokens=3071 + i % 2 * 1,
             prefix_hashes=[f"a{i // 20}", f"b{i // 20}"] + [f"x{i}"] * (i % 2))
        for i in range(40)
    ]  # fmt: skip
    row = opening(answer(run, here, records))

    assert (2048, 40, "not cached") == (row["prefix_tokens"], row["requests"], row["verdict"])


def test_the_smallest_input_is_an_upper_bound(here: Path, run: Run) -> None:
    """Without hashes a finding needs a template on the same model that is seen to read, and says "at most"."""
    alone = [call(i, minute=i, input_tokens=3000 + i) for i in range(25)]
    beside = [call(100 + i, minute=i, template="warm", cache_read_tokens=1500) for i in range(25)]
    quiet, found = answer(run, here, alone), answer(run, here, alone + beside)

    assert ("smallest input, at most", "not cached, at most this") == (
        opening(quiet)["known_by"], opening(quiet)["verdict"],
    )  # fmt: skip
    assert [] == quiet["findings"]
    assert 1 == len(found["findings"])
    assert "at most 3,000 equal tokens" in found["findings"][0]["text"]
    assert "warm, on the same model, reads 75.0 %" in found["findings"][0]["text"]


@pytest.mark.parametrize(
    ("changes", "apart", "verdict"),
    [
        ({"input_tokens": 1023}, 1, "too short (under 1,024)"),
        ({}, 61, "too far apart"),
        ({"request_model": "plain"}, 1, "no cached price"),
        ({"request_model": "nobody-knows"}, 1, "no price"),
        ({"cache_read_tokens": 1500}, 1, "cached"),
        ({"cache_read_tokens": ...}, 1, "not reported"),
        ({"started_at": ...}, 1, "no times"),
    ],
)
def test_no_false_alarms(here: Path, run: Run, changes: Record, apart: int, verdict: str) -> None:
    """What cannot be cached, or is, is said in the table and is no finding."""
    records = [call(i, day=1 + i * apart // 600, minute=i * apart % 600, **changes) for i in range(25)]
    warm = [call(100 + i, minute=i, template="warm", cache_read_tokens=1900) for i in range(25)]
    found = answer(run, here, records + warm)
    rows = {row["template"]: row for row in found["parts"]["prefixes"]["rows"]}

    assert verdict == rows["t"]["verdict"]
    assert [] == [f for f in found["findings"] if f["kind"] == "uncached_prefix"]


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-sonnet-4-5-20250929", 1024), ("claude-haiku-4-5-20251001", 4096), ("claude-3-haiku-20240307", 2048),
        ("anthropic.claude-opus-4-5-v1:0", 4096), ("gemini-2.5-flash", 2048), ("gemini-3-pro", 4096),
        ("gpt-4o-2024-08-06", 1024), ("deepseek-chat", 64), ("nobody-knows", 1024),
    ],
)  # fmt: skip
def test_the_shortest_prefix_a_family_caches(model: str, least: int) -> None:
    """By the providers' guides; of an unknown family 1,024 is supposed."""
    assert least == of_prefixes.minimum(model)[0]


def bounds(*seen: tuple[int, int]) -> dict[str, float]:
    """What the log says of requests of (tokens, blocks)."""
    return {
        "above_full": max(t / (n + 1) for t, n in seen),
        "upto_full": min(t / n for t, n in seen),
        "from_partial": max(t / n for t, n in seen),
        "below_partial": min(t / (n - 1) for t, n in seen),
    }


def test_the_size_of_a_block() -> None:
    """Full blocks: 3,583 tokens are 6 of them, 3,584 are 7: above 511.9, at most 512.

    The last one partial: 7,680 tokens are 15, 513 are 2: at least 512, under 513; no size fits both of the last two.
    """
    assert 512 == of_prefixes.block_size([bounds((3583, 6), (3584, 7))])
    assert 512 == of_prefixes.block_size([bounds((6758, 14), (7680, 15)), bounds((513, 2))])
    assert of_prefixes.block_size([bounds((1000, 2)), bounds((1000, 9))]) is None
    assert of_prefixes.block_size([]) is None


def test_writes_never_read(here: Path, run: Run) -> None:
    """Written at 0, read 4 minutes later by another session; written at 10, read at 16: too late; at 30 for an hour.

    Any reader: the write at 10 was in vain (2.50 a million above fresh: 1,000 tokens, .0025). The same session: also
    the one at 0. The last write's hour ends after the log does, at 80: it is not judged. 4 writes, 3 judged.
    """
    wrote = {"cache_write_tokens": 1000}
    records = [
        call(1, 0, session_id="a", **wrote),
        call(2, 4, session_id="b", cache_read_tokens=1000),
        call(3, 10, session_id="a", **wrote),
        call(4, 16, session_id="a", cache_read_tokens=1000),
        call(5, 17, session_id="a", **wrote),
        call(6, 18, session_id="a", cache_read_tokens=1000),
        call(7, 30, session_id="a", cache_write_1h_tokens=1000, **wrote),
        call(8, 80, session_id="c"),
    ]
    rows = answer(run, here, records)["parts"]["writes"]["rows"]

    assert [("template and model", 3, 1, 1000), ("session", 3, 2, 2000)] == [
        (row["same"], row["writes"], row["unread_writes"], row["unread_tokens"]) for row in rows
    ]
    assert [pytest.approx(0.0025), pytest.approx(0.005)] == [row["unread_premium_usd"] for row in rows]


def test_cold_hours() -> None:
    """Of 100 requests an hour 80 read, at 3 and 4 o'clock 5: one sentence; an hour of 10 requests says nothing."""
    key = {"template": "t", "model": "m", "input_tokens": 1, "cache_read_tokens": 0}
    rows = [{**key, "hour_of_day": h, "requests": 100, "reading_requests": 5 if h in (3, 4) else 80} for h in range(12)]
    rows.append({**key, "hour_of_day": 20, "requests": 10, "reading_requests": 0})
    found = of_hours.cold(rows)

    assert 1 == len(found)
    assert "cold at 03:00 to 05:00: 5 % of 200 requests read from it, against 79 % of 1,010" in found[0].text
    assert () == of_hours.cold([{**row, "reading_requests": 0} for row in rows])


def test_an_empty_log_and_one_without_cached_tokens(here: Path, run: Run) -> None:
    """Nothing is said of what is not there, and how to map it is."""
    none = answer(run, here, [call(1, status="error")])
    silent = answer(run, here, [call(1, cache_read_tokens=..., cache_write_tokens=..., started_at=...)])

    assert ([], {}, []) == (none["rows"], none["parts"], none["findings"])
    assert (None, None, None) == tuple(silent["rows"][0][n] for n in ("cache_read_tokens", "hit_ratio", "net_usd"))
    assert any("--map cache_read_tokens=KEY" in note for note in silent["notes"])


def test_unknown_names_are_refused(here: Path, run: Run) -> None:
    """The nearest is named."""
    log = put(here / "log.jsonl", lines([call(1)]))
    done = run("tokens", log, "--caching", "--sort", "net_usdd")

    assert 2 == done.code
    assert "net_usd" in done.err


def test_the_planted_prefix_is_found_in_one_sentence(run: Run) -> None:
    """Story 7: 3,276 x 3,072 x 3 a million = 30.19 now, a tenth if read; nothing else is accused."""
    done = run("tokens", SAMPLE, "--caching", "-f", "json")
    found = [f for f in json.loads(done.out)["findings"] if f["kind"] == "uncached_prefix"]

    assert 1 == len(found)
    words = (
        "template agent-act on claude-sonnet-4-5-20250929", "the same 3,072 tokens", "reads none",
        "assistant, on the same model, reads 74.8 %", "30.19 USD over 102 days", "3.02 if all", "a month",
    )  # fmt: skip
    assert [] == [word for word in words if word not in found[0]["text"]]


@pytest.mark.parametrize(("sort", "first"), [("net_usd", "small"), ("hit_ratio", "small"), ("input_tokens", "large")])
def test_top_is_by_the_column_asked_for(here: Path, run: Run, sort: str, first: str) -> None:
    """The larger template reads nothing; by what is saved or by hits the smaller one is first."""
    records = [
        call(1, template="large", input_tokens=9000),
        call(2, template="small", cache_read_tokens=1000),
    ]
    rows = answer(run, here, records, "--by", "template", "--top", 1, "--sort", sort)["rows"]

    assert [first, "(other)"] == [row["template"] for row in rows]


def test_a_prefix_is_judged_by_requests_that_report_reads(here: Path, run: Run) -> None:
    """One in eight reports reads, and it read nearly all: what others read is unknown, so nothing is to be saved."""
    records = [
        call(i, minute=i, prefix_hashes=["a", "b", "c", f"x{i}"], cache_read_tokens=... if i % 8 else 1900)
        for i in range(240)
    ]
    found = answer(run, here, records)
    (row,) = found["parts"]["prefixes"]["rows"]

    assert ("cached", 30, 0.95) == (row["verdict"], row["requests"], row["hit_ratio"])
    assert [] == [f for f in found["findings"] if f["kind"] == "uncached_prefix"]
