"""Many small files of one kind: loaded in one statement, with the rows and the counts of loading them one by one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from llmscope.load import COUNTS, LoadOptions, batch, load
from llmscope.store import Store
from tests.load.test_joined_sources import claude, observation, payload
from tests.load.writing import lines, request, requests

ROWS = "SELECT * EXCLUDE (load_id, faults) FROM requests ORDER BY ALL"


def both(
    folder: Path, monkeypatch: pytest.MonkeyPatch, again: bool = False
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The reports of a folder loaded as it is and one file at a time; the rows of both must be the same."""
    found = []
    for most in (batch.LARGEST_BYTES, -1):
        monkeypatch.setattr(batch, "LARGEST_BYTES", most)
        store = Store(folder.parent / f"{most}.duckdb")
        for _ in range(1 + again):
            report = load(store, [str(folder)], LoadOptions())
        for one in report.files:
            one.check()
        counts = [
            {"outcome": f.outcome, "notes": len(f.notes), **{n: getattr(f, n) for n in COUNTS}} for f in report.files
        ]
        loads = store.execute("SELECT path, lines, loaded, set_aside, duplicates, rejected FROM loads ORDER BY path")
        found.append((counts, store.execute(ROWS), loads))
        store.close()
    assert found[0][1] == found[1][1]
    assert found[0][2] == found[1][2]
    return found[0][0], found[1][0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "logs"
    made.mkdir()
    return made


def test_plain_files_give_the_same_rows_and_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        (folder / f"{n}.jsonl").write_bytes(lines(requests(10, first=10 * n)))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert [c["loaded"] for c in together] == [10] * 5


def test_packed_files_are_read_packed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (folder / f"{n}.jsonl.gz").write_bytes(gzip.compress(lines(requests(400, first=400 * n))))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sum(c["loaded"] for c in together) == 1200


def test_a_request_in_two_of_the_files_counts_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.jsonl").write_bytes(lines(requests(3)))
    (folder / "b.jsonl").write_bytes(lines(requests(3, first=3)))
    together, _ = both(folder, monkeypatch)
    assert sum(c["loaded"] for c in together) == 5
    assert sum(c["duplicates"] for c in together) == 1


def test_the_same_content_under_two_names_is_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.jsonl").write_bytes(lines(requests(3, first=7 if name == "c" else 1)))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sorted(c["outcome"] for c in together) == ["loaded", "loaded", "skipped"]


def test_a_bad_line_is_refused_where_it_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (folder / f"{n}.jsonl").write_bytes(lines(requests(3, first=3 * n + 1)) + b"{oops\n" * (n == 1))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert [c["rejected"] for c in together] == [0, 1, 0]


def test_a_half_written_line_waits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (folder / f"{n}.jsonl").write_bytes(lines(requests(3, first=3 * n + 1)) + b'{"request_id": "r99' * (n == 2))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sum(c["loaded"] for c in together) == 9


def test_a_key_that_appears_late_in_one_of_them_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        first = requests(300, first=1000 * n)
        (folder / f"{n}.jsonl").write_bytes(lines([*first, request(1000 * n + 999, user_id="ada")]))
    together, apart = both(folder, monkeypatch)
    assert together == apart


def test_values_that_cannot_be_read_are_counted_for_their_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        wrong = {"input_tokens": "many"} if n == 1 else {}
        (folder / f"{n}.jsonl").write_bytes(lines([request(10 * n), request(10 * n + 1, **wrong)]))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert [c["notes"] for c in together] == [0, 1, 0]


@pytest.mark.parametrize("made", [claude, payload, observation])
def test_every_kind_of_source(folder: Path, monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    for n in range(4):
        (folder / f"{n}.jsonl").write_bytes(lines([made(10 * n + i) for i in range(5)]))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sum(c["loaded"] for c in together) == 20


def test_a_request_a_file_as_an_object(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        (folder / f"{n}.json").write_text(json.dumps(payload(n + 1), indent=1 if n % 2 else None))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert [c["loaded"] for c in together] == [1] * 6


def test_a_second_load_skips_all_and_a_grown_file_is_read_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (folder / f"{n}.jsonl").write_bytes(lines(requests(3, first=3 * n + 1)))
    together, apart = both(folder, monkeypatch, again=True)
    assert together == apart
    assert {c["outcome"] for c in together} == {"skipped"}
    store = Store(folder.parent / "grown.duckdb")
    load(store, [str(folder)], LoadOptions())
    with (folder / "1.jsonl").open("ab") as log:
        log.write(lines([request(50)]))
    outcomes = [(f.outcome, f.loaded) for f in load(store, [str(folder)], LoadOptions()).files]
    store.close()
    assert outcomes == [("skipped", 0), ("grown", 1), ("skipped", 0)]


def test_an_object_a_file_without_a_line_end_is_loaded_with_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As most programs write them; none is left to be loaded by itself."""
    for n in range(6):
        (folder / f"{n}.json").write_text(json.dumps(payload(n + 1)))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    monkeypatch.setattr(batch, "LARGEST_BYTES", 8 << 20)
    monkeypatch.setattr("llmscope.load.load_one", None)
    store = Store(folder.parent / "alone.duckdb")
    for outcome in ("loaded", "skipped"):
        assert [outcome] * 6 == [f.outcome for f in load(store, [str(folder)], LoadOptions()).files]
    store.close()


def test_a_file_that_begins_with_another_is_read_from_there_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy made earlier lies beside its log; their requests bring no ids."""
    made = requests(6, request_id=...)
    (folder / "a.jsonl").write_bytes(lines(made[:3]))
    (folder / "b.jsonl").write_bytes(lines(made))
    (folder / "c.jsonl").write_bytes(lines(requests(2, first=50, request_id=...)))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sum(c["loaded"] for c in together) == 8


@pytest.mark.parametrize("made", [claude, request])
def test_a_stranger_far_down_in_one_of_the_files_goes_to_its_own_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch, made: Any
) -> None:
    for n in range(3):
        first = [json.loads(json.dumps(made(1)).replace("_1", f"_{n}_{i}").replace('"r1"', f'"r{n}-{i}"'))
                 | {"pad": "x" * 900} for i in range(500)]  # fmt: skip
        (folder / f"{n}.jsonl").write_bytes(lines(first[:400] + [observation(3)] * (n == 1) + first[400:]))
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert sum(c["loaded"] for c in together) == 1501


def test_a_damaged_file_does_not_spoil_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        data = gzip.compress(lines(requests(400, first=400 * n + 1, feature=...)))
        (folder / f"{n}.jsonl.gz").write_bytes(data[:-9] if n == 1 else data)
    together, apart = both(folder, monkeypatch)
    assert together == apart
    assert ["loaded", "failed", "loaded"] == [c["outcome"] for c in together]


def test_a_file_that_changes_meanwhile_is_left_to_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows after its bytes were counted; the others are loaded, and nothing is there twice."""
    for n in range(4):
        (folder / f"{n}.jsonl").write_bytes(lines(requests(3, first=10 * n)))
    put_members = batch.put_members

    def meddle(*arguments: Any) -> None:
        put_members(*arguments)
        with (folder / "1.jsonl").open("ab") as log:
            log.write(lines([request(99)]))

    monkeypatch.setattr(batch, "put_members", meddle)
    store = Store(None)
    report = load(store, [str(folder)], LoadOptions())
    found = store.execute("SELECT count(*), count(DISTINCT request_id) FROM requests")
    store.close()
    assert ["loaded"] * 4 == [f.outcome for f in report.files]
    assert [(13, 13)] == found


def test_names_that_mean_something_to_the_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a'b", 'a"b', "a{x}b", "a%s", "new\nline", "$load", "a*b", "[1]", "~", "{values}"]
    for n, name in enumerate(names):
        (folder / f"{name}.jsonl").write_bytes(lines([claude(10 + n)]))
    monkeypatch.chdir(folder)
    together, apart = both(Path(), monkeypatch)
    assert together == apart
    assert len(names) == sum(c["loaded"] for c in together)
