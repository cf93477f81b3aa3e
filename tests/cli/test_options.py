"""The shared options, the exit codes, and the one JSON envelope."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.load.writing import lines, put, request, requests

KEYS = [
    "llmscope",
    "command",
    "window",
    "columns",
    "rows",
    "totals",
    "parts",
    "series",
    "findings",
    "notes",
    "coverage",
]
COVERAGE = ["requests", "priced_requests", "priced_tokens_ratio", "rejected_lines", "duplicates"]


@pytest.fixture
def log(here: Path) -> Path:
    """Three requests of feature a at 100 tokens in, one of b at 1; a September and an October."""
    first = [request(i, feature="a", input_tokens=100) for i in (1, 2, 3)]
    return put(
        here / "log.jsonl", lines([*first, request(4, feature="b", started_at="2026-10-01T00:00:00Z", input_tokens=1)])
    )


def counted(run: Run, *arguments: object) -> int:
    """The requests that a question counts."""
    done = run("cost", *arguments, "-f", "json")
    assert 0 == done.code, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)["rows"]
    return sum(r["requests"] for r in rows)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (["--since", "2026-09"], 4),
        (["--since", "2026-10"], 1),
        (["--until", "2026-09"], 3),
        (["--until", "2026-09-01"], 3),
        (["--until", "2026-08-31"], 0),
        (["--since", "2026-09-01T10:00:02"], 3),
        (["--until", "2026-09-01T10:00:02"], 1),
        (["--since", "2026-09-01T12:00:02+02:00"], 3),
        (["--since", "2026-10-01", "--until", "2026-10-01"], 1),
    ],
)
def test_windows_are_half_open(run: Run, log: Path, window: list[str], expected: int) -> None:
    """since <= started_at < until; a day or month as until means to its end. r1 is of 10:00:01."""
    assert expected == counted(run, log, *window)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("feature = 'a'", 3),
        ("feature == 'a'", 3),
        ("feature <> 'a'", 1),
        ("feature in ('a', 'b')", 4),
        ("input_tokens > 1", 3),
        ("feature like 'a%' and not input_tokens < 50", 3),
        ("user_id = 'x'", 0),
        ("user_id is null", 4),
        ("user is null", 4),
        ("cost_usd > 0.0005", 3),
        ("price_status = 'exact'", 4),
        ("started_at >= '2026-10-01'", 1),
        ("1 = 1", 4),
        ("feature = 'a''; drop table requests; --'", 0),
    ],
)
def test_where(run: Run, log: Path, where: str, expected: int) -> None:
    """SQL's own conditions over the canonical columns and what a price adds."""
    assert expected == counted(run, log, "--where", where)


def test_what_where_cannot_judge_is_counted(run: Run, log: Path) -> None:
    """NULL never matches."""
    assert (
        "4 requests are left out because --where meets an unknown value"
        in run("cost", log, "--where", "user_id <> 'x'").out
    )


@pytest.mark.parametrize(
    "attack",
    [
        "1=1; copy requests to 'x.csv'",
        "1=1) or (select 1)=1 --",
        "exists (select 1)",
        "getenv('HOME') = 'x'",
        "feature in (select feature from requests)",
        "1=1 union select 1",
        "row_number() over () = 1",
        "feature = (select content from read_text('/etc/passwd'))",
    ],
)
def test_where_is_a_condition_and_nothing_else(here: Path, run: Run, log: Path, attack: str) -> None:
    """No second statement, no subquery, no function off the list; exit 2."""
    done = run("cost", log, "--where", attack)

    assert 2 == done.code
    assert "" == done.out
    assert not (here / "x.csv").exists()


# Feature a costs 3 x (100 x 10 + 1 x 30) / 1e6 = 0.00309, b 0.00004, all 0.00313.
@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("cost_usd > 0.003", 3),
        ("cost_usd > 0.0031", 0),
        ("totals: cost_usd > 0.0031", 3),
        ("totals: cost_usd > 1", 0),
        ("requests < 2", 3),
        ("feature = 'a' and requests > 2", 3),
        ("users > 5", 0),
        ("cost_logged_usd > 1", 5),
    ],
)
def test_gates(run: Run, log: Path, gate: str, code: int) -> None:
    """3 when any row breaches it, named; 5 where there is nothing to judge."""
    done = run("cost", log, "--by", "feature", "--fail-if", gate)

    assert code == done.code
    assert "feature  " in done.out
    assert code != 3 or gate in done.err


