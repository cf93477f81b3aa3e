"""Vectors out of a log: sampled, compared, and what is said where they cannot be."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import llmscope
from llmscope.analyses._drift_embeddings import MOST_NUMBERS, MOST_ROWS, Answer, answer
from llmscope.result import Window
from tests.conftest import Run
from tests.load.writing import lines, parquet, put, request

START = datetime.datetime(2026, 3, 1)
BEFORE = Window(START, START + datetime.timedelta(days=28))
AFTER = Window(START + datetime.timedelta(days=28), START + datetime.timedelta(days=56))


def log(here: Path, vector: Any, count: int = 400) -> Path:
    """Requests over 56 days, two a session; `vector`: of (number, later, random)."""
    random, records = np.random.default_rng(1), []
    for i in range(count):
        moment = START + datetime.timedelta(days=56) * i / count
        found = vector(i, moment >= START + datetime.timedelta(days=28), random)
        more = {} if found is None else {"embedding": [float(x) for x in found]}
        records.append(request(i, started_at=moment.isoformat() + "Z", status="ok", session_id=f"s{i // 2}", **more))
    return put(here / "log.jsonl", lines(records))


def asked(path: Path, before: Window = BEFORE, after: Window = AFTER) -> Answer | None:
    with llmscope.open(str(path)) as logs:
        return answer(logs, before, after)


def test_other_prompts(here: Path) -> None:
    """A third of the later prompts point elsewhere: told apart, with the requests most unlike the past by id."""

    def vector(i: int, later: bool, random: np.random.Generator) -> np.ndarray:
        new = later and i % 3 == 0
        return np.where(np.arange(16) < 8, 0.0 if new else 3.0, 3.0 if new else 0.0) + random.standard_normal(16)

    found = asked(log(here, vector))

    assert found is not None
    part, findings, notes = found
    row = part.rows[0]
    assert (200, 200, "day") == (row["requests_before"], row["requests_after"], row["groups"])
    assert row["auc_low"] > 0.5
    assert row["p_value"] <= 0.05
    assert 0.3 <= row["new_ratio"] <= 0.37
    assert "can be told apart" in findings[0].text
    assert all(unlike["started_at"] >= AFTER.since for unlike in findings[0].rows)
    assert 10 == len(findings[0].rows)
    assert "200 of 200 requests before" in notes[0]


def test_nothing_changed(here: Path) -> None:
    """The same prompts in both windows: said without a claim."""
    found = asked(log(here, lambda i, later, random: random.standard_normal(16) + 1))

    assert found is not None
    assert "cannot surely be told apart" in found[1][0].text


def beside(here: Path, shift: float, key: str = "request_id") -> tuple[Path, Path]:
    """A log of 56 days without vectors, which stand in a Parquet; of the later ones a third lies `shift` away."""
    random = np.random.default_rng(2)
    path = log(here, lambda i, later, random: None)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    put(path, lines([one | {"response_id": f"answer-{one['request_id']}"} for one in records]))
    names = [one["request_id"] if key == "request_id" else f"answer-{one['request_id']}" for one in records]
    moved = [shift * (i >= 200 and i % 3 == 0) * (np.arange(16) < 8) for i in range(400)]
    vectors = [{key: name, "embedding": (1 + far + random.standard_normal(16)).tolist()}
               for name, far in zip(names, moved, strict=True)]  # fmt: skip
    return path, parquet(here / "vectors.parquet", vectors)


@pytest.mark.parametrize("key", ["request_id", "response_id"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_file_of_vectors_beside(here: Path, run: Run, key: str, first: int) -> None:
    """Straight of the files in either order; the answers' ids, which drift itself never looks at, are read for it."""
    paths = beside(here, 4.0, key)
    ran = run("drift", str(paths[first]), str(paths[1 - first]), "-f", "json", "--since", "2026-03-29",
              "--until", "2026-04-26", "--baseline", "2026-03-01..2026-03-28")  # fmt: skip
    shown = json.loads(ran.out)
    row = shown["parts"]["embeddings"]["rows"][0]

    assert (200, 200) == (row["requests_before"], row["requests_after"])
    assert row["auc_low"] > 0.5
    assert row["p_value"] <= 0.05
    assert any("can be told apart" in finding["text"] for finding in shown["findings"])


