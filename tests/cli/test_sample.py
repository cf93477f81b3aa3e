"""From a log to a spreadsheet and back as people's scores; and from a log to a thinner one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, request

FAILED = {"status": "error", "error_class": "rate_limit"}


def log(here: Path, n: int = 40, **changes: Any) -> Path:
    return put(here / "log.jsonl", lines(request(i, **changes) for i in range(n)))


def filled(path: Path, **cells: dict[str, str]) -> None:
    """Fills in cells of a spreadsheet, by request id."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | cells.get(row["request_id"], {}) for row in rows)


def stored(run: Run) -> list[tuple[Any, ...]]:
    """What people said, in the store."""
    columns = "request_id, name, value, label, rater, rater_kind, sample_weight"
    done = run("sql", f"SELECT {columns} FROM scores ORDER BY ALL", "-f", "jsonl")
    assert 0 == done.code, done.err
    return [tuple(json.loads(line).values()) for line in done.out.splitlines()]


def test_there_and_back_again(here: Path, run: Run) -> None:
    """Two of five rows are filled in: two scores, once, however often loaded; an edited one stands in its place."""
    log(here)
    run("load", "log.jsonl")
    assert 0 == run("sample", "--n", "5", "--by", "model,feature", "--score", "quality", "-o", "label.csv").code
    with (here / "label.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert ["request_id", "started_at", "model", "feature", "score", "label", "rater", "comment", "name",
            "sample_weight"] == head  # fmt: skip
    one, two = sorted((rows[0][0], rows[1][0]))
    filled(here / "label.csv", **{one: {"score": "4", "rater": "alice"}, two: {"label": "good", "rater": "bob"}})
    done = run("load", "label.csv")

    assert (0, True) == (done.code, "3 set aside: without a score or a label" in done.out), done.err
    first = [(one, "quality", 4.0, None, "alice", "human", 8.0), (two, "quality", None, "good", "bob", "human", 8.0)]
    assert first == stored(run)
    run("load", "label.csv")
    assert first == stored(run)
    filled(here / "label.csv", **{one: {"score": "5"}})
    run("load", "label.csv")
    assert [(one, "quality", 5.0, None, "alice", "human", 8.0), first[1]] == stored(run)


def test_two_people_are_two_scores(here: Path, run: Run) -> None:
    """Bob fills in what alice has filled in; neither takes the other's place."""
    log(here)
    run("load", "log.jsonl")
    for rater in ("alice", "bob"):
        put(here / f"{rater}.csv", f"request_id,score,rater\nr1,3,{rater}\n".encode())
        run("load", f"{rater}.csv")

    assert ["alice", "bob"] == [row[4] for row in stored(run)]


def test_a_wide_table_is_a_score_a_column(here: Path, run: Run) -> None:
    """Columns score.NAME and label.NAME, semicolons and a decimal comma, as a spreadsheet writes them."""
    put(here / "wide.csv", b"request_id;score.tone;label.tone;score.fact;rater\nr1;4,5;;2;al\nr2;;ok;;al\n")
    run("load", "wide.csv")

    assert [("r1", "fact", 2.0, None), ("r1", "tone", 4.5, None), ("r2", "tone", None, "ok")] == [
        row[:4] for row in stored(run)
    ]


def test_a_decimal_comma_keeps_the_weight(here: Path, run: Run) -> None:
    """Where 13,5 is a number, a weight is written so too: it is no unknown weight."""
    put(here / "label.csv", b"\xef\xbb\xbfrequest_id;score;rater;sample_weight\r\nr1;4,5;al;13,5\r\nr2;3;al;2\r\n")
    done = run("load", "label.csv")

    assert "taken as unknown" not in done.out
    assert [("r1", 4.5, 13.5), ("r2", 3.0, 2.0)] == [(row[0], row[2], row[6]) for row in stored(run)]


