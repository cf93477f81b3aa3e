"""Tokens a request over time: the planted stories of the sample logs, and logs small enough to be worked by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscope.analyses._tokens_mix import Cell, cells, change, effects
from llmscope.analyses._tokens_quality import word
from llmscope.analyses._tokens_trend_days import Step
from llmscope.analyses._tokens_trend_read import metric_of
from llmscope.analyses._tokens_trend_words import cause_text, verdict
from tests.conftest import Run
from tests.load.writing import Record, lines, put, request

SAMPLE = Path(__file__).parents[2] / "sample_logs"
START = date(2026, 8, 3)  # a Monday


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a question."""
    done = run("tokens", "--trend", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def log(here: Path, records: list[Record], name: str = "log.jsonl") -> Path:
    return put(here / name, lines(records))


def days(count: int, tokens: int, first: int = 0, **changes: Any) -> list[Record]:
    """Four requests a day of tokens -2, -1, +1, +2, the middle of a day a little off that of the next."""
    return [
        request(
            day * 10 + i,
            request_id=f"{changes.get('template')}-{day}-{i}",
            started_at=f"{START + timedelta(days=day)}T10:00:0{i}Z",
            input_tokens=tokens + off + 3 * (day * 7 % 5 - 2),
            **changes,
        )
        for day in range(first, first + count)
        for i, off in enumerate((-2, -1, 1, 2))
    ]


def grown() -> list[Record]:
    """Template s: 30 days of v7 with 1,000 tokens, 30 of v8 with 1,300; template t: 60 days of 500."""
    return [
        *days(30, 1000, feature="a", template="s", template_version="v7"),
        *days(30, 1300, 30, feature="a", template="s", template_version="v8"),
        *days(60, 500, feature="b", template="t", template_version="v1"),
    ]


# The sample logs' stories, one command each.


@pytest.fixture(scope="module")
def story() -> dict[str, Any]:
    """`llmscope tokens --trend sample_logs`, once."""
    import llmscope

    with llmscope.open(str(SAMPLE)) as logs:
        result = logs.tokens(trend=True)
    return {"result": result, "text": [f.text for f in result.findings]}


def test_the_prompt_that_grew_is_told_in_one_sentence(story: dict[str, Any]) -> None:
    """Story 1 of sample_logs/README.md: 2026-09-14, 3,284.9 -> 4,252.3 tokens, v7 -> v8, judge 7.20 -> 7.17 (-0.03)."""
    told = [text for text in story["text"] if "summarise" in text]

    assert 1 == len(told) == len(story["text"])
    assert told[0].startswith("Input tokens of template summarise +29.")
    for words in (
        "since 2026-09-14 (3,285 -> 4,252 a request)", "all of it template summarise v7 -> v8",
        "quality by judge gpt-judge 1 unchanged (-0.03 [", "longer prompts, answers no better",
    ):  # fmt: skip
        assert words in told[0]


def test_the_tables_say_the_same(story: dict[str, Any]) -> None:
    """Figures of README: means, +29.4 % of means (here of geometric means), and quality by version 1 of the judge."""
    parts = story["result"].parts
    moved, cause = parts["changes"].rows, parts["cause"].rows
    row = next(r for r in moved if r["slice"] == "template summarise")
    judged = next(r for r in parts["quality"].rows if r["rater_kind"] == "judge")

    assert ("2026-09-14", 3284.9, 4252.3) == (
        row["changed_on"], round(row["before_tokens"], 1), round(row["after_tokens"], 1),
    )  # fmt: skip
    assert 0.28 < row["change_low_ratio"] + 0.02 < row["change_ratio"] < row["change_high_ratio"] < 0.33
    assert [("version", "v7 -> v8", 1.0)] == [(r["effect"], r["cause"], r["share_of_change_ratio"]) for r in cause]
    assert ("1", 7.20, 7.17, -0.03) == (
        judged["rater_version"], *(round(judged[n], 2) for n in ("before_score", "after_score", "change")),
    )  # fmt: skip


def test_what_is_no_story_is_not_told(story: dict[str, Any]) -> None:
    """Nothing of assistant v12 -> v13, of the rogue user's two days, of search's new model; no drift of the judge."""
    slices = {row["slice"] for row in story["result"].parts["changes"].rows}
    versions = {row["rater_version"] for row in story["result"].parts["quality"].rows}

    assert {"template summarise", "feature summarise"} == slices
    assert {"1", None} == versions
    assert "steady" == story["result"].rows[0]["verdict"]


def test_answers_cut_short_are_dated_by_their_limit(run: Run) -> None:
    """Story 6: from 2026-10-12 contract-clauses is sent with max_tokens 300 instead of 2048.

    -19 % of geometric means, -24 % of means (342 -> 260): only the long answers are cut.
    """
    found = [f["text"] for f in answer(run, SAMPLE, "--metric", "output")["findings"]]

    assert 1 == len(found)
    assert "Output tokens of template contract-clauses of feature extract -19." in found[0]
    assert "since 2026-10-12" in found[0]
    assert "all of it max_tokens 2048 -> 300" in found[0]


def test_by_template_one_rises(run: Run) -> None:
    """Only summarise; its slope is that of a step of 30 % over 102 days, about 2.5 % a week."""
    rows = answer(run, SAMPLE, "--by", "template")["rows"]

    assert {"summarise"} == {r["template"] for r in rows if r["verdict"] == "rising"}
    assert not [r for r in rows if r["verdict"] == "falling"]
    assert ["2026-09-14"] == [r["changed_on"] for r in rows if r["changed_on"]]


# Small logs, worked by hand.


def test_a_step_is_found_with_its_day_and_cause(here: Path, run: Run) -> None:
    """Day 30 after Monday 3 August is 2 September; 1,000 -> 1,300 is +30 %, all requests 750 -> 900 (+20 %)."""
    found = answer(run, log(here, grown()))
    moved = {row["slice"]: row for row in found["parts"]["changes"]["rows"]}

    assert {"template s of feature a", "all requests"} == set(moved)
    assert {"2026-09-02"} == {row["changed_on"] for row in moved.values()}
    one, every = moved["template s of feature a"], moved["all requests"]
    assert (1000, 1300, 750, 900) == (
        one["before_tokens"], one["after_tokens"], every["before_tokens"], every["after_tokens"],
    )  # fmt: skip
    assert pytest.approx(0.3, abs=0.001) == one["change_ratio"]
    assert (None, "template s of feature a") == (one["part_of"], every["part_of"])
    assert [("version", "v7 -> v8", 300.0)] == [
        (r["effect"], r["cause"], r["change_tokens"]) for r in found["parts"]["cause"]["rows"]
    ]


def test_mix_is_told_apart_from_length(here: Path, run: Run) -> None:
    """No prompt changes; from day 30 on template t is asked no more: 750 -> 1,000, all of it mix."""
    records = days(60, 1000, feature="a", template="s") + days(30, 500, feature="b", template="t")
    found = answer(run, log(here, records))
    cause = found["parts"]["cause"]["rows"]

    assert ["all requests"] == [r["slice"] for r in found["parts"]["changes"]["rows"]]
    assert {"mix"} == {r["effect"] for r in cause}
    assert pytest.approx(250) == sum(r["change_tokens"] for r in cause)
    assert "all of it another mix of requests (template" in found["findings"][0]["text"]
    assert "answers" not in found["findings"][0]["text"]


def test_a_new_judge_is_no_new_quality(here: Path, run: Run) -> None:
    """Version 1 scores 7 before and version 2 scores 8 after: nothing to compare. A person scores 6 before, 4 after."""
    records = grown()
    scores = []
    for record in records:
        if record["template"] != "s" or not record["request_id"].endswith("-1"):
            continue
        late = record["template_version"] == "v8"
        scored = {"request_id": record["request_id"], "created_at": record["started_at"], "data_type": "numeric",
                  "name": "quality"}  # fmt: skip
        day = int(record["request_id"].split("-")[1])
        scores.append({**scored, "score_id": f"j{day}", "rater_kind": "judge", "rater": "g", "value": 7.0 + late,
                       "rater_version": str(1 + late)})  # fmt: skip
        scores.append({**scored, "score_id": f"h{day}", "rater_kind": "human", "rater": f"p{day % 2}",
                       "value": (4.0 if late else 6.0) + (day % 3 - 1)})  # fmt: skip
    log(here, records, "logs/requests.jsonl")
    log(here, scores, "logs/scores.jsonl")
    found = answer(run, here / "logs")
    rows = found["parts"]["quality"]["rows"]

    assert [("human", None, None, 30, 30, 6.0, 4.0, -2.0, "lower")] == [
        tuple(r[n] for n in ("rater_kind", "rater", "rater_version", "before_scores", "after_scores", "before_score",
                             "after_score", "change", "quality"))
        for r in rows
    ]  # fmt: skip
    assert "quality by human lower (-2.00 [" in found["findings"][0]["text"]


def test_effects_by_hand() -> None:
    """a/s: shares 1/2 -> 1/4, means 10 -> 13 with v7 -> v8; c/u: shares 1/2 -> 3/4, means 5 -> 6 of the same version.

    Before (1,000 + 500) / 200 = 7.5, after (1,300 + 1,800) / 400 = 7.75, middle 7.625.
    Version: mean share .375 x 3 = 1.125. Length of c/u: .625 x 1 = .625.
    Mix: -.25 x (11.5 - 7.625) = -.96875 and .25 x (5.5 - 7.625) = -.53125. In all .25.
    """
    found = effects(
        [
            Cell(("a", "s", "m", "v7"), 100, 0, 1000, 0),
            Cell(("a", "s", "m", "v8"), 0, 100, 0, 1300),
            Cell(("c", "u", "m", "v1"), 100, 300, 500, 1800),
        ]
    )

    assert [("mix", -0.96875), ("mix", -0.53125), ("version", 1.125), ("length", 0.625)] == [
        (e.kind, e.tokens) for e in found
    ]
    assert (("v7",), ("v8",)) == (found[2].gone, found[2].came)


counts = st.integers(0, 50)
some = st.tuples(st.sampled_from("ab"), st.sampled_from(["s", "t", None]), st.sampled_from("mn"), st.sampled_from("12"))


@given(st.dictionaries(some, st.tuples(counts, counts, st.integers(0, 900), st.integers(0, 900)), min_size=1))
def test_effects_add_up_to_the_change(found: dict[Any, tuple[int, int, int, int]]) -> None:
    """Whatever the cells, also without a template: the parts are the whole."""
    made = [Cell(key, n, m, n * a, m * b) for key, (n, m, a, b) in sorted(found.items(), key=repr)]
    first, last = change(made)
    total = sum(e.tokens for e in effects(made))

    assert pytest.approx(0.0 if first is None or last is None else last - first, abs=1e-6) == total


def test_cells_are_of_the_days_asked() -> None:
    """Rows of other days are in neither side."""
    rows = [{"feature": "a", "day": day, "requests": 2, "tokens": 10 * day_number} for day_number, day in
            enumerate(["x", "y", "z"], 1)]  # fmt: skip

    assert [Cell(("a",), 2, 2, 10, 30)] == cells(rows, ("feature",), ["x"], ["z"])
    assert "" == cause_text([], metric_of(None))


def test_words_of_quality_and_trend() -> None:
    """An interval beside 0 is a change; one inside the margin is none; else nothing is shown."""
    assert ["higher", "lower", "unchanged", "no change shown"] == [
        word(0.1, 0.3, 0.5), word(-0.3, -0.1, 0.5), word(-0.2, 0.3, 0.5), word(-0.2, 0.9, 0.5),
    ]  # fmt: skip
    up = Step("d", "d", "d", (), (), 1, 2, 0.3, 0.2, 0.4, 0.0)
    back = Step("e", "e", "e", (), (), 2, 1, -0.3, -0.4, -0.2, 0.0)
    assert ["too few to say", "rising", "falling"] == [
        verdict(None, 1.0, []), verdict(None, 1.0, [up]), verdict(None, 1.0, [back]),
    ]  # fmt: skip


# Logs of which little can be said.


def test_two_weeks_only(here: Path, run: Run) -> None:
    """Fourteen days: a slope with its n, no change of level, no failure."""
    found = answer(run, log(here, days(13, 1000, template="s")))

    assert ("steady", 13, 52, None) == tuple(found["rows"][0][n] for n in ("verdict", "days", "requests", "changed_on"))
    assert any("fewer than 30 requests or 14 days" in note for note in found["notes"])


def test_a_constant_series_is_steady(here: Path, run: Run) -> None:
    """The same prompt for 40 days."""
    records = [{**r, "input_tokens": 800} for r in days(40, 800, template="s")]
    row = answer(run, log(here, records))["rows"][0]

    assert ("steady", 0.0, 800.0, None) == tuple(
        row[n] for n in ("verdict", "weekly_slope_ratio", "tokens_per_request", "changed_on")
    )


def test_a_template_seen_once(here: Path, run: Run) -> None:
    """Too few to say, with n."""
    records = [*days(20, 500, template="t"), request(1, request_id="once", template="once", input_tokens=9000)]
    rows = {r["template"]: r for r in answer(run, log(here, records), "--by", "template")["rows"]}

    assert ("too few to say", 1, 9000.0, None) == tuple(
        rows["once"][n] for n in ("verdict", "requests", "tokens_per_request", "weekly_slope_ratio")
    )


@pytest.mark.parametrize("metric", ["input", "output", "total", "cached", "reasoning"])
def test_a_log_without_these_tokens(here: Path, run: Run, metric: str) -> None:
    """Half of the rows without usage, none with cached or reasoning tokens: counted, never 0, never a failure."""
    records = [{k: v for k, v in r.items() if i % 2 or "tokens" not in k} for i, r in enumerate(days(20, 500))]
    found = answer(run, log(here, records), "--metric", metric)

    assert any("40 of 80 requests report no usage" in note for note in found["notes"])
    assert (40 if metric in ("input", "output", "total") else 0) == sum(r["requests"] for r in found["rows"])
    assert metric in ("input", "output", "total") or any("40 requests with usage do not report" in n
                                                         for n in found["notes"])  # fmt: skip


def test_empty_timeless_and_failed(here: Path, run: Run) -> None:
    """Nothing that counts: no rows, and what was left out is said."""
    assert [] == answer(run, log(here, []))["rows"]
    timeless = [request(i, started_at=...) for i in range(3)]
    found = answer(run, log(here, timeless))
    assert [] == found["rows"]
    assert any("3 requests have no time" in note for note in found["notes"])
    assert [] == answer(run, log(here, [request(1, status="error")]))["rows"]


def test_hostile_names_pass(here: Path, run: Run) -> None:
    """Quotes, braces and markup in names and in a metadata key."""
    records = days(20, 500, feature='x"]; {drop} [red]', template="{0}'", metadata={'k"e{y': "v"})
    found = answer(run, log(here, records))
    sliced = answer(run, log(here, records), "--by", 'metadata.k"e{y')

    assert 80 == found["rows"][0]["requests"] == sliced["rows"][0]["requests"]


def test_weeks(here: Path, run: Run) -> None:
    """Sixty days are nine weeks: --over week follows their medians, changes are still dated by day."""
    found = answer(run, log(here, grown()), "--by", "template", "--over", "week")

    assert {9} == {len(line["x"]) for line in found["series"]}
    assert "2026-09-02" == next(r["changed_on"] for r in found["rows"] if r["template"] == "s")


def test_a_rising_template_fails_a_build(here: Path, run: Run) -> None:
    """Exit 3 where one rises, 0 where none falls."""
    path = log(here, grown())

    assert 3 == run("tokens", "--trend", path, "--by", "template", "--fail-if", "verdict = 'rising'").code
    assert 0 == run("tokens", "--trend", path, "--by", "template", "--fail-if", "verdict = 'falling'").code


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--over", "month"), "day or week"),
        (("--by", "week"), "both over time"),
        (("--metric", "inptu"), "input"),
        (("--sort", "verdcit"), "verdict"),
        (("--by", "templte"), "template"),
    ],
)
def test_what_cannot_be_asked(here: Path, run: Run, options: tuple[str, ...], words: str) -> None:
    """A usage error that names the way out."""
    done = run("tokens", "--trend", log(here, days(9, 500)), *options)

    assert 2 == done.code
    assert words in done.err
