"""What cannot be read: a message that says what, where and what to do; its exit code; the store as it was."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llmscope.errors import LlmscopeError
from llmscope.load.bring import in_file
from llmscope.load.discover import inspect
from tests.conftest import Run
from tests.load.writing import lines, packed, parquet, put, request, requests, sum_to, table, totals

STORE = "llmscope.duckdb"
GOOD = lines(requests(3))
Make = Callable[[Path], object]


def cut(data: bytes) -> bytes:
    """All but the last third."""
    return data[: len(data) * 2 // 3]


def cut_parquet(here: Path) -> None:
    path = parquet(here / "bad", requests(500))
    path.write_bytes(cut(path.read_bytes()))


BIG = b"".join(
    os.urandom(8).hex().encode().join([b'{"started_at":"2026-09-01","input_tokens":1,"user_id":"', b'"}\n'])
    for _ in range(40_000)
)

# What is in the file called "bad", and words the message must have.
UNREADABLE: dict[str, tuple[Make, list[str]]] = {
    "binary": (lambda here: put(here / "bad", b"\x00\x01\x02\xff" * 100), ["binary", "JSONL, JSON, CSV and Parquet"]),
    "prose": (lambda here: put(here / "bad", b"Dear reader!\nThis is no log.\n"), ["not a log format"]),
    "utf-16": (lambda here: put(here / "bad", GOOD.decode().encode("utf-16")), ["UTF-16", "iconv"]),
    "csv without header": (
        lambda here: put(here / "bad", table(requests(3)).split(b"\n", 1)[1]),
        ["header", "line of column names"],
    ),
    "csv of numbers": (lambda here: put(here / "bad", b"1,2,3\n4,5,6\n"), ["header"]),
    "csv naming a column twice": (lambda here: put(here / "bad", b"ts,model,model\n1,2,3\n"), ["header", "once"]),
    "parquet cut short": (cut_parquet, ["Parquet", "cut short"]),
    "gzip cut short": (
        lambda here: put(here / "bad", cut(gzip.compress(BIG))),
        ["gzip", "cut short", "nothing of it was loaded"],
    ),
    "small gzip cut short": (lambda here: put(here / "bad", cut(gzip.compress(GOOD))), ["gzip", "cut short"]),
    "gzip damaged": (lambda here: put(here / "bad", damaged(gzip.compress(BIG))), ["gzip", "damaged"]),
    "zstd cut short": (lambda here: put(here / "bad", cut(packed(BIG, "zstd"))), ["zstd", "cut short"]),
    "no key known": (lambda here: put(here / "bad", lines([{"alpha": 1, "beta": 2}] * 3)), ["alpha, beta", "--map"]),
    "csv with no key known": (lambda here: put(here / "bad", b"alpha,beta\n1,2\n"), ["alpha, beta", "--map"]),
    "json of numbers": (lambda here: put(here / "bad", b"[1,2,3]"), ["no object"]),
    "json cut short": (lambda here: put(here / "bad", cut(json.dumps(requests(3), indent=1).encode())), ["cut short"]),
    "array on one line cut short": (
        lambda here: put(here / "bad", cut(json.dumps(requests(3)).encode())),
        ["cut short"],
    ),
    "only broken lines": (lambda here: put(here / "bad", b'{"a":\n{"b":\n'), ["cut short"]),
}


def damaged(data: bytes) -> bytes:
    """A few bytes changed in the middle."""
    middle = len(data) // 2
    return data[:middle] + b"\x55" * 64 + data[middle + 64 :]


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files(here: Path, run: Run, case: str) -> None:
    """By name: exit 1, for load and for a question; the store keeps what it had, and the message has no traceback."""
    make, words = UNREADABLE[case]
    put(here / "good.jsonl", GOOD)
    run("load", "good.jsonl")
    make(here)
    for done in (run("load", "bad"), run("cost", "bad")):
        assert 1 == done.code
        assert "bad" in done.err
        assert [] == [w for w in words if w not in done.err]
        assert "Traceback" not in done.err
        assert len(done.err) < 800
        assert "SELECT" not in done.err
    assert sum_to(3) == totals(here / STORE)


@pytest.mark.parametrize("case", UNREADABLE)
def test_the_other_files_of_a_load_go_on(here: Path, run: Run, case: str) -> None:
    """Exit 1 says that one failed; the good one before and the good one after are in."""
    put(here / "a.jsonl", GOOD)
    put(here / "c.jsonl", lines(requests(3, 4)))
    UNREADABLE[case][0](here)

    assert 1 == run("load", "a.jsonl", "bad", "c.jsonl").code
    assert sum_to(6) == totals(here / STORE)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n  \n", b"\xef\xbb\xbf", gzip.compress(b"")], ids=["0 bytes", "blank", "bom", "gzip"]
)
def test_an_empty_file_is_no_error(here: Path, run: Run, data: bytes) -> None:
    """Exit 0 and a word; 5 under a gate."""
    put(here / "log.jsonl", data)
    loaded, asked = run("load", "log.jsonl"), run("cost", "log.jsonl")

    assert (0, 0) == (loaded.code, asked.code)
    assert "empty" in loaded.out + loaded.err
    assert "empty" in asked.out + asked.err
    assert 5 == run("cost", "log.jsonl", "--fail-if", "cost_usd > 1").code


@pytest.mark.parametrize("command", ["load", "cost"])
def test_a_path_that_is_not_there(here: Path, run: Run, command: str) -> None:
    """Exit 1 and the nearest name; nothing of the others is loaded before it is said."""
    put(here / "nightly.jsonl", GOOD)
    done = run(command, "nightly.jsonl", "nigthly.jsonl")

    assert 1 == done.code
    assert "nigthly.jsonl: no such file or folder" in done.err
    assert "did you mean nightly.jsonl?" in done.err


def test_a_glob_that_matches_nothing(here: Path, run: Run) -> None:
    """Is a path that is not there."""
    done = run("cost", "logs/*.jsonl")

    assert 1 == done.code
    assert "logs/*.jsonl" in done.err


def test_a_folder_of_nothing(here: Path, run: Run) -> None:
    """A word that there is no log in it; exit 0, and 5 under a gate."""
    (here / "logs").mkdir()
    loaded, asked = run("load", "logs"), run("cost", "logs")

    assert (0, 0) == (loaded.code, asked.code)
    assert "logs: a folder with no log in it" in loaded.out
    assert "logs" in asked.out
    assert 5 == run("cost", "logs", "--fail-if", "cost_usd > 1").code


def test_stray_files_in_a_folder_are_noted(here: Path, run: Run) -> None:
    """What merely lies there is no error."""
    put(here / "logs/a.jsonl", GOOD)
    put(here / "logs/package.json", b'{"name":"x","dependencies":{}}')
    put(here / "logs/README.md", b"# no log\n")
    put(here / "logs/.hidden.jsonl", lines(requests(3, 10)))
    done = run("load", "logs")

    assert 0 == done.code
    assert sum_to(3) == totals(here / STORE)
    assert "package.json" in done.out


def test_no_logs_and_no_store(here: Path, run: Run) -> None:
    """Exit 1 and the two ways to go on."""
    done = run("cost")

    assert 1 == done.code
    assert "llmscope cost logs/" in done.err
    assert "llmscope load logs" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cost", "log.jsonl", "--by", "featur"], ["featur", "did you mean feature"]),
        (["cost", "log.jsonl", "--by", "feature,feature"], ["twice"]),
        (["cost", "log.jsonl", "--over", "fortnight"], ["fortnight"]),
        (["cost", "log.jsonl", "--sort", "cost_us"], ["cost_usd"]),
        (["cost", "log.jsonl", "--columns", "requets"], ["requests"]),
        (["cost", "log.jsonl", "--where", "featur = 'a'"], ["feature"]),
        (["cost", "log.jsonl", "--where", "(select 1) = 1"], ["subquery"]),
        (["cost", "log.jsonl", "--where", "read_text('/etc/passwd') = 'x'"], ["read_text"]),
        (["cost", "log.jsonl", "--fail-if", "cost_us > 1"], ["cost_usd"]),
        (["cost", "log.jsonl", "--map", "modle=x"], ["model"]),
        (["cost", "log.jsonl", "--map", "model"], ["COLUMN=KEY"]),
        (["cost", "log.jsonl", "--source", "flatt"], ["flat"]),
        (["cost", "log.jsonl", "--tz", "Europe/Zurick"], ["Europe/Zurich"]),
        (["cost", "log.jsonl", "--source-tz", "Mars"], ["Mars"]),
        (["cost", "log.jsonl", "--since", "soon"], ["soon", "2026-09"]),
        (["cost", "log.jsonl", "--since", "2026-09-02", "--until", "2026-09-01"], ["not after"]),
        (["cost", "log.jsonl", "--format", "jsn"], ["json"]),
        (["cost", "log.jsonl", "-o", "answer.xls"], ["xls"]),
        (["cost", "log.jsonl", "--top", "0"], ["--top"]),
        (["cost", "log.jsonl", "--top", "many"], ["many"]),
        (["cost", "log.jsonl", "--cost-source", "guess"], ["auto"]),
        (["cost", "log.jsonl", "--forma", "json"], ["--format"]),
        (["cst", "log.jsonl"], ["cost"]),
        (["load"], ["load"]),
        (["cost", "log.jsonl", "--config", "nope.toml"], ["nope.toml"]),
        (["cost", "log.jsonl", "--max-bad", "lots"], ["lots"]),
        (["cost", "log.jsonl", "--color", "sometimes"], ["auto"]),
    ],
)
def test_what_does_not_exist_is_exit_2(here: Path, run: Run, arguments: list[str], words: list[str]) -> None:
    """Unknown dimension, column, option, command, zone, time: the nearest name, and nothing on stdout."""
    put(here / "log.jsonl", GOOD)
    done = run(*arguments)

    assert 2 == done.code
    assert [] == [w for w in words if w not in done.err]
    assert "" == done.out or "--fail-if" in arguments
    assert not (here / STORE).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(here: Path, run: Run) -> None:
    """Permission denied, and which file."""
    put(here / "log.jsonl", GOOD).chmod(0)
    done = run("load", "log.jsonl")

    assert 1 == done.code
    assert "log.jsonl: Permission denied" in done.err


@pytest.mark.parametrize("store", ["text", "other"])
def test_a_store_that_is_none(here: Path, run: Run, store: str) -> None:
    """A text file, another program's database: exit 1, and left as it is. A folder is a lake."""
    import duckdb

    path = here / "store"
    if store == "text":
        path.write_text("not a database, but long enough to be mistaken for one. " * 50)
    else:
        with duckdb.connect(str(path)) as con:
            con.execute("CREATE TABLE theirs (a INTEGER)")
    before = path.read_bytes() if path.is_file() else b""
    put(here / "log.jsonl", GOOD)
    for done in (run("load", "log.jsonl", "--store", path), run("cost", "--store", path)):
        assert 1 == done.code
        assert str(path) in done.err
        assert "store" in done.err.replace(str(path), "")
        assert "Traceback" not in done.err
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_a_store_in_a_folder_that_is_not_there(here: Path, run: Run) -> None:
    """Says which path."""
    put(here / "log.jsonl", GOOD)
    done = run("load", "log.jsonl", "--store", "no/such/store.duckdb")

    assert 1 == done.code
    assert "no/such/store.duckdb" in done.err


