"""Conversations: turns, growth, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]
# gpt-4-turbo: 10 USD a million tokens in, 30 out.
TALK = [
    {"session_id": "a", "input_tokens": 100},
    {"session_id": "a", "input_tokens": ..., "output_tokens": ..., "attempt": 1, "status": "error"},
    {"session_id": "a", "input_tokens": 250, "attempt": 2},
    {"session_id": "a", "input_tokens": 300},
    {"session_id": "b", "input_tokens": 200},
]


def asked(folder: Path, records: list[Row], **options: Any) -> Result:
    """The answer over these requests, one a second."""
    path = put(folder / "log.jsonl", lines(request(i, **{"status": "ok", **r}) for i, r in enumerate(records, 1)))
    with llmscope.open(str(path)) as logs:
        return logs.tokens(sessions=True, **options)


def test_turns_and_their_growth(tmp_path: Path) -> None:
    """Session a: 100, then 250 at the second attempt, then 300; b: 200. Turn 1 has a mean of 150; growth 150, then 50.

    Turn 2 costs 250 x 10e-6 + 1 x 30e-6 = 0.00253.
    """
    rows = asked(tmp_path, TALK).rows

    assert [("1", 2, 2, 150.0, None), ("2", 1, 1, 250.0, 150.0), ("3", 1, 1, 300.0, 50.0)] == [
        tuple(r[n] for n in ("turn", "sessions", "requests", "input_mean_tokens", "growth_p50_tokens")) for r in rows
    ]
    assert pytest.approx(0.00253) == rows[1]["cost_usd"]


def test_what_a_session_costs(tmp_path: Path) -> None:
    """a: 650 in, 3 out, .00659; b: .00203. Mean .00431, p95 .00203 + .95 x .00456 = .006362; 2 requests a session."""
    parts = asked(tmp_path, TALK).parts
    (row,) = parts["per_session"].rows

    assert ("chat", 2, 2.0, 2.0) == tuple(
        row[n] for n in ("feature", "sessions", "requests_per_session", "turns_per_session")
    )
    assert [pytest.approx(0.00431), pytest.approx(0.006362)] == [row["cost_mean_usd"], row["cost_p95_usd"]]
    assert [("a", 3), ("b", 1)] == [(r["session"], r["turns"]) for r in parts["dearest"].rows]


def test_top_is_of_the_dearest(tmp_path: Path) -> None:
    """One session asked for, one given; the turns are of all."""
    found = asked(tmp_path, TALK, top=1)

    assert (["a"], 3) == ([r["session"] for r in found.parts["dearest"].rows], len(found.rows))


def test_an_unpriced_session_has_no_cost(tmp_path: Path) -> None:
    """Unknown, never 0; what is known is said to be the least."""
    unknown = {"session_id": "c", "request_model": "nobody-knows-this-one", "input_tokens": 10**6}
    found = asked(tmp_path, [*TALK, unknown])
    cost = {r["session"]: r["cost_usd"] for r in found.parts["dearest"].rows}

    assert cost["c"] is None
    assert 1 == found.rows[0]["unpriced_requests"]
    assert "costs are at least so much: no price for 1 request" in "\n".join(found.notes)


def test_late_turns_are_one_row(tmp_path: Path) -> None:
    """25 turns: twenty rows and one for the five after."""
    rows = asked(tmp_path, [{"session_id": "a", "input_tokens": 10 * i} for i in range(25)]).rows

    assert (21, "21+", 5, 1) == (len(rows), rows[-1]["turn"], rows[-1]["requests"], rows[-1]["sessions"])


def test_growth_is_within_a_template(tmp_path: Path) -> None:
    """A plan of 5,000 tokens before a step of 100 says nothing of how the step's prompt grows."""
    steps = [{"template": "plan", "input_tokens": 5000}, {"template": "act", "input_tokens": 100},
             {"template": "act", "input_tokens": 130}]  # fmt: skip
    rows = asked(tmp_path, [{"session_id": "a", **s} for s in steps]).rows

    assert [None, None, 30.0] == [r["growth_p50_tokens"] for r in rows]


def test_requests_without_a_session(tmp_path: Path) -> None:
    """Counted in the notes, with what to do."""
    found = asked(tmp_path, [*TALK, {}, {}])

    assert "without a session: 2 of 6 requests, left out; --map session_id=KEY" in "\n".join(found.notes)
    assert () == asked(tmp_path, [{}, {}]).rows


def test_without_times_there_are_no_turns(tmp_path: Path) -> None:
    """In which order things were asked is not known: a session has its cost, and no turn."""
    found = asked(tmp_path, [{"session_id": "a", "started_at": ...}, {"session_id": "a", "started_at": ...}])

    assert ((), 1) == (found.rows, found.parts["per_session"].rows[0]["sessions"])
    assert "no time is logged by 2 requests of sessions: they are in no turn" in "\n".join(found.notes)


def test_a_session_apart(tmp_path: Path) -> None:
    """99 sessions of one small request and one of 1,000 large ones: more than thirty times the mean, and named."""
    small = [{"session_id": f"s{i}", "input_tokens": 10} for i in range(99)]
    large = [{"session_id": "robot", "input_tokens": 1000} for _ in range(1000)]
    texts = [finding.text for finding in asked(tmp_path, [*small, *large]).findings]

    assert any(text.startswith("session robot alone cost ") and "in 1,000 requests" in text for text in texts)


def test_attempts_are_read_from_files(run: Run, here: Path) -> None:
    """On the command line too, where columns that nobody asks of are not read: three turns, not four."""
    put(here / "log.jsonl", lines(request(i, **{"status": "ok", **r}) for i, r in enumerate(TALK, 1)))
    out = run("tokens", "log.jsonl", "--sessions", "-f", "csv").out

    assert ["turn", "1", "2", "3"] == [line.split(",")[0] for line in out.splitlines()]


def test_by_tag_a_request_is_one_turn(tmp_path: Path) -> None:
    """Three turns, the second under two tags: x has turns 1, 2 and 3, y the second; x grows by 10, then by 20."""
    tagged = [("x", 100), ("x,y", 110), ("x", 130)]
    rows = asked(
        tmp_path, [{"session_id": "a", "input_tokens": n, "tags": tags.split(",")} for tags, n in tagged], by="tag"
    ).rows

    assert [("x", "1", None), ("x", "2", 10.0), ("x", "3", 20.0), ("y", "2", None)] == [
        (r["tag"], r["turn"], r["growth_p50_tokens"]) for r in rows
    ]
