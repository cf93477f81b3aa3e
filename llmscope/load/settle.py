"""After rows came in: what stands twice goes, what is too old goes, and what belongs together is joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmscope.load.dedupe import drop_duplicates
from llmscope.load.labelled import settle_labels
from llmscope.load.links import Merged, link
from llmscope.schema import Table
from llmscope.store import drop_forgotten, present_columns

if TYPE_CHECKING:
    import duckdb


@dataclass
class Settled:
    """Rows that went again, by the load that brought them (or, of an older load, that brought the better one)."""

    duplicates: Counter[int] = field(default_factory=Counter)
    set_aside: Counter[int] = field(default_factory=Counter)
    forgotten: Counter[int] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    of_table: dict[Table, Counter[int]] = field(default_factory=dict)


def settle(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[Table],
    counted: Collection[Table],
    first_load: int,
    source: str,
    settled: bool = False,
) -> Settled:
    """Settles the loads from `first_load` on.

    Args:
        counted: the tables whose rows the report calls loaded; of the others nothing is counted.
        settled: the new rows have been settled among themselves; what they are now joined with is older.
    """
    found = Settled()
    if "scores" in tables:
        aside, found.notes = settle_labels(con, first_load, source, present_columns(con, "scores"))
        found.set_aside += aside if "scores" in counted else Counter()
    for table in tables:
        duplicates = drop_duplicates(con, table, first_load)
        forgotten = drop_forgotten(con, table, first_load)
        found.of_table[table] = duplicates + forgotten
        if table in counted:
            found.duplicates += duplicates
            found.forgotten += forgotten
    merged: Merged = link(con, tables, first_load, source, settled)
    found.duplicates += merged.duplicates
    found.set_aside += merged.parents + found.forgotten
    found.notes += merged.notes
    if n := found.forgotten.total():
        found.notes.append(f"{n:,} rows are from before what was forgotten (llmscope store forget)")
    return found
