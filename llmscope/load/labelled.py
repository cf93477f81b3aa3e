"""People's label files, which are edited and loaded again: what is changed counts, what is cleared is withdrawn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from llmscope.engines.duckdb import execute
from llmscope.sources import CLEARED, Reading

if TYPE_CHECKING:
    import duckdb

# The sources of such files, and what an empty cell is called.
EMPTY_CELLS = {"labels": "without a score or a label", "wide_labels": "an item that a rater left out"}
OURS = "source_format IN (" + ", ".join(f"'{name}'" for name in EMPTY_CELLS) + ")"
NEWEST = "SELECT coalesce(max(load_id), 0) FROM loads WHERE path = $path AND format = $source"
# An item that stands twice in a file and is filled in once is filled in.
CLEARED_ROWS = f"""
CREATE OR REPLACE TEMP TABLE cleared AS
SELECT rowid AS row, score_id, source_file, load_id FROM scores_rows
WHERE load_id >= $load AND {OURS} AND data_type = '{CLEARED}'
"""
# A label is withdrawn where it was given: in another file an empty cell says that nobody has filled it in yet.
WITHDRAWN = f"""
CREATE OR REPLACE TEMP TABLE withdrawn AS
SELECT DISTINCT old.rowid AS row, cleared.load_id
FROM scores_rows AS old JOIN cleared ON old.score_id = cleared.score_id AND old.source_file = cleared.source_file
WHERE old.load_id < $load AND old.{OURS} AND cleared.score_id NOT IN (
    SELECT score_id FROM scores_rows WHERE load_id >= $load AND {OURS} AND data_type <> '{CLEARED}'
)
"""
CHANGED = f"""
SELECT count(DISTINCT fresh.score_id)
FROM scores_rows AS fresh JOIN scores_rows AS old ON fresh.score_id = old.score_id
WHERE fresh.load_id >= $load AND old.load_id < $load AND fresh.{OURS} AND old.{OURS}
    AND ({{differs}})
"""
SAID = ("value", "label")


def newest(con: duckdb.DuckDBPyConnection, path: str, source: str) -> int:
    """The last load of a label file's path: a file that is put back as it once was is new again; else 0."""
    if source not in EMPTY_CELLS:
        return 0
    return int(execute(con, NEWEST, {"path": path, "source": source})[0][0])


def settle_labels(
    con: duckdb.DuckDBPyConnection, load_id: int, source: str, said: set[str]
) -> tuple[Counter[int], list[str]]:
    """Takes out the cleared cells of the loads from `load_id` on, with the labels that had stood in them.

    Gives the rows taken out of the new loads, by load, and what is to be said. said: which of SAID the table has.
    """
    load = {"load": load_id}
    if not execute(con, f"SELECT count(*) FROM scores_rows WHERE load_id >= $load AND {OURS}", load)[0][0]:
        return Counter(), []
    differs = " OR ".join(f"fresh.{name} IS DISTINCT FROM old.{name}" for name in SAID if name in said)
    execute(con, CLEARED_ROWS, load)
    execute(con, WITHDRAWN, load)
    aside = Counter(dict(execute(con, "SELECT load_id, count(*) FROM cleared GROUP BY load_id")))
    withdrawn = execute(con, "SELECT count(*) FROM withdrawn")[0][0]
    execute(con, "DELETE FROM scores_rows WHERE rowid IN (SELECT row FROM cleared UNION SELECT row FROM withdrawn)")
    changed = execute(con, CHANGED.format(differs=differs), load)[0][0] if differs else 0
    empty = next((text for name, text in EMPTY_CELLS.items() if name in source.split(" + ")), "without a label")
    notes = [f"{aside.total():,} set aside: {empty}"] if aside else []
    notes += [f"{changed:,} label{'s' * (changed != 1)} changed: the newest value counts"] if changed else []
    notes += [f"{withdrawn:,} label{'s' * (withdrawn != 1)} withdrawn: the cell is empty now"] if withdrawn else []
    return aside, notes


def dropped_comments(con: duckdb.DuckDBPyConnection, reading: Reading, relation: str) -> list[str]:
    """That what raters wrote beside their labels was not kept, and what would keep it."""
    text = reading.fields.get("explanation")
    if text is None:
        return []
    n = execute(con, f"SELECT count(*) FROM ({relation}) WHERE ({reading.keep}) AND ({text.sql}) IS NOT NULL")[0][0]
    what = "comment is" if n == 1 else "comments are"
    return [f"{n:,} {what} not kept; --keep-text keeps them, redacted"] if n else []