def test_a_gate_is_judged_before_top(run: Run, log: Path) -> None:
    """b is not among the first, and breaches."""
    done = run("cost", log, "--by", "feature", "--top", "1", "--fail-if", "requests = 1")

    assert 3 == done.code
    assert "feature=b" in done.err


def test_the_worst_of_several_gates(run: Run, log: Path) -> None:
    """A breach outranks a gate that could not be judged."""
    assert 3 == run("cost", log, "--fail-if", "cost_logged_usd > 1", "--fail-if", "requests > 1").code


@pytest.mark.parametrize(("least", "code"), [("75", 0), ("76", 4), ("100", 4), ("0", 0)])
def test_min_coverage(here: Path, run: Run, least: str, code: int) -> None:
    """Three of four requests have a price: 75 per cent."""
    path = put(here / "log.jsonl", lines([*requests(3), request(4, request_model="mystery-1")]))
    done = run("cost", path, "--min-coverage", least)

    assert code == done.code
    assert code == 0 or "75.0 %" in done.err


def test_no_requests_pass_no_gate(run: Run, log: Path) -> None:
    """5, for every kind of gate; 0 without one."""
    nothing = ["cost", log, "--since", "2030"[:4] + "-01"]

    assert 0 == run(*nothing).code
    assert 5 == run(*nothing, "--fail-if", "cost_usd > 1").code
    assert 5 == run(*nothing, "--fail-if", "totals: cost_usd > 1").code
    assert 5 == run(*nothing, "--min-coverage", "1").code


@pytest.mark.parametrize(
    "command", [["cost"], ["cost", "--by", "feature"], ["cost", "--over", "month", "--by", "feature,model"], ["load"]]
)
def test_the_envelope_has_the_same_keys_when_empty(here: Path, run: Run, log: Path, command: list[str]) -> None:
    """Of nothing, of something; ASCII, and no NaN."""
    empty = put(here / "empty.jsonl", b"")
    full, void = (run(*command, path, "-f", "json") for path in (log, empty))
    first, second = json.loads(full.out), json.loads(void.out)

    assert KEYS == list(first) == list(second)
    assert COVERAGE == list(first["coverage"]) == list(second["coverage"])
    assert first["columns"] == second["columns"]
    assert 1 == first["llmscope"]
    assert full.out.isascii()
    assert [c["name"] for c in first["columns"]] == list(first["rows"][0])


def test_columns_choose_and_order(run: Run, log: Path) -> None:
    """In every format."""
    done = run("cost", log, "--by", "feature", "--columns", "requests,feature", "-f", "csv")

    assert "requests,feature\n3,a\n1,b\n" == done.out


@pytest.mark.parametrize(
    ("suffix", "begins"), [("json", "{"), ("jsonl", "{"), ("csv", "feature,"), ("md", "## "), ("html", "<!")]
)
def test_output_by_suffix(here: Path, run: Run, log: Path, suffix: str, begins: str) -> None:
    """Written whole, with nothing on stdout, readable as other files are."""
    path = here / f"answer.{suffix}"
    done = run("cost", log, "--by", "feature", "-o", path)

    assert (0, "") == (done.code, done.out)
    assert path.read_text().lstrip().lower().startswith(begins)
    assert sorted([".git", "log.jsonl", path.name]) == sorted(p.name for p in here.iterdir())
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_output_that_cannot_be_written(here: Path, run: Run, log: Path) -> None:
    """Exit 1, which path; an older answer stays when the question fails."""
    done = run("cost", log, "-o", "no/such/answer.csv")
    (here / "old.csv").write_text("kept")
    run("cost", log, "--by", "featur", "-o", "old.csv")

    assert 1 == done.code
    assert "no/such/answer.csv" in done.err
    assert "kept" == (here / "old.csv").read_text()


