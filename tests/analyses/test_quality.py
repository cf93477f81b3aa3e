"""Scores on logs small enough to be worked out by hand, and on the sample logs' planted stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Run
from tests.load.writing import Record, lines, put, request

SAMPLE = Path(__file__).parents[2] / "sample_logs"


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done = run("quality", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def asked(number: int, day: int = 1, **changes: Any) -> Record:
    """An answered request of one day of September."""
    times = {"started_at": f"2026-09-{day:02d}T10:00:{number % 60:02d}Z", "status": "ok"}
    return request(number, **{**times, **changes})


def scored(number: int, value: float | None, **changes: Any) -> Record:
    """A judge's score of request r<number>."""
    record = {
        "score_id": f"s{number}-{changes.get('name', 'quality')}-{changes.get('rater', 'j')}",
        "request_id": f"r{number}", "name": "quality", "value": value, "data_type": "numeric",
        "rater_kind": "judge", "rater": "j", "rater_version": "1",
    }  # fmt: skip
    return {k: v for k, v in {**record, **changes}.items() if v is not None}


def log(here: Path, requests: list[Record], scores: list[Record]) -> tuple[Path, Path]:
    """The two files; without requests the same file twice is not read."""
    return put(here / "requests.jsonl", lines(requests)), put(here / "scores.jsonl", lines(scores))


