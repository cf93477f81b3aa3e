"""A tiny store: rows as dictionaries in, priced rows out, through the SQL that ships."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmscope.pricing import PriceBook, rate_table
from llmscope.schema import REQUESTS

Row = dict[str, Any]
Price = Callable[..., list[Row]]
NOON = datetime(2026, 11, 2, 12)


def load(con: duckdb.DuckDBPyConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Fills `requests`."""
    con.execute(f"create or replace table requests ({', '.join(f'{c.name} {c.sql_type}' for c in REQUESTS)})")
    for number, row in enumerate(rows):
        full = {"request_id": str(number), "status": "ok", "started_at": NOON, "model": "unknown", **row}
        marks = ", ".join("?" * len(full))
        con.execute(f"insert into requests ({', '.join(full)}) values ({marks})", list(full.values()))


def price_all(con: duckdb.DuckDBPyConnection, book: PriceBook, **options: Any) -> list[Row]:
    """Prices what `requests` holds, in order of request_id."""
    keys = con.execute("select distinct provider, model, service_tier, region from requests").fetchall()
    table = rate_table(book, keys, now=datetime(2026, 11, 21), **options)
    con.execute(table.create_sql)
    if table.insert_sql:
        con.execute(table.insert_sql, table.parameters)
    found = con.execute(f"select * from ({table.priced_sql}) order by cast(request_id as bigint)")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def price(tmp_path: Path) -> Price:
    """price(rows, toml="...") -> the rows with cost_usd, price_status and price_id."""

    def run(rows: Iterable[Mapping[str, Any]], toml: str | None = None, **options: Any) -> list[Row]:
        path = None
        if toml is not None:
            path = tmp_path / "prices.toml"
            path.write_text(toml)
        with duckdb.connect() as con:
            load(con, rows)
            return price_all(con, PriceBook.open(path, start=tmp_path), **options)

    return run


@pytest.fixture(autouse=True)
def _no_user_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own price file takes part."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