def test_sql_is_shown_and_runs(run: Run, log: Path) -> None:
    """What ran, pasteable."""
    assert "GROUP BY ALL" in run("cost", log, "--sql").out
    assert "GROUP BY ALL" in str(json.loads(run("cost", log, "--sql", "-f", "json").out)["sql"])


def test_width_holds(run: Run, log: Path) -> None:
    """No line of a table is wider than asked; the columns asked for are there."""
    from rich.cells import cell_len

    out = run("cost", log, "--by", "feature", "-f", "table", "--width", "60").out

    assert max(map(cell_len, out.splitlines())) <= 60
    assert "feature" in out


@pytest.mark.parametrize(
    ("arguments", "env", "colored"),
    [
        (["--color", "always"], {}, True),
        ([], {}, False),
        (["--color", "never"], {}, False),
        (["--no-color"], {}, False),
        (["--color", "always", "--no-color"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_color(
    run: Run, log: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], env: dict[str, str], colored: bool
) -> None:
    """Only where asked, off a terminal."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert colored == ("\x1b[" in run("cost", log, "-f", "table", *arguments).out)


def columns_of(out: str) -> str:
    return out.splitlines()[0]


def test_flag_over_environment_over_project_over_user(
    here: Path, run: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four places say the format; the nearest to the person wins."""
    put(tmp_path / "xdg/llmscope/config.toml", b'format = "md"\n')
    assert run("cost", log).out.startswith("## ")
    put(here / "llmscope.toml", b'format = "json"\n')
    assert run("cost", log).out.startswith("{")
    monkeypatch.setenv("LLMSCOPE_FORMAT", "csv")
    assert run("cost", log).out.startswith("requests,")
    assert run("cost", log, "-f", "html").out.lower().startswith("<!doctype")


@pytest.mark.parametrize(
    ("name", "value", "toml"),
    [
        ("BY", "feature", 'by = "feature"'),
        ("WHERE", "feature = 'a'", "where = \"feature = 'a'\""),
        ("TOP", "1", 'top = 1\nby = "feature"'),
        ("TZ", "Asia/Tokyo", 'tz = "Asia/Tokyo"'),
        ("MAP", "feature=request_model", '[map]\nfeature = "request_model"'),
        ("MIN_COVERAGE", "99", "min_coverage = 99"),
        ("STRICT", "1", "strict = true"),
        ("FAIL_IF", "requests > 100", 'fail-if = "requests > 100"'),
    ],
)
def test_options_from_environment_and_file(
    here: Path, run: Run, log: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, toml: str
) -> None:
    """Every option is LLMSCOPE_NAME in the environment, and the same in llmscope.toml."""
    flag = [f"--{name.lower().replace('_', '-')}", *([] if name == "STRICT" else [value])]
    extra = ["--by", "feature"] if name == "TOP" else []
    by_flag = run("cost", log, "-f", "csv", *flag, *extra)
    monkeypatch.setenv(f"LLMSCOPE_{name}", value)
    by_env = run("cost", log, "-f", "csv", *extra)
    monkeypatch.delenv(f"LLMSCOPE_{name}")
    put(here / "llmscope.toml", toml.encode())
    by_file = run("cost", log, "-f", "csv")

    assert 0 == by_flag.code, by_flag.err
    assert by_flag == by_env == by_file


def test_an_unknown_setting_is_exit_2(here: Path, run: Run, log: Path) -> None:
    """With the file and the nearest name."""
    put(here / "llmscope.toml", b"formt = 'csv'\n")
    done = run("cost", log)

    assert 2 == done.code
    assert "llmscope.toml" in done.err
    assert "format" in done.err


def test_the_store_of_the_environment(here: Path, run: Run, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LLMSCOPE_STORE names it for loading and asking; --store over it."""
    monkeypatch.setenv("LLMSCOPE_STORE", str(here / "mine.db"))
    run("load", log)

    assert (here / "mine.db").exists()
    assert 4 == counted(run)
    assert 1 == run("cost", "--store", here / "other.db").code


def test_quiet_says_nothing_beside_the_answer(run: Run, log: Path) -> None:
    """stderr is talk."""
    assert "" == run("cost", log, "-q").err


# Processes of their own.


def test_stdout_is_data_and_stderr_is_talk(program: Run, log: Path) -> None:
    """A piped CSV is a CSV; load says its line on stderr."""
    asked, loaded = (
        program("cost", log.name, "-f", "csv", "--by", "feature", "--columns", "feature,requests"),
        program("load", log.name),
    )

    assert (0, "feature,requests\na,3\nb,1\n", "") == asked
    assert "4 rows loaded from 1 file into llmscope.duckdb" in loaded.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["cost", "log.jsonl"], 0),
        (["cost", "gone.jsonl"], 1),
        (["cost", "--by", "x", "log.jsonl"], 2),
        (["cost", "log.jsonl", "--fail-if", "requests > 1"], 3),
        (["cost", "log.jsonl", "--min-coverage", "101"], 4),
        (["cost", "log.jsonl", "--since", "2030-01", "--fail-if", "requests > 1"], 5),
        (["--help"], 0),
        (["--version"], 0),
        (["nope"], 2),
    ],
)
def test_exit_codes(program: Run, log: Path, arguments: list[str], code: int) -> None:
    """As cli.md has them, and never a traceback."""
    done = program(*arguments)

    assert code == done.code
    assert "Traceback" not in done.err


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_reader_that_goes_away(here: Path, format: str) -> None:
    """`| head -1` of a long answer is 141, quietly."""
    put(here / "log.jsonl", lines(request(i, feature=f"feature-{i}" + "x" * 50) for i in range(4000)))
    command = [sys.executable, "-m", "llmscope", "cost", "log.jsonl", "--by", "feature", "-f", format]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()

    assert 141 == process.wait(timeout=30)
    assert b"" == said


def test_bash_completion(program: Run) -> None:
    """`--show-completion` for bash prints a script, and it completes commands."""
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = program("--show-completion", "bash", env=env)
    offered = program(env={"_LLMSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "llmscope co", "COMP_CWORD": "1"})

    assert 0 == shown.code
    assert "complete" in shown.out
    assert "cost" in offered.out.split()


@pytest.mark.parametrize("arguments", [["--help"], ["cost", "--help"], ["load", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(here: Path, arguments: list[str]) -> None:
    """No engine, no frames, no statistics, no tokenizer, no Rich, no pydantic."""
    code = (
        f"import sys; sys.argv = ['llmscope', *{arguments!r}]\n"
        "from llmscope.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "duckdb",
        "_duckdb",
        "polars",
        "pyarrow",
        "scipy",
        "numpy",
        "tiktoken",
        "rich",
        "pydantic",
        "pandas",
        "phonenumbers",
        "stdnum",
    }

    assert "llmscope" in done.stdout
    assert set() == heavy & set(eval(done.stderr))


@pytest.mark.parametrize("command", ["cost", "load"])
def test_every_shared_option_has_help(program: Run, command: str) -> None:
    """Each with a word on what it is."""
    out = program(command, "--help").out

    assert [] == [
        o
        for o in ("--format", "--output", "--store", "--map", "--source", "--fail-if", "--width", "--quiet")
        if o not in out
    ]


def test_python_m_and_the_script_are_one(program: Run, here: Path) -> None:
    """`llmscope` on the PATH is the same program."""
    script = Path(sys.executable).with_name("llmscope")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, cwd=here)

    assert done.stdout == program("--version").out


def test_a_pipe_with_a_request_twice_is_answered_as_the_file_is(run: Run) -> None:
    """Duplicates are judged by all columns, so the log is read again: what came through a pipe must still be there."""
    done = run("cost", "-", "-f", "json", stdin=lines([request(7), request(7)]))
    (row,) = json.loads(done.out)["rows"]
    assert (row["requests"], row["input_tokens"], row["output_tokens"]) == (1, 7, 1)
