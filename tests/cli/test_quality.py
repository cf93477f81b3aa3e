"""The quality command's words, gates and refusals."""

from __future__ import annotations

from pathlib import Path

from tests.analyses.test_quality import asked, log, scored
from tests.conftest import Run
from tests.load.writing import lines, put


def test_a_gate_on_the_share_below_the_bar(here: Path, run: Run) -> None:
    """Exit 3 where a row breaches it, 5 where there is no score to judge."""
    paths = log(here, [asked(i) for i in range(4)], [scored(i, 5.0 + i) for i in range(4)])
    breached = run("quality", *paths, "--below", "7", "--fail-if", "below_ratio > 0.4")
    passed = run("quality", *paths, "--below", "quality=5", "--fail-if", "below_ratio > 0.4")
    nothing = run("quality", paths[0], "--fail-if", "mean < 7")

    assert (3, 0, 5) == (breached.code, passed.code, nothing.code)
    assert "score=quality" in breached.err


def test_parts_can_be_judged(here: Path, run: Run) -> None:
    """A named part is a table like any other."""
    paths = log(here, [asked(i, refusal=i < 2) for i in range(4)], [scored(1, 5.0)])

    assert 3 == run("quality", *paths, "--fail-if", "signals: refused_ratio >= 0.5").code


def test_what_cannot_be_asked_is_refused(here: Path, run: Run) -> None:
    """Exit 2, the nearest name beside it."""
    paths = log(here, [asked(1)], [scored(1, 5.0)])
    bar, name, column = (
        run("quality", *paths, *more) for more in (("--below", "seven"), ("--score", "qualty"), ("--sort", "meen"))
    )

    assert (2, 2, 2) == (bar.code, name.code, column.code)
    assert "--below 7, or --below quality=7" in bar.err
    assert "quality" in name.err
    assert "mean" in column.err
    assert 2 == run("quality", *paths, "--rater", "jj").code
    assert 2 == run("quality", *paths, "--top", "0").code


def test_nothing_there_is_said(here: Path, run: Run) -> None:
    """A log without scores, an empty one, and one without texts, times or usage: never a traceback."""
    none = run("quality", put(here / "log.jsonl", lines([asked(1)])))
    empty = run("quality", put(here / "empty.jsonl", b""))
    bare = run(
        "quality",
        put(
            here / "bare.jsonl",
            lines([asked(1, started_at=..., input_tokens=..., output_tokens=...)]),
        ),
        put(here / "scores.jsonl", lines([scored(1, 5.0), scored(2, float("nan"), rater="k")])),
    )

    assert (0, 0, 0) == (none.code, empty.code, bare.code)
    assert "the log has no scores; llmscope load FILE reads a CSV or JSONL of labels" in none.out
    assert "1 request" not in none.err


def test_hostile_names_are_only_text(here: Path, run: Run) -> None:
    """A score's name with SQL and control characters in it is bound, and shown harmless."""
    name = "q'); DROP TABLE scores; --\x1b[31m{x}"
    paths = log(
        here, [asked(i) for i in range(3)], [scored(i, 5.0 + i, name=name, rater=f"{{j}}'{i}") for i in range(3)]
    )
    done = run("quality", *paths, "--score", name, "--below", "6", "--by", "feature")

    assert 0 == done.code
    assert "\x1b" not in done.out
