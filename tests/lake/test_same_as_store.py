"""A lake answers as a store does: the same logs in the same order, file by file, give the same rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from llmscope.lake.lake import Lake
from llmscope.lake.loading import load_into
from llmscope.lake.session import lake_store
from llmscope.load import LoadOptions, load
from llmscope.schema import TABLES
from llmscope.store import Store, present_columns

FIXTURES = Path(__file__).parents[1] / "sources" / "fixtures"
MIXES = (("langfuse",), ("langsmith", "labels"), ("otlp", "vectors"), ("litellm", "helicone", "openrouter"))


def rows_of(con: Any) -> dict[str, list[str]]:
    """Every row of every table, as text; load numbers aside, which differ."""
    found = {}
    for table in TABLES:
        columns = sorted(present_columns(con, table))
        listed = ", ".join(f"{n}::VARCHAR AS {n}" for n in columns if n not in ("load_id", "faults"))
        rows = con.execute(f"SELECT {listed} FROM {table}").fetchall()
        names = [d[0] for d in con.description]
        found[table] = sorted(str({n: v for n, v in zip(names, row, strict=True) if v is not None}) for row in rows)
    return found


def loaded_both(files: list[str], folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The rows of a store and of a lake that each file was loaded into by itself."""
    store = Store(folder / "store.duckdb")
    for file in files:
        load(store, [file], LoadOptions())
        load_into(Lake.open(folder / "lake", create=True), [file], LoadOptions())
    lake = lake_store(str(folder / "lake"))
    try:
        return rows_of(store.con), rows_of(lake.con)
    finally:
        store.close()
        lake.close()


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_every_kind_of_log(mix: tuple[str, ...], tmp_path: Path) -> None:
    """Requests, spans, scores, traces and vectors, in an order that joins them across loads."""
    files = sorted(str(p) for name in mix for p in (FIXTURES / name).rglob("*") if p.is_file() and p.suffix != ".py")
    random.Random(len(files)).shuffle(files)
    store, lake = loaded_both(files[:4], tmp_path)

    assert store == lake
    assert any(store.values())
