"""OTLP metrics in JSON: known, so that they can be refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.errors import LlmscopeError
from llmscope.sources import Reading, Sample

ABOUT = "OpenTelemetry metrics: refused, because a histogram has no row a request"
RANK = 14
NEEDS = ("resourceMetrics", "resource_metrics")


def detect(sample: Sample) -> bool:
    """Most records are batches of metrics."""
    found = sum(any(isinstance(record.get(top), list) for top in NEEDS) for record in sample.records)
    return 2 * found >= max(len(sample.records), 1)


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """None.

    Raises:
        LlmscopeError: always.
    """
    raise LlmscopeError(
        f"{sample.path}: OpenTelemetry metrics are counters and histograms, without a row for each request",
        hint="export traces or logs instead: the Collector's file exporter in the traces pipeline, format json",
    )
