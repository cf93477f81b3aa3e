"""Langfuse's scores: from the API, from its judges, from people."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Reading, Sample, require
from llmscope.sources._langfuse_about import is_score, score_reading

ABOUT = "Langfuse scores: API, judges and annotations"
RANK = 70
NEEDS = ("dataType", "data_type")


def detect(sample: Sample) -> bool:
    """Half of the records at least are scores."""
    found = sum(is_score(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `scores` a record."""
    require(sample, "Langfuse scores", "id", "name", "source", "dataType|data_type", "value|stringValue|string_value")
    return (score_reading(mine="\"source\" IN ('API', 'EVAL', 'ANNOTATION')"),)