def test_any_name_is_a_name(here: Path, run: Run) -> None:
    """Braces and quotes in a column's name are the score's name, and no SQL."""
    put(here / "wide.csv", b'request_id,score.{a},"label.x""y",rater\nr1,4,ok,al\n')
    done = run("load", "wide.csv")

    assert 0 == done.code, done.err
    assert [('x"y', None, "ok"), ("{a}", 4.0, None)] == [row[1:4] for row in stored(run)]


def test_a_label_a_row_names_its_rater(here: Path, run: Run) -> None:
    """rater_kind beside the rater is who labels; a column of raters' names is no rater."""
    text = b"request_id,name,score,rater,rater_kind\nr1,quality,4,bob,human\nr2,quality,5,gpt,Judge\nr3,quality,6,al,\n"
    put(here / "long.csv", text)
    put(here / "other.csv", b"id,annotator,label\n1,bob,good\n2,al,bad\n")
    run("load", "long.csv")

    assert [("r1", 4.0, "bob", "human"), ("r2", 5.0, "gpt", "judge"), ("r3", 6.0, "al", "human")] == [
        (row[0], row[2], row[4], row[5]) for row in stored(run)
    ]
    assert "wide_labels" not in run("sources", "detect", "other.csv").out


def test_a_formula_comes_back_as_the_id_it_was(here: Path, run: Run) -> None:
    """An id that a spreadsheet would obey is guarded on the way out, and found again."""
    log(here, 1, request_id="=1+1")
    run("load", "log.jsonl")
    run("sample", "-o", "label.csv")
    assert "'=1+1" in (here / "label.csv").read_text()
    filled(here / "label.csv", **{"'=1+1": {"score": "1", "rater": "=x"}})
    run("load", "label.csv")

    assert [("=1+1", 1.0)] == [(row[0], row[2]) for row in stored(run)]
    assert [] == json.loads(run("sample", "--exclude", "label.csv", "-f", "json").out)["rows"]


def test_no_item_twice(here: Path, run: Run) -> None:
    """Four samples of ten, each excluding those before, are the forty requests; a fifth finds none."""
    log(here)
    seen: set[str] = set()
    for i in range(4):
        before = [word for j in range(i) for word in ("--exclude", f"{j}.csv")]
        assert 0 == run("sample", "log.jsonl", "--n", "10", *before, "--out", f"{i}.csv").code
        with (here / f"{i}.csv").open(newline="") as file:
            seen |= {row["request_id"] for row in csv.DictReader(file)}
    fifth = run("sample", "log.jsonl", *[w for j in range(4) for w in ("--exclude", f"{j}.csv")], "-f", "json")

    assert 40 == len(seen)
    assert [] == json.loads(fifth.out)["rows"]
    assert any("40 items" in note for note in json.loads(fifth.out)["notes"])
    assert 1 == run("sample", "log.jsonl", "--exclude", "nowhere.csv").code


def test_texts_only_when_asked_and_redacted(here: Path, run: Run) -> None:
    """Without --with-text no text; with it the prompt, its address taken out."""
    log(here, 1, prompt="write to ann@example.com", completion="done")
    plain = run("sample", "log.jsonl", "-f", "json").out
    told = json.loads(run("sample", "log.jsonl", "--with-text", "-f", "json").out)["rows"][0]

    assert "write to" not in plain
    assert "write to" in told["input_text"]
    assert "ann@" not in told["input_text"]
    assert "done" == told["output_text"]


