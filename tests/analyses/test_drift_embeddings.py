"""Vectors out of a log: sampled, compared, and what is said where they cannot be."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np

import llmscope
from llmscope.analyses._drift_embeddings import MOST_NUMBERS, MOST_ROWS, Answer, answer
from llmscope.result import Window
from tests.load.writing import lines, put, request

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
