"""The one table that a format without room for more can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmscope.render import View
from llmscope.render._raw import raw_row
from llmscope.render._sheets import every_sheet
from llmscope.result import Column, Result, Row


@dataclass(frozen=True, slots=True)
class Flat:
    """Columns and raw rows."""

    columns: tuple[Column, ...]
    rows: Iterator[dict[str, Any]]


def flat(result: Result, view: View) -> Flat:
    """The main table; where a result is parts alone, they are stacked and a first column `part` names them."""
    shown = [sheet for sheet in every_sheet(result, view) if sheet.columns]
    if not shown:
        return Flat((), iter(()))
    if shown[0].name is None:
        columns = shown[0].columns
        return Flat(columns, (raw_row(row, columns) for row in shown[0].rows))
    by_name = {column.name: column for sheet in shown for column in sheet.columns}
    columns = (Column("part", "text", "dimension"), *(c for name, c in by_name.items() if name != "part"))
    stacked: Iterator[Row] = ({**row, "part": sheet.name} for sheet in shown for row in sheet.rows)
    return Flat(columns, (raw_row(row, columns) for row in stacked))
