"""Where the money goes, on logs small enough to be added up by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import llmscope
from tests.conftest import Run
from tests.load.writing import lines, put, request, requests

# 500 in and 100 out at dollars per million of the founding table:
#   Claude 3.5 Haiku  .80/ 4.00: 500 x  .80 + 100 x  4 =   800 -> 0.0008
#   Claude 3 Opus   15.00/75.00: 500 x 15   + 100 x 75 = 15000 -> 0.015
#   GPT-4 Turbo     10.00/30.00: 500 x 10   + 100 x 30 =  8000 -> 0.008
FOUNDING = {"claude-3-5-haiku-20241022": 0.0008, "claude-3-opus-20240229": 0.015, "gpt-4-turbo": 0.008}


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done = run(*arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def log(here: Path, *records: dict[str, Any]) -> Path:
    """A log of requests of 500 in and 100 out each, changed as given."""
    base = {"input_tokens": 500, "output_tokens": 100}
    return put(here / "log.jsonl", lines(request(i, **{**base, **r}) for i, r in enumerate(records)))


def test_the_founding_table(here: Path, run: Run) -> None:
    """One request of each model, dearest first, shares of 0.0238."""
    found = answer(run, "cost", "--by", "model", log(here, *({"request_model": m} for m in FOUNDING)))

    assert ["claude-3-opus-20240229", "gpt-4-turbo", "claude-3-5-haiku-20241022"] == [r["model"] for r in found["rows"]]
    assert FOUNDING == {r["model"]: pytest.approx(r["cost_usd"]) for r in found["rows"]}
    assert pytest.approx(0.0238) == found["totals"]["cost_usd"]
    assert [pytest.approx(x / 0.0238) for x in (0.015, 0.008, 0.0008)] == [r["cost_share_ratio"] for r in found["rows"]]
    assert pytest.approx(0.0238 / 1800 * 1e6) == found["totals"]["cost_per_1m_tokens_usd"]


def test_the_store_gives_the_same_answer(here: Path, run: Run) -> None:
    """Cell for cell, and so does Python."""
    path = log(here, *({"request_model": m} for m in FOUNDING))
    files = answer(run, "cost", "--by", "model", path)
    run("load", path)
    stored = answer(run, "cost", "--by", "model")
    with llmscope.open(str(path)) as logs:
        rows = logs.cost(by="model").rows

    assert files["rows"] == stored["rows"] == [dict(r) for r in rows]
    assert files["totals"] == stored["totals"]


def test_cached_tokens_are_never_charged_twice(here: Path, run: Run) -> None:
    """Claude 3.5 Haiku: 500 in, of which 400 read from the cache at a tenth: 100 x .80 + 400 x .08 + 100 x 4 = 512."""
    model = {"request_model": "claude-3-5-haiku-20241022"}
    found = answer(run, "cost", log(here, {**model, "cache_read_tokens": 400}))

    assert pytest.approx(0.000512) == found["rows"][0]["cost_usd"]


def test_an_unknown_model_has_no_cost_and_a_name(here: Path, run: Run) -> None:
    """NULL and not 0; the total is of the priced ones, and says so."""
    path = log(here, {}, {"request_model": "gpt-4-trubo-9"})
    found = answer(run, "cost", "--by", "model", path)

    assert [pytest.approx(0.008), None] == [r["cost_usd"] for r in found["rows"]]
    assert [0, 1] == [r["unpriced_requests"] for r in found["rows"]]
    assert pytest.approx(0.008) == found["totals"]["cost_usd"]
    assert any("gpt-4-trubo-9" in n for n in found["notes"])
    assert any("at least" in n for n in found["notes"])
    assert (2, 1) == (found["coverage"]["requests"], found["coverage"]["priced_requests"])


def test_all_unpriced_is_null(here: Path, run: Run) -> None:
    """The sum of nothing known is not 0."""
    found = answer(run, "cost", log(here, {"request_model": "mystery-1"}))

    assert found["rows"][0]["cost_usd"] is None
    assert 1 == found["rows"][0]["unpriced_requests"]


def test_top_and_the_rest_add_up(here: Path, run: Run) -> None:
    """Three features of 3, 2 and 1 request, --top 1: (other) has half."""
    path = log(here, *({"feature": f} for f in "aaabbc"))
    found = answer(run, "cost", "--by", "feature", "--top", "1", path)

    assert [("a", 3), ("(other)", 3)] == [(r["feature"], r["requests"]) for r in found["rows"]]
    assert pytest.approx(1) == sum(r["cost_share_ratio"] for r in found["rows"])
    assert pytest.approx(6 * 0.008) == sum(r["cost_usd"] for r in found["rows"])


def test_top_of_everything_has_no_rest(here: Path, run: Run) -> None:
    """No empty (other)."""
    found = answer(run, "cost", "--by", "feature", "--top", "9", log(here, {"feature": "a"}, {"feature": "b"}))

    assert ["a", "b"] == sorted(r["feature"] for r in found["rows"])


def test_an_empty_month_is_shown(here: Path, run: Run) -> None:
    """September and November have requests, October stands with 0 and no cost."""
    path = log(here, {"started_at": "2026-09-30T23:59:59Z"}, {"started_at": "2026-11-01T00:00:00Z"})
    found = answer(run, "cost", "--over", "month", path)

    assert [("2026-09", 1), ("2026-10", 0), ("2026-11", 1)] == [(r["month"], r["requests"]) for r in found["rows"]]
    assert found["rows"][1]["cost_usd"] is None
    assert "month" == found["columns"][0]["name"]


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        ("hour", ["2026-09-01T00:00", "2026-09-01T01:00"]),
        ("day", ["2026-09-01"]),
        ("week", ["2026-W36"]),
        ("month", ["2026-09"]),
    ],
)
def test_buckets_are_of_the_zone(here: Path, run: Run, bucket: str, expected: list[str]) -> None:
    """22:00Z is midnight in Zurich in summer: the last evening of August is September there."""
    path = log(here, {"started_at": "2026-08-31T22:00:00Z"}, {"started_at": "2026-08-31T23:30:00Z"})
    found = answer(run, "cost", "--over", bucket, "--tz", "Europe/Zurich", path)

    assert expected == [r[bucket] for r in found["rows"]]


def test_windows_are_of_the_zone(here: Path, run: Run) -> None:
    """`--since 2026-09 --until 2026-09` in Zurich: from 22:00Z on the 31st to before 22:00Z on the 30th."""
    times = ["2026-08-31T21:59:59Z", "2026-08-31T22:00:00Z", "2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z"]
    path = log(here, *({"started_at": t} for t in times))
    month = ["--since", "2026-09", "--until", "2026-09"]

    assert 2 == answer(run, "cost", *month, "--tz", "Europe/Zurich", path)["rows"][0]["requests"]
    assert 2 == answer(run, "cost", *month, path)["rows"][0]["requests"]
    assert "2026-08-31T22:00:00" in str(answer(run, "cost", *month, "--tz", "Europe/Zurich", path)["window"])


def test_a_day_of_25_hours(here: Path, run: Run) -> None:
    """In Zurich 2026-10-25 has 25 hours: from 22:00Z to 23:00Z."""
    times = ["2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"]
    path = log(here, *({"started_at": t} for t in times))
    found = answer(run, "cost", "--since", "2026-10-25", "--until", "2026-10-25", "--tz", "Europe/Zurich", path)

    assert 2 == found["rows"][0]["requests"]


def test_by_tag(here: Path, run: Run) -> None:
    """A request with two tags stands under both, one with none under none; the total counts it once."""
    found = answer(run, "cost", "--by", "tag", log(here, {"tags": ["a", "b"]}, {"tags": ["a"]}, {}))

    assert {"a": 2, "b": 1, None: 1} == {r["tag"]: r["requests"] for r in found["rows"]}
    assert 3 == found["totals"]["requests"]


def test_by_metadata(here: Path, run: Run) -> None:
    """A key of the log's own container, dots and quotes and all."""
    path = log(here, {"metadata": {"team": "red", 'odd."key"': "x"}}, {"metadata": {"team": "blue"}}, {})

    assert {"red": 1, "blue": 1, None: 1} == {
        r["metadata.team"]: r["requests"] for r in answer(run, "cost", "--by", "metadata.team", path)["rows"]
    }
    assert {"x": 1, None: 2} == {
        r['metadata.odd."key"']: r["requests"] for r in answer(run, "cost", "--by", 'metadata.odd."key"', path)["rows"]
    }


