"""A report as JSON: one envelope, each section with the envelope of its own answer and all of its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmscope.render import View
from llmscope.render import render as render_result
from llmscope.render._raw import raw
from llmscope.render._safe import json_text
from llmscope.reported import Chart, Headline, Report, Section, Told
from llmscope.result import Window

ENVELOPE_VERSION = 1


def render(report: Report, view: View) -> Iterator[str]:
    """The whole report as data, in ASCII, a section at a time."""
    yield f'{{"llmscope": {ENVELOPE_VERSION},\n'
    head = {"command": report.command, "title": report.title, "template": report.template,
            "window": window(report.window), "baseline": window(report.baseline)}  # fmt: skip
    for key, value in head.items():
        yield f'"{key}": {dumps(value)},\n'
    yield f'"headlines": {dumps([headline(one) for one in report.headlines])},\n'
    yield f'"findings": {dumps([finding(one) for one in report.findings])},\n'
    yield '"sections": ['
    for place, section in enumerate(report.sections):
        yield ",\n" if place else "\n"
        yield from section_of(section, view)
    yield f'],\n"notes": {dumps(list(report.notes))}}}\n'


def section_of(section: Section, view: View) -> Iterator[str]:
    """What a section shows, and its answer."""
    about = {
        "name": section.name, "title": section.title, "page": section.page, "caption": section.caption,
        "absent": section.absent or None, "command": section.again or None, "parts": section.parts,
        "columns": section.columns, "top": section.top, "charts": [chart(one) for one in section.charts],
    }  # fmt: skip
    yield f'{dumps(about)[:-1]},\n"answer": '
    if section.result is None:
        yield "null"
    else:
        answer = View(show_sql=view.show_sql)
        yield from (
            piece.removesuffix("\n") if piece == "}\n" else piece
            for piece in render_result(section.result, "json", answer)
        )
    yield "}"


def dumps(value: Any) -> str:
    return json.dumps(raw(value), ensure_ascii=True, allow_nan=False)


def window(of: Window | None) -> dict[str, Any] | None:
    return None if of is None else {"since": raw(of.since), "until": raw(of.until), "tz": json_text(of.tz)}


def headline(one: Headline) -> dict[str, Any]:
    return {"name": one.name, "kind": one.kind, "value": one.value, "before": one.before, "total": one.total or None,
            "change": one.change, "possible": one.possible or None,
            "verdict": one.verdict or None, "better": one.better, "note": one.note or None}  # fmt: skip


def finding(one: Told) -> dict[str, Any]:
    return {"kind": one.kind, "severity": one.severity, "text": one.text, "section": one.section or None,
            "also": list(one.also), "rows": list(one.rows)}  # fmt: skip


def chart(one: Chart) -> dict[str, Any]:
    """What a picture shows, without its figures: these stand in the answer."""
    return {"title": one.title, "form": one.form, "text": one.text, "lines": [line.name for line in one.series]}
