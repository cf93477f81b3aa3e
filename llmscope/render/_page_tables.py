"""Tables in HTML: a frame that scrolls by itself, headings with their scope, and raw figures to sort by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from llmscope.render._cells import Grid, Style, grid, is_number
from llmscope.render._figures import figure
from llmscope.render._raw import raw
from llmscope.render._safe import is_bar, one_line
from llmscope.render._sheets import Sheet
from llmscope.result import Column

# A report's table of more rows than these scrolls under its headings.
_LONG = 15
# A text of more letters than these is there whole, and its first lines are seen.
_MUCH = 160


def text_of(text: str) -> str:
    """Text of a log on one line, harmless, and never markup."""
    return escape(one_line(text))


def table(sheet: Sheet, style: Style, caption: str, sortable: bool = False) -> Iterator[str]:
    """The whole table in its frame, so that the page never scrolls sideways."""
    cells = grid(sheet, style)
    name = text_of(caption)
    kind = '"frame long"' if sortable and len(sheet.rows) > _LONG else "frame"
    yield f'<div class={kind} role=region tabindex=0 aria-label="{name}">\n<table{" data-sortable" * sortable}>\n'
    yield f"<caption>{name}</caption>\n<thead><tr>{_headings(sheet, cells)}</tr></thead>\n<tbody>\n"
    for row, texts in zip(sheet.rows, cells.rows, strict=True):
        yield f"<tr>{_cells(sheet, row, texts, sortable)}</tr>\n"
    yield "</tbody>\n"
    if cells.totals is not None:
        yield f"<tfoot><tr>{_totals(sheet, cells.totals)}</tr></tfoot>\n"
    yield "</table>\n</div>\n"


def _class(column: Column) -> str:
    return " class=n" if is_number(column) else ""


def _headings(sheet: Sheet, cells: Grid) -> str:
    pairs = zip(sheet.columns, cells.headings, strict=True)
    return "".join(
        f'<th scope="col"{_class(column)} title="{text_of(column.name)}">{text_of(heading)}</th>'
        for column, heading in pairs
    )


def _cells(sheet: Sheet, row: Mapping[str, Any], texts: list[str], sortable: bool) -> str:
    """The first dimension heads its row."""
    written = []
    for place, (column, text) in enumerate(zip(sheet.columns, texts, strict=True)):
        value = row.get(column.name)
        heads = place == 0 and column.role in ("dimension", "time")
        unknown = " data-unknown" if value is None else ""
        shown = f"<code class=run>{text}</code>" if is_bar(text) else text_of(text)
        shown = f"<span class=clip>{shown}</span>" if sortable and len(text) > _MUCH else shown
        open_tag = f'th scope="row"{_class(column)}' if heads else f"td{_class(column)}"
        raw_value = _sorted_by(value) if sortable else ""
        written.append(f"<{open_tag}{unknown}{raw_value}>{shown}{_bar(column, value)}</{'th' if heads else 'td'}>")
    return "".join(written)


def _sorted_by(value: Any) -> str:
    """The figure or moment behind the text of a cell, which sorting goes by."""
    number = figure(value)
    if number is not None:
        return f' data-v="{number:.12g}"' if isinstance(number, float) else f' data-v="{number}"'
    return f' data-v="{escape(str(raw(value)))}"' if isinstance(value, datetime) else ""


def _bar(column: Column, value: Any) -> str:
    """A thin bar under a share, as wide as the share."""
    share = figure(value)
    if not column.name.endswith("share_ratio") or share is None or not 0 <= share <= 1:
        return ""
    bar = f'<rect width="{share * 100:.1f}" height="3"/>'
    return f'<svg class=bar viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>'


def _totals(sheet: Sheet, texts: list[str]) -> str:
    first, *others = zip(sheet.columns, texts, strict=True)
    cells = [f'<th scope="row"{_class(first[0])}>{text_of(first[1])}</th>']
    return "".join(cells + [f"<td{_class(column)}>{text_of(text)}</td>" for column, text in others])
