"""Budgets: how they are written, what is within them, and what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.analyses._slo import DEFAULTS, budgets_of
from llmscope.errors import UsageError
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]


def log(here: Path, *kinds: tuple[int, Row]) -> Path:
    """So many requests of each kind."""
    records = [kind for count, kind in kinds for _ in range(count)]
    return put(here / "log.jsonl", lines(request(i, **{"status": "ok", **r}) for i, r in enumerate(records)))


def asked(path: Path, **options: Any) -> Result:
    with llmscope.open(str(path)) as logs:
        return logs.latency(**options)


@pytest.mark.parametrize(
    ("text", "feature", "metric", "quantile", "limit_ms", "share"),
    [
        ("chat=2s", "chat", "total", "p95", 2000.0, 0.95),
        ("summarise=p99:30s", "summarise", "total", "p99", 30_000.0, 0.99),
        ("chat=ttft:500ms", "chat", "ttft", "p95", 500.0, 0.95),
        ("chat=p99.9:ttft:1.5min", "chat", "ttft", "p99.9", 90_000.0, 0.999),
        ("a=b=tpot:.5s", "a=b", "tpot", "p95", 500.0, 0.95),
        ("*=5 s", None, "total", "p95", 5000.0, 0.95),
        ("chat=errors:2%", "chat", "errors", None, None, 0.98),
        ("chat=0.5%", "chat", "errors", None, None, 0.995),
    ],
)
def test_how_budgets_are_written(
    text: str, feature: str | None, metric: str, quantile: str | None, limit_ms: float | None, share: float
) -> None:
    """Feature, metric, quantile and amount; p95 of the total where nothing else is said."""
    (found,) = budgets_of([text], {})

    assert (feature, metric, quantile, limit_ms, share) == (
        found.feature, found.metric.word, found.quantile, found.limit_ms, found.share,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["chat", "=2s", "chat=", "chat=2", "chat=2h", "chat=p0:2s", "chat=p100:2s", "chat=x:2s", "chat=-1s", "chat=ttft:2%",
     "chat=errors:2s", "chat=100%", "chat=tokens-per-second:5s", "chat=2s:p95", "defualt"],
)  # fmt: skip
def test_what_is_no_budget(text: str) -> None:
    """Refused, with what was given in the words."""
    with pytest.raises(UsageError):
        budgets_of([text], {})


def test_words_for_budgets() -> None:
    """`default` is ours, `config` is [slo] of llmscope.toml, a list of budgets there too; the same twice is once."""
    config = {"chat": ["2s", "ttft:500ms"], "search": "1s"}

    assert DEFAULTS == budgets_of(["default"], {})
    assert ["chat", "chat", "search"] == [b.feature for b in budgets_of(["config", "chat=2s"], config)]
    with pytest.raises(UsageError, match=r"\[slo\] chat = 2"):
        budgets_of(["config"], {"chat": 2})


@pytest.mark.parametrize(
    ("within", "verdict", "low", "high", "left"),
    [
        # Wilson, z^2 = 3.84146: of 100 of 100 the low end is 100/103.84146.
        (100, "met", 0.963007, 1.0, 5),
        (97, "too few to say", 0.915482, 0.989745, 2),
        # (0.8 + 0.0192073 -+ 1.95996 sqrt(0.0016 + 0.0000960365))/1.0384146
        (80, "missed", 0.711171, 0.866633, -15),
    ],
)
def test_verdicts(here: Path, within: int, verdict: str, low: float, high: float, left: int) -> None:
    """Of 100 requests 5 may take longer; failures do not count, a request at the budget is within it."""
    path = log(
        here,
        (within, {"latency_ms": 2000}),
        (100 - within, {"latency_ms": 2001}),
        (7, {"latency_ms": 9000, "status": "error"}),
        (9, {"latency_ms": 9000, "feature": "search"}),
    )
    (row,) = asked(path, slo=["chat=2s"]).rows

    assert ("chat", "total", "p95", 2000.0, 100, verdict) == tuple(
        row[name] for name in ("feature", "metric", "quantile", "budget_ms", "requests", "verdict")
    )
    assert (within / 100, 100 - within, 5, left) == tuple(
        row[name] for name in ("within_ratio", "misses", "allowed_misses", "misses_left")
    )
    assert (pytest.approx(low, abs=2e-6), pytest.approx(high, abs=2e-6)) == (
        row["within_low_ratio"], row["within_high_ratio"],
    )  # fmt: skip


def test_first_tokens_and_errors(here: Path) -> None:
    """The first token of streams only; failures of all, 10 of 60 where 2 % are allowed: 1.2, that is 1."""
    path = log(
        here,
        (30, {"latency_ms": 900, "ttft_ms": 400, "stream": True}),
        (20, {"latency_ms": 900}),
        (10, {"status": "error"}),
    )
    first, errors = asked(path, slo=["chat=ttft:p50:500ms", "chat=errors:2%"]).rows

    assert (30, 1.0, 400.0, "met") == tuple(first[n] for n in ("requests", "within_ratio", "measured_ms", "verdict"))
    assert (60, 50 / 60, 10, 1, "missed") == tuple(
        errors[n] for n in ("requests", "within_ratio", "misses", "allowed_misses", "verdict")
    )


def test_defaults_are_said_to_be_defaults(here: Path) -> None:
    """500 ms to the first token of streamed chat (no embeddings, no completions), 5 s, 2 % of errors."""
    stream = {"latency_ms": 900, "ttft_ms": 400, "stream": True}
    found = asked(log(here, (3, stream), (2, {**stream, "operation": "text_completion"})), slo=["default"])

    assert [("*", "ttft", 500.0, 3), ("*", "total", 5000.0, 5), ("*", "errors", None, 5)] == [
        (r["feature"], r["metric"], r["budget_ms"], r["requests"]) for r in found.rows
    ]
    assert any("default budgets" in note for note in found.notes)


def test_by_model_and_by_feature(here: Path) -> None:
    """A row a slice of the feature; a budget for all of them is shown by feature where that is asked."""
    slow = {"latency_ms": 3000, "request_model": "o3"}
    path = log(here, (80, {"latency_ms": 1}), (80, slow), (80, {"latency_ms": 1, "feature": "search"}))

    assert [("chat", "gpt-4-turbo", "met"), ("chat", "o3", "missed")] == [
        (r["feature"], r["model"], r["verdict"]) for r in asked(path, slo=["chat=2s"], by="model").rows
    ]
    assert [("chat", "missed"), ("search", "met"), ("chat", "missed")] == [
        (r["feature"], r["verdict"]) for r in asked(path, slo=["*=2s", "chat=2s"], by="feature").rows
    ]


@pytest.mark.parametrize(
    ("within", "above", "budget", "verdict"),
    [
        # 1 - 0.95^3 = 0.143: one miss of three is had by chance; 3 x 0.05^2 x 0.95 + 0.05^3 = 0.00725: two are not.
        (2, 1, "2s", "too few to say"),
        (1, 2, "2s", "missed"),
        # 1 - 0.99^5 = 0.049.
        (4, 1, "p99:2s", "too few to say"),
    ],
)
def test_a_few_misses_may_be_chance(here: Path, within: int, above: int, budget: str, verdict: str) -> None:
    """Wilson's interval alone lies below the target in each of these."""
    path = log(here, (within, {"latency_ms": 1}), (above, {"latency_ms": 3000}))
    (row,) = asked(path, slo=[f"chat={budget}"]).rows

    assert row["within_high_ratio"] < row["target_ratio"]
    assert verdict == row["verdict"]


