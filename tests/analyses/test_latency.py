"""Quantiles of latency by hand, on logs of a few requests, and against numpy where there are many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.analyses._latency_sql import METRICS, quantiles_of
from llmscope.errors import UsageError
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]
# R's quantile(x, c(.1, .5, .9, .95), type = 7) of these is 1.11, 4.8, 8.92, 9.01.
VALUES = (1.2, 3.4, 2.2, 8.9, 5.5, 4.1, 7.7, 0.3, 9.1, 6.0)
# The first token after 200 of 1000 ms, the other eight in the 800 ms after it.
STREAM = {"latency_ms": 1000, "ttft_ms": 200, "output_tokens": 9, "stream": True, "status": "ok"}


def log(here: Path, *records: Row) -> Path:
    """A log of requests of one second each, changed as given."""
    return put(
        here / "log.jsonl",
        lines(request(i, **{"latency_ms": 1000, "status": "ok", **r}) for i, r in enumerate(records)),
    )


def asked(path: Path, **options: Any) -> Result:
    with llmscope.open(str(path)) as logs:
        return logs.latency(**options)


def answer(run: Run, *arguments: object) -> Row:
    """The JSON envelope of a question."""
    done = run(*arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: Row = json.loads(done.out)
    return found


def test_quantiles_are_type_7(here: Path) -> None:
    """R's answers; the mean 48.4/10; squares sum to 322.30, less 10 x 4.84^2 is 88.044, over 9."""
    path = log(here, *({"latency_ms": v} for v in VALUES))
    row = asked(path, quantiles="10,50,90,95").rows[0]

    assert {"p10_ms": 1.11, "p50_ms": 4.8, "p90_ms": 8.92, "p95_ms": 9.01, "max_ms": 9.1, "mean_ms": 4.84} == {
        name: pytest.approx(row[name]) for name in ("p10_ms", "p50_ms", "p90_ms", "p95_ms", "max_ms", "mean_ms")
    }
    assert 10 == row["requests"]
    assert pytest.approx((88.044 / 9) ** 0.5) == row["stddev_ms"]


def test_default_columns_and_names(here: Path) -> None:
    """p50 to p99, and a quantile's name without a point; no first token, no columns of it."""
    path = log(here, {}, {})

    assert ["requests", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "stddev_ms", "max_ms"] == [
        c.name for c in asked(path).columns
    ]
    assert ["p50_ms", "p75_ms", "p99_9_ms"] == [c.name for c in asked(path, quantiles="50,75,99.9").columns][1:4]


@pytest.mark.parametrize(
    "text", ["", "0", "100", "1e-13", "50,x", "nan", "-1", "50;75", ",".join(map(str, range(1, 23)))]
)
def test_what_is_no_quantile(text: str) -> None:
    """Refused with an example."""
    with pytest.raises(UsageError, match=r"50,95,99\.9"):
        quantiles_of(text)


def test_first_tokens_stand_beside_the_total(here: Path) -> None:
    """Of the one stream; the mean of total is (1000 + 500)/2."""
    row = asked(log(here, STREAM, {"latency_ms": 500})).rows[0]

    assert (2, 750.0, 200.0, 1) == (row["requests"], row["mean_ms"], row["ttft_p50_ms"], row["ttft_requests"])


@pytest.mark.parametrize(
    ("metric", "name", "figure"),
    [
        ("total", "p50_ms", 1000.0),
        ("ttft", "p50_ms", 200.0),
        ("tpot", "p50_ms", 800 / 8),  # nine tokens: eight after the first, in 1000 - 200 ms
        ("queue", "p50_ms", 100.0),
        ("network", "p50_ms", 20.0),
        ("inference", "p50_ms", 870.0),
        ("postprocess", "p50_ms", 10.0),
        ("tokens-per-second", "p50_tokens_per_second", 8 / 0.8),
    ],
)
def test_metrics(here: Path, metric: str, name: str, figure: float) -> None:
    """Each by its definition."""
    parts = {"queue_ms": 100, "network_ms": 20, "inference_ms": 870, "postprocess_ms": 10}
    row = asked(log(here, {**STREAM, **parts}), metric=metric).rows[0]

    assert (1, pytest.approx(figure)) == (row["requests"], row[name])


