"""The tables of a result as they are to be shown: the main one, then the parts, each with the columns asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llmscope.errors import unknown_name
from llmscope.render import View
from llmscope.result import Column, Part, Result, Row


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table; the main one has no name."""

    name: str | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Row | None = None


def sheets(result: Result, view: View) -> list[Sheet]:
    """The tables that have columns, as people are shown them: without details, unless --columns names them.

    A result without columns is its parts alone, or only findings and notes.
    """
    asked = view.columns or ()
    return [
        replace(sheet, columns=tuple(c for c in sheet.columns if not c.detail or c.name in asked))
        for sheet in every_sheet(result, view)
        if sheet.columns
    ]


def every_sheet(result: Result, view: View) -> list[Sheet]:
    """The main table, even if it is empty, and the parts.

    `view.columns` speaks of the main table; of the parts only where there is no other.

    Raises:
        UsageError: no table it speaks of has a column it names.
    """
    asked = view.columns or ()
    tables: list[Result | Part] = [result] if result.columns else [*result.parts.values()]
    _check(asked, {column.name for table in tables for column in table.columns})
    of_parts = () if result.columns else asked
    found = [Sheet(None, _chosen(result.columns, asked), result.rows, result.totals)]
    parts = result.parts.items()
    return found + [Sheet(name, _chosen(part.columns, of_parts), part.rows, part.totals) for name, part in parts]


def _chosen(columns: tuple[Column, ...], asked: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns asked for, in the order asked; a table that has none of them stays whole."""
    by_name = {column.name: column for column in columns}
    return tuple(by_name[name] for name in dict.fromkeys(asked) if name in by_name) or columns


def _check(asked: tuple[str, ...], known: set[str]) -> None:
    for name in asked:
        if name not in known:
            raise unknown_name("column", name, known)
