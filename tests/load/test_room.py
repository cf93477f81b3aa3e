"""Whether a disk has room is told before anything is written: of every packing, for stores, copies and lakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from llmscope.load.room import stored_bytes
from tests.conftest import Run
from tests.load.writing import lines, packed, parquet, put, requests

ROWS = 30_000
WIDE = requests(2_000, feature="x" * 600)


@pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
def test_lines_however_packed(tmp_path: Path, how: str) -> None:
    """Every packing of the same two thousand wide lines is told by its first bytes to take about 40 bytes a line."""
    path = put(tmp_path / "log.jsonl", packed(lines(WIDE), how))

    assert stored_bytes(path, path.stat().st_size) == pytest.approx(2_000 * 40, rel=0.1)


def test_a_large_zstd_file_is_told_by_its_beginning(tmp_path: Path) -> None:
    """What is cut off in the middle of a block counts as far as it goes, and stands for the rest."""
    rows = requests(60_000)
    path = put(tmp_path / "log.jsonl.zst", packed(lines(rows), "zstd"))
    each = len(lines(rows[:1000])) / 1000 * 0.07

    assert path.stat().st_size > 3 * (64 << 10)
    assert stored_bytes(path, path.stat().st_size) == pytest.approx(60_000 * each, rel=0.25)


def test_parquet_by_its_footer(tmp_path: Path) -> None:
    """Forty bytes a row, and never more than the file has: a store packs less than Parquet."""
    wide = parquet(tmp_path / "wide.parquet", [{**r, "note": f"{i * 7919:0200}"} for i, r in enumerate(WIDE)])
    lean = parquet(tmp_path / "lean.parquet", [{"model": "gpt-4o", "input_tokens": 1}] * 5_000)
    cut = put(tmp_path / "cut.parquet", wide.read_bytes()[:-100])

    assert min(2_000 * 40, wide.stat().st_size) == stored_bytes(wide, wide.stat().st_size)
    assert lean.stat().st_size == stored_bytes(lean, lean.stat().st_size)
    assert 0 == stored_bytes(cut, cut.stat().st_size)


def test_a_lake_on_a_disk_that_is_too_small(run: Run, here: Path, small_disk: Path) -> None:
    """The lake's own disk is looked at, not only the one where its rows are gathered; nothing is committed."""
    log = put(here / "log.jsonl", lines(requests(1, feature="x" * 600)) * 90_000)
    ran = run("load", str(log), "--store", f"{small_disk}/lake/")

    assert 1 == ran.code
    assert f"{small_disk}/lake: 3.1" in ran.err
    assert "will need at least 3.56 MB; nothing was written" in ran.err
    assert [] == list(small_disk.rglob("*.parquet"))
    assert not (small_disk / "lake/_llmscope/commits").exists()


def test_what_a_lake_knows_needs_no_room(run: Run, here: Path, small_disk: Path) -> None:
    """Logs that the lake has already are not refused for want of room."""
    log = put(here / "log.jsonl", lines(requests(1, feature="x" * 600)) * 90_000)
    assert run("load", str(log), "--store", "lake/").code == 0
    shutil.copytree(here / "lake", small_disk / "lake")
    ran = run("load", str(log), "--store", f"{small_disk}/lake")

    assert 0 == ran.code, ran.err
    assert "1 file already loaded" in ran.err


def test_copies_that_find_no_room(run: Run, here: Path, small_disk: Path) -> None:
    """An export into a lake and a store written anew are refused before they begin; the store is as it was."""
    put(here / "log.jsonl", lines(requests(ROWS)))
    assert run("load", "log.jsonl").code == 0
    shutil.copy(here / "llmscope.duckdb", small_disk)
    (small_disk / "other").write_bytes(bytes(shutil.disk_usage(small_disk).free - 500_000))
    exported = run("export", "--to", f"{small_disk}/lake")
    vacuumed = run("store", "vacuum", "--store", f"{small_disk}/llmscope.duckdb")

    assert (1, 1) == (exported.code, vacuumed.code)
    assert "lake will need at least 1.2 MB; nothing was written" in exported.err
    assert "the copy of llmscope.duckdb will need at least 1.2 MB; nothing was written" in vacuumed.err
    assert not (small_disk / "lake/_llmscope/commits").exists()
    assert (small_disk / "llmscope.duckdb").read_bytes() == (here / "llmscope.duckdb").read_bytes()
