"""The days, quantiles, sessions and mixes of two windows, counted by hand on logs of a few requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from math import log
from pathlib import Path

import pytest
import sqlglot

from llmscope.analyses import _daily, _drift_asked, _drift_distances, _drift_mixes, _drift_scores, _slices
from llmscope.logs import Logs
from llmscope.opening import open_logs
from llmscope.result import Window
from tests.load.writing import Record, lines, put, request

BEFORE = Window(datetime(2026, 9, 1), datetime(2026, 10, 1))
AFTER = Window(datetime(2026, 10, 1), datetime(2026, 11, 1))


@contextmanager
def sides_of(here: Path, records: list[Record], by: str | None = None) -> Iterator[_daily.Sides]:
    """The two months of a log, with every metric."""
    with open_logs([str(put(here / "log.jsonl", lines(records)))]) as logs:
        yield asked(logs, by).sides


def asked(logs: Logs, by: str | None = None) -> _drift_asked.Asked:
    groups = _slices.grouping(by, None)
    return _drift_asked.Asked(
        logs, (BEFORE, AFTER), groups, _drift_asked.NAMES, frozenset(), 20, dependent=False, distances=False
    )


def at(day: str, number: int, **changes: object) -> Record:
    return request(number, started_at=f"{day}T10:00:00Z", status="ok", **changes)


def test_days_hold_counts_and_sums_of_logarithms(here: Path) -> None:
    """Two requests of 100 and 400 ms on one day: n 2, ln 100 + ln 400 = 10.5966; one failed is in no latency."""
    records = [
        at("2026-09-02", 1, latency_ms=100.0, finish_reason="length"),
        at("2026-09-02", 2, latency_ms=400.0, finish_reason="stop"),
        request(3, started_at="2026-09-02T11:00:00Z", status="error", error_class="server", latency_ms=9000.0),
        at("2026-10-02", 4, latency_ms=0.0),
        at("2026-11-02", 5, latency_ms=50.0),
    ]
    with sides_of(here, records) as sides:
        first, last = sorted(_daily.whole_days(_daily.days(sides, {})), key=lambda row: row["day_of"])

    assert ("before", datetime(2026, 9, 2), 3) == (first["side"], first["day_of"], first["requests"])
    assert 2 == first["latency_n"]
    assert log(100) + log(400) == pytest.approx(float(first["latency_total"]), abs=1e-8)
    assert (3, 1) == (first["error_rate_n"], first["error_rate_total"])
    assert (2, 1) == (first["truncation_rate_n"], first["truncation_rate_total"])
    assert ("after", 1, 0, 1) == (last["side"], last["requests"], last["latency_n"], last["latency_off"])


def test_exceedances_are_over_the_earlier_quantile_of_the_whole_and_of_the_slice(here: Path) -> None:
    """Earlier medians: chat 1..5 ms 3, search 10..50 ms 30, all ten 7.5. Later chat 4, search 20: over own 1 and 0."""
    records = [at("2026-09-02", i, feature="chat", latency_ms=float(i)) for i in range(1, 6)]
    records += [at("2026-09-02", 10 + i, feature="search", latency_ms=10.0 * i) for i in range(1, 6)]
    records += [at("2026-10-02", 20, feature="chat", latency_ms=4.0)]
    records += [at("2026-10-02", 21, feature="search", latency_ms=20.0)]
    with sides_of(here, records, "feature") as sides:
        keys, slices, rest = _daily.largest(sides, 20)
        sides = replace(sides, keys=keys)
        limits = _daily.limits_of(sides, _daily.quantiles(sides))
        rows = {(row["side"], row["slot"]): row for row in _daily.days(sides, limits)}

    assert ((("chat",), ("search",)), 2, 0) == (keys, slices, rest)
    assert (7.5, 3.0, 30.0) == tuple(limits[n] for n in ("all_latency_p50", "own_0_latency_p50", "own_1_latency_p50"))
    assert (0, 1) == (rows["after", 0]["latency_p50_all"], rows["after", 0]["latency_p50_own"])
    assert (1, 0) == (rows["after", 1]["latency_p50_all"], rows["after", 1]["latency_p50_own"])


def test_sessions_are_counted_once_in_the_whole_and_once_in_each_slice(here: Path) -> None:
    """Session a asks chat twice and search once; b only search: 2 sessions, chat 1, search 2; one error in a and one
    in a request without a session.
    """
    records = [
        at("2026-09-02", 1, feature="chat", session_id="a"),
        at("2026-09-03", 2, feature="chat", session_id="a"),
        request(3, started_at="2026-09-03T10:00:00Z", feature="search", session_id="a", status="error"),
        at("2026-09-03", 4, feature="search", session_id="b"),
        request(5, started_at="2026-09-03T10:00:00Z", feature="search", status="error"),
    ]
    with sides_of(here, records, "feature") as sides:
        keys = (("chat",), ("search",))
        found = _daily.sessions(replace(sides, keys=keys))
        errors = _daily.events(replace(sides, keys=keys))

    assert {("before", None): 2, ("before", 0): 1, ("before", 1): 2} == found
    assert 2 == errors["before", None, "error_rate"]
    assert 2 == errors["before", 1, "error_rate"]
    assert ("before", 0, "error_rate") not in errors


def test_a_missing_value_is_a_slice_of_its_own_and_the_rest_stays_in_the_whole(here: Path) -> None:
    """Of three features only the largest is kept; the whole still has all six requests."""
    records = [at("2026-09-02", i, feature=...) for i in range(1, 4)]
    records += [at("2026-09-02", 10, feature="it's"), at("2026-09-02", 11, feature="it's"), at("2026-09-02", 12)]
    with sides_of(here, records, "feature") as sides:
        keys, slices, rest = _daily.largest(sides, 1)
        rows = _daily.days(replace(sides, keys=keys), {})

    assert (((None,),), 3, 3) == (keys, slices, rest)
    assert {(0, 3), (None, 3)} == {(row["slot"], row["requests"]) for row in rows}
    assert 6 == _daily.whole_days(rows)[0]["requests"]


def test_categories_beyond_the_most_common_are_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of models a (3 requests), b (2), c and d (1 each), two are told apart."""
    monkeypatch.setattr(_drift_mixes, "MOST_CATEGORIES", 2)
    models = ["a", "a", "a", "b", "b", "c", "d"]
    records = [at("2026-09-02", i, request_model=model) for i, model in enumerate(models)]
    with sides_of(here, records) as sides:
        found = _drift_mixes.counts(sides, ["model_mix"])["model_mix", None]["before"]

    assert {"a": 3, "b": 2, "(other)": 2} == {category: n for _, category, n in found}