def test_breaches_name_their_slice_and_are_not_endless(here: Path) -> None:
    """Twelve days of 5 + day misses each: the ten worst, then how many more."""
    kinds = [(5 + d, {"latency_ms": 3000, "started_at": f"2026-09-{d:02d}T10:00:00Z"}) for d in range(1, 13)]
    said = [f.text for f in asked(log(here, *kinds), slo=["chat=2s"], over="day").findings]

    assert said[0] == "chat, 2026-09-12: 0 % of 17 requests within 2,000 ms of total, 95 % asked; 17 too many"
    assert [11, "2 more of 12 rows miss their budget"] == [len(said), said[-1]]


def test_a_wrong_quantile_names_its_budget() -> None:
    with pytest.raises(UsageError, match=r"--slo 'chat=p101:2s': '101' is no quantile"):
        budgets_of(["chat=p101:2s"], {})


def test_a_budget_names_its_own_metric(here: Path) -> None:
    """--metric ttft does not make chat=500ms one of the first token."""
    with pytest.raises(UsageError, match="--metric ttft and --slo"):
        asked(log(here, (1, {})), metric="ttft", slo=["chat=500ms"])


def test_a_feature_without_requests(here: Path, run: Run) -> None:
    """Stands with 0, no figure and no verdict: a gate on no data does not pass."""
    path = log(here, (1, {"latency_ms": 1}))
    found = asked(path, slo=["chta=2s"])
    (row,) = found.rows

    assert 5 == run("latency", path, "--slo", "chta=2s", "--fail-if", "verdict = 'missed'").code
    assert "no request to judge for chta: no verdict" in found.notes
    assert ("chta", 0, None, None) == tuple(row[n] for n in ("feature", "requests", "within_ratio", "verdict"))


