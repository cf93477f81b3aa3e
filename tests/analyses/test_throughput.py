"""How busy it is: concurrency worked out by hand and against a count of every instant, rates, limits, waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscope.analyses import _limits, _sweep
from llmscope.errors import UsageError
from llmscope.logs import Logs
from llmscope.schema import dimension
from llmscope.store import Store, add_columns
from tests.conftest import Run
from tests.load.writing import lines, put, request

BASE = datetime(2026, 9, 1, 10)
# Seconds after 10:00:00, start and end; None: not logged.
DOZEN: dict[str, tuple[int, int | None]] = {
    "a": (0, 10),
    "b": (10, 20),  # starts as a ends
    "c": (12, 15),  # inside b
    "d": (12, 18),  # starts with c, inside b
    "e": (15, 16),  # starts as c ends
    "f": (16, 16),  # of no length, as e ends
    "g": (18, 25),
    "h": (30, 40),
    "i": (30, 40),  # the same again
    "j": (50, None),
    "k": (55, 55),  # of no length, inside l
    "l": (35, 60),
}


def at(seconds: float) -> str:
    return (BASE + timedelta(seconds=seconds)).isoformat() + "Z"


def one(number: int, start: float, end: float | None, **fields: Any) -> dict[str, Any]:
    """A request from `start` to `end`, in seconds after 10:00:00."""
    return request(number, started_at=at(start), ended_at=... if end is None else at(end), **fields)


def dozen(here: Path) -> Path:
    return put(here / "log.jsonl", lines(one(i + 1, *times) for i, times in enumerate(DOZEN.values())))


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done = run("throughput", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_a_dozen_by_hand(here: Path, run: Run) -> None:
    """Levels: 1 to 12 s; 3 to 16 (b, c, d, then e for c); 2 to 20; 1 to 25; 0 to 30; 2 to 35; 3 to 40; 1 to 60.

    In flight for 10+10+3+6+1+7+10+10+25 = 82 s of 60. At 3 for 9 s, 2 for 9, 1 for 37, 0 for 5: 51 s are at 2 or
    less, and 95 % of 60 are 57. f makes 3 of 2 for an instant, which is no new peak. Twelve requests in a minute.
    """
    found = answer(run, dozen(here))
    [row] = found["rows"]

    assert (12, pytest.approx(12)) == (row["requests"], row["requests_per_minute"])
    assert pytest.approx(82 / 60) == row["mean_concurrency"]
    assert (3, 3, "2026-09-01T10:00:12Z") == (row["p95_concurrency"], row["peak_concurrency"], row["peak_at"])
    # 1 + 2 + … + 12 tokens in, one out each.
    assert (pytest.approx(78), pytest.approx(12)) == (row["input_tokens_per_minute"], row["output_tokens_per_minute"])
    assert any("1 request has no end" in note and "--map" in note for note in found["notes"])


def test_an_end_and_a_start_at_once_do_not_overlap(here: Path, run: Run) -> None:
    """Three in a row, each starting as the one before ends: never more than one, always one."""
    path = put(here / "log.jsonl", lines(one(i, 5 * i, 5 * i + 5) for i in range(3)))
    [row] = answer(run, path)["rows"]

    assert (1, 1, pytest.approx(1)) == (row["peak_concurrency"], row["p95_concurrency"], row["mean_concurrency"])


def test_no_length_counts_for_its_instant_only(here: Path, run: Run) -> None:
    """Two of no length inside of a long one: three at that instant, and no time at three."""
    path = put(here / "log.jsonl", lines([one(1, 0, 10), one(2, 5, 5), one(3, 5, 5)]))
    [row] = answer(run, path)["rows"]

    assert (3, "2026-09-01T10:00:05Z") == (row["peak_concurrency"], row["peak_at"])
    assert (pytest.approx(1), 1) == (row["mean_concurrency"], row["p95_concurrency"])


def test_an_end_may_come_from_the_latency(here: Path, run: Run) -> None:
    """4 s of latency from 0 and from 2: two in flight from 2 to 4, 8 s in 6; a latency that is none is no end."""
    times = [(0, 4000), (2, 4000), (3, -1)]
    path = put(
        here / "log.jsonl", lines(request(i, started_at=at(s), latency_ms=ms) for i, (s, ms) in enumerate(times))
    )
    found = answer(run, path)
    [row] = found["rows"]

    assert (2, pytest.approx(8 / 6)) == (row["peak_concurrency"], row["mean_concurrency"])


def test_the_gateways_cache_is_not_in_flight_and_failures_are(here: Path, run: Run) -> None:
    """A cache hit is counted in the rate only; a failure loads the system."""
    path = put(here / "log.jsonl", lines([one(1, 0, 60, status="error"), one(2, 0, 60, cache_hit=True)]))
    found = answer(run, path)
    [row] = found["rows"]

    assert (2, 1) == (row["requests"], row["peak_concurrency"])
    assert any("1 answer of the gateway's own cache" in note for note in found["notes"])
    assert any("1 failed or cancelled" in note for note in found["notes"])


def test_rates_of_slices_add_up(here: Path, run: Run) -> None:
    """Two models over the same minute: 1 and 2 requests a minute are 3, means of 0.5 and 1 are 1.5."""
    path = put(
        here / "log.jsonl",
        lines(
            [
                one(1, 0, 30, request_model="x"),
                one(2, 0, 30, request_model="y"),
                one(3, 30, 60, request_model="y"),
            ]
        ),
    )
    found = answer(run, path, "--by", "model")

    assert [("y", 2, 1, 1), ("x", 1, 0.5, 1)] == [
        (r["model"], r["requests_per_minute"], r["mean_concurrency"], r["peak_concurrency"]) for r in found["rows"]
    ]
    assert (3, 1.5, 2) == tuple(
        found["totals"][n] for n in ("requests_per_minute", "mean_concurrency", "peak_concurrency")
    )


def test_over_hours_one_request_goes_on_into_the_next(here: Path, run: Run) -> None:
    """From 10:00 to 12:30, another from 13:30 to 14:00: hours of 1, 1, 0.5 and 0.5; 11 and 12 see no start."""
    path = put(here / "log.jsonl", lines([one(1, 0, 9000), one(2, 12600, 14400)]))
    rows = answer(run, path, "--over", "hour", "--per", "hour")["rows"]

    assert [
        ("2026-09-01T10:00", 1, 1, 1, 1),
        ("2026-09-01T11:00", 0, 0, 1, 1),
        ("2026-09-01T12:00", 0, 0, 0.5, 1),
        ("2026-09-01T13:00", 1, 1, 0.5, 1),
    ] == [
        (r["hour"], r["requests"], r["requests_per_hour"], r["mean_concurrency"], r["peak_concurrency"]) for r in rows
    ]


def test_an_empty_bucket_stands_with_nothing(here: Path, run: Run) -> None:
    """10:00 and 12:00 have a request each; 11:00 has none and nothing in flight."""
    path = put(here / "log.jsonl", lines([one(1, 0, 60), one(2, 7200, 7260)]))
    rows = answer(run, path, "--over", "hour")["rows"]

    assert ("2026-09-01T11:00", 0, 0, 0, 0) == tuple(
        rows[1][n] for n in ("hour", "requests", "requests_per_minute", "mean_concurrency", "peak_concurrency")
    )


def test_a_day_of_25_hours_is_that_long(here: Path, run: Run) -> None:
    """2026-10-25 in Zurich, in flight all day and a day on either side."""
    times = {"started_at": "2026-10-23T22:00:00Z", "ended_at": "2026-10-26T23:00:00Z"}
    path = put(here / "log.jsonl", lines([request(1, **times), request(2, started_at="2026-10-24T22:30:00Z")]))
    rows = answer(run, path, "--over", "day", "--tz", "Europe/Zurich", "--per", "hour")["rows"]

    assert [1, 1, 1] == [r["mean_concurrency"] for r in rows]
    assert pytest.approx(1 / 25) == rows[1]["requests_per_hour"]


def test_the_window_asked_for_is_the_span(here: Path, run: Run) -> None:
    """From 10:00:10 to 10:01:10 stand 11 requests in a minute; what runs beyond it is cut off there."""
    path = put(here / "log.jsonl", lines([one(i, 10 + i, 20 + i) for i in range(11)] + [one(99, 69, 600)]))
    [row] = answer(run, path, "--since", "2026-09-01T10:00:10", "--until", "2026-09-01T10:01:10")["rows"]

    assert (12, pytest.approx(12)) == (row["requests"], row["requests_per_minute"])
    # eleven of 10 s, and one second of the last
    assert pytest.approx(111 / 60) == row["mean_concurrency"]


def test_the_busiest_minutes(here: Path, run: Run) -> None:
    """10:01 has two starts and the request of 10:00 for its first half: 30 + 10 + 10 s of 60, at most two at once."""
    path = put(
        here / "log.jsonl",
        lines([one(1, 0, 90), one(2, 70, 80), one(3, 100, 110), one(4, 300, 300)]),
    )
    rows = answer(run, path, "--busiest", "2")["parts"]["busiest"]["rows"]

    assert [("2026-09-01T10:01:00Z", 2, 5, 2), ("2026-09-01T10:05:00Z", 1, 4, 1)] == [
        (r["minute"], r["requests"], r["input_tokens"], r["peak_concurrency"]) for r in rows
    ]
    assert [pytest.approx(50 / 60), 0] == [r["mean_concurrency"] for r in rows]


def test_waiting_by_concurrency(here: Path, run: Run) -> None:
    """One alone waits 10 ms; two that start together see two in flight and wait 100 and 200."""
    path = put(
        here / "log.jsonl",
        lines([one(1, 0, 5, queue_ms=10), one(2, 10, 15, queue_ms=100), one(3, 10, 15, queue_ms=200)]),
    )
    part = answer(run, path)["parts"]["queue"]

    assert [("1", 1, 10, 5000), ("2-3", 2, 150, 5000)] == [
        (r["in_flight"], r["requests"], r["queue_p50_ms"], r["latency_p50_ms"]) for r in part["rows"]
    ]
    assert "ttft_p50_ms" not in {c["name"] for c in part["columns"]}


def test_no_waits_no_part(here: Path, run: Run) -> None:
    assert "queue" not in answer(run, dozen(here))["parts"]


# Three requests at 0, 40 and 59.999999 s are in one window of 60 s; the one at 60 s drives out the one at 0.
LIMITED = (0, 40, 59.999999, 60)


@pytest.mark.parametrize(
    ("limit", "used", "minutes", "seconds", "severity"),
    [
        ("3rpm", 3, 0, 59.999999, "warning"),
        ("3RPM", 3, 0, 59.999999, "warning"),
        ("2rpm", 3, 2, 59.999999, "breach"),
        ("1000rpm", 3, 0, 59.999999, None),
        ("2rps", 2, 0, 60, "warning"),
        # inputs 100, 200, 300, 400 and outputs 1 each: 200 + 300 + 400 + 3
        ("902tpm", 903, 1, 60, "breach"),
        ("10kitpm", 900, 0, 60, None),
        ("3otpm", 3, 0, 59.999999, "warning"),
        ("2concurrent", 2, 0, 60, "warning"),
    ],
)
def test_limits_by_hand(
    here: Path, run: Run, limit: str, used: int, minutes: int, seconds: float, severity: str | None
) -> None:
    """The most in any 60 s, open at the old end; each lasts a second, so the last two overlap."""
    path = put(
        here / "log.jsonl",
        lines(
            one(i, s, s + 1, input_tokens=100 * (i + 1), provider="openai", operation="chat")
            for i, s in enumerate(LIMITED)
        ),
    )
    found = answer(run, path, "--limit", f"OpenAI={limit}")
    [row] = found["parts"]["limits"]["rows"]

    assert ("openai", used, minutes) == (row["limit_of"], row["peak_used"], row["minutes_over"])
    assert at(seconds) == row["peak_at"]
    assert pytest.approx(used / row["limit"]) == row["used_ratio"]
    assert row["limit"] - used == row["headroom"]
    assert ([severity] if severity else []) == [f["severity"] for f in found["findings"]]


def test_limits_are_read_as_written() -> None:
    """A comma goes on with the same name until another is named."""
    found = _limits.parse(["openai=10_000rpm,2Mtpm,gpt-4o=50rps", "a=b=1.5ktpm"])

    assert [("openai", 10_000, "rpm"), ("openai", 2_000_000, "tpm"), ("gpt-4o", 50, "rps"), ("a=b", 1500, "tpm")] == [
        (one.subject, one.most, one.unit) for one in found
    ]


@pytest.mark.parametrize(
    "text", ["", "10rpm", "openai=", "openai=rpm", "openai=0rpm", "o=1rpm,1rpm", "o=-1rpm", "o=1rpn"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        _limits.parse([text])


def test_a_limit_is_of_the_name_as_written(here: Path, run: Run) -> None:
    """Where two names differ in their letters only, that one; in other letters the one with most requests."""
    models = ("Mini", "mini", "mini")
    path = put(here / "log.jsonl", lines(one(i, i, i + 1, response_model=model) for i, model in enumerate(models)))

    for asked, name, used in (("mini", "mini", 2), ("Mini", "Mini", 1), ("MINI", "mini", 2)):
        [row] = answer(run, path, "--limit", f"{asked}=5rpm")["parts"]["limits"]["rows"]
        assert (name, used) == (row["limit_of"], row["peak_used"])


def test_an_unknown_provider_is_named(here: Path, run: Run) -> None:
    """Exit 2, and the nearest name of the log."""
    done = run("throughput", dozen(here), "--limit", "gpt-4-trubo=5rpm")

    assert 2 == done.code
    assert "gpt-4-turbo" in done.err


@pytest.mark.parametrize(
    "options", [["--per", "day"], ["--busiest", "-1"], ["--sort", "cost"], ["--over", "year"], ["--by", "modle"]]
)
def test_wrong_options_are_refused(here: Path, run: Run, options: list[str]) -> None:
    assert 2 == run("throughput", dozen(here), *options).code


def test_logs_without_what_is_asked(here: Path, run: Run) -> None:
    """No ends: rates, and concurrency unknown; no times: nothing but a note; no requests: an empty table."""
    no_ends = answer(run, put(here / "a.jsonl", lines([one(1, 0, None), one(2, 60, None)])))
    no_times = answer(run, put(here / "b.jsonl", lines([request(1, started_at=...)])))
    empty = answer(run, put(here / "c.jsonl", b""), "--limit", "openai=1rpm")

    assert [(2, None, None)] == [
        (r["requests_per_minute"], r["mean_concurrency"], r["peak_concurrency"]) for r in no_ends["rows"]
    ]
    assert [] == no_times["rows"] == empty["rows"]
    assert any("without a time" in note for note in no_times["notes"])


def test_a_gate(here: Path, run: Run) -> None:
    """--fail-if asks of the figures: exit 3; of nothing: exit 5."""
    path = dozen(here)

    assert 3 == run("throughput", path, "--fail-if", "peak_concurrency >= 3").code
    assert 0 == run("throughput", path, "--fail-if", "peak_concurrency > 3").code
    assert 5 == run("throughput", path, "--since", "2027-01", "--fail-if", "requests > 3").code


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("options", [[], ["--over", "hour"], ["--by", "metadata.a\"b'{x}", "--limit", "openai=1rpm"]])
def test_every_width_is_kept(here: Path, run: Run, width: int, options: list[str]) -> None:
    """No line is wider than asked; a hostile dimension is a name as any other."""
    path = put(here / "log.jsonl", lines([one(1, 0, 9, provider="openai", metadata={"a\"b'{x}": "\x1b[31m"})]))
    done = run("throughput", path, "-f", "table", "--width", width, *options)

    assert 0 == done.code, done.err
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= width


UNIT = timedelta(minutes=7)
Flight = tuple[int, int | None, str]
FLIGHTS = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 30)), st.sampled_from("xy")), max_size=14
)


@pytest.fixture(scope="module")
def kept() -> Iterator[Logs]:
    """One store in memory for all examples."""
    with Logs(Store(None)) as logs:
        add_columns(logs.con, "requests", ["provider", "started_at", "ended_at", "feature"])
        yield logs


def filled(logs: Logs, flights: list[Flight]) -> None:
    """The store holds these requests and no others."""
    logs.con.execute("DELETE FROM requests_rows")
    for i, (start, units, feature) in enumerate(flights):
        begun = BASE + start * UNIT
        logs.con.execute(
            "INSERT INTO requests_rows (request_id, operation, provider, model, status, usage_semantics, "
            "timing_quality, started_at, ended_at, feature) VALUES (?, 'chat', 'p', 'm', 'ok', 'inclusive', "
            "'measured', ?, ?, ?)",
            [str(i), begun, None if units is None else begun + units * UNIT, feature],
        )


def counted(flights: list[Flight], instant: int) -> tuple[int, int]:
    """By brute force: in flight for the unit after an instant, and at the instant itself."""
    known = [(start, start + units) for start, units, _ in flights if units is not None]
    level = sum(start <= instant < end for start, end in known)
    return level, level + sum(start == end == instant for start, end in known)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FLIGHTS)
def test_the_sweep_agrees_with_a_count_of_every_instant(kept: Logs, flights: list[Flight]) -> None:
    """Time at each level, peak and its first moment, by slice and over all; and hour by hour."""
    filled(kept, flights)
    unit_us = UNIT // timedelta(microseconds=1)
    base_us = _sweep.micros(BASE)
    hour = dimension("hour")
    by_feature = _sweep.in_flight(kept, [dimension("feature")])
    over = _sweep.in_flight_over(kept, [], hour)
    cases = [(flights, _sweep.in_flight(kept).get(()))]
    cases += [([f for f in flights if f[2] == name], by_feature.get((name,))) for name in "xy"]

    for some, found in cases:
        levels = [counted(some, instant) for instant in range(75)]
        peak = max(peak for _, peak in levels)
        held: dict[int, int] = {}
        for level, _ in levels:
            held[level] = held.get(level, 0) + unit_us
        if found is None:
            assert 0 == peak
            continue
        assert {k: v for k, v in held.items() if k} == {k: v for k, v in found.held_us.items() if k and v}
        assert peak == found.peak
        assert base_us + unit_us * [p for _, p in levels].index(peak) == found.peak_us

    for number in range(9):
        name = f"{BASE + timedelta(hours=number):%Y-%m-%dT%H:00}"
        start, end = timedelta(hours=number), timedelta(hours=number + 1)
        busy, most = timedelta(), 0
        for instant in range(75):
            level, here = counted(flights, instant)
            inside = min(end, (instant + 1) * UNIT) - max(start, instant * UNIT)
            busy += level * max(inside, timedelta())
            most = max(most, here if start <= instant * UNIT < end else 0, level if inside > timedelta() else 0)
        one_hour = over.get((name,), _sweep.InFlight())

        assert (busy // timedelta(microseconds=1), most) == (one_hour.busy_us, one_hour.peak), name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=25),
    st.integers(1, 12),
)
def test_the_sliding_limit_agrees_with_a_count(kept: Logs, seconds: list[int], most: int) -> None:
    """What is left out of the sort never holds the most, nor a use above the limit."""
    kept.con.execute("DELETE FROM requests_rows")
    for i, second in enumerate(seconds):
        kept.con.execute(
            "INSERT INTO requests_rows (request_id, operation, provider, model, status, usage_semantics, "
            "timing_quality, started_at) VALUES (?, 'chat', 'p', 'm', 'ok', 'inclusive', 'measured', ?)",
            [str(i), BASE + timedelta(seconds=second)],
        )
    used = {s: sum(s - 60 < other <= s for other in seconds) for s in seconds}
    peak = max(used.values())
    row = _limits.measured(kept, _limits.Limit("p", float(most), "rpm"), "provider", "p")

    assert peak == row["peak_used"]
    assert BASE + timedelta(seconds=min(s for s in used if used[s] == peak)) == row["peak_at"]
    assert len({s // 60 for s in used if used[s] > most}) == row["minutes_over"]


def test_a_build_fails_on_a_part_as_on_the_rows() -> None:
    """A limit over its share is a breach of the part that shows limits; one inside it is none."""
    from llmscope.gates import judge
    from llmscope.result import Column, Part, Result

    columns = (Column("limit_of", "text", "dimension"), Column("used_ratio", "ratio"))
    rows = ({"limit_of": "openai", "used_ratio": 0.9}, {"limit_of": "anthropic", "used_ratio": 0.2})
    result = Result(
        "throughput", (Column("requests", "count"),), ({"requests": 1},), parts={"limits": Part(columns, rows)}
    )
    breached = judge(result, ["limits: used_ratio > 0.8"], None)
    assert breached is not None
    assert breached.exit_code == 3
    assert "limit_of=openai" in breached.message
    assert "anthropic" not in breached.message
    assert judge(result, ["limits: used_ratio > 0.95"], None) is None
