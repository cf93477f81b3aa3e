"""The engine's own spelling of portable SQL."""

from __future__ import annotations

from llmscope.engines.duckdb import connect, sharing_quantiles

PORTABLE = (
    "SELECT quantile_cont(x, 0.5) AS p50, quantile_cont(x, 0.95) AS p95, quantile_cont(y, 0.5) AS other,"
    " quantile_cont(x, 0.5) FILTER (WHERE x > 1) AS some FROM (SELECT i AS x, i * 2 AS y FROM range(5) AS r(i))"
)


def test_quantiles_of_one_column_are_asked_for_together() -> None:
    """Of 0..4: p50 is 2, p95 lies at 3.8; of the doubles p50 is 4; of 2..4 it is 3."""
    shared = sharing_quantiles(PORTABLE)
    assert "quantile_cont(x, [0.5, 0.95])[1] AS p50" in shared
    assert "quantile_cont(y, 0.5)" in shared
    assert "quantile_cont(x, 0.5) FILTER" in shared
    con = connect()
    assert con.execute(shared).fetchall() == con.execute(PORTABLE).fetchall() == [(2.0, 3.8, 4.0, 3.0)]
    con.close()
