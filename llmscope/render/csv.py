"""CSV: a header and the rows, after RFC 4180 save for the line end, which is one line feed as on Unix."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from llmscope.render import View
from llmscope.render._flat import flat
from llmscope.render._safe import csv_text
from llmscope.result import Result


def render(result: Result, view: View) -> Iterator[str]:
    """Raw numbers with their units in the header; what is missing is empty; totals are never a row."""
    table = flat(result, view)
    if table.columns:
        yield _line([csv_text(column.name) for column in table.columns])
    for row in table.rows:
        yield _line([_field(value) for value in row.values()])


def _field(value: Any) -> Any:
    """Numbers stay as they are, so that -5 is never taken for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return csv_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _line(fields: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue()
