"""Two sides told apart, on logs small enough to be counted by hand, and on the sample logs' planted stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import Record, lines, put, request

MOVED = ("better", "worse", "higher", "lower")
SAMPLE = Path(__file__).parents[2] / "sample_logs"


def answer(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON envelope of a comparison."""
    done = run("compare", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def rows_of(found: dict[str, Any], part: str = "") -> dict[str, dict[str, Any]]:
    """Rows by metric."""
    rows = found["parts"][part]["rows"] if part else found["rows"]
    return {row["metric"]: row for row in rows}


def log(here: Path, records: list[Record], name: str = "log.jsonl") -> Path:
    return put(here / name, lines(records))


def call(number: int, day: int, model: str = "gpt-4-turbo", **changes: Any) -> Record:
    """An answer of a model on a day of September."""
    return request(
        number, request_id=f"r{number}-{day}-{model}-{changes.get('feature', '')}", request_model=model, status="ok",
        started_at=f"2026-09-{day:02d}T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        **{"input_tokens": 1000, "output_tokens": 100, "latency_ms": 1000, **changes},
    )  # fmt: skip


def two_models(days: int = 10, a_day: int = 20, **of_b: Any) -> list[Record]:
    """gpt-4-turbo and gpt-4o side by side, one unlike the other as said; latency 1000, 1001, ... in both."""
    found = []
    for day in range(1, days + 1):
        for i in range(a_day):
            found.append(call(i, day, latency_ms=1000 + i))
            found.append(call(i, day, "gpt-4o", **{"latency_ms": 1000 + i, **{k: v(i, day) for k, v in of_b.items()}}))
    return found


MODELS = ("--by", "model", "--a", "gpt-4-turbo", "--b", "gpt-4o")


def test_levels_and_change_by_hand(here: Path, run: Run) -> None:
    """B takes twice as long and uses as many tokens; 10 days of 20 and 20.

    GPT-4 Turbo is 10 and 30 dollars a million: .01 + .003 = .013 a request; GPT-4o 2.5 and 10: .0025 + .001 = .0035.
    p50 of 1000 ... 1019 is 1009.5.
    """
    found = answer(run, log(here, two_models(latency_ms=lambda i, day: 2 * (1000 + i))), *MODELS)
    rows = rows_of(found)
    latency, cost = rows["latency"], rows["cost per request"]

    assert pytest.approx(1.0) == latency["effect"]
    assert ("worse", "+100 %", "same days", 200, 200, 10) == tuple(
        latency[n] for n in ("verdict", "change", "method", "a_requests", "b_requests", "days")
    )
    assert (pytest.approx(0.013), pytest.approx(0.0035), "better") == (
        cost["a_value"], cost["b_value"], cost["verdict"],
    )  # fmt: skip
    assert pytest.approx(0.0035 / 0.013 - 1) == cost["effect"]
    assert (1009.5, 2019.0) == (rows["p50 latency"]["a_value"], rows["p50 latency"]["b_value"])
    assert "no difference" == rows["input tokens"]["verdict"]
    assert "too few to say" == rows["p99 latency"]["verdict"]
    assert found["findings"][0]["text"].startswith("gpt-4o against gpt-4-turbo: cost per request -73.1 %")
    assert any("the same 10 days" in note for note in found["notes"])
    assert any("tests, counted together" in note for note in found["notes"])


def test_swapped_sides_flip_the_change(here: Path, run: Run) -> None:
    """Halved is better."""
    path = log(here, two_models(latency_ms=lambda i, day: 2 * (1000 + i)))
    latency = rows_of(answer(run, path, "--by", "model", "--a", "gpt-4o", "--b", "gpt-4-turbo"))["latency"]

    assert ("better", pytest.approx(-0.5)) == (latency["verdict"], latency["effect"])


def test_conditions_as_sides(here: Path, run: Run) -> None:
    """A request on both sides counts on neither, and it is said; so are those on no side."""
    records = [call(i, day) for day in range(1, 4) for i in range(100)]
    found = answer(run, log(here, records), "--where-a", "input_tokens > 999 and latency_ms = 1000 and "
                   "request_id like 'r1%'", "--where-b", "request_id like 'r15%' or request_id like 'r2%'")  # fmt: skip

    # r1, r10-r19 a day are A's, r15, r2, r20-r29 B's: r15 is both's. 100 - 10 - 11 - 1 = 78 are nobody's.
    assert any("A: input_tokens" in note and "30 requests" in note for note in found["notes"])
    assert any("3 requests are on both sides" in note for note in found["notes"])
    assert any("234 requests are on neither side" in note for note in found["notes"])


def test_simpson_is_said_and_the_verdict_goes_by_what_is_alike(here: Path, run: Run) -> None:
    """Failures of the kidney stones (BMJ 292, 1986), tenfold over ten days: B fails less in all, more in each kind.

    A: small 6 of 87, large 71 of 263, 77 of 350 = 22 %; B: 36 of 270 and 25 of 80, 61 of 350 = 17.4 %.
    Mantel and Haenszel: +5.38 points.
    """
    records = []
    table = {("gpt-4-turbo", "small"): (87, 6), ("gpt-4-turbo", "large"): (263, 71), ("gpt-4o", "small"): (270, 36),
             ("gpt-4o", "large"): (80, 25)}  # fmt: skip
    for day in range(1, 11):
        for (model, stone), (n, failed) in table.items():
            for i in range(n):
                status = {"status": "error", "error_class": "timeout"} if i < failed else {}
                records.append({**call(i, day, model, feature=stone), **status})
    found = answer(run, log(here, records), *MODELS, "--adjust", "feature")
    row = rows_of(found)["error rate"]

    assert pytest.approx(61 / 350 - 77 / 350) == row["effect"]
    assert pytest.approx(0.053835, abs=1e-5) == row["adjusted_effect"]
    assert "worse" == row["verdict"]
    assert any(f["kind"] == "simpson" and "error rate -4.6 pt" in f["text"] for f in found["findings"])
    plain = rows_of(answer(run, here / "log.jsonl", *MODELS, "--adjust", "none"))["error rate"]
    assert ("better", None) == (plain["verdict"], plain["adjusted_effect"])


def test_one_day_is_told_by_sessions(here: Path, run: Run) -> None:
    """A canary of one day: sessions count, not their requests, and it is said that nothing is known of other days."""
    records = [
        call(i, 1, model, session_id=f"{model}-{i // 4}", latency_ms=(1000 + 50 * (i // 4 % 5)) * times)
        for model, times in (("gpt-4-turbo", 2), ("gpt-4o", 1)) for i in range(480)
    ]  # fmt: skip
    found = answer(run, log(here, records), *MODELS)
    latency = rows_of(found)["latency"]

    assert ("sessions", "better", pytest.approx(-0.5)) == (latency["method"], latency["verdict"], latency["effect"])
    assert any("sessions 120 and 120" in note for note in found["notes"])
    assert any("nothing is known of other days" in note for note in found["notes"])


def test_times_apart_are_said(here: Path, run: Run) -> None:
    """A in the first two weeks, B in the next two: as drift, with a warning in the small print."""
    records = [call(i, day, "gpt-4-turbo" if day <= 14 else "gpt-4o", latency_ms=1000 + 7 * (i * day % 13))
               for day in range(1, 29) for i in range(20)]  # fmt: skip
    found = answer(run, log(here, records), *MODELS)

    assert "days apart" == rows_of(found)["latency"]["method"]
    assert any("different times" in note for note in found["notes"])


def test_few_failures_are_told_exactly(here: Path, run: Run) -> None:
    """1 of 200 against 9 of 200: Fisher's exact test, p = .0200 by hypergeometric sums (scipy's fisher_exact)."""
    from scipy.stats import fisher_exact

    records = two_models()
    failed = [*[r for r in records if r["request_model"] == "gpt-4o"][:9], records[0]]
    for record in failed:
        record |= {"status": "error", "error_class": "timeout"}
    found = answer(run, log(here, records), *MODELS)
    row = rows_of(found)["error rate"]

    assert ("exact", pytest.approx(fisher_exact([[1, 199], [9, 191]]).pvalue)) == (row["method"], row["p"])
    assert pytest.approx(8 / 200) == row["effect"]
    assert row["effect_low"] < row["effect"] < row["effect_high"]


def test_two_files_are_two_sides(here: Path, run: Run) -> None:
    """A PR's log against main's, without times: the same items are paired, and B's are dearer by half."""
    main = [request(i, request_id=f"m{i}", item_id=f"q{i}", started_at=..., input_tokens=100 + i, output_tokens=0,
                    status="ok") for i in range(40)]  # fmt: skip
    changed = [{**r, "request_id": f"p{i}", "input_tokens": 150 + i * 3 // 2} for i, r in enumerate(main)]
    found = answer(run, log(here, main, "main.jsonl"), log(here, changed, "pr.jsonl"))
    tokens = rows_of(found)["input tokens"]

    assert ("pairs", 40, 40, "higher") == tuple(tokens[n] for n in ("method", "a_requests", "b_requests", "verdict"))
    # 100 ... 139 are 4780 in all; 150 + floor(1.5 i) are 6000 + 1170 - 20 x .5 = 7160.
    assert pytest.approx(7160 / 4780 - 1) == tokens["effect"]
    assert found["findings"][0]["text"].startswith(f"{here / 'pr.jsonl'} against {here / 'main.jsonl'}")
    assert any("item_id" in note for note in found["notes"])


def test_files_that_share_ids_are_said(here: Path, run: Run) -> None:
    """The same id in both files is one request: the sides are not whole."""
    main = [request(i, status="ok", latency_ms=5) for i in range(40)]
    other = [*main[:30], *(request(i, status="ok", latency_ms=5) for i in range(100, 140))]
    found = answer(run, log(here, main, "main.jsonl"), log(here, other, "pr.jsonl"))

    assert any("30 requests of the two files share an id" in f["text"] for f in found["findings"])


def scored(number: int, value: float, **more: Any) -> Record:
    return {"score_id": f"s{number}", "request_id": number, "name": "quality", "value": value, "data_type": "numeric",
            "rater_kind": "judge", "rater": "j", "rater_version": "1", **more}  # fmt: skip


def test_scores_by_rater(here: Path, run: Run) -> None:
    """A's mean is 7, B's 8, in points; a judge of another version on either side is not compared."""
    records = two_models()
    put(here / "logs/log.jsonl", lines(records))
    marks = []
    for i, record in enumerate(records):
        b = record["request_model"] == "gpt-4o"
        marks.append({**scored(i, 6.5 + i // 2 % 2 + b), "request_id": record["request_id"]})
        marks.append({**scored(10_000 + i, 5.0), "request_id": record["request_id"], "name": "tone",
                      "rater_version": "2" if b else "1"})  # fmt: skip
    put(here / "logs/scores.jsonl", lines(marks))
    found = answer(run, here / "logs", *MODELS)
    quality = rows_of(found)["quality v1, j"]

    assert (7.0, 8.0, "better", "+1.00") == tuple(quality[n] for n in ("a_value", "b_value", "verdict", "change"))
    assert "too few to say" == rows_of(found)["tone v1, j"]["verdict"]
    assert any(f["kind"] == "raters" and "tone of A is by j 1, of B by j 2" in f["text"] for f in found["findings"])


def test_a_pass_rate_is_held_to_the_margin_of_its_failures(here: Path, run: Run) -> None:
    """A passes 9 of 10, B 8 of 10: 10 points, and the margin is 20 % of A's 10 % failures, not of its 90 % passes."""
    records = two_models()
    put(here / "logs/log.jsonl", lines(records))
    marks = []
    for i, record in enumerate(records):
        turn, b = i // 2 % 10, record["request_model"] == "gpt-4o"
        marks.append({**scored(i, float(turn >= 1 + b)), "request_id": record["request_id"], "data_type": "boolean"})
    put(here / "logs/scores.jsonl", lines(marks))
    row = rows_of(answer(run, here / "logs", *MODELS))["quality v1, j"]

    assert (0.9, 0.8) == (pytest.approx(row["a_value"]), pytest.approx(row["b_value"]))
    assert pytest.approx(0.02) == row["margin"]
    assert "lower" == row["verdict"]


def test_peek(here: Path, run: Run) -> None:
    """Twice as slow is told however often one looks; failures that are alike are not."""
    found = answer(run, log(here, two_models(latency_ms=lambda i, day: 2 * (1000 + i))), *MODELS, "--peek")
    rows = rows_of(found, "peek")

    assert "stop: B is higher" == rows["latency"]["answer"]
    assert "go on: not told apart yet" == rows["sessions with an error"]["answer"]
    assert any("however often one looks" in note for note in found["notes"])


def test_peek_of_failures_is_the_e_value(here: Path, run: Run) -> None:
    """D18 of statistics.md: 10 against 30 errors under equal traffic, E = 23.4439865607, at least 20."""
    records = two_models()
    for model, n in (("gpt-4-turbo", 10), ("gpt-4o", 30)):
        for record in [r for r in records if r["request_model"] == model][:n]:
            record |= {"status": "error", "error_class": "timeout"}
    row = rows_of(answer(run, log(here, records), *MODELS, "--peek", "--share", "50%"), "peek")[
        "sessions with an error"
    ]

    assert (pytest.approx(23.4439865607), "stop: B is higher") == (row["e_value"], row["answer"])


@pytest.mark.parametrize(("condition", "code"), [
    ("verdict = 'worse'", 3), ("verdict = 'better' and metric = 'latency'", 0), ("effect > 5", 0),
])  # fmt: skip
def test_gates(condition: str, code: int, here: Path, run: Run) -> None:
    """A worse row fails the build."""
    path = log(here, two_models(latency_ms=lambda i, day: 2 * (1000 + i)))

    assert code == run("compare", path, *MODELS, "--fail-if", condition).code


def test_too_little_under_a_gate_is_no_pass(here: Path, run: Run) -> None:
    """Twenty requests a side: nothing can be judged, exit 5 under a gate and 0 without; an empty log too."""
    path = log(here, two_models(days=1, a_day=20))

    assert 5 == run("compare", path, *MODELS, "--fail-if", "verdict = 'worse'").code
    assert {"too few to say"} == {row["verdict"] for row in answer(run, path, *MODELS)["rows"]}
    empty = put(here / "empty.jsonl", b"")
    assert 0 == run("compare", empty, *MODELS).code
    assert 5 == run("compare", empty, *MODELS, "--fail-if", "verdict = 'worse'").code


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "which two sides?"),
    (("--a", "x", "--b", "y"), "values of a dimension"),
    (("--by", "model", "--a", "x"), "--b is missing"),
    (("--where-a", "input_tokens > 1"), "--where-b is missing"),
    (("--where-a", "input_tokens > 1", "--where-b", "nope = 1"), "unknown column 'nope'"),
    (("--by", "modle", "--a", "x", "--b", "y"), "did you mean model"),
    (("--by", "model", "--a", "gpt-4", "--b", "gpt-4o"), "did you mean gpt-4-turbo"),
    (("--by", "model", "--a", "gpt-4o", "--b", "gpt-4o"), "are both"),
    ((*MODELS, "--where-a", "true"), "do not go with"),
    ((*MODELS, "--adjust", "colour"), "unknown dimension"),
    ((*MODELS, "--pairs", "eyes"), "unknown --pairs"),
    ((*MODELS, "--share", "10%"), "goes with --peek"),
    ((*MODELS, "--peek", "--share", "7"), "no part of the traffic"),
])  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], said: str, here: Path, run: Run) -> None:
    """Exit 2, and what to do."""
    done = run("compare", log(here, two_models(days=2, a_day=40)), *arguments)

    assert (2, True) == (done.code, said in done.err), done.err


def test_values_are_bound(here: Path, run: Run) -> None:
    """A value that looks like SQL is a value; a metadata key likewise."""
    hostile = "x'; DROP TABLE requests; --{0}"
    records = [{**call(i, 1, feature=name), "metadata": {"a'b{": name}} for name in (hostile, "y") for i in range(40)]
    for by in ("feature", "metadata.a'b{"):
        found = answer(run, log(here, records), "--by", by, "--a", hostile, "--b", "y")
        assert (40, 40) == tuple(found["rows"][0][n] for n in ("a_requests", "b_requests"))


@pytest.mark.parametrize("form", ["table", "plain", "md", "html", "csv", "jsonl"])
def test_every_format(form: str, here: Path, run: Run) -> None:
    """And no figure is cut on 80 columns."""
    done = run("compare", log(here, two_models()), *MODELS, "-f", form, "--width", "80")

    assert 0 == done.code
    assert "latency" in done.out


def test_half_of_it_is_missing(here: Path, run: Run) -> None:
    """Without times, tokens and latency there are only failures to compare, and a model without a price has no cost."""
    records = [{"request_id": f"{m}{i}", "model": m, "status": "ok"} for m in ("own-a", "own-b") for i in range(60)]
    rows = rows_of(answer(run, log(here, records), "--by", "model", "--a", "own-a", "--b", "own-b"))

    assert {"error rate"} <= set(rows)
    assert not {"latency", "cost per request", "input tokens"} & set(rows)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample logs, loaded once."""
    from llmscope.load import LoadOptions, load
    from llmscope.store import Store

    path = tmp_path_factory.mktemp("sample") / "s.duckdb"
    store = Store(path)
    load(store, [str(SAMPLE)], LoadOptions())
    store.close()
    return path


SWITCH = ("--by", "model", "--a", "gpt-4o-2024-08-06", "--b", "gemini-2.5-flash")


def test_the_model_switch(sample: Path, run: Run) -> None:
    """Story 2: cost -84.8 %, median latency -50.6 %, over different weeks; and by the 120 items both were asked."""
    found = answer(run, "--store", sample, "--where", "feature = 'search'", *SWITCH)
    rows, pairs = rows_of(found), rows_of(found, "pairs")

    assert ("better", pytest.approx(-0.848, abs=0.002)) == (
        rows["cost per request"]["verdict"], rows["cost per request"]["effect"],
    )  # fmt: skip
    assert rows["p50 latency"]["effect_low"] < -0.506 < rows["p50 latency"]["effect_high"]
    assert "better" == rows["latency"]["verdict"]
    assert (120, "better") == (pairs["latency"]["a_requests"], pairs["latency"]["verdict"])
    assert pairs["quality v1, gpt-judge"]["effect_low"] < 0 < pairs["quality v1, gpt-judge"]["effect_high"]
    assert not [row for row in (*rows.values(), *pairs.values()) if row["verdict"] == "worse"]


def test_a_version_in_which_nothing_changed(sample: Path, run: Run) -> None:
    """`assistant` from v12 to v13 is not a story: no row is better or worse, higher or lower."""
    versions = ("--by", "template_version", "--a", "v12", "--b", "v13")
    found = answer(run, "--store", sample, "--where", "template = 'assistant' and started_at < '2026-10-01'", *versions)

    assert [] == [(r["metric"], r["change"]) for r in found["rows"] if r["verdict"] in MOVED]


def test_two_halves_of_the_same_are_no_different(sample: Path, run: Run) -> None:
    """Even and odd seconds of the same traffic on the same days: nothing is worse, and much is ruled out."""
    odd = "cast(substr(cast(started_at as varchar), 19, 1) as integer) % 2 = {}"
    found = answer(run, "--store", sample, "--where-a", odd.format(0), "--where-b", odd.format(1))
    verdicts = [row["verdict"] for row in found["rows"]]

    assert not set(MOVED) & set(verdicts)
    assert verdicts.count("no difference") >= 6