def test_none_is_null_in_json_empty_in_csv_and_a_word_for_people(here: Path, run: Run) -> None:
    """The request without a feature."""
    path = log(here, {"feature": ...})
    shown = ["cost", "--by", "feature", "--columns", "feature,requests", path, "-f"]

    assert [None] == [r["feature"] for r in json.loads(run(*shown, "json").out)["rows"]]
    assert "feature,requests\n,1\n" == run(*shown, "csv").out
    assert "(none)" in run(*shown, "plain").out
    assert "(none)" in run(*shown, "table").out


def test_a_feature_called_none_or_other_is_itself(here: Path, run: Run) -> None:
    """A log that says "(other)" is not mistaken for the rest of --top."""
    found = answer(
        run, "cost", "--by", "feature", log(here, {"feature": "(other)"}, {"feature": "(none)"}, {"feature": ...})
    )

    assert {"(other)": 1, "(none)": 1, None: 1} == {r["feature"]: r["requests"] for r in found["rows"]}


@pytest.mark.parametrize(("days", "forecast"), [(7, False), (8, True)])
def test_a_forecast_takes_seven_whole_days(here: Path, run: Run, days: int, forecast: bool) -> None:
    """The last day is not over; the month of 30 days at one request a day costs 30 x 0.008."""
    path = log(here, *({"started_at": f"2026-09-{d:02d}T12:00:00Z"} for d in range(1, days + 1)))
    found = answer(run, "cost", "--forecast", path)
    said = [f for f in found["findings"] if f["kind"] == "forecast"]

    assert forecast == bool(said)
    if forecast:
        [row] = said[0]["rows"]
        assert pytest.approx(30 * 0.008) == row["forecast_usd"]
        assert row["forecast_low_usd"] <= row["forecast_usd"] <= row["forecast_high_usd"]
        assert 7 == row["days"]
    else:
        assert any("no forecast" in n and "7" in n for n in found["notes"])


