"""Loading again brings what is new and nothing else, whatever the file is called and however it is packed."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.store import Store
from tests.conftest import Run
from tests.load.writing import (
    counts,
    lines,
    load_into,
    packed,
    parquet,
    put,
    request,
    requests,
    rows,
    sum_to,
    table,
    totals,
)  # fmt: skip

STORE = "llmscope.duckdb"


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without ids"])
def test_a_file_already_loaded_is_skipped(here: Path, run: Run, ids: bool) -> None:
    """Again, renamed, in another folder, gzipped and zstd'd: by its content."""
    data = lines(requests(5, **({} if ids else {"request_id": ...})))
    put(here / "log.jsonl", data)
    run("load", "log.jsonl")
    copies = [
        here / "log.jsonl", put(here / "log.jsonl.1", data), put(here / "sub/other.log", data),
        put(here / "log.gz", packed(data, "gzip")), put(here / "log.zst", packed(data, "zstd")),
    ]  # fmt: skip
    said = [run("load", path).err for path in copies]

    assert all("0 rows loaded" in s and "1 file already loaded" in s for s in said)
    assert sum_to(5) == totals(here / STORE)


@pytest.mark.parametrize("name", ["log.csv", "log.json", "log.parquet"])
def test_other_containers_are_skipped_too(here: Path, run: Run, name: str) -> None:
    """CSV, JSON and Parquet."""
    import json

    records = requests(5, request_id="")
    data = {"log.csv": table(records), "log.json": json.dumps(records).encode(), "log.parquet": b""}[name]
    path = parquet(here / name, records) if name.endswith("parquet") else put(here / name, data)
    copy = shutil.copy(path, here / f"copy-{name}")
    run("load", path)

    assert "already loaded" in run("load", path).err
    assert "already loaded" in run("load", copy).err
    assert sum_to(5) == totals(here / STORE)


@pytest.mark.parametrize("write", [lines, table], ids=["jsonl", "csv"])
@pytest.mark.parametrize("how", ["none", "gzip"])
def test_a_grown_file_is_read_from_where_it_ended(tmp_path: Path, write, how: str) -> None:  # type: ignore[no-untyped-def]
    """Three rows, then five: the second load reads two lines."""
    store, path = Store(None), tmp_path / "log"
    reports = [load_into(store, put(path, packed(write(requests(n, request_id="")), how))) for n in (3, 5, 5)]

    assert ["loaded", "grown", "skipped"] == [r.files[0].outcome for r in reports]
    assert [{"lines": 3, "loaded": 3}, {"lines": 2, "loaded": 2}, {}] == [counts(r.files[0]) for r in reports]
    assert [1, 2, 3, 4, 5] == sorted(r["input_tokens"] for r in rows(store))