@pytest.mark.parametrize("name", ["kept.parquet", "kept.jsonl", "kept.jsonl.gz"])
def test_a_thinner_log_is_weighed(here: Path, run: Run, name: str) -> None:
    """10 errors kept, successes halved: the file's own rows say what they stand for, and cost and errors use it."""
    records = [request(i, **(FAILED if i < 10 else {"status": "ok"}), input_tokens=1000) for i in range(200)]
    put(here / "log.jsonl", lines(records))
    done = run("sample", "log.jsonl", "--keep", "errors=100%, success=0.5", "-o", name, "-f", "json")
    rows = {r["rule"]: r for r in json.loads(done.out)["rows"]}
    kept = rows["success"]["kept"]
    assert (10, 10, 190) == (rows["errors"]["kept"], rows["errors"]["requests"], rows["success"]["requests"])
    assert 70 < kept < 120
    cost = json.loads(run("cost", name, "-f", "json").out)
    errors = json.loads(run("errors", name, "-f", "json").out)
    latency = json.loads(run("latency", name, "-f", "json").out)

    # GPT-4 Turbo: 1000 x 10 + 1 x 30 dollars a million = 0.01003 a request.
    every = 10 + 2 * kept
    assert (every, every * 1000) == tuple(cost["rows"][0][n] for n in ("requests", "input_tokens"))
    assert pytest.approx(0.01003 * every) == cost["rows"][0]["cost_usd"]
    assert (every, 10) == tuple(errors["rows"][0][n] for n in ("requests", "errors"))
    assert pytest.approx(10 / every) == errors["rows"][0]["error_rate_ratio"]
    row = errors["rows"][0]
    assert row["error_rate_low_ratio"] < 10 / every < row["error_rate_high_ratio"]
    assert any(f"estimates of all {every}" in note for note in cost["notes"])
    assert any("rows kept, not of" in note for note in latency["notes"])


def test_a_log_kept_whole_is_the_log(here: Path, run: Run) -> None:
    """At 100 % nothing is lost: every column comes back as it was, and the answers carry no note of weights."""
    records = [request(i, status="ok", tags=["a", "b"], metadata={"team": "x"}, latency_ms=1.5 * i) for i in range(20)]
    put(here / "log.jsonl", lines(records))
    run("load", "log.jsonl", "--store", "one.duckdb")
    run("sample", "--store", "one.duckdb", "--keep", "ok=100%", "-o", "kept.parquet")
    run("load", "kept.parquet", "--store", "two.duckdb")
    told = "SELECT * EXCLUDE (source_format, source_file, source_line, sample_weight, load_id, faults) FROM requests"
    one, two = (run("sql", told + " ORDER BY request_id", "--store", s, "-f", "jsonl").out for s in
                ("one.duckdb", "two.duckdb"))  # fmt: skip

    assert one == two
    assert 20 == len(one.splitlines())
    assert "sample_weight" not in run("cost", "--store", "two.duckdb").out


def test_thinned_twice_weighs_twice(here: Path, run: Run) -> None:
    """A half of a half by the same seed: another half, and each row stands for four."""
    put(here / "log.jsonl", lines(request(i, status="ok") for i in range(400)))
    run("sample", "log.jsonl", "--keep", "ok=50%", "-o", "half.jsonl")
    run("sample", "half.jsonl", "--keep", "ok=50%", "-o", "quarter.jsonl")
    rows = [json.loads(line) for line in (here / "quarter.jsonl").read_text().splitlines()]

    assert {4.0} == {row["sample_weight"] for row in rows}
    assert 60 < len(rows) < 140


def test_models_have_rates_of_their_own(here: Path, run: Run) -> None:
    """Errors before models, models before the rest; an unknown model is named with its nearest; out and -o are one."""
    records = [request(i, request_model="gpt-4o" if i % 2 else "gpt-4o-mini", status="ok") for i in range(100)]
    put(here / "log.jsonl", lines(records))
    done = run("sample", "log.jsonl", "--keep", "gpt-4o=100%, ok=10%", "--out", "kept.jsonl", "-f", "json")
    rows = {r["rule"]: (r["requests"], r["kept"]) for r in json.loads(done.out)["rows"]}

    assert (50, 50) == rows["gpt-4o"]
    assert 50 == rows["success"][0]
    assert rows["success"][1] < 15
    unknown = run("sample", "log.jsonl", "--keep", "gpt4o=1", "-o", "k.jsonl")
    assert (2, True) == (unknown.code, "gpt-4o" in unknown.err)
    assert 2 == run("sample", "log.jsonl", "-o", "a.csv", "--out", "b.csv").code
    assert 2 == run("sample", "log.jsonl", "--keep", "ok=1").code
