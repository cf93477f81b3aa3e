"""Judges guesses by the first records: whether a duration is seconds, whether an id tells records apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from llmscope.sources import Sample

LONGEST_PLAUSIBLE_S = 120
DISTINCT_AT_LEAST = 0.9


def values(sample: Sample, path: Sequence[str]) -> list[Any]:
    """The values at a path in the first records, the missing ones left out."""
    found = []
    for record in sample.records:
        value: Any = record
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None and value != "":
            found.append(value)
    return found


def numbers(sample: Sample, path: Sequence[str]) -> list[float]:
    """The figures at a path."""
    found = []
    for value in values(sample, path):
        try:
            found.append(float(value))
        except (TypeError, ValueError):
            continue
    return found


def varies(sample: Sample, path: Sequence[str]) -> bool:
    """Whether the values tell the records apart, as an id must."""
    seen = [str(v) for v in values(sample, path)]
    return bool(seen) and len(set(seen)) >= DISTINCT_AT_LEAST * len(seen)


def duration_unit(sample: Sample, found: Mapping[str, Any], column: str) -> str | None:
    """Seconds or (None) milliseconds, for a name without unit: by start and end where both are there, else by size."""
    logged = numbers(sample, found[column].path)
    if not logged:
        return None
    measured = spans_s(sample, found) if column == "latency_ms" else []
    if measured:
        middle = median(logged)
        return "s" if abs(middle - median(measured)) < abs(middle / 1000 - median(measured)) else None
    small = median(logged) <= LONGEST_PLAUSIBLE_S
    return "s" if small and any(v != int(v) for v in logged) else None


def spans_s(sample: Sample, found: Mapping[str, Any]) -> list[float]:
    """end - start in seconds, where a record has both as ISO text or seconds since 1970."""
    if "started_at" not in found or "ended_at" not in found:
        return []
    from datetime import datetime

    spans = []
    pairs = zip(values(sample, found["started_at"].path), values(sample, found["ended_at"].path), strict=False)
    for start, end in pairs:
        try:
            spans.append((datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds())
        except (ValueError, TypeError):
            continue
    return spans
