"""What fails, on logs small enough to be counted by hand, and on the sample logs' planted stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import Record, lines, put, request

SAMPLE = Path(__file__).parents[2] / "sample_logs"


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done = run("errors", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def log(here: Path, records: list[Record]) -> Path:
    return put(here / "log.jsonl", lines(records))


def at(hour: int, second: int, day: int = 1) -> str:
    return f"2026-09-{day:02d}T{hour:02d}:{second // 60:02d}:{second % 60:02d}Z"


FAILED = {"status": "error", "error_class": "rate_limit", "input_tokens": ..., "output_tokens": ...}


def test_counts_and_intervals_by_hand(here: Path, run: Run) -> None:
    """Ten requests: 6 ok, 2 failed, 1 cancelled, 1 unknown. 2 of 8 failed: Wilson 0.0715 to 0.5907.

    z = 1.959964, z^2 = 3.841459; middle (0.25 + 3.841459 / 16) / (1 + 3.841459 / 8) = 0.490091 / 1.480182 = 0.331102;
    reach z sqrt(0.25 x 0.75 / 8 + 3.841459 / 256) / 1.480182 = 1.959964 x 0.196069 / 1.480182 = 0.259623.
    """
    records = [request(i, status="ok") for i in range(6)]
    records += [request(6, **FAILED), request(7, **{**FAILED, "error_class": "timeout"})]
    records += [request(8, status="cancelled"), request(9, status="unknown")]
    found = answer(run, log(here, records))
    row = found["rows"][0]

    assert (10, 2, 1, 1) == tuple(row[n] for n in ("requests", "errors", "cancelled", "unknown"))
    assert 0.25 == row["error_rate_ratio"]
    assert [pytest.approx(0.071479, abs=1e-6), pytest.approx(0.590725, abs=1e-6)] == [
        row["error_rate_low_ratio"], row["error_rate_high_ratio"],
    ]  # fmt: skip
    assert any("1 cancelled" in n for n in found["notes"])
    assert any("1 request does not say whether they failed" in n for n in found["notes"])


def test_classes_add_up_to_the_errors(here: Path, run: Run) -> None:
    """Three of four errors are rate limits: 75 %; an error without a class is other, and said."""
    records = [request(i, status="ok") for i in range(6)] + [request(i, **FAILED) for i in (6, 7, 8)]
    records.append(request(9, status="error", error_class=..., latency_ms=5))
    found = answer(run, log(here, records))
    part = found["parts"]["classes"]

    assert [("rate_limit", 3, 0.75, 0.3), ("other", 1, 0.25, 0.1)] == [
        (r["class"], r["errors"], r["share_ratio"], r["error_rate_ratio"]) for r in part["rows"]
    ]
    assert (4, 0.4) == (part["totals"]["errors"], part["totals"]["error_rate_ratio"])
    assert "2026-09-01T10:00:06" in part["rows"][0]["first_seen"]
    assert "2026-09-01T10:00:08" in part["rows"][0]["last_seen"]
    assert {"too few to say"} == {r["trend"] for r in part["rows"]}
    assert any("1 error has no class" in n for n in found["notes"])


def test_a_cancelled_call_logged_as_an_error_is_none(here: Path, run: Run) -> None:
    """CancelledError under a status of error: in neither the errors nor what they are a share of."""
    records = [request(0, status="ok"), request(1, **{**FAILED, "error_class": "cancelled"})]
    row = answer(run, log(here, records))["rows"][0]

    assert (2, 0, 1, 0.0) == (row["requests"], row["errors"], row["cancelled"], row["error_rate_ratio"])


def tries(trace: str, *attempts: tuple[int, Record]) -> list[Record]:
    """One call's attempts: the second each began at, and what came of it."""
    return [
        request(
            0, request_id=f"{trace}-{i}", trace_id=trace, template="t", attempt=i, started_at=at(10, second), **came
        )
        for i, (second, came) in enumerate(attempts, 1)
    ]


