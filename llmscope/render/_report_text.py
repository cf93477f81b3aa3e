"""A report on a terminal: the figures and what moved, then each section as its own command shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscope.render import View
from llmscope.render import render as render_result
from llmscope.render._report_tables import LEGEND, figures, judged, more_text, pages, tables
from llmscope.reported import Report, Section
from llmscope.result import Column, Part, Result, Window

HEADLINES = (
    *(Column(name, "text") for name in ("figure", "now", "before", "change", "is it real?")),
    *(Column(name, "text", optional=True) for name in ("level", "range")),
)


def render(report: Report, view: View) -> Iterator[str]:
    """Blocks with a blank line between."""
    view = replace(view, columns=None)
    yield from render_result(first_page(report), "table", view)
    for page, sections in pages(report):
        for section in sections:
            yield "\n"
            yield from render_result(as_result(section, f"{page}: {section.title}", report.window), "table", view)


def first_page(report: Report) -> Result:
    """The headlines as a table, the findings and the small print under it."""
    rows = []
    for one in report.headlines:
        now, before = figures(one)
        rows.append({"figure": one.name, "now": now, "before": before, "change": one.total or one.change or None,
                     "is it real?": judged(one) or None, "level": one.change if one.total else None,
                     "range": one.possible or None})  # fmt: skip
    beside = [f"{one.name}: {one.note}" for one in report.headlines if one.note]
    legend = (LEGEND,) if any(one.possible for one in report.headlines) else ()
    return Result("report", HEADLINES, tuple(rows), title=report.title, window=Window(tz=report.window.tz),
                  findings=report.findings, notes=(*legend, *beside, *report.notes))  # fmt: skip


def as_result(section: Section, title: str, window: Window) -> Result:
    """A section as an answer of its own: the tables it shows, what it says, and how many rows are left."""
    found = section.result
    small = Window(tz=window.tz)
    if found is None:
        return Result(
            "report", (), (), title=title, window=small, notes=(section.caption, f"not here: {section.absent}")
        )
    notes, main, parts = [section.caption], Part((), ()), {}
    for table in tables(section):
        part = Part(table.sheet.columns, table.sheet.rows, table.sheet.totals)
        if table.sheet.name is None:
            main = part
        else:
            parts[table.sheet.name] = part
        if table.more:
            notes.append(f"{more_text(table)}{f': {section.again}' if section.again else ''}")
    return replace(
        found, columns=main.columns, rows=main.rows, totals=main.totals, parts=parts, title=title, window=small,
        coverage=None, series=(), notes=(*notes, *found.notes),
    )  # fmt: skip
