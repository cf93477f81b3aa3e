"""What drift, compare and plan say, word by word, where the figures alone would mislead."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmscope.analyses import _drift_said, _drift_scores
from llmscope.analyses._drift_words import points, sentence
from tests.conftest import Run
from tests.load.writing import Record, lines, put, request


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    done = run(*arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def said(found: dict[str, Any]) -> str:
    return " ".join(finding["text"] for finding in found["findings"])


def calls(name: str, count: int, day: int = 1, **changes: Any) -> list[Record]:
    """`count` requests a minute apart."""
    return [
        request(i + 1, request_id=f"{name}{i}", started_at=f"2026-09-{day:02}T{i // 60:02}:{i % 60:02}:00Z", **changes)
        for i in range(count)
    ]


def test_people_see_a_table_that_fits_and_programs_all_of_it(here: Path, run: Run) -> None:
    """Details stand in JSON, JSONL and CSV, elsewhere where they are asked for, and the small print names them."""
    put(here / "log.jsonl", lines(calls("a", 40, 1) + calls("b", 40, 2)))
    shown = run("drift", "log.jsonl", "-f", "md").out.splitlines()[2]
    row = answer(run, "drift", "log.jsonl")["rows"][0]

    assert "interval" in shown
    assert "requests before" in shown
    assert "p value" not in shown
    assert len(shown.split("|")) <= 16 < len(row)
    assert {"p_value", "tests", "sessions_before", "change_low_value", "method"} <= set(row)
    for form in ("csv", "jsonl"):
        assert "p_weeks_value" in run("drift", "log.jsonl", "-f", form).out
    assert "p value" in run("drift", "log.jsonl", "-f", "md", "--columns", "metric,p_value").out
    assert "with --columns: days_before" in run("drift", "log.jsonl", "-f", "plain").out


@pytest.mark.parametrize(
    ("start", "gap", "expected"),
    [
        (date(2026, 10, 13), 30, "by 2026-10-13"),
        (date(2026, 9, 12), 30, "by 2026-10-13"),
        (date(2026, 10, 20), 30, "2026-10-20"),
        (date(2026, 10, 13), 1, "2026-10-13"),
        (None, 1, None),
    ],
)
def test_what_began_between_two_windows_is_known_by_when_only(
    start: date | None, gap: int, expected: str | None
) -> None:
    """Windows with a month between them: a change on the first day of the later one may be of any day in between."""
    first = date(2026, 10, 13)
    dates = (first - timedelta(days=gap + 7), first - timedelta(days=gap)), (first, first + timedelta(days=20))

    assert expected == _drift_said.since(start, SimpleNamespace(windows=SimpleNamespace(dates=dates)))  # type: ignore[arg-type]


def test_the_sentence_says_by_when() -> None:
    row = {"change_unit": "ratio", "change_value": 0.31, "change_low_value": 0.2, "change_high_value": 0.4,
           "before": "3,102", "after": "4,061", "began": "by 2026-10-13"}  # fmt: skip

    assert "input tokens rose 31 % [+20, +40], from 3,102 to 4,061, by 2026-10-13." == sentence(
        row, "input tokens", "", None
    )


@pytest.mark.parametrize(("share", "text"), [(-0.167, "-16.7 pt"), (0.0049, "+0.49 pt"), (None, None)])
def test_a_share_moves_by_points_and_not_by_per_cent(share: float | None, text: str | None) -> None:
    """From 18.8 % to 2.1 % are 16.7 points; -16.7 % would be to 15.7 %."""
    assert text == points(share)


def test_no_request_in_either_window_is_no_want_of_columns(here: Path, run: Run) -> None:
    """`not logged` would be untrue of a log whose days are others."""
    put(here / "log.jsonl", lines(calls("a", 40)))
    found = answer(run, "drift", "log.jsonl", "--since", "2027-01")

    assert "no request in either window" in said(found)
    assert not any("not logged" in note for note in found["notes"])


def test_totals_of_a_part_of_a_day_are_not_judged_and_not_called_unlogged(here: Path, run: Run) -> None:
    put(here / "log.jsonl", lines(calls("a", 120)))
    notes = answer(run, "drift", "log.jsonl")["notes"]

    assert "not judged in windows of less than a day: cost, requests" in notes
    assert not any(note.startswith("not logged") and "requests" in note for note in notes)


def test_a_log_without_times_is_too_few_to_say(here: Path, run: Run) -> None:
    put(here / "log.jsonl", lines([request(1, started_at=...)]))

    assert "Too few to say: no request has a time." == said(answer(run, "drift", "log.jsonl"))


def test_nothing_judged_is_not_nothing_moved(here: Path, run: Run) -> None:
    """Five requests a side: that nothing moved is more than they can say; and no test is counted."""
    put(here / "a.jsonl", lines(calls("a", 5)))
    put(here / "b.jsonl", lines(calls("b", 5)))
    found = answer(run, "compare", "a.jsonl", "b.jsonl")

    assert "nothing could be judged" in said(found)
    assert "nothing moved" not in said(found)
    assert not any("0 tests" in note for note in found["notes"])


def test_few_events_are_of_sessions_and_say_so(here: Path, run: Run) -> None:
    """B truncates 20 of 200 requests in 10 of its 100 sessions' pairs: 10 % of requests, 20 % of sessions."""
    a = [{**r, "session_id": f"a{i // 2}", "finish_reason": "stop"} for i, r in enumerate(calls("a", 200))]
    b = [
        {**r, "session_id": f"b{i // 2}", "finish_reason": "length" if i % 10 == 0 else "stop"}
        for i, r in enumerate(calls("b", 200))
    ]
    put(here / "a.jsonl", lines(a))
    put(here / "b.jsonl", lines(b))
    found = answer(run, "compare", "a.jsonl", "b.jsonl")
    row = next(row for row in found["rows"] if row["metric"] == "truncation rate")

    assert ("0 %", "10.0 %", "+20.0 pt of sessions") == (row["a"], row["b"], row["change"])
    assert "truncation rate +20.0 pt of sessions [" in said(found)


