"""Answers cut off: their share, what cut them, and the limit that would not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import CensoredData, ecdf

import llmscope
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]
SAMPLE = Path(__file__).parents[2] / "sample_logs"
CHAT = {"status": "ok", "finish_reason": "stop", "template": "t"}


def asked(folder: Path, records: list[Row], **options: Any) -> Result:
    """The answer over these requests."""
    path = put(folder / "log.jsonl", lines(request(i, **{**CHAT, **r}) for i, r in enumerate(records, 1)))
    with llmscope.open(str(path)) as logs:
        return logs.tokens(truncation=True, **options)


def answers(count: int, tokens: int, limit: int | None, reason: str | None = "stop", **more: Any) -> list[Row]:
    """So many answers of a length, under a limit."""
    said = {"max_tokens": limit or ..., "finish_reason": reason or ...}
    return [{"output_tokens": tokens, **said, **more} for _ in range(count)]


def test_the_limit_wanted(tmp_path: Path) -> None:
    """50 cut at 100; 25 end at 80, 24 at 200, 1 at 500.

    Left longer: 75 of 100 after 80; the 50 at 100 are censored; after 200 .75 x 1 / 25 = .03; after 500 none.
    Of all lengths as they are, 99 % lie at 203 or under: as if the 50 had ended.
    """
    rows = [*answers(50, 100, 100, "length"), *answers(25, 80, 1000), *answers(24, 200, 1000), *answers(1, 500, 1000)]
    (row,) = asked(tmp_path, rows).rows

    assert (100, 50, 0.5, 500, None) == tuple(
        row[n] for n in ("answers", "truncated", "truncated_ratio", "wanted_max_tokens", "wanted_at_least_tokens")
    )
    # Wilson's of 50 of 100: .5 -+ .0962 (1.96 sqrt(.0025 + .96 / 10000) / 1.0384)
    assert [pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4)] == [
        row["truncated_low_ratio"], row["truncated_high_ratio"],
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_limit_wanted_is_scipys(tmp_path: Path, seed: int) -> None:
    """Kaplan-Meier's quantile and its log(-log) ends as scipy.stats.ecdf has them, answers cut off being censored."""
    rng = random.Random(seed)
    lengths = [max(1, round(rng.lognormvariate(5, 0.6))) for _ in range(800)]
    limits = [rng.choice([150, 400, 5000]) for _ in lengths]
    rows = [
        {"output_tokens": min(n, limit), "max_tokens": limit, "finish_reason": "length" if n > limit else "stop"}
        for n, limit in zip(lengths, limits, strict=True)
    ]
    cut = [r["output_tokens"] for r in rows if r["finish_reason"] == "length"]
    whole = [r["output_tokens"] for r in rows if r["finish_reason"] == "stop"]
    left = ecdf(CensoredData(uncensored=whole, right=cut)).sf
    with pytest.warns(RuntimeWarning, match="undefined at some observations"):  # where none is longer
        ends = left.confidence_interval(0.95, method="log-log")

    def first(of: Any) -> int | None:
        return next((int(t) for t, s in zip(of.quantiles, of.probabilities, strict=True) if s <= 0.01), None)

    (row,) = asked(tmp_path, rows).rows
    assert (first(left), first(ends.low)) == (row["wanted_max_tokens"], row["wanted_max_low_tokens"])
    assert first(ends.high) == row["wanted_max_high_tokens"]


def test_where_all_the_longest_are_cut(tmp_path: Path) -> None:
    """90 end at 50, 30 are cut at 300: a quarter is longer than 300, and by how much nobody knows."""
    found = asked(tmp_path, [*answers(90, 50, 300), *answers(30, 300, 300, "length")])

    assert (None, 300) == (found.rows[0]["wanted_max_tokens"], found.rows[0]["wanted_at_least_tokens"])
    assert "over 300 tokens: how far is not known" in found.findings[0].text


def test_few_answers_want_no_limit(tmp_path: Path) -> None:
    """Of 99 answers no 99th percentile is said."""
    row = asked(tmp_path, [*answers(98, 50, 300), *answers(1, 300, 300, "length")]).rows[0]

    assert (None, None) == (row["wanted_max_tokens"], row["wanted_at_least_tokens"])


