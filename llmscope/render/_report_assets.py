"""The files of a report's pictures: their names follow from the section, so that they stay from run to run."""

from __future__ import annotations

from collections.abc import Iterator

from llmscope.reported import Report, Section


def picture_name(section: Section, place: int, suffix: str) -> str:
    """`cost-over-time-1.svg`."""
    return f"{section.name}-{place + 1}.{suffix}"


def pictures(report: Report, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Every picture of a report with its file's name."""
    from llmscope.render._vega import picture

    for section in report.sections:
        for place, chart in enumerate(section.charts):
            yield picture_name(section, place, suffix), picture(chart, suffix)
