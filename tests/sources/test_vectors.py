"""Which files are vectors of requests and nothing else, and what is read of their records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmscope.load import LoadOptions
from llmscope.sources import Sample, detect
from tests.sources.loading import loaded, write_lines

V = [0.5, -1.0, 0.25]
ALL_IDS = ("request_id", "response_id", "id", "trace_id", "span_id")
SPAN = {"trace_id": "t", "span_id": "s"}
OURS: list[dict[str, Any]] = [
    {"request_id": "a", "embedding": V}, {"id": "a", "vector": V}, {"id": 7, "embeddings": V, "dim": 3},
    {"response_id": "chatcmpl-1", "vectors": V}, {**SPAN, "embedding": V}, {"request_id": "a", "id": "v1", "vector": V},
    {"request_id": "a", "embedding": "[0.5, -1e-3, 2]"},
]  # fmt: skip
OTHERS: list[dict[str, Any]] = [
    {"embedding": V}, {"trace_id": "t", "embedding": V}, {"id": "a", "embedding": "a text"}, {"id": "a", "vector": []},
    {"id": "a", "embeddings": [V, V]}, {"id": "a", "embedding": {"values": V}}, {"id": "a", "embedding": [True, False]},
    {"id": "a", "embedding": V, "prompt": "hi"}, {"id": "a", "embedding": V, "timestamp": "2026-01-01T00:00:00Z"},
    {"object": "embedding", "index": 0, "embedding": V}, {"id": "a"},
]  # fmt: skip


def sample(record: dict[str, Any]) -> Sample:
    return Sample("x", "jsonl", (record,), dict.fromkeys(record, "JSON"))


@pytest.mark.parametrize("record", OURS, ids=lambda r: "+".join(r))
def test_an_id_and_numbers_are_a_vector(record: dict[str, Any]) -> None:
    assert detect(sample(record)) == "vectors"


@pytest.mark.parametrize("record", OTHERS, ids=str)
def test_anything_else_is_not(record: dict[str, Any]) -> None:
    assert detect(sample(record)) != "vectors"


def test_a_request_with_its_vector_is_a_request() -> None:
    record = {"id": "a", "model": "m", "input_tokens": 3, "output_tokens": 1, "embedding": V}
    assert detect(sample(record)) == "flat"
    own = {"request_id": "a", "started_at": "2026-01-01", "input_tokens": 3, "embedding": V}
    assert detect(sample(own)) == "canonical"


def test_the_id_of_each_record(tmp_path: Path) -> None:
    """The surest id names the request; a span is named with its trace."""
    from llmscope.load import load
    from llmscope.store import Store

    store = Store(None)
    records = [{"vector": V} | {k: v for k, v in one.items() if k in ALL_IDS} for one in OURS[:6]]
    report = load(store, [str(write_lines(tmp_path / "v.jsonl", records))], LoadOptions())
    rows = rows_of_vectors(store)
    store.close()
    (one,) = report.files
    one.check()
    # "a" is named three times: by request_id, by id, and by request_id beside an id of the vector's own.
    assert (one.lines, one.loaded, one.duplicates, one.faults) == (6, 4, 2, 0)
    assert [row["vector_id"] for row in rows] == ["7", "a", "chatcmpl-1", "t/s"]
    assert rows[-1] == {
        "vector_id": "t/s", "trace_id": "t", "span_id": "s", "embedding": V, "source_format": "vectors",
    }  # fmt: skip


def rows_of_vectors(store: Any) -> list[dict[str, Any]]:
    rows = store.execute(
        "SELECT vector_id, trace_id, span_id, embedding, source_format FROM vectors ORDER BY vector_id"
    )
    names = ("vector_id", "trace_id", "span_id", "embedding", "source_format")
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows]


def test_other_columns_stand_beside_where_the_source_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "v.jsonl", [{"request_id": "a", "created_at": "2026-01-01", "embedding": V}])
    found = loaded(path, options=LoadOptions(source="vectors"))
    assert found.file.loaded == 1
    assert found.requests == []


def test_without_an_id_it_cannot_be_read_as_one(tmp_path: Path) -> None:
    found = loaded(write_lines(tmp_path / "v.jsonl", [{"embedding": V}]), options=LoadOptions(source="vectors"))
    assert found.report.files[0].error is not None
    assert "request_id or response_id" in found.report.files[0].error.message
