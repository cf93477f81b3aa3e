"""Intervals of quantiles by slice: what SQL sums up and looks up is what numpy finds in the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import llmscope
from llmscope.analyses import _latency_ci
from llmscope.result import Result
from llmscope.stats.quantiles import DaySums, bounds
from tests.load.writing import lines, put, request

Row = dict[str, Any]


def log(here: Path, days: int, a_day: int, features: tuple[str | None, ...] = ("a", None)) -> tuple[Path, list[Row]]:
    """Lognormal latencies whose days differ."""
    random, records = np.random.default_rng(7), []
    for day in range(days):
        level = random.normal(0, 0.3)
        for feature in features:
            for _ in range(a_day):
                ms = round(float(np.exp(6 + level + 0.5 * random.standard_normal())), 3)
                moment = f"2026-09-{day + 1:02d}T10:00:00Z"
                more = {"feature": feature, "latency_ms": ms, "started_at": moment, "status": "ok"}
                records.append(request(len(records), **more))
    return put(here / "log.jsonl", lines(records)), records


def asked(path: Path, **options: Any) -> Result:
    with llmscope.open(str(path)) as logs:
        return logs.latency(ci=True, **options)


def by_numpy(rows: list[Row], q: float) -> tuple[float | None, float | None]:
    """The same interval from the rows themselves."""
    values = np.array([r["latency_ms"] for r in rows])
    days = np.array([r["started_at"][:10] for r in rows])
    mark, names = np.quantile(values, q), sorted(set(days))
    counts = [int((days == d).sum()) for d in names]
    below = [int((values[days == d] <= mark).sum()) for d in names]
    found = bounds(q, DaySums.of(counts, below))
    return tuple(None if p is None else float(np.quantile(values, p)) for p in (found.low, found.high))  # type: ignore[return-value]


@pytest.mark.parametrize("days", [12, 5])
def test_ends_of_every_slice(here: Path, days: int) -> None:
    """By days on twelve of them, by order statistics on five; in slices, one without a name too, and in all."""
    path, records = log(here, days, 30)
    found = asked(path, by="feature", quantiles="50,95")
    slices = [*((r, [x for x in records if x["feature"] == r["feature"]]) for r in found.rows), (found.totals, records)]

    assert 3 == len(slices)
    for row, rows in slices:
        for name, q in (("p50", 0.5), ("p95", 0.95)):
            low, high = by_numpy(rows, q)
            assert low is not None
            assert row is not None
            assert pytest.approx(low, rel=1e-12) == row[f"{name}_low_ms"]
            assert (high if high is None else pytest.approx(high, rel=1e-12)) == row[f"{name}_high_ms"]
            assert low <= row[f"{name}_ms"]


def test_order_statistics_by_hand(here: Path) -> None:
    """Of 1 to 100 ms on one day, p50 lies between the 40th and the 61st value."""
    path = put(here / "log.jsonl", lines(request(i, latency_ms=i, status="ok") for i in range(1, 101)))
    found = asked(path, quantiles="50")

    assert [(50.5, 40.0, 61.0)] == [(r["p50_ms"], r["p50_low_ms"], r["p50_high_ms"]) for r in found.rows]
    assert [("p50_low_ms", "low", "p50_ms"), ("p50_high_ms", "high", "p50_ms")] == [
        (c.name, c.role, c.of) for c in found.columns[2:4]
    ]


@pytest.mark.parametrize(("n", "known"), [(72, True), (71, False)])
def test_too_small(here: Path, n: int, known: bool) -> None:
    """p95 of 71 requests has no interval, and the small print says how many it takes."""
    path = put(here / "log.jsonl", lines(request(i, latency_ms=i, status="ok") for i in range(n)))
    found = asked(path, quantiles="95,99.9")
    row = found.rows[0]

    assert (known, known) == (row["p95_low_ms"] is not None, row["p95_high_ms"] is not None)
    assert (None, None) == (row["p99_9_low_ms"], row["p99_9_high_ms"])
    assert any(note.startswith("n too small") and "72 for p95, 3,688 for p99.9" in note for note in found.notes)


def test_buckets_and_the_rest_of_top(here: Path) -> None:
    """Every bucket is a slice; (other) has no interval."""
    path, _ = log(here, 3, 80, ("a", "b", "c"))
    found = asked(path, by="feature", over="day", top=1, quantiles="50")
    known = {(r["feature"] == "(other)", r["p50_low_ms"] is None) for r in found.rows}

    assert 6 == len(found.rows)
    assert {(True, True), (False, False)} == known


def test_more_slices_than_are_looked_up(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest have an interval; it is said that the others have none."""
    monkeypatch.setattr(_latency_ci, "MOST_SLICES", 1)
    path = put(
        here / "log.jsonl",
        lines(request(i, latency_ms=i, feature="ab"[i >= 50], status="ok") for i in range(90)),
    )
    found = asked(path, by="feature", quantiles="50")

    assert {"a": True, "b": False} == {r["feature"]: r["p50_low_ms"] is not None for r in found.rows}
    assert any("1 largest of 2 slices" in note for note in found.notes)


def test_without_times(here: Path) -> None:
    """All requests stand on one unknown day: order statistics."""
    path = put(here / "log.jsonl", lines(request(i, latency_ms=i, started_at=..., status="ok") for i in range(100)))

    assert 38.0 < asked(path, quantiles="50").rows[0]["p50_low_ms"] < 41.0
