"""`llmscope store`: info, rejects, vacuum, forget."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from llmscope.store import SCHEMA_VERSION
from tests.commands.conftest import RECORDS, Run

ENVELOPE = ["llmscope", "command", "window", "columns", "rows", "totals", "parts", "series", "findings", "notes",
            "coverage"]  # fmt: skip


def test_info(run: Run, store: Path) -> None:
    """Counts, window and size are those of the log that was loaded."""
    ran = run("store", "info", "-f", "json")
    row = ran.rows[0]
    source = ran.json["parts"]["by source"]["rows"]

    assert list(ran.json) == ENVELOPE
    assert (row["requests"], row["spans"], row["scores"]) == (4, 0, 0)
    assert (row["files"], row["loads"], row["rejected_lines"], row["version"]) == (1, 1, 2, SCHEMA_VERSION)
    assert (row["first_request"], row["last_request"]) == ("2026-09-30T23:59:59Z", "2026-10-02T00:00:00Z")
    assert row["size_bytes"] == store.stat().st_size
    assert [(s["source"], s["requests"], s["rejected_lines"]) for s in source] == [("flat", 4, 2)]


def test_rejects(run: Run, store: Path) -> None:
    """File, line, byte and reason of what was refused, its head redacted and made harmless."""
    ran = run("store", "rejects", "-f", "json")
    at = [len("".join(json.dumps(r) + "\n" for r in RECORDS))]
    at.append(at[0] + len("{broken user@example.com\n"))

    assert [(r["file"], r["line"], r["byte"]) for r in ran.rows] == [("tiny.jsonl", 5, at[0]), ("tiny.jsonl", 6, at[1])]
    assert "user@example.com" not in ran.out
    assert "\x1b" not in run("store", "rejects", "-f", "table").out


def test_rejects_limit(run: Run, store: Path) -> None:
    """--limit bounds the rows, and the note says how many there are."""
    ran = run("store", "rejects", "--limit", "1", "-f", "json")

    assert len(ran.rows) == 1
    assert ran.json["notes"] == ["1 of 2 shown; --limit N shows more"]
    assert run("store", "rejects", "--limit", "0").code == 2


def test_forget(run: Run, store: Path) -> None:
    """What is older goes, what has no time stays, and the file is not loaded again."""
    ran = run("store", "forget", "--before", "2026-10", "-f", "json")
    left = run("sql", "select request_id from requests order by 1", "-f", "csv").out.split()
    again = run("load", "tiny.jsonl")

    assert ran.rows[0] == {"table": "requests", "forgotten": 1, "kept": 3, "kept_without_time": 1}
    assert ran.json["totals"]["forgotten"] == 1
    assert left == ["request_id", "b", "c", "d"]
    assert "already loaded" in again.err
    assert run("store", "info", "-f", "json").rows[0]["requests"] == 3


def test_forget_takes_the_vectors_of_what_is_forgotten(run: Run, store: Path) -> None:
    """A vector tells of its prompt: it goes with its request. One whose request never came stays."""
    ids = [row["request_id"] for row in run("sql", "select request_id from requests order by 1", "-f", "json").rows]
    Path("v.jsonl").write_text("".join(json.dumps({"id": i, "vector": [1, 2]}) + "\n" for i in [*ids, "unknown"]))
    run("load", "v.jsonl")
    info = run("store", "info", "-f", "json")
    ran = run("store", "forget", "--before", "2026-10", "-f", "json")
    left = run("sql", "select vector_id from vectors order by 1", "-f", "csv").out.split()

    assert info.rows[0]["vectors"] == 5
    assert "1 of 5 vectors are of requests that are not loaded" in info.json["notes"]
    assert ran.rows[-1] == {"table": "vectors", "forgotten": 1, "kept": 4, "kept_without_time": 1}
    assert left == ["vector_id", "b", "c", "d", "unknown"]


def test_forget_is_half_open(run: Run, store: Path) -> None:
    """A request made at the very moment stays."""
    ran = run("store", "forget", "--before", "2026-10-01T00:00:00", "-f", "json")

    assert ran.rows[0]["forgotten"] == 1


@pytest.mark.parametrize("arguments", [(), ("--before", "soon"), ("--before", "2026-13")])
def test_forget_what(run: Run, store: Path, arguments: tuple[str, ...]) -> None:
    """Without a date, or with none that can be read, nothing is deleted."""
    assert run("store", "forget", *arguments).code == 2
    assert run("store", "info", "-f", "json").rows[0]["requests"] == 4


def test_vacuum(run: Run, tmp_path: Path) -> None:
    """Space comes back; every row is as it was, in its order, the mode of the file too, and nothing is left beside."""
    log = tmp_path / "big.jsonl"
    log.write_text("".join(json.dumps({**RECORDS[0], "id": f"r{i}" * 20}) + "\n" for i in range(30_000)))
    run("load", "big.jsonl", "-q")
    log.write_text(json.dumps({**RECORDS[1], "id": "new"}) + "\n")
    run("load", "big.jsonl", "-q")
    run("store", "forget", "--before", "2026-10")
    store = tmp_path / "llmscope.duckdb"
    store.chmod(0o640)
    asked = ("sql", "select * exclude (faults) from requests", "-f", "json")
    before, rows = store.stat().st_size, run(*asked).rows
    row = run("store", "vacuum", "-f", "json").rows[0]

    assert row["after_bytes"] == store.stat().st_size < before
    assert row["freed_bytes"] == row["before_bytes"] - row["after_bytes"]
    assert run(*asked).rows == rows
    assert store.stat().st_mode & 0o777 == 0o640
    assert {p.name for p in tmp_path.iterdir()} == {"big.jsonl", "llmscope.duckdb"}
    assert "already loaded" in run("load", "big.jsonl").err


def test_vacuum_through_a_link(run: Run, store: Path) -> None:
    """A link to the store stays a link."""
    link = store.with_name("link.duckdb")
    link.symlink_to(store)

    assert run("store", "vacuum", "--store", str(link)).code == 0
    assert link.is_symlink()
    assert run("store", "info", "-f", "json").rows[0]["requests"] == 4


@pytest.mark.parametrize("command", [("info",), ("rejects",), ("vacuum",), ("forget", "--before", "2026")])
def test_no_store(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A store that is not there is not made; two ways to go on are named."""
    arguments = ("forget", "--before", "2026-01") if command[0] == "forget" else command
    ran = run("store", *arguments)

    assert (ran.code, ran.out) == (1, "")
    assert "llmscope load" in ran.err
    assert "--store" in ran.err
    assert not (tmp_path / "llmscope.duckdb").exists()


@pytest.mark.parametrize("command", [("info",), ("vacuum",), ("forget", "--before", "2026-10")])
def test_a_newer_store(run: Run, store: Path, command: tuple[str, ...]) -> None:
    """A store of a newer version is left alone, with the way out."""
    with duckdb.connect(str(store)) as con:
        con.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    before = store.read_bytes()
    ran = run("store", *command)

    assert ran.code == 1
    assert "newer llmscope" in ran.err
    assert "pip install --upgrade" in ran.err
    assert store.read_bytes() == before


def test_no_store_of_ours(run: Run, tmp_path: Path) -> None:
    """A text file, and a DuckDB file of somebody else's, are named as such and stay as they are."""
    (tmp_path / "text.duckdb").write_text("hello" * 5000)
    with duckdb.connect(str(tmp_path / "other.duckdb")) as con:
        con.execute("CREATE TABLE theirs (a INTEGER)")

    assert run("store", "info", "--store", "text.duckdb").code == 1
    assert "not an llmscope store" in run("store", "vacuum", "--store", "other.duckdb").err
