"""Exact quantiles where memory is short: the same figures in passes that can spill."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.engines._passes import in_passes
from llmscope.engines.duckdb import DuckDB, asked, exact_in_passes, execute
from llmscope.errors import LlmscopeError
from llmscope.store import Store
from tests.spark import small_log
from tests.spark.asked import ASKED, SHARED

ROWS = 4_000_000
MEMORY = "96MB"
SHARES = (0.01, 0.5, 0.95, 0.99)
LISTED = ", ".join(f"quantile_cont(x, {share}) AS at_{i}" for i, share in enumerate(SHARES))
# As many values as rows but for ties, in two groups; a third group has none.
LARGE = f"""
WITH figures AS (
    SELECT CASE WHEN i % 3 = 0 THEN 'third' END AS part, (i * 7919 % 3999971) / 7.0 - 1000 AS x
    FROM range({ROWS}) AS t(i)
    UNION ALL
    SELECT 'none' AS part, NULL AS x
)
SELECT part, count(*) AS n, {LISTED}, max(x) AS most FROM figures GROUP BY part ORDER BY part NULLS LAST
"""
# Each form that the statements of analyses have, and types they have not.
SMALL = (
    """
    WITH kept AS (
        SELECT * FROM figures WHERE whole IS NULL OR whole <> $besides
    ), summed AS (
        SELECT part, quantile_cont(x, 0.5) AS p50, quantile_cont(x, 0.95) AS p95, count(*) AS n FROM kept GROUP BY part
    )
    SELECT "part" AS "the part", quantile_cont(x, 1e-05) AS least, quantile_cont(x, 0.999) + 1 AS most,
        avg(whole) AS mean, quantile_cont(whole, 0.3) AS of_whole, max(p95) AS p95,
        quantile_cont(x, 0.5) FILTER (WHERE whole > 0) AS some
    FROM kept JOIN summed USING (part)
    GROUP BY ALL
    ORDER BY 1
    """,
    """
    SELECT quantile_cont(x, 0.25) AS p25, min(x) AS least, quantile_cont(CAST(whole AS DECIMAL(30, 4)), 0.77) AS exact,
        quantile_cont(TIMESTAMP '2026-01-01' + to_seconds(whole % 1000), 0.4), quantile_cont(x, 0.7) + count(*)
    FROM figures
    WHERE whole IS NOT NULL
    """,
    """
    SELECT part, whole % 2 AS odd, quantile_cont(x, 0.9) AS p90
    FROM (SELECT *, lag(x) OVER (ORDER BY whole, x) AS before FROM figures) AS later
    WHERE before IS NOT NULL OR $besides IS NULL
    GROUP BY ALL
    ORDER BY ALL
    """,
)
NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, 2.5, 2.5000000001, math.inf, -math.inf, math.nan, 5e-324]),
    st.floats(-100, 100).map(lambda x: x + 0.0),
    st.floats(1e-300, 1e300),
)
FIGURES = st.lists(
    st.tuples(
        st.sampled_from(["a", "<script>", None]),
        NUMBERS,
        st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**60), 2**60)),
    ),
    max_size=60,
)


def close(one: Any, other: Any) -> bool:
    """Whether two cells are the same; sums of floats depend on the order of the rows."""
    if isinstance(one, float) and isinstance(other, float):
        return bool(one == pytest.approx(other, rel=1e-12, nan_ok=True))
    return bool(one == other)


class Both(DuckDB):
    """DuckDB that answers as always and holds the same question, answered in passes, against that."""

    forms: ClassVar[set[str]] = set()

    def rows(self, sql: str, values: Mapping[str, Any]) -> Any:
        columns, rows = super().rows(sql, values)
        form = re.sub(r"[\d.]+", "", sql)
        if "quantile_cont(" in sql and form not in self.forms:
            self.forms.add(form)
            with in_passes(lambda text, /, **bound: self.store.execute(text, bound or dict(values)), sql) as other:
                assert other is not None
                assert "quantile_cont" not in other
                names, again = asked(self.store.con, other, values)
            assert columns == names
            for one, two in zip(sorted(rows, key=repr), sorted(again, key=repr), strict=True):
                assert all(map(close, one, two)), (one, two)
        return columns, rows


@pytest.fixture
def little() -> Iterator[Store]:
    """An engine with little memory."""
    store = Store(None, memory=MEMORY)
    yield store
    store.close()


@pytest.fixture(scope="module")
def small() -> Iterator[Store]:
    """An engine for tables of a few rows."""
    store = Store(None)
    execute(store.con, "SET threads = 1")
    execute(store.con, "CREATE TEMP TABLE figures (part VARCHAR, x DOUBLE, whole BIGINT)")
    yield store
    store.close()


def temporary(store: Store) -> list[str]:
    """The temporary tables that stand."""
    return [name for (name,) in store.execute("SELECT table_name FROM duckdb_tables() WHERE temporary")]


def test_what_does_not_fit_is_answered_all_the_same(little: Store) -> None:
    """Four million values in 96 MB: quantile_cont gives up, the engine does not, and numpy finds the same figures."""
    with pytest.raises(LlmscopeError, match="not enough memory"):
        execute(little.con, LARGE)
    i = np.arange(ROWS)
    x, third = (i * 7919 % 3999971) / 7.0 - 1000, i % 3 == 0

    columns, rows = DuckDB(little).rows(LARGE, {})

    assert ["part", "n", "at_0", "at_1", "at_2", "at_3", "most"] == columns
    assert ("none", 1, None, None, None, None, None) == rows[0]
    for part, of in (("third", x[third]), (None, x[~third])):
        row = next(row for row in rows if row[0] == part)
        expected = [len(of), *np.quantile(of, SHARES), of.max()]
        assert list(row[1:]) == pytest.approx(expected, rel=1e-12)
    assert [] == temporary(little)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(figures=FIGURES)
def test_passes_are_exact(small: Store, figures: list[tuple[str | None, float | None, int | None]]) -> None:
    """In passes come the figures of quantile_cont to the last bit: groups, unknowns, ties, infinities, no number."""
    execute(small.con, "DELETE FROM figures")
    for row in figures:
        small.con.execute("INSERT INTO figures VALUES (?, ?, ?)", row)
    for sql in SMALL:
        found = exact_in_passes(small.con, sql, {"besides": 3})

        assert repr(asked(small.con, sql, {"besides": 3})) == repr(found)
    assert ["figures"] == temporary(small)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS n FROM figures",
        "SELECT quantile_cont(x, [0.5, 0.9]) AS both FROM figures",
        "SELECT quantile_cont(part, 0.5) AS middle FROM figures",
        "SELECT part, quantile_cont(x, 0.5) AS p50 FROM figures GROUP BY 1",
        "SELECT part, quantile_cont(x, 0.5) AS p50 FROM figures GROUP BY GROUPING SETS ((part), ())",
        "SELECT quantile_cont(x, 0.5) OVER () AS p50 FROM figures",
        "SELECT quantile_cont(x, 0.5 AS p50 FROM figures",
    ],
)
def test_what_passes_are_no_way_for(small: Store, sql: str) -> None:
    """Of any other form the engine's own answer holds, or its own error."""
    assert exact_in_passes(small.con, sql, {}) is None
    assert ["figures"] == temporary(small)


