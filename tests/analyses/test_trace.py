"""trace show, list, steps and slow on logs small enough to be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import llmscope
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]
CANON = {"operation": "chat", "status": "ok"}


def at(ms: float) -> str:
    """So many milliseconds after ten o'clock."""
    return f"2026-09-01T10:{int(ms) // 60000:02d}:{ms % 60000 / 1000:06.3f}Z"


def span(key: str, parent: str | None, start: float, end: float, **fields: Any) -> Row:
    """A span of trace t1."""
    found = {"trace_id": "t1", "span_id": key, "parent_span_id": parent, "name": f"do.{key}", "kind": "chain",
             "service": "web", "started_at": at(start), "ended_at": at(end), "status": "ok", **fields}  # fmt: skip
    return {k: v for k, v in found.items() if v is not None}


def call(number: int, start: float, end: float, **fields: Any) -> Row:
    """A request of 500 in and 100 out of GPT-4 Turbo: 0.005 + 0.003 = 0.008 USD."""
    base = {"input_tokens": 500, "output_tokens": 100, "started_at": at(start), "ended_at": at(end), **CANON}
    return request(number, **{**base, **fields})


# Two roots (a, f), a missing parent (e's), clocks apart (c starts before b), work that goes on (d); see
# test_trace_tree for the arithmetic. c is the request r1, and r2 has no span.
BROKEN = [
    span("a", None, 0, 100, kind="agent"),
    span("b", "a", 10, 60, service="api"),
    span("c", "b", 5, 40, service="gpu", kind="llm", request_id="r1", name="chat"),
    span("d", "a", 60, 110, kind="tool", status="error", error_type="boom"),
    span("e", "zz", 120, 150, kind="retriever"),
    span("f", None, 160, 200, kind="guardrail"),
]


@pytest.fixture
def broken(here: Path) -> list[str]:
    """The broken trace, and three attempts of another in which no span was logged."""
    calls = [
        call(1, 5, 40, trace_id="t1", session_id="chat-1", user_id="ann"),
        call(2, 70, 80, trace_id="t1", session_id="chat-1", user_id="ann"),
        call(3, 1000, 1100, trace_id="flat", session_id="chat-1", attempt=1, status="error", error_type="rate_limit"),
        call(4, 1200, 1300, trace_id="flat", session_id="chat-1", attempt=2, response_id="resp-9"),
        call(5, 2000, 2500, session_id="chat-1"),
    ]
    put(here / "requests.jsonl", lines(calls))
    put(here / "spans.jsonl", lines(BROKEN))
    return ["requests.jsonl", "spans.jsonl"]