def test_what_became_of_failed_calls(here: Path, run: Run) -> None:
    """Three calls failed of rate limits: one answered at its third attempt, one never, one not tried again.

    a: fails 0 s to 0.5 s, waits 1.5 s, fails 2 s to 2.25 s, waits 3.75 s, answered at 6 s by a fallback.
    b: fails 0 s to 1 s, waits 9 s, fails 10 s to 11 s. c: fails 0 s to 0.125 s.
    Failed 0.5 + 0.25 + 1 + 1 + 0.125 = 2.875 s; waited 1.5 + 3.75 + 9 = 14.25 s.
    """
    fails = [{**FAILED, "latency_ms": ms} for ms in (500, 250, 1000, 1000, 125)]
    records = tries("a", (0, fails[0]), (2, fails[1]), (6, {"status": "ok", "fallback": True}))
    records += tries("b", (0, fails[2]), (10, fails[3])) + tries("c", (0, fails[4])) + tries("d", (0, {"status": "ok"}))
    row = answer(run, log(here, records))["parts"]["retries"]["rows"][0]

    assert {
        "class": "rate_limit", "calls": 3, "retried": 2, "recovered": 1, "recovered_ratio": 0.5, "by_fallback": 1,
        "gave_up": 1, "not_retried": 1, "nature": "too few to say", "failed_ms": 2875, "waited_ms": 14250,
        "cost_usd": None,
    } == {n: v for n, v in row.items() if n not in ("recovered_low_ratio", "recovered_high_ratio")}  # fmt: skip


def test_failed_attempts_cost_what_they_used(here: Path, run: Run) -> None:
    """GPT-4 Turbo at 10 and 30 dollars a million: a timeout after 500 in and 100 out cost 0.008."""
    failed = {"status": "error", "error_class": "timeout", "input_tokens": 500, "output_tokens": 100}
    found = answer(run, log(here, tries("a", (0, failed), (9, {"status": "ok"}))))

    assert pytest.approx(0.008) == found["parts"]["retries"]["rows"][0]["cost_usd"]


def test_unnumbered_attempts_are_told_by_their_prompt(here: Path, run: Run) -> None:
    """The same prompt again in the same trace is a retry; after an answer, or of another prompt, it is none."""

    def one(i: int, trace: str, prompt: str, **came: Any) -> Record:
        return request(i, trace_id=trace, prompt_hash=prompt, started_at=at(10, i), **came)

    records = [
        one(1, "a", "p", **FAILED), one(2, "a", "p", status="ok"),
        one(3, "b", "p", **FAILED), one(4, "b", "q", status="ok"),
        one(5, "c", "p", status="ok"), one(6, "c", "p", **FAILED),
    ]  # fmt: skip
    row = answer(run, log(here, records))["parts"]["retries"]["rows"][0]

    assert (3, 1, 1, 2) == (row["calls"], row["retried"], row["recovered"], row["not_retried"])


def test_calls_side_by_side_are_told_by_their_prompts(here: Path, run: Run) -> None:
    """a fails 0 s to 0.5 s, again at 2 s; b fails 1 s to 1.5 s, again at 3 s: both wait 1.5 s and are answered."""

    def one(i: int, attempt: int, prompt: str, **came: Any) -> Record:
        place = {"trace_id": "t", "template": "t", "attempt": attempt, "prompt_hash": prompt}
        return request(i, started_at=at(10, i), **place, **came)

    fails = {**FAILED, "latency_ms": 500}
    answered = [one(2, 2, "a", status="ok"), one(3, 2, "b", status="ok")]
    row = answer(run, log(here, [one(0, 1, "a", **fails), one(1, 1, "b", **fails), *answered]))
    row = row["parts"]["retries"]["rows"][0]

    assert (2, 2, 2, 3000) == (row["calls"], row["retried"], row["recovered"], row["waited_ms"])


def test_a_retry_with_another_prompt_is_still_one(here: Path, run: Run) -> None:
    """A numbered attempt 2 whose prompt was cut short belongs to the attempt 1 before it."""
    place = {"trace_id": "t", "template": "t"}
    records = [
        request(0, **place, attempt=1, prompt_hash="long", started_at=at(10, 0), **FAILED),
        request(1, **place, attempt=2, prompt_hash="short", started_at=at(10, 1), status="ok"),
    ]
    row = answer(run, log(here, records))["parts"]["retries"]["rows"][0]

    assert (1, 1, 1) == (row["calls"], row["retried"], row["recovered"])


def test_own_columns_without_a_class_get_one(here: Path, run: Run) -> None:
    """A log under our names may know only what the provider said."""
    told = [{"http_status": 429}, {"error_type": "APITimeoutError"}, {"error_message": "CUDA out of memory"}]
    records = [request(i, started_at=at(10, i), status="error", **one) for i, one in enumerate(told)]
    records.append(request(3, started_at=at(10, 3), status="ok", http_status=200))
    found = answer(run, log(here, records))["parts"]["classes"]["rows"]

    assert {"rate_limit": 1, "timeout": 1, "inference": 1} == {row["class"]: row["errors"] for row in found}


