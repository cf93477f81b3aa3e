"""A file of labels, edited and loaded again: the newest value counts, a cleared cell withdraws, nothing is doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, request

LONG = b"request_id,score,rater\nr1,4,al\nr2,3,al\nr3,5,al\n"
WIDE = b"request_id,alice_human,gpt-judge\nr1,4,4\nr2,3,2\nr3,5,5\n"


def stored(run: Run) -> list[tuple[Any, ...]]:
    """Item, rater and figure of every label in the store."""
    done = run("sql", "SELECT request_id, rater, value FROM scores ORDER BY ALL", "-f", "jsonl")
    assert 0 == done.code, done.err
    return [tuple(json.loads(line).values()) for line in done.out.splitlines()]


@pytest.mark.parametrize(("text", "old", "new"), [(LONG, b"r2,3,al\nr3,5,al", b"r2,1,al\nr3,,al"),
                                                 (WIDE, b"r2,3,2\nr3,5,5", b"r2,1,2\nr3,,5")])  # fmt: skip
def test_an_edited_file_is_the_last_word(here: Path, run: Run, text: bytes, old: bytes, new: bytes) -> None:
    """One cell is changed and one cleared, both are told; again changes nothing; put back, all is as it was."""
    put(here / "labels.csv", text)
    run("load", "labels.csv")
    first = stored(run)
    put(here / "labels.csv", text.replace(old, new))
    done = run("load", "labels.csv")
    edited = stored(run)
    run("load", "labels.csv")

    told = ("1 label changed", "1 label withdrawn", "1 set aside")
    assert (0, [True] * 3) == (done.code, [words in done.out for words in told]), done.out
    name = first[0][1]
    assert {("r2", name, 3.0), ("r3", name, 5.0)} == set(first) - set(edited)
    assert {("r2", name, 1.0)} == set(edited) - set(first)
    assert len(first) - 1 == len(edited) == len(stored(run))
    put(here / "labels.csv", text)
    run("load", "labels.csv")
    assert first == stored(run)


def test_an_empty_cell_elsewhere_withdraws_nothing(here: Path, run: Run) -> None:
    """Another file in which nothing is filled in yet, a row without its rater, and a row that is gone: labels stay."""
    put(here / "one.csv", LONG)
    run("load", "one.csv")
    put(here / "two.csv", LONG.replace(b"4,", b",").replace(b"3,", b",").replace(b"5,", b","))
    run("load", "two.csv")
    put(here / "one.csv", b"request_id,score,rater\nr1,4,al\nr2,,\n")
    done = run("load", "one.csv")

    assert "withdrawn" not in done.out
    assert [("r1", "al", 4.0), ("r2", "al", 3.0), ("r3", "al", 5.0)] == stored(run)


def test_another_file_of_the_same_labels_is_newer(here: Path, run: Run) -> None:
    """The same item, name and rater in another file is one label, the newest; another rater's is another label."""
    put(here / "one.csv", LONG)
    put(here / "two.csv", b"request_id,score,rater\nr1,2,Al\nr1,2,bo\n")
    run("load", "one.csv")
    done = run("load", "two.csv")

    assert "1 label changed" in done.out
    assert [("r1", "Al", 2.0), ("r1", "bo", 2.0), ("r2", "al", 3.0), ("r3", "al", 5.0)] == stored(run)


def test_an_item_in_two_rows_of_a_wide_table_is_two_labels(here: Path, run: Run) -> None:
    """Neither takes the other's place, and loaded again under another name they are the same two."""
    text = WIDE + b"r1,2,2\n"
    put(here / "wide.csv", text)
    run("load", "wide.csv")
    once = stored(run)
    put(here / "again.csv", text.replace(b"r2,3,2", b"r2,3,1"))
    run("load", "again.csv")

    assert [2.0, 4.0] == [row[2] for row in once if row[:2] == ("r1", "alice_human")]
    assert 8 == len(once) == len(stored(run))


def test_comments_that_are_not_kept_are_told(here: Path, run: Run) -> None:
    """Two comments without --keep-text are counted; with it they are stored and nothing is said."""
    put(here / "l.csv", b"request_id,score,rater,comment\nr1,4,al,too long\nr2,3,al,\nr3,5,al,odd\n")
    plain = run("load", "l.csv", "--store", "one.duckdb")
    kept = run("load", "l.csv", "--keep-text", "--store", "two.duckdb")
    found = run("sql", "SELECT explanation FROM scores WHERE explanation IS NOT NULL", "--store", "two.duckdb")

    assert "2 comments are not kept" in plain.out
    assert "comment" not in kept.out
    assert "too long" in found.out


def test_a_sample_of_a_thinned_log_stands_for_all_of_it(here: Path, run: Run) -> None:
    """Forty rows of weight 10, of which 8 are drawn: each stands for 50, together for the 400 that the note names."""
    put(here / "thin.jsonl", lines(request(i, status="ok", sample_weight=10) for i in range(40)))
    found = json.loads(run("sample", "thin.jsonl", "--n", "8", "-f", "json").out)

    assert [50.0] * 8 == [row["sample_weight"] for row in found["rows"]]
    assert any("the about 400 that these stand for" in note for note in found["notes"])
    assert not any("rows kept" in note for note in found["notes"])


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_an_interrupt_is_one_while_the_engine_takes_a_function(tmp_path: Path, seconds: float) -> None:
    """Ctrl-C while the engine takes over a Python function, numpy not being imported yet, is not numpy being absent."""
    code = (
        "import os, signal, sys, threading, time\n"
        "from llmscope.engines import duckdb as engine\n"
        "con = engine.connect()\n"
        "def press():\n"
        f"    time.sleep({seconds}); os.kill(os.getpid(), signal.SIGINT)\n"
        "try:\n"
        "    threading.Thread(target=press).start()\n"
        "    engine.register_text(con, 'same', lambda text: text)\n"
        "    time.sleep(30)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=False)  # fmt: skip

    assert (130, "") == (done.returncode, done.stderr)
