"""The parts of a comparison by themselves: figures in words, kinds held equal, tails, and every statement as SQL."""

from __future__ import annotations

import datetime
from math import inf, log
from pathlib import Path

import numpy as np
import pytest

from llmscope.analyses import _compare_pairs, _compare_peek, _compare_sides, _compare_sql, _compare_words
from llmscope.analyses._compare_evidence import design_of
from llmscope.analyses._compare_rows import Compared
from llmscope.analyses._compare_sql import METRICS
from llmscope.analyses._compare_table import verdict
from llmscope.stats.paired import Difference
from tests.analyses.test_compare import MODELS, answer, call, rows_of
from tests.analyses.test_compare import log as log_of
from tests.conftest import Run


@pytest.mark.parametrize(("value", "unit", "said"), [
    (3605.0, "ms", "3.60 s"), (12.0, "ms", "12 ms"), (0.0089731, "usd", "$0.00897"), (0.0, "usd", "$0"),
    (0.0123, "ratio", "1.23 %"), (2804.4, "tokens", "2,804"), (1.5, "tokens", "1.50"), (7.071, "points", "7.07"),
    (None, "ms", None),
])  # fmt: skip
def test_levels_in_words(value: float | None, unit: str, said: str | None) -> None:
    """Three digits and the unit."""
    assert said == _compare_words.shown(value, unit)


def outcome(effect: float, low: float, high: float, p: float = 0.001, p_weeks: float | None = 0.01) -> Difference:
    return Difference(effect, low, high, (low, high), p, p_weeks, "same days", 59)


def test_changes_in_words() -> None:
    """Relative, in points of a rate, in points of a score; an end that nothing bounds is a question mark."""
    ratio, rate = outcome(log(0.152), log(0.139), log(0.168)), outcome(0.008, 0.001, 0.015)

    assert ("-84.8 %", "[-86.1, -83.2]") == (
        _compare_words.change(ratio.effect, True, "usd"), _compare_words.interval(ratio, True, "usd"),
    )  # fmt: skip
    assert ("+0.80 pt", "[+0.10, +1.50]") == (
        _compare_words.change(rate.effect, False, "ratio"), _compare_words.interval(rate, False, "ratio"),
    )  # fmt: skip
    assert "-0.21" == _compare_words.change(-0.21, False, "points")
    assert "[-2.0, ?]" == _compare_words.interval(outcome(0.0, log(0.98), inf), True, "ms")
    assert "0.0 %" == _compare_words.change(-0.0000001, True, "ms")


LATENCY, TOKENS, ERRORS = (
    next(metric for metric in METRICS if metric.word == word) for word in ("latency", "input_tokens", "error_rate")
)
TEN = (log(0.9), log(1.1))


@pytest.mark.parametrize(("metric", "of", "q", "n", "sessions", "said"), [
    (LATENCY, outcome(log(0.5), log(0.4), log(0.6)), 0.001, 1000, 500, "better"),
    (LATENCY, outcome(log(2.0), log(1.5), log(2.5)), 0.001, 1000, 500, "worse"),
    (TOKENS, outcome(log(2.0), log(1.5), log(2.5)), 0.001, 1000, 500, "higher"),
    (LATENCY, outcome(log(1.05), log(1.02), log(1.08)), 0.001, 1000, 500, "no difference"),
    (LATENCY, outcome(log(1.08), log(1.02), log(1.14)), 0.001, 1000, 500, "small"),
    (LATENCY, outcome(log(1.0), log(0.95), log(1.05), p=0.9), 0.9, 1000, 500, "no difference"),
    (LATENCY, outcome(log(1.1), log(0.8), log(1.5), p=0.3), 0.3, 1000, 500, "inconclusive"),
    # One key alone opens nothing; nor do p's that many tests have made worthless, nor fewer than 100 sessions.
    (LATENCY, outcome(log(2.0), log(1.5), log(2.5), p_weeks=0.2), 0.001, 1000, 500, "inconclusive"),
    (LATENCY, outcome(log(2.0), log(1.5), log(2.5), p=0.02), 0.2, 1000, 500, "inconclusive"),
    (LATENCY, outcome(log(2.0), log(1.5), log(2.5)), 0.001, 1000, 99, "inconclusive"),
    (LATENCY, outcome(log(2.0), log(1.5), log(2.5)), 0.001, 29, 29, "too few to say"),
    (LATENCY, None, None, 1000, 500, "too few to say"),
])  # fmt: skip
def test_verdicts(metric: object, of: Difference | None, q: float | None, n: int, sessions: int, said: str) -> None:
    """The four verdicts of `drift`, with a direction."""
    row = Compared(metric, (n, n), 59, (1.0, 1.0), TEN, of, sessions=sessions)  # type: ignore[arg-type]

    assert said == verdict(row, q)