def test_what_is_kept(little: Store) -> None:
    """A temporary table of what does not fit is made all the same."""
    DuckDB(little).keep("kept", LARGE, {})

    kept = execute(little.con, "SELECT n, at_1 IS NULL FROM kept ORDER BY n")
    assert [(1, True), (1_333_334, False), (2_666_666, False)] == kept
    assert ["kept"] == temporary(little)


def test_a_statement_without_quantiles_is_run_on_one_thread(little: Store) -> None:
    """What is short of memory and has no quantiles says what to do, after it was tried on one thread."""
    with pytest.raises(LlmscopeError, match="not enough memory") as raised:
        DuckDB(little).rows(f"SELECT list(i) AS every FROM range({ROWS * 3}) AS t(i)", {})

    assert "--memory" in str(raised.value.hint)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the small log of all kinds."""
    from llmscope.cli import main

    folder = tmp_path_factory.mktemp("small")
    with pytest.raises(SystemExit):
        main(["load", str(small_log.write(folder / "logs")), "--keep-text", "--store", str(folder / "s.duckdb"), "-q"])
    return folder / "s.duckdb"


@pytest.mark.parametrize("name", ["compare", "drift", "latency", "throughput", "tokens", "trace slow", "trace steps"])
def test_every_question(log: Path, name: str) -> None:
    """What analyses ask of quantiles has a form that can be answered in passes, with the same rows."""
    Both.forms.clear()
    for options in ASKED[name]:
        shared = {key: value for key, value in options.items() if key in SHARED}
        with llmscope.open(store=str(log), **shared) as logs:
            logs.asked_engine = Both(logs.store)
            try:
                logs.run(name, **{key: value for key, value in options.items() if key not in SHARED})
            except LlmscopeError:
                continue

    assert Both.forms
