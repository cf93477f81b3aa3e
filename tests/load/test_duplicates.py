"""A request that is logged twice is one request; two equal records without an id are two."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscope.store import Store
from tests.conftest import Run
from tests.load.writing import Record, counts, lines, load_bytes, load_into, put, request, requests, rows, totals

HALF = request(1, output_tokens=..., feature=...)
WHOLE = request(1, output_tokens=50)


@pytest.mark.parametrize("order", [[HALF, WHOLE], [WHOLE, HALF], [HALF, WHOLE, HALF]])
def test_the_most_complete_record_wins_within_a_file(tmp_path: Path, order: list[Record]) -> None:
    """Whichever comes first."""
    report, found = load_bytes(tmp_path, lines(order))

    assert {"lines": len(order), "loaded": 1, "duplicates": len(order) - 1} == counts(report)
    assert [(50, "chat")] == [(r["output_tokens"], r["feature"]) for r in found]


@pytest.mark.parametrize("order", [[HALF, WHOLE], [WHOLE, HALF]])
@pytest.mark.parametrize("together", [True, False])
def test_the_most_complete_record_wins_across_files_and_loads(
    here: Path, run: Run, order: list[Record], together: bool
) -> None:
    """Two files of one load, or of two; the count is said."""
    files = [put(here / f"{i}.jsonl", lines([record, request(10 + i)])) for i, record in enumerate(order)]
    said = run("load", *files).err if together else "".join(run("load", f).err for f in files)

    assert "1 duplicate" in said
    # 1 + 10 + 11 tokens in; 50 + 1 + 1 out.
    assert (3, 22, 52) == totals(here / "llmscope.duckdb")


def test_equal_rows_without_an_id_are_two_requests(tmp_path: Path) -> None:
    """Nothing says that they are one."""
    report, found = load_bytes(tmp_path, lines([request(1, request_id=...)] * 3))

    assert {"lines": 3, "loaded": 3} == counts(report)
    assert 3 == len({r["request_id"] for r in found})


def test_equal_rows_without_an_id_are_two_requests_across_files(tmp_path: Path) -> None:
    """Different files that hold an equal record hold two requests."""
    same = request(1, request_id=...)
    store = Store(None)
    one = put(tmp_path / "a.jsonl", lines([same, request(2, request_id=...)]))
    two = put(tmp_path / "b.jsonl", lines([same, request(3, request_id=...)]))
    report = load_into(store, one, two)

    assert 0 == report.total("duplicates")
    assert 4 == len(rows(store))


def test_an_appended_equal_row_is_a_request_of_its_own(tmp_path: Path) -> None:
    """Grown by the record it already ends with."""
    store, same = Store(None), lines([request(1, request_id=...)])
    for data in (same, same * 2, same * 3):
        load_into(store, put(tmp_path / "log.jsonl", data))

    assert 3 == len(rows(store))


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_id_is_no_id(tmp_path: Path, empty: str | None) -> None:
    """Two requests whose id is logged empty are two."""
    report, _ = load_bytes(tmp_path, lines([request(1), *[request(2, request_id=empty)] * 2]))

    assert {"lines": 3, "loaded": 3} == counts(report)


def test_flat_id_that_does_not_tell_records_apart_is_no_id(tmp_path: Path) -> None:
    """An `id` that is the same on every record names something else."""
    record = {"id": "service-7", "ts": "2026-09-01T10:00:00Z", "model": "gpt-4-turbo", "prompt_tokens": 3}
    report, _ = load_bytes(tmp_path, lines([record] * 4))

    assert {"lines": 4, "loaded": 4} == counts(report)


def test_tokens_of_distinct_ids_are_conserved(tmp_path: Path) -> None:
    """A thousand requests, each twice, the second time in reverse."""
    records = requests(1000)
    report, found = load_bytes(tmp_path, lines([*records, *reversed(records)]))

    assert {"lines": 2000, "loaded": 1000, "duplicates": 1000} == counts(report)
    assert 500_500 == sum(r["input_tokens"] for r in found)