def answer(run: Run, *arguments: object) -> Row:
    """The JSON envelope of a question."""
    done = run(*arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: Row = json.loads(done.out)
    return found


def test_show_the_broken_trace(broken: list[str], run: Run) -> None:
    """Tree, offsets, own times, path; the request's cost at its span, the call without a span beside the roots."""
    found = answer(run, "trace", "show", "t1", *broken)
    rows = found["rows"]

    assert ["do.a", "do.b", "chat", "do.d", "chat gpt-4-turbo", "do.e", "do.f"] == [r["span"] for r in rows]
    assert [0, 1, 2, 1, 0, 0, 0] == [r["depth"] for r in rows]
    assert [0, 10, 5, 60, 70, 120, 160] == [r["offset_ms"] for r in rows]
    assert [100, 50, 35, 50, 10, 30, 40] == [r["duration_ms"] for r in rows]
    assert [10, 20, 35, 50, 10, 30, 40] == [r["self_ms"] for r in rows]
    assert [10, 20, 30, 40, 0, 30, 40] == [r["critical_ms"] for r in rows]
    assert [True, True, True, True, False, True, True] == [r["critical"] for r in rows]
    assert pytest.approx(0.05) == rows[0]["self_share_ratio"]  # 10 of 200
    assert [None, None, 0.008, None, 0.008, None, None] == [r["cost_usd"] for r in rows]
    assert "▒███················" == rows[2]["waterfall"]
    assert "boom; ends 10 ms after its parent" == rows[3]["note"]
    assert {"duration_ms": 200, "cost_usd": 0.016, "input_tokens": 1000, "output_tokens": 200, "critical_ms": 170} == (
        found["totals"]
    )
    assert {"2 roots", "1 step whose parent is not in the log"} <= set(found["notes"])


def test_shares_by_kind_of_work(broken: list[str], run: Run) -> None:
    """Of 200 ms: tool 40, guardrail 40, inference 30 (and 10 beside the path), orchestration 10 + 20, retrieval 30."""
    rows = answer(run, "trace", "show", "t1", *broken)["parts"]["by kind of work"]["rows"]
    found = {r["work"]: (r["self_ms"], r["critical_share_ratio"]) for r in rows}

    assert {
        "tool": (50, 0.2), "guardrail": (40, 0.2), "inference": (45, 0.15), "orchestration": (30, 0.15),
        "retrieval": (30, 0.15), "(no step running)": (None, 0.15),
    } == found  # fmt: skip


@pytest.mark.parametrize("name", ["t1", "T1", "r1", "r2", "a", "c"])
def test_any_id_of_it_finds_the_trace(name: str, broken: list[str], run: Run) -> None:
    """Trace, request, span; ids of hex digits are stored in lower case."""
    assert 7 == len(answer(run, "trace", "show", name, *broken)["rows"])


def test_attempts_without_spans_stand_one_after_the_other(broken: list[str], run: Run) -> None:
    """By the beginning of a response id; 100 ms, 100 ms in which nothing ran, 100 ms."""
    found = answer(run, "trace", "show", "resp", *broken)

    assert [(1, "error", 0), (2, "ok", 200)] == [(r["attempt"], r["status"], r["offset_ms"]) for r in found["rows"]]
    assert pytest.approx([1 / 3, 1 / 3]) == [r["self_share_ratio"] for r in found["rows"]]
    assert not [n for n in found["notes"] if "root" in n]


def test_a_session_is_its_traces_one_after_the_other(broken: list[str], run: Run) -> None:
    """A row above each trace, its offset from the session's start; the request without a trace stands for itself."""
    rows = answer(run, "trace", "show", "chat-1", *broken)["rows"]
    heads = [(r["span"], r["offset_ms"], r["duration_ms"]) for r in rows if r["kind"] == "trace"]

    assert [("trace t1", 0, 200), ("trace flat", 1000, 300), ("a request without a trace", 2000, 500)] == heads
    assert 3 + 7 + 2 + 1 == len(rows)


def test_an_id_of_several_names_them(broken: list[str], run: Run) -> None:
    """Exit 2, a line each; and exit 2 with the nearest where there is none."""
    several = run("trace", "show", "r", *broken)
    none = run("trace", "show", "flak", *broken)

    assert (2, 2) == (several.code, none.code)
    assert "request r1 of t1" in several.err
    assert "request r5" in several.err
    assert "nearest: trace flat" in none.err
    assert {2} == {run("trace", "show", bad, *broken).code for bad in ("", " ", "' OR 1=1 --", "%", "\x1b[31m{x}")}


@pytest.mark.parametrize("form", ["table", "md", "html", "plain", "csv"])
def test_every_format_shows_the_tree(form: str, broken: list[str], run: Run) -> None:
    """Steps are set in by a sign that no format swallows; bars stay as they are."""
    out = run("trace", "show", "t1", *broken, "-f", form, "--width", "120").out

    assert "▒███················" in out
    assert form == "csv" or "· · chat" in out


@pytest.mark.parametrize("width", [60, 80])
def test_what_is_wrong_is_seen_at_any_width(width: int, broken: list[str], run: Run) -> None:
    """Other columns give way to the notes."""
    out = run("trace", "show", "t1", *broken, "-f", "table", "--width", width).out

    assert "starts 5" in out
    assert all(len(line) <= width for line in out.splitlines())


def test_text_only_if_stored_and_asked_for(here: Path, run: Run) -> None:
    """Without --keep-text the small print says how to have it."""
    put(here / "log.jsonl", lines([call(1, 0, 10, trace_id="t", input_text="Who?", output_text="[red]Me\x1b]0;x")]))
    without = answer(run, "trace", "show", "t", "--text", "log.jsonl")
    run("load", "log.jsonl", "--keep-text")
    stored = answer(run, "trace", "show", "t", "--text")["rows"][0]

    assert any("--keep-text" in note for note in without["notes"])
    assert ("Who?", "[red]Me\x1b]0;x") == (stored["input_text"], stored["output_text"])
    assert "input_text" not in answer(run, "trace", "show", "t")["rows"][0]
    assert "\x1b" not in run("trace", "show", "t", "--text", "-f", "table").out


def test_list_is_a_row_a_trace(broken: list[str], run: Run) -> None:
    """Latest first; t1 lasts from 0 to 200 and failed in its tool, flat from 1000 to 1300 and failed once."""
    found = answer(run, "trace", "list", *broken)
    names = ("trace", "duration_ms", "requests", "spans", "errors", "name", "user", "session")

    assert [
        ("flat", 300, 2, 0, 1, None, None, "chat-1"),
        ("t1", 200, 2, 6, 1, "do.a", "ann", "chat-1"),
    ] == [tuple(r[n] for n in names) for r in found["rows"]]
    assert [0.016, 0.016] == [r["cost_usd"] for r in found["rows"]]  # two calls at 0.008 each
    assert any(n.startswith("1 request names no trace") for n in found["notes"])


def test_list_sorts_cuts_and_filters(broken: list[str], run: Run) -> None:
    """By duration; --where leaves the traces with such a request; traces of spans alone are listed without it."""
    put(Path("more.jsonl"), lines([span("x", None, 0, 50, trace_id="t0")]))
    every = answer(run, "trace", "list", *broken, "more.jsonl", "--sort", "duration")
    first = answer(run, "trace", "list", *broken, "--sort", "duration", "--top", "1")
    anns = answer(run, "trace", "list", *broken, "more.jsonl", "--where", "user_id = 'ann'")

    assert ["flat", "t1", "t0"] == [r["trace"] for r in every["rows"]]
    assert (["flat"], True) == (
        [r["trace"] for r in first["rows"]],
        any(n.startswith("1 of 2 traces") for n in first["notes"]),
    )
    assert ["t1"] == [r["trace"] for r in anns["rows"]]
    assert 2 == run("trace", "list", *broken, "--sort", "durations").code
    assert 3 == run("trace", "list", *broken, "--top", "1", "--fail-if", "duration_ms < 250").code


def test_what_is_sorted_by_is_seen(broken: list[str], run: Run) -> None:
    """On a narrow terminal the time gives way to the cost that was asked for."""
    narrow = run("trace", "list", *broken, "--sort", "cost", "-f", "table", "--width", "60")

    assert (0, True) == (narrow.code, "$0.016" in narrow.out)


def test_a_cancelled_call_is_no_error(here: Path, run: Run) -> None:
    """As in `errors`: of an answer, two calls given up and a timeout, one failed."""
    ended = [{}, {"status": "cancelled"}, {"status": "error", "error_class": "cancelled"},
             {"status": "error", "error_class": "timeout"}]  # fmt: skip
    put(here / "calls.jsonl", lines([call(i, i, i + 1, trace_id="t", **how) for i, how in enumerate(ended)]))
    found = [answer(run, "trace", what, "calls.jsonl")["rows"][0] for what in ("list", "steps")]

    assert [1, 1] == [row["errors"] for row in found]


def test_tries_of_another_call_of_the_trace_are_not_its_own(here: Path, run: Run) -> None:
    """Two calls of one trace, each answered at its second attempt; the second lost 300 ms before it."""
    failed = {"trace_id": "t", "attempt": 1, "status": "error", "error_class": "timeout"}
    again = {"trace_id": "t", "attempt": 2}
    calls = [call(1, 0, 100, **failed), call(2, 200, 300, **again), call(3, 400, 700, **failed)]
    put(here / "calls.jsonl", lines([*calls, call(4, 800, 1800, **again)]))
    why = answer(run, "trace", "slow", "calls.jsonl")["rows"][0]["why"]

    assert why.startswith("attempt 2: 1 failed before it, 300 ms more")


def test_steps_across_traces(here: Path, run: Run) -> None:
    """Four traces of a root 0..100 with a search 0..20 and a call 20..20+10i (i = 1..4): p50 of calls 25 ms.

    Own time of the roots: 100 - 20 - 10i = 70, 60, 50, 40 = 220 of 400; searches 80; calls 100; all on the path.
    """
    spans = [
        one
        for i in range(1, 5)
        for one in (
            span(f"r{i}", None, 0, 100, trace_id=f"t{i}", name="run", kind="agent"),
            span(f"s{i}", f"r{i}", 0, 20, trace_id=f"t{i}", name="search", kind="retriever", status="error"),
            span(f"c{i}", f"r{i}", 20, 20 + 10 * i, trace_id=f"t{i}", name="chat", kind="llm"),
        )
    ]
    rows = answer(run, "trace", "steps", put(here / "spans.jsonl", lines(spans)))["rows"]
    found = {r["name"]: r for r in rows}

    assert ["run", "chat", "search"] == [r["name"] for r in rows]
    assert [220 / 400, 100 / 400, 80 / 400] == pytest.approx([r["self_share_ratio"] for r in rows])
    assert [220 / 400, 100 / 400, 80 / 400] == pytest.approx([r["critical_share_ratio"] for r in rows])
    assert [25, 38.5] == pytest.approx([found["chat"]["p50_ms"], found["chat"]["p95_ms"]])  # 30 + .85 x 10
    assert [1, 0, 0] == [found[name]["error_ratio"] for name in ("search", "run", "chat")]
    assert {1} == {r["traces_ratio"] for r in rows}


def test_steps_are_cut_in_the_order_asked_for(here: Path, run: Run) -> None:
    """The rare step is the slowest by p95 and has the least own time of all: --top 1 keeps it where p95 sorts."""
    spans = [
        *(span(f"o{i}", None, 0, 50, trace_id=f"t{i}", name="often", kind="tool") for i in range(9)),
        span("r", None, 0, 300, trace_id="t", name="rare", kind="tool"),
    ]
    log = put(here / "spans.jsonl", lines(spans))

    assert ["rare"] == [r["name"] for r in answer(run, "trace", "steps", log, "--top", "1", "--sort", "p95_ms")["rows"]]
    assert ["often"] == [r["name"] for r in answer(run, "trace", "steps", log, "--top", "1")["rows"]]


def test_a_long_id_is_cut_in_the_title(here: Path) -> None:
    """A session id of a thousand letters fills no screen."""
    path = put(here / "log.jsonl", lines([request(1, session_id="s" * 1000)]))
    with llmscope.open(str(path)) as logs:
        title = logs.trace_show(id="s" * 1000).title

    assert f"Session {'s' * 59}…" == title


def test_own_time_in_sql_is_that_of_the_tree(broken: list[str], run: Run) -> None:
    """Overlaps, clocks apart, orphans: the sweep in SQL and the tree in Python agree step for step."""
    shown = answer(run, "trace", "show", "t1", *broken)["rows"]
    summed = {r["name"]: r["self_ms"] for r in answer(run, "trace", "steps", *broken)["rows"]}

    assert {r["span"]: r["self_ms"] for r in shown if r["span"].startswith("do.")} == {
        name: ms for name, ms in summed.items() if name.startswith("do.")
    }
    assert 10 + 100 + 100 == summed["chat gpt-4-turbo"]


def alike(count: int, **fields: Any) -> list[Row]:
    """Requests of one second and 100 tokens each, 10 ms in the queue, half of the input out of the cache."""
    usual = {"queue_ms": 10, "cache_read_tokens": 250, "stream": True, "ttft_ms": 200, "attempt": 1, **fields}
    return [call(i, 10_000 * i, 10_000 * i + 1000, trace_id=f"u{i}", **usual) for i in range(1, count + 1)]


SLOW = {"queue_ms": 10, "cache_read_tokens": 250, "stream": True, "ttft_ms": 200, "attempt": 1}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"output_tokens": 800}, "output 800 tokens, 8.0x the usual"),
        ({"output_tokens": 800, "queue_ms": 2100}, "waited 2.1 s in the queue, 210.0x the usual; output 800 tokens, "
         "8.0x the usual"),
        # 7,800 ms after the first token: 400 / 7.8 = 51 tokens/s; the usual is 100 / 0.8 = 125
        ({"output_tokens": 400}, "output 400 tokens, 4.0x the usual; 51 tokens/s, usually 125"),
        ({"input_tokens": 1500, "output_tokens": 800, "queue_ms": 0}, "output 800 tokens, 8.0x the usual; prompt of "
         "1,500 tokens, 3.0x the usual"),
        ({"cache_read_tokens": 0, "output_tokens": 700, "ttft_ms": 4000}, "output 700 tokens, 7.0x the usual; first "
         "token after 4.0 s, 20.0x the usual; nothing read from the cache, where 97 % of its group read some"),
        ({"output_tokens": None}, "nothing logged explains it"),
    ],
)  # fmt: skip
def test_why_it_was_slow(fields: Row, why: str, here: Path, run: Run) -> None:
    """One of 8 s among thirty of 1 s: 8 times the usual, and every reason with its figure."""
    odd = call(99, 500_000, 508_000, trace_id="odd", **{**SLOW, **fields})
    path = put(here / "log.jsonl", lines([*alike(30), odd]))
    first = answer(run, "trace", "slow", path, "--top", "1")["rows"][0]

    assert ("r99", "odd", 8.0, why) == (first["request_id"], first["trace_id"], first["times_usual"], first["why"])


