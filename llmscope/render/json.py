"""JSON: one envelope for every command, with the same keys when it is empty, in ASCII."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from llmscope.render import View
from llmscope.render._raw import raw, raw_row
from llmscope.render._safe import json_text
from llmscope.render._sheets import Sheet, every_sheet
from llmscope.result import Column, Coverage, Finding, Result, Row, Series, Window

ENVELOPE_VERSION = 1


def render(result: Result, view: View) -> Iterator[str]:
    """The envelope, one row a line, so that a long answer is never held as one text."""
    main, *parts = every_sheet(result, view)
    yield f'{{"llmscope": {ENVELOPE_VERSION},\n'
    yield f'"command": {_dumps(json_text(result.command))},\n'
    yield f'"window": {_dumps(_window(result.window))},\n'
    yield from _table(main)
    yield ',\n"parts": {'
    for place, part in enumerate(parts):
        yield f"{',' if place else ''}\n{_dumps(json_text(part.name or ''))}: {{"
        yield from _table(part)
        yield "}"
    yield "},\n"
    yield from _list("series", (_series(line) for line in result.series))
    yield ",\n"
    yield from _list("findings", (_finding(finding) for finding in result.findings))
    yield ",\n"
    yield from _list("notes", (json_text(note) for note in result.notes))
    yield f',\n"coverage": {_dumps(_coverage(result.coverage))}'
    if view.show_sql:
        yield ",\n"
        yield from _list("sql", (json_text(sql) for sql in result.sql))
    yield "}\n"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _list(key: str, items: Iterable[Any]) -> Iterator[str]:
    """`"key": [` and one item a line."""
    yield f'"{key}": ['
    for place, item in enumerate(items):
        yield f"{',' if place else ''}\n  {_dumps(item)}"
    yield "]"


def _table(sheet: Sheet) -> Iterator[str]:
    yield from _list("columns", (_column(column) for column in sheet.columns))
    yield ",\n"
    yield from _list("rows", (raw_row(row, sheet.columns) for row in sheet.rows))
    yield f',\n"totals": {_dumps(raw(sheet.totals))}'


def _column(column: Column) -> dict[str, Any]:
    of = None if column.of is None else json_text(column.of)
    return {"name": json_text(column.name), "kind": column.kind, "unit": column.unit, "role": column.role, "of": of}


def _window(window: Window) -> dict[str, Any]:
    return {"since": raw(window.since), "until": raw(window.until), "tz": json_text(window.tz)}


def _series(line: Series) -> dict[str, Any]:
    return {"name": json_text(line.name), "kind": line.kind, "x": raw(line.x), "y": raw(line.y)}


def _finding(finding: Finding) -> dict[str, Any]:
    rows: list[Row] = [raw(row) for row in finding.rows]
    return {
        "kind": json_text(finding.kind),
        "severity": finding.severity,
        "text": json_text(finding.text),
        "rows": rows,
    }


def _coverage(coverage: Coverage | None) -> dict[str, Any]:
    """The same keys when nothing is known of the coverage."""
    keys = ("requests", "priced_requests", "priced_tokens_ratio", "rejected_lines", "duplicates")
    return {key: raw(getattr(coverage, key, None)) for key in keys}
