"""Tokens by dimension: exact figures, what is left out of them, and estimates that are never among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmscope
from llmscope.errors import UsageError
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]


def asked(folder: Path, records: list[Row], **options: Any) -> Result:
    """The answer over these requests."""
    path = put(folder / "log.jsonl", lines(request(i, **{"status": "ok", **r}) for i, r in enumerate(records, 1)))
    with llmscope.open(str(path)) as logs:
        return logs.tokens(**options)


MIXED = [
    {"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 50},
    {"input_tokens": 200, "output_tokens": 20, "cache_read_tokens": 0},
    {"input_tokens": 300, "output_tokens": 30, "feature": "search"},
    {"input_tokens": ..., "output_tokens": ...},
    {"input_tokens": 9000, "output_tokens": 9, "status": "error"},
    {"input_tokens": 9000, "output_tokens": 9, "cache_hit": True},
    {"input_tokens": 400, "output_tokens": ..., "operation": "embeddings", "feature": "search"},
]


def test_figures_of_what_counts(tmp_path: Path) -> None:
    """In 100, 200, 300, 400: p95 at .95 x 3 = 2.85, 300 + .85 x 100 = 385; cached 50 of the 300 that report any."""
    (row,) = asked(tmp_path, MIXED).rows

    assert {
        "requests": 4, "input_tokens": 1000, "output_tokens": 60, "cache_read_tokens": 50, "without_usage": 1,
        "input_mean_tokens": 250.0, "input_p50_tokens": 250.0, "input_p95_tokens": 385.0, "output_p50_tokens": 20.0,
    }.items() <= row.items()  # fmt: skip
    assert pytest.approx(1 / 6) == row["cached_ratio"]
    assert row["reasoning_ratio"] is None


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """One failed, one of the gateway's cache, one without usage; the embedding is counted, and that is said."""
    notes = "\n".join(asked(tmp_path, MIXED).notes)

    assert (
        "left out: 1 failed or cancelled requests, 1 answer of the gateway's own cache (--include failed,cached)"
        in (notes)
    )
    assert "1 of 5 requests report no usage and are in no figure of tokens: unknown, not 0" in notes
    assert "1 request for embeddings counted" in notes
    assert asked(tmp_path, MIXED, include="all").rows[0]["input_tokens"] == 19_000


def test_the_rest_of_top_is_measured_from_its_rows(tmp_path: Path) -> None:
    """Without c (500), the rest is 100, 200, 600: its median is 200, which no median of a and b gives."""
    of = {"a": (100, 600), "b": (200,), "c": (500, 500, 500)}
    rows = [{"feature": f, "input_tokens": n} for f, tokens in of.items() for n in tokens]
    found = asked(tmp_path, rows, by="feature", top=1)

    assert [("c", 1500, 500.0), ("(other)", 900, 200.0)] == [
        (r["feature"], r["input_tokens"], r["input_p50_tokens"]) for r in found.rows
    ]
    assert found.totals is not None
    assert 2400 == found.totals["input_tokens"]


def test_an_estimate_stands_apart(tmp_path: Path) -> None:
    """30 requests of 400 characters and 100 tokens: a quarter token each, so 800 characters are about 200 tokens."""
    known = [{"input_tokens": 100, "input_chars": 400} for _ in range(30)]
    found = asked(tmp_path, [*known, {"input_tokens": ..., "output_tokens": ..., "input_chars": 800}]).rows[0]

    assert (3000, 200, None, 1) == (
        found["input_tokens"], found["estimated_input_tokens"], found["estimated_output_tokens"],
        found["estimated_requests"],
    )  # fmt: skip
    too_few = asked(tmp_path, [*known[:29], {"input_tokens": ..., "output_tokens": ..., "input_chars": 800}]).rows[0]
    assert "estimated_input_tokens" not in too_few


def test_an_hour_without_requests_stands(tmp_path: Path) -> None:
    """Noon is empty between 11 and 13: no requests, and unknown tokens."""
    rows = [{"started_at": f"2026-09-01T{hour}:30:00Z"} for hour in (11, 13)]
    found = asked(tmp_path, rows, over="hour").rows

    assert [1, 0, 1] == [r["requests"] for r in found]
    assert found[1]["input_tokens"] is None


def test_an_unknown_column_names_the_known(tmp_path: Path) -> None:
    """--sort input is none; input_tokens is."""
    with pytest.raises(UsageError, match="unknown column"):
        asked(tmp_path, MIXED, sort="input")


def test_answers_cut_off_and_the_cache_point_onward(tmp_path: Path) -> None:
    """2 of 10 answers end by length: a warning that names --truncation; half of the input cached names --caching."""
    rows = [{"finish_reason": "length" if i < 2 else "stop", "input_tokens": 10, "cache_read_tokens": 5}
            for i in range(10)]  # fmt: skip
    texts = [finding.text for finding in asked(tmp_path, rows).findings]

    assert "2 of 10 (20.0 %" in texts[0]
    assert "--truncation" in texts[0]
    assert texts[1].startswith("50.0 % of 100 input tokens")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**9)), min_size=1, max_size=30), st.integers(1, 4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_slices_add_up(tmp_path: Path, rows: list[tuple[str, int]], top: int) -> None:
    """Whatever --top is, requests and tokens of the slices are those of all."""
    found = asked(tmp_path, [{"feature": f, "input_tokens": n} for f, n in rows], by="feature", top=top)

    assert sum(n for _, n in rows) == sum(r["input_tokens"] for r in found.rows)
    assert len(rows) == sum(r["requests"] for r in found.rows)


@pytest.mark.parametrize("flag", [(), ("--truncation",), ("--sessions",)])
def test_an_empty_log(run: Run, here: Path, flag: tuple[str, ...]) -> None:
    """Nothing to say, no traceback, exit 0; under a gate exit 5."""
    put(here / "log.jsonl", b"")

    assert 0 == run("tokens", "log.jsonl", *flag).code
    assert 5 == run("tokens", "log.jsonl", *flag, "--fail-if", "requests > 0" if not flag else "true").code


@pytest.mark.parametrize("flag", [(), ("--truncation",), ("--sessions",)])
def test_a_log_that_names_nothing(run: Run, here: Path, flag: tuple[str, ...]) -> None:
    """No tokens, session, feature, time or finish reason: said in notes, not as figures."""
    put(here / "log.jsonl", lines([{"request_id": "a", "request_model": "gpt-4o", "status": "ok"}] * 3))
    ran = run("tokens", "log.jsonl", *flag, "-f", "table", "--width", "80")

    assert 0 == ran.code
    assert "Traceback" not in ran.out + ran.err


def test_an_estimate_is_the_same_by_tag(tmp_path: Path) -> None:
    """31 requests of 100 characters, 15 of 10 tokens, 16 of 20: the median is .2, however many tags the former have."""
    known = [
        {"input_tokens": n, "input_chars": 100, "tags": tags}
        for n, tags in [(10, ["a", "b", "c"])] * 15 + [(20, ["a"])] * 16
    ]
    lacking: Row = {"input_tokens": ..., "output_tokens": ..., "input_chars": 1000, "tags": ["a"]}
    rows = {row["tag"]: row for row in asked(tmp_path, [*known, lacking], by="tag").rows}

    assert 200 == rows["a"]["estimated_input_tokens"]
