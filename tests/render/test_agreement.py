"""All outputs agree cell for cell with the Result they draw."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from llmscope.render import View, render
from llmscope.result import Column, Result

# Worked by hand from conftest.VALUES: Zurich is two hours ahead of UTC in September.
SHOWN = [
    ["summaries", "2026-09", "2026-09-01 01:30", "1,234", "$1,834.50", "75.0 %", "842 ms", "802 ms", "4.25 s",
     "1,234,567", "yes"],
    ["chat", "2026-09", "2026-09-02 08:00", "56", "$611.50", "25.0 %", "12.3 s", "–", "–", "8,900", "no"],
    ["(none)", "2026-09", "–", "7", "–", "–", "–", "–", "–", "0", "–"],
]  # fmt: skip
TOTALS = ["total", "", "", "1,297", "$2,446.00", "100.0 %", "", "", "", "1,243,467", ""]
HEADINGS = [
    "feature", "month", "first seen", "requests", "cost", "share", "p95", "p95 low", "p95 high", "input tokens",
    "over budget",
]  # fmt: skip
BARE = [
    [
        "summaries",
        "2026-09",
        "2026-09-01T01:30",
        "1234",
        "1834.50",
        "0.7500",
        "842.0",
        "801.5",
        "4250.0",
        "1234567",
        "yes",
    ],
    ["chat", "2026-09", "2026-09-02T08:00", "56", "611.50", "0.2500", "12345.6", "-", "-", "8900", "no"],
    ["(none)", "2026-09", "-", "7", "-", "-", "-", "-", "-", "0", "-"],
]
KEYS = [
    "llmscope", "command", "window", "columns", "rows", "totals", "parts", "series", "findings", "notes", "coverage",
]  # fmt: skip


class Tables(HTMLParser):
    """The texts of a page's tables: a list of rows each."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.in_cell = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.tables[-1][-1][-1] += data


def text(result: Result, format: str, view: View | None = None) -> str:
    return "".join(render(result, format, view or View()))


def html_tables(page: str) -> list[list[list[str]]]:
    parser = Tables()
    parser.feed(page)
    return parser.tables


def machine(value: Any) -> Any:
    return value.isoformat() + "Z" if isinstance(value, datetime) else value


def csv_field(value: Any) -> str:
    return {None: "", True: "true", False: "false"}[value] if isinstance(value, bool | None) else str(machine(value))


def test_json_holds_every_cell(answer: Result) -> None:
    """Rows, totals and parts of the envelope are the Result's own values."""
    envelope = json.loads(text(answer, "json"))

    assert [{k: machine(v) for k, v in row.items()} for row in answer.rows] == envelope["rows"]
    assert answer.totals == envelope["totals"]
    assert [dict(row) for row in answer.parts["by model"].rows] == envelope["parts"]["by model"]["rows"]
    assert [c.name for c in answer.columns] == [c["name"] for c in envelope["columns"]]


def test_jsonl_is_the_rows_of_json(answer: Result) -> None:
    """A line a row, no totals among them."""
    assert json.loads(text(answer, "json"))["rows"] == [json.loads(line) for line in text(answer, "jsonl").splitlines()]


def test_csv_holds_every_cell(answer: Result) -> None:
    """Raw numbers, empty for what is unknown, no totals."""
    header, *rows = csv.reader(io.StringIO(text(answer, "csv")))
    expected = [[csv_field(value) for value in row.values()] for row in answer.rows]

    assert [c.name for c in answer.columns] == header
    assert expected == rows


def test_html_shows_every_cell(answer: Result) -> None:
    """Heading, rows and totals of the page are the cells worked by hand."""
    assert [HEADINGS, *SHOWN, TOTALS] == html_tables(text(answer, "html"))[0]


def test_md_shows_every_cell(answer: Result) -> None:
    """A Markdown reader sees the same table as the page's."""
    seen = MarkdownIt("gfm-like", {"linkify": False}).render(text(answer, "md"))

    assert [HEADINGS, *SHOWN, TOTALS] == html_tables(seen)[0]


def test_table_shows_every_cell(answer: Result) -> None:
    """Without a width nothing is hidden or cut."""
    lines = [re.split(r"  +", line.strip()) for line in text(answer, "table").splitlines()]

    assert all(row in lines for row in [HEADINGS, *SHOWN])
    assert [cell for cell in TOTALS if cell] in lines


def test_plain_shows_every_cell(answer: Result) -> None:
    """As many words a line as there are columns, the numbers bare."""
    header, *rows = (line.split() for line in text(answer, "plain").splitlines()[:4])

    assert [c.name for c in answer.columns] == header
    assert rows == BARE


def test_the_envelope_has_the_same_keys_when_empty(answer: Result) -> None:
    """A program that reads one answer can read them all."""
    empty = json.loads(text(Result("cost", (), ()), "json"))
    full = json.loads(text(answer, "json"))

    assert list(full) == list(empty)
    assert list(full["coverage"]) == list(empty["coverage"])
    assert list(full) == KEYS
    assert {"name", "kind", "unit", "role", "of"} == set(full["columns"][0])


def test_sql_stands_in_json_only_when_asked_for(answer: Result) -> None:
    """`--sql` adds one key at the end."""
    assert list(answer.sql) == json.loads(text(answer, "json", View(show_sql=True)))["sql"]


@pytest.mark.parametrize("format", ["table", "plain", "md", "html"])
def test_sql_is_printed_when_asked_for(answer: Result, format: str) -> None:
    """People see what ran, in its own lines."""
    assert "sum(cost_usd)" in text(answer, format, View(show_sql=True))
    assert "sum(cost_usd)" not in text(answer, format)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_parts_alone_are_stacked_and_named(answer: Result, format: str) -> None:
    """A format of one table loses no part of an answer that has no main table."""
    parts = Result("cost", (), (), parts={"a": answer.parts["by model"], "b": answer.parts["by model"]})
    output = text(parts, format)
    rows = csv.DictReader(io.StringIO(output)) if format == "csv" else map(json.loads, output.splitlines())

    assert [row["part"] for row in rows] == ["a", "a", "b", "b"]


def test_columns_chosen_are_the_columns_shown(answer: Result) -> None:
    """In the order asked for, in every format; a part that has none of them stays whole."""
    view = View(columns=("requests", "feature"))

    assert text(answer, "csv", view).splitlines()[0] == "requests,feature"
    assert list(json.loads(text(answer, "json", view))["rows"][0]) == ["requests", "feature"]
    assert html_tables(text(answer, "html", view))[0][0] == ["requests", "feature"]
    assert html_tables(text(answer, "html", view))[1][0] == ["model", "cost"]


@pytest.mark.parametrize("format", ["table", "plain", "md", "html"])
def test_an_empty_answer_says_so(format: str) -> None:
    """A person is told that nothing matched, and sees no empty box."""
    said = text(Result("cost", (Column("user", "text", "dimension"), Column("cost_usd", "usd")), ()), format)

    assert "nothing matched" in said
    assert "<table" not in said