def test_since_when_and_by_what(tmp_path: Path) -> None:
    """max_tokens went from 2,000 to 100 on 3 September: 60 of 120 cut since then, none before."""
    before = answers(200, 90, 2000, started_at="2026-09-01T10:00:00Z")
    after = [*answers(60, 100, 100, "length", started_at="2026-09-03T10:00:00Z"),
             *answers(60, 50, 100, started_at="2026-09-04T10:00:00Z")]  # fmt: skip
    found = asked(tmp_path, [*before, *after])

    assert found.findings[0].text.startswith(
        "feature chat, template t, model gpt-4-turbo: 50.0 % [41.2 %, 58.8 %] of 120 answers end by their length "
        "since 2026-09-03, when max_tokens went from 2,000 to 100 (before: 0 % of 200)"
    )
    limits = found.parts["limits"].rows
    assert [(2000, 200, 0), (100, 120, 60)] == [(r["max_tokens"], r["answers"], r["truncated"]) for r in limits]


def test_without_finish_reasons_the_limit_tells(tmp_path: Path) -> None:
    """No reason is logged: an answer as long as max_tokens is taken as cut off, one without either is not judged."""
    found = asked(tmp_path, [*answers(3, 100, 100, None), *answers(1, 20, 100, None), *answers(2, 20, None, None)])

    assert (4, 3) == (found.rows[0]["answers"], found.rows[0]["truncated"])
    assert "not known of 2 requests without finish reason" in "\n".join(found.notes)
    assert "no finish reason is logged by 4 answers: cut off where as long as max_tokens" in "\n".join(found.notes)


def test_how_near_the_limits(tmp_path: Path) -> None:
    """Outputs 50 and 100 of max_tokens 200: p50 .375, p95 .4875; 121,000 of gpt-4o's 128,000 is near, 12,800 is .1."""
    known = {"request_model": "gpt-4o", "provider": "openai", "max_tokens": 200}
    rows = [
        {**known, "input_tokens": 120_950, "output_tokens": 50},
        {**known, "input_tokens": 12_700, "output_tokens": 100},
        {"request_model": "nobody-knows", "output_tokens": 5, "max_tokens": ...},
    ]
    found = asked(tmp_path, rows, by="model", sort="model")

    assert pytest.approx([0.375, 0.4875]) == [found.rows[0]["used_p50_ratio"], found.rows[0]["used_p95_ratio"]]
    assert (1, None) == (found.rows[0]["near_context"], found.rows[1]["near_context"])
    (context,) = found.parts["context"].rows
    assert (128_000, pytest.approx(121_000 / 128_000)) == (context["window_tokens"], context["context_max_ratio"])
    assert "the catalogue knows no context window of nobody-knows: 1 request in no ratio to it" in "\n".join(
        found.notes
    )
    assert "1 of 2 requests fill 90 % or more of the model's context window" in found.findings[-1].text


def test_the_story_of_the_sample_logs(run: Run) -> None:
    """Story 6 of sample_logs/README.md: 52.63 % since 12 October, when 2048 became 300; one command says it."""
    ran = run("tokens", SAMPLE, "--truncation", "-f", "json")
    out = ran.out

    assert 0 == ran.code
    assert "52.6 % [" in out
    assert "since 2026-10-12, when max_tokens went from 2,048 to 300 (before: 0 % of 1,482)" in out


def test_a_gate_on_truncation(run: Run, here: Path) -> None:
    """A build fails where a slice loses over a tenth of its answers, or one of its limits does."""
    rows = [*answers(80, 50, 300), *answers(20, 300, 300, "length")]
    put(here / "log.jsonl", lines(request(i, **{**CHAT, **r}) for i, r in enumerate(rows)))

    assert 3 == run("tokens", "log.jsonl", "--truncation", "--fail-if", "truncated_low_ratio > 0.1").code
    assert 0 == run("tokens", "log.jsonl", "--truncation", "--fail-if", "limits: truncated_low_ratio > 0.2").code


def test_by_tag_the_rows_overlap_and_that_is_said(tmp_path: Path) -> None:
    """One answer under two tags: two rows of one answer, a total of one."""
    path = put(tmp_path / "log.jsonl", lines([request(1, status="ok", finish_reason="stop", tags=["x", "y"])]))
    with llmscope.open(str(path)) as logs:
        result = logs.tokens(truncation=True, by="tag")

    assert (1, 1, 1) == (*(row["answers"] for row in result.rows), (result.totals or {})["answers"])
    assert "a request with several tags stands under each: the rows add up to more than the total" in result.notes
