"""judge calibrate, estimate and drift on logs small enough to be worked out by hand, and on the sample logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmscope
from llmscope.errors import UsageError
from llmscope.result import Result
from tests.conftest import Run
from tests.load.writing import lines, put, request

Row = dict[str, Any]
SAMPLE = Path(__file__).parents[2] / "sample_logs"


def scored(item: int | str, rater: str, value: Any, kind: str = "human", **more: Any) -> Row:
    """One label: a figure, or a word."""
    key = f"r{item}" if isinstance(item, int) else item
    found = {"request_id": key, "name": "quality", "rater": rater, "rater_kind": kind, **more}
    return {**found, **({"label": value} if isinstance(value, str) else {"value": value})}


def judged(item: int | str, value: Any, **more: Any) -> Row:
    return scored(item, "gpt-judge", value, "judge", **more)


def asked(
    folder: Path, rows: list[Row], question: str = "judge_calibrate", requests: int = 0, **options: Any
) -> Result:
    """The answer over these labels, with as many requests."""
    paths = [put(folder / "scores.jsonl", lines({"value": None, "label": None, **r} for r in rows))]
    if requests:
        calls = [request(i, status="ok", feature="ab"[i % 2], output_tokens=i) for i in range(1, requests + 1)]
        paths.append(put(folder / "requests.jsonl", lines(calls)))
    with llmscope.open(*map(str, paths)) as logs:
        found: Result = getattr(logs, question)(**options)
        return found


def statistic(found: Result, name: str) -> Row:
    return dict(next(r for r in found.rows if r["statistic"] == name))


def table(cells: list[list[int]], words: tuple[Any, ...]) -> list[Row]:
    """Labels of one person (rows) and the judge (columns) that make this table."""
    rows, n = [], 0
    for said, counts in zip(words, cells, strict=True):
        for given, count in zip(words, counts, strict=True):
            for _ in range(count):
                n += 1
                rows += [scored(n, "ann", said), judged(n, given)]
    return rows


D10 = [[53, 11, 1], [5, 14, 6], [2, 5, 4]]


def test_the_published_table(tmp_path: Path) -> None:
    """D10: kappa .442 [.294, .590], weighted .510 and .588; 71 of 101 agree; the confusion matrix is the table."""
    found = asked(tmp_path, table(D10, (1, 2, 3)))
    kappa = statistic(found, "kappa")

    assert pytest.approx((0.44198895028, 0.29412476, 0.58985314)) == (
        kappa["value"], kappa["value_low"], kappa["value_high"]
    )  # fmt: skip
    assert pytest.approx(0.51021307862) == statistic(found, "kappa_linear")["value"]
    assert pytest.approx(0.58775510204) == statistic(found, "kappa_quadratic")["value"]
    assert pytest.approx(71 / 101) == statistic(found, "agreement")["value"]
    assert [[53, 11, 1], [5, 14, 6], [2, 5, 4]] == [
        [r[f"judge_{c}"] for c in "123"] for r in found.parts["confusion"].rows
    ]


def test_words_have_no_order(tmp_path: Path) -> None:
    """The same table of words: the same kappa; weighted kappas and figures say why they are not there."""
    found = asked(tmp_path, table(D10, ("bad", "fair", "good")))

    assert pytest.approx(0.44198895028) == statistic(found, "kappa")["value"]
    assert statistic(found, "kappa_linear")["value"] is None
    assert "--equal" in statistic(found, "kappa_linear")["about"]
    assert "words" in statistic(found, "pearson")["about"]
    figures = asked(tmp_path, table(D10, ("bad", "fair", "good")), equal="bad=1,fair=2,good=3", reference="mean")
    assert pytest.approx(0.58775510204) == statistic(figures, "kappa_quadratic")["value"]


def test_one_class_only_says_why(tmp_path: Path) -> None:
    """Everybody says 1: kappa is undefined, agreement is 40 of 40, and Pearson has nothing to follow."""
    found = asked(tmp_path, table([[40, 0], [0, 0]], (1, 2)))

    assert statistic(found, "agreement")["value"] == 1.0
    assert "one class only" in statistic(found, "kappa")["about"]
    assert "all items the same" in statistic(found, "pearson")["about"]
    assert "one class only" in statistic(found, "alpha")["about"]


def test_a_majority_of_three(tmp_path: Path) -> None:
    """a, a, b is a; a, b, c is nobody's and left out; kappas of each pair stand in `raters`."""
    said = [("a", "a", "b", "a"), ("b", "b", "b", "a"), ("a", "b", "c", "a"), ("b", "c", "b", "b")]
    rows = [
        row
        for i, (one, two, three, judge) in enumerate(said)
        for row in (scored(i, "x", one), scored(i, "y", two), scored(i, "z", three), judged(i, judge))
    ]
    found = asked(tmp_path, rows)

    assert (3, 2 / 3) == (statistic(found, "agreement")["items"], statistic(found, "agreement")["value"])
    assert "1 items have no majority" in "\n".join(found.notes)
    assert [("x", "y", 4), ("x", "z", 4), ("y", "z", 4), ("gpt-judge", "x", 4)] == [
        (r["rater"], r["other_rater"], r["items"]) for r in found.parts["raters"].rows[:4]
    ]