STATEMENTS = (
    _daily.SLICES_SQL, _daily.QUANTILES_SQL, _daily.DAYS_SQL, _daily.SESSIONS_SQL, _daily.EVENTS_SQL, _drift_mixes.SQL,
    _drift_scores.SQL, _drift_distances.SQL, _drift_asked.EXTENT_SQL, _drift_asked.LEFT_SQL,
)  # fmt: skip
HOLES = {
    "dimensions": "", "columns": "", "side": "'after'", "day": "started_at", "relation": "requests",
    "values": "1 AS one", "order": "1", "most": "20", "alike": "false",
    "kept": "SELECT 0 AS slot, CAST(1 AS BIGINT) AS bit",
    "limits": "1 AS free", "slot": "slot", "quantiles": "quantile_cont(one, 0.5) AS x", "inside": "true",
    "aggregates": "count(one) AS n", "slots": "", "events": "1 AS n", "mixes": "model_is",
    "listed": "SELECT 'model_mix' AS mix, side, day_of, slot, model_is AS category, requests FROM counted",
    "join": "LEFT JOIN", "value": "one", "width": "0.02", "huge": "1e18", "reason": "'failed'",
}  # fmt: skip


@pytest.mark.parametrize("sql", STATEMENTS)
def test_statements_are_portable(sql: str) -> None:
    """Each is read as DuckDB's and written as Spark's without a loss."""
    text = sql.format(**HOLES)

    assert sqlglot.parse_one(text, dialect="duckdb").sql(dialect="spark")
    for forbidden in ("approx_quantile", "WITHIN GROUP", "unnest(", "epoch", "hash("):
        assert forbidden not in text
