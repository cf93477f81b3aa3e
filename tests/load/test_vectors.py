"""Vectors in a file beside the log: each to its request, in any order, across loads, every line accounted for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import llmscope
from llmscope.load import LoadOptions, LoadReport, load
from llmscope.load.mapping import parse
from llmscope.store import SCHEMA_VERSION, Store, drop_forgotten, remember_forgotten
from tests.load.writing import counts, lines, load_into, parquet, put, request, requests
from tests.sources.loading import write_lines

V = [0.5, -1.0, 0.25]
FOUND = "SELECT request_id, embedding FROM vectors WHERE request_id IS NOT NULL ORDER BY 1"
BOTH = [("r1", [1.0, 0.5]), ("r2", [2.0, 0.5])]


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(None)
    yield made
    made.close()


def vectors(*numbers: int, key: str = "request_id", stem: str = "r") -> list[dict[str, Any]]:
    """The vector of request n is [n, .5]."""
    return [{key: f"{stem}{n}", "embedding": [float(n), 0.5]} for n in numbers]


def files(here: Path) -> dict[str, Path]:
    """Two requests in two logs, and their vectors in a third file."""
    return {
        "one": put(here / "one.jsonl", lines([request(1)])),
        "two": put(here / "two.jsonl", lines([request(2)])),
        "vectors": parquet(here / "vectors.parquet", vectors(1, 2)),
    }


@pytest.mark.parametrize("order", list(itertools.permutations(("one", "two", "vectors"))), ids="-".join)
def test_in_any_order(tmp_path: Path, store: Store, order: tuple[str, ...]) -> None:
    made = files(tmp_path)
    for name in order:
        load_into(store, made[name]).files[0].check()
    assert store.execute(FOUND) == BOTH
    assert store.execute("SELECT count(*) FROM requests") == [(2,)]


@pytest.mark.parametrize("order", list(itertools.permutations(("one", "two", "vectors"))), ids="-".join)
def test_across_loads_into_a_store(tmp_path: Path, order: tuple[str, ...]) -> None:
    made = files(tmp_path)
    for name in order:
        kept = Store(tmp_path / "kept.duckdb")
        load_into(kept, made[name])
        kept.close()
    kept = Store(tmp_path / "kept.duckdb", read_only=True)
    assert kept.execute(FOUND) == BOTH
    kept.close()


@pytest.mark.parametrize("shape", ["jsonl", "array", "envelope", "csv", "parquet"])
def test_every_container(tmp_path: Path, store: Store, shape: str) -> None:
    records = vectors(1, 2)
    text = {
        "jsonl": lines(records), "array": json.dumps(records).encode(),
        "envelope": json.dumps({"data": records}).encode(),
        "csv": b'request_id,embedding\nr1,"[1, 0.5]"\nr2,"[2, 0.5]"\n', "parquet": b"",
    }[shape]  # fmt: skip
    path = parquet(tmp_path / "v", records) if shape == "parquet" else put(tmp_path / "v", text)
    (report,) = load_into(store, put(tmp_path / "log.jsonl", lines(requests(2))), path).files[1:]
    report.check()
    assert (report.source, counts(report)) == ("vectors", {"lines": 2, "loaded": 2})
    assert store.execute(FOUND) == BOTH


@pytest.mark.parametrize("key", ["id", "response_id", "span"])
@pytest.mark.parametrize("first", ["log", "vectors"])
def test_by_the_answers_id_and_by_the_span(tmp_path: Path, store: Store, key: str, first: str) -> None:
    log = [request(n, response_id=f"a{n}", trace_id=f"t{n}", span_id="s", request_id=f"q{n}") for n in (1, 2)]
    named = vectors(1, 2, key=key, stem="a")
    if key == "span":
        named = [{"trace_id": f"t{n}", "span_id": "s", "embedding": [float(n), 0.5]} for n in (1, 2)]
    made = {"log": put(tmp_path / "log.jsonl", lines(log)), "vectors": put(tmp_path / "v.jsonl", lines(named))}
    load_into(store, made.pop(first))
    load_into(store, *made.values())
    assert store.execute(FOUND) == [("q1", [1.0, 0.5]), ("q2", [2.0, 0.5])]


def test_a_span_of_two_traces_is_nobodys(tmp_path: Path, store: Store) -> None:
    log = [request(n, trace_id=f"t{n}", span_id="s") for n in (1, 2)]
    named = write_lines(tmp_path / "v.jsonl", [{"span_id": "s", "vector": V}])
    load_into(store, put(tmp_path / "log.jsonl", lines(log)), named)
    assert store.execute(FOUND) == []


def test_every_line_is_accounted_for(tmp_path: Path, store: Store) -> None:
    """Read 10: 4 loaded, two of them no vectors; 1 repeated; 2 rejected; 2 set aside; 1 blank."""
    text = lines([
        *vectors(1, 2), *vectors(1), {"request_id": "r3", "embedding": "none"}, {"request_id": "r4", "embedding": None},
        {"embedding": V}, {"request_id": "r5", "embedding": [1, "x"]},
    ])  # fmt: skip
    path = put(tmp_path / "v.jsonl", text + b"\n{broken\n[1]\n")
    (report,) = load_into(store, path).files
    report.check()
    assert counts(report) == {"lines": 10, "loaded": 4, "set_aside": 2, "duplicates": 1, "rejected": 2, "blank": 1}
    assert "2 set aside: without a vector, or without an id of a request" in report.notes
    assert "embedding: 2 values of the wrong type or out of range, taken as unknown" in report.notes
    assert store.execute("SELECT count(*) FROM vectors WHERE embedding IS NOT NULL") == [(2,)]


def test_what_is_no_vector_far_down_in_the_file(tmp_path: Path, store: Store) -> None:
    """Behind the first records, by which the reader takes numbers for granted."""
    odd = [{"request_id": f"o{i}", "embedding": one} for i, one in enumerate(("text", [1, None], [], None, {"a": 1}))]
    path = put(tmp_path / "v.jsonl", lines([*vectors(*range(9_000)), *odd, *vectors(*range(9_000, 20_001))]))
    (report,) = load_into(store, path).files
    report.check()
    assert counts(report) == {"lines": 20_006, "loaded": 20_002, "set_aside": 4}
    assert report.faults == 1
    assert store.execute("SELECT count(*), count(embedding) FROM vectors") == [(20_002, 20_001)]


def test_vectors_of_unknown_requests_wait_and_it_is_said(tmp_path: Path, store: Store) -> None:
    path = parquet(tmp_path / "v.parquet", vectors(1, 2, 3))
    (report,) = load_into(store, path).files
    assert report.notes == ["3 vectors are of requests that are not loaded: kept until they come"]
    load_into(store, put(tmp_path / "log.jsonl", lines(requests(2))))
    assert store.execute(FOUND) == BOTH
    assert store.execute("SELECT vector_id FROM vectors WHERE request_id IS NULL") == [("r3",)]


def test_what_a_later_file_of_the_same_load_brings_is_not_missed(tmp_path: Path, store: Store) -> None:
    made = files(tmp_path)
    report = load_into(store, made["vectors"], made["one"], made["two"])
    assert [note for file in report.files for note in file.notes] == []


def test_one_that_waits(tmp_path: Path, store: Store) -> None:
    report = load_into(store, write_lines(tmp_path / "v.jsonl", vectors(1)))
    assert report.files[0].notes == ["1 vector is of a request that is not loaded: kept until it comes"]


def test_again_and_grown(tmp_path: Path, store: Store) -> None:
    path = write_lines(tmp_path / "v.jsonl", vectors(1))
    load_into(store, path)
    assert load_into(store, path).files[0].outcome == "skipped"
    write_lines(path, vectors(1, 2))
    (report,) = load_into(store, path).files
    assert (report.outcome, counts(report)) == ("grown", {"lines": 1, "loaded": 1})
    load_into(store, put(tmp_path / "log.jsonl", lines(requests(2))))
    assert store.execute(FOUND) == BOTH


def test_a_log_that_is_read_anew_finds_its_vectors_again(tmp_path: Path, store: Store) -> None:
    """Under another mapping its requests have other ids: the vectors follow the answers' ids."""
    log = [request(n, response_id=f"a{n}", other=f"o{n}") for n in (1, 2)]
    path = put(tmp_path / "log.jsonl", lines(log))
    load_into(store, path, write_lines(tmp_path / "v.jsonl", vectors(1, 2, key="response_id", stem="a")))
    assert store.execute(FOUND) == BOTH
    (report,) = load(store, [str(path)], LoadOptions(maps=parse(["request_id=other"]))).files
    assert report.outcome == "replaced"
    assert store.execute(FOUND) == [("o1", [1.0, 0.5]), ("o2", [2.0, 0.5])]


