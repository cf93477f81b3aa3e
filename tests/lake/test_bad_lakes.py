"""Lakes that others have written in, that are damaged, or that cannot be reached: said, and nothing lost."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Run
from tests.lake.conftest import put, requests
from tests.lake.test_lake import added_up, data_files, sums


@pytest.fixture
def lake(here: Path, run: Run) -> Path:
    """Three days of requests."""
    put(here / "log.jsonl", requests(432))
    assert run("load", "log.jsonl", "--store", "lake/").code == 0
    return here / "lake"


def written_anew(path: Path, columns: str) -> None:
    """Another tool writes a partition: the same rows with other columns."""
    rows = f"SELECT {columns} FROM read_parquet('{path}', hive_partitioning = false)"
    duckdb.sql(f"COPY ({rows}) TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(path)


@pytest.mark.parametrize("place", [0, 1])
def test_a_column_that_another_tool_left_out(run: Run, lake: Path, place: int) -> None:
    """It is unknown in that partition, in the first file as in a later one; the others are counted."""
    written_anew(data_files(lake)[place], "* EXCLUDE (input_tokens)")
    lost = sum(range(144 * place, 144 * place + 144))
    ran = run("cost", "--store", "lake")

    assert [432, 432, added_up(432)[2] - lost] == sums(run, "lake")
    assert 0 == ran.code, ran.err


@pytest.mark.parametrize("place", [0, 1])
def test_a_column_of_another_type_whose_values_fit(run: Run, lake: Path, place: int) -> None:
    """Text that holds numbers, and times with a zone, are read as what they are."""
    written_anew(
        data_files(lake)[place],
        "* REPLACE (input_tokens::VARCHAR AS input_tokens, started_at::TIMESTAMPTZ AS started_at)",
    )
    first = run("sql", "select min(started_at) t from requests", "--store", "lake", "-f", "json")

    assert added_up(432) == sums(run, "lake")
    assert [{"t": "2026-09-01T00:00:00Z"}] == json.loads(first.out)["rows"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_column_of_another_type_with_a_value_that_does_not_fit(run: Run, lake: Path, place: int) -> None:
    """The file, the column, its type and the value are named."""
    path = data_files(lake)[place]
    written_anew(path, "* REPLACE ('[red]' || input_tokens AS input_tokens)")
    ran = run("cost", "--store", "lake")

    assert 1 == ran.code
    assert "" == ran.out
    assert f"{path.name}: column input_tokens is VARCHAR and holds '[red]" in ran.err
    assert "Traceback" not in ran.err


def test_a_half_written_file(run: Run, lake: Path) -> None:
    """It is named, whichever question meets it; nothing of the others is shown as the whole."""
    path = data_files(lake)[1]
    path.write_bytes(path.read_bytes()[:1_000])
    ran = run("cost", "--store", "lake")

    assert (1, "") == (ran.code, ran.out)
    assert f"{path.name}: not a whole Parquet file" in ran.err


def test_a_file_that_is_gone(run: Run, lake: Path) -> None:
    """It is named."""
    path = data_files(lake)[2]
    path.unlink()
    ran = run("cost", "--store", "lake")

    assert (1, "") == (ran.code, ran.out)
    assert f"{path.name}: this file of the lake is gone" in ran.err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "at": "now", "kind": "load"}', "null"])
def test_a_damaged_commit(run: Run, lake: Path, text: str) -> None:
    """It is named; nothing is answered from what is left."""
    commit = next((lake / "_llmscope/commits").iterdir())
    commit.write_text(text)
    ran = run("cost", "--store", "lake")

    assert (1, "") == (ran.code, ran.out)
    assert f"{commit.name}: " in ran.err


def test_a_commit_that_leads_out_of_the_lake(run: Run, lake: Path) -> None:
    """A path outside is no data file."""
    commit = next((lake / "_llmscope/commits").iterdir())
    commit.write_text(commit.read_text().replace('"path":"requests/', '"path":"../requests/', 1))
    ran = run("cost", "--store", "lake")

    assert 1 == ran.code
    assert "not a commit of a lake" in ran.err


def test_a_newer_lake(run: Run, lake: Path) -> None:
    """A lake of a later version is not guessed at."""
    (lake / "_llmscope/format.json").write_text('{"lake": "llmscope", "version": 9}')
    ran = run("cost", "--store", "lake")

    assert 1 == ran.code
    assert "written by a newer llmscope" in ran.err


def test_folders_that_are_no_lake(here: Path, run: Run) -> None:
    """A folder with other things in it is neither read nor made a lake; an empty one may become one."""
    put(here / "logs/log.jsonl", requests(3))
    (here / "empty").mkdir()
    read, made = run("cost", "--store", "logs"), run("load", "logs", "--store", "logs")
    ran = run("load", "logs", "--store", "empty")

    assert (1, 1, 0) == (read.code, made.code, ran.code)
    assert "no lake there" in read.err
    assert "a folder with other things in it" in made.err
    assert not (here / "logs/_llmscope").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(run: Run, lake: Path, here: Path) -> None:
    """Neither read nor written, and said so."""
    put(here / "more.jsonl", requests(3, 500))
    (lake / "requests").chmod(0o500)
    ran = run("load", "more.jsonl", "--store", "lake")
    (lake / "requests").chmod(0o700)

    assert 1 == ran.code
    assert "Permission denied" in ran.err
    assert added_up(432) == sums(run, "lake")


def test_a_file_in_the_lakes_place(here: Path, run: Run) -> None:
    """A path that ends in a slash means a folder."""
    put(here / "log.jsonl", requests(3))
    ran = run("load", "log.jsonl", "--store", "log.jsonl/")

    assert 1 == ran.code
    assert "Traceback" not in ran.err


def test_nothing_to_vacuum_and_nothing_to_compact(here: Path, run: Run, lake: Path) -> None:
    """A lake is compacted, a file is vacuumed; each says which."""
    run("load", "log.jsonl")
    vacuum, compact = run("store", "vacuum", "--store", "lake"), run("store", "compact")
    grace = run("store", "compact", "--store", "lake", "--grace", "soon")

    assert (2, 2, 2) == (vacuum.code, compact.code, grace.code)
    assert "llmscope store compact" in vacuum.err
    assert "llmscope store vacuum" in compact.err
    assert "no span" in grace.err


@pytest.mark.parametrize("url", ["ftp://host/lake", "s3://", "://", "http://127.0.0.1/lake"])
def test_urls_of_no_object_store(run: Run, url: str) -> None:
    """What is no place for a lake is a usage error."""
    assert 2 == run("cost", "--store", url).code


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    held: list[socket.socket] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    for one in held:
        one.close()


def test_an_endpoint_that_hangs(here: Path, program: Run, silent_port: int) -> None:
    """The program gives up within half a minute, and says what did not answer."""
    pytest.importorskip("s3fs", reason="no S3 filesystem: pip install s3fs")
    env = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent_port}",
        "AWS_ACCESS_KEY_ID": "lakekey",
        "AWS_SECRET_ACCESS_KEY": "top-secret",
    }
    begun = time.monotonic()
    ran = program("cost", "--store", "s3://lake/x", env=env)

    assert 1 == ran.code
    assert "does not answer" in ran.err
    assert "top-secret" not in ran.err
    assert time.monotonic() - begun < 40
