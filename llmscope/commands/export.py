"""Write a lake: Parquet by day, in a folder or an object store, for more readers and loaders than one file can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from llmscope.engines.duckdb import limit_memory
from llmscope.errors import UsageError
from llmscope.relations import select, steps, where_sql, window_sql
from llmscope.result import Column, Coverage, Result

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Table

KEEPS_TEXT, ENGINE = "keep_text", "duckdb"
MEMORY = "320MB"
COLUMNS = (Column("table", "text", "dimension"), Column("rows", "count"))
# What belongs to the requests of a part: their vectors.
OF_REQUESTS = "SELECT * FROM vectors WHERE request_id IN (SELECT request_id FROM requests)"


def export(
    logs: Logs,
    to: Annotated[str | None, "a folder or s3://bucket/prefix (also gs://, az://)"] = None,
    keep_text: Annotated[bool, "prompts and answers of the logs named go along, personal data redacted"] = False,
) -> Result:
    """Write a lake: Parquet by day, in a folder or an object store."""
    from llmscope.lake.export import export as export_to
    from llmscope.lake.lake import Lake

    if not to:
        raise UsageError("export where?", hint="llmscope export --to FOLDER, or --to s3://bucket/prefix")
    whole = not (logs.window.since or logs.window.until or logs.where)
    relations = relations_of(logs, whole)
    lake = Lake.open(to, create=True)
    if logs.store.path or not logs.paths:  # what is read from a disk is only passed on
        limit_memory(logs.con, MEMORY)
    brought, counts = export_to(logs.con, relations, logs.where_values, lake, whole, logs.config.memory)
    rows = tuple({"table": table, "rows": counts[table]} for table in relations)
    known = sum(brought.gone.values())
    notes = [f"written to {lake.shown}; a reader of it: llmscope cost --store {lake.shown}"]
    notes += [f"{known:,} rows stood in the lake already, and stand there once"] if known else []
    return Result(
        "export", COLUMNS, rows, {"table": None, "rows": sum(counts.values())}, notes=(*notes, *brought.notes),
        coverage=Coverage(requests=counts["requests"]),
    )  # fmt: skip


def relations_of(logs: Logs, whole: bool) -> dict[Table, str]:
    """The SELECT of each table's rows: those of the window and of --where, and what belongs to them."""
    names: tuple[Table, ...] = ("requests", "spans", "scores", "vectors")
    parts = steps(set(names), logs)
    front = "WITH " + ", ".join(f"{name} AS ({body})" for name, body in parts)
    found: dict[Table, str] = {name: f"{front} SELECT * FROM {name}" for name in names}
    if not whole:
        found["vectors"] = f"{front} {OF_REQUESTS}"
    found["traces"] = f"{select('traces', logs)}{where_sql(window_sql(logs.window, 'started_at'))}"
    return found