def test_a_missed_budget_fails_a_build(here: Path, run: Run) -> None:
    """Exit 3, with the feature named; 0 where all are met."""
    path = log(here, (80, {"latency_ms": 3000}))
    gate = ("--fail-if", "verdict = 'missed'")
    missed = run("latency", path, "--slo", "chat=2s", "--slo", "chat=p50:5s", *gate)

    assert 3 == missed.code
    assert "feature=chat metric=total" in missed.err
    assert "chat: 0 % of 80 requests within 2,000 ms of total, 95 % asked; 76 too many" in missed.out
    assert 0 == run("latency", path, "--slo", "chat=5s", *gate).code
    assert 2 == run("latency", path, "--slo", "chat=2", *gate).code
    assert 2 == run("latency", path, "--slo", "chat=2s", "--top", "1").code


def test_budgets_of_llmscope_toml(here: Path, run: Run) -> None:
    """Judged in a table of their own; with --slo config they are the rows, for a gate."""
    put(here / "llmscope.toml", b'[slo]\nchat = ["2s", "errors:2%"]\n')
    path = log(here, (80, {"latency_ms": 3000}))
    found = json.loads(run("latency", path, "-f", "json").out)

    assert [3000.0] == [r["p95_ms"] for r in found["rows"]]
    assert [("total", "missed"), ("errors", "too few to say")] == [
        (r["metric"], r["verdict"]) for r in found["parts"]["slo"]["rows"]
    ]
    assert ["breach"] == [f["severity"] for f in found["findings"]]
    assert 3 == run("latency", path, "--slo", "config", "--fail-if", "verdict = 'missed'").code
    (here / "llmscope.toml").unlink()
    assert 2 == run("latency", path, "--slo", "config").code


def test_default_budgets_stand_where_none_are_given(here: Path) -> None:
    """Ours beside the answer, named as ours, no finding; with budgets of one's own they are gone.

    4 streams of chat (1 above 500 ms), a call of 6 s, and a failure of 6: 3 of 4, 4 of 5 and 5 of 6 within.
    """
    stream = {"latency_ms": 900, "ttft_ms": 400, "stream": True}
    path = log(here, (3, stream), (1, {**stream, "ttft_ms": 600}), (1, {"latency_ms": 6000}), (1, {"status": "error"}))
    found = asked(path)
    part = found.parts["default budgets"]

    assert [("ttft", 500.0, 4, 0.75), ("total", 5000.0, 5, 0.8), ("errors", None, 6, pytest.approx(5 / 6))] == [
        (r["metric"], r["budget_ms"], r["requests"], r["within_ratio"]) for r in part.rows
    ]
    assert () == found.findings
    assert any(note.startswith("default budgets") for note in found.notes)
    assert "default budgets" not in asked(path, slo=["chat=2s"]).parts


def test_default_budgets_are_those_that_slo_default_judges(here: Path) -> None:
    """One pass over all three, or a statement each: the same figures."""
    stream = {"latency_ms": 900, "ttft_ms": 400, "stream": True}
    path = log(here, (40, stream), (9, {"latency_ms": 5001}), (2, {"status": "error"}), (1, {"status": "cancelled"}))
    names = ("requests", "within_ratio", "within_low_ratio", "within_high_ratio", "misses_left", "verdict")

    assert [[r[n] for n in names] for r in asked(path, slo=["default"]).rows] == [
        [r[n] for n in names] for r in asked(path).parts["default budgets"].rows
    ]