def test_tokens_per_second_without_a_first_token(here: Path) -> None:
    """Real fractions: 3 tokens in 400 ms in the model are 7.5, in 1.6 s in all 1.875; and it is said of how many."""
    path = log(
        here,
        {"output_tokens": 3, "latency_ms": 1600, "inference_ms": 400},
        {"output_tokens": 3, "latency_ms": 1600},
        {"output_tokens": 0},
        {**STREAM, "output_tokens": 1},
    )
    found = asked(path, metric="tokens-per-second", quantiles="50")
    row = found.rows[0]

    assert (2, 7.5) == (row["requests"], row["max_tokens_per_second"])
    assert pytest.approx((7.5 + 1.875) / 2) == row["p50_tokens_per_second"]
    assert any(note.startswith("2 of 4 requests log no output tokens per second") for note in found.notes)
    assert any(note.startswith("2 of 2 requests log no time to first token") for note in found.notes)


def test_one_token_has_no_time_per_token(here: Path) -> None:
    """Nothing comes after the first; nor where the whole answer came at once."""
    found = asked(log(here, {**STREAM, "output_tokens": 1}, {**STREAM, "ttft_ms": 1000}), metric="tpot")

    assert (0, None) == (found.rows[0]["requests"], found.rows[0]["p50_ms"])
    assert any(note.startswith("2 of 2 requests log no time per output token") for note in found.notes)


def test_what_is_left_out_is_counted_and_comes_back(here: Path) -> None:
    """A failure, a cancellation, a cache hit and an embedding; one that is two of these stands under the first."""
    path = log(
        here,
        {},
        {"status": "error", "latency_ms": 5},
        {"status": "cancelled", "latency_ms": 6},
        {"cache_hit": True, "latency_ms": 7},
        {"operation": "embeddings", "latency_ms": 8},
        {"operation": "embeddings", "status": "error", "latency_ms": 9},
    )
    found = asked(path)

    assert (1, 1000.0) == (found.rows[0]["requests"], found.rows[0]["max_ms"])
    assert [
        "left out: 3 failed or cancelled requests, 1 answer of the gateway's own cache, 1 embedding "
        "(--include failed,cached,embeddings)"
    ] == [n for n in found.notes if n.startswith("left out")]
    assert 6 == found.coverage.requests if found.coverage else None
    assert 3 == asked(path, include="cached, embeddings").rows[0]["requests"]
    assert 6 == asked(path, include="all").rows[0]["requests"]
    assert not [n for n in asked(path, include="all").notes if n.startswith("left out")]


def test_unknown_words_name_the_nearest(here: Path) -> None:
    """--metric, --include and --sort."""
    path = log(here, {})
    for option, word, nearest in (
        ("metric", "totl", "total"),
        ("include", "fail", "failed"),
        ("sort", "p95", "p95_ms"),
    ):
        with pytest.raises(UsageError) as refused:
            asked(path, **{option: word})

        assert nearest in str(refused.value.hint)


def test_a_tiny_quantile_has_a_name_without_an_exponent(here: Path) -> None:
    """0.00005 % is p0_00005, not p5e-05, which is no column."""
    path = log(here, {"latency_ms": 10}, {"latency_ms": 20})

    assert [pytest.approx(10.000005)] == asked(path, quantiles="0.00005").column("p0_00005_ms")


def test_top_ranks_by_no_interval(here: Path) -> None:
    """(other) has none, and slices are cut before intervals are made."""
    path = log(here, {"feature": "a"}, {"feature": "b"})
    with pytest.raises(UsageError, match="--top and --sort p50_low_ms"):
        asked(path, by="feature", ci=True, top=1, sort="p50_low_ms")


def test_by_top_and_other(here: Path) -> None:
    """The slowest first; the rest of --top is measured together, not added up: p50 of 10, 20 and 60 is 20."""
    path = log(
        here,
        {"feature": "slow", "latency_ms": 900},
        {"feature": "a", "latency_ms": 10},
        {"feature": "a", "latency_ms": 20},
        {"feature": None, "latency_ms": 60},
    )
    found = asked(path, by="feature", top=1)

    assert [("slow", 900.0), ("(other)", 20.0)] == [(r["feature"], r["p50_ms"]) for r in found.rows]
    assert 4 == found.totals["requests"] if found.totals else None
    assert ["slow", None, "a"] == asked(path, by="feature").column("feature")
    assert ["a", None, "slow"] == [r["feature"] for r in reversed(asked(path, by="feature", top=3).rows)]


