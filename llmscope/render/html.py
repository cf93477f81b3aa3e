"""HTML: one page that needs nothing else, for a browser, a mail or a printer; text from logs is never markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from llmscope.render import View
from llmscope.render._cells import Grid, Style, grid, is_number
from llmscope.render._figures import figure
from llmscope.render._page import STYLESHEET, chart
from llmscope.render._print import NOTHING_MATCHED, label, small_print, title
from llmscope.render._safe import is_bar, many_lines, one_line
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Column, Finding, Result

_MOST_TILES = 4
_MEASURES = ("measure", "n")


def render(result: Result, view: View) -> Iterator[str]:
    """Heading, the totals large, findings, tables, charts, small print, and the SQL when asked for."""
    style = Style(zone_of(result))
    shown = sheets(result, view)
    yield _head(title(result))
    yield f"<main>\n<header>\n<p class=brand>llmscope {_text(result.command)}</p>\n<h1>{_text(title(result))}</h1>\n"
    yield "</header>\n"
    yield _tiles(shown[0], style) if shown else ""
    yield _findings(result.findings)
    for sheet in shown:
        yield from _section(sheet, style, title(result))
    if result.series:
        yield f"<div class=charts>\n{''.join(chart(series, style.zone) for series in result.series)}</div>\n"
    notes = "".join(f"<li>{_text(note)}</li>\n" for note in small_print(result))
    yield f"<footer>\n<h2>Small print</h2>\n<ul>\n{notes}</ul>\n</footer>\n" if notes else ""
    yield _sql(result) if view.show_sql else ""
    yield "</main>\n</body>\n</html>\n"


def _text(text: str) -> str:
    return escape(one_line(text))


def _head(name: str) -> str:
    """Scripts, addresses and forms are refused; the one stylesheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(STYLESHEET.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(name)}</title>\n<style>{STYLESHEET}</style>\n</head>\n<body>\n"
    )


def _tiles(sheet: Sheet, style: Style) -> str:
    """The first totals, large: what a reader came for, and how many after it."""
    if sheet.totals is None:
        return ""
    cells = grid(Sheet(None, sheet.columns, (), sheet.totals), style)
    worth = [
        ((column.role == "n", column.optional), heading, cell)
        for column, heading, cell in zip(sheet.columns, cells.headings, cells.totals or (), strict=True)
        if is_number(column) and column.role in _MEASURES and not column.name.endswith("_share_ratio")
        if figure(sheet.totals.get(column.name)) is not None
    ]
    chosen = sorted(worth, key=lambda tile: tile[0])[:_MOST_TILES]
    tiles = "".join(f"<div><dt>{_text(heading)}</dt><dd>{_text(cell)}</dd></div>\n" for _, heading, cell in chosen)
    return f"<dl class=tiles>\n{tiles}</dl>\n" if tiles else ""


def _findings(findings: tuple[Finding, ...]) -> str:
    said = "".join(
        f'<li class="{f.severity}"><strong>{label(f)}</strong> <span>{_text(f.text)}</span></li>\n' for f in findings
    )
    return f'<ul class=findings aria-label="Findings">\n{said}</ul>\n' if said else ""


def _section(sheet: Sheet, style: Style, caption: str) -> Iterator[str]:
    """One table in a frame that scrolls by itself, so that the page never does sideways."""
    name = sheet.name or caption
    yield f"<section>\n<h2>{_text(sheet.name)}</h2>\n" if sheet.name else "<section>\n"
    if not sheet.rows:
        yield f"<p class=empty>{NOTHING_MATCHED}</p>\n"
    if sheet.rows or sheet.totals:
        cells = grid(sheet, style)
        yield f'<div class=frame role=region tabindex=0 aria-label="{_text(name)}">\n<table>\n'
        yield f"<caption>{_text(name)}</caption>\n<thead><tr>{_headings(sheet, cells)}</tr></thead>\n<tbody>\n"
        for row, texts in zip(sheet.rows, cells.rows, strict=True):
            yield f"<tr>{_cells(sheet, row, texts, style)}</tr>\n"
        yield "</tbody>\n"
        if cells.totals is not None:
            yield f"<tfoot><tr>{_totals(sheet, cells.totals)}</tr></tfoot>\n"
        yield "</table>\n</div>\n"
    yield "</section>\n"


def _class(column: Column) -> str:
    return " class=n" if is_number(column) else ""


def _headings(sheet: Sheet, cells: Grid) -> str:
    pairs = zip(sheet.columns, cells.headings, strict=True)
    return "".join(
        f'<th scope="col"{_class(column)} title="{_text(column.name)}">{_text(heading)}</th>'
        for column, heading in pairs
    )


def _cells(sheet: Sheet, row: Mapping[str, Any], texts: list[str], style: Style) -> str:
    """The first dimension heads its row."""
    written = []
    for place, (column, text) in enumerate(zip(sheet.columns, texts, strict=True)):
        heads = place == 0 and column.role in ("dimension", "time")
        unknown = " data-unknown" if row.get(column.name) is None else ""
        shown = f"<code class=run>{text}</code>" if is_bar(text) else _text(text)
        inside = shown + _bar(column, row.get(column.name))
        open_tag = f'th scope="row"{_class(column)}' if heads else f"td{_class(column)}"
        written.append(f"<{open_tag}{unknown}>{inside}</{'th' if heads else 'td'}>")
    return "".join(written)


def _bar(column: Column, value: Any) -> str:
    """A thin bar under a share, as wide as the share."""
    share = figure(value)
    if not column.name.endswith("share_ratio") or share is None or not 0 <= share <= 1:
        return ""
    bar = f'<rect width="{share * 100:.1f}" height="3"/>'
    return f'<svg class=bar viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>'


def _totals(sheet: Sheet, texts: list[str]) -> str:
    first, *others = zip(sheet.columns, texts, strict=True)
    cells = [f'<th scope="row"{_class(first[0])}>{_text(first[1])}</th>']
    return "".join(cells + [f"<td{_class(column)}>{_text(text)}</td>" for column, text in others])


def _sql(result: Result) -> str:
    blocks = "".join(f"<pre><code>{escape(chr(10).join(many_lines(sql)))}</code></pre>\n" for sql in result.sql)
    return f"<section class=sql>\n<h2>SQL that ran</h2>\n{blocks}</section>\n" if blocks else ""