@pytest.mark.parametrize(
    ("source", "expected"), [("auto", [0.008, 0.5]), ("computed", [0.008, None]), ("logged", [0.25, 0.5])]
)
def test_cost_sources(here: Path, run: Run, source: str, expected: list[float | None]) -> None:
    """Computed where it can be, else logged; or one of both."""
    path = log(here, {"cost_logged_usd": 0.25, "user_id": "a"}, {"cost_logged_usd": 0.5, "request_model": "mystery-1"})
    rows = answer(run, "cost", "--by", "request_model", "--sort", "request_model", "--cost-source", source, path)[
        "rows"
    ]

    assert expected == [r["cost_usd"] for r in rows]


def test_users_and_sessions(here: Path, run: Run) -> None:
    """Two users, two sessions, one request of neither: a session costs two requests' 0.024 / 2."""
    path = log(
        here,
        {"user_id": "u", "session_id": "s"},
        {"user_id": "u", "session_id": "t"},
        {"user_id": "v", "session_id": "t"},
        {},
    )
    row = answer(run, "cost", path)["rows"][0]

    assert (2, 2, pytest.approx(0.012)) == (row["users"], row["sessions"], row["cost_per_session_usd"])


def test_without_people(here: Path, run: Run) -> None:
    """--no-people leaves out who asked, and no other figure changes: 0.008 and twice 0.0008."""
    models = ("gpt-4-turbo", *["claude-3-5-haiku-20241022"] * 2)
    path = log(here, *({"request_model": m, "user_id": f"u{i}", "session_id": "s"} for i, m in enumerate(models)))
    found = answer(run, "cost", "--by", "model", "--no-people", path)
    whole = answer(run, "cost", "--by", "model", path)
    people = ("users", "sessions", "cost_per_session_usd")

    assert [pytest.approx(0.008), pytest.approx(0.0016)] == [r["cost_usd"] for r in found["rows"]]
    assert [2, 1] == [whole["rows"][1]["users"], whole["rows"][1]["sessions"]]
    assert all(row.get(name) is None for row in (*found["rows"], found["totals"]) for name in people)
    for row, same in zip([*found["rows"], found["totals"]], [*whole["rows"], whole["totals"]], strict=True):
        assert {n: v for n, v in row.items() if n not in people} == {n: v for n, v in same.items() if n not in people}


def test_a_request_without_a_time_is_left_out_of_windows_and_said(here: Path, run: Run) -> None:
    """It counts where no window is asked."""
    path = log(here, {}, {"started_at": ...})

    assert 2 == answer(run, "cost", path)["rows"][0]["requests"]
    found = answer(run, "cost", "--since", "2026-01", path)
    assert 1 == found["rows"][0]["requests"]
    assert any("1 request" in n and "time" in n for n in found["notes"])


def test_sums_are_exact(here: Path, run: Run) -> None:
    """Ten thousand requests of one input token: 10,000 x 10/1e6 + 10,000 x 30/1e6 is 0.4 to the last digit."""
    put(here / "log.jsonl", lines(requests(10_000, input_tokens=1)))

    assert 0.4 == answer(run, "cost", "log.jsonl")["rows"][0]["cost_usd"]