def test_tries_before_it_are_told(here: Path, run: Run) -> None:
    """Two failed before the third: 1.5 s and 0.5 s more than its own time; failed ones are not ranked themselves."""
    tries = [
        call(90, 500_000, 501_500, trace_id="odd", attempt=1, status="error", input_tokens=None, output_tokens=None),
        call(91, 502_000, 502_500, trace_id="odd", attempt=2, status="error", input_tokens=None, output_tokens=None),
        call(92, 503_000, 511_000, trace_id="odd", **{**SLOW, "output_tokens": 800, "attempt": 3}),
    ]
    found = answer(run, "trace", "slow", put(here / "log.jsonl", lines([*alike(30), *tries])), "--top", "1")

    assert "output 800 tokens, 8.0x the usual; attempt 3: 2 failed before it, 2.0 s more" == found["rows"][0]["why"]
    assert any("2 failed or cancelled requests" in note for note in found["notes"])


def test_failed_requests_are_ranked_when_asked(here: Path, run: Run) -> None:
    """--include failed: that it failed, and how, is the first thing said."""
    odd = call(99, 500_000, 560_000, trace_id="odd", status="error", error_class="timeout", output_tokens=None)
    path = put(here / "log.jsonl", lines([*alike(30), odd]))
    first = answer(run, "trace", "slow", "--include", "failed", path)["rows"][0]

    assert ("r99", "failed: timeout") == (first["request_id"], first["why"])


