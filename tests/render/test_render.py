"""What the render room gives: formats by name, views, and no import that is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from llmscope.errors import UsageError
from llmscope.render import FORMATS, View, format_of, left_out, render
from llmscope.result import Column, Result, Row, Window


def one_column(kind: str, *values: object, tz: str = "UTC") -> Result:
    column = Column("value", kind)  # type: ignore[arg-type]
    rows: tuple[Row, ...] = tuple({"value": value} for value in values)
    return Result("x", (column,), rows, window=Window(tz=tz))


def text(result: Result, format: str, view: View | None = None) -> str:
    return "".join(render(result, format, view or View()))


def test_the_formats() -> None:
    """One a file."""
    assert FORMATS == ("csv", "html", "json", "jsonl", "md", "plain", "table")


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.json", "json"), ("a.NDJSON", "jsonl"), ("b/c.jsonl", "jsonl"), ("a.csv", "csv"), ("a.md", "md"),
     ("a.markdown", "md"), ("a.htm", "html"), ("a.txt", "plain")],
)  # fmt: skip
def test_a_suffix_chooses_the_format(name: str, format: str) -> None:
    """In any case of letters."""
    assert format == format_of(Path(name))


@pytest.mark.parametrize("name", ["a", "a.xlsx", "a.table", "json"])
def test_an_unknown_suffix_is_a_usage_error(name: str) -> None:
    """The suffixes that are known stand in the hint."""
    with pytest.raises(UsageError) as raised:
        format_of(Path(name))

    assert ".html" in str(raised.value.hint)


def test_an_unknown_format_names_the_nearest(answer: Result) -> None:
    """A slip of the finger is helped."""
    with pytest.raises(UsageError, match="jsn") as raised:
        text(answer, "jsn")

    assert "json" in str(raised.value.hint)


@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_column_names_the_nearest(answer: Result, format: str) -> None:
    """`--columns` is checked by every format."""
    with pytest.raises(UsageError) as raised:
        text(answer, format, View(columns=("cost_us",)))

    assert "cost_usd" in str(raised.value.hint)


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "plain", "md", "html"])
def test_rich_is_imported_for_the_table_only(format: str) -> None:
    """An answer for a program does not wait for a library it never uses."""
    program = (
        "import sys; from llmscope.render import View, render; from llmscope.result import Column, Result;"
        f"''.join(render(Result('x', (Column('a', 'usd'),), ({{'a': 1.5}},)), {format!r}, View()));"
        "print([m for m in ('rich', 'polars', 'duckdb', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_what_is_no_number_is_null(format: str) -> None:
    """NaN and the infinities are unknown; decimals are floats; big integers stay whole."""
    values = (float("nan"), float("inf"), Decimal("NaN"), Decimal("1.25"), 2**70, 1e-300)
    output = text(one_column("usd", *values), format)
    rows = json.loads(output)["rows"] if format == "json" else [json.loads(line) for line in output.splitlines()]

    assert [row["value"] for row in rows] == [None, None, None, 1.25, 2**70, 1e-300]


def test_times_for_machines_are_utc() -> None:
    """A naive time is UTC; one with a zone is brought there."""
    aware = datetime(2026, 9, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    output = text(one_column("time", datetime(2026, 9, 1, 12, 0, 0, 250000), aware, "2026-09"), "csv")

    assert output.splitlines() == ["value", "2026-09-01T12:00:00.250000Z", "2026-08-31T23:30:00Z", "2026-09"]


def test_times_for_people_are_in_their_zone() -> None:
    """Summer time counts; buckets that are text already stay as they are."""
    moments = one_column("time", datetime(2026, 7, 1, 22), datetime(2026, 12, 1, 23), "2026-09", tz="Europe/Zurich")
    shown = text(moments, "md")

    assert "| 2026-07-02 |" in shown
    assert "| 2026-12-02 |" in shown
    assert "| 2026-09 |" in shown


@pytest.mark.parametrize("format", FORMATS)
def test_the_ends_of_the_calendar_are_no_error(format: str) -> None:
    """A log's worst timestamp still has to be shown."""
    moments = one_column("time", datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59), tz="America/New_York")

    assert "9999" in text(moments, format)


def test_an_unknown_zone_is_a_usage_error() -> None:
    """Never silently UTC."""
    with pytest.raises(UsageError, match="Mars"):
        text(one_column("time", datetime(2026, 7, 1, tzinfo=UTC), tz="Mars/Olympus"), "plain")


def test_without_colour_there_is_no_escape(answer: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view decides, whatever the environment asks of Rich."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in text(answer, "table", View(width=80))

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[1;31mBREACH" in text(answer, "table", View(width=80, color=True))


def test_hidden_columns_are_named(answer: Result) -> None:
    """The last optional columns go first, and the small print says how to see them."""
    shown = text(answer, "table", View(width=94))

    assert "Hidden at this width: input_tokens, over_budget. Choose columns with --columns" in shown


def test_intervals_stay_whole(answer: Result) -> None:
    """A low never stands without its high, nor a high without its low."""
    for width in range(20, 140):
        shown = text(answer, "table", View(width=width))

        assert ("p95_low_ms" in shown) == ("p95_high_ms" in shown)


def test_numbers_are_never_cut(answer: Result) -> None:
    """A figure is whole or its column is hidden."""
    for width in range(20, 140):
        shown = text(replace(answer, parts={}, series=(), notes=()), "table", View(width=width))
        body = shown[: shown.index("BREACH")]

        assert not [word for word in body.split() if "…" in word and word[0] in "$0123456789" and "-" not in word]


def test_what_one_table_cannot_hold_is_told(answer: Result) -> None:
    """Nothing is lost in silence."""
    assert "by model" in str(left_out(answer, "csv"))
    assert left_out(answer, "json") is None


def test_rendering_is_piecewise() -> None:
    """A long answer for a program is not held as one text."""
    pieces = list(render(one_column("count", *range(1000)), "jsonl", View()))

    assert len(pieces) == 1000
