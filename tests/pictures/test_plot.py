"""--plot FILE: beside the answer, whole or not at all, and an error that says what could be drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.load.writing import lines, put

pytest.importorskip("vl_convert")


@pytest.fixture
def log(here: Path) -> Path:
    """Requests of two features over three weeks, some of them scored."""
    requests = [
        {"request_id": f"r{i}", "started_at": f"2026-10-{1 + i % 21:02d}T{i % 24:02d}:00:00Z", "feature": "ab"[i % 2],
         "provider": "openai", "request_model": ("gpt-4o", "gpt-4o-mini")[i % 2], "status": "ok", "template": "t",
         "input_tokens": 100 + i, "output_tokens": 50, "latency_ms": 900 + 5 * i}
        for i in range(210)
    ]  # fmt: skip
    labels = [f"r{i},quality,{1 + i % 5},human,anna" for i in range(210)]
    put(here / "labels.csv", "\n".join(["request_id,name,value,rater_kind,rater", *labels]).encode())
    return put(here / "log.jsonl", lines(requests))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("cost", "--by", "feature", "--over", "week"), "Cost (US$)"),
        (("latency", "--over", "day"), "Duration (s)"),
        (("tokens", "--by", "model"), "tokens"),
        (("throughput", "--over", "day"), "Requests/min"),
        (("drift", "--since", "2026-10-11", "--baseline", "10d"), "Relative change (%)"),
        (("quality", "labels.csv"), "Mean against cost per request"),
        (("errors", "--over", "week"), "Error rate (%)"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_question_is_drawn(log: Path, run: Run, command: tuple[str, ...], said: str) -> None:
    """The answer on stdout as ever, the picture in its file with the axis' measure and unit."""
    plain = run(*command, log)
    done = run(*command, log, "--plot", "picture.svg")

    assert (0, plain.out, plain.err) == (done.code, done.out, done.err)
    assert said.lower() in Path("picture.svg").read_text().lower()


def test_png_by_its_suffix(log: Path, run: Run) -> None:
    """A PNG's first bytes; nothing is left beside it."""
    done = run("cost", log, "--by", "feature", "--plot", "picture.PNG")

    assert 0 == done.code
    assert Path("picture.PNG").read_bytes().startswith(b"\x89PNG")
    assert {".git", "labels.csv", "log.jsonl", "picture.PNG"} == {path.name for path in Path.cwd().iterdir()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--plot", "picture.gif"), "end its name in .png or .svg"),
        (("--plot", "nowhere/picture.png"), "no such folder"),
        (("--by", "feature", "-f", "csv", "--plot", "one.svg", "-o", "one.svg"), "one file"),
    ],
    ids=["suffix", "folder", "same file"],
)
def test_what_cannot_be_written_is_refused_at_once(log: Path, run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Before the question is asked: exit 2, no answer, no file."""
    done = run("cost", log, *arguments)

    assert (2, "") == (done.code, done.out)
    assert said in done.err


def test_nothing_to_draw_is_an_error_that_says_what_is(log: Path, run: Run) -> None:
    """The answer stands, the exit code is 1, and options that give a picture are named; a gate's own code wins."""
    done = run("cost", log, "--plot", "picture.svg")
    gated = run("cost", log, "--plot", "picture.svg", "--fail-if", "requests > 1")

    assert 1 == done.code
    assert "requests" in done.out
    assert "--over day" in done.err
    assert not Path("picture.svg").exists()
    assert 3 == gated.code


def test_without_the_library_it_says_how_to_get_it(log: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """vl-convert is no part of a plain install: the hint names the extra, before anything is read."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    done = run("cost", log, "--by", "feature", "--plot", "picture.svg")

    assert (1, "") == (done.code, done.out)
    assert "llmscope-toolkit[plot]" in done.err


def test_an_empty_log_has_nothing_to_draw(here: Path, run: Run) -> None:
    """No rows is said in these words."""
    put(here / "empty.jsonl", b"")
    done = run("cost", "empty.jsonl", "--by", "feature", "--plot", "picture.svg")

    assert 1 == done.code
    assert "this answer has no rows" in done.err