def test_a_line_of_twenty_megabytes(here: Path, run: Run) -> None:
    """Is a line like others; one of 300 MB would be refused by name."""
    long = json.dumps(request(2, input_text="x" * 20_000_000)).encode() + b"\n"
    put(here / "log.jsonl", GOOD.replace(b"r2", b"r9", 1) + long + lines([request(4)]))

    assert 0 == run("load", "log.jsonl").code
    assert 5 == totals(here / STORE)[0]


def test_a_first_line_of_twenty_megabytes(here: Path, run: Run) -> None:
    """Also where the file begins with it."""
    put(here / "log.jsonl", json.dumps(request(9, input_text="x" * 20_000_000)).encode() + b"\n" + GOOD)

    assert 0 == run("load", "log.jsonl").code
    assert 4 == totals(here / STORE)[0]


NAMES = [
    "a[1].jsonl",
    "two words.jsonl",
    "quo'te\".jsonl",
    "star*.jsonl",
    "q?.jsonl",
    "{a,b}.jsonl",
    "ünï ☃.jsonl",
    "-dash.jsonl",
    "semi;colon.jsonl",
    "per%cent.jsonl",
    "back\\slash.jsonl",
    "new\nline.jsonl",
    "\x1b[31m.jsonl",
    "$(touch x).jsonl",
]


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, "jsonl") for n in NAMES] + [(n, k) for n in NAMES[:4] for k in ("csv", "parquet", "gz")],
    ids=range(len(NAMES) + 12),
)
def test_any_file_name(here: Path, run: Run, name: str, kind: str) -> None:
    """Globs, blanks, quotes, line ends: the file meant is the one read, and no other."""
    path = here / "logs" / name.replace("jsonl", kind)
    path.parent.mkdir()
    put(path.parent / "a1.jsonl", lines(requests(9, 100)))
    data = {"jsonl": GOOD, "csv": table(requests(3)), "gz": gzip.compress(GOOD), "parquet": b""}[kind]
    parquet(path, requests(3)) if kind == "parquet" else put(path, data)
    done = run("load", path)

    assert 0 == done.code
    assert sum_to(3) == totals(here / STORE)
    assert "\x1b" not in done.out + done.err