def test_a_narrow_peek_keeps_its_answer(here: Path, run: Run) -> None:
    """At 60 columns `stop: B is higher` stands whole: who stops on half of it stops wrongly."""
    put(here / "a.jsonl", lines(calls("a", 300, latency_ms=1000)))
    put(here / "b.jsonl", lines([{**r, "latency_ms": 2000 + i} for i, r in enumerate(calls("b", 300))]))
    out = run("compare", "a.jsonl", "b.jsonl", "--peek", "-f", "table", "--width", "60").out

    assert "stop: B is higher" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "--rate", "1e-300", "--detect", "1e-300"), "more than 1,000,000,000,000 rows"),
        (("compare", "--sd", "1e200", "--detect", "1e-200"), "more than 1,000,000,000,000 rows"),
        (("judge", "--agreement", ".85", "--interval", "1e-9"), "more than 1,000,000,000,000 rows"),
        (("compare", "--rate", "2%", "--detect", "1%", "--power", "1%"), "no more than chance alone gives"),
        (("compare", "--latency", "--detect", "2000%"), "not between 0 and 1000 %"),
        (("compare", "--latency", "--detect", "5"), "not between 0 and 1000 %"),
    ],
)
def test_plans_that_no_log_can_fulfil_are_refused(arguments: tuple[str, ...], message: str, run: Run) -> None:
    done = run("plan", *arguments)

    assert 2 == done.code
    assert message in done.err


def test_a_plan_never_asks_for_fewer_rows_than_are_judged(run: Run) -> None:
    """0 rows were the answer to a change of 1,000 standard deviations; under 30 nothing is judged."""
    assert 30 == answer(run, "plan", "compare", "--sd", "1", "--detect", "1000")["rows"][0]["rows_a_side"]
    assert 31 == answer(run, "plan", "compare", "--latency", "--detect", "150%")["rows"][0]["rows_a_side"]


def test_a_judge_that_changed_between_two_windows_did_so_by_the_later_one() -> None:
    """The new version is first seen on the first day looked at, and may be a month older."""
    first = date(2026, 10, 13)
    seen = SimpleNamespace(windows=SimpleNamespace(dates=((date(2026, 8, 24), date(2026, 9, 13)), (first,))))
    old, new = (
        _drift_scores.Rater(name="quality", kind="judge", rater="j", version=v, data_type="numeric") for v in "12"
    )
    days = [{"side": side, "day_of": datetime(2026, month, 13)} for side, month in (("before", 9), ("after", 10))]
    found = _drift_said.successions({(old, None): days[:1], (new, None): days[1:]}, seen)  # type: ignore[arg-type]

    assert "gave way to judge j, version 2 by 2026-10-13 (quality)" in found[0].text
