"""HTML: one page that needs nothing else, for a browser, a mail or a printer; text from logs is never markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from llmscope.render import View
from llmscope.render._cells import Style, grid, is_number
from llmscope.render._figures import figure
from llmscope.render._page import STYLESHEET, chart
from llmscope.render._page_tables import table, text_of
from llmscope.render._print import NOTHING_MATCHED, label, small_print, title
from llmscope.render._safe import many_lines
from llmscope.render._sheets import Sheet, sheets
from llmscope.render._times import zone_of
from llmscope.result import Finding, Result

_MOST_TILES = 4
_MEASURES = ("measure", "n")


def render(result: Result, view: View) -> Iterator[str]:
    """Heading, the totals large, findings, tables, charts, small print, and the SQL when asked for."""
    style = Style(zone_of(result))
    shown = sheets(result, view)
    yield _head(title(result))
    yield f"<main>\n<header>\n<p class=brand>llmscope {text_of(result.command)}</p>\n"
    yield f"<h1>{text_of(title(result))}</h1>\n</header>\n"
    yield _tiles(shown[0], style) if shown else ""
    yield _findings(result.findings)
    for sheet in shown:
        yield from _section(sheet, style, title(result))
    if result.series:
        yield f"<div class=charts>\n{''.join(chart(series, style.zone) for series in result.series)}</div>\n"
    notes = "".join(f"<li>{text_of(note)}</li>\n" for note in small_print(result))
    yield f"<footer>\n<h2>Small print</h2>\n<ul>\n{notes}</ul>\n</footer>\n" if notes else ""
    yield _sql(result) if view.show_sql else ""
    yield "</main>\n</body>\n</html>\n"


def _head(name: str) -> str:
    """Scripts, addresses and forms are refused; the one stylesheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(STYLESHEET.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text_of(name)}</title>\n<style>{STYLESHEET}</style>\n</head>\n<body>\n"
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
    tiles = "".join(f"<div><dt>{text_of(heading)}</dt><dd>{text_of(cell)}</dd></div>\n" for _, heading, cell in chosen)
    return f"<dl class=tiles>\n{tiles}</dl>\n" if tiles else ""


def _findings(findings: tuple[Finding, ...]) -> str:
    said = "".join(
        f'<li class="{f.severity}"><strong>{label(f)}</strong> <span>{text_of(f.text)}</span></li>\n' for f in findings
    )
    return f'<ul class=findings aria-label="Findings">\n{said}</ul>\n' if said else ""


def _section(sheet: Sheet, style: Style, caption: str) -> Iterator[str]:
    """One table under its heading."""
    name = sheet.name or caption
    yield f"<section>\n<h2>{text_of(sheet.name)}</h2>\n" if sheet.name else "<section>\n"
    if not sheet.rows:
        yield f"<p class=empty>{NOTHING_MATCHED}</p>\n"
    if sheet.rows or sheet.totals:
        yield from table(sheet, style, name)
    yield "</section>\n"


def _sql(result: Result) -> str:
    blocks = "".join(f"<pre><code>{escape(chr(10).join(many_lines(sql)))}</code></pre>\n" for sql in result.sql)
    return f"<section class=sql>\n<h2>SQL that ran</h2>\n{blocks}</section>\n" if blocks else ""
