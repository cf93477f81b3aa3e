"""Daily rollups of a lake, made and counted."""

from __future__ import annotations

from llmscope.asked import Asked
from llmscope.errors import UsageError
from llmscope.lake import is_lake
from llmscope.result import Column, Result
from llmscope.rolled import ROLLED, SUMS

ROLLUP = (
    Column("store", "text", "dimension"),
    Column("made_days", "count"),
    Column("rolled_days", "count"),
    Column("forgotten_days", "count"),
    Column("rollup_bytes", "bytes"),
    Column("request_bytes", "bytes"),
)


def rollup(asked: Asked) -> Result:
    """Make the daily rollups of a lake that are missing or priced otherwise; from then on every load makes its own."""
    from llmscope.lake.files import GATHERED
    from llmscope.lake.lake import Lake
    from llmscope.lake.rollup import make_missing

    if not is_lake(asked.store_name):
        raise UsageError(f"{asked.store_name}: a store in one file has no rollups", hint="llmscope export --to FOLDER")
    lake = Lake.open(asked.store_name)
    lake.pricing_file = asked.pricing_path
    change, left = make_missing(lake, asked.get("memory"))
    held = lake.files(SUMS)
    row = {
        "store": lake.shown, "made_days": len({file.day for file in change.added if file.table == SUMS}),
        "rolled_days": len({file.day for file in held}),
        "forgotten_days": len({file.day for file in held if file.of not in lake.state.files}),
        "rollup_bytes": sum(file.bytes for table in (*ROLLED, *GATHERED.values()) for file in lake.files(table)),
        "request_bytes": sum(file.bytes for file in lake.files("requests")),
    }  # fmt: skip
    notes = ["llmscope cost and latency read them by whole UTC days; --exact reads the rows"]
    if left:
        notes.append(f"{left:,} files have none: their rows have no time, or carry a sample_weight")
    return Result("store rollup", ROLLUP, (row,), notes=tuple(notes))
