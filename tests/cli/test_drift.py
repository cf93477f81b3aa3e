"""`llmscope drift` as people run it: windows, words, gates, and the stories of the sample logs."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import UsageError
from llmscope.result import Window
from llmscope.windows import pair, window_of
from tests.conftest import Ran, Run
from tests.load.writing import Record, lines, put, request

SAMPLE = Path(__file__).parents[2] / "sample_logs"
FIRST, LAST = datetime(2026, 8, 1, 0, 5), datetime(2026, 11, 10, 23, 0)


@pytest.fixture(scope="module")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample logs, loaded once."""
    from llmscope.store import Store
    from tests.load.writing import load_into

    path = tmp_path_factory.mktemp("drift") / "sample.duckdb"
    store = Store(path)
    load_into(store, SAMPLE)
    store.close()
    return path


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done: Ran = run("drift", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def moved(found: dict[str, Any], *columns: str) -> set[tuple[Any, ...]]:
    """The rows that are DRIFT."""
    return {tuple(row[c] for c in columns) for row in found["rows"] if row["verdict"] == "DRIFT"}


def month(number: int, count: int, first: int = 1, **changes: Any) -> list[Record]:
    """`count` requests a day on 28 days of a month of 2026."""
    return [
        request(first + 100 * day + i, request_id=f"m{number}-{day}-{i}",
                started_at=f"2026-{number:02}-{day:02}T{i % 24:02}:{i % 60:02}:00Z", **changes)
        for day in range(1, 29) for i in range(count)
    ]  # fmt: skip


def ends(*windows: Window) -> list[str]:
    return [f"{w.since:%m-%d} {w.until:%m-%d}" for w in windows if w.since and w.until]


@pytest.mark.parametrize(
    ("since", "until", "baseline", "expected"),
    [
        (None, None, None, ["09-01 10-01", "10-01 11-01"]),
        (None, None, "4w", ["09-03 10-01", "10-01 11-01"]),
        ("2026-09", "2026-09", None, ["08-01 09-01", "09-01 10-01"]),
        ("2026-10", "2026-10", "2026-08", ["08-01 09-01", "10-01 11-01"]),
        ("2026-10-05", "2026-10-18", None, ["09-21 10-05", "10-05 10-19"]),
        ("2026-10-05", "2026-10-14", None, ["09-21 10-01", "10-05 10-15"]),
        ("2026-10", "2026-10", "2026-08-03..2026-08-09", ["08-03 08-10", "10-01 11-01"]),
        ("2026-08-10", "2026-08-16", None, ["08-03 08-10", "08-10 08-17"]),
        ("2026-08-05", "2026-08-08", None, ["08-01 08-05", "08-05 08-09"]),
    ],
)
def test_windows(since: str | None, until: str | None, baseline: str | None, expected: list[str]) -> None:
    """Months against months, else as long on the same weekdays, else what lies just before."""
    assert expected == ends(*pair(window_of(since, until), baseline, FIRST, LAST))


def test_without_two_whole_months_the_later_half_is_compared_in_whole_weeks() -> None:
    """53 days are twice three weeks, to their end; 3 days twice one; one hour twice half of it."""
    asked = Window()

    assert ["09-12 10-03", "10-03 10-24"] == ends(*pair(asked, None, datetime(2026, 9, 1, 3), datetime(2026, 10, 23)))
    assert ["09-02 09-03", "09-03 09-04"] == ends(*pair(asked, None, datetime(2026, 9, 1, 3), datetime(2026, 9, 3, 1)))
    before, after = pair(asked, None, datetime(2026, 9, 1, 3), datetime(2026, 9, 1, 4))
    assert datetime(2026, 9, 1, 3) == before.since
    assert before.until == after.since
    assert (Window(), Window()) == pair(asked, None, None, None)


def test_windows_are_of_the_zone_asked_for() -> None:
    """September in Berlin begins at 22:00 UTC on the last of August."""
    before, after = pair(window_of(None, None, "Europe/Berlin"), None, FIRST, LAST)

    assert [datetime(2026, 8, 31, 22), datetime(2026, 9, 30, 22)] == [before.since, before.until]
    assert datetime(2026, 10, 31, 23) == after.until


@pytest.mark.parametrize("baseline", ["next week", "2026-10", "2026-09-20..2026-09-10", "2026-08..", "2026-13", "0d"])
def test_a_baseline_that_is_none_is_refused(baseline: str) -> None:
    """No window, one that reaches into the later one, one that ends before it begins."""
    with pytest.raises(UsageError, match="baseline"):
        pair(window_of("2026-10", "2026-10"), baseline, FIRST, LAST)


def test_october_names_its_stories_and_nothing_else(run: Run, sample_store: Path) -> None:
    """search on Gemini (model, cost, times), contract-clauses cut off, the judge's new version; each since its day."""
    found = answer(run, "--store", sample_store, "--since", "2026-10", "--until", "2026-10", "--by", "feature")
    drifts = moved(found, "feature", "metric")
    texts = " ".join(one["text"] for one in found["findings"])

    assert {("search", "model_mix"), ("search", "cost_per_request"), ("search", "latency"), ("(all)", "model_mix"),
            ("extract", "truncation_rate"), ("extract", "finish_reason_mix")} <= drifts  # fmt: skip
    assert {"search", "extract", "(all)"} == {feature for feature, _ in drifts}
    began = {(r["feature"], r["metric"]): r["began"] for r in found["rows"]}
    assert ("2026-10-05", "2026-10-12") == (began["search", "model_mix"], began["extract", "truncation_rate"])
    assert "judge gpt-judge, version 1 gave way to judge gpt-judge, version 2 on 2026-10-01" in texts
    scores = {r["verdict"] for r in found["rows"] if r["metric"].startswith("score: quality by judge")}
    assert {"too few to say"} == scores


def test_september_names_the_prompt_that_grew_and_the_script_as_two_days(run: Run, sample_store: Path) -> None:
    """summarise's input tokens and their cost since the 14th; user-23's days are an incident, no drift of the month."""
    found = answer(run, "--store", sample_store, "--since", "2026-09", "--until", "2026-09", "--by", "feature")
    texts = [one["text"] for one in found["findings"]]

    assert {("summarise", "input_tokens", "2026-09-14"), ("summarise", "cost_per_request", "2026-09-14")} == moved(
        found, "feature", "metric", "began"
    )
    assert 2 == sum("a day that stands out" in text and text.startswith("2026-09-2") for text in texts)


def test_by_template_the_growth_is_that_of_the_prompt(run: Run, sample_store: Path) -> None:
    """README: mean input 3,284.9 to 4,252.3 tokens since v8, +29.4 %; here of geometric means, by day."""
    found = answer(run, "--store", sample_store, "--since", "2026-09", "--until", "2026-09", "--by", "template",
                   "--metric", "input_tokens")  # fmt: skip
    row = next(r for r in found["rows"] if r["template"] == "summarise")

    assert ("DRIFT", "2026-09-14", "neither") == (row["verdict"], row["began"], row["direction"])
    assert row["change_value"] == pytest.approx(0.30, abs=0.03)
    assert {("summarise",)} == moved(found, "template")


def test_a_gate_on_drift_fails_the_build(run: Run, sample_store: Path) -> None:
    """Exit 3, and the row is named; what did not drift passes."""
    since = ("--store", sample_store, "--since", "2026-10", "--until", "2026-10", "--fail-if", "verdict == 'DRIFT'")

    assert 3 == run("drift", *since, "--metric", "model_mix").code
    assert "metric=model_mix" in run("drift", *since, "--metric", "model_mix").err
    assert 0 == run("drift", *since, "--metric", "latency_p95").code


def test_a_gate_on_too_little_data_does_not_pass(here: Path, run: Run) -> None:
    """Three calls a month: too few to say, no p, exit 5; without a gate 0."""
    records = month(9, 1)[:3] + month(10, 1)[:3]
    log = put(here / "log.jsonl", lines(records))
    asked = ("drift", log, "--since", "2026-10", "--until", "2026-10")

    assert 5 == run(*asked, "--fail-if", "verdict == 'DRIFT'").code
    done = run(*asked, "-f", "json")
    assert 0 == done.code
    rows = json.loads(done.out)["rows"]
    assert {"too few to say"} == {row["verdict"] for row in rows}
    assert {None} == {row["p_value"] for row in rows}


def test_an_empty_earlier_month_is_said(here: Path, run: Run) -> None:
    """Nothing in September: October's figures stand alone, and nothing is claimed."""
    log = put(here / "log.jsonl", lines(month(10, 40)))
    found = answer(run, log, "--since", "2026-10", "--until", "2026-10")

    assert {"too few to say"} == {row["verdict"] for row in found["rows"]}
    assert any("the log begins on 2026-10-01" in note for note in found["notes"])
    assert ["Too few to say"] == [one["text"][:14] for one in found["findings"]]


def test_an_empty_log_and_a_log_without_times(here: Path, run: Run) -> None:
    """No rows and a word on why; never a traceback."""
    empty = put(here / "empty.jsonl", b"")
    timeless = put(here / "timeless.jsonl", lines([request(1, started_at=...)]))

    assert [] == answer(run, empty)["rows"]
    assert any("no request has a time" in note for note in answer(run, timeless)["notes"])
    assert 5 == run("drift", timeless, "--fail-if", "verdict == 'DRIFT'").code


def test_a_constant_log_is_stable_and_one_that_doubles_is_drift(here: Path, run: Run) -> None:
    """40 requests a day of 100 tokens, then of 200: +100 % exactly; output tokens stay at 1, and are STABLE."""
    records = month(9, 40, input_tokens=100) + month(10, 40, input_tokens=200)
    log = put(here / "log.jsonl", lines([{**r, "latency_ms": 1000.0} for r in records]))
    found = answer(run, log, "--since", "2026-10", "--until", "2026-10")
    rows = {row["metric"]: row for row in found["rows"]}

    assert ("DRIFT", 100.0, 200.0) == (  # to nine digits
        rows["input_tokens"]["verdict"], rows["input_tokens"]["before_value"], rows["input_tokens"]["after_value"],
    )  # fmt: skip
    assert rows["input_tokens"]["change_value"] == pytest.approx(1.0)
    assert "2026-10-01" == rows["input_tokens"]["began"]
    assert {"STABLE"} == {rows[name]["verdict"] for name in ("output_tokens", "latency", "latency_p50")}
    assert (1120, 1120) == (rows["latency"]["requests_before"], rows["latency"]["requests_after"])


def test_slices_are_bounded_and_the_rest_is_said(here: Path, run: Run) -> None:
    """Three users, two of them kept; the whole is judged on all; what is hostile stays text."""
    records = [{**r, "user_id": ("=cmd|' /C calc'!A0", "b\x1b[31m", "c")[i % 3]}
               for i, r in enumerate(month(9, 6) + month(10, 6))]  # fmt: skip
    log = put(here / "log.jsonl", lines(records))
    found = answer(run, log, "--by", "user", "--top", 2, "--since", "2026-10", "--until", "2026-10")

    assert 3 == len({row["user"] for row in found["rows"]})
    assert any("the 2 largest of 3 slices; the other 112 requests" in note for note in found["notes"])
    text = run("drift", log, "--by", "user", "--since", "2026-10", "--until", "2026-10", "-f", "csv").out
    assert "\x1b" not in text
    assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(text)) for cell in row)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--metric", "latncy"), "latency"),
        (("--by", "month"), "--baseline"),
        (("--by", "nonsense"), "unknown dimension"),
        (("--top", 0), "--top"),
        (("--baseline", "soon"), "baseline"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_way_on(
    here: Path, run: Run, arguments: tuple[object, ...], said: str
) -> None:
    """Exit 2, and the nearest name."""
    log = put(here / "log.jsonl", lines(month(9, 1)))
    done = run("drift", log, *arguments)

    assert 2 == done.code
    assert said in done.err


def test_margins_are_those_of_the_configuration(here: Path, run: Run) -> None:
    """A margin of 200 % of tokens makes a doubling small; an unknown margin is refused."""
    log = put(here / "log.jsonl", lines(month(9, 40, input_tokens=100) + month(10, 40, input_tokens=110)))
    asked = (log, "--since", "2026-10", "--until", "2026-10", "--metric", "input_tokens")
    put(here / "llmscope.toml", b"[drift]\ntokens = 0.2\n")

    assert "SMALL" == answer(run, *asked)["rows"][0]["verdict"]
    put(here / "llmscope.toml", b"[drift]\ntoken = 0.2\n")
    assert 2 == run("drift", *asked).code


def test_distances_stand_beside_what_noise_would_give(run: Run, sample_store: Path) -> None:
    """Of each figure six distances, of each mix one; none is a verdict."""
    found = answer(run, "--store", sample_store, "--distances", "--metric", "latency,model_mix",
                   "--since", "2026-10", "--until", "2026-10")  # fmt: skip
    rows = found["parts"]["distances"]["rows"]

    assert {"psi", "js_distance", "ks", "wasserstein", "wasserstein_iqr", "cliff_delta", "total_variation"} == {
        row["distance"] for row in rows
    }
    assert next(row["beyond_noise"] for row in rows if row["distance"] == "total_variation")


def test_tags_do_not_count_the_whole_twice(here: Path, run: Run) -> None:
    """A request with two tags is in both slices, and once in the whole."""
    log = put(here / "log.jsonl", lines([{**r, "tags": ["x", "y"]} for r in month(9, 5) + month(10, 5)]))
    found = answer(run, log, "--by", "tag", "--metric", "input_tokens", "--since", "2026-10", "--until", "2026-10")

    assert {("(all)", 140), ("x", 140), ("y", 140)} == {(r["tag"], r["requests_after"]) for r in found["rows"]}


def test_help_imports_no_scipy(program: Run) -> None:
    """Neither scipy nor numpy is needed to show the options."""
    code = "import sys; from llmscope.cli import main\ntry: main(['drift', '--help'])\nexcept SystemExit: pass\n"
    import subprocess

    done = subprocess.run(
        ["python", "-c", code + "print('LOADED', [m for m in ('scipy', 'numpy') if m in sys.modules])"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    assert done.stdout.strip().endswith("LOADED []")