def test_top_keeps_a_slice_in_every_bucket(here: Path) -> None:
    """The slowest over all days together is `b`; each day has it and the rest."""
    days = ("2026-09-01", "2026-09-02")
    path = log(
        here,
        *({"feature": f, "latency_ms": ms, "started_at": f"{day}T10:00:00Z"}
          for day, a, b in zip(days, (50, 10), (20, 90), strict=True) for f, ms in (("a", a), ("b", b), ("c", 1))),
    )  # fmt: skip
    found = asked(path, by="feature", over="day", top=1, quantiles="50", sort="p50_ms")

    assert [(days[0], "b", 20.0), (days[0], "(other)", 25.5), (days[1], "b", 90.0), (days[1], "(other)", 5.5)] == [
        (r["day"], r["feature"], r["p50_ms"]) for r in found.rows
    ]


def test_buckets_without_requests_stand(here: Path) -> None:
    """With 0 requests and no quantile; the lines have a gap there."""
    path = log(here, *({"started_at": f"2026-09-0{d}T10:00:00Z", "latency_ms": 100 * d} for d in (1, 2, 4)))
    found = asked(path, over="day")

    assert [1, 1, 0, 1] == found.column("requests")
    assert [100.0, 200.0, None, 400.0] == found.column("p95_ms")
    assert ["p50", "p95", "p99"] == [s.name for s in found.series]
    assert (100.0, 200.0, None, 400.0) == found.series[0].y


def days_of(here: Path, slow: int | None, a_day: int = 30) -> Path:
    """Twenty days of `a_day` requests of 1000 ms and a little more or less, on one of them 1800 ms."""
    records = (
        {"started_at": f"2026-09-{d:02d}T10:00:00Z", "latency_ms": (1800 if d == slow else 1000) + d % 5 + i + 0.5}
        for d in range(1, 21)
        for i in range(a_day)
    )
    return log(here, *records)


def test_a_slow_day_is_named(here: Path) -> None:
    """p50 of the 11th is 1801 + 15; of the seven days on each side 1000 to 1004 + 15: their median is 1017."""
    found = asked(days_of(here, slow=11), over="day").findings

    assert [
        "2026-09-11: latency p50 1,816 ms over 30 requests, 1.8 times the 1,017 ms of the days around it"
    ] == [f.text for f in found]  # fmt: skip
    assert "2026-09-11" == found[0].rows[0]["day"]


def test_a_model_s_slow_day_is_named_without_being_asked_for(here: Path) -> None:
    """One model of two is slow on the 11th: all together 1.4 times as slow at the median, that model 1.8 times."""
    slow = [json.loads(line) for line in days_of(here, slow=11).read_text().splitlines()]
    other = [{**one, "request_id": f"b{i}", "latency_ms": 3000, "request_model": "b", "model": "b"}
             for i, one in enumerate(slow) for _ in (0,)]  # fmt: skip
    found = asked(put(here / "two.jsonl", lines([*slow, *other])), over="day").findings

    assert ["2026-09-11, gpt-4-turbo: latency p50 1,816 ms"] == [f.text.split(" over ")[0] for f in found]


def test_usual_days_are_not_named(here: Path) -> None:
    """Nothing stands out; nor does a day of too few requests to tell."""
    assert () == asked(days_of(here, slow=None), over="day").findings
    assert () == asked(days_of(here, slow=11, a_day=29), over="day").findings


def test_breakdown(here: Path) -> None:
    """Parts of 1000 ms: 100 in a queue and 700 in the model leave 200; the second request logs none.

    The queue takes 100/1000 of the time of the one of two that carries it, the first token 200/1000.
    """
    path = log(here, {**STREAM, "queue_ms": 100, "inference_ms": 700}, {"latency_ms": 400})
    part = asked(path, breakdown=True).parts["breakdown"]
    rows = {row["part"].split(" (")[0]: row for row in part.rows}

    assert {
        "queue": 0.1, "inference": 0.7, "rest": 0.2, "to the first token": 0.2, "after the first token": 0.8,
    } == {name: pytest.approx(row["time_share_ratio"]) for name, row in rows.items()}  # fmt: skip
    assert {0.5} == {row["carried_ratio"] for row in rows.values()}
    assert (200.0, 1) == (rows["rest"]["mean_ms"], rows["rest"]["requests"])


def test_histogram(here: Path) -> None:
    """Ten bins a factor of ten: 100 and 120 lie in 100 to 126, 999 in 794 to 1000, 1000 in the next; 0 on its own."""
    found = asked(log(here, *({"latency_ms": v} for v in (0, 100, 120, 999, 1000))), hist=True)
    rows = found.parts["histogram"].rows

    assert (None, 0.0, 1) == (rows[0]["from_ms"], rows[0]["to_ms"], rows[0]["requests"])
    assert (100.0, pytest.approx(125.892541), 2) == (rows[1]["from_ms"], rows[1]["to_ms"], rows[1]["requests"])
    assert [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1] == [r["requests"] for r in rows]
    assert (1000.0, 1.0) == (rows[-1]["from_ms"], rows[-1]["so_far_ratio"])
    assert ("0", "100 ms", "126 ms") == found.series[0].x[:3]