def test_too_few_to_compare(here: Path, run: Run) -> None:
    """Nineteen are no group; twenty are, and of twenty alike none is unusual."""
    few = answer(run, "trace", "slow", put(here / "log.jsonl", lines(alike(19))))["rows"]
    enough = answer(run, "trace", "slow", put(here / "log.jsonl", lines(alike(20))))["rows"]

    assert {(None, "too few to compare (19 requests of its feature and model)")} == {
        (r["times_usual"], r["why"]) for r in few
    }
    assert {(1.0, "not unusual for its feature and model")} == {(r["times_usual"], r["why"]) for r in enough}


def test_by_first_token(here: Path, run: Run) -> None:
    """--metric ttft ranks by it and names its column so."""
    odd = call(99, 500_000, 501_000, trace_id="odd", **{**SLOW, "ttft_ms": 900})
    path = put(here / "log.jsonl", lines([*alike(30), odd]))
    first = answer(run, "trace", "slow", "--metric", "ttft", path)["rows"][0]

    assert ("r99", 900, 4.5) == (first["request_id"], first["ttft_ms"], first["times_usual"])


@pytest.mark.parametrize("question", ["list", "steps", "slow"])
def test_logs_without_what_is_asked(question: str, here: Path, run: Run) -> None:
    """No trace ids, no ends, no requests at all: no rows and a note, not a failure."""
    bare = answer(run, "trace", question, put(here / "bare.jsonl", lines([request(1), request(2)])))
    empty = run("trace", question, put(here / "empty.jsonl", b""), "-f", "json")

    assert ([], True) == (bare["rows"], any("--map" in note for note in bare["notes"]))
    assert (0, []) == (empty.code, json.loads(empty.out)["rows"])


def test_the_python_door(broken: list[str]) -> None:
    """logs.run and the method agree."""
    with llmscope.open(*broken) as logs:
        found = logs.run("trace show", id="t1")
        again = logs.trace_show(id="t1")

    assert [r["span"] for r in found.rows] == [r["span"] for r in again.rows]
