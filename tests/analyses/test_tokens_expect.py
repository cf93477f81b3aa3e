"""Expectations of [tokens]: how they are written, when they are breached, and a build that fails by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmscope.analyses._tokens_expect import configured
from llmscope.errors import UsageError
from tests.conftest import Run
from tests.load.writing import lines, put, request

GATE = ("--fail-if", "expectations: verdict = 'breached'")


def log(here: Path, toml: str, *counts: tuple[int, int], **more: Any) -> None:
    """So many requests of so many input tokens each, and a configuration."""
    tokens = [n for count, n in counts for _ in range(count)]
    records = (request(i, **{"status": "ok", "input_tokens": n, **more}) for i, n in enumerate(tokens))
    put(here / "log.jsonl", lines(records))
    put(here / "llmscope.toml", f"[tokens]\n{toml}\n".encode())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("..4000", ("input", 0.95, None, 4000)),
        ({"output": "50..1200"}, ("output", 0.95, 50, 1200)),
        ({"total": "p99.9: 1_000 .. 8_000"}, ("total", 0.999, 1000, 8000)),
        ({"input": "50.."}, ("input", 0.95, 50, None)),
    ],
)
def test_how_expectations_are_written(said: object, found: tuple[object, ...]) -> None:
    """A range of tokens, of the input where nothing else is said; p95 unless a quantile stands before it."""
    (one,) = configured({"chat": said})

    assert found == (one.metric, one.share, one.low, one.high)


@pytest.mark.parametrize(
    "said", ["..", "", "4000", "8..2", "p0:..5", "p100:..5", "p:..5", "p9.9.9:..5", "-5..", 4000, {"inputs": "..5"},
             {"input": [4]}, ["..5", None], [], {}, {"output": []}],
)  # fmt: skip
def test_what_is_no_expectation(said: object) -> None:
    """Refused, with where it stands."""
    with pytest.raises(UsageError, match=r"llmscope.toml: \[tokens\] chat"):
        configured({"chat": said})


def test_a_breach_fails_a_build(run: Run, here: Path) -> None:
    """80 of 100 within where 95 are expected: exit 3, and the sentence says so; p95 of 100 and 900 is 900."""
    log(here, 'chat = "..500"', (80, 100), (20, 900))
    ran = run("tokens", "log.jsonl", *GATE)

    assert 3 == ran.code
    assert "chat: 80.0 % of 100 requests take at most 500 input tokens, 95 % expected; their p95 is 900" in ran.out


def test_a_gate_on_a_part_that_is_not_there(run: Run, here: Path) -> None:
    """Without [tokens] nothing is judged: exit 5, in words; a name that is nearly a part's is a mistake, exit 2."""
    log(here, "", (3, 100))
    without = run("tokens", "log.jsonl", *GATE)
    log(here, 'chat = "..500"', (3, 100))
    typed_wrong = run("tokens", "log.jsonl", "--fail-if", "expectatons: verdict = 'breached'")

    assert (5, True) == (without.code, "this answer has no part 'expectations'" in without.err)
    assert (2, True) == (typed_wrong.code, "did you mean expectations?" in typed_wrong.err)


def test_tokens_that_are_no_table(run: Run, here: Path) -> None:
    """A setting of the wrong type is refused in TOML's words, not in Python's."""
    log(here, "", (3, 100))
    put(here / "llmscope.toml", b"tokens = 3")
    ran = run("tokens", "log.jsonl")

    assert (2, True) == (ran.code, "tokens = 3 is not a table" in ran.err)


def test_what_is_kept_passes(run: Run, here: Path) -> None:
    """All of 100 within: Wilson's low end is 100 / 103.84 = .963."""
    log(here, 'chat = "..500"', (100, 100))

    assert 0 == run("tokens", "log.jsonl", *GATE).code
    assert "kept" in run("tokens", "log.jsonl").out


def test_few_requests_breach_nothing_and_pass_no_gate(run: Run, here: Path) -> None:
    """One of ten outside happens to two in five services that keep p95: .95^10 = .60."""
    log(here, 'chat = "..500"', (9, 100), (1, 900))

    assert "too few to say" in run("tokens", "log.jsonl").out
    assert 5 == run("tokens", "log.jsonl", *GATE).code


def test_a_low_end(run: Run, here: Path) -> None:
    """Prompts that lost their context: half lie under 50."""
    log(here, '"*" = {input = "50.."}', (50, 10), (50, 100))

    assert "all requests: 50.0 % of 100 requests take at least 50 input tokens, 95 % expected; their p5 is 10" in (
        run("tokens", "log.jsonl").out
    )


def test_a_template_and_an_unknown_feature(run: Run, here: Path) -> None:
    """A template is told by its word; a feature that the log does not have gets no verdict and the nearest name."""
    log(here, '"template:letter" = "..50"\nchatt = "..500"', (100, 100), template="letter")
    out = run("tokens", "log.jsonl").out

    assert "template:letter: 0 % of 100 requests take at most 50 input tokens" in out
    assert "no request with usage to judge for feature chatt: no verdict; did you mean chat?" in out


def test_no_data_does_not_pass(run: Run, here: Path) -> None:
    """An expectation that no request meets or breaches: exit 5."""
    log(here, 'search = "..500"', (5, 100))

    assert 5 == run("tokens", "log.jsonl", *GATE).code


def test_a_range_that_cannot_be_read(run: Run, here: Path) -> None:
    """Exit 2, with the line and how ranges are written."""
    log(here, 'chat = "4000"', (5, 100))
    ran = run("tokens", "log.jsonl")

    assert 2 == ran.code
    assert "50..1200" in ran.err