def test_failures_that_cannot_be_followed_are_counted(here: Path, run: Run) -> None:
    """Without a trace it is not known whether they were tried again."""
    found = answer(run, log(here, [request(0, status="ok"), request(1, **FAILED)]))

    assert "retries" not in found["parts"]
    assert any(n.startswith("1 failed requests cannot be followed") for n in found["notes"])


def test_silent_failures(here: Path, run: Run) -> None:
    """Of 8 answers 2 are cut off, 1 refused, 2 empty (one of them filtered): 5 failed silently.

    A tool call without text is no empty answer, and an embedding has none to give.
    """
    ends = [
        {"finish_reason": "length"}, {"finish_reason": "length"}, {"finish_reason": "stop", "refusal": True},
        {"finish_reason": "stop", "output_tokens": 0}, {"finish_reason": "content_filter", "output_tokens": 0},
        {"finish_reason": "tool_calls", "output_tokens": 0}, {"finish_reason": "stop"}, {"finish_reason": "stop"},
    ]  # fmt: skip
    records = [request(i, status="ok", operation="chat", **end) for i, end in enumerate(ends)]
    records.append(request(8, status="ok", operation="embeddings", output_tokens=0))
    path = log(here, records)
    found = answer(run, path, "--silent")

    assert (9, 0, 5, 0.625) == tuple(
        found["rows"][0][n] for n in ("requests", "errors", "silent_failures", "silent_rate_ratio")
    )
    assert {"truncated": 2, "refused": 1, "empty": 2, "content_filter": 1} == {
        r["failure"]: r["failures"] for r in found["parts"]["silent"]["rows"]
    }
    assert {8} == {r["answers"] for r in found["parts"]["silent"]["rows"]}
    assert any("5 of 8 answers are truncated" in n for n in answer(run, path)["notes"])


def test_what_fails_every_day_is_named(here: Path, run: Run) -> None:
    """Four failures of four a day on three days: no retry helps, and it is said; two days are not enough."""

    def days(count: int) -> list[Record]:
        broken = [
            request(0, request_id=f"{day}-{i}", started_at=at(9, i, day), feature="search", template="q",
                    **{**FAILED, "error_class": "authentication"})
            for day in range(1, count + 1) for i in range(4)
        ]  # fmt: skip
        return [*broken, *(request(i, status="ok") for i in range(1, 50))]

    found = answer(run, log(here, days(3)))
    row = found["parts"]["repeated"]["rows"][0]

    assert ("search", "q", "authentication", 12, 12, 3) == tuple(
        row[n] for n in ("feature", "template", "class", "errors", "requests", "days_failed")
    )
    lasting = [f["text"] for f in found["findings"] if f["kind"] == "persistent"]
    assert len(lasting) == 1
    assert "authentication in 12 of 12" in lasting[0]
    assert "repeated" not in answer(run, log(here, days(2)))["parts"]


def test_slices_buckets_and_the_rest(here: Path, run: Run) -> None:
    """By feature the totals stand apart; --top sums the rest; an hour without requests stands with 0 and nothing."""
    records = [request(i, status="ok", feature="chat") for i in range(4)]
    records += [
        request(4, **FAILED, feature="search") if i == 4 else request(i, status="ok", feature="x") for i in (4, 5)
    ]
    records.append(request(9, status="ok", feature="chat", started_at=at(13, 0)))
    path = log(here, records)
    found = answer(run, path, "--by", "feature", "--top", "1")
    hours = answer(run, path, "--over", "hour")["rows"]

    assert [("search", 1, 1), ("(other)", 6, 0)] == [(r["feature"], r["requests"], r["errors"]) for r in found["rows"]]
    assert (7, 1) == (found["totals"]["requests"], found["totals"]["errors"])
    assert [("2026-09-01T10:00", 6, 1), ("2026-09-01T11:00", 0, 0), ("2026-09-01T12:00", 0, 0),
            ("2026-09-01T13:00", 1, 0)] == [(r["hour"], r["requests"], r["errors"]) for r in hours]  # fmt: skip
    assert [None, None] == [r["error_rate_ratio"] for r in hours[1:3]]


