"""The month to date carried to its end: by hand where the days are alike, and never where they are too few."""

from __future__ import annotations

import json
from math import isclose, sqrt
from pathlib import Path

import llmscope
from llmscope.stats.forecast import lag_one, rest_of_month, weekday_means


def log_of(path: Path, month: str, costs: list[float]) -> Path:
    """One request a day from the first on, with what it cost."""
    rows = [
        {"id": f"{month}-{day}", "ts": f"{month}-{day:02d}T12:00:00Z", "model": "of-our-own", "completion_tokens": 1,
         "prompt_tokens": 1, "cost_usd": cost}
        for day, cost in enumerate(costs, start=1)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def finding(path: Path, **options: str) -> dict[str, float]:
    with llmscope.open(str(path), **options) as logs:
        return dict(logs.cost(forecast=True).findings[0].rows[0])


def test_equal_days_are_certain(tmp_path: Path) -> None:
    """Ten days of $2 in a month of 30: $20 so far, $60 by the end, and no doubt about it."""
    row = finding(log_of(tmp_path / "log.jsonl", "2026-09", [2.0] * 10))

    assert 20.0 == row["cost_to_date_usd"]
    assert (60.0, 60.0, 60.0) == tuple(
        round(row[n], 9) for n in ("forecast_usd", "forecast_low_usd", "forecast_high_usd")
    )


def test_no_less_than_is_spent(tmp_path: Path) -> None:
    """28 days of $10 and one of $500 are $780; one more day makes more, not less."""
    row = finding(log_of(tmp_path / "log.jsonl", "2026-09", [10.0] * 28 + [500.0]))

    assert 780.0 == row["cost_to_date_usd"]
    assert row["forecast_usd"] >= 780.0
    assert row["forecast_low_usd"] <= row["forecast_usd"] <= row["forecast_high_usd"]


def test_too_few_days(tmp_path: Path) -> None:
    """Seven days hold six whole ones before the last: nothing is said but why."""
    with llmscope.open(str(log_of(tmp_path / "log.jsonl", "2026-09", [2.0] * 7))) as logs:
        result = logs.cost(forecast=True)

    assert () == result.findings
    assert any("no forecast" in note and "7 whole days" in note for note in result.notes)


def test_interval_by_hand() -> None:
    """Days of 1, 3, 1, 3, …: mean 2, residuals of 1, so spread sqrt(8 / 7); no positive correlation.

    Two days ahead: error = spread * sqrt(2 + 4 / 8), and t(.975, 7) = 2.364624.
    """
    found = rest_of_month([1.0, 3.0] * 4, [0, 1, 2, 3, 4, 5, 6, 0], [1, 2])
    margin = 2.364624 * sqrt(8 / 7) * sqrt(2.5)

    assert found is not None
    assert (4.0, 8) == (found.mean, found.days)
    assert isclose(found.high, 4.0 + margin, rel_tol=1e-6)
    assert isclose(found.low, max(4.0 - margin, 0.0), abs_tol=1e-6)


def test_parts() -> None:
    """A weekday's mean is its own; a trend shows as correlation, at most .9; a constant has none."""
    assert {0: 2.0, 1: 5.0} == weekday_means([1.0, 5.0, 3.0], [0, 1, 0])
    assert 0.0 == lag_one([0.0, 0.0, 0.0])
    assert 0.9 == lag_one([float(i - 10) for i in range(21)])
