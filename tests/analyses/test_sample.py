"""Which items are drawn, how many of each stratum, and whether their weights give the truth back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.analyses._sample_draw import below
from llmscope.errors import UsageError
from llmscope.stats.sampling import weighted_mean
from tests.load.writing import Record, lines, put, request

FAILED = {"status": "error", "error_class": "rate_limit"}


def log(here: Path, *records: Record) -> str:
    return str(put(here / "log.jsonl", lines(records)))


def drawn(path: str, **options: Any) -> list[Any]:
    with llmscope.open(path) as logs:
        return list(logs.sample(**options).rows)


def models(*counts: int) -> list[Record]:
    """Requests of models m0, m1, …, so many of each."""
    names = [f"m{i}" for i, n in enumerate(counts) for _ in range(n)]
    return [request(i, request_model=name) for i, name in enumerate(names)]


def test_the_same_seed_draws_the_same(here: Path) -> None:
    """Also from the rows in another order; another seed draws others; each weighs 100 / 7."""
    records = models(100)
    first = [r["request_id"] for r in drawn(log(here, *records), n=7)]
    again = [r["request_id"] for r in drawn(log(here, *reversed(records)), n=7)]
    other = drawn(log(here, *records), n=7, seed=1)

    assert first == again
    assert set(first) != {r["request_id"] for r in other}
    assert [pytest.approx(100 / 7)] * 7 == [r["sample_weight"] for r in other]


def test_strata_get_two_and_the_rest_in_proportion(here: Path) -> None:
    """60, 30, 10 requests, 20 items: two each, and 14 over 58, 28, 8 of 94: 8.638, 4.170, 1.191; the seat that is
    left goes to the largest remainder, .638: 11, 6, 3. The weights add up to 100.
    """
    rows = drawn(log(here, *models(60, 30, 10)), n=20, how="stratified", by="model")

    assert {"m0": 11, "m1": 6, "m2": 3} == Counter(r["model"] for r in rows)
    assert pytest.approx(100) == sum(r["sample_weight"] for r in rows)
    assert [pytest.approx(60 / 11)] * 11 == [r["sample_weight"] for r in rows if r["model"] == "m0"]


def test_small_strata_are_put_together(here: Path) -> None:
    """Six items have room for three strata: the two largest, and the other four models as one."""
    with llmscope.open(log(here, *models(20, 10, 3, 2, 1, 1))) as logs:
        found = logs.sample(n=6, how="stratified", by="model")

    assert {"m0": 20, "m1": 10, "(others)": 7} == {r["stratum"]: r["requests"] for r in found.parts["strata"].rows}
    assert pytest.approx(37) == sum(r["sample_weight"] for r in found.rows)


def test_errors_first_and_some_of_the_others(here: Path) -> None:
    """3 errors of 50, 8 items: six are for errors, three there are; the other five are of 47. Three of four at most."""
    few = [request(i, **(FAILED if i < 3 else {"status": "ok"})) for i in range(50)]
    many = [request(i, **(FAILED if i < 40 else {"status": "ok"})) for i in range(50)]
    rows = drawn(log(here, *few), n=8, how="errors")

    assert {"errors": 3, "(others)": 5} == Counter(r["stratum"] for r in rows)
    assert {1.0, 47 / 5} == {r["sample_weight"] for r in rows}
    assert {"errors": 6, "(others)": 2} == Counter(r["stratum"] for r in drawn(log(here, *many), n=8, how="errors"))


def test_more_asked_than_there_is(here: Path) -> None:
    """All of them, each for itself; of an empty log none."""
    path = log(here, *models(3, 2))

    assert [1.0] * 5 == [r["sample_weight"] for r in drawn(path, n=50, how="stratified", by="model")]
    assert [1.0] * 5 == [r["sample_weight"] for r in drawn(path, n=50)]
    assert [1.0] * 5 == [r["sample_weight"] for r in drawn(path, n=50, how="errors")]
    assert [] == drawn(log(here), n=50)


@pytest.mark.parametrize("how", ["random", "stratified", "errors"])
def test_the_weights_give_the_truth_back(here: Path, how: str) -> None:
    """Over 60 seeds the weighted mean of input tokens is the log's, and its interval holds it 92 to 100 times of 100
    (60 rounds: 95 % is 57, and 52 is two and a half deviations less).
    """
    records = [
        request(i, request_model=f"m{i % 7 // 3}", input_tokens=(i * 7919) % 1000 + 300 * (i % 3), status="ok")
        for i in range(600)
    ]
    records = [r | FAILED if i % 11 == 0 else r for i, r in enumerate(records)]
    tokens = {r["request_id"]: float(r["input_tokens"]) for r in records}
    truth = sum(tokens.values()) / len(tokens)
    means, hits = [], 0
    with llmscope.open(log(here, *records)) as logs:
        for seed in range(60):
            rows = logs.sample(n=60, how=how, seed=seed, by="model").rows
            strata = [r.get("stratum") for r in rows]
            found = weighted_mean([tokens[r["request_id"]] for r in rows], [r["sample_weight"] for r in rows], strata)
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            means.append(found.mean)
            hits += found.low <= truth <= found.high

    assert pytest.approx(truth, rel=0.02) == sum(means) / 60
    assert hits >= 52


def scores(here: Path, values: dict[int, list[tuple[str, str, float]]]) -> str:
    """Requests with scores of quality: (rater kind, rater version, value)."""
    rows = [
        {"score_id": f"{i}-{j}", "request_id": f"r{i}", "name": "quality", "value": value, "rater_kind": kind,
         "rater": "gpt-judge" if kind == "judge" else "alice", "rater_version": version}
        for i, given in values.items() for j, (kind, version, value) in enumerate(given)
    ]  # fmt: skip
    put(here / "log.jsonl", lines(request(i) for i in range(30)))
    put(here / "scores.jsonl", lines(rows))
    return str(here)


def test_uncertain_is_near_the_bar(here: Path) -> None:
    """Judged 0 to 10, bar 7: three of four items of the nearest (7, then 6 and 8), one of the other eight."""
    path = scores(here, {i: [("judge", "1", float(i))] for i in range(11)})
    rows = drawn(path, n=4, how="uncertain", bar=7)
    near = [r for r in rows if r["stratum"] == "nearest the bar"]

    assert {"r6", "r7", "r8"} == {r["request_id"] for r in near}
    assert [1.0] * 3 == [r["sample_weight"] for r in near]
    assert [8.0] == [r["sample_weight"] for r in rows if r not in near]
    assert {"quality"} == {r["name"] for r in rows}


def test_ties_share_their_chance(here: Path) -> None:
    """Ten items stand at the bar and three seats are for them: each stands for 10 / 3."""
    path = scores(here, {i: [("judge", "1", 7.0 if i < 10 else 1.0)] for i in range(20)})
    near = [r for r in drawn(path, n=4, how="uncertain", bar=7) if r["stratum"] == "nearest the bar"]

    assert [pytest.approx(10 / 3)] * 3 == [r["sample_weight"] for r in near]


def test_disagreement_is_where_judge_and_people_differ(here: Path) -> None:
    """Judge 8 and alice 8, save r3 (8 and 2) and r5, judged 3 and 9 by two versions: these two first."""
    given: dict[int, list[tuple[str, str, float]]] = {i: [("judge", "1", 8.0), ("human", "", 8.0)] for i in range(10)}
    given |= {3: [("judge", "1", 8.0), ("human", "", 2.0)], 5: [("judge", "1", 3.0), ("judge", "2", 9.0)]}
    rows = drawn(scores(here, given), n=5, how="disagreement")

    assert {"r3", "r5"} == {r["request_id"] for r in rows if r["stratum"] == "furthest apart"}
    assert pytest.approx(10) == sum(r["sample_weight"] for r in rows)


def test_unlike_scales_are_laid_over_each_other(here: Path) -> None:
    """Judge 1 to 10, people 1 to 5 with the same meaning, 1 + 9/4 (h - 1): only r9 (10 and 1) differs."""
    given = {i: [("judge", "1", 1 + 9 / 4 * (i % 5)), ("human", "", 1.0 + i % 5)] for i in range(9)}
    given[9] = [("judge", "1", 10.0), ("human", "", 1.0)]
    with llmscope.open(scores(here, given)) as logs:
        found = logs.sample(n=4, how="disagreement")

    assert "r9" in {r["request_id"] for r in found.rows if r["stratum"] == "furthest apart"}
    assert any("stretched" in note for note in found.notes)


def test_what_cannot_be_drawn_is_refused(here: Path) -> None:
    """An unknown way, no strata, no judge, a tag, too many, a score nobody gave."""
    path = log(here, *models(5))
    for options in (
        {"how": "randm"}, {"how": "stratified"}, {"how": "uncertain"}, {"how": "disagreement"}, {"by": "tag"},
        {"n": 0}, {"n": 10_001}, {"how": "errors", "n": 1}, {"bar": 7}, {"keep": "errors=2"}, {"keep": "x"},
        {"keep": "ok=0"}, {"keep": "ok=1,ok=1"}, {"keep": ""}, {"keep": "gpt-9=1", "out": "k.jsonl"}, {"keep": "ok=1"},
        {"keep": "ok=1", "out": "kept.xlsx"},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            drawn(path, **options)


def test_a_cut_is_a_share_of_all_lots() -> None:
    """A quarter of all 12-digit lots lie below 4000…; a whole lies above every digit."""
    assert "400000000000" == below(0.25)
    assert "g" == below(1.0)


def test_a_large_stratum_is_cut_before_it_is_sorted(here: Path) -> None:
    """Of 12,000 requests and n 50, all 50 are found among the lowest lots, and weigh 240."""
    rows = drawn(log(here, *models(12_000)), n=50)

    assert (50, {240.0}) == (len(rows), {r["sample_weight"] for r in rows})


def test_a_second_sample_of_a_large_stratum_is_whole(here: Path) -> None:
    """Of 12,000 the 300 with the lowest lots are drawn before: 300 others are drawn, and weigh 11,700 / 300."""
    path, before = log(here, *models(12_000)), here / "before.csv"
    first = {r["request_id"] for r in drawn(path, n=300)}
    before.write_text("\n".join(["request_id", *first]))
    rows = drawn(path, n=300, exclude=[str(before)])

    assert (300, {39.0}) == (len(rows), {r["sample_weight"] for r in rows})
    assert not first & {r["request_id"] for r in rows}