def test_tags_stand_under_each(here: Path) -> None:
    """And the small print says so."""
    found = asked(log(here, {"tags": ["a", "b"]}, {"tags": ["a"]}), by="tag")

    assert {"a": 2, "b": 1} == {r["tag"]: r["requests"] for r in found.rows}
    assert 2 == found.totals["requests"] if found.totals else None
    assert any("several tags" in n for n in found.notes)


def test_through_the_command_line(here: Path, run: Run) -> None:
    """Log files, the store and Python give the same rows; a gate is judged on them."""
    path = log(here, *({"latency_ms": v, "feature": f} for v, f in zip(VALUES, "aabbaabbab", strict=True)))
    files = answer(run, "latency", path, "--by", "feature")
    run("load", path)
    stored = answer(run, "latency", "--by", "feature")

    assert files["rows"] == stored["rows"] == [dict(r) for r in asked(path, by="feature").rows]
    assert files["totals"] == stored["totals"]
    assert 3 == run("latency", path, "--by", "feature", "--fail-if", "p95_ms > 8").code
    assert 0 == run("latency", path, "--by", "feature", "--fail-if", "p95_ms > 800").code


def test_a_log_without_times_or_without_anything(here: Path, run: Run) -> None:
    """Not a failure: the small print says what is missing and what to do; a gate on no data does not pass."""
    path = put(here / "log.jsonl", lines([request(1), request(2)]))
    empty = put(here / "empty.jsonl", b"")
    found = answer(run, "latency", path, "--ci", "--hist", "--breakdown", "--over", "day")

    assert [(0, None)] == [(r["requests"], r["p95_ms"]) for r in found["rows"]]
    assert "2 of 2 requests log no latency and are left out; --map latency_ms=KEY or ended_at=KEY" in found["notes"]
    assert [] == answer(run, "latency", empty, "--ci", "--hist", "--breakdown", "--over", "day")["rows"]
    assert 5 == run("latency", empty, "--fail-if", "p95_ms > 1").code
    assert 0 == run("latency", path, "--by", "price_status,metadata.{x},tag", "-f", "table").code


def test_hostile_names(here: Path, run: Run) -> None:
    """Values are data: quotes, dollars, braces and escapes come through --top, --ci and budgets unharmed."""
    names = ("'; DROP TABLE requests; --", '"$kept_0_0" {x}', "\x1b]0;x\x07[red]")
    path = log(here, *({"feature": n, "latency_ms": 10 * (i + 1)} for i, n in enumerate(names)))
    found = answer(run, "latency", path, "--by", "feature", "--top", "2", "--ci", "--quantiles", "50")

    assert [names[2], names[1], "(other)"] == [r["feature"] for r in found["rows"]]
    shown = run("latency", path, "--by", 'feature,metadata.a"b', "-f", "table", "--color", "never")
    assert 0 == shown.code
    assert "\x1b" not in shown.out


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1e7).map(lambda x: round(x, 3)), min_size=1, max_size=50))
def test_every_quantile_is_numpys(values: list[float]) -> None:
    """Linear interpolation, and the standard deviation over n - 1."""
    from llmscope.analyses._latency_sql import quantile_sql
    from llmscope.engines.duckdb import connect, execute

    con = connect()
    con.execute("CREATE TABLE t (x DOUBLE)")
    con.executemany("INSERT INTO t VALUES (?)", [[v] for v in values])
    asked_for = quantiles_of("1,25,50,90,99.9")
    row = execute(con, f"SELECT {quantile_sql(asked_for, 'x')} stddev_samp(x) FROM t")[0]

    assert [pytest.approx(np.quantile(values, q), rel=1e-12) for q in asked_for.values()] == list(row[:-1])
    assert (row[-1] is None) if len(values) < 2 else pytest.approx(np.std(values, ddof=1), rel=1e-9) == row[-1]


def test_every_metric_is_in_the_help(run: Run) -> None:
    """The words of --metric."""
    said = " ".join(run("latency", "--help").out.split())

    assert [word for word in METRICS if word not in said.replace("tokens-per- second", "tokens-per-second")] == []