@pytest.mark.parametrize("order", list(itertools.permutations(("poor", "rich", "vectors"))), ids="-".join)
def test_a_request_that_two_systems_logged_has_its_vector(tmp_path: Path, store: Store, order: tuple[str, ...]) -> None:
    """The richer record stays, and the vector with it, whichever file came first."""
    answer = {
        "id": "a1", "object": "chat.completion", "created": 1788345600, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    rich = request(1, response_id="a1", session_id="s", user_id="u", latency_ms=5, status="ok", ttft_ms=1, region="x")
    made = {
        "poor": write_lines(tmp_path / "poor.jsonl", [answer]),
        "rich": put(tmp_path / "rich.jsonl", lines([rich])),
        "vectors": write_lines(tmp_path / "v.jsonl", vectors(1, key="response_id", stem="a")),
    }
    for name in order:
        load_into(store, made[name])
    assert store.execute("SELECT request_id FROM requests") == [("r1",)]
    assert store.execute(FOUND) == [("r1", [1.0, 0.5])]


def test_small_files_of_a_folder_together(tmp_path: Path, store: Store) -> None:
    for n in range(1, 6):
        put(tmp_path / f"logs/{n}.jsonl", lines(requests(2, first=2 * n - 1)))
        write_lines(tmp_path / f"logs/v{n}.jsonl", vectors(2 * n - 1, 2 * n))
    for one in load_into(store, tmp_path / "logs").files:
        one.check()
    assert len(store.execute(FOUND)) == 10


def test_records_of_vectors_among_requests(tmp_path: Path, store: Store) -> None:
    """A log with both, a line each: each line to its own source."""
    mixed = [line for n in (1, 2) for line in (request(n), *vectors(n))]
    (report,) = load_into(store, put(tmp_path / "log.jsonl", lines(mixed))).files
    report.check()
    assert (report.loaded, report.set_aside) == (4, 0)
    assert store.execute(FOUND) == BOTH


def test_a_store_of_an_earlier_version(tmp_path: Path) -> None:
    """It has no vectors: it is read as it is, beside files too, and upgraded when something is loaded into it."""
    path = tmp_path / "old.duckdb"
    made = files(tmp_path)
    old = Store(path)
    load_into(old, made["one"])
    old.close()
    with duckdb.connect(str(path)) as con:
        con.execute("DROP VIEW vectors")
        con.execute("DROP TABLE vectors_rows")
        con.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    with llmscope.open(store=str(path)) as logs:
        assert logs.query("SELECT count(*) AS n FROM vectors") == [{"n": 0}]
        assert logs.query("SELECT request_id FROM requests") == [{"request_id": "r1"}]
    with llmscope.open(str(made["vectors"]), store=str(path), with_store=True) as logs:
        joined = "SELECT vector_id FROM requests JOIN vectors ON vectors.vector_id = requests.request_id"
        assert logs.query(joined) == [{"vector_id": "r1"}]
    new = Store(path)
    load_into(new, made["vectors"], made["two"])
    assert new.execute(FOUND) == BOTH
    assert new.execute("SELECT max(value::BIGINT) FROM meta WHERE key = 'schema_version'") == [(SCHEMA_VERSION,)]
    new.close()


def test_what_is_forgotten_has_no_time_to_be_told_by(tmp_path: Path, store: Store) -> None:
    """Vectors that come after a forget are kept: nothing says when their requests were."""
    remember_forgotten(store.con, datetime(2026, 1, 1))
    (report,) = load_into(store, write_lines(tmp_path / "v.jsonl", vectors(1))).files
    assert report.loaded == 1
    assert drop_forgotten(store.con, "vectors", 0).total() == 0


def asked(tmp_path: Path, tables: tuple[str, ...], *paths: Path) -> LoadReport:
    store = Store(None)
    try:
        return load(store, [str(p) for p in paths], LoadOptions(tables=tables))
    finally:
        store.close()


def test_a_question_that_asks_of_no_vectors_reads_none(tmp_path: Path) -> None:
    made = files(tmp_path)
    first, second = asked(tmp_path, ("requests",), made["one"], made["vectors"]).files
    assert (first.loaded, second.outcome, second.lines) == (1, "skipped", 0)
