"""Which log formats are known, and what a file is taken for."""

from __future__ import annotations

from llmscope.commands._detect import detect_files
from llmscope.result import Column, Result


def list_sources() -> Result:
    """Every log format llmscope knows, in the order in which they are asked whether a file is theirs."""
    from llmscope.sources import in_order

    columns = (Column("source", "text", "dimension"), Column("order", "count"), Column("reads", "text"))
    rows = tuple(
        {"source": name, "order": place, "reads": module.ABOUT} for place, (name, module) in enumerate(in_order(), 1)
    )
    notes = (
        "each as JSONL, JSON, CSV or Parquet, plain, gzip or zstd, told by content, not by name",
        "llmscope sources detect FILE shows what a file is taken for; --source NAME decides it, --map COLUMN=KEY adds",
    )
    return Result("sources list", columns, rows, title="Log formats", notes=notes)


COMMANDS = {"list": list_sources, "detect": detect_files}