def test_gates(here: Path, run: Run) -> None:
    """A rate above the limit ends with 3 and names the slice; no data under a gate ends with 5."""
    path = log(here, [request(0, status="ok"), request(1, **FAILED, feature="search")])
    done = run("errors", path, "--by", "feature", "--fail-if", "error_rate_ratio > 0.5")
    nothing = run("errors", put(here / "empty.jsonl", b""), "--fail-if", "error_rate_ratio > 0.5")

    assert (3, 5) == (done.code, nothing.code)
    assert "feature=search" in done.err


def test_usage_errors_name_what_is_near(here: Path, run: Run) -> None:
    """Exit 2."""
    path = log(here, [request(0, status="ok")])
    for wrong, near in ((["--sort", "error"], "errors"), (["--by", "featur"], "feature"), (["--over", "dya"], "day"),
                        (["--top", "0"], "1 or more")):  # fmt: skip
        done = run("errors", path, *wrong)

        assert 2 == done.code
        assert near in done.err


def test_logs_without_the_columns_say_so(here: Path, run: Run) -> None:
    """A log that never says whether a request failed: no rate, a note with the remedy; an empty one: a note."""
    bare = put(here / "bare.jsonl", lines({"model": "m", "prompt_tokens": i, "n": 1} for i in range(3)))
    found = answer(run, bare, "--silent")
    empty = run("errors", put(here / "empty.jsonl", b""))

    assert (3, 0) == (found["rows"][0]["requests"], found["rows"][0]["errors"])
    assert any("--map status=KEY" in n for n in found["notes"])
    assert 0 == empty.code


def test_a_log_of_failures_alone_says_so(here: Path, run: Run) -> None:
    """Nothing stands out where nothing was answered."""
    found = answer(run, log(here, [request(i, **FAILED) for i in range(20)]), "--by", "feature")

    assert [] == found["findings"]
    assert any("nothing but failures" in n for n in found["notes"])


def test_hostile_names_do_no_harm(here: Path, run: Run) -> None:
    """A feature of markup and control characters is a slice like any other."""
    name = "\x1b[31m[red]\u202e|<script>=1+1 {x} $y '; DROP"
    records = [request(i, status="ok") for i in range(300)]
    records += [request(1000 + i, **FAILED, feature=name, started_at=at(12, i)) for i in range(30)]
    done = run("errors", log(here, records), "--by", "feature,metadata.a'b")

    assert 0 == done.code
    assert "\x1b" not in done.out
    assert "failed 30 of 30" in done.out


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample logs, loaded once."""
    from llmscope.load import LoadOptions, load
    from llmscope.store import Store

    path = tmp_path_factory.mktemp("sample") / "llmscope.duckdb"
    store = Store(path)
    load(store, [str(SAMPLE)], LoadOptions())
    store.close()
    return path


@pytest.mark.parametrize("asked", ["", "--over hour", "--over day", "--by feature,model", "--by provider", "--by user"])
def test_the_outage_and_its_retries_are_found(asked: str, sample: Path, run: Run) -> None:
    """By what one would try first, and nothing else is cried: 50 of 60 attempts (README of the sample: 0.8333)."""
    found = answer(run, "--store", sample, *asked.split())["findings"]

    assert ["outage", "retry_storm"] == [f["kind"] for f in found]
    assert found[0]["text"].startswith("2026-10-20 14:00 to 15:00, provider anthropic: failed 50 of 60 (83.3 %")
    assert "all overloaded" in found[0]["text"]
    assert "a storm of retries, 50 of 89" in found[1]["text"]
    assert "12 answered by a fallback" in found[1]["text"]


def test_quiet_months_are_quiet(sample: Path, run: Run) -> None:
    """Without the outage nothing is cried, however the log is cut."""
    for by in ("feature", "model", "user", "template,model", "release", "hour"):
        assert [] == answer(run, "--store", sample, "--until", "2026-09", "--by", by)["findings"]


def test_cut_off_answers_are_found(sample: Path, run: Run) -> None:
    """Story 6: contract-clauses is cut off since max_tokens is 300."""
    found = answer(run, "--store", sample, "--silent")["findings"]

    cut = [f["text"] for f in found if f["kind"] == "silent"]
    assert len(cut) == 1
    assert "template contract-clauses: answers were cut off by their length, 300 of 2,052" in cut[0]
