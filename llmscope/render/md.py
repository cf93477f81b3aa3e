"""Markdown: GitHub's tables, in which nothing that came from a log is markup."""

from __future__ import annotations

from collections.abc import Iterator

from llmscope.render import View
from llmscope.render._cells import Style, grid, is_number
from llmscope.render._markdown import fenced, harmless, row
from llmscope.render._print import NOTHING_MATCHED, label, small_print, title
from llmscope.render._safe import is_bar
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Result


def render(result: Result, view: View) -> Iterator[str]:
    """Title, tables, findings, small print, and the SQL in a fence when asked for."""
    style = Style(zone_of(result))
    yield f"## {harmless(title(result))}\n"
    for sheet in sheets(result, view):
        yield from _table(sheet, style)
    if result.findings:
        yield "\n"
        yield from (f"- **{label(finding)}:** {harmless(finding.text)}\n" for finding in result.findings)
    notes = small_print(result)
    yield "\nSmall print:\n\n" if notes else ""
    yield from (f"- {harmless(note)}\n" for note in notes)
    for sql in result.sql if view.show_sql else ():
        yield fenced(sql)


def _table(sheet: Sheet, style: Style) -> Iterator[str]:
    if sheet.name:
        yield f"\n### {harmless(sheet.name)}\n"
    if not sheet.rows:
        yield f"\n{NOTHING_MATCHED}\n"
    if not (sheet.rows or sheet.totals):
        return
    cells = grid(sheet, style)
    yield f"\n{row([harmless(heading) for heading in cells.headings])}"
    yield row(["---:" if is_number(column) else "---" for column in sheet.columns])
    yield from (row([f"`{cell}`" if is_bar(cell) else harmless(cell) for cell in line]) for line in cells.rows)
    if cells.totals is not None:
        yield row([f"**{harmless(cell)}**" if cell else "" for cell in cells.totals])