def test_special_files(here: Path, run: Run) -> None:
    """A named pipe is refused rather than waited for; a broken link is no file."""
    os.mkfifo(here / "pipe.jsonl")
    (here / "link.jsonl").symlink_to(here / "gone.jsonl")

    assert 1 == run("load", "pipe.jsonl").code
    assert 1 == run("load", "link.jsonl").code


def test_a_link_to_a_log_is_a_log(here: Path, run: Run) -> None:
    """Once, though named twice."""
    (here / "link.jsonl").symlink_to(put(here / "log.jsonl", GOOD))

    assert 0 == run("load", "link.jsonl", "log.jsonl").code
    assert sum_to(3) == totals(here / STORE)


@pytest.mark.parametrize("name", ["disk.jsonl", "memory.jsonl"])
def test_what_the_engine_says_of_a_file_names_it_whatever_its_name(here: Path, name: str) -> None:
    """Only a full disk and too little memory are not the file's own fault."""
    file = inspect(put(here / name, GOOD), name)
    assert file is not None
    said = in_file(file, LlmscopeError(f"the query failed: {name} is damaged"))
    full = LlmscopeError("no space left on the disk; the store is as it was")

    assert f"{name}: {name} is damaged; nothing of it was loaded" == said.message
    assert full is in_file(file, full)