@pytest.mark.parametrize("write", [lines, table], ids=["jsonl", "csv"])
def test_a_half_written_last_line_waits(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    """It is neither a reject nor a row, and then it loads."""
    store, whole = Store(None), write(requests(3))
    first = load_into(store, put(tmp_path / "log", whole[:-20]))
    second = load_into(store, put(tmp_path / "log", whole))

    assert {"lines": 2, "loaded": 2} == counts(first.files[0])
    assert {"lines": 1, "loaded": 1} == counts(second.files[0])
    assert [1, 2, 3] == [r["input_tokens"] for r in rows(store)]


def test_a_whole_last_line_without_newline_loads_once(tmp_path: Path) -> None:
    """And its newline, written later, is no line."""
    store, data = Store(None), lines(requests(3, request_id=...))
    states = [data[:-1], data, data + lines([request(4, request_id=...)])]
    reports = [load_into(store, put(tmp_path / "log", d)) for d in states]

    assert [3, 0, 1] == [r.total("loaded") for r in reports]
    assert 4 == len(rows(store))


def in_pieces(data: bytes, cuts: list[int], name: str) -> list[tuple[object, ...]]:
    """The rows after the file has grown from cut to cut, loaded after each piece."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(None)
        for cut in [*sorted({min(c, len(data)) for c in cuts}), len(data)]:
            path = put(Path(folder) / name, data[:cut])
            from llmscope.load import LoadOptions, load

            load(store, [str(path)], LoadOptions(source="canonical"))
        found = sorted((r["input_tokens"], r.get("feature", ""), r["output_tokens"]) for r in rows(store))
        store.close()
        return found


FEATURES = st.sampled_from(["chat", "naïve ☃", 'quo"te', "a,b", "", "back\\slash"])


@settings(deadline=None, max_examples=15, database=None)
@given(st.lists(FEATURES, min_size=2, max_size=6), st.lists(st.integers(1, 900), max_size=4), st.booleans())
def test_growth_by_random_pieces_is_one_clean_load(features: list[str], cuts: list[int], ids: bool) -> None:
    """JSON lines cut at any byte, loaded after every piece."""
    data = lines(request(1, feature=f, request_id=f"r{i}" if ids else ...) for i, f in enumerate(features))

    assert sorted((1, f, 1) for f in features) == in_pieces(data, cuts, "log.jsonl")


@settings(deadline=None, max_examples=15, database=None)
@given(st.lists(FEATURES, min_size=2, max_size=6), st.lists(st.integers(100, 900), max_size=4), st.booleans())
def test_growth_of_a_csv_by_random_pieces_is_one_clean_load(features: list[str], cuts: list[int], ids: bool) -> None:
    """CSV cut at any byte behind its header."""
    data = table(
        request(1, feature=f, request_id=f"r{i}" if ids else "", output_tokens=123) for i, f in enumerate(features)
    )

    assert sorted((1, f, 123) for f in features) == in_pieces(data, cuts, "log.csv")


def test_a_rotated_file_is_known(here: Path, run: Run) -> None:
    """log is renamed log.1 and gzipped, a new log begins: the folder brings only what is new."""
    put(here / "logs/app.jsonl", lines(requests(3)))
    run("load", "logs")
    put(here / "logs/app.jsonl.1.gz", gzip.compress(lines(requests(4))))
    put(here / "logs/app.jsonl", lines(requests(2, 5)))
    run("load", "logs")

    # 1..4 from the rotated file (the fourth grew before rotation), 5 and 6 from the new one.
    assert sum_to(6) == totals(here / STORE)


def test_a_file_that_was_overwritten_is_another_file(tmp_path: Path) -> None:
    """The same name and length with other content."""
    store = Store(None)
    load_into(store, put(tmp_path / "log", lines(requests(3, 1))))
    report = load_into(store, put(tmp_path / "log", lines(requests(3, 4))))

    assert "loaded" == report.files[0].outcome
    assert 6 == len(rows(store))


def test_another_map_replaces(here: Path, run: Run) -> None:
    """The same file read another way stands instead of what was read before, also when the requests have no id."""
    record = {"ts": "2026-09-01", "model": "gpt-4-turbo", "prompt_tokens": 1, "team": "red", "squad": "blue"}
    put(here / "log.jsonl", lines([record, record]))
    run("load", "log.jsonl", "--map", "feature=team")
    first = run("cost", "--by", "feature", "-f", "csv", "--columns", "feature,requests").out
    run("load", "log.jsonl", "--map", "feature=squad")
    second = run("cost", "--by", "feature", "-f", "csv", "--columns", "feature,requests").out

    assert "feature,requests\nred,2\n" == first
    assert "feature,requests\nblue,2\n" == second


def test_standard_input_twice(here: Path, run: Run) -> None:
    """A cron job that pipes the same log twice loads it once; a longer one brings the rest."""
    for count, loaded in ((3, 3), (3, 0), (4, 1)):
        done = run("load", "-", stdin=lines(requests(count, request_id=...)))

        assert f"{loaded:,} row" in done.err
    assert sum_to(4) == totals(here / STORE)


def test_piped_and_named_are_one_log(here: Path, run: Run) -> None:
    """What came through a pipe is known when the file is named."""
    put(here / "log.jsonl", lines(requests(3, request_id=...)))
    run("load", "-", stdin=(here / "log.jsonl").read_bytes())

    assert "already loaded" in run("load", "log.jsonl").err


def test_loading_changes_no_total_of_a_folder(here: Path, run: Run) -> None:
    """Every container together, loaded twice."""
    put(here / "logs/a.jsonl", lines(requests(10)))
    put(here / "logs/b.csv", table(requests(10, 11)))
    put(here / "logs/c.json", b"[" + b",".join(lines(requests(10, 21)).splitlines()) + b"]")
    put(here / "logs/d.jsonl.gz", gzip.compress(lines(requests(10, 31))))
    parquet(here / "logs/e.parquet", requests(10, 41))
    for _ in range(2):
        assert 0 == run("load", "logs").code
        assert sum_to(50) == totals(here / STORE)