def test_a_file_of_vectors_beside_in_which_nothing_changed(here: Path) -> None:
    path, vectors = beside(here, 0.0)
    with llmscope.open(str(path), str(vectors)) as logs:
        found = answer(logs, BEFORE, AFTER)

    assert found is not None
    assert "cannot surely be told apart" in found[1][0].text
    assert found[0].rows[0]["p_value"] > 0.05


def test_the_same_vectors_in_the_log_and_beside_it_say_the_same(here: Path) -> None:
    """A request that has one of its own keeps it; two that name one request by two ids are one."""
    path = log(here, lambda i, later, random: random.standard_normal(8) + (later and i % 2))
    inside = asked(path)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    vectors = [{"request_id": one["request_id"], "embedding": one.pop("embedding")} for one in records]
    for i, one in enumerate(records):
        one |= {"response_id": f"a{i}"} | ({"embedding": vectors[i]["embedding"]} if i % 2 else {})
    put(path, lines(records))
    other = put(here / "other.jsonl", lines([{"id": f"a{i}", "vector": v["embedding"]} for i, v in enumerate(vectors)]))
    with llmscope.open(str(parquet(here / "v.parquet", vectors)), str(path), str(other)) as logs:
        outside = answer(logs, BEFORE, AFTER)

    assert inside is not None
    assert outside is not None
    assert outside[0].rows == inside[0].rows


def test_vectors_of_other_requests(here: Path) -> None:
    """Nothing is compared, and why is said."""
    path = log(here, lambda i, later, random: None)
    strange = parquet(here / "v.parquet", [{"request_id": f"x{i}", "embedding": [1.0, 2.0]} for i in range(3)])
    with llmscope.open(str(path), str(strange)) as logs:
        found = answer(logs, BEFORE, AFTER)
        said = logs.notes

    assert found is not None
    assert () == found[0].rows == found[1]
    assert found[2] == (
        "3 vectors came beside the log, none of a request of these windows: embeddings are not compared",
    )
    assert f"{strange}: 3 vectors are of requests that are not loaded: kept until they come" in said


def test_no_vectors(here: Path) -> None:
    """Nothing is said where none is logged."""
    assert asked(log(here, lambda i, later, random: None)) is None


def test_another_embedder(here: Path) -> None:
    """Vectors of another length, or of one window alone, cannot be compared, and that is said."""
    other = asked(log(here, lambda i, later, random: random.standard_normal(8 if later else 16)))
    alone = asked(log(here, lambda i, later, random: random.standard_normal(8) if later else None))

    assert other is not None
    assert alone is not None
    assert ("vectors have 16 numbers before and 8 after: another embedder, nothing can be compared",) == other[2]
    assert ("no request of the window before has a vector: embeddings are not compared",) == alone[2]
    assert () == other[0].rows == alone[0].rows


def test_some_of_another_length_and_some_zero(here: Path) -> None:
    """What is left out is counted."""

    def vector(i: int, later: bool, random: np.random.Generator) -> np.ndarray:
        return np.zeros(6) if i % 40 == 1 else random.standard_normal(4 if i % 40 == 0 else 6)

    found = asked(log(here, vector))

    assert found is not None
    assert "10 requests have vectors of another length than 6 numbers and are not compared" in found[2]
    assert "10 vectors have no direction (zero, or not a number)" in found[2]


def test_a_log_of_four_days(here: Path) -> None:
    """Two days and seven sessions a side are too few."""
    path = log(here, lambda i, later, random: random.standard_normal(4))
    day = datetime.timedelta(days=1)
    found = asked(path, Window(START, START + 2 * day), Window(START + 2 * day, START + 4 * day))

    assert found is not None
    assert () == found[0].rows
    assert "too few days and sessions" in found[2][-1]


def test_the_sample_is_bounded() -> None:
    """However long the vectors: no more numbers come to Python than a plain answer takes."""
    assert 2 * MOST_ROWS * 750 <= MOST_NUMBERS
