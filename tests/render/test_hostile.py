"""Logs are hostile: whatever text they hold, every way out neutralises it."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmscope.render import FORMATS, View, render
from llmscope.result import Column, Coverage, Finding, Part, Result, Series, Window

PERSON = ("table", "plain", "md", "html")
CORPUS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31mC1\x9d0;title\x9c",
    "a\x00b\x08c\x7fd\x85e",
    "invoice\u202efdp.exe",
    "\u2066isolate\u2069",
    "zero\u200bwidth\u200d\ufeff\u2060",
    "line\u2028and\u2029paragraph",
    "two\nlines\r\nand\rthree\ttabs\x0bvt\x0cff",
    "lone \ud800 surrogate \udfff",
    "tag\U000e0041\U000e0042 \U000e0100",
    "hangul\u3164filler",
    "[red]markup[/red] [link=https://evil.example]x[/link] :smile:",
    "[/]",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "]]></style></title><b>&amp;",
    "a|b\\|c||d",
    "`code` ```\n```\n# heading",
    "[x](javascript:alert(1)) ![i](https://evil.example/p.png) <https://evil.example>",
    "*bold* __under__ ~~struck~~ https://evil.example www.evil.example",
    "- item\n1. one\n> quote\n---\n    code",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1+1",
    'quote " comma , end',
    "",
    "   ",
    "…" * 300,
    "漢字" * 100,
    "👨‍👩‍👧 🇨🇭 ❤️",
]


def hostile(text: str) -> Result:
    """The text everywhere a log's text can get to."""
    columns = (
        Column("feature", "text", "dimension"),
        Column(f"metadata.{text}", "text", "dimension"),
        Column("tags", "list"),
        Column("attributes", "json"),
        Column("requests", "count"),
        Column("cost_usd", "usd"),
    )
    row = dict(zip([c.name for c in columns], (text, text, [text, text], {text: text}, -5, text), strict=True))
    return Result(
        command="cost",
        columns=columns,
        rows=(row,),
        totals={"feature": text, "requests": -5},
        title=text,
        window=Window(),
        parts={text: Part(columns[:2], (row,))},
        series=(Series(text, (text, text), (1.0, 2.0)),),
        findings=(Finding(text, "breach", text, (row,)),),
        notes=(text,),
        coverage=Coverage(1),
        sql=(text,),
    )


def drawn(text: str, format: str, **options: object) -> str:
    return "".join(render(hostile(text), format, View(show_sql=True, **options)))  # type: ignore[arg-type]


def obeyed(output: str) -> list[str]:
    """Characters that a terminal obeys or an eye cannot see, other than line ends and the tabs CSV keeps."""
    return [c for c in output if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"]


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
@pytest.mark.parametrize("format", FORMATS)
def test_nothing_that_is_obeyed_comes_out(format: str, text: str) -> None:
    """No control, bidi, invisible or lone surrogate character in any format; every output can be encoded."""
    output = drawn(text, format)
    output.encode()

    assert not [c for c in obeyed(output) if not (format == "csv" and c == "\t")]


@settings(deadline=None)
@given(st.text(st.characters()))
def test_no_text_at_all_emits_what_is_obeyed(text: str) -> None:
    """For any text, in any format for people, at a narrow width and at none."""
    for format in PERSON:
        assert not obeyed(drawn(text, format) + drawn(text, format, width=60))


@settings(deadline=None)
@given(st.text(st.characters()))
def test_ascii_terminals_get_ascii(text: str) -> None:
    """Where the terminal knows no Unicode, printing cannot fail."""
    for format in ("table", "plain"):
        assert drawn(text, format, unicode=False, width=60).isascii()


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_json_keeps_the_text_in_ascii(text: str) -> None:
    """JSON gives back the very text, save lone surrogates, which are no text."""
    output = drawn(text, "json")
    exact = re.sub("[\ud800-\udfff]", "\ufffd", text)

    assert output.isascii()
    assert exact == json.loads(output)["rows"][0]["feature"]
    assert {exact: exact} == json.loads(output)["rows"][0]["attributes"]


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_csv_cells_are_no_formulas(text: str) -> None:
    """No cell begins as a formula does, other than real numbers; the shape of the file holds."""
    header, row = csv.reader(io.StringIO(drawn(text, "csv")))

    assert 6 == len(header) == len(row)
    assert row[4] == "-5"
    assert not [cell for cell in header + row[:4] + row[5:] if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))]


def test_csv_puts_an_apostrophe_before_formulas() -> None:
    """What is neutralised can still be read."""
    _, row = csv.reader(io.StringIO(drawn("=1+1", "csv")))

    assert row[0] == "'=1+1"


@pytest.mark.parametrize("text", [t for t in CORPUS if t.strip()], ids=ascii)
def test_html_is_never_live(text: str) -> None:
    """The tags of the page are the same, whatever the log says."""
    tags = re.compile(r"<(/?[a-zA-Z!][a-zA-Z0-9]*)")

    assert tags.findall(drawn("harmless", "html")) == tags.findall(drawn(text, "html"))


@pytest.mark.parametrize("text", [t for t in CORPUS if t.strip()], ids=ascii)
def test_markdown_is_never_live(text: str) -> None:
    """A Markdown reader that allows HTML finds the same tags, whatever the log says."""
    reader = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    tags = re.compile(r"<(/?[a-zA-Z!][a-zA-Z0-9]*)")

    assert tags.findall(reader.render(drawn("harmless", "md"))) == tags.findall(reader.render(drawn(text, "md")))


@pytest.mark.parametrize("format", ["table", "plain"])
def test_rich_markup_is_shown_as_it_is(format: str) -> None:
    """Square brackets and emoji names are text."""
    assert "[red]markup[/red] [link=https://evil.example]x[/link] :smile:" in drawn(CORPUS[13], format)


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
@pytest.mark.parametrize("width", [20, 60, 80, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(text: str, width: int, unicode: bool) -> None:
    """Wide letters count two; SQL keeps its own lines."""
    from rich.cells import cell_len

    view = View(width=width, unicode=unicode)
    lines = "".join(render(hostile(text), "table", view)).splitlines()

    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_plain_is_one_line_a_row(text: str) -> None:
    """A header, a row, and remarks behind a #; between cells two spaces, within them never."""
    lines = "".join(render(hostile(text), "plain", View())).splitlines()
    table = [line for line in lines[: lines.index("")] if not line.startswith("# ")]

    assert len(table) == 2
    assert len(re.split("  +", table[1])) == 6
