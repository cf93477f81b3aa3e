"""Every statement of the analyses keeps to the subset that Spark has too, and none is answered nearly there."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope import analyses as package
from llmscope.engines.duckdb import DuckDB
from llmscope.errors import LlmscopeError
from tests.spark.asked import ASKED, SHARED

pytest.importorskip("sqlglot", reason="the extra llmscope-toolkit[spark] is not installed")

# What DuckDB and Spark answer differently without a word: the list of the design.
FORBIDDEN = re.compile(
    r"\basof\b|\bepoch(_ms)?\s*\(|\bmad\s*\(|\bapprox_|\blog\s*\(|\bhash\s*\(|\bfsum\s*\(|\bhugeint\b"
    r"|\bwithin\s+group\b|\btablesample\b|\busing\s+sample\b|\bquantile_cont\s*\([^()]*,\s*\[",
    re.IGNORECASE,
)


def constants() -> Iterator[tuple[str, str]]:
    """The SQL written down in the package, by where it stands."""
    for found in pkgutil.walk_packages(package.__path__, "llmscope.analyses."):
        for name, value in inspect.getmembers(import_module(found.name), lambda value: isinstance(value, str)):
            if not name.startswith("__") and re.search(r"\bSELECT\b.*\bFROM\b", value, re.DOTALL):
                yield f"{found.name}.{name}", value


class Listening(DuckDB):
    """DuckDB that writes down what it is asked."""

    def __init__(self, store: Any, heard: dict[str, None]) -> None:
        super().__init__(store)
        self.heard = heard

    def rows(self, sql: str, values: Any) -> Any:
        self.heard[sql] = None
        return super().rows(sql, values)


@pytest.fixture(scope="module")
def statements(lakes: dict[str, Path]) -> list[str]:
    """Whatever the analyses send when they are asked all that the table of options has."""
    heard: dict[str, None] = {}
    for name, sets in ASKED.items():
        for options in sets:
            shared = {key: value for key, value in options.items() if key in SHARED}
            with llmscope.open(store=str(lakes["small"]), **shared) as logs:
                logs.asked_engine = Listening(logs.store, heard)
                try:
                    logs.run(name, **{key: value for key, value in options.items() if key not in SHARED})
                except LlmscopeError:
                    continue
    return list(heard)


def test_constants() -> None:
    """No SQL constant names what the two engines answer differently."""
    found = {where: FORBIDDEN.search(sql) for where, sql in constants()}

    assert len(found) > 60
    assert {} == {where: hit[0] for where, hit in found.items() if hit}


def test_statements(statements: list[str]) -> None:
    """What is sent keeps to the subset, and is exact as Spark is given it."""
    from llmscope.engines._spark_dialect import NEARLY, spelled

    texts = [spelled(sql, "v_", frozenset({"rates", "what_if", "listed_ids"})).text for sql in statements]

    assert len(statements) > 200
    assert [] == [sql for sql in statements if FORBIDDEN.search(sql)]
    assert [] == [text for text in texts if NEARLY.search(re.sub(r"'[^']*'", "", text))]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT approx_quantile(latency_ms, 0.5) FROM main.requests",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FROM main.requests",
        "SELECT approx_count_distinct(user_id) FROM main.requests",
        "SELECT * FROM main.requests USING SAMPLE 10%",
    ],
)
def test_nearly_is_refused(sql: str) -> None:
    """What Spark would answer nearly is not sent, however it was written."""
    from llmscope.engines._spark_dialect import spelled

    with pytest.raises(LlmscopeError, match="nearly"):
        spelled(sql)


def test_data_is_not_looked_at() -> None:
    """A value in the text may be called what it likes."""
    from llmscope.engines._spark_dialect import spelled

    assert "approx_" in spelled("SELECT 'approx_quantile' AS x FROM main.requests").text
