"""What holds of every priced table, whatever the rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscope.pricing import EXTENT_SQL, Extent, PriceBook, extent_of, rate_table
from llmscope.pricing.rates import Key, rate_rows
from llmscope.schema import REQUESTS

MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5.4"),
    ("anthropic", "claude-sonnet-4-5"),
    ("deepseek", "deepseek-v4-pro"),
    ("google", "gemini-2.5-flash"),
    (None, "mixtral-8x7b"),
    ("acme", "mystery"),
]
FEW = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A row that keeps the rules of schema.md."""
    provider, model = draw(st.sampled_from(MODELS))
    total = draw(st.integers(0, 600_000))
    read = draw(st.integers(0, total))
    return {
        "provider": provider,
        "model": model,
        "service_tier": draw(st.sampled_from([None, "batch", "flex", "priority", "scale"])),
        "started_at": draw(
            st.none() | st.integers(0, 1000).map(lambda day: datetime(2024, 6, 1) + timedelta(days=day, hours=day % 24))
        ),
        "input_tokens": draw(st.none() | st.just(total)),
        "output_tokens": draw(st.none() | st.integers(0, 100_000)),
        "cache_read_tokens": read,
        "cache_write_tokens": draw(st.integers(0, total - read)),
        "feature": draw(st.sampled_from(["a", "b"])),
    }


@FEW
@given(st.lists(requests(), max_size=12))
def test_no_row_is_lost_doubled_or_priced_at_nothing(price: Any, rows: list[dict[str, Any]]) -> None:
    """As many rows out as in; unpriced and no_usage are NULL, every other cost is 0 or more."""
    found = price(rows)

    assert [row["request_id"] for row in found] == [str(i) for i in range(len(rows))]
    for row in found:
        assert (row["cost_usd"] is None) == (row["price_status"] in ("unpriced", "no_usage"))
        assert row["cost_usd"] is None or row["input_tokens"] is None or row["cost_usd"] >= 0


@FEW
@given(st.lists(requests(), max_size=12), st.randoms())
def test_totals_do_not_depend_on_order_or_grouping(price: Any, rows: list[dict[str, Any]], random: Any) -> None:
    """Shuffled rows give the same total to the last digit; groups add up to it."""
    costs = [row["cost_usd"] or Decimal(0) for row in price(rows)]
    groups: Counter[str] = Counter()
    for row in price(rows):
        groups[row["feature"]] += row["cost_usd"] or Decimal(0)
    shuffled = random.sample(rows, len(rows))

    assert sum(row["cost_usd"] or Decimal(0) for row in price(shuffled)) == sum(costs)
    assert sum(groups.values()) == sum(costs)


@FEW
@given(
    st.sampled_from(MODELS),
    st.sampled_from([None, "batch", "flex"]),
    st.integers(0, 1300),
    st.integers(0, 23),
    st.integers(0, 500_000),
)
def test_exactly_one_rate_fits(model: Any, tier: str | None, day: int, hour: int, tokens: int) -> None:
    """At any time, hour and size, one rate row of a priced key holds, and never two."""
    book = PriceBook.open(start=Path("/"))
    moment = datetime(2024, 1, 1, hour) + timedelta(days=day)
    key = Key(*model, tier)
    rows = rate_rows(book, key, book.resolve(*model), Extent(), moment)
    fitting = [
        r
        for r in rows
        if r.starts <= moment < r.ends
        and r.over < tokens <= r.upto
        and (r.schedule is None or r.schedule.holds(moment) == r.peak)
    ]

    assert len(fitting) == (1 if rows else 0)


def test_threads_and_extent_change_nothing(tmp_path: Path) -> None:
    """One thread or two, all prices or only those of the store's own days: one total, digit for digit."""
    book = PriceBook.open(start=tmp_path)
    totals = set()
    for threads in (1, 2):
        with duckdb.connect() as con:
            con.execute(f"set threads = {threads}")
            con.execute(f"create table requests ({', '.join(f'{c.name} {c.sql_type}' for c in REQUESTS)})")
            con.execute(
                """insert into requests (request_id, provider, model, started_at, input_tokens, output_tokens,
                  cache_read_tokens, status)
                select cast(i as varchar), ['openai', 'anthropic'][1 + i % 2],
                  ['gpt-5.4', 'claude-sonnet-4-5'][1 + i % 2], timestamp '2026-02-01' + to_hours(i % 6000),
                  (i * 37) % 400000, (i * 13) % 900, (i * 37) % 400000 // 3, 'ok'
                from range(20000) t(i)"""
            )
            keys = con.execute("select distinct provider, model, service_tier, region from requests").fetchall()
            for extent in (None, extent_of(con.execute(EXTENT_SQL).fetchall()[0])):
                table = rate_table(book, keys, extent=extent)
                con.execute(table.create_sql)
                con.execute(table.insert_sql or "", table.parameters)
                totals.add(con.execute(f"select count(*), sum(cost_usd) from ({table.priced_sql})").fetchall()[0])

    assert len(totals) == 1
    assert next(iter(totals))[0] == 20000
