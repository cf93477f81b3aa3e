"""Plain: aligned columns for pipes; bare numbers whose units stand in the names; all else behind a `#`."""

from __future__ import annotations

from collections.abc import Iterator

from llmscope.render import View
from llmscope.render._cells import Grid, Style, grid, is_number
from llmscope.render._print import NOTHING_MATCHED, label, small_print
from llmscope.render._safe import cells_wide, many_lines, one_line
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Result

_GAP = "  "


def render(result: Result, view: View) -> Iterator[str]:
    """Never wrapped and never cut; two spaces or more stand between columns and never within a cell."""
    style = Style(zone_of(result), units=False, unicode=view.unicode)
    for place, sheet in enumerate(sheets(result, view)):
        yield "\n" if place else ""
        yield from _table(sheet, style)
    yield "\n" if result.parts else ""
    remarks = [f"{label(finding)}: {finding.text}" for finding in result.findings]
    for text in [*remarks, *small_print(result)]:
        yield _remark(text, style)
    for sql in result.sql if view.show_sql else ():
        yield from (f"# {line}".rstrip() + "\n" for line in ["sql:", *many_lines(sql, view.unicode)])


def _remark(text: str, style: Style) -> str:
    return f"# {one_line(text, style.unicode)}\n"


def _table(sheet: Sheet, style: Style) -> Iterator[str]:
    """The header stands even over no rows, so that a script always finds it."""
    if sheet.name:
        yield _remark(sheet.name, style)
    cells = grid(sheet, style)
    rows = [cells.headings, *cells.rows]
    widths = [max(map(cells_wide, column)) for column in zip(*rows, strict=True)]
    to_the_right = [is_number(column) for column in sheet.columns]
    for row in rows:
        fields = [_aligned(*field) for field in zip(row, widths, to_the_right, strict=True)]
        yield _GAP.join(fields).rstrip() + "\n"
    if not sheet.rows:
        yield _remark(NOTHING_MATCHED, style)
    yield _totals(sheet, cells, style)


def _aligned(text: str, width: int, to_the_right: bool) -> str:
    space = " " * (width - cells_wide(text))
    return space + text if to_the_right else text + space


def _totals(sheet: Sheet, cells: Grid, style: Style) -> str:
    """The totals as a remark, so that adding up a column does not count them."""
    if cells.totals is None:
        return ""
    names = [column.name for column in sheet.columns]
    said = [f"{name}={text}" for name, text in zip(names, cells.totals, strict=True) if text not in ("", "total")]
    return _remark(f"total {' '.join(said)}", style) if said else ""