def test_a_mean_of_two_on_a_scale(tmp_path: Path) -> None:
    """People 6 and 7 are 6.5, counted as 7; the judge's 9 is 2.5 over it, and the worst of all comes first."""
    said = [(4, 4, 4), (6, 7, 9), (5, 5, 6), (8, 8, 8)]
    rows = [r for i, (x, y, j) in enumerate(said) for r in (scored(i, "x", x), scored(i, "y", y), judged(i, j))]
    found = asked(tmp_path, rows)
    worst = found.parts["disagreements"].rows

    assert [("r1", 2.5), ("r2", 1.0)] == [(r["item"], r["difference"]) for r in worst]
    assert pytest.approx(3.5 / 4) == statistic(found, "mean_difference")["value"]
    assert [1] == [r["judge_9"] for r in found.parts["confusion"].rows if r["people"] == "7"]


def test_many_values_agree_within_a_tolerance(tmp_path: Path) -> None:
    """Twelve values are no classes: no kappa, but 11 of 12 are at most half a point apart."""
    rows = [r for i in range(12) for r in (scored(i, "x", i * 0.8), judged(i, i * 0.8 + (0.4 if i else 2)))]
    found = asked(tmp_path, rows)

    assert statistic(found, "kappa")["value"] is None
    assert "no classes" in statistic(found, "kappa")["about"]
    assert (11 / 12, "share at most 0.5 apart") == (
        statistic(found, "agreement")["value"], statistic(found, "agreement")["about"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("people", "judges"), [((1, 2, 3, 4, 5), (2, 4, 6, 8, 10)), ((1, 2, 3, 4, 5), ("bad", "ok", "ok", "good", "good"))]
)
def test_unlike_scales_are_refused(tmp_path: Path, people: tuple[Any, ...], judges: tuple[Any, ...]) -> None:
    """1-5 against 1-10, and figures against words: nothing is compared, and it is said why."""
    rows = [r for i, (a, b) in enumerate(zip(people, judges, strict=True)) for r in (scored(i, "x", a), judged(i, b))]
    found = asked(tmp_path, rows)

    assert {None} == {r["value"] for r in found.rows}
    assert all("different scales" in r["about"] for r in found.rows)
    assert statistic(asked(tmp_path, rows, same_scale=True), "agreement")["items"] == 5


def test_two_labels_of_one_rater(tmp_path: Path) -> None:
    """The latest counts, and how many differed is said."""
    rows = [scored(1, "x", 5, created_at="2026-09-02T00:00:00Z"), scored(1, "x", 1, created_at="2026-09-01T00:00:00Z"),
            judged(1, 5), scored(2, "x", 1), judged(2, 1)]  # fmt: skip
    found = asked(tmp_path, rows)

    assert statistic(found, "agreement")["value"] == 1.0
    assert any("scored more than once by one rater, 1 of them differently" in note for note in found.notes)


def test_nothing_in_common(tmp_path: Path) -> None:
    """Labels of other items: every statistic is unknown, with how many labels there were."""
    found = asked(tmp_path, [scored(1, "x", 5), judged(2, 5)])

    assert {None} == {r["value"] for r in found.rows}
    assert "(1 and 1 labels)" in found.findings[0].text


def test_an_empty_log_and_a_log_without_a_judge(tmp_path: Path) -> None:
    """Neither is an error: it is said what is missing."""
    for question in ("judge_calibrate", "judge_estimate", "judge_drift"):
        found = asked(tmp_path, [scored(1, "x", 5)], question, requests=2)
        assert "no score by a judge" in found.findings[0].text


def test_unknown_names_are_near_others(tmp_path: Path) -> None:
    """A person, a score, a statistic that are not there."""
    rows = [scored(1, "alice", 5), judged(1, 5)]
    for options, said in (({"human": "alise"}, "alise"), ({"judge": "gpt-juge"}, "gpt-juge"),
                          ({"score": "qualty"}, "qualty"), ({"bar": 0.8, "statistic": "kapa"}, "kapa")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            asked(tmp_path, rows, **options)


def test_bias_by_feature_and_length(tmp_path: Path) -> None:
    """Odd requests are feature b, where the judge is one point too high; quarters of output by rank."""
    rows = [r for i in range(1, 21) for r in (scored(i, "x", 3 + i % 4), judged(i, 3 + i % 4 + i % 2))]
    found = asked(tmp_path, rows, requests=20)
    by = {(r["by"], r["slice"]): r for r in found.parts["bias"].rows}

    assert (1.0, 0.0) == (by["feature", "b"]["mean_difference"], by["feature", "a"]["mean_difference"])
    assert [5, 5, 5, 5] == [r["items"] for r in found.parts["bias"].rows if r["by"] == "output length"]


def test_position_is_said_not_to_be_logged(tmp_path: Path) -> None:
    """Without a name for the other order, a note; with one, 3 of 4 winners stay."""
    rows = [r for i in range(4) for r in (scored(i, "x", "A"), judged(i, "A"),
            judged(i, "A" if i else "B", name="quality.swapped"))]  # fmt: skip

    assert any("position consistency is not measured" in n for n in asked(tmp_path, rows, score="quality").notes)
    found = asked(tmp_path, rows, score="quality", swapped="quality.swapped").parts["position"].rows[0]
    assert (4, 0.75) == (found["items"], found["consistent"])


def labels(agreeing: int, n: int) -> list[Row]:
    """So many of n items on which a person and the judge agree."""
    return [r for i in range(n) for r in (scored(i, "x", i % 2), judged(i, i % 2 if i < agreeing else 1 - i % 2))]


def test_the_gate_in_three_words(run: Run, here: Path) -> None:
    """170 of 200 cannot tell at .85 (exit 3 under a gate on `above`), 190 is above (0), 150 below; no data is 5."""
    for agreeing, word, code in ((170, "cannot tell", 3), (190, "above", 0), (150, "below", 3)):
        put(here / "s.jsonl", lines({"label": None, **r} for r in labels(agreeing, 200)))
        ran = run("judge", "calibrate", "s.jsonl", "--bar", "0.85", "--fail-if", "gate: verdict <> 'above'")
        assert (code, True) == (ran.code, word in ran.out)
    put(here / "s.jsonl", lines({"label": None, **r} for r in labels(5, 5) if r["rater_kind"] == "judge"))
    ran = run("judge", "calibrate", "s.jsonl", "--bar", "0.85", "--fail-if", "gate: verdict <> 'above'")
    assert ran.code == 5


def test_two_hundred_at_the_bar_say_so(run: Run, here: Path) -> None:
    """.85 of 200 is [.79, .89]: cannot tell; 176 of 200 names how many more labels would decide."""
    put(here / "s.jsonl", lines({"label": None, **r} for r in labels(170, 200)))
    assert "agreement 0.85 [0.79, 0.89] on 200 items" in run("judge", "calibrate", "s.jsonl", "--bar", "0.85").out
    put(here / "s.jsonl", lines({"label": None, **r} for r in labels(176, 200)))
    assert "more would decide" in run("judge", "calibrate", "s.jsonl", "--bar", "0.85").out


def test_a_wide_table_of_labels(run: Run, here: Path) -> None:
    """PandaLM's shape: an item and a column a rater; words among figures are given figures by --equal."""
    rows = [{"idx": i, "annotator1": i % 3, "annotator2": i % 3, "gpt-3.5-turbo": "Tie" if i % 3 == 0 else str(i % 3)}
            for i in range(30)]  # fmt: skip
    put(here / "labels.jsonl", lines(rows))
    ran = run("judge", "calibrate", "labels.jsonl", "--equal", "Tie=0", "-f", "csv")

    assert ran.code == 0
    assert "agreement,1" in ran.out
    assert "gpt-3.5-turbo as judges" in run("judge", "calibrate", "labels.jsonl").out


def test_an_estimate_takes_the_judges_error_off(tmp_path: Path) -> None:
    """The judge is one point too high on every item: 100 judged at a mean of 6.5 + 1, 20 of them labelled."""
    rows = [judged(i, 5 + i % 4 + 1) for i in range(100)] + [scored(i, "x", 5 + i % 4) for i in range(20)]
    found = {r["method"]: r for r in asked(tmp_path, rows, "judge_estimate").rows}

    assert pytest.approx(7.5) == found["judge alone (naive)"]["value"]
    assert pytest.approx(6.5) == found["PPI++"]["value"]
    assert (100, 20) == (found["PPI++"]["judged"], found["PPI++"]["labelled"])


def test_a_pass_rate_by_rogan_and_gladen(tmp_path: Path) -> None:
    """40 labelled: right on 18 of 20 passes and 16 of 20 failures; 60 of 100 pass: (.6 + .8 - 1) / .7 = 4 / 7."""
    truth = [1] * 20 + [0] * 20
    judge = [1] * 18 + [0] * 2 + [0] * 16 + [1] * 4 + [1] * 38 + [0] * 22
    rows = [judged(i, j, data_type="boolean") for i, j in enumerate(judge)]
    rows += [scored(i, "x", y, data_type="boolean") for i, y in enumerate(truth)]
    found = {r["method"]: r for r in asked(tmp_path, rows, "judge_estimate").rows}

    assert pytest.approx(0.6) == found["judge alone (naive)"]["value"]
    assert pytest.approx(4 / 7) == found["Rogan-Gladen"]["value"]


def test_weights_of_the_labels_count(tmp_path: Path) -> None:
    """Ten labels of 3 that stand for 1 each and ten of 9 that stand for 3: (30 + 270) / 40 = 7.5, not 6."""
    rows = [r for i in range(20) for r in (scored(i, "x", 9 if i >= 10 else 3, sample_weight=3 if i >= 10 else 1),
            judged(i, 5 + i % 2))]  # fmt: skip
    rows += [judged(i, 5 + i % 2) for i in range(20, 60)]
    found = {r["method"]: r for r in asked(tmp_path, rows, "judge_estimate").rows}

    assert pytest.approx(7.5) == found["labels alone"]["value"]


@pytest.fixture(scope="module")
def sample() -> Iterator[Any]:
    """The sample logs, opened once."""
    paths = sorted(map(str, [*SAMPLE.glob("requests-*"), *SAMPLE.glob("nightly*"), SAMPLE / "scores.jsonl.gz"]))
    with llmscope.open(*paths) as logs:
        yield logs


def test_story_8_in_one_sentence(sample: Any) -> None:
    """Version 2 scores .8 points higher, people's labels do not move, and the fixed set confirms it."""
    found = sample.judge_drift()
    moved = {r["of"]: r for r in found.parts["changes"].rows}
    gap, people = moved["judge less people, the same items"], moved["people, items both scored"]

    assert pytest.approx(0.81, abs=0.01) == moved["judge, all it scored"]["change"]
    assert gap["change_low"] > 0
    assert people["change_low"] < 0 < people["change_high"]
    assert (60, True) == (found.parts["fixed_set"].rows[0]["items"], found.parts["fixed_set"].rows[0]["change_low"] > 0)
    assert "the judge changed, not the answers" in found.findings[0].text
    assert "fixed set quality.anchor" in found.findings[0].text


def test_the_judge_of_the_sample_logs(sample: Any) -> None:
    """alice and bob: 340 + 345 labels of 495 items; the judge is higher than people, and more so in version 2."""
    whole, second = sample.judge_calibrate(), sample.judge_calibrate(judge="gpt-judge@2")

    assert statistic(whole, "agreement")["items"] == 495
    assert any("points higher than people" in f.text for f in whole.findings)
    assert pytest.approx(0.85, abs=0.02) == statistic(second, "mean_difference")["value"]


def test_drift_without_people_or_versions(tmp_path: Path) -> None:
    """Only a judge, no version: its own figures, and what is missing is said; quarters bear their names."""
    rows = [judged(i, 5 + i % 3, created_at=f"2026-{1 + i % 6:02d}-03T00:00:00Z") for i in range(60)]
    found = asked(tmp_path, rows, "judge_drift", over="quarter")
    notes = "\n".join(found.notes)

    assert [("2026-Q1", 30), ("2026-Q2", 30)] == [(r["quarter"], r["judged"]) for r in found.rows]
    assert "no labels by people" in notes
    assert "no fixed set" in notes
    assert "logs no version" in notes


def graded() -> list[Row]:
    """Forty items on 1 to 5: the judge gives a point more on every fourth."""
    return [one for i in range(1, 41) for one in (scored(i, "ann", i % 4 + 1), judged(i, i % 4 + 1 + (i % 4 == 0)))]


@pytest.mark.parametrize("word", ["n/a", "nan", "inf", "-Infinity", "1e999"])
def test_a_word_among_figures_is_no_figure_and_no_class(tmp_path: Path, word: str) -> None:
    """It is left out and said; kappas, means and the estimate stay those of the figures."""
    rows = [*graded(), scored(41, "ann", word), judged(41, 3)]
    plain, found = asked(tmp_path, graded()), asked(tmp_path, rows)

    for name in ("agreement", "kappa_quadratic", "alpha", "mean_difference"):
        assert statistic(plain, name) == statistic(found, name)
    assert pytest.approx(0.25) == statistic(found, "mean_difference")["value"]
    assert any("1 labels are words among figures" in note for note in found.notes)
    estimate = asked(tmp_path, rows, "judge_estimate")
    assert 40 == estimate.rows[0]["labelled"]
    assert any("words among figures" in note for note in estimate.notes)


def test_one_answer_in_other_letters(tmp_path: Path) -> None:
    """Pass and PASS are one word; '1' and 1.0 one figure, and two classes are put together as a majority."""
    words = [(scored(i, "ann", "Pass" if i % 2 else "fail"), judged(i, "PASS" if i % 2 else "Fail")) for i in range(40)]
    found = asked(tmp_path, [one for pair in words for one in pair])
    figures = [(scored(i, "ann", str(i % 2)), scored(i, "bob", i % 2), judged(i, float(i % 2))) for i in range(40)]
    both = asked(tmp_path, [one for three in figures for one in three])

    assert 1.0 == statistic(found, "kappa")["value"]
    assert 1.0 == statistic(both, "alpha_people")["value"]
    assert any("as their majority" in note for note in both.notes)
    assert all(row["people"] in ("fail", "pass") for row in found.parts["confusion"].rows)


def test_a_few_that_agree_do_not_pass_the_gate(tmp_path: Path) -> None:
    """Three items, all agreed: kappa 1, and no bar of .85 is passed. So few have no interval of alpha."""
    rows = [one for i in range(3) for one in (scored(i, "ann", i % 2), judged(i, i % 2))]
    (kappa,) = asked(tmp_path, rows, bar=0.85, statistic="kappa").parts["gate"].rows
    found = asked(tmp_path, rows, bar=0.85, statistic="alpha")

    assert (1.0, "cannot tell") == (kappa["value"], kappa["verdict"])
    assert "too few items for an interval (3)" in found.findings[0].text


def test_an_estimate_says_who_has_no_majority(tmp_path: Path) -> None:
    """Ten of 40 items on which two people differ."""
    rows = [judged(i, i % 2) for i in range(200)]
    rows += [scored(i, "ann", i % 2) for i in range(40)]
    rows += [scored(i, "bob", i % 2 if i % 4 else 1 - i % 2) for i in range(40)]
    found = asked(tmp_path, rows, "judge_estimate")

    assert 30 == found.rows[0]["labelled"]
    assert any("10 items have no majority" in note and "--human" in note for note in found.notes)


def test_a_pass_rate_of_one_is_no_certainty(tmp_path: Path) -> None:
    """Twenty labels, all passed: Wilson's [.839, 1], the corrected rate with them, and never above 1."""
    rows = [judged(i, 0 if i in (30, 60) else 1) for i in range(100)] + [scored(i, "ann", 1) for i in range(20)]
    found = {r["method"]: r for r in asked(tmp_path, rows, "judge_estimate").rows}

    for method in ("labels alone", "PPI++"):
        assert (1.0, pytest.approx(0.838875, abs=1e-6), 1.0) == (
            found[method]["value"], found[method]["value_low"], found[method]["value_high"]
        )  # fmt: skip


@pytest.mark.parametrize("weight", [0, -5])
def test_a_weight_of_nothing_is_unknown(tmp_path: Path, weight: float) -> None:
    """No chance is above 1 or below 0: such a weight is none, and then none counts, which is said."""
    rows = [judged(i, i % 5) for i in range(60)]
    rows += [scored(i, "ann", i % 5, sample_weight=float(weight) if not i else 2.0 + i % 2) for i in range(20)]
    found = asked(tmp_path, rows, "judge_estimate")
    assert any("some labels bear a sample_weight and some do not" in note for note in found.notes)


def test_tens_and_hundreds_are_unlike(tmp_path: Path) -> None:
    """People up to 9.5, the judge up to 90."""
    rows = [one for i in range(20) for one in (scored(i, "ann", i % 10 + 0.5), judged(i, 10.0 * (i % 10)))]
    assert not asked(tmp_path, rows, "judge_estimate").rows
    assert asked(tmp_path, rows, "judge_estimate", same_scale=True).rows


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("judge_calibrate", {"tolerance": float("nan")}),
        ("judge_calibrate", {"swapped": "qualty"}),
        ("judge_drift", {"anchor": "qualty"}),
        ("judge_estimate", {"passing": float("nan")}),
    ],
)
def test_options_that_say_nothing_are_refused(tmp_path: Path, question: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        asked(tmp_path, graded(), question, **options)


@pytest.mark.parametrize("key", ["trace_id", "session_id"])
def test_labels_of_a_whole_trace_or_session_meet_without_requests(tmp_path: Path, key: str) -> None:
    """Ten of each side, all agreed; the log of the requests is not there."""
    rows = [one for i in range(10) for one in (scored(i, "ann", i % 2), judged(i, i % 2))]
    found = asked(tmp_path, [{**{k: v for k, v in r.items() if k != "request_id"}, key: r["request_id"]} for r in rows])
    assert (10, 1.0) == (statistic(found, "agreement")["items"], statistic(found, "agreement")["value"])


def test_few_errors_among_the_labels_are_said(tmp_path: Path) -> None:
    """Simulated with 20 labels at .9 the interval of PPI++ held the truth 82 times of 100, Rogan-Gladen's 99."""
    rows = [judged(i, int(i % 5 > 0)) for i in range(200)] + [scored(i, "ann", int(i % 5 > 0)) for i in range(40)]
    found = asked(tmp_path, rows, "judge_estimate")
    assert any("errs on 0 of the labelled" in note for note in found.notes)
