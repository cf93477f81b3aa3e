"""Loads files into a store in memory by load's own code: for tests of sources from file to row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmscope.load import FileReport, LoadOptions, LoadReport, load
from llmscope.store import Store, present_columns, rows_table

Row = dict[str, Any]
NOT_SHOWN = {"load_id", "faults", "source_file"}
ORDER = {"requests": "request_id", "spans": "span_id", "scores": "score_id", "traces": "trace_id"}


@dataclass
class Loaded:
    """All rows of a store in memory, NULLs left out, ordered by their ids; and what load reported."""

    requests: list[Row]
    spans: list[Row]
    scores: list[Row]
    traces: list[Row]
    report: LoadReport

    @property
    def file(self) -> FileReport:
        """The report of the one file that was loaded."""
        (only,) = self.report.files
        if only.error:
            raise only.error
        return only

    def total(self, column: str) -> float:
        """The sum of a column of the requests."""
        return sum(r.get(column) or 0 for r in self.requests)


def loaded(*paths: Path, options: LoadOptions | None = None) -> Loaded:
    """Loads the files, one after the other as given; every line must be accounted for."""
    store = Store(None)
    try:
        report = load(store, [str(p) for p in paths], options or LoadOptions())
        for one in report.files:
            if one.error is None:
                one.check()
        return Loaded(*(rows_of(store, table) for table in ORDER), report)  # type: ignore[arg-type]
    finally:
        store.close()


def rows_of(store: Store, table: Any) -> list[Row]:
    """The rows of one table; JSON columns parsed."""
    names = sorted(present_columns(store.con, table) - NOT_SHOWN)
    if not names:
        return []
    rows = store.execute(f"SELECT {', '.join(names)} FROM {rows_table(table)} ORDER BY {ORDER[table]}")
    made = [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows]
    for row in made:
        row.update({n: json.loads(row[n]) for n in ("metadata", "attributes") if n in row})
    return made


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    """Records as JSON lines."""
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path
