"""Table: for a terminal, in its width; columns and long text give way, numbers are never cut."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.box import Box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from llmscope.render import View
from llmscope.render._cells import Grid, Style, grid, is_number
from llmscope.render._chart import chart, groups, is_chart
from llmscope.render._figures import with_units
from llmscope.render._fit import Fit, fit, lane
from llmscope.render._plot import blocks, figures
from llmscope.render._print import NOTHING_MATCHED, label, small_print, title
from llmscope.render._safe import many_lines, one_line
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Column, Result, Series

_GAP = 2
_NARROWEST = 20
_UNBOUNDED = 10_000
_CUTTABLE = ("text", "list", "json")
_STYLES = {"breach": "bold red", "warning": "bold yellow", "info": "bold cyan"}


def render(result: Result, view: View) -> Iterator[str]:
    """Title, tables with their totals under a rule, series, findings, small print, SQL; a blank line between."""
    for place, block in enumerate(filter(None, _blocks(result, view))):
        yield f"\n{block}" if place else block


def _blocks(result: Result, view: View) -> Iterator[str]:
    style = Style(zone_of(result), unicode=view.unicode)
    yield _printed([Text(one_line(title(result), view.unicode), style="bold")], view)
    for sheet in sheets(result, view):
        yield from (_printed(things, view) for things in _sheet(sheet, style, view))
    yield from (_printed(things, view) for things in (_plots(result.series, view) if view.unicode else ()))
    yield _printed(_findings(result, view), view)
    yield _printed(_small_print(small_print(result), view), view)
    for sql in result.sql if view.show_sql else ():
        yield "".join(f"  {line}".rstrip() + "\n" for line in many_lines(sql, view.unicode))


def _printed(things: Sequence[RenderableType], view: View) -> str:
    """What Rich makes of them; without colour there is not one escape sequence."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=_UNBOUNDED if view.width is None else max(view.width, _NARROWEST),
        color_system="standard" if view.color else None,
        force_terminal=view.color,
        no_color=not view.color,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for thing in things:
        console.print(thing)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().removesuffix("\n").split("\n")) if things else ""


def _beside(pairs: Sequence[tuple[Text, str]], view: View, style: str = "") -> list[RenderableType]:
    """Sentences that wrap beside the mark before them."""
    if not pairs:
        return []
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for mark, sentence in pairs:
        rows.add_row(mark, Text(one_line(sentence, view.unicode), style=style))
    return [rows]


def _findings(result: Result, view: View) -> list[RenderableType]:
    return _beside([(Text(label(f), style=_STYLES[f.severity]), f.text) for f in result.findings], view)


def _small_print(texts: Sequence[str], view: View) -> list[RenderableType]:
    mark = Text("·" if view.unicode else "-", style="dim")
    return _beside([(mark, text) for text in texts], view, "dim")


def _sheet(sheet: Sheet, style: Style, view: View) -> Iterator[list[RenderableType]]:
    """One table under its name, then what the width hides of it."""
    name = [Text(one_line(sheet.name, view.unicode), style="bold")] if sheet.name else []
    if not sheet.rows:
        yield [*name, NOTHING_MATCHED]
    if not sheet.rows and not sheet.totals:
        return
    cells = grid(sheet, style)
    room = None if view.width is None else max(view.width, _NARROWEST)
    fitted = _fitted(sheet, cells, room, optional=view.columns is None)
    yield [*(name if sheet.rows else []), _drawn(sheet, cells, fitted, view)]
    hidden = ", ".join(column.name for i, column in enumerate(sheet.columns) if i not in fitted.kept)
    told = f"Hidden at this width: {hidden}. Choose columns with --columns, or widen with --width."
    yield _small_print([told] if hidden else [], view)


def _fitted(sheet: Sheet, cells: Grid, room: int | None, optional: bool) -> Fit:
    lanes = []
    for i, column in enumerate(sheet.columns):
        texts = [row[i] for row in cells.rows] + ([cells.totals[i]] if cells.totals else [])
        interval = column.of if column.role in ("low", "high") else None
        traits = {
            "cuttable": column.kind in _CUTTABLE,
            "optional": optional and column.optional,
            "interval": interval,
        }
        lanes.append(lane(cells.headings[i], texts, cell_len, **traits))
    return fit(lanes, room, _GAP)


def _drawn(sheet: Sheet, cells: Grid, fitted: Fit, view: View) -> Table:
    table = Table(
        box=_rules("─" if view.unicode else "-"),
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        show_footer=cells.totals is not None,
        header_style="bold",
        footer_style="bold",
    )
    for i, width in zip(fitted.kept, fitted.widths, strict=True):
        heading = " ".join(_cut(word, width, view) for word in cells.headings[i].split(" "))
        total = _cut(cells.totals[i], width, view) if cells.totals else ""
        table.add_column(Text(heading), Text(total), justify=_side(sheet.columns[i]), width=width, vertical="bottom")
    for row in cells.rows:
        table.add_row(*(Text(_cut(row[i], w, view)) for i, w in zip(fitted.kept, fitted.widths, strict=True)))
    return table


def _side(column: Column) -> Literal["left", "right"]:
    return "right" if is_number(column) else "left"


def _cut(text: str, width: int, view: View) -> str:
    """`text` in `width` terminal cells, with a sign that something is missing."""
    if cell_len(text) <= width:
        return text
    sign = ("…" if view.unicode else "...")[:width]
    return set_cell_size(text, width - len(sign)).rstrip() + sign


def _rules(line: str) -> Box:
    """A rule under the heading and one over the totals; no other lines."""
    rule, empty = f" {line}{line} ", "    "
    return Box("\n".join([empty, empty, rule, empty, empty, rule, empty, empty]) + "\n", ascii=line == "-")


def _plots(lines: Sequence[Series], view: View) -> Iterator[list[RenderableType]]:
    """Charts of what is a chart, and a line of blocks each for the rest."""
    room = max(view.width or 80, _NARROWEST)
    blocks_only = []
    for group in groups(lines):
        if is_chart(group, room):
            yield [*chart(group, room, view.color)]
        else:
            blocks_only += group
    yield _sparklines(blocks_only, view)


def _sparklines(lines: Sequence[Series], view: View) -> list[RenderableType]:
    """A line each: name, blocks from zero to the largest, and the range; names are padded to one width."""
    room = max(view.width or 80, _NARROWEST)
    names = [_cut(one_line(series.name), max(room // 3, 4), view) for series in lines]
    longest = max(map(cell_len, names), default=0)
    return [_sparkline(series, set_cell_size(name, longest), room) for series, name in zip(lines, names, strict=True)]


def _sparkline(series: Series, name: str, room: int) -> Text:
    ys = figures(series)
    known = [y for y in ys if y is not None]
    write = with_units(series.kind, known)
    span = f"{write(min(known))} – {write(max(known))}" if known else "no figures"
    width = max(min(room - cell_len(name) - cell_len(span) - 4, 60), 1)
    return Text(f"{name}  {blocks(ys, width)}  {span}", no_wrap=True, overflow="crop")
