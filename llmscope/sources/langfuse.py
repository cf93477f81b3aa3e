"""Langfuse's observations, one a record: from the API, the UI's export, or the scheduled export to a bucket."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Reading, Sample, Unfolding, require
from llmscope.sources._langfuse import observation_readings
from llmscope.sources._langfuse_rows import is_observation, leaves_sql, raw_columns, spelt

ABOUT = "Langfuse observations: API, UI export, bucket export (JSON, JSONL, CSV, Parquet)"
RANK = 60
NEEDS = ("traceId", "parent_observation_id")
WHOLE = True


def detect(sample: Sample) -> bool:
    """Half of the records at least are observations."""
    found = sum(is_observation(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def unfolding(sample: Sample) -> Unfolding:
    """Observations beside each other, so that a call that only wraps another is told."""
    return Unfolding(raw_columns(), leaves_sql(f"SELECT {spelt()} FROM {{values}}"))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """Generations and embeddings as requests, all observations as spans."""
    require(sample, "Langfuse observations", "id", "type", "startTime|start_time", "traceId|trace_id")
    return observation_readings()