def test_where_signs_differ_the_like_is_judged() -> None:
    """Better in all, worse among the alike: worse; without an interval of the alike nothing is said."""
    crude, alike = outcome(-0.05, -0.08, -0.02), outcome(0.05, 0.02, 0.08)
    row = Compared(ERRORS, (1000, 1000), 59, (0.2, 0.15), (-0.01, 0.01), crude, alike, 0.05, (1.0, 1.0), 500)
    bare = Compared(ERRORS, (1000, 1000), 59, (0.2, 0.15), (-0.01, 0.01), crude, None, 0.05, (1.0, 1.0), 500)

    assert (True, "worse") == (row.flips, verdict(row, 0.001))
    assert (True, "inconclusive") == (bare.flips, verdict(bare, 0.001))


def test_noise_is_no_flip() -> None:
    """Two signs of which neither is more than noise are no paradox."""
    crude, alike = outcome(-0.001, -0.02, 0.02, p=0.9), outcome(0.001, -0.02, 0.02, p=0.9)
    row = Compared(ERRORS, (1000, 1000), 59, (0.2, 0.2), (-0.01, 0.01), crude, alike, 0.001, (1.0, 1.0), 500)

    assert not row.flips


def by_day(**days: tuple[int, int]) -> list[dict[str, object]]:
    """Requests of A and B a day; d1=(3, 4)."""
    dates = {name: datetime.date(2026, 9, int(name[1:])) for name in days}
    return [{"side": side, "day": dates[name], "requests": n} for name, two in days.items()
            for side, n in zip("ab", two, strict=True) if n]  # fmt: skip


def test_designs() -> None:
    """Eight days of both: by days; fewer: by sessions; most of a side at another time: apart, as without times."""
    eight = {f"d{i}": (10, 10) for i in range(1, 9)}

    assert "days" == design_of(by_day(**eight))[0]
    assert "sessions" == design_of(by_day(d1=(10, 10), d2=(10, 10)))[0]
    assert "apart" == design_of(by_day(d1=(10, 0), d2=(0, 10)))[0]
    assert "apart" == design_of(by_day(**eight, d20=(0, 1000)))[0]
    assert "days" == design_of(by_day(**eight, d20=(0, 10)))[0]
    assert "apart" == design_of([{"side": s, "day": None, "requests": 9} for s in "ab"])[0]


STATEMENTS = {
    f"{module.__name__}.{name}": value
    for module in (_compare_sql, _compare_pairs, _compare_sides, _compare_peek)
    for name, value in vars(module).items()
    if name.endswith("SQL") and isinstance(value, str)
}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_statements_stay_in_the_subset(name: str) -> None:
    """What Spark spells otherwise, or not at all, is not used."""
    text, refused = STATEMENTS[name].lower(), ("within group", "approx_", "unnest", "epoch", "hash(", "asof", "fsum")

    assert [] == [word for word in refused if word in text]


def test_every_statement_runs_on_spark_too(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a comparison ran is parsed, and written as Spark has it."""
    import llmscope

    sqlglot = pytest.importorskip("sqlglot")
    records = [call(i, day, model, item_id=f"q{i}") for day in range(1, 10) for i in range(40)
               for model in ("gpt-4-turbo", "gpt-4o")]  # fmt: skip
    with llmscope.open(str(log_of(here, records))) as logs:
        logs.compare(by="model", a="gpt-4-turbo", b="gpt-4o", peek=True)
        ran = list(logs.ran)

    assert len(ran) >= 8
    for text in ran:
        assert sqlglot.parse_one(text, dialect="duckdb").sql(dialect="spark")


def test_tails_cover_the_truth(here: Path, run: Run) -> None:
    """B is 1.3 times as slow at every quantile, lognormal, days of 10 %: the intervals of p50 and p95 hold 30 %."""
    rng = np.random.default_rng(3)
    records = []
    for day in range(1, 21):
        weather = np.exp(rng.normal(0, 0.1))
        for model, times in (("gpt-4-turbo", 1.0), ("gpt-4o", 1.3)):
            for i, latency in enumerate(1000 * times * weather * np.exp(rng.normal(0, 0.74, 120))):
                records.append(call(i, day, model, latency_ms=float(latency)))
    rows = rows_of(answer(run, log_of(here, records), *MODELS))

    for name in ("latency", "p50 latency", "p95 latency"):
        assert rows[name]["effect_low"] < 0.3 < rows[name]["effect_high"]
        assert "worse" == rows[name]["verdict"]


def test_another_mix_is_no_difference(here: Path, run: Run) -> None:
    """Long answers take 4 s and short ones 1 s on both sides; B gets more long ones: that is all there is."""
    rng = np.random.default_rng(4)
    records = []
    for day in range(1, 21):
        for model, share in (("gpt-4-turbo", 0.2), ("gpt-4o", 0.5)):
            for i in range(150):
                long = i < 150 * share
                latency = (4000 if long else 1000) * float(np.exp(rng.normal(0, 0.1)))
                records.append(call(i, day, model, feature="long" if long else "short", latency_ms=latency))
    found = answer(run, log_of(here, records), *MODELS)
    row = rows_of(found)["latency"]

    assert ("no difference", "inconclusive") == (row["verdict"], rows_of(found)["p50 latency"]["verdict"])
    assert any(f["kind"] == "mix" and "latency +" in f["text"] for f in found["findings"])
    assert 0.4 < row["effect"]
    assert abs(row["adjusted_effect"]) < 0.02
