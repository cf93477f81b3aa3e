"""LangSmith's runs: from the SDK or the API, or the bulk export."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Reading, Sample, Unfolding, require
from llmscope.sources._langsmith import is_run, raw_columns, runs_sql
from llmscope.sources._langsmith_fields import run_readings

ABOUT = "LangSmith runs: SDK, API, bulk export (JSON, JSONL, CSV, Parquet)"
RANK = 100
NEEDS = ("run_type",)
WHOLE = True


def detect(sample: Sample) -> bool:
    """Half of the records at least are runs."""
    found = sum(is_run(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def unfolding(sample: Sample) -> Unfolding:
    """Runs beside each other, so that a call that only wraps another is told."""
    return Unfolding(raw_columns(), runs_sql())


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Model and embedding runs as requests, all runs as spans, root runs as traces."""
    require(sample, "LangSmith runs", "id", "run_type", "start_time")
    return run_readings()
