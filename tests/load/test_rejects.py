"""What is refused is kept where it can be found, or refuses the whole file where the person wants that."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, requests, table, totals

BAD = b'{"request_id":"x","mail":"jane@example.com",\n'


def rejects(store: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(store), read_only=True) as con:
        return con.execute("SELECT file, line, byte, reason, head FROM rejects ORDER BY line").fetchall()


def test_a_reject_says_where_and_why(here: Path, run: Run) -> None:
    """File, line counted from 1, byte counted from 0, reason, and the head with personal data redacted."""
    first = lines(requests(2))
    put(here / "log.jsonl", first + BAD + b"[1]\n")
    done = run("load", "log.jsonl")

    assert 0 == done.code
    assert "2 rejected" in done.err
    (file, line, byte, reason, head), second = rejects(here / "llmscope.duckdb")
    assert ("log.jsonl", 3, len(first)) == (file, line, byte)
    assert str(reason).startswith("malformed JSON: ")
    assert "jane@example.com" not in str(head)
    assert str(head).startswith('{"request_id":"x"')
    assert ("log.jsonl", 4, len(first) + len(BAD), "not an object but an array", "[1]") == second


def test_lines_are_counted_from_the_files_beginning_after_growth(here: Path, run: Run) -> None:
    """A bad line of the second load has the number an editor shows."""
    log = put(here / "log.jsonl", lines(requests(3)))
    run("load", log)
    with log.open("ab") as out:
        out.write(b"nonsense\n" + lines(requests(1, 4)))
    run("load", log)

    assert [(4, len(lines(requests(3))))] == [(r[1], r[2]) for r in rejects(here / "llmscope.duckdb")]
    assert (4, 10, 4) == totals(here / "llmscope.duckdb")


def test_a_csv_reject_says_where_and_why(here: Path, run: Run) -> None:
    """A row of too few fields."""
    put(here / "log.csv", table(requests(2)) + b"r3,2026\n")
    run("load", "log.csv")

    [(file, line, byte, reason, head)] = rejects(here / "llmscope.duckdb")
    assert ("log.csv", 4, len(table(requests(2)))) == (file, line, byte)
    assert "malformed CSV" in str(reason)
    assert "r3,2026" == str(head).strip()


def test_csv_rejects_are_their_own_files(here: Path, run: Run) -> None:
    """A bad row of one file is not counted again in the next, and growth does not move it."""
    put(here / "a.csv", table(requests(2)) + b"bad,row\n")
    put(here / "b.csv", table(requests(2, 11)))
    done = run("load", "a.csv", "b.csv", "-f", "csv", "--columns", "file,lines,loaded,rejected")
    with (here / "b.csv").open("ab") as out:
        out.write(b"worse,row\n")
    run("load", "b.csv")

    assert "file,lines,loaded,rejected\na.csv,3,2,1\nb.csv,2,2,0\n" == done.out
    assert [("a.csv", 4, len(table(requests(2)))), ("b.csv", 4, len(table(requests(2, 11))))] == [
        r[:3] for r in rejects(here / "llmscope.duckdb")
    ]


def test_invalid_utf8_is_a_reason(here: Path, run: Run) -> None:
    """The line, not the file."""
    put(here / "log.jsonl", lines(requests(1)) + b'{"request_id":"\xff"}\n')
    run("load", "log.jsonl")

    assert [(2, "not valid UTF-8")] == [(r[1], r[3]) for r in rejects(here / "llmscope.duckdb")]


@pytest.mark.parametrize("bad", [b"nonsense\n", lines(requests(1, 9, input_tokens="many"))], ids=["line", "value"])
def test_strict_refuses_the_file(here: Path, run: Run, bad: bytes) -> None:
    """Exit 4, the fault named, and the store as it was."""
    put(here / "a.jsonl", lines(requests(2)))
    put(here / "b.jsonl", lines(requests(2, 5)) + bad)
    assert 0 == run("load", "a.jsonl", "--strict").code
    before = totals(here / "llmscope.duckdb")
    done = run("load", "b.jsonl", "--strict")

    assert 4 == done.code
    assert "b.jsonl" in done.err
    assert before == totals(here / "llmscope.duckdb") == (2, 3, 2)
    assert [] == rejects(here / "llmscope.duckdb")


@pytest.mark.parametrize(("limit", "code"), [("24", 4), ("25", 0), ("0", 4)])
def test_max_bad_is_per_cent_of_lines(here: Path, run: Run, limit: str, code: int) -> None:
    """One line of four is 25 per cent, which 25 allows."""
    put(here / "log.jsonl", lines(requests(3)) + b"nonsense\n")
    done = run("load", "log.jsonl", "--max-bad", limit)

    assert code == done.code
    assert (3, 6, 3) == totals(here / "llmscope.duckdb") if code == 0 else "25.00 %" in done.err


def test_a_question_of_files_can_be_strict(here: Path, run: Run) -> None:
    """Also where nothing is stored."""
    put(here / "log.jsonl", lines(requests(3)) + b"nonsense\n")

    assert 4 == run("cost", "log.jsonl", "--strict").code
    assert 0 == run("cost", "log.jsonl").code


def test_the_small_print_counts_rejects(here: Path, run: Run) -> None:
    """Under a question, where the first one stands."""
    put(here / "log.jsonl", lines(requests(3)) + b"nonsense\n")
    done = run("cost", "log.jsonl")

    assert "1 line could not be read" in done.out
    assert "log.jsonl:4" in done.out