def test_mean_interval_and_distribution_by_hand(here: Path, run: Run) -> None:
    """Eight days of two scores each: days 6+8, 7+7, 8+8, 5+7, 9+9, 6+6, 7+9, 8+10, mean 120/16 = 7.5.

    Day sums b less 15: -1, -1, 1, -3, 3, -3, 1, 3; squares 1+1+1+9+9+9+1+9 = 40. se = sqrt(8/7 x 40) / 16 =
    0.422577; t(7) = 2.364624; reach 0.999236. sd: squares about 7.5 are 2.25+.25 +.25+.25 +.25+.25 +6.25+.25
    +2.25+2.25 +2.25+2.25 +.25+2.25 +.25+6.25 = 28; sqrt(28/15) = 1.366260.
    Below 7: 6, 5, 6, 6 of 16. Sorted: 5 6 6 6 7 7 7 7 8 8 8 8 9 9 9 10: p10 at 1.5 is 6, p50 at 7.5 is 7.5, p90 at
    13.5 is 9.
    """
    values = [6, 8, 7, 7, 8, 8, 5, 7, 9, 9, 6, 6, 7, 9, 8, 10]
    paths = log(here, [asked(i, 1 + i // 2) for i in range(16)], [scored(i, float(v)) for i, v in enumerate(values)])
    found = answer(run, *paths, "--below", "7")
    (row,) = found["rows"]

    assert ("quality", "judge", "j", "1", "5 to 10", 16, 16, 1.0, 7.5, "day") == tuple(
        row[n] for n in ("score", "rater_kind", "rater", "rater_version", "scale", "scores", "requests",
                         "coverage_ratio", "mean", "interval_by")
    )  # fmt: skip
    assert [pytest.approx(7.5 - 0.999236, abs=1e-5), pytest.approx(7.5 + 0.999236, abs=1e-5)] == [
        row["mean_low"], row["mean_high"],
    ]  # fmt: skip
    assert [pytest.approx(1.366260, abs=1e-6), 6.0, 7.5, 9.0] == [row[n] for n in ("sd", "p10", "p50", "p90")]
    assert 0.25 == row["below_ratio"]
    assert row["below_low_ratio"] < 0.25 < row["below_high_ratio"]
    assert any("too few to say" in note for note in found["notes"])


def test_few_days_cluster_by_session(here: Path, run: Run) -> None:
    """Four sessions of two equal scores each, 5 6 7 8: mean 6.5, day sums less 13: -3, -1, 1, 3, squares 20.

    se = sqrt(4/3 x 20) / 8 = 0.645497; t(3) = 3.182446; reach 2.054260. As eight scores of their own it would be half.
    """
    records = [asked(i, session_id=f"s{i // 2}") for i in range(8)]
    (row,) = answer(run, *log(here, records, [scored(i, 5.0 + i // 2) for i in range(8)]))["rows"]

    assert ("session", 6.5) == (row["interval_by"], row["mean"])
    assert [pytest.approx(6.5 - 2.054260, abs=1e-5), pytest.approx(6.5 + 2.054260, abs=1e-5)] == [
        row["mean_low"], row["mean_high"],
    ]  # fmt: skip


def test_scales_and_versions_are_never_averaged(here: Path, run: Run) -> None:
    """A judge of 1 to 10, its next version, a person of 1 to 5, thumbs and words are rows of their own."""
    scores = [scored(i, 8.0, score_id=f"a{i}") for i in range(3)]
    scores += [scored(i, 9.0, score_id=f"b{i}", rater_version="2") for i in range(3, 5)]
    scores += [
        scored(i, 4.0, score_id=f"c{i}", rater_kind="human", rater="alice", rater_version=None) for i in range(3)
    ]
    scores += [scored(i, float(i % 2), score_id=f"d{i}", data_type="boolean", rater_kind="user", rater=f"u{i}",
                      rater_version=None) for i in range(4)]  # fmt: skip
    scores += [scored(i, None, score_id=f"e{i}", label="good" if i else "bad", data_type="categorical",
                      rater_kind="human", rater="bob", rater_version=None) for i in range(4)]  # fmt: skip
    found = answer(run, *log(here, [asked(i) for i in range(6)], scores))
    rows = {
        (r["rater_kind"], r["rater"], r["rater_version"]): (r["scale"], r["scores"], r["mean"]) for r in found["rows"]
    }

    assert {
        ("judge", "j", "1"): ("8 to 8", 3, 8.0), ("judge", "j", "2"): ("9 to 9", 2, 9.0),
        ("human", "alice", None): ("4 to 4", 3, 4.0), ("user", None, None): ("yes or no", 4, 0.5),
        ("human", "bob", None): ("2 labels", 4, None),
    } == rows  # fmt: skip
    assert None is found["totals"]
    assert [("good", 3, 0.75), ("bad", 1, 0.25)] == [
        (r["label"], r["scores"], r["share_ratio"]) for r in found["parts"]["labels"]["rows"]
    ]
    assert (4, 0.5) == tuple(found["parts"]["signals"]["rows"][0][n] for n in ("thumbs", "thumbs_up_ratio"))
    assert any("j changed while it scored quality: version 1, 2" in note for note in found["notes"])
    assert any("stands on several scales" in note for note in found["notes"])
    # All of three scores alike are no certainty.
    assert [None] * 2 == [r["mean_low"] for r in found["rows"] if r["rater"] == "j"]


def test_shares_have_wilsons_interval(here: Path, run: Run) -> None:
    """D8 of the design: 170 of 200 is .7939442 to .8928641, each score in a session of its own on one day."""
    records = [asked(i, session_id=f"s{i}") for i in range(200)]
    thumbs = [scored(i, float(i < 170), data_type="boolean", rater_kind="user", rater=f"u{i}") for i in range(200)]
    (row,) = answer(run, *log(here, records, thumbs))["rows"]

    assert (0.85, pytest.approx(0.7939442072), pytest.approx(0.8928640644)) == (
        row["mean"], row["mean_low"], row["mean_high"],
    )  # fmt: skip


def test_coverage_is_of_what_ought_to_be_scored(here: Path, run: Run) -> None:
    """2 of 4 chat answers on the judge's days: not before or after, not the failed one, no other feature."""
    records = [asked(1, 2), asked(2, 3), asked(3, 3), asked(4, 4), asked(5, 1), asked(6, 9)]
    records += [asked(7, 3, feature="search"), request(8, started_at="2026-09-03T10:00:00Z", status="error")]
    found = answer(run, *log(here, records, [scored(1, 7.0), scored(4, 6.0)]))

    assert 0.5 == found["rows"][0]["coverage_ratio"]


def test_a_sample_that_is_not_like_the_rest_is_told(here: Path, run: Run) -> None:
    """Half of the answers are of model a; nearly all scores are. A sample in proportion has nothing in the part."""
    records = [asked(i, 1 + i // 20, request_model="gpt-4o" if i % 2 else "gpt-4-turbo") for i in range(200)]
    odd = [scored(i, 7.0 + i % 3) for i in range(200) if (i % 2 and i % 3) or i % 20 == 0]
    even = [scored(i, 7.0 + i % 3) for i in range(200) if i % 4 in (0, 1)]
    told = answer(run, *log(here, records, odd))
    rows = {(r["aspect"], r["value"]): r["reading"] for r in told["parts"]["coverage"]["rows"]}

    assert ("more than its share", "less than its share") == (rows["model", "gpt-4o"], rows["model", "gpt-4-turbo"])
    assert any("not like the rest (model gpt-4" in note for note in told["notes"])

    fine = answer(run, *log(here, records, even))

    assert "coverage" not in fine["parts"]
    assert any("like the rest by feature, model, length and outcome: the answers scored for quality by j 1" in n
               for n in fine["notes"])  # fmt: skip


def test_the_dearer_version_that_scores_no_better_is_named(here: Path, run: Run) -> None:
    """Version b takes 1,000 input tokens where a took 400: 2.5 times the cost, at the same scores."""
    records, scores = [], []
    for i in range(400):
        late = i >= 200
        tokens = 1000 if late else 400
        records.append(asked(i, 1 + i // 20, template="t", template_version="b" if late else "a",
                             **{"input_tokens": tokens, "output_tokens": 0}))  # fmt: skip
        scores.append(scored(i, 6.0 + (i * 7 + i // 3) % 3))
    found = answer(run, *log(here, records, scores))
    value = {r["template_version"]: r for r in found["parts"]["value"]["rows"]}

    # gpt-4-turbo: $10 a million input tokens.
    assert (pytest.approx(0.004), pytest.approx(0.010)) == tuple(value[v]["cost_per_request_usd"] for v in "ab")
    assert (None, "a") == tuple(value[v]["costs_more_than"] for v in "ab")
    (finding,) = found["findings"]
    assert "costlier" == finding["kind"]
    assert "t gpt-4-turbo: template_version b costs 2.5 times what a does" in finding["text"]
    assert " and is no better: quality " in finding["text"]


def test_labels_join_by_response_trace_and_session(here: Path, run: Run) -> None:
    """A CSV of labels: one by request, one by answer, one by a trace of two requests, one unknown."""
    records = [asked(1, feature="chat"), asked(2, feature="search", response_id="x2"),
               asked(3, feature="draft", trace_id="t3"), asked(4, feature="draft", trace_id="t3")]  # fmt: skip
    path = put(here / "requests.jsonl", lines(records))
    csv = "score_id,request_id,response_id,trace_id,name,value,rater_kind,rater\n"
    csv += (
        "1,r1,,,tone,3,human,alice\n2,,x2,,tone,4,human,alice\n3,,,t3,tone,5,human,alice\n4,r99,,,tone,1,human,alice\n"
    )
    labels = put(here / "labels.csv", csv.encode())
    found = answer(run, path, labels, "--by", "feature")

    assert {("chat", 3.0), ("search", 4.0), ("draft", 5.0), (None, 1.0)} == {
        (r["feature"], r["mean"]) for r in found["rows"]
    }
    assert any("1 of a trace as a whole" in note for note in found["notes"])
    assert any("are of requests that are not there" in note for note in found["notes"])
    # In a window, labels without a time go by their requests; those of none are left out.
    windowed = answer(run, path, labels, "--since", "2026-09-01")
    assert [(3, 4.0)] == [(r["scores"], r["mean"]) for r in windowed["rows"]]


def test_scores_without_their_requests(here: Path, run: Run) -> None:
    """A file of labels alone has means, by the month they were given in, and neither coverage nor cost."""
    scores = [scored(i, float(5 + i), created_at=f"2026-0{8 + i % 2}-01T00:00:00Z") for i in range(4)]
    found = answer(run, put(here / "scores.jsonl", lines(scores)), "--over", "month")

    assert [("2026-08", 2, 6.0, None), ("2026-09", 2, 7.0, None)] == [
        (r["month"], r["scores"], r["mean"], r["coverage_ratio"]) for r in found["rows"]
    ]
    assert {} == found["parts"]


def test_the_prompt_that_grew_and_the_judge_that_changed(run: Run) -> None:
    """One command on the sample logs: summarise v8 costs more than v7 and scores 7.17 against 7.20 by version 1."""
    found = answer(run, SAMPLE)
    rows = {(r["score"], r["rater"], r["rater_version"]): r for r in found["rows"]}
    value = {(r["template"], r["template_version"], r["rater_version"]): r for r in found["parts"]["value"]["rows"]}
    first = found["findings"][0]

    assert (2873, 1687) == (rows["quality", "gpt-judge", "1"]["scores"], rows["quality", "gpt-judge", "2"]["scores"])
    assert ("7.07", "7.88") == tuple(f"{rows['quality', 'gpt-judge', v]['mean']:.2f}" for v in "12")
    assert ("7.20", "7.17") == tuple(f"{value['summarise', v, '1']['mean']:.2f}" for v in ("v7", "v8"))
    assert "v7" == value["summarise", "v8", "1"]["costs_more_than"]
    assert "warning" == first["severity"]
    assert "summarise claude-haiku-4-5-20251001: template_version v8 costs 14 % more a request than v7" in first["text"]
    assert "no better: quality 7.17 against 7.20 by gpt-judge 1" in first["text"]
    assert any("gpt-judge changed while it scored quality" in note for note in found["notes"])


def test_scores_of_a_stratified_sample_are_weighted(here: Path, run: Run) -> None:
    """4 labels of weight 1 (8, 6, 9, 7) and 4 of weight 9 (2, 4, 3, 5): (30 + 9 x 14) / 40 = 3.9, where plain is 5.5.

    Interval: only the four of weight 9 add to it, 9 x 8 x (1.9^2 + .1^2 + .9^2 + 1.1^2) = 406.08; over 40^2, times 8/7,
    is .29006; its root .53857 times t of 7 degrees, 2.36462, is 1.2735.
    Below 4.5: 2, 4, 3 of weight 9 in 40, 27/40. A rater of whom
    one label bears no weight is not weighted, and that is said.
    """
    values, weights = [8.0, 6, 9, 7, 2, 4, 3, 5], [1.0] * 4 + [9.0] * 4
    human = {"rater_kind": "human", "rater_version": None}
    drawn = [scored(i, v, rater="ann", sample_weight=w, **human) for i, (v, w) in enumerate(zip(values, weights,
                                                                                             strict=True))]  # fmt: skip
    torn = [scored(i, v, rater="bob", sample_weight=w if i else None, **human) for i, (v, w) in
            enumerate(zip(values, weights, strict=True))]  # fmt: skip
    found = answer(run, *log(here, [asked(i) for i in range(8)], drawn + torn), "--below", "4.5")
    ann, bob = found["rows"]

    assert ("ann", pytest.approx(3.9), "weight", None) == (ann["rater"], ann["mean"], ann["interval_by"], ann["sd"])
    assert [pytest.approx(2.6265, abs=1e-4), pytest.approx(5.1735, abs=1e-4)] == [ann["mean_low"], ann["mean_high"]]
    assert pytest.approx(27 / 40) == ann["below_ratio"]
    assert ann["below_low_ratio"] < 27 / 40 < ann["below_high_ratio"]
    assert ("bob", 5.5) == (bob["rater"], bob["mean"])
    assert any(note.startswith("8 scores bear unlike sample_weights") for note in found["notes"])
    assert any(note.startswith("7 of 8 scores bear unlike") for note in found["notes"])


def test_a_store_of_before_labels_had_weights_is_read(here: Path, run: Run) -> None:
    """Read-only questions cannot bring a store up to date; what it lacks is unknown."""
    rows = [request(i, session_id=f"s{i}", feature="chat", status="ok") for i in range(4)]
    scores = [
        {"score_id": f"{kind}{i}", "request_id": rows[i]["request_id"], "name": "quality", "value": 5 + i % 2,
         "data_type": "numeric", "rater_kind": kind, "rater": f"a {kind}"}
        for i in range(4) for kind in ("judge", "human")
    ]  # fmt: skip
    run("load", put(here / "log.jsonl", lines(rows)), put(here / "scores.jsonl", lines(scores)))
    with duckdb.connect(str(here / "llmscope.duckdb")) as con:
        con.execute("CREATE TABLE kept AS SELECT * EXCLUDE (sample_weight) FROM scores")
        con.execute("DROP VIEW scores")
        con.execute("CREATE VIEW scores AS SELECT * FROM kept")

    assert 0 == run("quality").code
    assert 0 == run("judge", "estimate").code
