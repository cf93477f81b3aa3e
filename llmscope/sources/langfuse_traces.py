"""Langfuse's table of traces: who asked, in which session, under what name; the tokens are in the observations."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Reading, Sample, require
from llmscope.sources._langfuse_about import is_trace, trace_reading

ABOUT = "Langfuse traces, which lend user, session and name to their observations"
RANK = 65
NEEDS = ("userId", "user_id")


def detect(sample: Sample) -> bool:
    """Half of the records at least are traces."""
    found = sum(is_trace(record) for record in sample.records)
    return found > 0 and 2 * found >= len(sample.records)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `traces` a record."""
    require(sample, "Langfuse traces", "id", "timestamp", "userId|user_id|sessionId|session_id|name")
    return (trace_reading(mine='"id" IS NOT NULL AND "timestamp" IS NOT NULL'),)
