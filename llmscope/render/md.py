"""Markdown: GitHub's tables, in which nothing that came from a log is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmscope.render import View
from llmscope.render._cells import Style, grid, is_number
from llmscope.render._print import NOTHING_MATCHED, label, small_print, title
from llmscope.render._safe import is_bar, many_lines, one_line
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Result

_PUNCTUATION = re.compile(r"[\\`*\[\]{}|#~!^]|(?<![^\W_])_|_(?![^\W_])|\$(?!\d)|(?<=[a-zA-Z]):(?=//)|(?<=www)\.")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)]))")


def render(result: Result, view: View) -> Iterator[str]:
    """Title, tables, findings, small print, and the SQL in a fence when asked for."""
    style = Style(zone_of(result))
    yield f"## {_text(title(result))}\n"
    for sheet in sheets(result, view):
        yield from _table(sheet, style)
    if result.findings:
        yield "\n"
        yield from (f"- **{label(finding)}:** {_text(finding.text)}\n" for finding in result.findings)
    notes = small_print(result)
    yield "\nSmall print:\n\n" if notes else ""
    yield from (f"- {_text(note)}\n" for note in notes)
    for sql in result.sql if view.show_sql else ():
        yield _fenced(sql)


def _text(text: str) -> str:
    """`text` on one line with every sign that Markdown or HTML would act on escaped."""
    harmless = _PUNCTUATION.sub(_escaped, one_line(text).translate(_ENTITIES)).strip()
    return _BLOCK_START.sub(r"\\\1", harmless) if not harmless[:1].isdigit() else _numbered(harmless)


def _escaped(match: re.Match[str]) -> str:
    """A backslash, save in addresses, where only an entity keeps GitHub from making a link."""
    sign = match.group()
    return f"&#{ord(sign)};" if sign in ":." else f"\\{sign}"


def _numbered(text: str) -> str:
    """`1. so` would begin a list."""
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)


def _table(sheet: Sheet, style: Style) -> Iterator[str]:
    if sheet.name:
        yield f"\n### {_text(sheet.name)}\n"
    if not sheet.rows:
        yield f"\n{NOTHING_MATCHED}\n"
    if not (sheet.rows or sheet.totals):
        return
    cells = grid(sheet, style)
    yield f"\n{_row([_text(heading) for heading in cells.headings])}"
    yield _row(["---:" if is_number(column) else "---" for column in sheet.columns])
    yield from (_row([f"`{cell}`" if is_bar(cell) else _text(cell) for cell in row]) for row in cells.rows)
    if cells.totals is not None:
        yield _row([f"**{_text(cell)}**" if cell else "" for cell in cells.totals])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _fenced(sql: str) -> str:
    """SQL behind a fence longer than any run of backticks in it."""
    body = "\n".join(many_lines(sql))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    return f"\n{fence}sql\n{body}\n{fence}\n"
