"""`llmscope sql`: reads, and can do nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import HOSTILE, Run

REFUSED = (
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from 'tiny.jsonl'",
    "select * from glob('/etc/*')",
    "select * from read_json('http://127.0.0.1:9/x')",
    "select * from parquet_metadata('/x')",
    "select * from sniff_csv('tiny.jsonl')",
    "select * from duckdb_secrets()",
    "select getenv('HOME')",
    "select * from query('copy requests to ''x.csv''')",
    "select * from enable_logging(storage='file', storage_path='logs')",
    "with gone as (delete from loads returning *) select * from gone",
    "copy requests to 'x.csv'",
    "copy (select 1) to 'x.csv'",
    "export database 'x'",
    "attach 'x.db'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "call pragma_version()",
    "set enable_external_access = true",
    "reset threads",
    "begin",
    "checkpoint",
    "vacuum",
    "explain analyze select 1",
    "prepare p as select 1",
    "create table x (a int)",
    "create temp table x (a int)",
    "create view x as select 1",
    "insert into meta values ('a', 'b')",
    "update requests_rows set model = 'x'",
    "delete from requests_rows",
    "drop table loads",
    "select 1; select 2",
    "select 1; delete from requests_rows",
    "pivot scores on name using count(*)",
    "select $1",
    "selec 1",
    ";",
    "-- nothing",
    "",
)


@pytest.mark.parametrize("query", REFUSED)
def test_refused(run: Run, store: Path, query: str) -> None:
    """No file, network, setting, change or second statement: a usage error, and nothing is left behind."""
    before = store.read_bytes()
    ran = run("sql", query)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("llmscope: ")
    assert store.read_bytes() == before
    assert {p.name for p in store.parent.iterdir()} == {"tiny.jsonl", "llmscope.duckdb"}


@pytest.mark.parametrize("query", [q for q in REFUSED if "passwd" in q or "delete" in q or "create" in q])
def test_refused_on_logs(run: Run, log: Path, query: str) -> None:
    """A store in memory is no way round it."""
    ran = run("sql", query, str(log))

    assert (ran.code, ran.out) == (2, "")


def test_units_by_name_then_by_type(run: Run, store: Path) -> None:
    """A column's unit is told by its ending, else its kind by the engine's type; money leaves its decimals."""
    ran = run(
        "sql",
        "select model, count(*) as n, sum(cost_usd) as cost_usd, 1.5 as x, max(started_at) as last, true as yes,"
        " [1] as l, {'a': 1} as s, 2 as some_ms from priced where model like 'gpt%' group by 1",
        "-f",
        "json",
    )
    kinds = {column["name"]: column["kind"] for column in ran.json["columns"]}

    assert list(kinds.values()) == ["text", "count", "usd", "rate", "time", "flag", "list", "json", "ms"]
    assert ran.rows[0]["n"] == 2
    assert ran.rows[0]["cost_usd"] == pytest.approx(0.0105)  # 3000 x 2.50 + 300 x 10 per million
    assert ran.rows[0]["last"] == "2026-10-01T00:00:00Z"


def test_times_with_a_zone(run: Run, store: Path) -> None:
    """TIMESTAMPTZ comes out in UTC without pytz, also inside of lists, and beside a name that is there twice."""
    ran = run(
        "sql", "select timestamptz '2026-01-01 10:00+02' as t, [timestamptz '2026-01-01'] as l, 1 as t", "-f", "json"
    )

    assert ran.rows == [{"t": "2026-01-01T08:00:00Z", "l": ["2026-01-01T00:00:00Z"], "t_2": 1}]


def test_window_and_where(run: Run, store: Path) -> None:
    """--since, --until and --where hold for the relations, also by price; the store's own stay as they are."""
    count = "select count(*) as n from requests"

    assert run("sql", count, "-f", "json", "--since", "2026-10", "--until", "2026-10").rows == [{"n": 2}]
    assert run("sql", count, "-f", "json", "--where", "model = 'in-house-7b'").rows == [{"n": 2}]
    assert run("sql", count, "-f", "json", "--where", "cost_usd > 0.004").rows == [{"n": 1}]
    assert run("sql", "select count(*) as n from loads", "-f", "json", "--since", "2027").code == 2
    assert run("sql", "select count(*) as n from loads", "-f", "json", "--since", "2027-01").rows == [{"n": 1}]


def test_logs_after_the_query(run: Run, log: Path) -> None:
    """Log files are read for the one question; no store is made."""
    ran = run("sql", "select sum(input_tokens) as input_tokens from requests", "tiny.jsonl", "-f", "json")

    assert ran.rows == [{"input_tokens": 3080}]
    assert ran.json["coverage"]["requests"] == 4
    assert not (log.parent / "llmscope.duckdb").exists()


def test_order_is_kept(run: Run, store: Path) -> None:
    """ORDER BY is the order shown."""
    ran = run("sql", "select request_id from requests order by request_id desc", "-f", "csv")

    assert ran.out.splitlines() == ["request_id", "d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select modle from requests", "did you mean model"),
        ("select cost_us from priced", "did you mean cost_usd"),
        ("select * from reqests", "did you mean requests?"),
        ("select * from nowhere_like_it", "there are requests, priced"),
        ("select zzzz from requests", "describe priced"),
        ("select * from 'tiny.jsonl'", "name log files after the query"),
    ],
)
def test_wrong_names(run: Run, store: Path, query: str, said: str) -> None:
    """A name that is not there is a usage error with the nearest one."""
    ran = run("sql", query)

    assert ran.code == 2
    assert said in ran.err


def test_failing_while_it_runs(run: Run, store: Path) -> None:
    """A query that fails on the data is a failed run, not a wrong command line."""
    assert run("sql", "select error('no') from requests").code == 1


def test_no_store(run: Run) -> None:
    """Without logs and without a store there are two ways to go on."""
    ran = run("sql", "select 1")

    assert ran.code == 1
    assert "no store at" in ran.err
    assert "llmscope load" in ran.err


def test_envelope_and_gate(run: Run, store: Path) -> None:
    """The envelope's keys are the same when nothing matched; a gate on it is judged."""
    empty = run("sql", "select 1 as n where false", "-f", "json").json
    full = run("sql", "select 1 as n", "-f", "json").json

    assert list(empty) == list(full)
    assert run("sql", "select 5 as n", "--fail-if", "n > 4").code == 3
    assert run("sql", "select 5 as n where false", "--fail-if", "n > 4").code == 5


@pytest.mark.parametrize("form", ["table", "plain", "md", "html", "csv", "jsonl"])
def test_hostile_values(run: Run, store: Path, form: str) -> None:
    """What a log, or a column's name, smuggles in is made harmless in every format."""
    ran = run("sql", f"select feature, 1 as \"{HOSTILE}\" from requests where request_id = 'b'", "-f", form)

    assert ran.code == 0
    assert not {"\x1b", "\u202e"} & set(ran.out)


def test_no_colour_in_a_pipe(store: Path) -> None:
    """As a program: --color always colours, NO_COLOR and a pipe do not."""
    command = [sys.executable, "-m", "llmscope", "sql", "select 1 as n", "-f", "table"]
    plain = subprocess.run(command, cwd=store.parent, capture_output=True, text=True, check=True)
    colored = subprocess.run(
        [*command, "--color", "always"], cwd=store.parent, capture_output=True, text=True, check=True
    )

    assert "\x1b" not in plain.stdout
    assert "\x1b[1m" in colored.stdout
